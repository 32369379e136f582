/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel files share: the tables, the cosine expression, the shape of a scan.
 *
 * Room      : simd, private to this folder.
 * Promises  : every function here is static, so that the linker can never answer a call from
 *             portable code with a copy that was compiled for a newer instruction set.
 *
 * AKIN_SIMD_X86 is set by the build when the x86 files are part of it; this header and
 * simd_dispatch.c are the only places that ask. A new instruction set adds its file, its flags in
 * CMakeLists.txt, its table below, its detection and one line in the list of simd_dispatch.c.
 */
#ifndef AKIN_SIMD_SIMD_INTERNAL_H
#define AKIN_SIMD_SIMD_INTERNAL_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "simd/akin_simd.h"

/* Kernels are built from steps that must melt into the loop around them, even without optimiser. */
#define SIMD_INLINE static inline __attribute__((always_inline))

extern const struct simd_table akin_table_portable;

#if defined(AKIN_SIMD_X86)
extern const struct simd_table akin_table_avx2;
extern const struct simd_table akin_table_avx512;
extern const struct simd_table akin_table_avx512_vnni;

/* VNNI has nothing to offer to floats: its table names these. */
double akin_exact_l2_f32_avx512(const void *a, const void *b, size_t dim);
double akin_exact_dot_f32_avx512(const void *a, const void *b, size_t dim);
float akin_l2_f32_avx512(const void *a, const void *b, size_t dim);
float akin_dot_f32_avx512(const void *a, const void *b, size_t dim);
float akin_cosine_f32_avx512(const void *a, const void *b, size_t dim);
void akin_l2_many_f32_avx512(const void *query, const void *rows, size_t stride_bytes, size_t count,
                             size_t dim, float *out);
void akin_dot_many_f32_avx512(const void *query, const void *rows, size_t stride_bytes,
                              size_t count, size_t dim, float *out);
void akin_cosine_many_f32_avx512(const void *query, const void *rows, size_t stride_bytes,
                                 size_t count, size_t dim, float *out);
#endif

/* The arguments of a `many` kernel, as its parts pass them on. */
struct simd_scan {
    const unsigned char *query;
    const unsigned char *rows;
    size_t stride_bytes;
    size_t count;
    size_t dim;
    float *out;
};

/* The three sums of a cosine. */
struct simd_cosine_sums {
    double dot;
    double a_square;
    double b_square;
};

/*
 * The value of COSINE, from its sums: one expression for every element type and instruction set.
 *
 * The root is taken of the product, not twice: for equal sums root(x * x) is x exactly, so a vector
 * is at distance 0 from itself. The product stays between 2^-596 and 2^540, far inside a double.
 * Rounding may push the cosine of parallel vectors past 1, hence the floor; NaN fails the test and
 * stays NaN.
 */
static inline float simd_cosine_of(struct simd_cosine_sums sums)
{
    if (sums.a_square == 0.0 || sums.b_square == 0.0) {
        return 1.0f;
    }
    const double distance = 1.0 - sums.dot / sqrt(sums.a_square * sums.b_square);
    return distance < 0.0 ? 0.0f : (float)distance;
}

/* A float from any address: rows carry no alignment. */
static inline float simd_load_f32(const unsigned char *at)
{
    float value;
    memcpy(&value, at, sizeof value);
    return value;
}

/*
 * Hints that `bytes` bytes from `at` will be read soon; every line but perhaps the last that they
 * touch. A hint reads nothing and cannot fault.
 */
SIMD_INLINE void simd_prefetch(const unsigned char *at, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += 64) {
        __builtin_prefetch(at + i);
    }
}

/* Scans up to this size may be in the first-level cache already; prefetching would only cost. */
#define SIMD_PREFETCH_SCAN_BYTES ((size_t)64 * 1024)

/* Rows longer than this are streams that the processor follows by itself, better than we do. */
#define SIMD_PREFETCH_STRIDE_BYTES ((size_t)8 * 1024)

/* How far ahead is far enough to hide the memory. Several times as far was no faster. */
#define SIMD_PREFETCH_AHEAD_BYTES ((size_t)4 * 1024)

/* The first `count` rows of a scan ask for what is `bytes` behind them, the others for nothing. */
struct simd_ahead {
    size_t count;
    size_t bytes;
};

/*
 * What to prefetch in a scan that takes `group_count` rows at a time. Threads: PURE.
 *
 * Output  : count: a multiple of group_count, or 0; bytes: whole groups, so that a hint never
 *           points outside the rows.
 */
static inline struct simd_ahead simd_ahead_of(const struct simd_scan *scan, size_t group_count)
{
    const size_t group_bytes = group_count * scan->stride_bytes;
    if (scan->stride_bytes > SIMD_PREFETCH_STRIDE_BYTES ||
        scan->count * scan->stride_bytes <= SIMD_PREFETCH_SCAN_BYTES) {
        return (struct simd_ahead){0, 0};
    }
    const size_t groups_ahead = (SIMD_PREFETCH_AHEAD_BYTES + group_bytes - 1) / group_bytes;
    const size_t groups = scan->count / group_count;
    return (struct simd_ahead){
        groups > groups_ahead ? (groups - groups_ahead) * group_count : 0,
        groups_ahead * group_bytes,
    };
}

#endif
