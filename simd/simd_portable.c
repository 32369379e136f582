/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The specification: every kernel in plain C, for any processor.
 *
 * Room      : simd, behind akin_simd.h.
 * Promises  : the values that all other files repeat faster. It is compiled without vectorisation,
 *             so that what the other files are compared with is this text and not a compiler's idea
 *             of it.
 *
 * Floats are summed in double and rounded once. Products of floats are exact there, so the result
 * is the exact value rounded to float, give or take dim * 2^-53 of the sum of absolute terms: far
 * inside the bound that all instruction sets share.
 *
 * Four partial sums, because one addition waits for the one before: element i goes to sum i mod 4,
 * and the last dim mod 4 elements go to the first sum.
 */
#include "simd/simd_exact.h"
#include "simd/simd_internal.h"

struct sum4 {
    double part[4];
};

static double sum4_total(const struct sum4 *sum)
{
    return (sum->part[0] + sum->part[1]) + (sum->part[2] + sum->part[3]);
}

static double element_f32(const void *vector, size_t index)
{
    return (double)simd_load_f32((const unsigned char *)vector + index * sizeof(float));
}

static double square_of_difference(const void *a, const void *b, size_t index)
{
    const double difference = element_f32(a, index) - element_f32(b, index);
    return difference * difference;
}

static double product(const void *a, const void *b, size_t index)
{
    return element_f32(a, index) * element_f32(b, index);
}

static float akin_l2_f32_portable(const void *a, const void *b, size_t dim)
{
    struct sum4 sum = {{0.0, 0.0, 0.0, 0.0}};
    size_t i = 0;
    for (; i + 4 <= dim; i += 4) {
        sum.part[0] += square_of_difference(a, b, i);
        sum.part[1] += square_of_difference(a, b, i + 1);
        sum.part[2] += square_of_difference(a, b, i + 2);
        sum.part[3] += square_of_difference(a, b, i + 3);
    }
    for (; i < dim; ++i) {
        sum.part[0] += square_of_difference(a, b, i);
    }
    return (float)sum4_total(&sum);
}

static float akin_dot_f32_portable(const void *a, const void *b, size_t dim)
{
    struct sum4 sum = {{0.0, 0.0, 0.0, 0.0}};
    size_t i = 0;
    for (; i + 4 <= dim; i += 4) {
        sum.part[0] += product(a, b, i);
        sum.part[1] += product(a, b, i + 1);
        sum.part[2] += product(a, b, i + 2);
        sum.part[3] += product(a, b, i + 3);
    }
    for (; i < dim; ++i) {
        sum.part[0] += product(a, b, i);
    }
    return (float)sum4_total(&sum);
}

/* Three chains of additions run beside each other here, so that one partial sum each is enough. */
static float akin_cosine_f32_portable(const void *a, const void *b, size_t dim)
{
    struct simd_cosine_sums sums = {0.0, 0.0, 0.0};
    for (size_t i = 0; i < dim; ++i) {
        sums.dot += product(a, b, i);
        sums.a_square += product(a, a, i);
        sums.b_square += product(b, b, i);
    }
    return simd_cosine_of(sums);
}

static int32_t element_i8(const void *vector, size_t index)
{
    return ((const int8_t *)vector)[index];
}

static float akin_l2_i8_portable(const void *a, const void *b, size_t dim)
{
    int32_t sum = 0;
    for (size_t i = 0; i < dim; ++i) {
        const int32_t difference = element_i8(a, i) - element_i8(b, i);
        sum += difference * difference;
    }
    return (float)sum;
}

static float akin_dot_i8_portable(const void *a, const void *b, size_t dim)
{
    int32_t sum = 0;
    for (size_t i = 0; i < dim; ++i) {
        sum += element_i8(a, i) * element_i8(b, i);
    }
    return (float)sum;
}

static float akin_cosine_i8_portable(const void *a, const void *b, size_t dim)
{
    int32_t dot = 0;
    int32_t a_square = 0;
    int32_t b_square = 0;
    for (size_t i = 0; i < dim; ++i) {
        const int32_t a_element = element_i8(a, i);
        const int32_t b_element = element_i8(b, i);
        dot += a_element * b_element;
        a_square += a_element * a_element;
        b_square += b_element * b_element;
    }
    return simd_cosine_of((struct simd_cosine_sums){dot, a_square, b_square});
}

