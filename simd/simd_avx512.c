/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AVX-512 F, BW, DQ, VL: every kernel in 512-bit registers.
 *
 * Room      : simd, behind akin_simd.h; compiled with those four flags, called only through its
 *             table. simd_avx512_vnni.c takes the f32 kernels from here.
 * Promises  : the bounds and exactness of akin_simd.h.
 *
 * f32 L2, DOT: element i goes to partial sum i mod 64 by one fused multiply-add, in 4 registers of
 *             16 lanes; the last dim mod 64 elements the same, by masked loads: the lanes behind
 *             them read as zero and their memory is not touched. The tree: (r0 + r1) + (r2 + r3),
 *             then lanes 8 apart, 4 apart, 2 apart, 1 apart.
 * f32 COSINE: three sums of 16 doubles, element i to lane i mod 16; tree 8, 4, 2, 1 apart.
 * i8        : differences and elements widen to int16; a product sum of two neighbours is at most
 *             2 * 255 * 255, added in int32. Lanes behind the last element are zero.
 * `many` takes four rows at a time so that they share the loads of the query, and joins the trees
 * of the four. Each row is summed in the order above, whatever its group.
 */
#include <immintrin.h>
#include <stdbool.h>

#include "simd/simd_avx512_i8.h"
#include "simd/simd_exact.h"
#include "simd/simd_internal.h"

/* Sixty-four floats. */
struct f32x64 {
    __m512 part0;
    __m512 part1;
    __m512 part2;
    __m512 part3;
};

enum { F32_STEP_BYTES = 256 };

SIMD_INLINE struct f32x64 load_f32x64(const unsigned char *at)
{
    return (struct f32x64){_mm512_loadu_ps(at), _mm512_loadu_ps(at + 64), _mm512_loadu_ps(at + 128),
                           _mm512_loadu_ps(at + 192)};
}

/* The first `count` elements, 0 < count < 64, and zeros. */
SIMD_INLINE struct f32x64 load_rest_f32x64(const unsigned char *at, size_t count)
{
    const uint64_t lanes = ((uint64_t)1 << count) - 1;
    return (struct f32x64){_mm512_maskz_loadu_ps((__mmask16)(lanes & 0xffff), at),
                           _mm512_maskz_loadu_ps((__mmask16)(lanes >> 16 & 0xffff), at + 64),
                           _mm512_maskz_loadu_ps((__mmask16)(lanes >> 32 & 0xffff), at + 128),
                           _mm512_maskz_loadu_ps((__mmask16)(lanes >> 48), at + 192)};
}

SIMD_INLINE struct f32x64 zero_f32x64(void)
{
    const __m512 zero_f32x16 = _mm512_setzero_ps();
    return (struct f32x64){zero_f32x16, zero_f32x16, zero_f32x16, zero_f32x16};
}

SIMD_INLINE __m512 add_term_f32x16(enum simd_op op, __m512 sum, __m512 query, __m512 row)
{
    if (op == SIMD_DOT) {
        return _mm512_fmadd_ps(query, row, sum);
    }
    const __m512 difference_f32x16 = _mm512_sub_ps(query, row);
    return _mm512_fmadd_ps(difference_f32x16, difference_f32x16, sum);
}

SIMD_INLINE struct f32x64 add_terms_f32x64(enum simd_op op, struct f32x64 sum, struct f32x64 query,
                                           struct f32x64 row)
{
    return (struct f32x64){add_term_f32x16(op, sum.part0, query.part0, row.part0),
                           add_term_f32x16(op, sum.part1, query.part1, row.part1),
                           add_term_f32x16(op, sum.part2, query.part2, row.part2),
                           add_term_f32x16(op, sum.part3, query.part3, row.part3)};
}

SIMD_INLINE __m512 join_f32x64(struct f32x64 sum)
{
    return _mm512_add_ps(_mm512_add_ps(sum.part0, sum.part1), _mm512_add_ps(sum.part2, sum.part3));
}

