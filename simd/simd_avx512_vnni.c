/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AVX-512 VNNI: the int8 kernels with multiply and add in one instruction.
 *
 * Room      : simd, behind akin_simd.h; compiled with the flags of simd_avx512.c and VNNI, called
 *             only through its table, whose f32 kernels are those of simd_avx512.c.
 * Promises  : the exact integer sums of akin_simd.h.
 *
 * The instruction multiplies unsigned by signed bytes and adds four products to an int32. So one
 * factor is taken as b + 128, by flipping its top bit, and 128 times the sum of the other factor
 * comes off at the end:
 *     sum a b   = P - 128 A       with P = sum (b + 128) a,  A = sum a
 *     sum b b   = Q - 128 B       with Q = sum (b + 128) b,  B = sum b
 *     L2        = (sum a a + 256 A) + (Q - 128 B - 2 P)
 * |P| and |Q| are at most 16384 * 255 * 128 = 534,773,760, and whatever is formed of them below
 * stays inside int32. Differences widened to int16 would need half as many instructions again.
 * The saturating form of the instruction is not used. Lanes behind the last element are zero in the
 * signed factor, so the 128 that the flipped one holds there adds nothing.
 */
#include <immintrin.h>
#include <stdbool.h>

#include "simd/simd_avx512_i8.h"
#include "simd/simd_internal.h"

/* P, Q and B of one row, before their lanes are added up. What is not asked for is not computed. */
struct terms_i32x16 {
    __m512i product;
    __m512i square;
    __m512i sum;
};

/* Of a with itself, where P is Q, and of a with b. */
struct pair_i32x16 {
    struct terms_i32x16 a;
    struct terms_i32x16 b;
};

SIMD_INLINE struct terms_i32x16 zero_terms(void)
{
    const __m512i zero_i32x16 = _mm512_setzero_si512();
    return (struct terms_i32x16){zero_i32x16, zero_i32x16, zero_i32x16};
}

SIMD_INLINE struct terms_i32x16 add_terms(struct terms_i32x16 terms, __m512i a_i8x64,
                                          __m512i b_i8x64)
{
    const __m512i b_u8x64 = _mm512_xor_si512(b_i8x64, _mm512_set1_epi8(-128));
    return (struct terms_i32x16){_mm512_dpbusd_epi32(terms.product, b_u8x64, a_i8x64),
                                 _mm512_dpbusd_epi32(terms.square, b_u8x64, b_i8x64),
                                 _mm512_dpbusd_epi32(terms.sum, _mm512_set1_epi8(1), b_i8x64)};
}

SIMD_INLINE struct terms_i32x16 terms_of(const unsigned char *a, const unsigned char *b, size_t dim)
{
    struct terms_i32x16 terms = zero_terms();
    for (; dim >= STEP; dim -= STEP, a += STEP, b += STEP) {
        terms = add_terms(terms, _mm512_loadu_si512(a), _mm512_loadu_si512(b));
    }
    if (dim > 0) {
        terms = add_terms(terms, load_rest_i8x64(a, dim), load_rest_i8x64(b, dim));
    }
    return terms;
}

SIMD_INLINE struct pair_i32x16 pair_of(const unsigned char *a, const unsigned char *b, size_t dim)
{
    struct pair_i32x16 pair = {zero_terms(), zero_terms()};
    for (; dim >= STEP; dim -= STEP, a += STEP, b += STEP) {
        const __m512i a_i8x64 = _mm512_loadu_si512(a);
        pair.a = add_terms(pair.a, a_i8x64, a_i8x64);
        pair.b = add_terms(pair.b, a_i8x64, _mm512_loadu_si512(b));
    }
    if (dim > 0) {
        const __m512i a_i8x64 = load_rest_i8x64(a, dim);
        pair.a = add_terms(pair.a, a_i8x64, a_i8x64);
        pair.b = add_terms(pair.b, a_i8x64, load_rest_i8x64(b, dim));
    }
    return pair;
}

SIMD_INLINE __m512i times_128(__m512i from)
{
    return _mm512_slli_epi32(from, 7);
}

/* Sum b b. */
SIMD_INLINE __m512i square_i32x16(struct terms_i32x16 terms)
{
    return _mm512_sub_epi32(terms.square, times_128(terms.sum));
}

