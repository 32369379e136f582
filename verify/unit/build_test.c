/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of building in bulk.
 *
 * Goal   : the graph does not depend on the number of threads; it is as good as one of single
 *          inserts, whatever the order of the data; what stops a build leaves the first entries
 *          and nothing of the others; bad requests are refused.
 * Method : graphs compared list by list; recall against the oracle, side by side with an index of
 *          single inserts; memory that fails at every allocation.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "index/internal.h"
#include "support/index_fixture.h"
#include "support/oracle.h"
#include "sync/rcu.h"

enum { DIM = 12, K = 10, QUERIES = 400 };

static void open_graph(struct index_fixture *fixture)
{
    fixture->options.kind = AKIN_HNSW;
    fixture->options.dim = DIM;
    fixture->options.m = 8;
    fixture->options.ef_construction = 60;
    index_open(fixture);
}

/* Rows in clusters, one cluster after the other. */
static float *clustered_rows(uint64_t count, uint32_t clusters, uint64_t *random)
{
    float *const rows = malloc(count * DIM * sizeof rows[0]);
    float center[DIM] = {0};
    assert_non_null(rows);
    for (uint64_t i = 0; i < count; i++) {
        if (i % (count / clusters) == 0) {
            random_row(random, SPREAD_UNIT, AKIN_F32, DIM, center);
        }
        random_row(random, SPREAD_UNIT, AKIN_F32, DIM, rows + i * DIM);
        for (uint32_t j = 0; j < DIM; j++) {
            rows[i * DIM + j] = center[j] + 0.05f * rows[i * DIM + j];
        }
    }
    return rows;
}

static uint64_t *keys_from(uint64_t first, uint64_t count)
{
    uint64_t *const keys = malloc(count * sizeof keys[0]);
    assert_non_null(keys);
    for (uint64_t i = 0; i < count; i++) {
        keys[i] = first + i;
    }
    return keys;
}

static struct akin_build_request request_of(const uint64_t *keys, const float *rows, uint64_t count)
{
    struct akin_build_request request;
    akin_build_request_init(&request);
    request.keys = keys;
    request.vectors = rows;
    request.dim = DIM;
    request.count = count;
    return request;
}

static void build(struct index_fixture *fixture, const uint64_t *keys, const float *rows,
                  uint64_t count, uint32_t threads)
{
    struct akin_build_request request = request_of(keys, rows, count);
    request.threads = threads;
    assert_status(AKIN_OK, akin_build(fixture->index, &request, NULL));
    assert_int_equal(request.done, count);
}

static void check(struct index_fixture *fixture)
{
    if (akin_check(fixture->index, AKIN_CHECK_DEEP, &fixture->error) != AKIN_OK) {
        fail_msg("%s at %llu: %s", fixture->error.field,
                 (unsigned long long)fixture->error.position, fixture->error.message);
    }
}

static void assert_same_block(const struct block *a, const struct block *b)
{
    assert_int_equal(a->count, b->count);
    assert_memory_equal(a->ids, b->ids, a->count * sizeof a->ids[0]);
}

/* The same keys in the same slots, the same lists at all levels, the same entry. */
static void assert_same_graph(struct akin_index *a, struct akin_index *b)
{
    const struct graph *const left = a->routing.graph;
    const struct graph *const right = b->routing.graph;
    const uint32_t watermark = slots_watermark(left->slots);
    rcu_enter();
    assert_int_equal(watermark, slots_watermark(right->slots));
    assert_int_equal(atomic_u64_load_relaxed(&left->entry), atomic_u64_load_relaxed(&right->entry));
    assert_same_block(block_acquire(&left->root), block_acquire(&right->root));
    for (uint32_t slot = 0; slot < watermark; slot++) {
        const uint32_t offset = slot & left->slots->chunk_mask;
        assert_int_equal(slot_chunk_of(left->slots, slot)->key[offset],
                         slot_chunk_of(right->slots, slot)->key[offset]);
        assert_same_block(block_acquire(graph_base(left, slot)),
                          block_acquire(graph_base(right, slot)));
        for (uint32_t level = 1; graph_handle(left, slot, level) != NULL; level++) {
            assert_non_null(graph_handle(right, slot, level));
            assert_same_block(block_acquire(graph_handle(left, slot, level)),
                              block_acquire(graph_handle(right, slot, level)));
        }
    }
    rcu_leave();
}

