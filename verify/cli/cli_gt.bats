#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Goal  : akin gt gives the exact answer, ties by lower row, and proves it.
# Method: the answers are computed by hand, or by awk from the same numbers as text; tie cases are
#         built so that the first proof must fail.

load helpers

# random_rows SEED ROWS DIM MAX: lines of whole numbers 0..MAX-1.
random_rows() {
    awk -v seed="$1" -v rows="$2" -v dim="$3" -v max="$4" 'BEGIN {
        srand(seed)
        for (r = 0; r < rows; r++)
            for (i = 0; i < dim; i++) printf "%d%s", int(rand() * max), i + 1 < dim ? " " : "\n"
    }'
}

# to_vecs ROW-FUNCTION: lines of numbers to rows.
to_vecs() {
    while read -ra row; do "$1" "${row[@]}"; done
}

# brute METRIC K BASE QUERY: the numbers that the .ivecs file must hold, computed by awk.
brute() {
    awk -v metric="$1" -v k="$2" '
        NR == FNR { base[FNR - 1] = $0; n = FNR; next }
        {
            dim = split($0, q, " "); qq = 0
            for (i = 1; i <= dim; i++) qq += q[i] * q[i]
            for (r = 0; r < n; r++) {
                split(base[r], b, " "); l2 = 0; dot = 0; bb = 0
                for (i = 1; i <= dim; i++) {
                    l2 += (q[i] - b[i]) ^ 2; dot += q[i] * b[i]; bb += b[i] * b[i]
                }
                d[r] = metric == "l2" ? l2 : metric == "ip" ? -dot : 1 - dot / sqrt(qq * bb)
                taken[r] = 0
            }
            printf "%d", k
            for (j = 0; j < k; j++) {
                best = -1
                for (r = 0; r < n; r++)
                    if (!taken[r] && (best < 0 || d[r] < d[best])) best = r
                taken[best] = 1
                printf " %d", best
            }
            printf " "
        }' "$3" "$4" | sed 's/ $//'
}

@test "points on a line, by hand" {
    make_line
    run -0 "$AKIN" gt --base base.fvecs --query query.fvecs --metric l2 --k 3 --output o.ivecs
    [ "$(ints o.ivecs)" = "3 0 1 2 3 4 3 2" ]
    run -0 "$AKIN" gt --base base.fvecs --query query.fvecs --metric ip --k 2 --output o.ivecs \
        --force
    [ "$(ints o.ivecs)" = "2 4 3 2 4 3" ]
    { frow 1 0 && frow 1 1 && frow -1 0 && frow 0 5; } >base.fvecs
    run -0 "$AKIN" gt --base base.fvecs --query query.fvecs --metric cosine --k 4 --output o.ivecs \
        --force
    [ "$(ints o.ivecs)" = "4 0 1 3 2 4 0 1 3 2" ]
}

@test "bytes, every metric, as awk computes it" {
    random_rows 1 150 8 256 >base.txt
    random_rows 2 9 8 256 >query.txt
    to_vecs brow <base.txt >base.bvecs
    to_vecs brow <query.txt >query.bvecs
    for metric in l2 ip cosine; do
        run -0 "$AKIN" gt --base base.bvecs --query query.bvecs --metric $metric --k 20 \
            --threads 3 --output o.ivecs --force
        [ "$(ints o.ivecs)" = "$(brute $metric 20 base.txt query.txt)" ]
    done
}

@test "few different values make many ties: the lower row comes first" {
    random_rows 3 120 3 3 >base.txt
    random_rows 4 8 3 3 >query.txt
    to_vecs frow <base.txt >base.fvecs
    to_vecs frow <query.txt >query.fvecs
    for metric in l2 ip; do
        run -0 "$AKIN" gt --base base.fvecs --query query.fvecs --metric $metric --k 15 \
            --output o.ivecs --force
        [ "$(ints o.ivecs)" = "$(brute $metric 15 base.txt query.txt)" ]
    done
}

@test "k above the number of rows gives all of them" {
    make_line
    run -0 "$AKIN" gt --base base.fvecs --query query.fvecs --metric l2 --k 100 --output o.ivecs
    [ "$(ints o.ivecs)" = "5 0 1 2 3 4 5 4 3 2 1 0" ]
}

@test "--limit and --query-limit take the first rows" {
    make_line
    run -0 "$AKIN" gt --base base.fvecs --query query.fvecs --metric l2 --k 2 --limit 2 \
        --query-limit 1 --output o.ivecs
    [ "$(ints o.ivecs)" = "2 0 1" ]
}

@test "a tie wider than the first candidates is widened until the proof holds" {
    many_rows base.bvecs 512 3
    brow 7 7 9 >query.bvecs
    run -0 --separate-stderr "$AKIN" gt --base base.bvecs --query query.bvecs --metric l2 --k 3 \
        --output o.ivecs --json
    [ "$(ints o.ivecs)" = "3 0 1 2" ]
    [ "$(jq -c '[.widened, .scanned]' <<<"$output")" = "[1,0]" ]
}

@test "a tie wider than any search is settled by comparing every row" {
    many_rows base.bvecs 16384 3
    { brow 7 7 8 && cat base.bvecs; } >b2.bvecs
    brow 7 7 9 >query.bvecs
    for metric in l2 cosine; do
        run -0 --separate-stderr "$AKIN" gt --base b2.bvecs --query query.bvecs --metric $metric \
            --k 3 --output o.ivecs --json --force
        [ "$(ints o.ivecs)" = "3 0 1 2" ]
        [ "$(jq -c '[.widened, .scanned]' <<<"$output")" = "[1,1]" ]
    done
}

@test "rows closer than float32 can tell are ordered by binary64" {
    # 16777216 and its neighbors in float32 differ by 2; squared distances from 0 by 1 part in 10^7.
    { frow 16777220 && frow 16777218 && frow 16777216 && frow 16777222; } >base.fvecs
    frow 1 >query.fvecs
    run -0 "$AKIN" gt --base base.fvecs --query query.fvecs --metric l2 --k 4 --output o.ivecs
    [ "$(ints o.ivecs)" = "4 2 1 0 3" ]
}

@test "the output does not depend on the number of threads" {
    random_rows 5 300 4 8 | to_vecs brow >base.bvecs
    random_rows 6 70 4 8 | to_vecs brow >query.bvecs
    for threads in 1 2 7; do
        run -0 "$AKIN" gt --base base.bvecs --query query.bvecs --metric l2 --k 10 \
            --threads $threads --output $threads.ivecs
    done
    cmp 1.ivecs 2.ivecs
    cmp 1.ivecs 7.ivecs
}
