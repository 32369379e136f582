/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of a graph that goes by codes.
 *
 * Goal   : it finds what one that goes by rows finds, also where codes tell nothing; a slot that is
 *          used again has the code of its new row; what codes take is in the account.
 * Method : the same rows in two indexes, and recall against the oracle; counters say what was
 *          compared.
 */
#include <stdlib.h>
#include <string.h>

#include "support/index_fixture.h"
#include "support/oracle.h"

enum { K = 10, EF = 40, QUERIES = 60, DIM = 24, DIM_MAX = 64 };

/* How rows of a test are made. */
typedef void (*make_row_fn)(uint64_t *random, float *row);

static void unit_row(uint64_t *random, float *row)
{
    random_row(random, SPREAD_UNIT, AKIN_F32, DIM, row);
}

/* Far from the origin, each element by another way: the grid of a code is wider than a row is far
   from others. */
static void remote_row(uint64_t *random, float *row)
{
    random_row(random, SPREAD_UNIT, AKIN_F32, DIM, row);
    for (uint32_t i = 0; i < DIM; i++) {
        row[i] += 1000 * (float)(i + 1);
    }
}

static void open_graph(struct index_fixture *fixture, enum akin_metric metric,
                       enum akin_codes codes, enum akin_type type)
{
    fixture->options.kind = AKIN_HNSW;
    fixture->options.metric = metric;
    fixture->options.codes = codes;
    fixture->options.type = type;
    fixture->options.dim = DIM;
    fixture->options.m = 8;
    fixture->options.ef_construction = 60;
    index_open(fixture);
}

static void put(struct index_fixture *fixture, struct oracle *oracle, uint64_t key, const void *row)
{
    const struct akin_vector vector = vector_of(fixture->options.type, DIM, row);
    assert_status(AKIN_OK, akin_upsert(fixture->index, key, &vector, NULL, NULL));
    (void)oracle_put(oracle, key, row);
}

/* Of the k nearest by the oracle, those that a search finds, in percent. */
static uint32_t recall(struct index_fixture *fixture, const struct oracle *oracle,
                       make_row_fn make_row, uint64_t *random, struct akin_search_stats *stats)
{
    uint32_t hits = 0;
    for (int i = 0; i < QUERIES; i++) {
        float query[DIM_MAX];
        struct akin_neighbor expected[K];
        struct akin_neighbor found[K];
        struct akin_search_options options;
        uint32_t count = 0;
        make_row(random, query);
        const struct akin_vector vector = vector_of(fixture->options.type, DIM, query);
        akin_search_options_init(&options);
        options.k = K;
        options.ef_search = EF;
        options.stats = stats;
        assert_status(AKIN_OK,
                      akin_search(fixture->index, NULL, &vector, &options, found, &count, NULL));
        assert_int_equal(count, K);
        assert_int_equal(oracle_search(oracle, query, K, expected), K);
        for (uint32_t j = 0; j < K; j++) {
            hits += found[j].distance <= expected[K - 1].distance + 1e-9 ? 1 : 0;
        }
    }
    return hits * 100 / (QUERIES * K);
}

/* Fill, and search; the recall, and what the searches did. */
static uint32_t run(struct index_fixture *fixture, enum akin_metric metric, enum akin_codes codes,
                    make_row_fn make_row, struct akin_search_stats *stats)
{
    struct oracle oracle;
    uint64_t random = test_seed();
    open_graph(fixture, metric, codes, AKIN_F32);
    oracle_init(&oracle, metric, AKIN_F32, DIM);
    for (uint64_t key = 0; key < 2000; key++) {
        float row[DIM_MAX];
        make_row(&random, row);
        put(fixture, &oracle, key, row);
    }
    *stats = (struct akin_search_stats){0};
    const uint32_t found = recall(fixture, &oracle, make_row, &random, stats);
    index_close(fixture);
    oracle_end(&oracle);
    return found;
}