/* What a query adds to every result: -128 A for DOT; sum a a + 256 A for L2. */
SIMD_INLINE __m512i query_part_i32x16(enum simd_op op, struct terms_i32x16 query)
{
    if (op == SIMD_DOT) {
        return _mm512_sub_epi32(_mm512_setzero_si512(), times_128(query.sum));
    }
    return _mm512_add_epi32(query.square, times_128(query.sum));
}

/* What a row adds: P for DOT; Q - 128 B - 2 P for L2. */
SIMD_INLINE __m512i row_part_i32x16(enum simd_op op, struct terms_i32x16 row)
{
    if (op == SIMD_DOT) {
        return row.product;
    }
    return _mm512_sub_epi32(square_i32x16(row), _mm512_slli_epi32(row.product, 1));
}

SIMD_INLINE float pair_i8(enum simd_op op, const unsigned char *a, const unsigned char *b,
                          size_t dim)
{
    const struct pair_i32x16 pair = pair_of(a, b, dim);
    return (float)_mm512_reduce_add_epi32(
        _mm512_add_epi32(query_part_i32x16(op, pair.a), row_part_i32x16(op, pair.b)));
}

SIMD_INLINE __m128i four_rows_i8(enum simd_op op, const struct simd_scan *scan, size_t first,
                                 bool prefetch, size_t ahead_bytes)
{
    const size_t stride = scan->stride_bytes;
    const unsigned char *query = scan->query;
    const unsigned char *row = scan->rows + first * stride;
    struct terms_i32x16 terms0 = zero_terms();
    struct terms_i32x16 terms1 = zero_terms();
    struct terms_i32x16 terms2 = zero_terms();
    struct terms_i32x16 terms3 = zero_terms();
    size_t rest = scan->dim;
    for (; rest >= STEP; rest -= STEP, query += STEP, row += STEP) {
        const __m512i part_i8x64 = _mm512_loadu_si512(query);
        terms0 = add_terms(terms0, part_i8x64, _mm512_loadu_si512(row));
        terms1 = add_terms(terms1, part_i8x64, _mm512_loadu_si512(row + stride));
        terms2 = add_terms(terms2, part_i8x64, _mm512_loadu_si512(row + 2 * stride));
        terms3 = add_terms(terms3, part_i8x64, _mm512_loadu_si512(row + 3 * stride));
        prefetch_group(prefetch, row + ahead_bytes, stride);
    }
    if (rest > 0) {
        const __m512i part_i8x64 = load_rest_i8x64(query, rest);
        terms0 = add_terms(terms0, part_i8x64, load_rest_i8x64(row, rest));
        terms1 = add_terms(terms1, part_i8x64, load_rest_i8x64(row + stride, rest));
        terms2 = add_terms(terms2, part_i8x64, load_rest_i8x64(row + 2 * stride, rest));
        terms3 = add_terms(terms3, part_i8x64, load_rest_i8x64(row + 3 * stride, rest));
        prefetch_group(prefetch, row + ahead_bytes, stride);
    }
    return totals_i32x4(
        (struct rows_i32x16){row_part_i32x16(op, terms0), row_part_i32x16(op, terms1),
                             row_part_i32x16(op, terms2), row_part_i32x16(op, terms3)});
}

SIMD_INLINE void scan_i8(enum simd_op op, const struct simd_scan *scan)
{
    const int32_t query = _mm512_reduce_add_epi32(
        query_part_i32x16(op, terms_of(scan->query, scan->query, scan->dim)));
    const __m128i query_i32x4 = _mm_set1_epi32(query);
    const struct simd_ahead ahead = simd_ahead_of(scan, GROUP);
    size_t i = 0;
    for (; i < ahead.count; i += GROUP) {
        const __m128i rows_i32x4 = four_rows_i8(op, scan, i, true, ahead.bytes);
        _mm_storeu_ps(scan->out + i, _mm_cvtepi32_ps(_mm_add_epi32(query_i32x4, rows_i32x4)));
    }
    for (; i + GROUP <= scan->count; i += GROUP) {
        const __m128i rows_i32x4 = four_rows_i8(op, scan, i, false, 0);
        _mm_storeu_ps(scan->out + i, _mm_cvtepi32_ps(_mm_add_epi32(query_i32x4, rows_i32x4)));
    }
    for (; i < scan->count; ++i) {
        const unsigned char *row = scan->rows + i * scan->stride_bytes;
        const struct terms_i32x16 terms = terms_of(scan->query, row, scan->dim);
        scan->out[i] = (float)(query + _mm512_reduce_add_epi32(row_part_i32x16(op, terms)));
    }
}

