/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sums over f32 in binary64: one order of operations for every instruction set.
 *
 * Room      : simd, private to this folder; compiled once for each table, with its flags.
 * Promises  : element i is added to partial sum i mod 8, one after the other, by a rounded product
 *             and a rounded sum; the tree: 4 apart, 2 apart, 1 apart. What the compiler makes of it
 *             does not change a bit, as long as nothing is contracted (CMakeLists.txt).
 */
#ifndef AKIN_SIMD_SIMD_EXACT_H
#define AKIN_SIMD_SIMD_EXACT_H

#include "simd/simd_internal.h"

enum { EXACT_LANES = 8 };

typedef float exact_f32x8 __attribute__((vector_size(EXACT_LANES * sizeof(float))));
typedef double exact_f64x8 __attribute__((vector_size(EXACT_LANES * sizeof(double))));

/* Eight floats from any address, as doubles. */
SIMD_INLINE void exact_load(const unsigned char *at, exact_f64x8 *value)
{
    exact_f32x8 floats;
    memcpy(&floats, at, sizeof floats);
    *value = __builtin_convertvector(floats, exact_f64x8);
}

SIMD_INLINE double exact_total(const exact_f64x8 *sum)
{
    return (((*sum)[0] + (*sum)[4]) + ((*sum)[2] + (*sum)[6])) +
           (((*sum)[1] + (*sum)[5]) + ((*sum)[3] + (*sum)[7]));
}

SIMD_INLINE void exact_add(enum simd_op op, const exact_f64x8 *x, const exact_f64x8 *y,
                           exact_f64x8 *sum)
{
    *sum += op == SIMD_L2 ? (*x - *y) * (*x - *y) : *x * *y;
}

/* op: SIMD_L2 or SIMD_DOT, a constant. */
SIMD_INLINE double exact_sum_f32(enum simd_op op, const unsigned char *a, const unsigned char *b,
                                 size_t dim)
{
    exact_f64x8 sum = {0};
    size_t i = 0;
    for (; i + EXACT_LANES <= dim; i += EXACT_LANES) {
        exact_f64x8 x;
        exact_f64x8 y;
        exact_load(a + i * sizeof(float), &x);
        exact_load(b + i * sizeof(float), &y);
        exact_add(op, &x, &y, &sum);
    }
    for (; i < dim; i++) {
        const double x = (double)simd_load_f32(a + i * sizeof(float));
        const double y = (double)simd_load_f32(b + i * sizeof(float));
        sum[i % EXACT_LANES] += op == SIMD_L2 ? (x - y) * (x - y) : x * y;
    }
    return exact_total(&sum);
}

#endif
