/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AVX2 and FMA: every kernel in 256-bit registers.
 *
 * Room      : simd, behind akin_simd.h; compiled with -mavx2 -mfma, called only through its table.
 * Promises  : the bounds and exactness of akin_simd.h.
 *
 * f32 L2, DOT: element i goes to partial sum i mod 32 by one fused multiply-add, in 4 registers of
 *             8 lanes; the last dim mod 32 elements the same, by masked loads: the lanes behind
 *             them read as zero and their memory is not touched. The tree: (r0 + r1) + (r2 + r3),
 *             then lanes 4 apart, 2 apart, 1 apart.
 * f32 COSINE: three sums of 8 doubles, element i to lane i mod 8; tree 4, 2, 1 apart.
 * i8        : differences and elements widen to int16; a product sum of two neighbours is at most
 *             2 * 255 * 255, added in int32. The last dim mod 16 elements are added one by one.
 * `many` takes several rows at a time so that they share the loads of the query. Each row is summed
 * in the order above, whatever its group.
 */
#include <immintrin.h>
#include <stdbool.h>

#include "simd/simd_exact.h"
#include "simd/simd_internal.h"

/* Thirty-two floats. */
struct f32x32 {
    __m256 part0;
    __m256 part1;
    __m256 part2;
    __m256 part3;
};

enum { F32X32_BYTES = 128, F32_GROUP = 2, I8_STEP = 16, I8_GROUP = 4 };

SIMD_INLINE __m256 load_f32x8(const unsigned char *at)
{
    return _mm256_loadu_ps((const void *)at);
}

/* Ones in the lanes of the elements `first`..`first` + 7 that are among the first `count`. */
SIMD_INLINE __m256i lanes_below(size_t count, size_t first)
{
    const __m256i lane_i32x8 = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count - (int)first), lane_i32x8);
}

/* Lanes behind the first `count` elements are zero and their memory is not touched. */
SIMD_INLINE __m256 load_rest_f32x8(const unsigned char *at, size_t count, size_t first)
{
    const void *part = at + first * sizeof(float);
    return _mm256_maskload_ps(part, lanes_below(count, first));
}

SIMD_INLINE struct f32x32 load_f32x32(const unsigned char *at)
{
    return (struct f32x32){load_f32x8(at), load_f32x8(at + 32), load_f32x8(at + 64),
                           load_f32x8(at + 96)};
}

SIMD_INLINE struct f32x32 load_rest_f32x32(const unsigned char *at, size_t count)
{
    return (struct f32x32){load_rest_f32x8(at, count, 0), load_rest_f32x8(at, count, 8),
                           load_rest_f32x8(at, count, 16), load_rest_f32x8(at, count, 24)};
}

SIMD_INLINE struct f32x32 zero_f32x32(void)
{
    const __m256 zero_f32x8 = _mm256_setzero_ps();
    return (struct f32x32){zero_f32x8, zero_f32x8, zero_f32x8, zero_f32x8};
}

SIMD_INLINE __m256 add_term_f32x8(enum simd_op op, __m256 sum, __m256 query, __m256 row)
{
    if (op == SIMD_DOT) {
        return _mm256_fmadd_ps(query, row, sum);
    }
    const __m256 difference_f32x8 = _mm256_sub_ps(query, row);
    return _mm256_fmadd_ps(difference_f32x8, difference_f32x8, sum);
}

SIMD_INLINE struct f32x32 add_terms_f32x32(enum simd_op op, struct f32x32 sum, struct f32x32 query,
                                           struct f32x32 row)
{
    return (struct f32x32){add_term_f32x8(op, sum.part0, query.part0, row.part0),
                           add_term_f32x8(op, sum.part1, query.part1, row.part1),
                           add_term_f32x8(op, sum.part2, query.part2, row.part2),
                           add_term_f32x8(op, sum.part3, query.part3, row.part3)};
}

