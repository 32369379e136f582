/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of the search for a batch of queries, and of search contexts.
 *
 * Goal   : a batch answers what single searches answer, bit for bit; the query that is wrong is
 *          named; a context serves its index, one call at a time.
 * Method : random data, batches of every size around the group of 16, with and without a stride.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/index_fixture.h"

#define DIM 19u

/* An index with random entries, and queries for it. */
struct crowd {
    struct index_fixture *fixture;
    unsigned char *queries;
    struct akin_neighbor *results;
    uint32_t *counts;
    uint64_t random;
};

enum { QUERIES_MAX = 70, K_MAX = 50, STRIDE_MAX = DIM * 4 + 13 };

static void crowd_open(struct crowd *crowd, struct index_fixture *fixture, enum akin_metric metric,
                       enum akin_type type)
{
    unsigned char row[DIM * 4];
    *crowd = (struct crowd){.fixture = fixture, .random = test_seed()};
    fixture->options.dim = DIM;
    fixture->options.metric = metric;
    fixture->options.type = type;
    fixture->options.capacity = 512;
    index_open(fixture);
    for (uint64_t key = 0; key < 400; key++) {
        random_row(&crowd->random, SPREAD_UNIT, type, DIM, row);
        const struct akin_vector vector = vector_of(type, DIM, row);
        assert_status(AKIN_OK, akin_upsert(fixture->index, key % 300, &vector, NULL, NULL));
    }
    crowd->queries = calloc(QUERIES_MAX, STRIDE_MAX);
    crowd->results = calloc(QUERIES_MAX * K_MAX, sizeof *crowd->results);
    crowd->counts = calloc(QUERIES_MAX, sizeof *crowd->counts);
    assert_non_null(crowd->queries);
    assert_non_null(crowd->results);
    assert_non_null(crowd->counts);
}

static void crowd_close(struct crowd *crowd)
{
    free(crowd->queries);
    free(crowd->results);
    free(crowd->counts);
    index_close(crowd->fixture);
}

static struct akin_batch_search batch_of(struct crowd *crowd, size_t stride, size_t count)
{
    const enum akin_type type = crowd->fixture->options.type;
    const size_t step = stride != 0 ? stride : DIM * element_bytes_of(type);
    for (size_t i = 0; i < count; i++) {
        random_row(&crowd->random, SPREAD_UNIT, type, DIM, crowd->queries + i * step);
    }
    return (struct akin_batch_search){.struct_size = sizeof(struct akin_batch_search),
                                      .queries = crowd->queries,
                                      .stride_bytes = stride,
                                      .query_count = count,
                                      .dim = DIM,
                                      .type = type,
                                      .results = crowd->results,
                                      .counts = crowd->counts};
}

static void assert_like_single_searches(struct crowd *crowd, const struct akin_batch_search *batch,
                                        uint32_t k)
{
    const size_t step =
        batch->stride_bytes != 0 ? batch->stride_bytes : DIM * element_bytes_of(batch->type);
    struct akin_search_options options;
    akin_search_options_init(&options);
    options.k = k;
    for (size_t i = 0; i < batch->query_count; i++) {
        struct akin_neighbor single[K_MAX];
        uint32_t count = 0;
        const struct akin_vector query =
            vector_of(batch->type, DIM, (const unsigned char *)batch->queries + i * step);
        assert_status(AKIN_OK, akin_search(crowd->fixture->index, NULL, &query, &options, single,
                                           &count, NULL));
        assert_int_equal(batch->counts[i], count);
        assert_memory_equal(batch->results + i * k, single, count * sizeof single[0]);
    }
}