static void the_graph_does_not_depend_on_the_number_of_threads(void **state)
{
    struct index_fixture *const fixture = *state;
    const uint64_t count = 3000;
    uint64_t random = test_seed();
    float *const rows = clustered_rows(count, 10, &random);
    uint64_t *const keys = keys_from(100, count);
    open_graph(fixture);
    build(fixture, keys, rows, count, 1);
    check(fixture);
    for (uint32_t threads = 2; threads <= 8; threads += threads == 2 ? 1 : 5) {
        akin_index *other = NULL;
        struct akin_build_request request = request_of(keys, rows, count);
        request.threads = threads;
        assert_status(AKIN_OK, akin_open(&fixture->options, &other, NULL));
        assert_status(AKIN_OK, akin_build(other, &request, NULL));
        assert_same_graph(fixture->index, other);
        assert_status(AKIN_OK, akin_close(other));
    }
    free(keys);
    free(rows);
}

/* Of the k nearest of the queries, those that are found, in a thousand. */
static uint32_t recall(akin_index *index, const struct oracle *oracle, uint32_t ef, uint64_t seed)
{
    uint32_t hits = 0;
    uint64_t random = seed;
    for (int i = 0; i < QUERIES; i++) {
        float query[DIM];
        struct akin_neighbor expected[K];
        struct akin_neighbor found[K];
        struct akin_search_options options;
        uint32_t count = 0;
        random_row(&random, SPREAD_UNIT, AKIN_F32, DIM, query);
        const struct akin_vector vector = vector_of(AKIN_F32, DIM, query);
        akin_search_options_init(&options);
        options.k = K;
        options.ef_search = ef;
        assert_int_equal(oracle_search(oracle, query, K, expected), K);
        assert_status(AKIN_OK, akin_search(index, NULL, &vector, &options, found, &count, NULL));
        assert_int_equal(count, K);
        for (uint32_t j = 0; j < K; j++) {
            hits += found[j].distance <= expected[K - 1].distance * (1 + 1e-9) ? 1 : 0;
        }
    }
    return hits * 1000 / (QUERIES * K);
}

/* An index of single inserts, and one of a build, over the same rows. */
static void compare(struct index_fixture *fixture, const float *rows, uint64_t count)
{
    struct oracle oracle;
    akin_index *single = NULL;
    uint64_t *const keys = keys_from(0, count);
    const uint64_t seed = test_seed() + 1;
    open_graph(fixture);
    oracle_init(&oracle, AKIN_L2, AKIN_F32, DIM);
    assert_status(AKIN_OK, akin_open(&fixture->options, &single, NULL));
    for (uint64_t i = 0; i < count; i++) {
        const struct akin_vector vector = vector_of(AKIN_F32, DIM, rows + i * DIM);
        assert_status(AKIN_OK, akin_insert(single, i, &vector, NULL, NULL));
        (void)oracle_put(&oracle, i, rows + i * DIM);
    }
    build(fixture, keys, rows, count, 2);
    check(fixture);
    for (uint32_t ef = 10; ef <= 160; ef *= 4) {
        const uint32_t of_single = recall(single, &oracle, ef, seed);
        const uint32_t of_build = recall(fixture->index, &oracle, ef, seed);
        if (of_build + 20 < of_single) {
            fail_msg("recall at ef %u: %u of a thousand, by single inserts %u", ef, of_build,
                     of_single);
        }
    }
    assert_status(AKIN_OK, akin_close(single));
    oracle_end(&oracle);
    free(keys);
}

