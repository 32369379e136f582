/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of filters: bitmaps over keys, callbacks, and what a callback may call.
 *
 * Goal   : exactly the entries that pass both parts are found; the callback is asked only for what
 *          would enter the results; calls that wait are refused inside it, others work.
 * Method : the oracle with the same filter; callbacks that write down what they were asked.
 */
#include <stdlib.h>
#include <string.h>

#include "support/index_fixture.h"
#include "support/oracle.h"

#define ENTRIES 300u

/* Search at `row` with a filter; the number of results. */
static uint32_t search(struct index_fixture *fixture, const void *row,
                       const struct akin_filter *filter, uint32_t k, struct akin_neighbor *results)
{
    const struct akin_vector query = vector_of(fixture->options.type, fixture->options.dim, row);
    struct akin_search_options options;
    uint32_t count = 0;
    akin_search_options_init(&options);
    options.k = k;
    options.filter = filter;
    assert_status(AKIN_OK,
                  akin_search(fixture->index, NULL, &query, &options, results, &count, NULL));
    return count;
}

/* A filter as the oracle understands it, and what its callback was asked. */
struct sieve {
    const uint64_t *bitmap;
    uint64_t bitmap_bits;
    uint64_t divisor; /* the callback lets multiples pass; 0: no callback */
    uint64_t asked[ENTRIES];
    uint64_t accepted[ENTRIES];
};

static bool passes(void *context, uint64_t key)
{
    const struct sieve *const sieve = context;
    if (sieve->bitmap != NULL &&
        (key >= sieve->bitmap_bits || (sieve->bitmap[key / 64] >> (key % 64) & 1) == 0)) {
        return false;
    }
    return sieve->divisor == 0 || key % sieve->divisor == 0;
}

static int accept_multiples(void *context, uint64_t key)
{
    struct sieve *const sieve = context;
    assert_true(key < ENTRIES);
    assert_int_equal(sieve->accepted[key], 0);
    sieve->asked[key]++;
    sieve->accepted[key] = key % sieve->divisor == 0 ? 1 : 0;
    return sieve->accepted[key] != 0 ? -5 : 0;
}

static struct akin_filter filter_of(struct sieve *sieve)
{
    return (struct akin_filter){.struct_size = sizeof(struct akin_filter),
                                .bitmap = sieve->bitmap,
                                .bitmap_bits = sieve->bitmap_bits,
                                .accept = sieve->divisor != 0 ? accept_multiples : NULL,
                                .context = sieve};
}

static void what_passes_both_parts_is_found(void **state)
{
    struct index_fixture *const fixture = *state;
    static const uint64_t bits[] = {0, 1, 63, 64, 65, 100, ENTRIES - 1, ENTRIES, ENTRIES + 500};
    static const uint64_t divisors[] = {0, 1, 3, 1000};
    uint64_t bitmap[16];
    uint64_t random = test_seed();
    struct oracle oracle;
    struct akin_neighbor results[ENTRIES + 1];
    unsigned char row[FIXTURE_DIM * 4];
    fixture->options.capacity = ENTRIES;
    index_open(fixture);
    oracle_init(&oracle, AKIN_L2, AKIN_F32, FIXTURE_DIM);
    for (uint64_t key = 0; key < ENTRIES; key++) {
        random_row(&random, SPREAD_WHOLE, AKIN_F32, FIXTURE_DIM, row);
        const struct akin_vector vector = vector_of(AKIN_F32, FIXTURE_DIM, row);
        assert_status(AKIN_OK, akin_insert(fixture->index, key, &vector, NULL, NULL));
        (void)oracle_put(&oracle, key, row);
    }
    for (size_t i = 0; i < 16; i++) {
        bitmap[i] = random_word(&random);
    }
    for (size_t b = 0; b <= sizeof bits / sizeof bits[0]; b++) {
        for (size_t d = 0; d < sizeof divisors / sizeof divisors[0]; d++) {
            const bool has_bitmap = b < sizeof bits / sizeof bits[0];
            if (!has_bitmap && divisors[d] == 0) {
                continue;
            }
            for (uint32_t k = 1; k <= ENTRIES; k *= 17) {
                struct sieve sieve = {.bitmap = has_bitmap ? bitmap : NULL,
                                      .bitmap_bits = has_bitmap ? bits[b] : 0,
                                      .divisor = divisors[d]};
                const struct akin_filter filter = filter_of(&sieve);
                random_row(&random, SPREAD_WHOLE, AKIN_F32, FIXTURE_DIM, row);
                const uint32_t count = search(fixture, row, &filter, k, results);
                oracle_check(&oracle, row, k, passes, &sieve, results, count);
            }
        }
    }
    oracle_end(&oracle);
}

