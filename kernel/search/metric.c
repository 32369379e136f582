/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metrics.
 *
 * Level: search (4).
 *
 * The bounds, with u = 2^-24 and g = (dim + 16) * u, which covers the kernels' (dim + 8) * u:
 *   L2     all terms are >= 0, so raw <= exact * (1 + g), and exact >= raw / (1 + g) >= raw * (1 -
 *   g). IP     |raw - exact| <= g * sum |q_i x_i| <= g * |q| * |x| (Cauchy-Schwarz).
 *   cosine the same divided by |q| |x|; rounding 1/|x| to a float adds one u, covered by the 16.
 * A term that underflows adds at most 2^-148 each. Values that overflow become infinite or NaN;
 * then the floor proves nothing and the exact distance is computed. Norms so small or large that
 * their inverse or a product of two of them leaves the normal floats are kept as NaN, with the same
 * effect.
 */
#include "search/metric.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/float.h"
#include "base/invariant.h"

/* Vectors of such lengths keep every product of interest within the normal floats. */
#define LENGTH_MIN 1e-15
#define LENGTH_MAX 1e15

uint32_t metric_element_bytes(enum akin_type type)
{
    switch (type) {
    case AKIN_F32:
        return 4;
    case AKIN_I8:
        return 1;
    }
    return 0;
}

struct metric metric_make(enum akin_metric kind, enum akin_type type, uint32_t dim,
                          const struct simd_table *table)
{
    const struct simd_ops *const ops = simd_ops_of(table, type == AKIN_F32 ? SIMD_F32 : SIMD_I8);
    const double unit = 1.0 / (1 << 24);
    return (struct metric){
        .kind = kind,
        .type = type,
        .dim = dim,
        .row_bytes = dim * metric_element_bytes(type),
        .many = ops->many[kind == AKIN_L2 ? SIMD_L2 : SIMD_DOT],
        .pair = ops->pair[kind == AKIN_L2 ? SIMD_L2 : SIMD_DOT],
        .exact = table->exact,
        .code_dot = table->code_dot,
        .relative_error = ((double)dim + 16) * unit,
        .absolute_error = type == AKIN_F32 ? (double)dim * 0x1p-148 : 0,
    };
}

static double exact_l2_i8(const int8_t *a, const int8_t *b, uint32_t dim)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < dim; i++) {
        const int32_t difference = a[i] - b[i];
        sum += difference * difference;
    }
    return (double)sum;
}

static double exact_dot_i8(const int8_t *a, const int8_t *b, uint32_t dim)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < dim; i++) {
        sum += a[i] * b[i];
    }
    return (double)sum;
}

static double exact_dot(const struct metric *metric, const void *a, const void *b)
{
    return metric->type == AKIN_F32 ? metric->exact[SIMD_DOT](a, b, metric->dim)
                                    : exact_dot_i8(a, b, metric->dim);
}

double metric_length(const struct metric *metric, const void *vector)
{
    return sqrt(exact_dot(metric, vector, vector));
}

static bool is_ordinary(double length)
{
    return length >= LENGTH_MIN && length <= LENGTH_MAX;
}

struct query metric_query(const struct metric *metric, const void *data)
{
    struct query query = {.data = data};
    if (metric->kind != AKIN_L2) {
        query.norm = metric_length(metric, data);
    }
    if (metric->kind == AKIN_COSINE) {
        query.inverse = is_ordinary(query.norm) ? 1 / query.norm : (double)NAN;
    }
    return query;
}

float metric_row_norm(const struct metric *metric, const void *row)
{
    if (metric->kind == AKIN_L2) {
        return 0;
    }
    const double length = metric_length(metric, row);
    if (metric->kind == AKIN_COSINE) {
        return is_ordinary(length) ? (float)(1 / length) : NAN;
    }
    /* Rounded up, so that a product with it is an upper bound; infinite when it does not fit. */
    return length > (double)FLT_MAX ? INFINITY : float_above((float)length);
}

