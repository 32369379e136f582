/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of metrics: exact distances, and the fast ones that may only exclude.
 *
 * Goal   : the exact distance is the true one but for rounding in binary64; a floor never lies
 *          above it, whatever the values; and floors are near enough to be worth having.
 * Method : the oracle in long double; every kernel table of this machine; values that overflow,
 *          underflow, cancel and tie.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "search/metric.h"
#include "support/index_fixture.h"
#include "support/oracle.h"

#define ROWS 24u

static const enum akin_metric metrics[] = {AKIN_L2, AKIN_INNER_PRODUCT, AKIN_COSINE};
static const enum akin_type types[] = {AKIN_F32, AKIN_I8};
static const uint32_t dims[] = {1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 64, 100, 129, 1000};

/* A query and rows of one kind. */
struct sample {
    struct metric metric;
    struct query query;
    unsigned char *data; /* the query, then the rows */
    size_t row_bytes;
    float norms[ROWS];
    double exact[ROWS];
    const char *table;
};

static unsigned char *row_of(const struct sample *sample, uint32_t i)
{
    return sample->data + (i + 1) * sample->row_bytes;
}

static float get(const unsigned char *row, uint32_t i)
{
    float value;
    memcpy(&value, row + (size_t)i * sizeof value, sizeof value);
    return value;
}

static void set(unsigned char *row, uint32_t i, float value)
{
    memcpy(row + (size_t)i * sizeof value, &value, sizeof value);
}

/* Some rows are related to the query, so that differences or sums of products cancel. */
static void relate(const struct sample *sample, uint32_t i, uint64_t *random)
{
    unsigned char *const row = row_of(sample, i);
    const uint32_t dim = sample->metric.dim;
    if (sample->metric.type != AKIN_F32 || i >= 8) {
        return;
    }
    for (uint32_t k = 0; k < dim; k++) {
        const float value = get(sample->data, k);
        switch (i) {
        case 0: /* the query itself, 1: its opposite, 2: beside it by one bit, 3: a multiple */
            set(row, k, value);
            break;
        case 1:
            set(row, k, -value);
            break;
        case 2:
            set(row, k, nextafterf(value, random_word(random) % 2 == 0 ? FLT_MAX : -FLT_MAX));
            break;
        case 3:
            set(row, k, value / 3);
            break;
        default: /* products in pairs of opposite sign */
            set(row, k,
                k % 2 == 0 && k + 1 < dim ? get(sample->data, k + 1)
                : k % 2 != 0              ? -get(sample->data, k - 1)
                                          : get(row, k));
            break;
        }
    }
}

static void sample_make(struct sample *sample, enum akin_metric kind, enum akin_type type,
                        uint32_t dim, enum spread spread, uint64_t *random)
{
    sample->metric = metric_make(kind, type, dim, simd_table_at(0));
    sample->row_bytes = dim * element_bytes_of(type);
    sample->data = malloc((ROWS + 1) * sample->row_bytes);
    assert_non_null(sample->data);
    random_row(random, spread, type, dim, sample->data);
    sample->query = metric_query(&sample->metric, sample->data);
    for (uint32_t i = 0; i < ROWS; i++) {
        const enum spread other =
            i % 3 == 2 ? (enum spread)(random_word(random) % SPREAD_COUNT) : spread;
        random_row(random, other, type, dim, row_of(sample, i));
        relate(sample, i, random);
        if (!(metric_length(&sample->metric, row_of(sample, i)) > 0)) {
            random_row(random, other, type, dim,
                       row_of(sample, i)); /* it has to have a direction */
        }
        sample->norms[i] = metric_row_norm(&sample->metric, row_of(sample, i));
        sample->exact[i] = metric_exact(&sample->metric, &sample->query, row_of(sample, i));
    }
}

