#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Goal  : build, search, info and check work together, and say what is wrong with an index file.
# Method: a small index whose answers are known by hand, whole, cut, spoiled byte by byte.

load helpers

build() {
    "$AKIN" build --base base.fvecs --metric "${1:-l2}" --output i.akin --quiet "${@:2}"
}

# The results as "query rank key distance" without the heading.
search() {
    "$AKIN" search i.akin --query query.fvecs --k "$1" "${@:2}" | tail -n +2
}

@test "search finds the nearest points in order" {
    make_line
    build l2
    [ "$(search 2)" = "$(printf '0 1 0 0.0625\n0 2 1 0.5625\n1 1 4 1\n1 2 3 36')" ]
    build ip --force
    [ "$(search 2)" = "$(printf '0 1 4 -2.5\n0 2 3 -0.75\n1 1 4 -90\n1 2 3 -27')" ]
    { frow 1 0 && frow 0 2 && frow -3 0; } >base.fvecs
    build cosine --force
    [ "$(search 3)" = "$(printf '0 1 0 0\n0 2 1 1\n0 3 2 2\n1 1 0 0\n1 2 1 1\n1 3 2 2')" ]
}

@test "a graph is built, saved, loaded, searched and checked" {
    make_line
    build l2 --index hnsw --m 4 --ef-construction 8
    [ "$(search 2)" = "$(printf '0 1 0 0.0625\n0 2 1 0.5625\n1 1 4 1\n1 2 3 36')" ]
    [ "$(search 2 --ef 5)" = "$(search 2)" ]
    run -0 "$AKIN" info i.akin
    [[ "$output" == *hnsw* ]]
    run -0 "$AKIN" check i.akin
}

@test "search --json prints one object for each query" {
    make_line
    build l2
    run -0 --separate-stderr "$AKIN" search i.akin --query query.fvecs --k 2 --json
    [ "${#lines[@]}" -eq 2 ]
    [ "$(jq -c . <<<"${lines[0]}")" = '{"query":0,"keys":[0,1],"distances":[0.0625,0.5625]}' ]
    [ "$(jq -c '.keys' <<<"${lines[1]}")" = '[4,3]' ]
}

@test "search --output writes keys as .ivecs and prints nothing" {
    make_line
    build l2
    run -0 "$AKIN" search i.akin --query query.fvecs --k 3 --output o.ivecs
    [ -z "$output" ]
    [ "$(ints o.ivecs)" = "3 0 1 2 3 4 3 2" ]
    no_leftovers . base.fvecs query.fvecs i.akin o.ivecs
}

@test "k above the number of entries gives fewer results, never an error" {
    make_line
    build l2
    [ "$(search 10000 | wc -l)" -eq 10 ]
    run -0 "$AKIN" search i.akin --query query.fvecs --k 100 --output o.ivecs
    [ "$(ints o.ivecs)" = "5 0 1 2 3 4 5 4 3 2 1 0" ]
}

@test "search --limit takes the first queries, in order for any number of threads" {
    make_line
    build l2
    [ "$(search 1 --limit 1)" = "0 1 0 0.0625" ]
    for i in {1..40}; do cat query.fvecs; done >many.fvecs
    one=$("$AKIN" search i.akin --query many.fvecs --k 2 --threads 1)
    [ "$("$AKIN" search i.akin --query many.fvecs --k 2 --threads 5)" = "$one" ]
    [ "$(wc -l <<<"$one")" -eq 161 ]
}

@test "int8 keeps L2 distances of bytes and says what it holds" {
    { brow 0 255 && brow 128 127 && brow 255 0; } >base.bvecs
    brow 0 254 >query.bvecs
    run -0 "$AKIN" build --base base.bvecs --metric l2 --type int8 --output i.akin
    [ "$("$AKIN" info i.akin --json | jq -c '[.type, .dim, .entries]')" = '["int8",2,3]' ]
    run -0 "$AKIN" search i.akin --query query.bvecs --k 3
    [ "${lines[1]}" = "0 1 0 1" ]
    [ "${lines[2]}" = "0 2 1 32513" ]
    [ "${lines[3]}" = "0 3 2 129541" ]
    run -0 "$AKIN" check i.akin
    frow 0 254 >query.fvecs
    run -1 "$AKIN" search i.akin --query query.fvecs
    [[ "$output" == *"query.fvecs: holds f32; an index of int8 wants bytes"* ]]
    frow 1 2 >base.fvecs
    run -1 "$AKIN" build --base base.fvecs --metric l2 --type int8 --output o.akin
    [[ "$output" == *"base.fvecs: holds f32; --type int8 wants bytes"* ]]
    [ ! -e o.akin ]
}

@test "build --limit and --threads" {
    make_line
    build l2 --limit 2 --threads 4
    [ "$("$AKIN" info i.akin --json | jq .entries)" -eq 2 ]
}