static void the_callback_is_asked_only_for_live_entries_that_would_get_in(void **state)
{
    struct index_fixture *const fixture = *state;
    struct sieve sieve = {.divisor = 2};
    const struct akin_filter filter = filter_of(&sieve);
    struct akin_neighbor results[5];
    float row[FIXTURE_DIM] = {0};
    fixture->options.maintenance = AKIN_MAINTENANCE_CALLER;
    index_open(fixture);
    /* Key i lies at distance i * i, written in ascending order. */
    for (uint64_t key = 0; key < 100; key++) {
        row[0] = (float)key;
        const struct akin_vector vector = akin_vector_f32(row, FIXTURE_DIM);
        assert_status(AKIN_OK, akin_insert(fixture->index, key, &vector, NULL, NULL));
    }
    assert_status(AKIN_OK, akin_delete(fixture->index, 4, NULL));
    row[0] = 6; /* key 6 moves: its old version must not be asked for a second time */
    const struct akin_vector moved = akin_vector_f32(row, FIXTURE_DIM);
    assert_status(AKIN_OK, akin_update(fixture->index, 6, &moved, NULL, NULL));
    row[0] = 0;
    assert_int_equal(search(fixture, row, &filter, 5, results), 5);
    static const uint64_t found[5] = {0, 2, 6, 8, 10};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(results[i].key, found[i]);
    }
    for (uint64_t key = 0; key < 100; key++) {
        assert_true(sieve.asked[key] <= 1);
        assert_true(key != 4 || sieve.asked[key] == 0);
        assert_true(key <= 12 || sieve.asked[key] == 0); /* five are there that are nearer */
    }
}

static void a_filter_that_lets_nothing_pass_leaves_nothing(void **state)
{
    struct index_fixture *const fixture = *state;
    struct sieve sieve = {.divisor = 1000};
    const struct akin_filter filter = filter_of(&sieve);
    const float row[FIXTURE_DIM] = {0};
    struct akin_neighbor results[10];
    index_open(fixture);
    for (uint64_t key = 1; key < 50; key++) {
        assert_status(AKIN_OK, insert_pattern(fixture, key, 1, 0));
    }
    assert_int_equal(search(fixture, row, &filter, 10, results), 0);
}

static void a_filter_holds_for_each_query_of_a_batch(void **state)
{
    struct index_fixture *const fixture = *state;
    const uint64_t bitmap[1] = {0xff00};
    const struct akin_filter filter = {
        .struct_size = sizeof filter, .bitmap = bitmap, .bitmap_bits = 64};
    const float queries[3][FIXTURE_DIM] = {{1}, {50}, {-50}};
    struct akin_neighbor results[60];
    uint32_t counts[3];
    struct akin_search_options options;
    index_open(fixture);
    for (uint64_t key = 0; key < 50; key++) {
        assert_status(AKIN_OK, insert_pattern(fixture, key, 1, 0));
    }
    akin_search_options_init(&options);
    options.k = 20;
    options.filter = &filter;
    const struct akin_batch_search batch = {.struct_size = sizeof batch,
                                            .queries = queries,
                                            .query_count = 3,
                                            .dim = FIXTURE_DIM,
                                            .type = AKIN_F32,
                                            .results = results,
                                            .counts = counts};
    assert_status(AKIN_OK, akin_search_batch(fixture->index, NULL, &batch, &options, NULL));
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(counts[i], 8);
        for (uint32_t k = 0; k < 8; k++) {
            assert_in_range(results[i * 20 + k].key, 8, 15);
        }
    }
}

static void bad_filters_are_named(void **state)
{
    struct index_fixture *const fixture = *state;
    const float row[FIXTURE_DIM] = {0};
    const struct akin_vector query = akin_vector_f32(row, FIXTURE_DIM);
    const struct {
        struct akin_filter filter;
        enum akin_status status;
        const char *field;
    } bad[] = {
        {{.struct_size = sizeof(struct akin_filter)}, AKIN_BAD_ARGUMENT, "filter"},
        {{.struct_size = sizeof(struct akin_filter) - 1, .accept = accept_multiples},
         AKIN_BAD_STRUCT_SIZE,
         "filter.struct_size"},
        {{.struct_size = sizeof(struct akin_filter), .bitmap_bits = 5, .accept = accept_multiples},
         AKIN_BAD_ARGUMENT,
         "filter.bitmap"},
    };
    index_open(fixture);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct akin_search_options options;
        struct akin_neighbor results[10];
        uint32_t count = 0;
        akin_search_options_init(&options);
        options.filter = &bad[i].filter;
        assert_status(bad[i].status, akin_search(fixture->index, NULL, &query, &options, results,
                                                 &count, &fixture->error));
        assert_error(&fixture->error, bad[i].status, bad[i].field);
    }
}

/* ---- what a callback may call ---- */