static void a_batch_answers_what_single_searches_answer(void **state)
{
    static const size_t sizes[] = {1, 2, 15, 16, 17, 32, 33, QUERIES_MAX};
    static const uint32_t ks[] = {1, 7, K_MAX};
    for (int metric = AKIN_L2; metric <= AKIN_COSINE; metric++) {
        for (int type = AKIN_F32; type <= AKIN_I8; type++) {
            struct crowd crowd;
            crowd_open(&crowd, *state, (enum akin_metric)metric, (enum akin_type)type);
            for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
                struct akin_search_options options;
                /* Side by side, or with bytes between them that are nobody's. */
                const size_t stride = i % 2 == 0 ? 0 : STRIDE_MAX;
                const struct akin_batch_search batch = batch_of(&crowd, stride, sizes[i]);
                akin_search_options_init(&options);
                options.k = ks[i % 3];
                assert_status(
                    AKIN_OK, akin_search_batch(crowd.fixture->index, NULL, &batch, &options, NULL));
                assert_like_single_searches(&crowd, &batch, options.k);
            }
            crowd_close(&crowd);
        }
    }
}

static void fewer_entries_than_k_leave_the_rest_of_each_query_alone(void **state)
{
    struct index_fixture *const fixture = *state;
    const float queries[3][FIXTURE_DIM] = {{1}, {2}, {3}};
    struct akin_neighbor results[30];
    uint32_t counts[3] = {9, 9, 9};
    index_open(fixture);
    assert_status(AKIN_OK, insert_pattern(fixture, 1, 1, 0));
    assert_status(AKIN_OK, insert_pattern(fixture, 2, 1, 0));
    const struct akin_batch_search batch = {.struct_size = sizeof batch,
                                            .queries = queries,
                                            .query_count = 3,
                                            .dim = FIXTURE_DIM,
                                            .type = AKIN_F32,
                                            .results = results,
                                            .counts = counts};
    memset(results, 0xcc, sizeof results);
    assert_status(AKIN_OK, akin_search_batch(fixture->index, NULL, &batch, NULL, NULL));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(counts[i], 2);
        assert_int_equal(((unsigned char *)&results[i * 10 + 2])[0], 0xcc);
    }
}

static void no_query_is_a_batch_too(void **state)
{
    struct index_fixture *const fixture = *state;
    const struct akin_batch_search batch = {
        .struct_size = sizeof batch, .dim = FIXTURE_DIM, .type = AKIN_F32};
    index_open(fixture);
    assert_status(AKIN_OK, akin_search_batch(fixture->index, NULL, &batch, NULL, NULL));
}

static void the_query_that_is_wrong_is_named_and_nothing_is_searched(void **state)
{
    struct crowd crowd;
    crowd_open(&crowd, *state, AKIN_L2, AKIN_F32);
    struct index_fixture *const fixture = crowd.fixture;
    static const size_t places[] = {0, 1, 15, 16, 39};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        const struct akin_batch_search batch = batch_of(&crowd, 0, 40);
        const float nothing = NAN;
        memcpy(crowd.queries + (places[i] * DIM + 3) * 4, &nothing, sizeof nothing);
        memset(crowd.counts, 0xcc, QUERIES_MAX * sizeof *crowd.counts);
        assert_status(AKIN_NOT_FINITE,
                      akin_search_batch(fixture->index, NULL, &batch, NULL, &fixture->error));
        assert_error(&fixture->error, AKIN_NOT_FINITE, "batch.queries");
        assert_int_equal(fixture->error.position, places[i]);
        assert_int_equal(crowd.counts[0], 0xcccccccc);
        assert_status(AKIN_NOT_FINITE, akin_search_batch(fixture->index, NULL, &batch, NULL, NULL));
    }
    crowd_close(&crowd);
}