static void clusters_one_after_the_other_are_found_as_well_as_by_single_inserts(void **state)
{
    uint64_t random = test_seed();
    float *const rows = clustered_rows(4000, 8, &random);
    compare(*state, rows, 4000);
    free(rows);
}

static void a_thousand_equal_rows_do_no_harm(void **state)
{
    uint64_t random = test_seed();
    float *const rows = clustered_rows(4000, 1000, &random);
    for (uint64_t i = 1500; i < 2500; i++) {
        memcpy(rows + i * DIM, rows, DIM * sizeof rows[0]);
    }
    compare(*state, rows, 4000);
    free(rows);
}

static void rows_that_are_all_equal_are_all_reachable(void **state)
{
    struct index_fixture *const fixture = *state;
    const uint64_t count = 1500;
    float *const rows = calloc(count * DIM, sizeof rows[0]);
    uint64_t *const keys = keys_from(0, count);
    struct akin_neighbor *const found = malloc(count * sizeof found[0]);
    assert_true(rows != NULL && found != NULL);
    open_graph(fixture);
    build(fixture, keys, rows, count, 2);
    check(fixture);
    struct akin_search_options options;
    uint32_t results = 0;
    akin_search_options_init(&options);
    options.k = (uint32_t)count;
    const struct akin_vector vector = vector_of(AKIN_F32, DIM, rows);
    assert_status(AKIN_OK,
                  akin_search(fixture->index, NULL, &vector, &options, found, &results, NULL));
    assert_int_equal(results, count);
    free(found);
    free(keys);
    free(rows);
}

struct stopping {
    uint64_t calls;
    uint64_t last;
    uint64_t stop_at;
};

static int note_progress(void *context, uint64_t done, uint64_t count)
{
    struct stopping *const stopping = context;
    assert_true(done > stopping->last && done <= count);
    stopping->calls++;
    stopping->last = done;
    return done >= stopping->stop_at ? 1 : 0;
}

static void progress_is_told_and_may_stop_the_build(void **state)
{
    struct index_fixture *const fixture = *state;
    const uint64_t count = 1000;
    uint64_t random = test_seed();
    float *const rows = clustered_rows(count, 4, &random);
    uint64_t *const keys = keys_from(0, count);
    struct stopping stopping = {.stop_at = 400};
    struct akin_build_request request = request_of(keys, rows, count);
    open_graph(fixture);
    request.threads = 2;
    request.batch = 100;
    request.progress = note_progress;
    request.context = &stopping;
    assert_status(AKIN_STOPPED, akin_build(fixture->index, &request, &fixture->error));
    assert_error(&fixture->error, AKIN_STOPPED, "");
    assert_true(request.done >= 400 && request.done < 600 && stopping.last == request.done);
    assert_int_equal(index_count(fixture), request.done);
    check(fixture);
    /* The rest goes on from there. */
    const uint64_t done = request.done;
    build(fixture, keys + done, rows + done * DIM, count - done, 3);
    assert_int_equal(index_count(fixture), count);
    check(fixture);
    free(keys);
    free(rows);
}

static void a_key_that_is_there_ends_the_build_or_is_replaced(void **state)
{
    struct index_fixture *const fixture = *state;
    const uint64_t count = 300;
    uint64_t random = test_seed();
    float *const rows = clustered_rows(count, 3, &random);
    uint64_t *const keys = keys_from(0, count);
    struct akin_build_request request = request_of(keys, rows, count);
    open_graph(fixture);
    keys[200] = 17; /* came before in the request */
    request.batch = 256;
    assert_status(AKIN_EXISTS, akin_build(fixture->index, &request, &fixture->error));
    assert_error(&fixture->error, AKIN_EXISTS, "request.keys");
    assert_int_equal(request.done, 200);
    assert_int_equal(fixture->error.position, 200);
    assert_int_equal(index_count(fixture), 200);
    check(fixture);
    request.replaces = 1;
    assert_status(AKIN_OK, akin_build(fixture->index, &request, NULL));
    assert_int_equal(request.done, count);
    assert_int_equal(index_count(fixture), count - 1);
    check(fixture);
    /* The last one of a key wins. */
    struct akin_record record = akin_record_init();
    float got[DIM];
    record.vector = got;
    record.vector_capacity = sizeof got;
    assert_status(AKIN_OK, akin_get(fixture->index, 17, &record, NULL));
    assert_memory_equal(got, rows + 200 * DIM, sizeof got);
    index_drain(fixture);
    check(fixture);
    free(keys);
    free(rows);
}

