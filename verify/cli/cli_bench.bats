#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Goal  : akin bench prints the promised fields, and its recall is what it says.
# Method: a base whose ties and truths are known; truths that are wrong by a known part.

load helpers

bench() {
    "$AKIN" bench --base base.fvecs --query query.fvecs --metric l2 --quiet "$@"
}

@test "one build line and one search line for each number of threads" {
    make_line
    run -0 --separate-stderr bench --json --k 2 --threads 1,3 --build-threads 2
    [ "${#lines[@]}" -eq 3 ]
    jq -e '.phase == "build" and .vectors == 5 and .dim == 2 and .threads == 2 and
        .index == "flat" and .metric == "l2" and .type == "f32" and
        (.seconds | type) == "number" and (.cpu_seconds | type) == "number" and
        .bytes_per_vector > 8 and .rss_bytes > 1000000' <<<"${lines[0]}"
    for i in 1 2; do
        jq -e '.phase == "search" and .k == 2 and .recall == 1 and .ef == null and .queries == 2 and
            .qps > 0 and .qps_cpu > 0 and .p50_us > 0 and .p95_us >= .p50_us and
            .p99_us >= .p95_us' <<<"${lines[i]}"
    done
    [ "$(jq .threads <<<"${lines[1]}")" -eq 1 ]
    [ "$(jq .threads <<<"${lines[2]}")" -eq 3 ]
    head -n 1 <<<"${lines[1]}" | jq -r 'keys_unsorted | join(" ")' |
        grep -q '^phase threads ef k recall qps qps_cpu p50_us p95_us p99_us'
}

@test "--ef is taken, said to be left out, and echoed as null" {
    make_line
    run -0 --separate-stderr "$AKIN" bench --base base.fvecs --query query.fvecs --metric l2 \
        --ef 10,20,40 --json
    [ "${#lines[@]}" -eq 2 ]
    [ "$(jq .ef <<<"${lines[1]}")" = null ]
    [[ "$stderr" == *"--ef is left out"* ]]
}

@test "a graph has one line for each ef, and its truth is exact without --truth" {
    make_line
    run -0 --separate-stderr bench --json --index hnsw --m 4 --ef-construction 8 --ef 2,3 --k 2
    [ "${#lines[@]}" -eq 3 ]
    jq -e '.phase == "build" and .index == "hnsw" and .vectors == 5' <<<"${lines[0]}"
    for i in 1 2; do
        jq -e '.index == "hnsw" and .recall == 1 and .ef == '$((i + 1)) <<<"${lines[i]}"
    done
}

@test "a graph may go by rows alone" {
    make_line
    run -0 --separate-stderr bench --json --index hnsw --m 4 --ef 2 --k 2 --codes none
    jq -e '.memory.codes_bytes == 0' <<<"${lines[0]}"
    run -0 --separate-stderr bench --json --index hnsw --m 4 --ef 2 --k 2 --codes sq8
    jq -e '.memory.codes_bytes > 0' <<<"${lines[0]}"
}

@test "the table for people has the same numbers" {
    make_line
    run -0 bench --k 2
    [[ "${lines[0]}" == "build   index flat, metric l2, type f32, dimension 2"* ]]
    [[ "${lines[2]}" == *threads*ef*k*recall*qps*qps_cpu*p50_us*p95_us*p99_us* ]]
    [[ "${lines[3]}" =~ ^\ +1\ +-\ +2\ 1\.00000 ]]
}

# recall_of ARGUMENTS...: the recall of the only search line.
recall_of() {
    bench --json "$@" | jq -s '.[1].recall'
}

@test "recall counts the results that are right" {
    make_line
    # Nearest to the queries are rows 0 1 and 4 3.
    { irow 0 1 && irow 4 3; } >t.ivecs
    [ "$(recall_of --k 2 --truth t.ivecs | jq '. == 1')" = true ]
    [ "$(recall_of --k 2 | jq '. == 1')" = true ]
    # The order within the truth does not matter.
    { irow 1 0 && irow 3 4; } >t.ivecs
    [ "$(recall_of --k 2 --truth t.ivecs | jq '. == 1')" = true ]
}

@test "results that are missing or stand twice lower the recall" {
    make_line
    for fault in recall duplicate; do
        export AKIN_BENCH_FAULT=$fault
        [ "$(recall_of --k 2)" = 0.5 ]
        [ "$(recall_of --k 4)" = 0.75 ]
    done
}

@test "a truth that is none is refused: a result is nearer than its last row" {
    make_line
    { irow 0 4 && irow 4 0; } >loose.ivecs
    run -1 --separate-stderr bench --json --k 2 --truth loose.ivecs
    [[ "$stderr" == *"the truth is not exact: row 1 is nearer to query 0 than the farthest"* ]]
    { irow 0 1 && irow 4 3; } >l2.ivecs
    run -1 --separate-stderr "$AKIN" bench --base base.fvecs --query query.fvecs --metric ip \
        --k 2 --truth l2.ivecs --json
    [[ "$stderr" == *"the truth is not exact: "*"by --metric ip" ]]
}

@test "a truth of the whole base is not compared with a part of it" {
    make_line
    { irow 0 1 && irow 4 3; } >t.ivecs
    run -2 "$AKIN" bench --base base.fvecs --query query.fvecs --metric l2 --k 2 --truth t.ivecs \
        --limit 3
    [[ "$output" == *"--truth is of the whole base, but --limit takes only 3 of its 5 rows"* ]]
    run -0 bench --k 2 --truth t.ivecs --limit 5
}

@test "equal rows are hits whichever of them is returned" {
    { frow 5 && frow 1 && frow 1 && frow 1 && frow 1; } >base.fvecs
    frow 1 >query.fvecs
    irow 4 3 >t.ivecs
    [ "$(recall_of --k 2 --truth t.ivecs | jq '. == 1')" = true ]
}

@test "repeats and warm-up do not change what is found" {
    make_line
    run -0 --separate-stderr bench --json --k 2 --repeats 5 --warmup 0
    jq -e '.recall == 1 and .queries == 2 and .repeats == 5' <<<"${lines[1]}"
    run -0 --separate-stderr bench --json --k 2 --query-limit 1 --limit 3 --warmup 3
    jq -e '.recall == 1 and .queries == 1 and .repeats == 1' <<<"${lines[1]}"
}

@test "int8 finds the same" {
    { brow 0 255 && brow 128 127 && brow 255 0 && brow 9 9; } >base.bvecs
    run -0 --separate-stderr "$AKIN" bench --base base.bvecs --query base.bvecs --metric l2 --k 3 \
        --type int8 --json
    jq -e -s '.[0].type == "int8" and .[1].recall == 1' <<<"$output"
}
