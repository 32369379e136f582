#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Goal  : on real vectors akin gt gives the ground truth that lies beside them, byte by byte, and
#         a flat index has recall 1.
# Method: the sets in ../shared/data, where they are present.
#
# The truth of all four sets was made by L2, also that of the two sets for cosine. Their rows have
# unit length only up to float32, so that by cosine or inner product one pair of neighbors in each
# of these two sets stands the other way round.

load helpers

# same SET EXTENSION METRIC: akin gt gives the same file.
same() {
    need_data
    run -0 "$AKIN" gt --base "$DATA/$1-base.$2" --query "$DATA/$1-query.$2" --metric "$3" --k 100 \
        --output gt.ivecs
    cmp gt.ivecs "$DATA/$1-gt.ivecs"
}

# recall SET EXTENSION METRIC K: every one of the first K neighbors is found.
recall() {
    need_data
    run -0 --separate-stderr "$AKIN" bench --base "$DATA/$1-base.$2" --query "$DATA/$1-query.$2" \
        --truth "$DATA/$1-gt.ivecs" --metric "$3" --k "$4" --query-limit 200 --threads 2 --json
    jq -e -s '.[1].recall == 1' <<<"$output"
}

@test "gt is exact on fashion-mnist-784" {
    same fashion-mnist-784 bvecs l2
}

@test "gt is exact on sift-photo-128-100k" {
    same sift-photo-128-100k bvecs l2
}

@test "gt is exact on bge-micro-384" {
    same bge-micro-384 fvecs l2
}

@test "gt is exact on w2v-200-cos" {
    same w2v-200-cos fvecs l2
}

@test "gt by cosine and inner product differs from L2 in the order of one pair" {
    need_data
    for set in bge-micro-384 w2v-200-cos; do
        for metric in cosine ip; do
            run -0 "$AKIN" gt --base "$DATA/$set-base.fvecs" --query "$DATA/$set-query.fvecs" \
                --metric $metric --k 100 --output gt.ivecs --force
            paste <(od -An -v -t d4 -w4 gt.ivecs) <(od -An -v -t d4 -w4 "$DATA/$set-gt.ivecs") |
                awk '$1 != $2' >differing
            # Two places, the same two rows in both.
            [ "$(wc -l <differing)" -eq 2 ]
            [ "$(awk '{ print $1 }' differing | sort)" = "$(awk '{ print $2 }' differing | sort)" ]
        done
    done
}

@test "a flat index has recall 1 on all four sets" {
    recall fashion-mnist-784 bvecs l2 10
    recall sift-photo-128-100k bvecs l2 10
    recall bge-micro-384 fvecs cosine 10
    recall bge-micro-384 fvecs ip 10
    recall w2v-200-cos fvecs cosine 10
    recall w2v-200-cos fvecs l2 100
}

@test "int8 has recall 1 on bytes" {
    need_data
    run -0 --separate-stderr "$AKIN" bench --base "$DATA/sift-photo-128-100k-base.bvecs" \
        --query "$DATA/sift-photo-128-100k-query.bvecs" --metric l2 --type int8 --k 100 --json \
        --truth "$DATA/sift-photo-128-100k-gt.ivecs" --query-limit 200
    jq -e -s '.[0].type == "int8" and .[1].recall == 1' <<<"$output"
}

@test "an index of real vectors is built, checked, and searched with the exact answers" {
    need_data
    run -0 "$AKIN" build --base "$DATA/w2v-200-cos-base.fvecs" --metric l2 --output i.akin
    run -0 "$AKIN" check i.akin
    run -0 "$AKIN" search i.akin --query "$DATA/w2v-200-cos-query.fvecs" --k 100 --output o.ivecs
    cmp o.ivecs "$DATA/w2v-200-cos-gt.ivecs"
}