SIMD_INLINE float total_f32x32(struct f32x32 sum)
{
    const __m256 sum_f32x8 =
        _mm256_add_ps(_mm256_add_ps(sum.part0, sum.part1), _mm256_add_ps(sum.part2, sum.part3));
    __m128 sum_f32x4 =
        _mm_add_ps(_mm256_castps256_ps128(sum_f32x8), _mm256_extractf128_ps(sum_f32x8, 1));
    sum_f32x4 = _mm_add_ps(sum_f32x4, _mm_permute_ps(sum_f32x4, 0x4e));
    sum_f32x4 = _mm_add_ps(sum_f32x4, _mm_permute_ps(sum_f32x4, 0xb1));
    return _mm_cvtss_f32(sum_f32x4);
}

SIMD_INLINE float pair_f32(enum simd_op op, const unsigned char *a, const unsigned char *b,
                           size_t dim)
{
    struct f32x32 sum = zero_f32x32();
    for (; dim >= 32; dim -= 32, a += F32X32_BYTES, b += F32X32_BYTES) {
        sum = add_terms_f32x32(op, sum, load_f32x32(a), load_f32x32(b));
    }
    if (dim > 0) {
        sum = add_terms_f32x32(op, sum, load_rest_f32x32(a, dim), load_rest_f32x32(b, dim));
    }
    return total_f32x32(sum);
}

/* Two rows: eight sums, four registers of the query, four for differences fill the sixteen. */
SIMD_INLINE void two_rows_f32(enum simd_op op, const struct simd_scan *scan, size_t first,
                              bool prefetch, size_t ahead_bytes)
{
    const unsigned char *query = scan->query;
    const unsigned char *row0 = scan->rows + first * scan->stride_bytes;
    const unsigned char *row1 = row0 + scan->stride_bytes;
    struct f32x32 sum0 = zero_f32x32();
    struct f32x32 sum1 = zero_f32x32();
    size_t at = 0;
    size_t rest = scan->dim;
    for (; rest >= 32; rest -= 32, at += F32X32_BYTES) {
        const struct f32x32 part = load_f32x32(query + at);
        sum0 = add_terms_f32x32(op, sum0, part, load_f32x32(row0 + at));
        sum1 = add_terms_f32x32(op, sum1, part, load_f32x32(row1 + at));
        if (prefetch) {
            __builtin_prefetch(row0 + at + ahead_bytes);
            __builtin_prefetch(row0 + at + ahead_bytes + 64);
            __builtin_prefetch(row1 + at + ahead_bytes);
            __builtin_prefetch(row1 + at + ahead_bytes + 64);
        }
    }
    if (rest > 0) {
        const struct f32x32 part = load_rest_f32x32(query + at, rest);
        sum0 = add_terms_f32x32(op, sum0, part, load_rest_f32x32(row0 + at, rest));
        sum1 = add_terms_f32x32(op, sum1, part, load_rest_f32x32(row1 + at, rest));
        if (prefetch) {
            simd_prefetch(row0 + at + ahead_bytes, rest * sizeof(float));
            simd_prefetch(row1 + at + ahead_bytes, rest * sizeof(float));
        }
    }
    scan->out[first] = total_f32x32(sum0);
    scan->out[first + 1] = total_f32x32(sum1);
}

SIMD_INLINE void scan_f32(enum simd_op op, const struct simd_scan *scan)
{
    const struct simd_ahead ahead = simd_ahead_of(scan, F32_GROUP);
    size_t i = 0;
    for (; i < ahead.count; i += F32_GROUP) {
        two_rows_f32(op, scan, i, true, ahead.bytes);
    }
    for (; i + F32_GROUP <= scan->count; i += F32_GROUP) {
        two_rows_f32(op, scan, i, false, 0);
    }
    for (; i < scan->count; ++i) {
        scan->out[i] = pair_f32(op, scan->query, scan->rows + i * scan->stride_bytes, scan->dim);
    }
}

/* Eight doubles. */
struct f64x8 {
    __m256d low;
    __m256d high;
};

struct cosine_f64x8 {
    struct f64x8 dot;
    struct f64x8 a_square;
    struct f64x8 b_square;
};

SIMD_INLINE struct f64x8 zero_f64x8(void)
{
    return (struct f64x8){_mm256_setzero_pd(), _mm256_setzero_pd()};
}

