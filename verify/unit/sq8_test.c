/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of codes of eight bits.
 *
 * Goal   : an estimate is off by no more than it says; what a code excludes the float distance of
 *          the row excludes too, whatever the values; ordinary rows are told by their codes; all of
 *          it is the same on every table of kernels.
 * Method : exact distances in binary64 beside estimates; as bound of the exclusion the next float
 *          above the row's own distance, which must never be excluded. Rows that are the query, its
 *          opposite, next to it, far from the origin, of very different sizes.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "quant/sq8.h"
#include "search/rank.h"
#include "support/index_fixture.h"

enum { ROWS = 24, DIM_MAX = 1024, STRIDE_MAX = DIM_MAX + 64, ROUNDS = 4 };

static const enum akin_metric metrics[] = {AKIN_L2, AKIN_INNER_PRODUCT, AKIN_COSINE};
static const uint32_t dims[] = {1, 2, 3, 7, 8, 16, 31, 32, 33, 64, 100, 200, 384, 1000};

/* A query and rows, with what each has in codes. */
struct sample {
    struct metric metric;
    struct sq8 codec;
    struct query query;
    struct sq8_query coded;
    float vector[DIM_MAX];
    float rows[ROWS][DIM_MAX];
    float norms[ROWS];
    float ranks[ROWS];
    double exact[ROWS];
    int16_t lanes[DIM_MAX + 32];
    _Alignas(64) unsigned char codes[ROWS][STRIDE_MAX];
};

static float scale_of(const struct sample *sample, float inverse)
{
    return sample->metric.kind == AKIN_COSINE ? inverse : 1;
}

/* Some rows are near the query, or its opposite, or far from the origin on one side of it. */
static void relate(struct sample *sample, uint32_t i, uint64_t *random)
{
    const uint32_t dim = sample->metric.dim;
    float *const row = sample->rows[i];
    for (uint32_t k = 0; k < dim && i < 12; k++) {
        const float value = sample->vector[k];
        const float noise = (float)random_below(random, 1000) / 1000 - 0.5f;
        const float near[] = {value,         -value,        nextafterf(value, FLT_MAX),
                              value * 0.5f,  value + noise, value + noise / 16,
                              value * 1.01f, value + 1000,  1000 + noise,
                              1e6f + noise,  row[k] + 1e4f, k == 0 ? 1e5f : row[k]};
        row[k] = near[i];
    }
}

static void code_sample(struct sample *sample, const struct simd_table *table)
{
    struct metric *const metric = &sample->metric;
    *metric = metric_make(metric->kind, AKIN_F32, metric->dim, table);
    sample->codec = sq8_make(metric->kind, AKIN_F32, metric->dim);
    sample->codec.dot = table->code_dot;
    assert_true(sample->codec.stride_bytes <= STRIDE_MAX);
    sample->query = metric_query(metric, sample->vector);
    const struct rank rank = {
        .metric = metric, .vector = sample->vector, .inverse = (float)sample->query.inverse};
    sq8_query_make(&sample->codec, sample->vector, scale_of(sample, rank.inverse), sample->lanes,
                   &sample->coded);
    for (uint32_t i = 0; i < ROWS; i++) {
        sample->norms[i] = metric_row_norm(metric, sample->rows[i]);
        const struct slot_chunk chunk = {.norm = &sample->norms[i]};
        sample->ranks[i] = rank_row(&rank, &chunk, 0, sample->rows[i]);
        sample->exact[i] = metric_exact(metric, &sample->query, sample->rows[i]);
        sq8_encode(&sample->codec, sample->rows[i], scale_of(sample, sample->norms[i]),
                   sample->codes[i]);
    }
}

/* Call `check` for samples of every metric, dimension and spread. */
static void for_each_sample(void (*check)(const struct sample *sample, enum spread spread))
{
    static struct sample sample;
    uint64_t random = test_seed();
    for (uint32_t n = 0; n < ROUNDS * 3 * sizeof dims / sizeof dims[0] * SPREAD_COUNT; n++) {
        const enum spread spread = (enum spread)(n % SPREAD_COUNT);
        const uint32_t dim = dims[n / SPREAD_COUNT % (sizeof dims / sizeof dims[0])];
        sample.metric.kind = metrics[random_below(&random, 3)];
        sample.metric.dim = dim;
        random_row(&random, spread, AKIN_F32, dim, sample.vector);
        for (uint32_t i = 0; i < ROWS; i++) {
            const uint64_t other = random_below(&random, 3 * SPREAD_COUNT);
            random_row(&random, other < SPREAD_COUNT ? (enum spread)other : spread, AKIN_F32, dim,
                       sample.rows[i]);
            relate(&sample, i, &random);
        }
        code_sample(&sample, simd_table_at(random_below(&random, simd_table_count())));
        check(&sample, spread);
    }
}

/* From a distance to that of which the error is told. */
static double length_of(const struct sample *sample, double distance)
{
    return sqrt(fmax(distance, 0) * (sample->metric.kind == AKIN_COSINE ? 2 : 1));
}