static void bad_batches_are_named(void **state)
{
    struct crowd crowd;
    crowd_open(&crowd, *state, AKIN_COSINE, AKIN_F32);
    struct index_fixture *const fixture = crowd.fixture;
    struct akin_error *const error = &fixture->error;
    const struct akin_batch_search good = batch_of(&crowd, 0, 3);
    struct akin_batch_search bad[8];
    static const struct {
        enum akin_status status;
        const char *field;
    } expected[8] = {
        {AKIN_BAD_STRUCT_SIZE, "batch.struct_size"},
        {AKIN_BAD_ARGUMENT, "batch.queries"},
        {AKIN_BAD_ARGUMENT, "batch.results"},
        {AKIN_BAD_ARGUMENT, "batch.counts"},
        {AKIN_BAD_ARGUMENT, "batch.stride_bytes"},
        {AKIN_BAD_DIM, "batch.queries"},
        {AKIN_BAD_TYPE, "batch.queries"},
        {AKIN_ZERO_VECTOR, "batch.queries"},
    };
    float zero[3][DIM] = {{1}, {1}, {0}};
    for (int i = 0; i < 8; i++) {
        bad[i] = good;
    }
    bad[0].struct_size--;
    bad[1].queries = NULL;
    bad[2].results = NULL;
    bad[3].counts = NULL;
    bad[4].stride_bytes = DIM * 4 - 1;
    bad[5].dim = DIM + 1;
    bad[6].type = AKIN_I8;
    bad[7].queries = zero;
    for (int i = 0; i < 8; i++) {
        assert_status(expected[i].status,
                      akin_search_batch(fixture->index, NULL, &bad[i], NULL, error));
        assert_error(error, expected[i].status, expected[i].field);
    }
    assert_int_equal(error->position, 2);
    assert_status(AKIN_BAD_ARGUMENT, akin_search_batch(NULL, NULL, &good, NULL, error));
    assert_error(error, AKIN_BAD_ARGUMENT, "index");
    assert_status(AKIN_BAD_ARGUMENT, akin_search_batch(fixture->index, NULL, NULL, NULL, error));
    assert_error(error, AKIN_BAD_ARGUMENT, "batch");
    crowd_close(&crowd);
}

/* ---- contexts ---- */

static enum akin_status search_with(struct index_fixture *fixture, akin_context *context)
{
    const float row[FIXTURE_DIM] = {1};
    const struct akin_vector query = akin_vector_f32(row, FIXTURE_DIM);
    struct akin_neighbor results[10];
    uint32_t count = 0;
    return akin_search(fixture->index, context, &query, NULL, results, &count, &fixture->error);
}

static void a_context_serves_searches_without_allocating(void **state)
{
    struct index_fixture *const fixture = *state;
    akin_context *context = NULL;
    index_open(fixture);
    assert_status(AKIN_OK, insert_pattern(fixture, 1, 1, 0));
    assert_status(AKIN_OK, akin_context_create(fixture->index, 10, &context, NULL));
    assert_non_null(context);
    const uint64_t calls = tracking_calls(&fixture->tracking);
    for (int i = 0; i < 20; i++) {
        assert_status(AKIN_OK, search_with(fixture, context));
    }
    assert_int_equal(tracking_calls(&fixture->tracking), calls);
    akin_context_destroy(context);
}

static void a_context_that_was_given_back_is_used_again(void **state)
{
    struct index_fixture *const fixture = *state;
    akin_context *contexts[5];
    index_open(fixture);
    for (int i = 0; i < 5; i++) {
        assert_status(AKIN_OK, akin_context_create(fixture->index, 1, &contexts[i], NULL));
        for (int k = 0; k < i; k++) {
            assert_ptr_not_equal(contexts[i], contexts[k]);
        }
    }
    for (int i = 0; i < 5; i++) {
        akin_context_destroy(contexts[i]);
    }
    const uint64_t calls = tracking_calls(&fixture->tracking);
    for (int i = 0; i < 5; i++) {
        assert_status(AKIN_OK, akin_context_create(fixture->index, 10000, &contexts[i], NULL));
    }
    assert_int_equal(tracking_calls(&fixture->tracking), calls);
    errno = ERRNO_SENTINEL;
    akin_context_destroy(NULL);
    assert_int_equal(errno, ERRNO_SENTINEL);
}