SIMD_INLINE float total_f32x64(struct f32x64 sum)
{
    const __m512 sum_f32x16 = join_f32x64(sum);
    const __m256 sum_f32x8 =
        _mm256_add_ps(_mm512_castps512_ps256(sum_f32x16), _mm512_extractf32x8_ps(sum_f32x16, 1));
    __m128 sum_f32x4 =
        _mm_add_ps(_mm256_castps256_ps128(sum_f32x8), _mm256_extractf128_ps(sum_f32x8, 1));
    sum_f32x4 = _mm_add_ps(sum_f32x4, _mm_permute_ps(sum_f32x4, 0x4e));
    sum_f32x4 = _mm_add_ps(sum_f32x4, _mm_permute_ps(sum_f32x4, 0xb1));
    return _mm_cvtss_f32(sum_f32x4);
}

/*
 * The totals of four rows, lane for lane the tree of total_f32x64(). Quarters of the registers are
 * gathered so that one addition serves several rows.
 */
SIMD_INLINE __m128 totals_f32x4(struct f32x64 sum0, struct f32x64 sum1, struct f32x64 sum2,
                                struct f32x64 sum3)
{
    const __m512 row0_f32x16 = join_f32x64(sum0);
    const __m512 row1_f32x16 = join_f32x64(sum1);
    const __m512 row2_f32x16 = join_f32x64(sum2);
    const __m512 row3_f32x16 = join_f32x64(sum3);
    /* Quarters 0 and 1, then 2 and 3, of two rows: lanes 8 apart meet. */
    const __m512 rows01_f32x16 =
        _mm512_add_ps(_mm512_shuffle_f32x4(row0_f32x16, row1_f32x16, 0x44),
                      _mm512_shuffle_f32x4(row0_f32x16, row1_f32x16, 0xee));
    const __m512 rows23_f32x16 =
        _mm512_add_ps(_mm512_shuffle_f32x4(row2_f32x16, row3_f32x16, 0x44),
                      _mm512_shuffle_f32x4(row2_f32x16, row3_f32x16, 0xee));
    /* Even quarters, then odd ones, of four rows: lanes 4 apart meet. */
    __m512 rows_f32x16 = _mm512_add_ps(_mm512_shuffle_f32x4(rows01_f32x16, rows23_f32x16, 0x88),
                                       _mm512_shuffle_f32x4(rows01_f32x16, rows23_f32x16, 0xdd));
    rows_f32x16 = _mm512_add_ps(rows_f32x16, _mm512_permute_ps(rows_f32x16, 0x4e));
    rows_f32x16 = _mm512_add_ps(rows_f32x16, _mm512_permute_ps(rows_f32x16, 0xb1));
    return _mm512_castps512_ps128(_mm512_maskz_compress_ps(0x1111, rows_f32x16));
}

SIMD_INLINE float pair_f32(enum simd_op op, const unsigned char *a, const unsigned char *b,
                           size_t dim)
{
    struct f32x64 sum = zero_f32x64();
    for (; dim >= STEP; dim -= STEP, a += F32_STEP_BYTES, b += F32_STEP_BYTES) {
        sum = add_terms_f32x64(op, sum, load_f32x64(a), load_f32x64(b));
    }
    if (dim > 0) {
        sum = add_terms_f32x64(op, sum, load_rest_f32x64(a, dim), load_rest_f32x64(b, dim));
    }
    return total_f32x64(sum);
}

/* Hints for one step of a row, four lines. Placed between the rows of a group, not in one burst. */
SIMD_INLINE void prefetch_f32x64(bool wanted, const unsigned char *at)
{
    if (wanted) {
        __builtin_prefetch(at);
        __builtin_prefetch(at + 64);
        __builtin_prefetch(at + 128);
        __builtin_prefetch(at + 192);
    }
}

