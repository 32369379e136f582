#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Goal  : the benchmarks of the contract print the promised fields, and what is no timing is right.
# Method: small runs over made-up vectors; a fault of recall that must show.

load helpers

BENCH=$(dirname "$AKIN")/../bench

# run_small PROGRAM ARGUMENTS...: the lines of a small run in out.json.
run_small() {
    [ -x "$BENCH/$1" ] || skip "$1 is not built"
    "$BENCH/$1" --small --quiet "${@:2}" >out.json
    jq -es 'length > 0 and all(.[]; type == "object" and (.phase | type) == "string")' out.json
}

# is_true PHASE COUNT CONDITION: so many lines of a phase, each of them as the condition says.
is_true() {
    jq -es --arg phase "$1" --argjson count "$2" \
        'map(select(.phase == $phase)) | length == $count and all(.[]; '"$3"')' out.json
}

@test "churn: a line for each round and beam, each sound and complete" {
    run_small akin-bench-churn --rounds 2
    [ "$(wc -l <out.json)" -eq 16 ]
    is_true setup 1 '.bench == "akin-bench-churn" and .base == "synthetic" and .metric == "l2" and
        .rows == 2000 and .vectors == 1000 and .dim == 16 and .queries == 50 and .k == 10 and
        .seed > 0'
    is_true churn 3 '.vectors == 1000 and .replaced == .round * 1000 and .is_clean == true and
        .slots.slots_dead == 0 and .slots.slots - .slots.slots_free == 1000 and
        .slots.slots_recycled == (if .round == 0 then 0 else 1000 end) and
        .total_bytes == .memory.total_bytes and .bytes_per_vector == .total_bytes / 1000 and
        .rss_bytes > 1000000 and (.drain_cpu_seconds | type) == "number"'
    is_true churn 3 '.round == 0 or (.cpu_seconds > 0 and .slots.graph_pruned > 0)'
    is_true search 9 '([.recall, .recall_fresh] | all(. >= 0 and . <= 1)) and
        .qps_cpu > 0 and .qps_cpu_fresh > 0 and .churned_to_fresh > 0 and .k == 10 and
        .threads == 1 and .index == "hnsw" and .queries == 50 and .repeats == 2'
    is_true at_recall 3 '.recall == 0.95 and .qps_cpu > 0 and .qps_cpu_fresh > 0 and
        .churned_to_fresh > 0 and .round <= 2'
    jq -es 'map(select(.phase == "search") | [.round, .ef]) ==
        [0, 1, 2 | [., 20], [., 40], [., 80]]' out.json
}

@test "churn: half is deleted, then all, and nothing is left" {
    run_small akin-bench-churn --rounds 0 --delete-half --ef 10,40
    [ "$(wc -l <out.json)" -eq 8 ]
    is_true delete 2 '.deleted == 1000 and .p50_us > 0 and .p99_us >= .p50_us and
        .p999_us >= .p99_us and .max_us >= .p999_us and .cpu_p50_us > 0 and
        .cpu_max_us >= .cpu_p999_us and (.clock_us | type) == "number"'
    is_true deleted_half 1 '.count == 1000 and .deleted == 1000 and .is_clean == true and
        .pruned_per_deleted > 0 and .slots.slots_dead == 0 and
        .slots.slots - .slots.slots_free == 1000'
    is_true search_halved 2 '([.recall, .recall_full, .recall_fresh] | all(. >= 0 and . <= 1)) and
        ([.qps_cpu, .qps_cpu_full, .qps_cpu_fresh, .half_to_full, .half_to_fresh] | all(. > 0))'
    is_true at_recall 1 '.recall == 0.95 and .qps_cpu >= 0 and .qps_cpu_full >= 0 and
        .qps_cpu_fresh >= 0'
    is_true deleted_all 1 '.count == 0 and .is_clean == true and .slots.slots_dead == 0 and
        .slots.slots == .slots.slots_free and
        .after_bytes == .memory.total_bytes and .before_bytes > 0 and .full_bytes > 0 and
        ((.after_to_before - .after_bytes / .before_bytes) | fabs) < 0.000001 and
        .rss_before_bytes > 1000000 and .rss_after_bytes > 1000000'
}