static void a_context_of_another_index_is_refused(void **state)
{
    struct index_fixture *const fixture = *state;
    akin_index *other = NULL;
    akin_context *context = NULL;
    index_open(fixture);
    assert_status(AKIN_OK, akin_open(&fixture->options, &other, NULL));
    assert_status(AKIN_OK, akin_context_create(other, 10, &context, NULL));
    assert_status(AKIN_BAD_ARGUMENT, search_with(fixture, context));
    assert_error(&fixture->error, AKIN_BAD_ARGUMENT, "context");
    assert_status(AKIN_OK, akin_close(other)); /* and the context with it */
}

struct reentry {
    struct index_fixture *fixture;
    akin_context *context;
    int calls;
};

static int search_again(void *argument, uint64_t key)
{
    struct reentry *const reentry = argument;
    (void)key;
    reentry->calls++;
    assert_status(AKIN_BUSY, search_with(reentry->fixture, reentry->context));
    assert_error(&reentry->fixture->error, AKIN_BUSY, "");
    return 1;
}

static void a_context_that_is_in_use_is_refused_and_cannot_be_given_back(void **state)
{
    struct index_fixture *const fixture = *state;
    const float row[FIXTURE_DIM] = {1};
    const struct akin_vector query = akin_vector_f32(row, FIXTURE_DIM);
    struct reentry reentry = {.fixture = fixture};
    const struct akin_filter filter = {
        .struct_size = sizeof filter, .accept = search_again, .context = &reentry};
    struct akin_search_options options;
    struct akin_neighbor results[10];
    uint32_t count = 0;
    index_open(fixture);
    assert_status(AKIN_OK, insert_pattern(fixture, 1, 1, 0));
    assert_status(AKIN_OK, akin_context_create(fixture->index, 10, &reentry.context, NULL));
    akin_search_options_init(&options);
    options.filter = &filter;
    assert_status(AKIN_OK, akin_search(fixture->index, reentry.context, &query, &options, results,
                                       &count, NULL));
    assert_int_equal(reentry.calls, 1);
    assert_status(AKIN_OK, search_with(fixture, reentry.context));
}

static void bad_contexts_are_named(void **state)
{
    struct index_fixture *const fixture = *state;
    struct akin_error *const error = &fixture->error;
    akin_context *context = NULL;
    index_open(fixture);
    assert_status(AKIN_BAD_ARGUMENT, akin_context_create(NULL, 10, &context, error));
    assert_error(error, AKIN_BAD_ARGUMENT, "index");
    assert_status(AKIN_BAD_ARGUMENT, akin_context_create(fixture->index, 10, NULL, error));
    assert_error(error, AKIN_BAD_ARGUMENT, "context");
    assert_status(AKIN_BAD_K, akin_context_create(fixture->index, 0, &context, error));
    assert_error(error, AKIN_BAD_K, "k_max");
    assert_status(AKIN_BAD_K, akin_context_create(fixture->index, 10001, &context, error));
    assert_true(error->value == 10001 && error->bound_min == 1 && error->bound_max == 10000);
    assert_null(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INDEX_TEST(a_batch_answers_what_single_searches_answer),
        INDEX_TEST(fewer_entries_than_k_leave_the_rest_of_each_query_alone),
        INDEX_TEST(no_query_is_a_batch_too),
        INDEX_TEST(the_query_that_is_wrong_is_named_and_nothing_is_searched),
        INDEX_TEST(bad_batches_are_named),
        INDEX_TEST(a_context_serves_searches_without_allocating),
        INDEX_TEST(a_context_that_was_given_back_is_used_again),
        INDEX_TEST(a_context_of_another_index_is_refused),
        INDEX_TEST(a_context_that_is_in_use_is_refused_and_cannot_be_given_back),
        INDEX_TEST(bad_contexts_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
