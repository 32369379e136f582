/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Distance kernels: what every instruction set offers, and how one is chosen.
 *
 * Room      : simd, below the kernel; relies on nothing but the C library.
 * Promises  : simd_portable.c is the specification. Every other file computes the same result
 *             faster, bit for bit for the integer kernels, within the stated error bound for the
 *             float kernels. No instruction set is tested inside a kernel: simd_select() resolves a
 *             table once, and nothing above this header names an instruction set.
 *
 * Values    : "raw" results. L2 is the squared Euclidean distance, DOT the inner product, COSINE is
 *             1 - dot(a, b) / (|a| |b|), never below 0 nor above 2. The index turns DOT into a
 *             distance itself, because it keeps the inverse norm of every row. On one table a value
 *             does not depend, by a single bit, on which argument comes first, and the COSINE of a
 *             vector and itself is exactly 0.
 * Non-finite: the kernels have no opinion. NaN in, NaN out; infinities give an infinity or NaN. The
 *             public edge refuses non-finite vectors, so a stored row never holds one. Which bits a
 *             NaN carries is not promised.
 * Zero norm : COSINE of a vector without a direction is 1 (as if orthogonal), on every instruction
 *             set, whatever finite vector the other one is.
 *
 * Error bound of L2 and DOT over f32, `dim` elements, against the exact real result: u = 2^-24,
 * term_i = (a_i - b_i)^2 for L2 and a_i * b_i for DOT, T = sum_i |term_i|:
 *     |computed - exact| <= (dim / 16 + 10) * u * T + dim * 2^-149       while T <= FLT_MAX / 2
 * Every file obeys it with its own order of summation, because each keeps at least 16 partial sums,
 * or sums in double. A term meets one rounding in each multiply-add of its partial sum, at most
 * dim / 16 + 1, then at most 6 in the tree that joins the partial sums, and for L2 two more, since
 * the rounded difference is squared: m = dim / 16 + 9 factors (1 + e), |e| <= u. Their product is
 * off 1 by at most m u / (1 - m u), which is below (m + 1) u for dim <= SIMD_DIM_MAX. The second
 * summand is the underflow of the multiply-adds, 2^-150 each, doubled for the roundings after it;
 * sums and differences do not underflow. Two instruction sets differ by at most twice the bound.
 * Beyond FLT_MAX / 2 partial sums may overflow: L2 then may be infinite, DOT infinite or NaN. The
 * bound asks for the default floating-point environment: to nearest, subnormal numbers kept.
 *
 * Error bound of COSINE over f32, any finite elements:
 *     |computed - exact| <= u * exact + 2^-37
 * The three sums are kept in double, where products of floats are exact and neither overflow nor
 * underflow. Each sum is off by at most (dim + 8) 2^-53 of |a| |b|, of |a|^2 or of |b|^2.
 * With root and quotient that moves the cosine by less than (2 dim + 24) 2^-53 < 2^-37. Then the
 * difference is rounded to float once.
 *
 * Integer kernels sum exactly. Elements are int8; dim <= SIMD_DIM_MAX keeps every sum inside int32:
 * 16384 * 255 * 255 = 1,065,369,600 < 2^31. L2 and DOT are the exact sum rounded to float once,
 * COSINE is one expression of three exact sums and obeys the bound above.
 */
#ifndef AKIN_SIMD_AKIN_SIMD_H
#define AKIN_SIMD_AKIN_SIMD_H

#include <stddef.h>
#include <stdint.h>

#define SIMD_DIM_MAX 16384

/* One bit for each feature a table may rely on. SIMD_PORTABLE is the empty set. */
enum simd_feature {
    SIMD_PORTABLE = 0,
    SIMD_AVX2 = 1u << 0,        /* AVX2 and FMA3, with the operating system saving ymm state */
    SIMD_AVX512 = 1u << 1,      /* AVX-512 F, BW, DQ, VL, with zmm state saved */
    SIMD_AVX512_VNNI = 1u << 2, /* AVX-512 VNNI, with zmm state saved */
    SIMD_NEON = 1u << 3,        /* reserved for arm64 */
    SIMD_ALL = 0x7fffffff       /* every bit an enumeration constant can carry */
};