SIMD_INLINE struct f64x8 load_f64x8(const unsigned char *at)
{
    return (struct f64x8){_mm256_cvtps_pd(_mm_loadu_ps((const void *)at)),
                          _mm256_cvtps_pd(_mm_loadu_ps((const void *)(at + 16)))};
}

/* The first `count` elements, 0 < count < 8, and zeros. */
SIMD_INLINE struct f64x8 load_rest_f64x8(const unsigned char *at, size_t count)
{
    const __m256 from_f32x8 = load_rest_f32x8(at, count, 0);
    return (struct f64x8){_mm256_cvtps_pd(_mm256_castps256_ps128(from_f32x8)),
                          _mm256_cvtps_pd(_mm256_extractf128_ps(from_f32x8, 1))};
}

SIMD_INLINE struct f64x8 add_product_f64x8(struct f64x8 sum, struct f64x8 a, struct f64x8 b)
{
    return (struct f64x8){_mm256_fmadd_pd(a.low, b.low, sum.low),
                          _mm256_fmadd_pd(a.high, b.high, sum.high)};
}

SIMD_INLINE double total_f64x8(struct f64x8 sum)
{
    const __m256d sum_f64x4 = _mm256_add_pd(sum.low, sum.high);
    __m128d sum_f64x2 =
        _mm_add_pd(_mm256_castpd256_pd128(sum_f64x4), _mm256_extractf128_pd(sum_f64x4, 1));
    sum_f64x2 = _mm_add_pd(sum_f64x2, _mm_permute_pd(sum_f64x2, 1));
    return _mm_cvtsd_f64(sum_f64x2);
}

SIMD_INLINE struct cosine_f64x8 add_cosine_f64x8(struct cosine_f64x8 sums, struct f64x8 a,
                                                 struct f64x8 b, bool with_a)
{
    sums.dot = add_product_f64x8(sums.dot, a, b);
    sums.b_square = add_product_f64x8(sums.b_square, b, b);
    if (with_a) {
        sums.a_square = add_product_f64x8(sums.a_square, a, a);
    }
    return sums;
}

/* The sums of a cosine in one pass. Without `with_a` the square of a stays 0: the caller has it. */
SIMD_INLINE struct simd_cosine_sums cosine_sums_f32(const unsigned char *a, const unsigned char *b,
                                                    size_t dim, bool with_a)
{
    struct cosine_f64x8 sums = {zero_f64x8(), zero_f64x8(), zero_f64x8()};
    for (; dim >= 8; dim -= 8, a += 32, b += 32) {
        sums = add_cosine_f64x8(sums, load_f64x8(a), load_f64x8(b), with_a);
    }
    if (dim > 0) {
        sums = add_cosine_f64x8(sums, load_rest_f64x8(a, dim), load_rest_f64x8(b, dim), with_a);
    }
    return (struct simd_cosine_sums){total_f64x8(sums.dot), total_f64x8(sums.a_square),
                                     total_f64x8(sums.b_square)};
}

SIMD_INLINE void scan_cosine_f32(const struct simd_scan *scan)
{
    const double query_square =
        cosine_sums_f32(scan->query, scan->query, scan->dim, false).b_square;
    const struct simd_ahead ahead = simd_ahead_of(scan, 1);
    const unsigned char *row = scan->rows;
    for (size_t i = 0; i < scan->count; ++i, row += scan->stride_bytes) {
        if (i < ahead.count) {
            simd_prefetch(row + ahead.bytes, scan->dim * sizeof(float));
        }
        struct simd_cosine_sums sums = cosine_sums_f32(scan->query, row, scan->dim, false);
        sums.a_square = query_square;
        scan->out[i] = simd_cosine_of(sums);
    }
}

SIMD_INLINE __m256i load_i16x16(const unsigned char *at)
{
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const void *)at));
}

SIMD_INLINE __m256i add_terms_i32x8(enum simd_op op, __m256i sum, __m256i query, __m256i row)
{
    if (op == SIMD_DOT) {
        return _mm256_add_epi32(sum, _mm256_madd_epi16(query, row));
    }
    const __m256i difference_i16x16 = _mm256_sub_epi16(query, row);
    return _mm256_add_epi32(sum, _mm256_madd_epi16(difference_i16x16, difference_i16x16));
}

