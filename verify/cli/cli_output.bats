#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Goal  : output files are whole or not there, nothing is replaced without --force, signals and
#         closed pipes end the command cleanly, and a progress bar is for terminals.
# Method: each way of ending is provoked; then the directory is looked at.

load helpers

# An exact answer that takes long: every row is compared with every query, in binary64.
make_slow() {
    many_rows base.bvecs 65536 64
    many_rows query.bvecs 4096 64
}

@test "an existing file is not replaced without --force" {
    make_line
    for call in "build --base base.fvecs --metric l2" \
        "gt --base base.fvecs --query query.fvecs --metric l2" \
        "search i.akin --query query.fvecs"; do
        "$AKIN" build --base base.fvecs --metric l2 --output i.akin --force --quiet
        echo precious >o
        # shellcheck disable=SC2086
        run -2 "$AKIN" $call --output o
        [[ "$output" == *"o: exists already; --force replaces it"* ]]
        [ "$(cat o)" = precious ]
        # shellcheck disable=SC2086
        run -0 "$AKIN" $call --output o --force
        [ "$(head -c 8 o)" != precious ]
        no_leftovers . base.fvecs query.fvecs i.akin o
    done
}

@test "with --force a failure leaves the old file as it was" {
    make_line
    echo precious >o
    frow 1 nan >bad.fvecs
    run -1 "$AKIN" build --base bad.fvecs --metric l2 --output o --force
    run -1 "$AKIN" gt --base bad.fvecs --query query.fvecs --metric l2 --output o --force
    run -3 "$AKIN" search missing --query query.fvecs --output o --force
    [ "$(cat o)" = precious ]
    no_leftovers . base.fvecs query.fvecs bad.fvecs o
}

@test "a link is followed, its target replaced" {
    make_line
    mkdir place
    echo old >place/real
    ln -s place/real link
    run -2 "$AKIN" build --base base.fvecs --metric l2 --output link
    run -0 "$AKIN" build --base base.fvecs --metric l2 --output link --force
    [ -L link ]
    run -0 "$AKIN" info place/real
    ln -s nowhere/file dangling
    run -3 "$AKIN" build --base base.fvecs --metric l2 --output dangling --force
    [[ "$output" == *"a link that leads nowhere"* ]]
}

@test "outputs that are no files are refused, also with --force" {
    make_line
    mkdir directory
    run -2 "$AKIN" build --base base.fvecs --metric l2 --output directory --force
    [[ "$output" == *"is a directory; the output must be a regular file"* ]]
    run -2 "$AKIN" build --base base.fvecs --metric l2 --output /dev/null --force
    [[ "$output" == *"is not a regular file"* ]]
    [ -c /dev/null ]
    run -2 "$AKIN" build --base base.fvecs --metric l2 --output '' --force
    run -3 "$AKIN" build --base base.fvecs --metric l2 --output missing/i.akin
    [[ "$output" == *"missing/i.akin: cannot be written: No such file"* ]]
    run -3 "$AKIN" build --base base.fvecs --metric l2 --output base.fvecs/i.akin
}

@test "a file gets the permissions that the umask leaves" {
    make_line
    (umask 027 && "$AKIN" build --base base.fvecs --metric l2 --output i.akin --quiet)
    [ "$(stat -c %a i.akin)" = 640 ]
}

@test "SIGINT ends with 130 and SIGTERM with 143, and nothing is left" {
    make_slow
    for pair in INT:130 TERM:143; do
        run -"${pair#*:}" timeout --preserve-status -s "${pair%:*}" 1 \
            "$AKIN" gt --base base.bvecs --query query.bvecs --metric l2 --k 3 --output o.ivecs
        [[ "$output" == *"akin gt: interrupted"* ]]
        no_leftovers . base.bvecs query.bvecs
    done
    run -130 timeout --preserve-status -s INT 1 \
        "$AKIN" bench --base base.bvecs --query query.bvecs --metric l2 --k 3
    run -143 timeout --preserve-status -s TERM 1 "$AKIN" demo --seconds 60
    run -130 timeout --preserve-status -s INT 1 "$AKIN" demo --seconds 60 --json
    [[ "$output" != *"{"* ]]
}

@test "with --force a signal leaves the old file as it was" {
    make_slow
    echo precious >o.ivecs
    run -130 timeout --preserve-status -s INT 1 \
        "$AKIN" gt --base base.bvecs --query query.bvecs --metric l2 --output o.ivecs --force
    [ "$(cat o.ivecs)" = precious ]
    no_leftovers . base.bvecs query.bvecs o.ivecs
}

@test "a reader that goes away ends the command quietly with 141" {
    many_rows base.bvecs 1024 4
    "$AKIN" build --base base.bvecs --metric l2 --output i.akin --quiet
    for option in --json --quiet; do
        "$AKIN" search i.akin --query base.bvecs --k 1000 $option 2>err | head -n 1 >out || true
        [ "$(wc -l <out)" -eq 1 ]
        [ ! -s err ]
    done
    code=0
    (set -o pipefail && "$AKIN" search i.akin --query base.bvecs --k 1000 | head -n 1 >out) ||
        code=$?
    [ "$code" -eq 141 ]
}

@test "a full disk is said: exit code 3" {
    make_line
    "$AKIN" build --base base.fvecs --metric l2 --output i.akin --quiet
    for call in "info i.akin" "info i.akin --json" "search i.akin --query query.fvecs" --help; do
        code=0
        # shellcheck disable=SC2086
        "$AKIN" $call >/dev/full 2>err || code=$?
        [ "$code" -eq 3 ]
        grep -q 'standard output could not be written: No space left' err
    done
}

@test "the progress bar is drawn on a terminal, for long work only, and can be turned off" {
    command -v script >/dev/null || skip "script (bsdutils) is missing"
    make_slow
    slow="$AKIN gt --base base.bvecs --query query.bvecs --metric l2 --k 3 --output o.ivecs"
    terminal() { TERM=xterm timeout -s INT 3 script -qec "$1" /dev/null </dev/null || true; }
    unset NO_COLOR
    [[ "$(terminal "$slow")" == *"akin gt: exact answers ["*$'\033[32m'*" %"* ]]
    drawn=$(NO_COLOR=1 terminal "$slow")
    [[ "$drawn" == *"akin gt: exact answers ["*" %"* ]]
    [[ "$drawn" != *$'\033['* ]]
    [[ "$(terminal "$slow --quiet")" != *"exact answers ["* ]]
    make_line
    [[ "$(terminal "$AKIN gt --base base.fvecs --query query.fvecs --metric l2 --output p.ivecs")" \
        != *"["* ]]
    timeout -s INT 3 $slow 2>err >out || true
    ! grep -q 'exact answers' err
}