SIMD_INLINE void four_rows_f32(enum simd_op op, const struct simd_scan *scan, size_t first,
                               bool prefetch, size_t ahead_bytes)
{
    const size_t stride = scan->stride_bytes;
    const unsigned char *query = scan->query;
    const unsigned char *row = scan->rows + first * stride;
    const unsigned char *ahead = row + ahead_bytes;
    struct f32x64 sum0 = zero_f32x64();
    struct f32x64 sum1 = zero_f32x64();
    struct f32x64 sum2 = zero_f32x64();
    struct f32x64 sum3 = zero_f32x64();
    size_t rest = scan->dim;
    for (; rest >= STEP; rest -= STEP) {
        const struct f32x64 part = load_f32x64(query);
        sum0 = add_terms_f32x64(op, sum0, part, load_f32x64(row));
        prefetch_f32x64(prefetch, ahead);
        sum1 = add_terms_f32x64(op, sum1, part, load_f32x64(row + stride));
        prefetch_f32x64(prefetch, ahead + stride);
        sum2 = add_terms_f32x64(op, sum2, part, load_f32x64(row + 2 * stride));
        prefetch_f32x64(prefetch, ahead + 2 * stride);
        sum3 = add_terms_f32x64(op, sum3, part, load_f32x64(row + 3 * stride));
        prefetch_f32x64(prefetch, ahead + 3 * stride);
        query += F32_STEP_BYTES;
        row += F32_STEP_BYTES;
        ahead += F32_STEP_BYTES;
    }
    if (rest > 0) {
        const struct f32x64 part = load_rest_f32x64(query, rest);
        sum0 = add_terms_f32x64(op, sum0, part, load_rest_f32x64(row, rest));
        sum1 = add_terms_f32x64(op, sum1, part, load_rest_f32x64(row + stride, rest));
        sum2 = add_terms_f32x64(op, sum2, part, load_rest_f32x64(row + 2 * stride, rest));
        sum3 = add_terms_f32x64(op, sum3, part, load_rest_f32x64(row + 3 * stride, rest));
        for (size_t i = 0; prefetch && i < GROUP; ++i) {
            simd_prefetch(ahead + i * stride, rest * sizeof(float));
        }
    }
    _mm_storeu_ps(scan->out + first, totals_f32x4(sum0, sum1, sum2, sum3));
}

SIMD_INLINE void scan_f32(enum simd_op op, const struct simd_scan *scan)
{
    const struct simd_ahead ahead = simd_ahead_of(scan, GROUP);
    size_t i = 0;
    for (; i < ahead.count; i += GROUP) {
        four_rows_f32(op, scan, i, true, ahead.bytes);
    }
    for (; i + GROUP <= scan->count; i += GROUP) {
        four_rows_f32(op, scan, i, false, 0);
    }
    for (; i < scan->count; ++i) {
        scan->out[i] = pair_f32(op, scan->query, scan->rows + i * scan->stride_bytes, scan->dim);
    }
}

/* Sixteen doubles. */
struct f64x16 {
    __m512d low;
    __m512d high;
};

struct cosine_f64x16 {
    struct f64x16 dot;
    struct f64x16 a_square;
    struct f64x16 b_square;
};

SIMD_INLINE struct f64x16 zero_f64x16(void)
{
    return (struct f64x16){_mm512_setzero_pd(), _mm512_setzero_pd()};
}

SIMD_INLINE struct f64x16 load_f64x16(const unsigned char *at)
{
    return (struct f64x16){_mm512_cvtps_pd(_mm256_loadu_ps((const void *)at)),
                           _mm512_cvtps_pd(_mm256_loadu_ps((const void *)(at + 32)))};
}

/* The first `count` elements, 0 < count < 16, and zeros. */
SIMD_INLINE struct f64x16 load_rest_f64x16(const unsigned char *at, size_t count)
{
    const __m512 from_f32x16 = _mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), at);
    return (struct f64x16){_mm512_cvtps_pd(_mm512_castps512_ps256(from_f32x16)),
                           _mm512_cvtps_pd(_mm512_extractf32x8_ps(from_f32x16, 1))};
}

SIMD_INLINE struct f64x16 add_product_f64x16(struct f64x16 sum, struct f64x16 a, struct f64x16 b)
{
    return (struct f64x16){_mm512_fmadd_pd(a.low, b.low, sum.low),
                           _mm512_fmadd_pd(a.high, b.high, sum.high)};
}

SIMD_INLINE double total_f64x16(struct f64x16 sum)
{
    const __m512d sum_f64x8 = _mm512_add_pd(sum.low, sum.high);
    const __m256d sum_f64x4 =
        _mm256_add_pd(_mm512_castpd512_pd256(sum_f64x8), _mm512_extractf64x4_pd(sum_f64x8, 1));
    __m128d sum_f64x2 =
        _mm_add_pd(_mm256_castpd256_pd128(sum_f64x4), _mm256_extractf128_pd(sum_f64x4, 1));
    sum_f64x2 = _mm_add_pd(sum_f64x2, _mm_permute_pd(sum_f64x2, 1));
    return _mm_cvtsd_f64(sum_f64x2);
}