SIMD_INLINE int32_t total_i32x8(__m256i sum)
{
    __m128i sum_i32x4 =
        _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    sum_i32x4 = _mm_add_epi32(sum_i32x4, _mm_shuffle_epi32(sum_i32x4, 0x4e));
    sum_i32x4 = _mm_add_epi32(sum_i32x4, _mm_shuffle_epi32(sum_i32x4, 0xb1));
    return _mm_cvtsi128_si32(sum_i32x4);
}

/* The last elements of a row, which do not fill a register. */
SIMD_INLINE int32_t rest_i8(enum simd_op op, const unsigned char *query, const unsigned char *row,
                            size_t count)
{
    int32_t sum = 0;
    for (size_t i = 0; i < count; ++i) {
        const int32_t query_element = (int8_t)query[i];
        const int32_t row_element = (int8_t)row[i];
        const int32_t difference = query_element - row_element;
        sum += op == SIMD_DOT ? query_element * row_element : difference * difference;
    }
    return sum;
}

SIMD_INLINE int32_t pair_i8(enum simd_op op, const unsigned char *a, const unsigned char *b,
                            size_t dim)
{
    __m256i sum_i32x8 = _mm256_setzero_si256();
    for (; dim >= I8_STEP; dim -= I8_STEP, a += I8_STEP, b += I8_STEP) {
        sum_i32x8 = add_terms_i32x8(op, sum_i32x8, load_i16x16(a), load_i16x16(b));
    }
    return total_i32x8(sum_i32x8) + rest_i8(op, a, b, dim);
}

/* Hints for one line of each row of a group. */
SIMD_INLINE void prefetch_group(const unsigned char *at, size_t stride_bytes)
{
    __builtin_prefetch(at);
    __builtin_prefetch(at + stride_bytes);
    __builtin_prefetch(at + 2 * stride_bytes);
    __builtin_prefetch(at + 3 * stride_bytes);
}

SIMD_INLINE void four_rows_i8(enum simd_op op, const struct simd_scan *scan, size_t first,
                              bool prefetch, size_t ahead_bytes)
{
    const size_t stride = scan->stride_bytes;
    const unsigned char *query = scan->query;
    const unsigned char *row = scan->rows + first * stride;
    __m256i sum0_i32x8 = _mm256_setzero_si256();
    __m256i sum1_i32x8 = _mm256_setzero_si256();
    __m256i sum2_i32x8 = _mm256_setzero_si256();
    __m256i sum3_i32x8 = _mm256_setzero_si256();
    size_t rest = scan->dim;
    for (; rest >= I8_STEP; rest -= I8_STEP, query += I8_STEP, row += I8_STEP) {
        const __m256i query_i16x16 = load_i16x16(query);
        sum0_i32x8 = add_terms_i32x8(op, sum0_i32x8, query_i16x16, load_i16x16(row));
        sum1_i32x8 = add_terms_i32x8(op, sum1_i32x8, query_i16x16, load_i16x16(row + stride));
        sum2_i32x8 = add_terms_i32x8(op, sum2_i32x8, query_i16x16, load_i16x16(row + 2 * stride));
        sum3_i32x8 = add_terms_i32x8(op, sum3_i32x8, query_i16x16, load_i16x16(row + 3 * stride));
        /* A line is four steps. */
        if (prefetch && (scan->dim - rest) % 64 == 0) {
            prefetch_group(row + ahead_bytes, stride);
        }
    }
    if (prefetch && rest > 0) {
        prefetch_group(row + ahead_bytes, stride);
    }
    float *out = scan->out + first;
    out[0] = (float)(total_i32x8(sum0_i32x8) + rest_i8(op, query, row, rest));
    out[1] = (float)(total_i32x8(sum1_i32x8) + rest_i8(op, query, row + stride, rest));
    out[2] = (float)(total_i32x8(sum2_i32x8) + rest_i8(op, query, row + 2 * stride, rest));
    out[3] = (float)(total_i32x8(sum3_i32x8) + rest_i8(op, query, row + 3 * stride, rest));
}

