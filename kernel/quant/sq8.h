/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scalar quantization to eight bits: distances from a quarter of the bytes, with a bound of their
 * error.
 *
 * Level   : quant (2).
 * Promises: an estimate is off by no more than its error, which is a small part of it; what a code
 *           excludes the float distance of its row excludes too. Rows that codes cannot hold so
 *           well (outliers, values that are too large or small, pairs that are nearer than the
 *           grid) have neither: their rows are to be asked. Sums are exact integers, so all of it
 *           is the same on every instruction set.
 * Source  : the grid between the least and the greatest element of each vector is that of
 *           Aguerrebere et al., "Similarity search in the blink of an eye with compressed indices",
 *           2023 (LVQ), without its mean. The bound is the triangle inequality: docs/algorithms.md
 *           section 2.
 *
 * A code stands for the vector x' = base + step * u, 0 <= u <= 255, next to the row x, and knows
 * error >= |x - x'|. A query y is rounded in the same way to y' = step * v, |v| <= SQ8_LANE_MAX.
 *   L2     |x - y| is |x' - y'|, give or take |x - x'| + |y - y'|
 *   cosine L2 of the directions
 *   IP     x y <= x' y' + |x - x'| |y| + |x'| |y - y'|, which only excludes: there is no least
 *          distance that an error could be a part of.
 */
#ifndef AKIN_QUANT_SQ8_H
#define AKIN_QUANT_SQ8_H

#include <float.h>
#include <stdbool.h>
#include <stdint.h>

#include "akin/types.h"
#include "simd/akin_simd.h"

/* A query has more bits than a code, so that its own rounding hardly counts. */
#define SQ8_LANE_MAX 2047
/* An estimate is off by at most this part of itself, before the squares are taken. */
#define SQ8_TOLERANCE 0x1p-4
/* Squared lengths may be so many times the squared distance. */
#define SQ8_CANCELLATION 0x1p+22

/* How rows of an index are coded; never changes. */
struct sq8 {
    enum akin_metric metric;
    uint32_t dim;
    uint32_t lanes;        /* bytes of u: dim rounded up to whole steps of the kernels */
    uint32_t stride_bytes; /* of a code; 0: there are none */
    double slack;          /* of the float distance: relative under L2, else to |x| |y| */
    simd_code_fn dot;
};

/* What follows the bytes of a code. */
struct sq8_tail {
    double square; /* L2, cosine: |x'|^2, rounded down; IP: |x'|, rounded up */
    float base;
    float step;
    float error; /* |x - x'|, rounded up; infinite when the code tells nothing */
    uint32_t unused;
};

/* A query that is compared with codes. */
struct sq8_query {
    const struct sq8 *codec;
    const int16_t *lanes; /* codec->lanes of them; zero beyond dim */
    double step;
    double sum;    /* of the lanes */
    double square; /* |y'|^2, rounded down */
    double norm;   /* |y|, rounded up */
    double error;  /* |y - y'|, rounded up; infinite when codes tell nothing */
};

/* The codec of an index; without codes for rows of bytes. Its kernel is to be set before it is
   compared with. PURE. */
struct sq8 sq8_make(enum akin_metric metric, enum akin_type type, uint32_t dim);

/*
 * Code a row.
 *
 * Input  : scale: cosine: 1 / |row| as floats have it, else 1. code: stride_bytes, aligned to 32.
 * Threads: PURE.
 */
void sq8_encode(const struct sq8 *codec, const float *row, float scale, unsigned char *code);

/* Prepare a query at any address; its lanes go to `lanes`, codec->lanes of them. scale: as above.
   Threads: PURE. */
void sq8_query_make(const struct sq8 *codec, const void *vector, float scale, int16_t *lanes,
                    struct sq8_query *query);

/* What a code tells. */
enum sq8_verdict {
    SQ8_EXCLUDED, /* the float distance is surely not below `farthest` */
    SQ8_ESTIMATED,
    SQ8_UNKNOWN /* ask the row */
};

struct sq8_estimate {
    float distance;
    float error; /* of the distance under L2, of the distance of the directions under cosine */
};

/* Whether the distance of rows or directions `square` apart is surely not below `farthest`; IP: of
   rows whose codes have the distance `square`. PURE. */
bool sq8_excludes(const struct sq8_query *query, const struct sq8_tail *tail, double square,
                  float farthest);

/* Compare a query with a code. Output: estimate, when that is the verdict. PURE. */
static inline enum sq8_verdict sq8_look(const struct sq8_query *query, const unsigned char *code,
                                        float farthest, struct sq8_estimate *estimate)
{
    const struct sq8 *const codec = query->codec;
    const struct sq8_tail *const tail =
        (const struct sq8_tail *)(const void *)(code + codec->lanes);
    const double levels = (double)codec->dot(code, query->lanes, codec->lanes);
    const double dot =
        query->step * ((double)tail->base * query->sum + (double)tail->step * levels);
    if (codec->metric == AKIN_INNER_PRODUCT) {
        return sq8_excludes(query, tail, -dot, farthest) ? SQ8_EXCLUDED : SQ8_UNKNOWN;
    }
    const double squares = tail->square + query->square;
    const double square = squares - 2 * dot;
    const double error = query->error + (double)tail->error;
    /* Not so where the difference of large numbers would be rounded, or not fit a float. */
    if (error * error <= SQ8_TOLERANCE * SQ8_TOLERANCE * square &&
        squares <= SQ8_CANCELLATION * square && square < (double)FLT_MAX &&
        square > 4 * (double)FLT_MIN) {
        estimate->distance = (float)(codec->metric == AKIN_L2 ? square : square / 2);
        estimate->error = (float)error;
        return SQ8_ESTIMATED;
    }
    return sq8_excludes(query, tail, square, farthest) ? SQ8_EXCLUDED : SQ8_UNKNOWN;
}

/* The largest estimate of something as far away as `distance`, when errors are at most `error`: not
   if all roundings point the same way, but six standard deviations of independent ones. PURE. */
float sq8_farthest_estimate(const struct sq8 *codec, double distance, float error);

#endif