SIMD_INLINE struct cosine_f64x16 add_cosine_f64x16(struct cosine_f64x16 sums, struct f64x16 a,
                                                   struct f64x16 b, bool with_a)
{
    sums.dot = add_product_f64x16(sums.dot, a, b);
    sums.b_square = add_product_f64x16(sums.b_square, b, b);
    if (with_a) {
        sums.a_square = add_product_f64x16(sums.a_square, a, a);
    }
    return sums;
}

/* The sums of a cosine in one pass. Without `with_a` the square of a stays 0: the caller has it. */
SIMD_INLINE struct simd_cosine_sums cosine_sums_f32(const unsigned char *a, const unsigned char *b,
                                                    size_t dim, bool with_a)
{
    struct cosine_f64x16 sums = {zero_f64x16(), zero_f64x16(), zero_f64x16()};
    for (; dim >= 16; dim -= 16, a += 64, b += 64) {
        sums = add_cosine_f64x16(sums, load_f64x16(a), load_f64x16(b), with_a);
    }
    if (dim > 0) {
        sums = add_cosine_f64x16(sums, load_rest_f64x16(a, dim), load_rest_f64x16(b, dim), with_a);
    }
    return (struct simd_cosine_sums){total_f64x16(sums.dot), total_f64x16(sums.a_square),
                                     total_f64x16(sums.b_square)};
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

/* Sixty-four elements, widened. */
struct i16x64 {
    __m512i low;
    __m512i high;
};

SIMD_INLINE struct i16x64 load_i16x64(const unsigned char *at)
{
    return (struct i16x64){_mm512_cvtepi8_epi16(_mm256_loadu_si256((const void *)at)),
                           _mm512_cvtepi8_epi16(_mm256_loadu_si256((const void *)(at + 32)))};
}

SIMD_INLINE struct i16x64 load_rest_i16x64(const unsigned char *at, size_t count)
{
    const __m512i from_i8x64 = load_rest_i8x64(at, count);
    return (struct i16x64){_mm512_cvtepi8_epi16(_mm512_castsi512_si256(from_i8x64)),
                           _mm512_cvtepi8_epi16(_mm512_extracti64x4_epi64(from_i8x64, 1))};
}

SIMD_INLINE struct i16x64 difference_i16x64(struct i16x64 a, struct i16x64 b)
{
    return (struct i16x64){_mm512_sub_epi16(a.low, b.low), _mm512_sub_epi16(a.high, b.high)};
}

SIMD_INLINE __m512i add_terms_i32x16(enum simd_op op, __m512i sum, struct i16x64 query,
                                     struct i16x64 row)
{
    const struct i16x64 difference = difference_i16x64(query, row);
    const struct i16x64 left = op == SIMD_L2 ? difference : query;
    const struct i16x64 right = op == SIMD_L2 ? difference : row;
    sum = _mm512_add_epi32(sum, _mm512_madd_epi16(left.low, right.low));
    return _mm512_add_epi32(sum, _mm512_madd_epi16(left.high, right.high));
}

SIMD_INLINE int32_t pair_i8(enum simd_op op, const unsigned char *a, const unsigned char *b,
                            size_t dim)
{
    __m512i sum_i32x16 = _mm512_setzero_si512();
    for (; dim >= STEP; dim -= STEP, a += STEP, b += STEP) {
        sum_i32x16 = add_terms_i32x16(op, sum_i32x16, load_i16x64(a), load_i16x64(b));
    }
    if (dim > 0) {
        sum_i32x16 =
            add_terms_i32x16(op, sum_i32x16, load_rest_i16x64(a, dim), load_rest_i16x64(b, dim));
    }
    return _mm512_reduce_add_epi32(sum_i32x16);
}

SIMD_INLINE void four_rows_i8(enum simd_op op, const struct simd_scan *scan, size_t first,
                              bool prefetch, size_t ahead_bytes)
{
    const size_t stride = scan->stride_bytes;
    const unsigned char *query = scan->query;
    const unsigned char *row = scan->rows + first * stride;
    struct rows_i32x16 sums = zero_rows_i32x16();
    size_t rest = scan->dim;
    for (; rest >= STEP; rest -= STEP, query += STEP, row += STEP) {
        const struct i16x64 part = load_i16x64(query);
        sums.row0 = add_terms_i32x16(op, sums.row0, part, load_i16x64(row));
        sums.row1 = add_terms_i32x16(op, sums.row1, part, load_i16x64(row + stride));
        sums.row2 = add_terms_i32x16(op, sums.row2, part, load_i16x64(row + 2 * stride));
        sums.row3 = add_terms_i32x16(op, sums.row3, part, load_i16x64(row + 3 * stride));
        prefetch_group(prefetch, row + ahead_bytes, stride);
    }
    if (rest > 0) {
        const struct i16x64 part = load_rest_i16x64(query, rest);
        sums.row0 = add_terms_i32x16(op, sums.row0, part, load_rest_i16x64(row, rest));
        sums.row1 = add_terms_i32x16(op, sums.row1, part, load_rest_i16x64(row + stride, rest));
        row += 2 * stride;
        sums.row2 = add_terms_i32x16(op, sums.row2, part, load_rest_i16x64(row, rest));
        sums.row3 = add_terms_i32x16(op, sums.row3, part, load_rest_i16x64(row + stride, rest));
        row -= 2 * stride;
        prefetch_group(prefetch, row + ahead_bytes, stride);
    }
    _mm_storeu_ps(scan->out + first, _mm_cvtepi32_ps(totals_i32x4(sums)));
}

SIMD_INLINE void scan_i8(enum simd_op op, const struct simd_scan *scan)
{
    const struct simd_ahead ahead = simd_ahead_of(scan, GROUP);
    size_t i = 0;
    for (; i < ahead.count; i += GROUP) {
        four_rows_i8(op, scan, i, true, ahead.bytes);
    }
    for (; i + GROUP <= scan->count; i += GROUP) {
        four_rows_i8(op, scan, i, false, 0);
    }
    for (; i < scan->count; ++i) {
        const unsigned char *row = scan->rows + i * scan->stride_bytes;
        scan->out[i] = (float)pair_i8(op, scan->query, row, scan->dim);
    }
}

struct cosine_i32x16 {
    __m512i dot;
    __m512i a_square;
    __m512i b_square;
};

SIMD_INLINE struct cosine_i32x16 add_cosine_i32x16(struct cosine_i32x16 sums, struct i16x64 a,
                                                   struct i16x64 b, bool with_a)
{
    sums.dot = add_terms_i32x16(SIMD_DOT, sums.dot, a, b);
    sums.b_square = add_terms_i32x16(SIMD_DOT, sums.b_square, b, b);
    if (with_a) {
        sums.a_square = add_terms_i32x16(SIMD_DOT, sums.a_square, a, a);
    }
    return sums;
}

/* The sums of a cosine in one pass, as for floats. */
SIMD_INLINE struct simd_cosine_sums cosine_sums_i8(const unsigned char *a, const unsigned char *b,
                                                   size_t dim, bool with_a)
{
    const __m512i zero_i32x16 = _mm512_setzero_si512();
    struct cosine_i32x16 sums = {zero_i32x16, zero_i32x16, zero_i32x16};
    for (; dim >= STEP; dim -= STEP, a += STEP, b += STEP) {
        sums = add_cosine_i32x16(sums, load_i16x64(a), load_i16x64(b), with_a);
    }
    if (dim > 0) {
        sums = add_cosine_i32x16(sums, load_rest_i16x64(a, dim), load_rest_i16x64(b, dim), with_a);
    }
    return (struct simd_cosine_sums){_mm512_reduce_add_epi32(sums.dot),
                                     _mm512_reduce_add_epi32(sums.a_square),
                                     _mm512_reduce_add_epi32(sums.b_square)};
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

float akin_l2_f32_avx512(const void *a, const void *b, size_t dim)
{
    return pair_f32(SIMD_L2, a, b, dim);
}

float akin_dot_f32_avx512(const void *a, const void *b, size_t dim)
{
    return pair_f32(SIMD_DOT, a, b, dim);
}

float akin_cosine_f32_avx512(const void *a, const void *b, size_t dim)
{
    return simd_cosine_of(cosine_sums_f32(a, b, dim, true));
}

void akin_l2_many_f32_avx512(const void *query, const void *rows, size_t stride_bytes, size_t count,
                             size_t dim, float *out)
{
    const struct simd_scan scan = {query, rows, stride_bytes, count, dim, out};
    scan_f32(SIMD_L2, &scan);
}

void akin_dot_many_f32_avx512(const void *query, const void *rows, size_t stride_bytes,
                              size_t count, size_t dim, float *out)
{
    const struct simd_scan scan = {query, rows, stride_bytes, count, dim, out};
    scan_f32(SIMD_DOT, &scan);
}

void akin_cosine_many_f32_avx512(const void *query, const void *rows, size_t stride_bytes,
                                 size_t count, size_t dim, float *out)
{
    const struct simd_scan scan = {query, rows, stride_bytes, count, dim, out};
    scan_cosine_f32(&scan);
}

static float akin_l2_i8_avx512(const void *a, const void *b, size_t dim)
{
    return (float)pair_i8(SIMD_L2, a, b, dim);
}

static float akin_dot_i8_avx512(const void *a, const void *b, size_t dim)
{
    return (float)pair_i8(SIMD_DOT, a, b, dim);
}

static float akin_cosine_i8_avx512(const void *a, const void *b, size_t dim)
{
    return simd_cosine_of(cosine_sums_i8(a, b, dim, true));
}

static void akin_l2_many_i8_avx512(const void *query, const void *rows, size_t stride_bytes,
                                   size_t count, size_t dim, float *out)
{
    const struct simd_scan scan = {query, rows, stride_bytes, count, dim, out};
    scan_i8(SIMD_L2, &scan);
}

static void akin_dot_many_i8_avx512(const void *query, const void *rows, size_t stride_bytes,
                                    size_t count, size_t dim, float *out)
{
    const struct simd_scan scan = {query, rows, stride_bytes, count, dim, out};
    scan_i8(SIMD_DOT, &scan);
}

static void akin_cosine_many_i8_avx512(const void *query, const void *rows, size_t stride_bytes,
                                       size_t count, size_t dim, float *out)
{
    const struct simd_scan scan = {query, rows, stride_bytes, count, dim, out};
    scan_cosine_i8(&scan);
}

static int32_t akin_code_dot_avx512(const uint8_t *code, const int16_t *query, size_t count)
{
    return code_dot(code, query, count);
}

double akin_exact_l2_f32_avx512(const void *a, const void *b, size_t dim)
{
    return exact_sum_f32(SIMD_L2, a, b, dim);
}

double akin_exact_dot_f32_avx512(const void *a, const void *b, size_t dim)
{
    return exact_sum_f32(SIMD_DOT, a, b, dim);
}

const struct simd_table akin_table_avx512 = {
    .name = "avx512",
    .features = SIMD_AVX2 | SIMD_AVX512,
    .f32 = {.pair = {[SIMD_L2] = akin_l2_f32_avx512,
                     [SIMD_DOT] = akin_dot_f32_avx512,
                     [SIMD_COSINE] = akin_cosine_f32_avx512},
            .many = {[SIMD_L2] = akin_l2_many_f32_avx512,
                     [SIMD_DOT] = akin_dot_many_f32_avx512,
                     [SIMD_COSINE] = akin_cosine_many_f32_avx512}},
    .i8 = {.pair = {[SIMD_L2] = akin_l2_i8_avx512,
                    [SIMD_DOT] = akin_dot_i8_avx512,
                    [SIMD_COSINE] = akin_cosine_i8_avx512},
           .many = {[SIMD_L2] = akin_l2_many_i8_avx512,
                    [SIMD_DOT] = akin_dot_many_i8_avx512,
                    [SIMD_COSINE] = akin_cosine_many_i8_avx512}},
    .exact = {[SIMD_L2] = akin_exact_l2_f32_avx512, [SIMD_DOT] = akin_exact_dot_f32_avx512},
    .code_dot = akin_code_dot_avx512,
};