static void check_estimates(const struct sample *sample, enum spread spread)
{
    for (uint32_t i = 0; i < ROWS; i++) {
        struct sq8_estimate estimate = {0, 0};
        if (sq8_look(&sample->coded, sample->codes[i], INFINITY, &estimate) != SQ8_ESTIMATED) {
            continue;
        }
        const double told = length_of(sample, (double)estimate.distance);
        const double exact = length_of(sample, sample->exact[i]);
        /* Rounding to a float, and directions that floats hold. */
        const double rounding = 1e-6 * told + (sample->metric.kind == AKIN_COSINE ? 1e-6 : 0);
        if (!(fabs(told - exact) <= (double)estimate.error + rounding) ||
            !((double)estimate.error <= SQ8_TOLERANCE * told * (1 + 1e-6))) {
            fail_msg("%d, dim %u, spread %d, row %u: %.9g +- %.9g, exactly %.9g",
                     (int)sample->metric.kind, sample->metric.dim, (int)spread, i, told,
                     (double)estimate.error, exact);
        }
    }
}

static void estimates_are_off_by_no_more_than_they_say(void **state)
{
    (void)state;
    for_each_sample(check_estimates);
}

static void check_exclusion(const struct sample *sample, enum spread spread)
{
    for (uint32_t i = 0; i < ROWS; i++) {
        struct sq8_estimate estimate = {0, 0};
        const float above = nextafterf(sample->ranks[i], INFINITY);
        const float farther[] = {above, INFINITY, above + fabsf(above), above * 1.0001f};
        for (size_t k = 0; k < sizeof farther / sizeof farther[0]; k++) {
            if (farther[k] >= above &&
                sq8_look(&sample->coded, sample->codes[i], farther[k], &estimate) == SQ8_EXCLUDED) {
                fail_msg("%d, dim %u, spread %d, row %u: %.9g is excluded by %.9g",
                         (int)sample->metric.kind, sample->metric.dim, (int)spread, i,
                         (double)sample->ranks[i], (double)farther[k]);
            }
        }
    }
}

static void what_is_nearer_is_never_excluded(void **state)
{
    (void)state;
    for_each_sample(check_exclusion);
}

/* Of ordinary rows that are no relatives of the query. */
static void check_usefulness(const struct sample *sample, enum spread spread)
{
    const bool is_inner = sample->metric.kind == AKIN_INNER_PRODUCT;
    if (spread != SPREAD_UNIT || sample->metric.dim < 32) {
        return;
    }
    for (uint32_t i = 12; i < ROWS; i++) {
        struct sq8_estimate estimate = {0, 0};
        const double length = metric_length(&sample->metric, sample->rows[i]);
        if (!(length > 0.1 && length < 100)) {
            continue; /* of another spread */
        }
        const float nearer = sample->ranks[i] - 0.1f * (float)(sample->query.norm * length);
        const enum sq8_verdict verdict =
            sq8_look(&sample->coded, sample->codes[i], nearer, &estimate);
        if (is_inner) {
            assert_int_equal(verdict, SQ8_EXCLUDED);
            continue;
        }
        assert_int_equal(verdict, SQ8_ESTIMATED);
        assert_true(fabs((double)estimate.distance - sample->exact[i]) < 0.01 * sample->exact[i]);
        assert_true(estimate.distance <=
                    sq8_farthest_estimate(&sample->codec, sample->exact[i], estimate.error));
    }
}

static void ordinary_rows_are_told_by_their_codes(void **state)
{
    (void)state;
    for_each_sample(check_usefulness);
}

static void check_tables(const struct sample *sample, enum spread spread)
{
    static struct sample other;
    for (size_t table = 0; table < simd_table_count(); table++) {
        other = *sample;
        code_sample(&other, simd_table_at(table));
        other.coded.codec = &other.codec;
        for (uint32_t i = 0; i < ROWS; i++) {
            struct sq8_estimate here = {0, 0};
            struct sq8_estimate there = {0, 0};
            assert_memory_equal(sample->codes[i], other.codes[i], sample->codec.stride_bytes);
            assert_int_equal(sq8_look(&sample->coded, sample->codes[i], 1, &here),
                             sq8_look(&other.coded, other.codes[i], 1, &there));
            assert_memory_equal(&here, &there, sizeof here);
        }
    }
    (void)spread;
}

static void codes_and_estimates_are_the_same_on_every_table(void **state)
{
    (void)state;
    for_each_sample(check_tables);
}

static void a_row_without_a_scale_is_asked_itself(void **state)
{
    struct sample *const sample = calloc(1, sizeof *sample);
    struct sq8_estimate estimate;
    (void)state;
    assert_non_null(sample);
    sample->metric.kind = AKIN_COSINE;
    sample->metric.dim = 8;
    for (uint32_t i = 0; i < ROWS; i++) {
        for (uint32_t k = 0; k < 8; k++) {
            sample->vector[k] = (float)k;
            sample->rows[i][k] = 1e-30f * (float)(k + i); /* its inverse length is not kept */
        }
    }
    code_sample(sample, simd_table_at(0));
    assert_true(isnan(sample->norms[1]));
    assert_int_equal(sq8_look(&sample->coded, sample->codes[1], -1, &estimate), SQ8_UNKNOWN);
    sq8_query_make(&sample->codec, sample->vector, NAN, sample->lanes, &sample->coded);
    sq8_encode(&sample->codec, sample->vector, 0.1f, sample->codes[0]);
    assert_int_equal(sq8_look(&sample->coded, sample->codes[0], -1, &estimate), SQ8_UNKNOWN);
    free(sample);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(estimates_are_off_by_no_more_than_they_say),
        cmocka_unit_test(what_is_nearer_is_never_excluded),
        cmocka_unit_test(ordinary_rows_are_told_by_their_codes),
        cmocka_unit_test(codes_and_estimates_are_the_same_on_every_table),
        cmocka_unit_test(a_row_without_a_scale_is_asked_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
