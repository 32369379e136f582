#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Goal  : misuse is answered with exit code 2 and a message that names option, value and bounds.
# Method: calls with one thing wrong each.

load helpers

# refused MESSAGE ARGUMENTS...: exit code 2, nothing on standard output, and the message.
refused() {
    local message=$1
    shift
    run -2 --separate-stderr "$AKIN" "$@"
    [ -z "$output" ]
    [[ "$stderr" == *"$message"* ]] || { echo "stderr: $stderr" >&2 && return 1; }
}

@test "--version says the version and how it was built" {
    run -0 "$AKIN" --version
    [[ "${lines[0]}" =~ ^akin\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
    [[ "${lines[1]}" == *simd* ]]
    run -0 "$AKIN" build --version
    [[ "${lines[0]}" =~ ^akin\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
}

@test "--help lists every command, and help COMMAND its options" {
    run -0 "$AKIN" --help
    for command in demo build search gt bench check info; do
        [[ "$output" == *"  $command "* ]]
    done
    for command in demo build search gt bench check info; do
        run -0 "$AKIN" help "$command"
        [[ "${lines[0]}" == "Usage: akin $command"* ]]
        [[ "$output" == *--json* ]]
        direct=$("$AKIN" "$command" --help)
        [ "$output" = "$direct" ]
    done
}

@test "no command and an unknown command are misuse" {
    run -2 --separate-stderr "$AKIN"
    [[ "$stderr" == *"Usage: akin COMMAND"* ]]
    refused "unknown command 'frob'" frob
    refused "unknown command 'frob'" help frob
}

@test "a missing option is named" {
    refused "akin build: --base is missing" build
    refused "--metric is missing" build --base b.fvecs
    refused "--output is missing" build --base b.fvecs --metric l2
    refused "akin gt: --base is missing" gt
    refused "--query is missing" gt --base b.fvecs
    refused "--metric is missing" gt --base b.fvecs --query q.fvecs
    refused "--output is missing" gt --base b.fvecs --query q.fvecs --metric l2
    refused "akin bench: --base is missing" bench
    refused "--query is missing" bench --base b.fvecs
    refused "--metric is missing" bench --base b.fvecs --query q.fvecs
    refused "akin search: FILE is missing" search
    refused "--query is missing" search i.akin
    refused "akin info: FILE is missing" info
    refused "akin check: FILE is missing" check
}

@test "an unknown option and a stray argument are named" {
    refused "--frob" build --frob
    refused "'stray' is not understood" build stray
    refused "'stray' is not understood" gt stray
    refused "'stray' is not understood" bench stray
    refused "'stray' is not understood" demo stray
    refused "'b' is one file too many" info a b
    refused "'b' is one file too many" check a b
    refused "'b' is one file too many" search a b
}

@test "--k outside 1 to 10000 is refused" {
    for k in 0 10001 -1 +5 ' 5' 5x 1e3 '' 99999999999999999999999; do
        refused "--k is '$k'; a whole number from 1 to 10000 is allowed" gt --k "$k"
        refused "--k is '$k'; a whole number from 1 to 10000 is allowed" search --k "$k"
        refused "--k is '$k'; a whole number from 1 to 10000 is allowed" bench --k "$k"
    done
}

@test "--threads outside 1 to 4096 is refused, and for the demo below 2" {
    for command in build gt search; do
        refused "--threads is '0'; a whole number from 1 to 4096 is allowed" $command --threads 0
        refused "--threads is '4097'; a whole" $command --threads 4097
    done
    refused "--build-threads is '0'; a whole number from 1 to 4096" bench --build-threads 0
    refused "--threads is '1'; a whole number from 2 to 4096 is allowed" demo --threads 1
}

@test "lists are checked element by element" {
    for list in 0 1, ,1 1,,2 1,x 4097; do
        refused "--threads is '$list'; up to 64 whole numbers from 1 to 4096" \
            bench --threads "$list"
    done
    refused "--ef is '10,0'; up to 64 whole numbers from 1 to 10000" bench --ef 10,0
    refused "--ef is '1,1,1" bench --ef "$(printf '1,%.0s' {1..64})1"
}

@test "words of options are checked" {
    refused "--metric is 'L2'; allowed: l2, ip, cosine" build --metric L2
    refused "--type is 'u8'; allowed: f32, int8" build --type u8
    refused "--index is 'tree'; allowed: flat, hnsw" build --index tree
    refused "--index is 'tree'; allowed: flat, hnsw" bench --index tree
    refused "--m is '65'; a whole number from 2 to 64" build --m 65
    refused "--codes is 'pq'; allowed: sq8, none" bench --codes pq
    refused "--ef-construction is '0'" bench --ef-construction 0
}

@test "--limit, --query-limit, --repeats, --warmup and --sample have bounds" {
    refused "--limit is '0'; a whole number from 1 to 2147483647 is allowed" build --limit 0
    refused "--limit is '2147483648'" gt --limit 2147483648
    refused "--query-limit is '0'" gt --query-limit 0
    refused "--limit is '0'" search --limit 0
    refused "--limit is '0'" bench --limit 0
    refused "--query-limit is '0'" bench --query-limit 0
    refused "--repeats is '0'; a whole number from 1 to 1000000" bench --repeats 0
    refused "--warmup is '-1'; a whole number from 0 to 1000000" bench --warmup -1
    refused "--sample is '100001'; a whole number from 0 to 100000" check --sample 100001
}

@test "--seconds has bounds" {
    for seconds in 0 0.05 86401 x 1x nan inf ''; do
        refused "--seconds is '$seconds'; a number of seconds from 0.1 to 86400" \
            demo --seconds "$seconds"
    done
}

@test "--budget takes bytes with a unit" {
    for budget in 0 x 1X 1KB -1 99999999999T; do
        refused "--budget is '$budget'; a number of bytes" build --budget "$budget"
        refused "--budget is '$budget'; a number of bytes" search --budget "$budget"
        refused "--budget is '$budget'; a number of bytes" bench --budget "$budget"
    done
}

@test "int8 with another metric than l2 is refused by name" {
    brow 1 2 3 >base.bvecs
    for metric in ip cosine; do
        refused "--metric $metric is refused" \
            build --base base.bvecs --metric $metric --type int8 --output i.akin
        refused "--metric $metric is refused" \
            bench --base base.bvecs --query base.bvecs --metric $metric --type int8
    done
    no_leftovers . base.bvecs
}
