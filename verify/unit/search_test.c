/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of the search for one query.
 *
 * Goal   : the k nearest of what is live, in the order (distance, key), for every metric, type,
 *          dimension and k; the same bits with every instruction set; bad arguments are named.
 * Method : random entries, written, replaced and deleted, against the oracle; whole numbers where
 *          ties abound and nothing is rounded.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "simd/akin_simd.h"
#include "support/index_fixture.h"
#include "support/oracle.h"

/* Search with k; the number of results. The slot behind the last must stay as it was. */
static uint32_t search(struct index_fixture *fixture, const void *query, uint32_t k,
                       struct akin_neighbor *results)
{
    const struct akin_vector vector = vector_of(fixture->options.type, fixture->options.dim, query);
    struct akin_search_options options;
    struct akin_neighbor untouched;
    uint32_t count = UINT32_MAX;
    akin_search_options_init(&options);
    options.k = k;
    memset(results, 0xcc, (k + (size_t)1) * sizeof *results);
    memset(&untouched, 0xcc, sizeof untouched);
    assert_status(AKIN_OK,
                  akin_search(fixture->index, NULL, &vector, &options, results, &count, NULL));
    assert_true(count <= k);
    assert_memory_equal(&results[count], &untouched, sizeof untouched);
    return count;
}

/* Write `entries` random rows to index and oracle, replace a third of them and delete a quarter. */
static void fill(struct index_fixture *fixture, struct oracle *oracle, enum spread spread,
                 uint64_t entries, uint64_t *random)
{
    const struct akin_options *const options = &fixture->options;
    unsigned char *const row = malloc(options->dim * element_bytes_of(options->type));
    assert_non_null(row);
    for (uint64_t i = 0; i < entries + entries / 3; i++) {
        const uint64_t key = i < entries ? i * 3 : random_below(random, entries) * 3;
        random_row(random, spread, options->type, options->dim, row);
        const struct akin_vector vector = vector_of(options->type, options->dim, row);
        assert_status(AKIN_OK, akin_upsert(fixture->index, key, &vector, NULL, NULL));
        (void)oracle_put(oracle, key, row);
    }
    for (uint64_t i = 0; i < entries / 4; i++) {
        const uint64_t key = random_below(random, entries) * 3;
        assert_status(oracle_remove(oracle, key) ? AKIN_OK : AKIN_NOT_FOUND,
                      akin_delete(fixture->index, key, NULL));
    }
    free(row);
}

/* Queries at random and at entries, with several k. */
static void compare(struct index_fixture *fixture, const struct oracle *oracle, enum spread spread,
                    uint64_t *random)
{
    const struct akin_options *const options = &fixture->options;
    const uint32_t ks[] = {1, 2, 10, oracle->count - 1, oracle->count, oracle->count + 7};
    unsigned char *const query = malloc(options->dim * element_bytes_of(options->type) + 1);
    struct akin_neighbor *const results = calloc(oracle->count + 8, sizeof *results);
    assert_non_null(query);
    assert_non_null(results);
    for (size_t i = 0; i < sizeof ks / sizeof ks[0]; i++) {
        /* At an odd address: queries may lie anywhere. */
        random_row(random, spread, options->type, options->dim, query + 1);
        if (i % 2 == 0) {
            memcpy(query + 1, oracle->rows, options->dim * element_bytes_of(options->type));
        }
        const uint32_t count = search(fixture, query + 1, ks[i], results);
        oracle_check(oracle, query + 1, ks[i], NULL, NULL, results, count);
    }
    free(query);
    free(results);
}

static void the_k_nearest_are_found_for_every_metric_type_and_dimension(void **state)
{
    struct index_fixture *const fixture = *state;
    static const uint32_t dims[] = {1, 2, 3, 5, 8, 15, 17, 33, 100, 129};
    uint64_t random = test_seed();
    for (int metric = AKIN_L2; metric <= AKIN_COSINE; metric++) {
        for (int type = AKIN_F32; type <= AKIN_I8; type++) {
            for (size_t d = 0; d < sizeof dims / sizeof dims[0]; d++) {
                for (int spread = 0; spread < SPREAD_COUNT; spread++) {
                    struct oracle oracle;
                    fixture->options.metric = (enum akin_metric)metric;
                    fixture->options.type = (enum akin_type)type;
                    fixture->options.dim = dims[d];
                    fixture->options.capacity = 16 + random_below(&random, 300);
                    index_open(fixture);
                    oracle_init(&oracle, fixture->options.metric, fixture->options.type, dims[d]);
                    fill(fixture, &oracle, (enum spread)spread, 60, &random);
                    compare(fixture, &oracle, (enum spread)spread, &random);
                    oracle_end(&oracle);
                    index_close(fixture);
                }
            }
        }
    }
}

