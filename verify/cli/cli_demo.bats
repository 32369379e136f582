#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Goal  : akin demo works on every list of words, and each of its checks can fail.
# Method: AKIN_DEMO_FAULT makes it write or expect something wrong (docs/cli.md); the count of
#         that kind of wrong must rise, and the exit code must be 1.

load helpers

# some_words: a list that is small enough for many searches in little time.
some_words() {
    for a in b d f g k l m n p r s t v; do
        for b in a e i o u; do
            for c in n r s t ll; do printf '%s\n' "$a$b$c" "$c$b$a$b"; done
        done
    done >words
}

demo() {
    "$AKIN" demo --words words --seconds 0.5 --json --quiet "$@"
}

@test "the default finds words, and everything it checks is right" {
    run -0 --separate-stderr "$AKIN" demo --seconds 1
    [[ "$output" == *"definately"*"definitely"* ]]
    [[ "$output" == *"embarass"*"embarrass"* ]]
    [[ "${lines[-1]}" == "all right" ]]
    for kind in "torn reads" "lost writes" "misplaced results"; do
        grep -qE "^ +0 $kind\$" <<<"$output"
    done
    grep -qE '^ +1\.0000 recall at 10' <<<"$output"
    for operation in insert update upsert delete get search; do
        grep -qE "^$operation +[1-9][0-9]* +[1-9]" <<<"$output"
    done
}

@test "--json is one object with all of it" {
    some_words
    run -0 --separate-stderr demo --threads 4
    [ "${#lines[@]}" -eq 1 ]
    jq -e '.ok and .words == 650 and .writers == 2 and .readers == 2 and .source == "words" and
        .checks.recall == 1 and .checks.count == .checks.count_expected and
        .checks.structure_right and .checks.torn_reads == 0 and .checks.lost_writes == 0 and
        .checks.ghosts == 0 and .checks.misplaced_results == 0 and .checks.wrong_answers == 0 and
        .checks.read_back > 1000 and .checks.results > 100 and
        (.operations | length) == 6 and (.operations | all(.count > 0 and .p50_us > 0)) and
        (.misspelled | length) == 8' <<<"$output"
}

@test "the list of a single word works, and odd threads" {
    echo lonely >words
    run -0 --separate-stderr demo --threads 7
    jq -e '.ok and .words == 1 and .writers == 3 and .readers == 4' <<<"$output"
}

@test "words with spaces, other alphabets and carriage returns are words" {
    printf 'one word\r\n\n\303\251t\303\251\n%0100d\n\377\376\n' 7 >words
    run -0 --separate-stderr demo
    jq -e '.ok and .words == 4' <<<"$output"
}

@test "the built-in list works" {
    run -0 --separate-stderr "$AKIN" demo --words '' --seconds 0.5 --json
    jq -e '.ok and .words == 1028 and .source == "the built-in list"' <<<"$output"
    jq -e '.misspelled[0].word == "definately" and .misspelled[0].nearest[0].word == "definitely"' \
        <<<"$output"
}

@test "lists that are none are refused" {
    : >words
    run -1 "$AKIN" demo --words words
    [[ "$output" == *"words: holds no words"* ]]
    printf 'good\n%0101d\n' 7 >words
    run -1 "$AKIN" demo --words words
    [[ "$output" == *"words: line 2 has 101 bytes; a word has at most 100"* ]]
    printf 'zero\0byte\n' >words
    run -1 "$AKIN" demo --words words
    [[ "$output" == *"words: byte 4 is zero"* ]]
    run -3 "$AKIN" demo --words missing
    [[ "$output" == *"missing: cannot be opened: No such file"* ]]
    run -3 "$AKIN" demo --words .
}

# caught FAULT FIELD: the demo fails, and the field of .checks is above 0.
caught() {
    AKIN_DEMO_FAULT=$1 run -1 --separate-stderr demo
    jq -e ".ok == false and .checks.$2 > 0" <<<"$output"
}

@test "a torn read is caught" {
    some_words
    caught torn torn_reads
}

@test "a lost write is caught" {
    some_words
    caught lost lost_writes
}

@test "a deleted entry that is there is caught" {
    some_words
    caught ghost ghosts
    AKIN_DEMO_FAULT=ghost run -1 --separate-stderr demo
    jq -e '.checks.count > .checks.count_expected' <<<"$output"
}

@test "a key that goes back to an older version is caught" {
    some_words
    caught stale lost_writes
    [[ "$stderr" == *"went back from version"* ]]
}

@test "a result with the distance of another key is caught" {
    some_words
    caught misplaced misplaced_results
    [[ "$stderr" == *"where none of its versions"* ]]
}

@test "results out of order are caught" {
    some_words
    caught unsorted misplaced_results
    [[ "$stderr" == *"stands behind one at"* ]]
}

@test "a key that is found twice is caught" {
    some_words
    caught duplicate misplaced_results
    [[ "$stderr" == *"a search found key"*"twice"* ]]
}

@test "a call that answers what it cannot is caught" {
    some_words
    caught outcome wrong_answers
    [[ "$stderr" == *"insert of key"*"answered AKIN_EXISTS"* ]]
}

@test "a key that is visited twice is caught" {
    some_words
    caught visit misplaced_results
}

@test "searches that miss the nearest are caught" {
    some_words
    AKIN_DEMO_FAULT=recall run -1 --separate-stderr demo
    jq -e '.ok == false and .checks.recall < 1' <<<"$output"
}

@test "a wrong count is caught" {
    some_words
    AKIN_DEMO_FAULT=count run -1 --separate-stderr demo
    jq -e '.ok == false and .checks.count + 1 == .checks.count_expected' <<<"$output"
}

@test "a broken structure is reported" {
    some_words
    AKIN_DEMO_FAULT=structure run -1 --separate-stderr demo
    jq -e '.ok == false and .checks.structure_right == false' <<<"$output"
    AKIN_DEMO_FAULT=structure run -1 --separate-stderr "$AKIN" demo --words words --seconds 0.2
    [ "${lines[-1]}" = "SOMETHING IS WRONG" ]
}

@test "an unknown fault is refused" {
    AKIN_DEMO_FAULT=frob run -2 "$AKIN" demo
    [[ "$output" == *"AKIN_DEMO_FAULT is 'frob', which names no fault"* ]]
}