/* Call `check` for samples of every metric, type, dimension and spread. */
static void for_each_sample(void (*check)(struct sample *sample, enum spread spread))
{
    uint64_t random = test_seed();
    for (size_t m = 0; m < 3; m++) {
        for (size_t t = 0; t < 2; t++) {
            for (size_t d = 0; d < sizeof dims / sizeof dims[0]; d++) {
                for (int spread = 0; spread < SPREAD_COUNT; spread++) {
                    struct sample sample;
                    sample_make(&sample, metrics[m], types[t], dims[d], (enum spread)spread,
                                &random);
                    check(&sample, (enum spread)spread);
                    free(sample.data);
                }
            }
        }
    }
}

static void check_exact(struct sample *sample, enum spread spread)
{
    const struct metric *const metric = &sample->metric;
    for (uint32_t i = 0; i < ROWS; i++) {
        const long double distance = oracle_distance(metric->kind, metric->type, metric->dim,
                                                     sample->data, row_of(sample, i));
        const long double tolerance = oracle_tolerance(metric->kind, metric->type, metric->dim,
                                                       sample->data, row_of(sample, i));
        if (!(fabsl((long double)sample->exact[i] - distance) <= tolerance)) {
            fail_msg("metric %d, type %d, dim %u, spread %d, row %u: %.17g instead of %.20Lg",
                     (int)metric->kind, (int)metric->type, metric->dim, (int)spread, i,
                     sample->exact[i], distance);
        }
        assert_true(metric->kind != AKIN_COSINE ||
                    (sample->exact[i] >= 0 && sample->exact[i] <= 2));
        assert_true(metric->kind != AKIN_L2 || sample->exact[i] >= 0);
    }
}

static void exact_distances_are_those_of_the_oracle(void **state)
{
    (void)state;
    for_each_sample(check_exact);
}

/* The floors of a sample with the kernels of a table. */
static void floors_of(struct sample *sample, const struct simd_table *table, float *raw,
                      double *floors)
{
    struct metric *const metric = &sample->metric;
    *metric = metric_make(metric->kind, metric->type, metric->dim, table);
    sample->table = table->name;
    metric->many(sample->data, row_of(sample, 0), sample->row_bytes, ROWS, metric->dim, raw);
    metric_floors(metric, &sample->query, sample->norms, ROWS, raw, floors);
}

static void check_floors(struct sample *sample, enum spread spread)
{
    float raw[ROWS];
    double floors[ROWS];
    for (size_t table = 0; table < simd_table_count(); table++) {
        floors_of(sample, simd_table_at(table), raw, floors);
        for (uint32_t i = 0; i < ROWS; i++) {
            /* Not a number: proves nothing, which is right as well. */
            if (floors[i] > sample->exact[i]) {
                fail_msg("%s, metric %d, type %d, dim %u, spread %d, row %u: the floor %.17g of "
                         "%.9g lies above the distance %.17g",
                         sample->table, (int)sample->metric.kind, (int)sample->metric.type,
                         sample->metric.dim, (int)spread, i, floors[i], (double)raw[i],
                         sample->exact[i]);
            }
        }
    }
}

static void a_floor_never_lies_above_the_distance(void **state)
{
    (void)state;
    for_each_sample(check_floors);
}

static void check_floors_are_near(struct sample *sample, enum spread spread)
{
    float raw[ROWS];
    double floors[ROWS];
    const struct metric *const metric = &sample->metric;
    if (spread != SPREAD_UNIT && spread != SPREAD_WHOLE) {
        return;
    }
    floors_of(sample, simd_table_at(simd_table_count() - 1), raw, floors);
    for (uint32_t i = 0; i < ROWS; i++) {
        const double length = metric_length(metric, row_of(sample, i));
        const double scale = metric->kind == AKIN_L2       ? sample->exact[i]
                             : metric->kind == AKIN_COSINE ? 1
                                                           : length * sample->query.norm;
        const double gap = 3 * metric->relative_error * scale + 1e-30;
        /* Rows of another spread may be beyond what floats can say. */
        if (i % 3 != 2) {
            assert_true(floors[i] >= sample->exact[i] - gap);
        }
    }
}