static void ties_are_broken_by_the_key_to_the_last_bit(void **state)
{
    struct index_fixture *const fixture = *state;
    uint64_t random = test_seed();
    struct akin_neighbor results[501];
    struct akin_neighbor expected[501];
    for (int metric = AKIN_L2; metric <= AKIN_INNER_PRODUCT; metric++) {
        for (int type = AKIN_F32; type <= AKIN_I8; type++) {
            struct oracle oracle;
            fixture->options.metric = (enum akin_metric)metric;
            fixture->options.type = (enum akin_type)type;
            fixture->options.dim = 3;
            fixture->options.capacity = 1000;
            index_open(fixture);
            oracle_init(&oracle, fixture->options.metric, fixture->options.type, 3);
            fill(fixture, &oracle, SPREAD_WHOLE, 500, &random);
            for (uint32_t k = 1; k <= 500; k = k * 2 + 1) {
                unsigned char query[12];
                random_row(&random, SPREAD_WHOLE, fixture->options.type, 3, query);
                const uint32_t count = search(fixture, query, k, results);
                assert_int_equal(count, oracle_search(&oracle, query, k, expected));
                for (uint32_t i = 0; i < count; i++) {
                    assert_int_equal(results[i].key, expected[i].key);
                    assert_true(results[i].distance == expected[i].distance);
                }
            }
            oracle_end(&oracle);
            index_close(fixture);
        }
    }
}

static void every_k_up_to_ten_thousand_is_served(void **state)
{
    struct index_fixture *const fixture = *state;
    const uint32_t entries = 10500;
    struct akin_neighbor *const results = calloc(10001, sizeof *results);
    assert_non_null(results);
    fixture->options.dim = 1;
    fixture->options.capacity = entries;
    index_open(fixture);
    for (uint64_t i = 0; i < entries; i++) {
        /* In an order that is no order. */
        const uint64_t key = i * 6007 % entries;
        const float row[1] = {(float)key};
        const struct akin_vector vector = akin_vector_f32(row, 1);
        assert_status(AKIN_OK, akin_insert(fixture->index, key, &vector, NULL, NULL));
    }
    const float query[1] = {-1};
    static const uint32_t ks[] = {1, 1000, 9999, 10000};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(search(fixture, query, ks[i], results), ks[i]);
        for (uint32_t k = 0; k < ks[i]; k++) {
            assert_int_equal(results[k].key, k);
            assert_true(results[k].distance == ((double)k + 1) * ((double)k + 1));
        }
    }
    free(results);
}

static void an_empty_index_has_no_nearest(void **state)
{
    struct index_fixture *const fixture = *state;
    const float query[FIXTURE_DIM] = {0};
    struct akin_neighbor results[6];
    index_open(fixture);
    assert_int_equal(search(fixture, query, 5, results), 0);
    assert_status(AKIN_OK, insert_pattern(fixture, 1, 1, 0));
    assert_int_equal(search(fixture, query, 5, results), 1);
    assert_status(AKIN_OK, akin_delete(fixture->index, 1, NULL));
    assert_int_equal(search(fixture, query, 5, results), 0);
}

static void without_options_ten_are_searched(void **state)
{
    struct index_fixture *const fixture = *state;
    const float query[FIXTURE_DIM] = {0};
    const struct akin_vector vector = akin_vector_f32(query, FIXTURE_DIM);
    struct akin_search_options options;
    struct akin_neighbor results[10];
    uint32_t count = 0;
    memset(&options, 0xff, sizeof options);
    akin_search_options_init(&options);
    assert_int_equal(options.struct_size, sizeof options);
    assert_int_equal(options.k, 10);
    assert_int_equal(options.reserved, 0);
    assert_null(options.filter);
    index_open(fixture);
    for (uint64_t key = 0; key < 15; key++) {
        assert_status(AKIN_OK, insert_pattern(fixture, key, 1, 0));
    }
    assert_status(AKIN_OK, akin_search(fixture->index, NULL, &vector, NULL, results, &count, NULL));
    assert_int_equal(count, 10);
}