@test "info says what the file holds, as text and as JSON" {
    make_line
    build cosine --force 2>/dev/null && false
    { frow 1 0 && frow 1 1; } >base.fvecs
    build cosine
    run -0 "$AKIN" info i.akin
    [[ "$output" == *"index            flat, metric cosine, type f32"* ]]
    run -0 --separate-stderr "$AKIN" info i.akin --json
    [ "$(jq -c '[.file, .index, .metric, .type, .dim, .entries, .payload_bytes, .file_bytes]' \
        <<<"$output")" = "[\"i.akin\",\"flat\",\"cosine\",\"f32\",2,2,0,$(stat -c %s i.akin)]" ]
    [ "$(jq '.memory_estimate.total_bytes > 0' <<<"$output")" = true ]
}

@test "check accepts what build wrote, for every metric" {
    { frow 1 0 && frow 1 1 && frow 3 -2 && frow 1 1; } >base.fvecs
    for metric in l2 ip cosine; do
        build $metric --force
        run -0 --separate-stderr "$AKIN" check i.akin --json
        [ "$(jq -c '[.ok, .entries, .sampled, .found, .error]' <<<"$output")" = \
            "[true,4,4,4,null]" ]
        run -0 "$AKIN" check i.akin --sample 0
        run -0 "$AKIN" check i.akin --quiet
        [ -z "$output" ]
    done
}

@test "check finds every single spoiled byte" {
    make_line
    build l2
    size=$(stat -c %s i.akin)
    for ((offset = 0; offset < size; offset += 5)); do
        cp i.akin bad.akin
        old=$(od -An -t u1 -j $offset -N 1 bad.akin)
        put bad.akin $offset $((old ^ 64))
        code=0
        "$AKIN" check bad.akin >out 2>err || code=$?
        [ "$code" -eq 1 ] || [ "$code" -eq 5 ] || { echo "byte $offset: $code" && return 1; }
        grep -q '^akin check: bad.akin: .*(AKIN_' err
    done
}

@test "check finds every cut, and what is behind the end" {
    make_line
    build l2
    size=$(stat -c %s i.akin)
    for ((kept = 0; kept < size; kept += 7)); do
        head -c $kept i.akin >cut.akin
        run -1 "$AKIN" check cut.akin
        [[ "$output" == *"cut.akin: "*"(AKIN_CORRUPT)"* ]]
    done
    { cat i.akin && bytes 0; } >long.akin
    run -1 "$AKIN" check long.akin
}

@test "check --json says which step failed, and search refuses the file too" {
    make_line
    build l2
    put i.akin 170 99
    run -1 --separate-stderr "$AKIN" check i.akin --json
    [ "$(jq -c '[.ok, .error.step, .error.status]' <<<"$output")" = \
        '[false,"load","AKIN_CORRUPT"]' ]
    run -1 "$AKIN" search i.akin --query query.fvecs
}

@test "a file of a newer version is incompatible: exit code 5" {
    make_line
    build l2
    put i.akin 12 77
    for call in "info i.akin" "check i.akin" "search i.akin --query query.fvecs"; do
        # shellcheck disable=SC2086
        run -5 "$AKIN" $call
        [[ "$output" == *"AKIN_INCOMPATIBLE"* ]]
    done
}

@test "what is no index is said to be none" {
    make_line
    for call in info check; do
        run -1 "$AKIN" $call base.fvecs
        [[ "$output" == *"base.fvecs: "*"(AKIN_CORRUPT)"* ]]
        run -3 "$AKIN" $call missing.akin
        [[ "$output" == *"missing.akin: "*"No such file"* ]]
        run -3 "$AKIN" $call .
    done
    run -3 "$AKIN" search missing.akin --query query.fvecs
}

@test "the budget is kept: exit code 4 and no output file" {
    many_rows base.bvecs 65536 64
    run -4 "$AKIN" build --base base.bvecs --metric l2 --output i.akin --budget 4M
    [[ "$output" == *"AKIN_OVER_BUDGET"* ]]
    no_leftovers . base.bvecs
    run -4 "$AKIN" build --base base.bvecs --metric l2 --output i.akin --budget 1K
    [[ "$output" == *"budget_bytes is 1024"* ]]
    run -0 "$AKIN" build --base base.bvecs --metric l2 --output i.akin --budget 1G
    run -4 "$AKIN" search i.akin --query base.bvecs --limit 1 --budget 4M
    run -4 "$AKIN" bench --base base.bvecs --query base.bvecs --query-limit 1 --metric l2 \
        --budget 4M
}

@test "build --json" {
    make_line
    run -0 --separate-stderr "$AKIN" build --base base.fvecs --metric l2 --output i.akin --json
    [ "$(jq -c '[.file, .index, .metric, .type, .entries]' <<<"$output")" = \
        '["i.akin","flat","l2","f32",5]' ]
}