static void a_floor_of_ordinary_values_is_near_the_distance(void **state)
{
    (void)state;
    for_each_sample(check_floors_are_near);
}

static void check_suspects(struct sample *sample, enum spread spread)
{
    float raw[ROWS];
    double floors[ROWS];
    for (size_t table = 0; table < simd_table_count(); table++) {
        floors_of(sample, simd_table_at(table), raw, floors);
        for (uint32_t k = 0; k <= ROWS; k++) {
            const double bound = k < ROWS ? sample->exact[k] : (double)INFINITY;
            const uint64_t suspects =
                metric_suspects(&sample->metric, &sample->query, sample->norms, ROWS, raw, bound);
            assert_int_equal(suspects >> ROWS, 0);
            for (uint32_t i = 0; i < ROWS; i++) {
                if (sample->exact[i] <= bound && (suspects >> i & 1) == 0) {
                    fail_msg("%s, metric %d, type %d, dim %u, spread %d: row %u at %.17g is "
                             "excluded by the bound %.17g",
                             sample->table, (int)sample->metric.kind, (int)sample->metric.type,
                             sample->metric.dim, (int)spread, i, sample->exact[i], bound);
                }
            }
        }
    }
}

static void a_row_at_or_below_the_bound_is_always_a_suspect(void **state)
{
    (void)state;
    for_each_sample(check_suspects);
}

static void rows_far_beyond_the_bound_are_excluded(void **state)
{
    const float query[4] = {1, 2, 3, 4};
    const float rows[3][4] = {{1, 2, 3, 4}, {-9, -9, -9, -9}, {1, 2, 3, 5}};
    (void)state;
    for (size_t m = 0; m < 3; m++) {
        const struct metric metric = metric_make(metrics[m], AKIN_F32, 4, simd_select(SIMD_ALL));
        const struct query prepared = metric_query(&metric, query);
        float norms[3];
        float raw[3];
        for (int i = 0; i < 3; i++) {
            norms[i] = metric_row_norm(&metric, rows[i]);
        }
        metric.many(query, rows, sizeof rows[0], 3, 4, raw);
        const double bound = metric_exact(&metric, &prepared, rows[2]);
        const uint64_t suspects = metric_suspects(&metric, &prepared, norms, 3, raw, bound);
        assert_int_equal(suspects & 2, 0);
        assert_int_equal(suspects & 4, 4);
    }
}

static void whole_numbers_give_exact_distances(void **state)
{
    const float a[3] = {1, 2, 3};
    const float b[3] = {4, 6, 8};
    const int8_t c[3] = {-128, 127, 0};
    const int8_t d[3] = {127, -128, 1};
    (void)state;
    struct metric metric = metric_make(AKIN_L2, AKIN_F32, 3, simd_table_at(0));
    struct query query = metric_query(&metric, a);
    assert_true(metric_exact(&metric, &query, b) == 50);
    metric = metric_make(AKIN_INNER_PRODUCT, AKIN_F32, 3, simd_table_at(0));
    query = metric_query(&metric, a);
    assert_true(metric_exact(&metric, &query, b) == -40);
    metric = metric_make(AKIN_L2, AKIN_I8, 3, simd_table_at(0));
    query = metric_query(&metric, c);
    assert_true(metric_exact(&metric, &query, d) == 2 * 255 * 255 + 1);
    metric = metric_make(AKIN_INNER_PRODUCT, AKIN_I8, 3, simd_table_at(0));
    query = metric_query(&metric, c);
    assert_true(metric_exact(&metric, &query, d) == 2 * 128 * 127);
}

static void orthogonal_is_zero_and_not_minus_zero(void **state)
{
    const float a[2] = {1, 0};
    const float b[2] = {0, 1};
    (void)state;
    const struct metric metric = metric_make(AKIN_INNER_PRODUCT, AKIN_F32, 2, simd_table_at(0));
    const struct query query = metric_query(&metric, a);
    const double distance = metric_exact(&metric, &query, b);
    assert_true(distance == 0 && !signbit(distance));
}

