/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several indexes searched with the same queries in one run, pass next to pass.
 *
 * Room: bench; each pass is that of akin bench (cli/bench_run.h).
 */
#ifndef AKIN_BENCH_CONTRACT_CONTRACT_POINTS_H
#define AKIN_BENCH_CONTRACT_CONTRACT_POINTS_H

#include <stdint.h>

#include "bench/contract/contract_args.h"
#include "cli/bench_run.h"

#define CONTENDERS_MAX 3u

/* An index, and what its answers are compared with. */
struct contender {
    akin_index *index;
    const struct vecs *base; /* its keys are row numbers of this */
    const struct truth *truth;
};

/* What one of them came to at one beam width; medians of the passes. */
struct point_result {
    double recall;
    double qps_cpu;
    double ratio; /* of the queries a second to those of the first contender, pass by pass */
};

/*
 * Let each contender search all queries at one beam width, in turn, as often as the call repeats.
 *
 * Output: CLI_OK and a result for each contender, or an exit code after a message; CLI_DATA also
 *         when an answer is nearer than exact answers are, such as an entry that was deleted.
 */
int points_measure(const struct contract_call *call, const struct contract_set *set,
                   const struct contender *contenders, uint32_t count, uint32_t ef,
                   struct point_result *results);

/*
 * Interpolate the queries a second at a recall.
 *
 * Input : results: one for each beam width, from narrow to wide.
 * Output: 0 when none reaches it. The narrowest counts for all recalls below its own, so two of
 *         those compare at recalls of their own.
 */
double points_at_recall(const struct point_result *results, uint32_t count, double recall);

/* The median; the values are sorted on the way. The mean of the middle two of an even number. */
double points_median(double *values, uint32_t count);

#endif