SIMD_INLINE float cosine_of(struct pair_i32x16 pair)
{
    const __m512i dot_i32x16 = _mm512_sub_epi32(pair.b.product, times_128(pair.a.sum));
    return simd_cosine_of((struct simd_cosine_sums){
        _mm512_reduce_add_epi32(dot_i32x16),
        _mm512_reduce_add_epi32(square_i32x16(pair.a)),
        _mm512_reduce_add_epi32(square_i32x16(pair.b)),
    });
}

SIMD_INLINE void scan_cosine_i8(const struct simd_scan *scan)
{
    const struct simd_ahead ahead = simd_ahead_of(scan, 1);
    const unsigned char *row = scan->rows;
    struct pair_i32x16 pair = {terms_of(scan->query, scan->query, scan->dim), zero_terms()};
    for (size_t i = 0; i < scan->count; ++i, row += scan->stride_bytes) {
        if (i < ahead.count) {
            simd_prefetch(row + ahead.bytes, scan->dim);
        }
        pair.b = terms_of(scan->query, row, scan->dim);
        scan->out[i] = cosine_of(pair);
    }
}

static float akin_l2_i8_avx512_vnni(const void *a, const void *b, size_t dim)
{
    return pair_i8(SIMD_L2, a, b, dim);
}

static float akin_dot_i8_avx512_vnni(const void *a, const void *b, size_t dim)
{
    return pair_i8(SIMD_DOT, a, b, dim);
}

static float akin_cosine_i8_avx512_vnni(const void *a, const void *b, size_t dim)
{
    return cosine_of(pair_of(a, b, dim));
}

static void akin_l2_many_i8_avx512_vnni(const void *query, const void *rows, size_t stride_bytes,
                                        size_t count, size_t dim, float *out)
{
    const struct simd_scan scan = {query, rows, stride_bytes, count, dim, out};
    scan_i8(SIMD_L2, &scan);
}

static void akin_dot_many_i8_avx512_vnni(const void *query, const void *rows, size_t stride_bytes,
                                         size_t count, size_t dim, float *out)
{
    const struct simd_scan scan = {query, rows, stride_bytes, count, dim, out};
    scan_i8(SIMD_DOT, &scan);
}

static void akin_cosine_many_i8_avx512_vnni(const void *query, const void *rows,
                                            size_t stride_bytes, size_t count, size_t dim,
                                            float *out)
{
    const struct simd_scan scan = {query, rows, stride_bytes, count, dim, out};
    scan_cosine_i8(&scan);
}

static int32_t akin_code_dot_avx512_vnni(const uint8_t *code, const int16_t *query, size_t count)
{
    return code_dot(code, query, count);
}

const struct simd_table akin_table_avx512_vnni = {
    .name = "avx512-vnni",
    .features = SIMD_AVX2 | SIMD_AVX512 | SIMD_AVX512_VNNI,
    .f32 = {.pair = {[SIMD_L2] = akin_l2_f32_avx512,
                     [SIMD_DOT] = akin_dot_f32_avx512,
                     [SIMD_COSINE] = akin_cosine_f32_avx512},
            .many = {[SIMD_L2] = akin_l2_many_f32_avx512,
                     [SIMD_DOT] = akin_dot_many_f32_avx512,
                     [SIMD_COSINE] = akin_cosine_many_f32_avx512}},
    .i8 = {.pair = {[SIMD_L2] = akin_l2_i8_avx512_vnni,
                    [SIMD_DOT] = akin_dot_i8_avx512_vnni,
                    [SIMD_COSINE] = akin_cosine_i8_avx512_vnni},
           .many = {[SIMD_L2] = akin_l2_many_i8_avx512_vnni,
                    [SIMD_DOT] = akin_dot_many_i8_avx512_vnni,
                    [SIMD_COSINE] = akin_cosine_many_i8_avx512_vnni}},
    .exact = {[SIMD_L2] = akin_exact_l2_f32_avx512, [SIMD_DOT] = akin_exact_dot_f32_avx512},
    .code_dot = akin_code_dot_avx512_vnni,
};