static void cosine_of_the_same_and_the_opposite_direction_is_at_the_ends(void **state)
{
    uint64_t random = test_seed();
    float a[37];
    float b[37];
    (void)state;
    const struct metric metric = metric_make(AKIN_COSINE, AKIN_F32, 37, simd_table_at(0));
    for (int i = 0; i < 300; i++) {
        random_row(&random, (enum spread)(i % SPREAD_COUNT), AKIN_F32, 37, a);
        const struct query query = metric_query(&metric, a);
        const double same = metric_exact(&metric, &query, a);
        for (int k = 0; k < 37; k++) {
            b[k] = -a[k];
        }
        const double opposite = metric_exact(&metric, &query, b);
        assert_true(same >= 0 && same < 1e-14);
        assert_true(opposite <= 2 && opposite > 2 - 1e-14);
    }
}

static void a_row_keeps_the_norm_that_its_metric_needs(void **state)
{
    const float ordinary[2] = {3, 4};
    const float tiny[2] = {1e-30f, 0};
    const float huge[2] = {FLT_MAX, FLT_MAX};
    (void)state;
    struct metric metric = metric_make(AKIN_L2, AKIN_F32, 2, simd_table_at(0));
    assert_true(metric_row_norm(&metric, ordinary) == 0);
    assert_true(metric_query(&metric, ordinary).norm == 0);
    metric = metric_make(AKIN_COSINE, AKIN_F32, 2, simd_table_at(0));
    assert_true(metric_row_norm(&metric, ordinary) == 0.2f);
    assert_true(isnan(metric_row_norm(&metric, tiny)));
    assert_true(isnan(metric_row_norm(&metric, huge)));
    assert_true(metric_query(&metric, ordinary).inverse == 0.2);
    assert_true(isnan(metric_query(&metric, huge).inverse));
    metric = metric_make(AKIN_INNER_PRODUCT, AKIN_F32, 2, simd_table_at(0));
    assert_true(metric_row_norm(&metric, ordinary) >= 5);
    assert_true(metric_row_norm(&metric, ordinary) < 5.00001f);
    assert_true((double)metric_row_norm(&metric, tiny) >= (double)1e-30f);
    assert_true(isinf(metric_row_norm(&metric, huge)));
    assert_true(metric_query(&metric, ordinary).norm == 5);
}

static void elements_have_their_sizes(void **state)
{
    (void)state;
    assert_int_equal(metric_element_bytes(AKIN_F32), 4);
    assert_int_equal(metric_element_bytes(AKIN_I8), 1);
    assert_int_equal(metric_element_bytes((enum akin_type)0), 0);
    assert_int_equal(metric_element_bytes((enum akin_type)3), 0);
    assert_int_equal(metric_make(AKIN_L2, AKIN_F32, 5, simd_table_at(0)).row_bytes, 20);
    assert_int_equal(metric_make(AKIN_L2, AKIN_I8, 5, simd_table_at(0)).row_bytes, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_distances_are_those_of_the_oracle),
        cmocka_unit_test(a_floor_never_lies_above_the_distance),
        cmocka_unit_test(a_floor_of_ordinary_values_is_near_the_distance),
        cmocka_unit_test(a_row_at_or_below_the_bound_is_always_a_suspect),
        cmocka_unit_test(rows_far_beyond_the_bound_are_excluded),
        cmocka_unit_test(whole_numbers_give_exact_distances),
        cmocka_unit_test(orthogonal_is_zero_and_not_minus_zero),
        cmocka_unit_test(cosine_of_the_same_and_the_opposite_direction_is_at_the_ends),
        cmocka_unit_test(a_row_keeps_the_norm_that_its_metric_needs),
        cmocka_unit_test(elements_have_their_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