SIMD_INLINE void scan_i8(enum simd_op op, const struct simd_scan *scan)
{
    const size_t stride = scan->stride_bytes;
    const struct simd_ahead ahead = simd_ahead_of(scan, I8_GROUP);
    size_t i = 0;
    for (; i < ahead.count; i += I8_GROUP) {
        four_rows_i8(op, scan, i, true, ahead.bytes);
    }
    for (; i + I8_GROUP <= scan->count; i += I8_GROUP) {
        four_rows_i8(op, scan, i, false, 0);
    }
    for (; i < scan->count; ++i) {
        scan->out[i] = (float)pair_i8(op, scan->query, scan->rows + i * stride, scan->dim);
    }
}

/* The sums of a cosine in one pass, as for floats. */
SIMD_INLINE struct simd_cosine_sums cosine_sums_i8(const unsigned char *a, const unsigned char *b,
                                                   size_t dim, bool with_a)
{
    __m256i dot_i32x8 = _mm256_setzero_si256();
    __m256i a_square_i32x8 = _mm256_setzero_si256();
    __m256i b_square_i32x8 = _mm256_setzero_si256();
    for (; dim >= I8_STEP; dim -= I8_STEP, a += I8_STEP, b += I8_STEP) {
        const __m256i a_i16x16 = load_i16x16(a);
        const __m256i b_i16x16 = load_i16x16(b);
        dot_i32x8 = add_terms_i32x8(SIMD_DOT, dot_i32x8, a_i16x16, b_i16x16);
        b_square_i32x8 = add_terms_i32x8(SIMD_DOT, b_square_i32x8, b_i16x16, b_i16x16);
        if (with_a) {
            a_square_i32x8 = add_terms_i32x8(SIMD_DOT, a_square_i32x8, a_i16x16, a_i16x16);
        }
    }
    struct simd_cosine_sums sums = {0.0, 0.0, 0.0};
    sums.dot = total_i32x8(dot_i32x8) + rest_i8(SIMD_DOT, a, b, dim);
    sums.b_square = total_i32x8(b_square_i32x8) + rest_i8(SIMD_DOT, b, b, dim);
    if (with_a) {
        sums.a_square = total_i32x8(a_square_i32x8) + rest_i8(SIMD_DOT, a, a, dim);
    }
    return sums;
}

SIMD_INLINE void scan_cosine_i8(const struct simd_scan *scan)
{
    const double query_square = cosine_sums_i8(scan->query, scan->query, scan->dim, false).b_square;
    const struct simd_ahead ahead = simd_ahead_of(scan, 1);
    const unsigned char *row = scan->rows;
    for (size_t i = 0; i < scan->count; ++i, row += scan->stride_bytes) {
        if (i < ahead.count) {
            simd_prefetch(row + ahead.bytes, scan->dim);
        }
        struct simd_cosine_sums sums = cosine_sums_i8(scan->query, row, scan->dim, false);
        sums.a_square = query_square;
        scan->out[i] = simd_cosine_of(sums);
    }
}

static float akin_l2_f32_avx2(const void *a, const void *b, size_t dim)
{
    return pair_f32(SIMD_L2, a, b, dim);
}

static float akin_dot_f32_avx2(const void *a, const void *b, size_t dim)
{
    return pair_f32(SIMD_DOT, a, b, dim);
}

static float akin_cosine_f32_avx2(const void *a, const void *b, size_t dim)
{
    return simd_cosine_of(cosine_sums_f32(a, b, dim, true));
}

static void akin_l2_many_f32_avx2(const void *query, const void *rows, size_t stride_bytes,
                                  size_t count, size_t dim, float *out)
{
    const struct simd_scan scan = {query, rows, stride_bytes, count, dim, out};
    scan_f32(SIMD_L2, &scan);
}

static void akin_dot_many_f32_avx2(const void *query, const void *rows, size_t stride_bytes,
                                   size_t count, size_t dim, float *out)
{
    const struct simd_scan scan = {query, rows, stride_bytes, count, dim, out};
    scan_f32(SIMD_DOT, &scan);
}

static void akin_cosine_many_f32_avx2(const void *query, const void *rows, size_t stride_bytes,
                                      size_t count, size_t dim, float *out)
{
    const struct simd_scan scan = {query, rows, stride_bytes, count, dim, out};
    scan_cosine_f32(&scan);
}

