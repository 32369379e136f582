/* SPDX-License-Identifier: Apache-2.0 */
/*
 * akin-bench-churn: the call, and its two parts.
 *
 * Room: bench.
 */
#ifndef AKIN_BENCH_CONTRACT_CHURN_H
#define AKIN_BENCH_CONTRACT_CHURN_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/contract/contract_args.h"

struct churn_call {
    struct contract_call common;
    uint32_t rounds; /* of replacement; each replaces as many entries as the window has */
    bool deletes_half;
};

/* Replace entries round by round, and measure after each. */
int churn_rounds(const struct churn_call *call, const struct contract_set *set);

/* Delete a random half, then all. */
int churn_deletes(const struct churn_call *call, const struct contract_set *set);

#endif
