#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Goal  : files of vectors are read by their content, and what is wrong with one is said with
#         file, row and byte.
# Method: small files with one fault each, given to akin gt; the same reader serves every command.

load helpers

gt() {
    "$AKIN" gt --base "$1" --query "${2:-$1}" --metric "${3:-l2}" --k 1 --output out.ivecs --force
}

# wrong CODE MESSAGE GT-ARGUMENTS...: the exit code, the message, and no output file.
wrong() {
    local code=$1 message=$2
    shift 2
    run -"$code" --separate-stderr gt "$@"
    [[ "$stderr" == *"$message"* ]] || { echo "stderr: $stderr" >&2 && return 1; }
    [ ! -e out.ivecs ]
}

@test "floats and bytes give the same answers" {
    { frow 1 2 && frow 30 4; } >f.fvecs
    { brow 1 2 && brow 30 4; } >b.bvecs
    gt f.fvecs b.bvecs
    [ "$(ints out.ivecs)" = "1 0 1 1" ]
    gt b.bvecs f.fvecs
    [ "$(ints out.ivecs)" = "1 0 1 1" ]
}

@test "without an extension the content tells floats from bytes" {
    { frow 1 2 3 && frow 30 4 5; } >floats
    { brow 1 2 3 && brow 30 4 5; } >some.bytes
    gt floats some.bytes
    [ "$(ints out.ivecs)" = "1 0 1 1" ]
}

@test "extensions are taken in any case" {
    { brow 1 2 && brow 30 4; } >B.BVECS
    gt B.BVECS
    [ "$(ints out.ivecs)" = "1 0 1 1" ]
}

# With dimension 4 five rows of bytes and two rows of floats both have 40 bytes.
ambiguous() {
    # As bytes, rows begin at 0, 8, 16, 24, 32; as floats at 0 and 20. All of these hold 4.
    i32 4 1 4 2 4 4 4 6 4 8
}

@test "content that fits two layouts is decided by the name, or refused" {
    ambiguous >both
    wrong 1 "both: the content fits elements of 1 byte and of 4 bytes; name the file" both
    ambiguous >both.bvecs
    gt both.bvecs
    [ "$(ints out.ivecs | wc -w)" -eq 10 ]
    rm out.ivecs
    ambiguous >both.fvecs
    gt both.fvecs
    [ "$(ints out.ivecs | wc -w)" -eq 4 ]
}

@test "a name that contradicts the content is refused" {
    { brow 1 2 3 && brow 4 5 6; } >lie.fvecs
    wrong 1 "lie.fvecs: the name says elements of 4 bytes, but the content fits only elements of" \
        lie.fvecs
    { frow 1 2 3 && frow 4 5 6; } >lie.bvecs
    wrong 1 "lie.bvecs: the name says bytes, but the content fits only elements of 4 bytes" \
        lie.bvecs
}

@test "integers are no vectors, by name and by content" {
    { irow 1 2 3 && irow 4 5 6; } >rows.ivecs
    wrong 1 "rows.ivecs: holds 32-bit integers by its name" rows.ivecs
    cp rows.ivecs rows
    wrong 1 "rows: the elements look like 32-bit integers" rows
}

@test "a truncated row is named with its byte" {
    { frow 1 2 3 && frow 4 5 6; } | head -c 29 >cut.fvecs
    wrong 1 "cut.fvecs: truncated: row 1 (byte 16) has 13 of 16 bytes" cut.fvecs
    { frow 1 2 3 && i32 3; } >head.fvecs
    wrong 1 "head.fvecs: truncated: row 1 (byte 16) has 4 of 16 bytes" head.fvecs
    { brow 1 2 3 && i32 3; } >head.bvecs
    wrong 1 "head.bvecs: truncated: row 1 (byte 7) has 4 of 7 bytes" head.bvecs
    i32 3 >only.fvecs
    wrong 1 "only.fvecs: truncated: row 0 (byte 0) has 4 of 16 bytes" only.fvecs
    bytes 3 0 >tiny.fvecs
    wrong 1 "tiny.fvecs: truncated: row 0 (byte 0) has 2 of the 4 bytes of its dimension" tiny.fvecs
}

@test "without a name both readings of a broken file are explained" {
    { frow 1 2 3 && frow 4 5 6; } | head -c 29 >cut
    wrong 1 "cut: fits no layout. As bytes: " cut
    [[ "$stderr" == *"As elements of 4 bytes: truncated: row 1 (byte 16) has 13 of 16 bytes"* ]]
}

@test "a dimension that changes between rows is named" {
    { frow 1 2 3 && i32 2 && f32 4 5 6 && frow 7 8 9; } >lie.fvecs
    wrong 1 "lie.fvecs: row 1 (byte 16) has dimension 2, but row 0 has 3" lie.fvecs
    { brow 1 2 3 && i32 -1 && bytes 4 5 6; } >lie.bvecs
    wrong 1 "lie.bvecs: row 1 (byte 7) has dimension -1, but row 0 has 3" lie.bvecs
}

