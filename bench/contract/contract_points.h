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

/* An index, and what its answers are compared with. */
struct contender {
    akin_index *index;
    const struct vecs *base; /* its keys are row numbers of this */
    const struct truth *truth;
};

/* What several of them came to at several beam widths, in several passes. */
struct points {
    const struct args_list *efs; /* from narrow to wide */
    uint32_t count;              /* of contenders */
    uint32_t passes;
    double *recalls; /* count * efs */
    double *qps;     /* count * efs * passes; of the searching thread's processor time */
    double *scratch; /* passes */
};

/*
 * Let each contender search all queries at each beam width, in turn; and all of that as often as
 * the call repeats, so that what compares two of them was measured within seconds.
 *
 * Output    : CLI_OK, or an exit code after a message; CLI_DATA also when an answer is nearer than
 *             exact answers are, such as an entry that was deleted.
 * Ownership : the caller frees the points by points_free, also after failure.
 */
int points_measure(const struct contract_call *call, const struct contract_set *set,
                   const struct contender *contenders, uint32_t count, const struct args_list *efs,
                   struct points *points);

/* Give the memory back. Right for a struct of zeros too. */
void points_free(struct points *points);

/* The recall at the beam width of that place in the list. */
double points_recall(const struct points *points, uint32_t contender, uint32_t place);

/* Queries a second there: the median of the passes. */
double points_qps(const struct points *points, uint32_t contender, uint32_t place);

/* The median of the ratios, pass by pass, of one contender's queries a second to another's. */
double points_ratio(const struct points *points, uint32_t contender, uint32_t to, uint32_t place);

/*
 * Queries a second at a recall, interpolated between beam widths in each pass: the median.
 *
 * Output: 0 when none reaches it. The narrowest counts for all recalls below its own, so two of
 *         those compare at recalls of their own.
 */
double points_at_recall(const struct points *points, uint32_t contender, double recall);

/* The same as a ratio of two contenders, pass by pass; 0 when one does not reach it. */
double points_ratio_at_recall(const struct points *points, uint32_t contender, uint32_t to,
                              double recall);

/* The median; the values are sorted on the way. The mean of the middle two of an even number. */
double points_median(double *values, uint32_t count);

#endif
