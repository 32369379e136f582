/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metrics: fast distances that only exclude, exact distances that decide.
 *
 * Level   : search (4).
 * Promises: metric_exact is the distance in binary64, by one fixed order of operations, so it is
 *           the same on every machine and instruction set. metric_floor turns what a float kernel
 *           computed into a number that is certainly not above it, so a row whose floor is above
 *           the k-th best need not be looked at again. The bound is that of simd/akin_simd.h;
 *           docs/CONCURRENCY.md does not depend on it, docs/algorithms.md section 1 derives it.
 */
#ifndef AKIN_SEARCH_METRIC_H
#define AKIN_SEARCH_METRIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "akin/types.h"
#include "simd/akin_simd.h"

/* How the rows of an index are compared; never changes. */
struct metric {
    enum akin_metric kind;
    enum akin_type type;
    uint32_t dim;
    uint32_t row_bytes;
    simd_many_fn many;          /* squared distance under L2, inner product otherwise */
    simd_pair_fn pair;          /* the same of one row */
    const simd_exact_fn *exact; /* of floats, by enum simd_op */
    simd_code_fn code_dot;      /* of the same table, for a graph's codes */
    double relative_error;      /* of `many`, to the sum of the absolute values of the terms */
    double absolute_error;      /* of `many`, from underflow */
};

/* A query as searches use it. */
struct query {
    const void *data; /* dim elements, the caller's */
    double norm;      /* |query|; 0 under L2 */
    double inverse;   /* 1 / |query| under cosine, NaN when floats are too coarse for it; else 0 */
};

/* Bytes of an element; 0 for an unknown type. PURE. */
uint32_t metric_element_bytes(enum akin_type type);

/* Resolve a metric; its arguments are valid. PURE. */
struct metric metric_make(enum akin_metric kind, enum akin_type type, uint32_t dim,
                          const struct simd_table *table);

/* Prepare a query. PURE. */
struct query metric_query(const struct metric *metric, const void *data);

/* What a slot keeps of its row beside it: see struct slot_chunk, norm. PURE. */
float metric_row_norm(const struct metric *metric, const void *row);

/* |vector| in binary64. PURE. */
double metric_length(const struct metric *metric, const void *vector);

/* The distance of a query to a row, exactly rounded sums aside. PURE. */
double metric_exact(const struct metric *metric, const struct query *query, const void *row);

/*
 * Turn raw values of `metric->many` into lower bounds of the exact distance, in place.
 *
 * Output : values[i] <= the distance, or -infinity or NaN when the kernel's value proves nothing.
 * Threads: PURE.
 */
void metric_floors(const struct metric *metric, const struct query *query, const float *norms,
                   uint32_t count, const float *raw, double *floors);

/*
 * The rows that a k-th best distance of `bound` does not exclude: those whose floor is not above
 * it.
 *
 * Input  : count <= 64; the rest as metric_floors.
 * Output : bit i stands for row i.
 * Threads: PURE.
 */
uint64_t metric_suspects(const struct metric *metric, const struct query *query, const float *norms,
                         uint32_t count, const float *raw, double bound);

#endif