static double exact_cosine(const struct metric *metric, const struct query *query, const void *row)
{
    /* Divided one after the other: the product of the lengths may overflow. Rounding may leave the
       interval by a little; the same direction is the distance 0 and not less. */
    const double distance =
        1 - exact_dot(metric, query->data, row) / query->norm / metric_length(metric, row);
    return distance < 0 ? 0 : distance > 2 ? 2 : distance;
}

double metric_exact(const struct metric *metric, const struct query *query, const void *row)
{
    switch (metric->kind) {
    case AKIN_L2:
        return metric->type == AKIN_F32 ? metric->exact[SIMD_L2](query->data, row, metric->dim)
                                        : exact_l2_i8(query->data, row, metric->dim);
    case AKIN_INNER_PRODUCT:
        /* 0 - x: an inner product of 0 is the distance 0, not -0. */
        return 0 - exact_dot(metric, query->data, row);
    case AKIN_COSINE:
        return exact_cosine(metric, query, row);
    }
    return (double)NAN;
}

/* A raw value that overflowed or is not a number proves nothing. */
static double proven(float raw, double floor)
{
    return raw >= -FLT_MAX && raw <= FLT_MAX ? floor : -(double)INFINITY;
}

void metric_floors(const struct metric *metric, const struct query *query, const float *norms,
                   uint32_t count, const float *raw, double *floors)
{
    const double absolute = metric->absolute_error;
    if (metric->kind == AKIN_L2) {
        const double factor = 1 - metric->relative_error;
        for (uint32_t i = 0; i < count; i++) {
            floors[i] = proven(raw[i], (double)raw[i] * factor - absolute);
        }
    } else if (metric->kind == AKIN_INNER_PRODUCT) {
        const double spread = metric->relative_error * query->norm;
        for (uint32_t i = 0; i < count; i++) {
            floors[i] = proven(raw[i], -(double)raw[i] - spread * (double)norms[i] - absolute);
        }
    } else {
        const double spread = metric->relative_error;
        for (uint32_t i = 0; i < count; i++) {
            const double cosine = (double)raw[i] * (double)norms[i] * query->inverse;
            floors[i] = proven(raw[i], 1 - cosine - spread);
        }
    }
}

/* Under L2 the floor grows with the raw value alone: one comparison of floats a row. */
static uint64_t suspects_l2(const struct metric *metric, uint32_t count, const float *raw,
                            double bound)
{
    const double exact_limit = (bound + metric->absolute_error) / (1 - metric->relative_error);
    /* The next float above: a raw value beyond it has a floor beyond the bound. */
    const float limit = exact_limit < (double)FLT_MAX ? float_above((float)exact_limit) : INFINITY;
    unsigned char keep[64] = {0};
    unsigned char any = 0;
    for (uint32_t i = 0; i < count; i++) {
        /* Overflowed or not a number: not excluded. */
        keep[i] = (unsigned char)!(raw[i] > limit && raw[i] <= FLT_MAX);
        any |= keep[i];
    }
    uint64_t bits = 0;
    for (uint32_t i = 0; any != 0 && i < count; i++) {
        bits |= (uint64_t)keep[i] << i;
    }
    return bits;
}

uint64_t metric_suspects(const struct metric *metric, const struct query *query, const float *norms,
                         uint32_t count, const float *raw, double bound)
{
    double floors[64];
    uint64_t bits = 0;
    REQUIRE(count <= 64);
    if (metric->kind == AKIN_L2) {
        return suspects_l2(metric, count, raw, bound);
    }
    metric_floors(metric, query, norms, count, raw, floors);
    for (uint32_t i = 0; i < count; i++) {
        /* Not `floor <= bound`: a floor that is not a number must not exclude. */
        bits |= (uint64_t) !(floors[i] > bound) << i;
    }
    return bits;
}
