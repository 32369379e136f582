/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Distances in binary64, computed here and not by the library: the yardstick of gt, bench and demo.
 *
 * Room     : cli; shares no code with the kernel.
 * Promises : every element is converted to binary64 first; sums run from element 0 upward. Equal
 *            rows have equal distances. For bytes L2 and inner product are exact.
 */
#ifndef AKIN_CLI_EXACT_DISTANCE_H
#define AKIN_CLI_EXACT_DISTANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "akin/types.h"
#include "cli/vecs.h"

/* A row and its distance to a query. */
struct candidate {
    double distance;
    uint64_t row;
};

/* The nearest candidates offered so far, sorted by (distance, row). */
struct nearest {
    struct candidate *items; /* room for `capacity`; the caller's */
    uint32_t count;
    uint32_t capacity;
};

/* Return the distance of two vectors of floats as the metric defines it (akin/types.h). */
double exact_distance_f32(enum akin_metric metric, const float *a, const float *b, uint32_t dim);

/* Return the distance of row `b_row` of b to row `a_row` of a; bytes count as 0..255. */
double exact_distance_rows(enum akin_metric metric, const struct vecs *a, uint64_t a_row,
                           const struct vecs *b, uint64_t b_row);

/* Return the Euclidean length of a row. */
double exact_row_length(const struct vecs *vecs, uint64_t row);

/* Say whether the first stands before the second in a result. */
bool candidate_is_before(const struct candidate *first, const struct candidate *second);

/* Keep the candidate if it is among the nearest. */
void nearest_offer(struct nearest *nearest, struct candidate candidate);

/*
 * Return how far two distances, computed in binary64 by different summation orders, may differ. Two
 * distances closer than this are a tie.
 *
 * Input: distance: one of them. scale: |a| |b| for the inner product, 1 for cosine; not used by L2.
 */
double exact_tie_width(enum akin_metric metric, uint32_t dim, double distance, double scale);

/* Return how far a distance computed in float32, in any order of summation, may be off; the
   formulas are in truth.c. The scale is as above, with the longest row for |b|. */
double exact_float32_error(enum akin_metric metric, uint32_t dim, double distance, double scale);

#endif