static void a_bad_row_ends_the_build_before_its_batch(void **state)
{
    struct index_fixture *const fixture = *state;
    const uint64_t count = 300;
    uint64_t random = test_seed();
    float *const rows = clustered_rows(count, 3, &random);
    uint64_t *const keys = keys_from(0, count);
    struct akin_build_request request = request_of(keys, rows, count);
    open_graph(fixture);
    rows[210 * DIM + 3] = NAN;
    request.batch = 64;
    assert_status(AKIN_NOT_FINITE, akin_build(fixture->index, &request, &fixture->error));
    assert_error(&fixture->error, AKIN_NOT_FINITE, "request.vectors");
    assert_int_equal(fixture->error.position, 210);
    assert_int_equal(request.done, 192);
    assert_int_equal(index_count(fixture), 192);
    check(fixture);
    free(keys);
    free(rows);
}

static void memory_that_fails_anywhere_leaves_whole_batches(void **state)
{
    struct index_fixture *const fixture = *state;
    const uint64_t count = 200;
    uint64_t random = test_seed();
    float *const rows = clustered_rows(count, 3, &random);
    uint64_t *const keys = keys_from(0, count);
    struct akin_build_request request = request_of(keys, rows, count);
    request.batch = 50;
    request.threads = 2;
    fixture->options.maintenance = AKIN_MAINTENANCE_CALLER;
    open_graph(fixture);
    bool failed = true;
    uint64_t failures = 0;
    for (uint64_t skip = 0; failed; skip++) {
        tracking_fail(&fixture->tracking, skip, UINT64_MAX);
        const enum akin_status status = akin_build(fixture->index, &request, NULL);
        failed = tracking_fail_stop(&fixture->tracking) > 0;
        failures += failed ? 1 : 0;
        assert_true(status == (failed ? AKIN_NO_MEMORY : AKIN_OK));
        assert_int_equal(index_count(fixture), request.done);
        check(fixture);
        assert_status(AKIN_OK, akin_clear(fixture->index, NULL));
        index_drain(fixture);
        assert_int_equal(index_stats(fixture).slots_absent, index_stats(fixture).slots);
    }
    assert_true(failures > 10);
    free(keys);
    free(rows);
}

static void a_flat_index_is_filled_with_payloads(void **state)
{
    struct index_fixture *const fixture = *state;
    enum { COUNT = 1200 };
    uint64_t random = test_seed();
    float *const rows = clustered_rows(COUNT, 3, &random);
    uint64_t *const keys = keys_from(7, COUNT);
    static struct akin_bytes payloads[COUNT];
    struct akin_build_request request = request_of(keys, rows, COUNT);
    struct stopping stopping = {.stop_at = UINT64_MAX};
    for (uint64_t i = 0; i < COUNT; i++) {
        payloads[i] = (struct akin_bytes){.data = &keys[i], .size = sizeof keys[i]};
    }
    fixture->options.dim = DIM;
    index_open(fixture);
    request.payloads = payloads;
    request.stride_bytes = DIM * sizeof rows[0];
    request.progress = note_progress;
    request.context = &stopping;
    assert_status(AKIN_OK, akin_build(fixture->index, &request, NULL));
    assert_int_equal(stopping.calls, 3);
    for (uint64_t i = 0; i < COUNT; i += 13) {
        struct akin_record record = akin_record_init();
        uint64_t payload = 0;
        record.payload = &payload;
        record.payload_capacity = sizeof payload;
        assert_status(AKIN_OK, akin_get(fixture->index, keys[i], &record, NULL));
        assert_int_equal(payload, keys[i]);
    }
    free(keys);
    free(rows);
}