/* The results of one query with the kernels of one table; the index is opened for each. */
static uint32_t search_with_table(struct index_fixture *fixture, const char *table, uint64_t seed,
                                  struct akin_neighbor *results)
{
    struct oracle oracle;
    unsigned char query[77 * 4];
    assert_int_equal(setenv("AKIN_SIMD", table, 1), 0);
    index_open(fixture);
    oracle_init(&oracle, fixture->options.metric, fixture->options.type, 77);
    fill(fixture, &oracle, SPREAD_UNIT, 200, &seed);
    random_row(&seed, SPREAD_UNIT, fixture->options.type, 77, query);
    const uint32_t count = search(fixture, query, 40, results);
    oracle_end(&oracle);
    index_close(fixture);
    assert_int_equal(unsetenv("AKIN_SIMD"), 0);
    return count;
}

static void every_instruction_set_gives_the_same_bits(void **state)
{
    struct index_fixture *const fixture = *state;
    struct akin_neighbor expected[41];
    struct akin_neighbor results[41];
    fixture->options.dim = 77;
    for (int metric = AKIN_L2; metric <= AKIN_COSINE; metric++) {
        for (int type = AKIN_F32; type <= AKIN_I8; type++) {
            fixture->options.metric = (enum akin_metric)metric;
            fixture->options.type = (enum akin_type)type;
            const uint32_t count = search_with_table(fixture, "portable", test_seed(), expected);
            assert_int_equal(count, 40);
            for (size_t table = 1; table < simd_table_count(); table++) {
                assert_int_equal(
                    search_with_table(fixture, simd_table_at(table)->name, test_seed(), results),
                    count);
                assert_memory_equal(results, expected, count * sizeof results[0]);
            }
        }
    }
}

/* ---- what is refused ---- */

struct bad_search {
    struct akin_vector query;
    uint32_t k;
    uint32_t reserved;
    size_t struct_size; /* too small by this */
    enum akin_status status;
    const char *field;
    uint64_t position;
};

static void bad_arguments_are_named_and_nothing_is_written(void **state)
{
    struct index_fixture *const fixture = *state;
    static const float good[4] = {1, 2, 3, 4};
    static const float bad_row[4] = {1, NAN, 3, INFINITY};
    const struct akin_vector query = akin_vector_f32(good, 4);
    const struct bad_search bad[] = {
        {{NULL, 4, AKIN_F32}, 5, 0, 0, AKIN_BAD_ARGUMENT, "query", 0},
        {{good, 3, AKIN_F32}, 5, 0, 0, AKIN_BAD_DIM, "query", 0},
        {{good, 4, AKIN_I8}, 5, 0, 0, AKIN_BAD_TYPE, "query", 0},
        {{bad_row, 4, AKIN_F32}, 5, 0, 0, AKIN_NOT_FINITE, "query", 1},
        {query, 0, 0, 0, AKIN_BAD_K, "k", 0},
        {query, 10001, 0, 0, AKIN_BAD_K, "k", 0},
        {query, 5, 1, 0, AKIN_BAD_ARGUMENT, "options.reserved", 0},
        {query, 5, 0, 1, AKIN_BAD_STRUCT_SIZE, "options.struct_size", 0},
    };
    index_open(fixture);
    assert_status(AKIN_OK, insert_pattern(fixture, 1, 1, 0));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct akin_neighbor result = {.key = 4711};
        uint32_t count = 4712;
        struct akin_search_options options;
        akin_search_options_init(&options);
        options.k = bad[i].k;
        options.reserved = bad[i].reserved;
        options.struct_size -= bad[i].struct_size;
        assert_status(bad[i].status, akin_search(fixture->index, NULL, &bad[i].query, &options,
                                                 &result, &count, &fixture->error));
        assert_error(&fixture->error, bad[i].status, bad[i].field);
        assert_int_equal(fixture->error.position, bad[i].position);
        assert_int_equal(result.key, 4711);
        assert_int_equal(count, 4712);
    }
}

static void missing_pointers_are_named(void **state)
{
    struct index_fixture *const fixture = *state;
    struct akin_error *const error = &fixture->error;
    const float row[4] = {1, 2, 3, 4};
    const struct akin_vector query = akin_vector_f32(row, 4);
    struct akin_neighbor results[10];
    uint32_t count = 0;
    index_open(fixture);
    assert_status(AKIN_BAD_ARGUMENT, akin_search(NULL, NULL, &query, NULL, results, &count, error));
    assert_error(error, AKIN_BAD_ARGUMENT, "index");
    assert_status(AKIN_BAD_ARGUMENT,
                  akin_search(fixture->index, NULL, NULL, NULL, results, &count, error));
    assert_error(error, AKIN_BAD_ARGUMENT, "query");
    assert_status(AKIN_BAD_ARGUMENT,
                  akin_search(fixture->index, NULL, &query, NULL, NULL, &count, error));
    assert_error(error, AKIN_BAD_ARGUMENT, "results");
    assert_status(AKIN_BAD_ARGUMENT,
                  akin_search(fixture->index, NULL, &query, NULL, results, NULL, error));
    assert_error(error, AKIN_BAD_ARGUMENT, "count");
}