static float akin_l2_i8_avx2(const void *a, const void *b, size_t dim)
{
    return (float)pair_i8(SIMD_L2, a, b, dim);
}

static float akin_dot_i8_avx2(const void *a, const void *b, size_t dim)
{
    return (float)pair_i8(SIMD_DOT, a, b, dim);
}

static float akin_cosine_i8_avx2(const void *a, const void *b, size_t dim)
{
    return simd_cosine_of(cosine_sums_i8(a, b, dim, true));
}

static void akin_l2_many_i8_avx2(const void *query, const void *rows, size_t stride_bytes,
                                 size_t count, size_t dim, float *out)
{
    const struct simd_scan scan = {query, rows, stride_bytes, count, dim, out};
    scan_i8(SIMD_L2, &scan);
}

static void akin_dot_many_i8_avx2(const void *query, const void *rows, size_t stride_bytes,
                                  size_t count, size_t dim, float *out)
{
    const struct simd_scan scan = {query, rows, stride_bytes, count, dim, out};
    scan_i8(SIMD_DOT, &scan);
}

static void akin_cosine_many_i8_avx2(const void *query, const void *rows, size_t stride_bytes,
                                     size_t count, size_t dim, float *out)
{
    const struct simd_scan scan = {query, rows, stride_bytes, count, dim, out};
    scan_cosine_i8(&scan);
}

/* Products of neighbors are at most 2 * 255 * 2^15, and their sums are the caller's promise. */
SIMD_INLINE __m256i add_code_i32x8(__m256i sum, const uint8_t *code, const int16_t *query)
{
    const __m256i code_i16x16 =
        _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(const void *)code));
    const __m256i query_i16x16 = _mm256_loadu_si256((const __m256i *)(const void *)query);
    return _mm256_add_epi32(sum, _mm256_madd_epi16(code_i16x16, query_i16x16));
}

static int32_t akin_code_dot_avx2(const uint8_t *code, const int16_t *query, size_t count)
{
    __m256i sum0_i32x8 = _mm256_setzero_si256();
    __m256i sum1_i32x8 = _mm256_setzero_si256();
    for (; count > 0; count -= SIMD_CODE_STEP, code += SIMD_CODE_STEP, query += SIMD_CODE_STEP) {
        sum0_i32x8 = add_code_i32x8(sum0_i32x8, code, query);
        sum1_i32x8 = add_code_i32x8(sum1_i32x8, code + 16, query + 16);
    }
    return total_i32x8(_mm256_add_epi32(sum0_i32x8, sum1_i32x8));
}

static double akin_exact_l2_f32_avx2(const void *a, const void *b, size_t dim)
{
    return exact_sum_f32(SIMD_L2, a, b, dim);
}

static double akin_exact_dot_f32_avx2(const void *a, const void *b, size_t dim)
{
    return exact_sum_f32(SIMD_DOT, a, b, dim);
}

const struct simd_table akin_table_avx2 = {
    .name = "avx2",
    .features = SIMD_AVX2,
    .f32 = {.pair = {[SIMD_L2] = akin_l2_f32_avx2,
                     [SIMD_DOT] = akin_dot_f32_avx2,
                     [SIMD_COSINE] = akin_cosine_f32_avx2},
            .many = {[SIMD_L2] = akin_l2_many_f32_avx2,
                     [SIMD_DOT] = akin_dot_many_f32_avx2,
                     [SIMD_COSINE] = akin_cosine_many_f32_avx2}},
    .i8 = {.pair = {[SIMD_L2] = akin_l2_i8_avx2,
                    [SIMD_DOT] = akin_dot_i8_avx2,
                    [SIMD_COSINE] = akin_cosine_i8_avx2},
           .many = {[SIMD_L2] = akin_l2_many_i8_avx2,
                    [SIMD_DOT] = akin_dot_many_i8_avx2,
                    [SIMD_COSINE] = akin_cosine_many_i8_avx2}},
    .exact = {[SIMD_L2] = akin_exact_l2_f32_avx2, [SIMD_DOT] = akin_exact_dot_f32_avx2},
    .code_dot = akin_code_dot_avx2,
};