@test "a dimension that changes far inside a file is found" {
    many_rows many.bvecs 4096 4
    { cat many.bvecs && i32 5 && bytes 1 2 3 4 && cat many.bvecs; } >far.bvecs
    wrong 1 "far.bvecs: row 4096 (byte 32768) has dimension 5, but row 0 has 4" far.bvecs
    { cat many.bvecs && i32 5 && bytes 1 2 3 4; } >last.bvecs
    wrong 1 "last.bvecs: row 4096 (byte 32768) has dimension 5, but row 0 has 4" last.bvecs
}

@test "dimensions below 1 and above 16384 are refused" {
    i32 0 0 0 0 >zero.fvecs
    wrong 1 "zero.fvecs: row 0 (byte 0) has dimension 0; 1 to 16384 are allowed" zero.fvecs
    { i32 16385 && head -c 65540 /dev/zero; } >wide.fvecs
    wrong 1 "wide.fvecs: row 0 (byte 0) has dimension 16385; 1 to 16384 are allowed" wide.fvecs
    { i32 -4 && head -c 16 /dev/zero; } >negative.fvecs
    wrong 1 "negative.fvecs: row 0 (byte 0) has dimension -4" negative.fvecs
    { i32 16384 && head -c 65536 /dev/zero; } >most.fvecs
    gt most.fvecs
    [ "$(ints out.ivecs)" = "1 0" ]
}

@test "NaN and infinity are named with row, element and byte" {
    { frow 1 2 3 && frow 4 nan 6; } >nan.fvecs
    wrong 1 "nan.fvecs: row 1: element 1 is nan (byte 24)" nan.fvecs
    frow 1 2 inf >inf.fvecs
    wrong 1 "inf.fvecs: row 0: element 2 is inf (byte 12)" inf.fvecs
    frow 1 2 3 >good.fvecs
    wrong 1 "nan.fvecs: row 1: element 1 is nan" good.fvecs nan.fvecs
}

@test "rows behind the limit need not be good, but the file must be whole" {
    { frow 1 2 3 && frow 4 nan 6; } >nan.fvecs
    frow 1 2 3 >query.fvecs
    run -0 "$AKIN" gt --base nan.fvecs --query query.fvecs --metric l2 --k 1 --limit 1 \
        --output o.ivecs
    [ "$(ints o.ivecs)" = "1 0" ]
}

@test "a zero vector under cosine is named by its row" {
    { frow 1 2 && frow 0 0; } >zero.fvecs
    frow 1 2 >good.fvecs
    wrong 1 "zero.fvecs: row 1" zero.fvecs good.fvecs cosine
    wrong 1 "zero.fvecs: query 1" good.fvecs zero.fvecs cosine
}

@test "queries of another dimension are refused" {
    frow 1 2 >two.fvecs
    frow 1 2 3 >three.fvecs
    wrong 1 "three.fvecs: the queries have dimension 3, the base has 2" two.fvecs three.fvecs
}

@test "empty, missing, directory and pipe are told apart" {
    frow 1 2 >good.fvecs
    : >empty.fvecs
    wrong 1 "empty.fvecs: is empty" empty.fvecs
    wrong 3 "missing.fvecs: cannot be opened: No such file" missing.fvecs
    mkdir directory.fvecs
    wrong 3 "directory.fvecs: is a directory" directory.fvecs
    wrong 3 "/dev/null: is not a regular file" good.fvecs /dev/null
}

@test "a ground truth with numbers that are no rows is refused" {
    make_line
    bench() {
        run -1 --separate-stderr "$AKIN" bench --base base.fvecs --query query.fvecs --metric l2 \
            --k 2 --truth "$1"
        [[ "$stderr" == *"$2"* ]] || { echo "stderr: $stderr" >&2 && return 1; }
    }
    { irow 0 1 && irow 4 5; } >t.ivecs
    bench t.ivecs "t.ivecs: row 1: element 1 is 5, but the base has rows 0 to 4"
    { irow 0 1 && irow 4 -1; } >t.ivecs
    bench t.ivecs "t.ivecs: row 1: element 1 is -1"
    { irow 0 1 && irow 4 4; } >t.ivecs
    bench t.ivecs "t.ivecs: row 1 names row 4 of the base twice"
    irow 0 1 >t.ivecs
    bench t.ivecs "t.ivecs: has 1 rows, but there are 2 queries"
    { irow 0 && irow 4; } >t.ivecs
    bench t.ivecs "t.ivecs: names 1 rows for each query, but k is 2"
    bench base.fvecs "base.fvecs: holds floats by its name; row numbers (.ivecs) are wanted"
}
