/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exact answers: computed and proved complete, or read from a file.
 *
 * Room: cli.
 */
#ifndef AKIN_CLI_TRUTH_H
#define AKIN_CLI_TRUTH_H

#include <stdint.h>

#include "akin/akin.h"
#include "cli/vecs.h"

/* The question: which rows of the base are nearest to each query. */
struct truth_plan {
    const struct vecs *base;
    const struct vecs *query;
    enum akin_metric metric;
    enum akin_type type; /* of the index */
    uint32_t k;
    uint32_t threads;
};

/* The answer. Row i of it belongs to query i; sorted by (distance in binary64, row). */
struct truth {
    uint32_t k; /* rows for each query: k of the plan, or all rows if there are fewer */
    uint64_t query_count;
    int32_t *rows;     /* query_count * k */
    double *distances; /* the same, in binary64 */
    /* How much work the proofs were. */
    uint64_t widened_count; /* queries that needed more candidates than the first search gave */
    uint64_t scanned_count; /* queries for which every row was compared in binary64 */
};

/*
 * Compute the truth with a flat index of the base, and prove it.
 *
 * Input     : index: flat, with every row of plan->base under its row number as key.
 * Output    : CLI_OK and the truth, or an exit code after a message.
 * Ownership : the caller frees it by truth_free, also after failure.
 * Threads   : main thread only.
 */
int truth_compute(const struct truth_plan *plan, akin_index *index, struct truth *truth);

/*
 * Read the truth from an .ivecs file. The distances are computed from the rows.
 *
 * Output : CLI_OK, or an exit code after a message: too few rows, rows shorter than k, numbers that
 *          are no rows of the base or occur twice.
 */
int truth_read(const struct truth_plan *plan, const char *path, struct truth *truth);

/* Make room for the answer to a plan. CLI_OK, or CLI_MEMORY after a message. */
int truth_create(const struct truth_plan *plan, struct truth *truth);

/* Give the memory back. Right for a struct of zeros too. */
void truth_free(struct truth *truth);

#endif