@test "churn: recall is measured: a result that is forgotten is missing" {
    run_small akin-bench-churn --rounds 1 --ef 200
    is_true search 2 '.recall == 1 and .recall_fresh == 1'
    AKIN_BENCH_FAULT=recall run_small akin-bench-churn --rounds 1 --ef 200
    is_true search 2 '.recall == 0.9 and .recall_fresh == 0.9'
}

@test "churn: the seed decides what is made up" {
    local args=(--rounds 1 --build-threads 1 --dim 48 --ef 10)
    local recalls='[.[] | select(.phase == "search") | .recall_fresh]'
    run_small akin-bench-churn "${args[@]}" --seed 5
    jq -cs "$recalls" out.json >first
    run_small akin-bench-churn "${args[@]}" --seed 5
    jq -cs "$recalls" out.json >second
    run_small akin-bench-churn "${args[@]}" --seed 6
    jq -cs "$recalls" out.json >other
    diff first second
    run -1 cmp -s first other
}

@test "churn: files take the place of what is made up" {
    make_line
    [ -x "$BENCH/akin-bench-churn" ] || skip "akin-bench-churn is not built"
    "$BENCH/akin-bench-churn" --quiet --base base.fvecs --query query.fvecs --metric l2 --k 2 \
        --rounds 3 --delete-half --repeats 1 >out.json
    is_true setup 1 '.rows == 5 and .vectors == 2 and .base == "base.fvecs"'
    is_true churn 4 '.vectors == 2 and .is_clean == true'
    is_true search 12 '.recall == 1 and .recall_fresh == 1'
    is_true search_halved 12 '.recall == 1 and .recall_full == 1 and .recall_fresh == 1'
    is_true deleted_all 1 '.count == 0'
}

@test "beside: each kind of other thread, and the scaling, have their lines" {
    run_small akin-bench-beside
    [ "$(wc -l <out.json)" -eq 12 ]
    is_true setup 1 '.bench == "akin-bench-beside" and .vectors == 1000'
    is_true scaling 1 '.threads == 2 and .qps > 0 and .qps_one_thread > 0 and .qps_ratio > 0 and
        .arithmetic_ratio > 0 and .ratio_to_arithmetic > 0 and (.is_pinned | type) == "boolean" and
        .qps_cpu_ratio > 0 and .arithmetic_cpu_ratio > 0 and .cpu_share > 0'
    is_true beside_pair 6 '.beside.qps_cpu > 0 and .alone.qps_cpu > 0 and .beside.cpu_p99_us > 0 and
        .other_per_second > 0 and .qps_cpu_ratio > 0 and (.ran_dry | type) == "boolean"'
    is_true beside 3 '.pairs == 2 and .qps_cpu > 0 and .qps_cpu_ratio > 0 and .cpu_p50_ratio > 0 and
        .cpu_p99_ratio > 0 and .p99_ratio > 0 and .other_per_cpu_second > 0 and .cpu_share > 0'
    [ "$(jq -r 'select(.phase == "beside").other' out.json | tr '\n' ' ')" = \
        "search insert replace " ]
    is_true check 1 '.is_clean == true and .is_count_right == true and .vectors == 1000'
}

@test "a call that is half given is refused by the name of what is missing" {
    make_line
    for program in akin-bench-churn akin-bench-beside; do
        [ -x "$BENCH/$program" ] || skip "$program is not built"
        run -2 "$BENCH/$program" --base base.fvecs --metric l2
        [[ "$output" == *"--query is missing"* ]]
        run -2 "$BENCH/$program" --base base.fvecs --query query.fvecs
        [[ "$output" == *"--metric is missing"* ]]
        run -2 "$BENCH/$program" file
        [[ "$output" == *"'file' is not understood"* ]]
        run -1 "$BENCH/$program" --base base.fvecs --query query.fvecs --metric l2 --k 3
        [[ "$output" == *"at least twice --k are wanted, 6"* ]]
    done
}