static void bad_requests_are_refused(void **state)
{
    struct index_fixture *const fixture = *state;
    const float rows[2 * DIM] = {1, 2};
    const uint64_t keys[2] = {1, 2};
    const struct akin_build_request good = request_of(keys, rows, 2);
    struct akin_build_request request = good;
    struct akin_error *const error = &fixture->error;
    open_graph(fixture);
    assert_status(AKIN_BAD_ARGUMENT, akin_build(NULL, &request, error));
    assert_error(error, AKIN_BAD_ARGUMENT, "index");
    assert_status(AKIN_BAD_ARGUMENT, akin_build(fixture->index, NULL, error));
    assert_error(error, AKIN_BAD_ARGUMENT, "request");
    request.struct_size = 3;
    assert_status(AKIN_BAD_STRUCT_SIZE, akin_build(fixture->index, &request, error));
    assert_error(error, AKIN_BAD_STRUCT_SIZE, "request.struct_size");
    request = good;
    request.keys = NULL;
    assert_status(AKIN_BAD_ARGUMENT, akin_build(fixture->index, &request, error));
    assert_error(error, AKIN_BAD_ARGUMENT, "request.keys");
    request = good;
    request.vectors = NULL;
    assert_status(AKIN_BAD_ARGUMENT, akin_build(fixture->index, &request, error));
    assert_error(error, AKIN_BAD_ARGUMENT, "request.vectors");
    request = good;
    request.stride_bytes = DIM * sizeof(float) - 1;
    assert_status(AKIN_BAD_ARGUMENT, akin_build(fixture->index, &request, error));
    assert_error(error, AKIN_BAD_ARGUMENT, "request.stride_bytes");
    request = good;
    request.threads = 0;
    assert_status(AKIN_BAD_THREADS, akin_build(fixture->index, &request, error));
    assert_error(error, AKIN_BAD_THREADS, "request.threads");
    request.threads = AKIN_BUILD_THREADS_MAX + 1;
    assert_status(AKIN_BAD_THREADS, akin_build(fixture->index, &request, error));
    request = good;
    request.batch = AKIN_BUILD_BATCH_MAX + 1;
    assert_status(AKIN_BAD_ARGUMENT, akin_build(fixture->index, &request, error));
    assert_error(error, AKIN_BAD_ARGUMENT, "request.batch");
    request = good;
    request.dim = DIM - 1;
    assert_status(AKIN_BAD_DIM, akin_build(fixture->index, &request, error));
    request = good;
    request.count = 0;
    request.done = 5;
    assert_status(AKIN_OK, akin_build(fixture->index, &request, error));
    assert_int_equal(request.done, 0);
    assert_int_equal(index_count(fixture), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INDEX_TEST(the_graph_does_not_depend_on_the_number_of_threads),
        INDEX_TEST(clusters_one_after_the_other_are_found_as_well_as_by_single_inserts),
        INDEX_TEST(a_thousand_equal_rows_do_no_harm),
        INDEX_TEST(rows_that_are_all_equal_are_all_reachable),
        INDEX_TEST(progress_is_told_and_may_stop_the_build),
        INDEX_TEST(a_key_that_is_there_ends_the_build_or_is_replaced),
        INDEX_TEST(a_bad_row_ends_the_build_before_its_batch),
        INDEX_TEST(memory_that_fails_anywhere_leaves_whole_batches),
        INDEX_TEST(a_flat_index_is_filled_with_payloads),
        INDEX_TEST(bad_requests_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