static void a_query_without_direction_is_refused_under_cosine(void **state)
{
    struct index_fixture *const fixture = *state;
    const float zero[4] = {0};
    const struct akin_vector query = akin_vector_f32(zero, 4);
    struct akin_neighbor results[10];
    uint32_t count = 0;
    fixture->options.metric = AKIN_COSINE;
    index_open(fixture);
    assert_status(AKIN_ZERO_VECTOR, akin_search(fixture->index, NULL, &query, NULL, results, &count,
                                                &fixture->error));
    assert_error(&fixture->error, AKIN_ZERO_VECTOR, "query");
}

static void searching_allocates_nothing_once_a_context_is_there(void **state)
{
    struct index_fixture *const fixture = *state;
    const float query[FIXTURE_DIM] = {0};
    struct akin_neighbor results[101];
    index_open(fixture);
    for (uint64_t key = 0; key < 500; key++) {
        assert_status(AKIN_OK, insert_pattern(fixture, key, 1, 0));
    }
    const uint64_t calls = tracking_calls(&fixture->tracking);
    for (uint32_t k = 1; k <= 100; k++) {
        assert_int_equal(search(fixture, query, k, results), k);
    }
    assert_int_equal(tracking_calls(&fixture->tracking), calls);
    assert_int_equal(index_stats(fixture).allocations, calls);
}

static void an_index_whose_scan_is_long_is_searched_whole(void **state)
{
    struct index_fixture *const fixture = *state;
    const uint32_t dim = 1024; /* 4 KiB a row: more than 2,048 rows are a long scan */
    float *const row = calloc(dim, sizeof *row);
    struct akin_neighbor results[6];
    assert_non_null(row);
    fixture->options.dim = dim;
    fixture->options.capacity = 3000;
    index_open(fixture);
    for (uint64_t key = 0; key < 2500; key++) {
        row[key % dim] = (float)key + 1;
        const struct akin_vector vector = akin_vector_f32(row, dim);
        assert_status(AKIN_OK, akin_insert(fixture->index, key, &vector, NULL, NULL));
        row[key % dim] = 0;
    }
    assert_int_equal(search(fixture, row, 5, results), 5);
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(results[i].key, i);
    }
    row[2499 % dim] = 2500;
    assert_int_equal(search(fixture, row, 1, results), 1);
    assert_int_equal(results[0].key, 2499);
    assert_true(results[0].distance == 0);
    free(row);
}

static void options_are_filled_as_far_as_the_caller_knows_them(void **state)
{
    struct {
        struct akin_search_options known;
        uint64_t unknown;
    } longer;
    struct akin_search_options shorter;
    (void)state;
    memset(&longer, 0xcc, sizeof longer);
    akin_search_options_init_sized(&longer.known, sizeof longer);
    assert_int_equal(longer.known.struct_size, sizeof longer);
    assert_int_equal(longer.known.k, 10);
    assert_null(longer.known.filter);
    assert_int_equal(longer.unknown, 0);
    memset(&shorter, 0xcc, sizeof shorter);
    akin_search_options_init_sized(&shorter, offsetof(struct akin_search_options, reserved));
    assert_int_equal(shorter.k, 10);
    assert_int_equal(shorter.reserved, 0xcccccccc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_filled_as_far_as_the_caller_knows_them),
        INDEX_TEST(the_k_nearest_are_found_for_every_metric_type_and_dimension),
        INDEX_TEST(ties_are_broken_by_the_key_to_the_last_bit),
        INDEX_TEST(every_k_up_to_ten_thousand_is_served),
        INDEX_TEST(an_empty_index_has_no_nearest),
        INDEX_TEST(without_options_ten_are_searched),
        INDEX_TEST(every_instruction_set_gives_the_same_bits),
        INDEX_TEST(bad_arguments_are_named_and_nothing_is_written),
        INDEX_TEST(missing_pointers_are_named),
        INDEX_TEST(a_query_without_direction_is_refused_under_cosine),
        INDEX_TEST(searching_allocates_nothing_once_a_context_is_there),
        INDEX_TEST(an_index_whose_scan_is_long_is_searched_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
