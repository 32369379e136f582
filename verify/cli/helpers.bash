# SPDX-License-Identifier: Apache-2.0
#
# What the tests of the command share. Each file loads it, and gets a directory of its own.
#
# AKIN names the command; without it the one of the release build is taken.

bats_require_minimum_version 1.5.0

ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
AKIN=${AKIN:-$ROOT/build/release/cli/akin}
# Real vectors, not part of the project: tests that need them are skipped where they are absent.
DATA=$ROOT/../shared/data

setup() {
    [ -x "$AKIN" ] || { echo "no command at $AKIN; build it or set AKIN" >&2 && return 1; }
    # Not the directory of the test itself: bats keeps files there.
    mkdir "$BATS_TEST_TMPDIR/here" && cd "$BATS_TEST_TMPDIR/here" || return 1
}

# bytes NUMBER...: each number as one byte.
bytes() {
    local text
    printf -v text '\\%03o' "$@"
    # shellcheck disable=SC2059
    printf "$text"
}

# i32 NUMBER...: little-endian integers of four bytes.
i32() {
    local number list=()
    for number in "$@"; do
        list+=($((number & 255)) $((number >> 8 & 255)) $((number >> 16 & 255))
            $((number >> 24 & 255)))
    done
    bytes "${list[@]}"
}

# f32 NUMBER...: little-endian floats. Also "nan" and "inf".
f32() {
    bytes $(awk 'function put(bits,   i) {
            for (i = 0; i < 4; i++) { printf "%d ", bits % 256; bits = int(bits / 256) }
        }
        BEGIN {
            for (i = 1; i < ARGC; i++) {
                x = ARGV[i]; sign = 0
                if (x == "nan") { put(2143289344); continue }
                if (x == "inf") { put(2139095040); continue }
                x += 0
                if (x == 0) { put(0); continue }
                if (x < 0) { sign = 2147483648; x = -x }
                e = 0
                while (x >= 2) { x /= 2; e++ }
                while (x < 1) { x *= 2; e-- }
                put(sign + (e + 127) * 8388608 + int((x - 1) * 8388608 + 0.5))
            }
        }' "$@")
}

# Rows of the three formats, from their elements.
brow() {
    i32 $# && bytes "$@"
}
frow() {
    i32 $# && f32 "$@"
}
irow() {
    i32 $# && i32 "$@"
}

# ints FILE: the numbers of an .ivecs file, all on one line, dimensions included.
ints() {
    od -An -v -t d4 "$1" | tr -s ' \n' ' ' | sed 's/^ //; s/ $//'
}

# A small base and queries whose answers are plain: points on a line, and between them.
make_line() {
    { frow 0 0 && frow 1 0 && frow 2 0 && frow 3 0 && frow 10 0; } >base.fvecs
    { frow 0.25 0 && frow 9 0; } >query.fvecs
}

# put FILE OFFSET NUMBER...: overwrite bytes in the middle of a file.
put() {
    bytes "${@:3}" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# many_rows FILE ROWS DIM: rows of bytes, all alike, in little time. ROWS: a power of two.
many_rows() {
    local zeros=() rows=1
    for ((i = 0; i < $3; i++)); do zeros+=(7); done
    brow "${zeros[@]}" >"$1"
    while [ "$rows" -lt "$2" ]; do
        cat "$1" "$1" >"$1.twice"
        mv "$1.twice" "$1"
        rows=$((rows * 2))
    done
}

# no_leftovers DIRECTORY: nothing but the files named behind it is in the directory.
no_leftovers() {
    local directory=$1
    shift
    diff <(find "$directory" -mindepth 1 -printf '%f\n' | sort) <(printf '%s\n' "$@" | sort)
}

# need_data NAME: skip without the real vectors.
need_data() {
    [ -d "$DATA" ] || skip "no ../shared/data beside the project"
}