struct caller {
    struct index_fixture *fixture;
    akin_index *other;
    int calls;
};

static int call_what_reads(void *context, uint64_t key)
{
    struct caller *const caller = context;
    struct index_fixture *const fixture = caller->fixture;
    uint64_t count = 0;
    caller->calls++;
    assert_pattern(fixture, key, 1, 20);
    assert_absent(fixture, 12345);
    assert_int_equal(index_count(fixture), 3);
    assert_int_equal(index_stats(fixture).readers_active, 1);
    assert_true(index_stats(fixture).reader_oldest_ns > 0);
    assert_status(AKIN_OK, akin_count(caller->other, &count, NULL));
    assert_int_equal(count, 0);
    return 1;
}

static int call_what_waits(void *context, uint64_t key)
{
    struct caller *const caller = context;
    akin_index *const index = caller->fixture->index;
    struct akin_error *const error = &caller->fixture->error;
    akin_index *loaded = NULL;
    (void)key;
    caller->calls++;
    assert_status(AKIN_IN_CALLBACK, akin_maintain(index, AKIN_MAINTAIN_ROUND, NULL, error));
    assert_error(error, AKIN_IN_CALLBACK, "");
    assert_status(AKIN_IN_CALLBACK, akin_maintain(index, AKIN_MAINTAIN_DRAIN, NULL, error));
    assert_status(AKIN_IN_CALLBACK, akin_maintain(caller->other, AKIN_MAINTAIN_ROUND, NULL, error));
    assert_status(AKIN_IN_CALLBACK, akin_clear(index, error));
    assert_status(AKIN_IN_CALLBACK, akin_check(index, AKIN_CHECK_DEEP, error));
    assert_status(AKIN_IN_CALLBACK, akin_check(index, AKIN_CHECK_CHEAP, error));
    assert_status(AKIN_IN_CALLBACK, akin_save(index, "no/such/place", error));
    assert_status(AKIN_IN_CALLBACK, akin_load("no/such/file", NULL, &loaded, error));
    assert_null(loaded);
    assert_status(AKIN_IN_CALLBACK, akin_close(caller->other));
    assert_status(AKIN_IN_CALLBACK, akin_close(index));
    return 1;
}

static int call_what_writes(void *context, uint64_t key)
{
    struct caller *const caller = context;
    struct index_fixture *const fixture = caller->fixture;
    /* Not asked for by the interface, but it must do no harm: it never waits. */
    for (uint64_t i = 0; i < 3000; i++) {
        assert_status(AKIN_OK, put_pattern(fixture, 1000 + key, i, 100));
    }
    assert_status(AKIN_OK, akin_delete(fixture->index, 1000 + key, NULL));
    caller->calls++;
    return 1;
}

static void run_caller(struct index_fixture *fixture, int (*accept)(void *context, uint64_t key))
{
    struct caller caller = {.fixture = fixture};
    const struct akin_filter filter = {
        .struct_size = sizeof filter, .accept = accept, .context = &caller};
    const float row[FIXTURE_DIM] = {0};
    struct akin_neighbor results[10];
    for (int mode = AKIN_MAINTENANCE_INLINE; mode <= AKIN_MAINTENANCE_WORKER; mode++) {
        fixture->options.maintenance = (enum akin_maintenance)mode;
        caller.calls = 0;
        index_open(fixture);
        assert_status(AKIN_OK, akin_open(&fixture->options, &caller.other, NULL));
        for (uint64_t key = 0; key < 3; key++) {
            assert_status(AKIN_OK, insert_pattern(fixture, key, 1, 20));
        }
        assert_int_equal(search(fixture, row, &filter, 10, results), 3);
        assert_int_equal(caller.calls, 3);
        assert_int_equal(index_count(fixture), 3);
        assert_status(AKIN_OK, akin_close(caller.other));
        index_close(fixture);
    }
}

static void a_callback_may_read_this_index_and_others(void **state)
{
    run_caller(*state, call_what_reads);
}

static void calls_that_wait_are_refused_inside_a_callback(void **state)
{
    run_caller(*state, call_what_waits);
}

static void writes_inside_a_callback_do_not_hang(void **state)
{
    run_caller(*state, call_what_writes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INDEX_TEST(what_passes_both_parts_is_found),
        INDEX_TEST(the_callback_is_asked_only_for_live_entries_that_would_get_in),
        INDEX_TEST(a_filter_that_lets_nothing_pass_leaves_nothing),
        INDEX_TEST(a_filter_holds_for_each_query_of_a_batch),
        INDEX_TEST(bad_filters_are_named),
        INDEX_TEST(a_callback_may_read_this_index_and_others),
        INDEX_TEST(calls_that_wait_are_refused_inside_a_callback),
        INDEX_TEST(writes_inside_a_callback_do_not_hang),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