static int32_t akin_code_dot_portable(const uint8_t *code, const int16_t *query, size_t count)
{
    int32_t sum = 0;
    for (size_t i = 0; i < count; ++i) {
        sum += code[i] * query[i];
    }
    return sum;
}

/* One row after the other with the pair kernel: `many` is here for the interface, not for speed. */
static void each_row(simd_pair_fn pair, const struct simd_scan *scan)
{
    for (size_t i = 0; i < scan->count; ++i) {
        scan->out[i] = pair(scan->query, scan->rows + i * scan->stride_bytes, scan->dim);
    }
}

static void akin_l2_many_f32_portable(const void *query, const void *rows, size_t stride_bytes,
                                      size_t count, size_t dim, float *out)
{
    const struct simd_scan scan = {query, rows, stride_bytes, count, dim, out};
    each_row(akin_l2_f32_portable, &scan);
}

static void akin_l2_many_i8_portable(const void *query, const void *rows, size_t stride_bytes,
                                     size_t count, size_t dim, float *out)
{
    const struct simd_scan scan = {query, rows, stride_bytes, count, dim, out};
    each_row(akin_l2_i8_portable, &scan);
}

static void akin_dot_many_f32_portable(const void *query, const void *rows, size_t stride_bytes,
                                       size_t count, size_t dim, float *out)
{
    const struct simd_scan scan = {query, rows, stride_bytes, count, dim, out};
    each_row(akin_dot_f32_portable, &scan);
}

static void akin_dot_many_i8_portable(const void *query, const void *rows, size_t stride_bytes,
                                      size_t count, size_t dim, float *out)
{
    const struct simd_scan scan = {query, rows, stride_bytes, count, dim, out};
    each_row(akin_dot_i8_portable, &scan);
}

static void akin_cosine_many_f32_portable(const void *query, const void *rows, size_t stride_bytes,
                                          size_t count, size_t dim, float *out)
{
    const struct simd_scan scan = {query, rows, stride_bytes, count, dim, out};
    each_row(akin_cosine_f32_portable, &scan);
}

static void akin_cosine_many_i8_portable(const void *query, const void *rows, size_t stride_bytes,
                                         size_t count, size_t dim, float *out)
{
    const struct simd_scan scan = {query, rows, stride_bytes, count, dim, out};
    each_row(akin_cosine_i8_portable, &scan);
}

static double akin_exact_l2_f32_portable(const void *a, const void *b, size_t dim)
{
    return exact_sum_f32(SIMD_L2, a, b, dim);
}

static double akin_exact_dot_f32_portable(const void *a, const void *b, size_t dim)
{
    return exact_sum_f32(SIMD_DOT, a, b, dim);
}

const struct simd_table akin_table_portable = {
    .name = "portable",
    .features = SIMD_PORTABLE,
    .f32 = {.pair = {[SIMD_L2] = akin_l2_f32_portable,
                     [SIMD_DOT] = akin_dot_f32_portable,
                     [SIMD_COSINE] = akin_cosine_f32_portable},
            .many = {[SIMD_L2] = akin_l2_many_f32_portable,
                     [SIMD_DOT] = akin_dot_many_f32_portable,
                     [SIMD_COSINE] = akin_cosine_many_f32_portable}},
    .i8 = {.pair = {[SIMD_L2] = akin_l2_i8_portable,
                    [SIMD_DOT] = akin_dot_i8_portable,
                    [SIMD_COSINE] = akin_cosine_i8_portable},
           .many = {[SIMD_L2] = akin_l2_many_i8_portable,
                    [SIMD_DOT] = akin_dot_many_i8_portable,
                    [SIMD_COSINE] = akin_cosine_many_i8_portable}},
    .exact = {[SIMD_L2] = akin_exact_l2_f32_portable, [SIMD_DOT] = akin_exact_dot_f32_portable},
    .code_dot = akin_code_dot_portable,
};