/* Element types a kernel can read. The numbers equal those of enum akin_type. */
enum simd_type {
    SIMD_F32 = 1,
    SIMD_I8 = 2
    /* 3 and 4 are reserved for f16 and bf16. */
};

enum simd_op { SIMD_L2 = 0, SIMD_DOT = 1, SIMD_COSINE = 2, SIMD_OP_COUNT = 3 };

/*
 * Distance of one pair.
 *
 * Input   : a, b: `dim` elements each, 1 <= dim <= SIMD_DIM_MAX, any alignment; they may overlap.
 * Output  : the raw value of the operation as float; integer sums are rounded once, to nearest.
 * Threads : PURE.
 */
typedef float (*simd_pair_fn)(const void *a, const void *b, size_t dim);

/*
 * Distances of one query to `count` rows, `stride_bytes` apart.
 *
 * Input   : query: dim elements, any alignment; rows: the first row, any alignment; count may be 0.
 * Output  : out[i] is bit for bit what the pair kernel of the same table returns for row i, so that
 *           a result does not depend on which of the two computed it (a NaN is some NaN in both).
 * Threads : PURE. Reads nothing outside the query and the rows, nor the bytes between two rows.
 */
typedef void (*simd_many_fn)(const void *query, const void *rows, size_t stride_bytes, size_t count,
                             size_t dim, float *out);

/*
 * Squared distance or inner product of f32 in binary64, by the one order of operations of
 * simd_exact.h.
 *
 * Input   : as simd_pair_fn.
 * Output  : the same bits on every instruction set.
 * Threads : PURE.
 */
typedef double (*simd_exact_fn)(const void *a, const void *b, size_t dim);

/*
 * Inner product of a code of unsigned bytes and a query of int16.
 *
 * Input   : code, query: `count` elements each, a multiple of SIMD_CODE_STEP up to SIMD_DIM_MAX,
 *           any alignment; 255 times the sum of the magnitudes of the query fits an int32.
 * Output  : the exact sum, the same on every instruction set.
 * Threads : PURE.
 */
typedef int32_t (*simd_code_fn)(const uint8_t *code, const int16_t *query, size_t count);

/* Codes and their queries are padded with zeros to whole steps. */
#define SIMD_CODE_STEP 32

/* The kernels of one element type. */
struct simd_ops {
    simd_pair_fn pair[SIMD_OP_COUNT];
    simd_many_fn many[SIMD_OP_COUNT];
};

/* A resolved table: never changes after simd_select() returned it; lives as long as the program. */
struct simd_table {
    const char *name;  /* "portable", "avx2", "avx512", "avx512-vnni" */
    uint32_t features; /* enum simd_feature bits it relies on, those of the table below included */
    struct simd_ops f32;
    struct simd_ops i8;
    simd_exact_fn exact[SIMD_OP_COUNT]; /* f32; no SIMD_COSINE */
    simd_code_fn code_dot;
};

/*
 * The features of this machine (processor and operating system).
 *
 * Threads: PURE (cached after the first call; several first calls compute the same word).
 */
uint32_t simd_detect(void);

/*
 * The best table whose features are all in `allowed` and on this machine.
 *
 * Input   : allowed: enum simd_feature bits; SIMD_ALL for the best, 0 for the portable table.
 * Output  : never NULL.
 * Threads : PURE.
 */
const struct simd_table *simd_select(uint32_t allowed);

/*
 * The same, with `allowed` taken from the environment variable AKIN_SIMD. The name of a table
 * ("portable", "avx2", "avx512", "avx512-vnni") allows that table and those below it, so a table
 * that this machine cannot run is answered with the best one below it. "all", the empty word and an
 * unset variable allow everything. Any other word allows nothing: it is answered with the portable
 * table, because a misspelled restriction must not pass unnoticed as the fastest table.
 *
 * Threads: any; reads the environment, so nobody may change it at the same time.
 */
const struct simd_table *simd_select_from_environment(void);

/*
 * All tables this machine can run, worst first; how many there are.
 *
 * Input   : index: 0 <= index < simd_table_count(); the answer to any other index is NULL.
 * Threads : PURE.
 */
size_t simd_table_count(void);
const struct simd_table *simd_table_at(size_t index);

/* The kernels of `type` in `table`, or NULL for an unknown type. Threads: PURE. */
const struct simd_ops *simd_ops_of(const struct simd_table *table, enum simd_type type);

#endif