static void codes_find_what_rows_find(void **state)
{
    static const enum akin_metric metrics[] = {AKIN_L2, AKIN_COSINE, AKIN_INNER_PRODUCT};
    for (int i = 0; i < 3; i++) {
        struct akin_search_stats by_rows;
        struct akin_search_stats by_codes;
        const uint32_t rows = run(*state, metrics[i], AKIN_CODES_NONE, unit_row, &by_rows);
        const uint32_t codes = run(*state, metrics[i], AKIN_CODES_DEFAULT, unit_row, &by_codes);
        assert_true(rows >= 90 && codes + 1 >= rows);
        assert_int_equal(by_rows.codes, 0);
        /* About as far, and hardly a row; under the inner product codes only exclude. */
        assert_true(by_codes.codes > by_rows.distances / 2 &&
                    by_codes.codes < by_rows.distances * 2);
        assert_true(metrics[i] == AKIN_INNER_PRODUCT
                        ? by_codes.distances < by_rows.distances * 3 / 4
                        : by_codes.distances < by_rows.distances / 20);
    }
}

static void where_codes_tell_nothing_rows_do(void **state)
{
    struct akin_search_stats by_rows;
    struct akin_search_stats by_codes;
    const uint32_t rows = run(*state, AKIN_L2, AKIN_CODES_NONE, remote_row, &by_rows);
    const uint32_t codes = run(*state, AKIN_L2, AKIN_CODES_SQ8, remote_row, &by_codes);
    assert_true(rows >= 90 && codes + 1 >= rows);
    assert_true(by_codes.codes > 0 && by_codes.distances > by_codes.codes / 2);
}

static void a_slot_that_is_used_again_has_another_code(void **state)
{
    struct index_fixture *const fixture = *state;
    struct akin_search_stats stats = {0};
    struct oracle oracle;
    uint64_t random = test_seed();
    float row[DIM_MAX];
    open_graph(fixture, AKIN_L2, AKIN_CODES_SQ8, AKIN_F32);
    oracle_init(&oracle, AKIN_L2, AKIN_F32, DIM);
    for (int generation = 0; generation < 3; generation++) {
        for (uint64_t key = 0; key < 1500; key++) {
            unit_row(&random, row);
            put(fixture, &oracle, key, row);
        }
        index_drain(fixture);
    }
    assert_true(index_stats(fixture).slots < 3 * 1500); /* some were used again */
    assert_true(recall(fixture, &oracle, unit_row, &random, &stats) >= 90);
    assert_true(stats.distances < stats.codes / 10);
    oracle_end(&oracle);
}

static void codes_are_in_the_account_and_in_the_estimate(void **state)
{
    struct index_fixture *const fixture = *state;
    struct akin_memory expected;
    float row[DIM_MAX];
    uint64_t random = 1;
    fixture->options.kind = AKIN_HNSW;
    fixture->options.dim = DIM;
    assert_status(AKIN_OK, akin_estimate(&fixture->options, 1000, 0, &expected, NULL));
    open_graph(fixture, AKIN_L2, AKIN_CODES_DEFAULT, AKIN_F32);
    for (uint64_t key = 0; key < 1000; key++) {
        unit_row(&random, row);
        const struct akin_vector vector = vector_of(AKIN_F32, DIM, row);
        assert_status(AKIN_OK, akin_insert(fixture->index, key, &vector, NULL, NULL));
    }
    assert_int_equal(index_stats(fixture).memory.codes_bytes, expected.codes_bytes);
    assert_true(expected.codes_bytes >= 1000 * (DIM + 20));
}

static void rows_of_bytes_have_no_codes(void **state)
{
    struct index_fixture *const fixture = *state;
    const int8_t row[DIM] = {1};
    const struct akin_vector vector = akin_vector_i8(row, DIM);
    open_graph(fixture, AKIN_L2, AKIN_CODES_SQ8, AKIN_I8);
    assert_status(AKIN_OK, akin_insert(fixture->index, 1, &vector, NULL, NULL));
    assert_int_equal(index_stats(fixture).memory.codes_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INDEX_TEST(codes_find_what_rows_find),
        INDEX_TEST(where_codes_tell_nothing_rows_do),
        INDEX_TEST(a_slot_that_is_used_again_has_another_code),
        INDEX_TEST(codes_are_in_the_account_and_in_the_estimate),
        INDEX_TEST(rows_of_bytes_have_no_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
