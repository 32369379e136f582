/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of the graph index, one thread.
 *
 * Goal   : the near ones are found, for every metric and type, through deletes, replacements and
 *          recycling; the structure stays whole; what maintenance takes out is taken out
 *          everywhere; data without shape - equal rows, a line, clusters one after the other - does
 *          no harm.
 * Method : recall against the oracle; akin_check after every phase; a filter and k beyond what
 *          there is, where the answer must be exact.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph_check.h"
#include "index/internal.h"
#include "support/index_fixture.h"
#include "support/oracle.h"
#include "support/scratch.h"
#include "sync/rcu.h"

enum { K = 10, EF = 100, QUERIES = 50 };

static void graph_open(struct index_fixture *fixture, enum akin_metric metric, enum akin_type type,
                       uint32_t dim)
{
    fixture->options.kind = AKIN_HNSW;
    fixture->options.metric = metric;
    fixture->options.type = type;
    fixture->options.dim = dim;
    fixture->options.m = 8;
    fixture->options.ef_construction = 60;
    index_open(fixture);
}

static void check(struct index_fixture *fixture)
{
    if (akin_check(fixture->index, AKIN_CHECK_DEEP, &fixture->error) != AKIN_OK) {
        fail_msg("%s at %llu: %s", fixture->error.field,
                 (unsigned long long)fixture->error.position, fixture->error.message);
    }
}

static struct graph_census census(struct index_fixture *fixture)
{
    struct graph_census counted;
    struct graph_fault fault;
    rcu_enter();
    assert_status(AKIN_OK, graph_check(fixture->index->routing.graph, &fault, &counted));
    rcu_leave();
    return counted;
}

static uint32_t search(struct index_fixture *fixture, const void *query, uint32_t k,
                       const struct akin_filter *filter, struct akin_search_stats *stats,
                       struct akin_neighbor *results)
{
    const struct akin_vector vector = vector_of(fixture->options.type, fixture->options.dim, query);
    struct akin_search_options options;
    uint32_t count = 0;
    akin_search_options_init(&options);
    options.k = k;
    options.ef_search = EF;
    options.filter = filter;
    options.stats = stats;
    assert_status(AKIN_OK,
                  akin_search(fixture->index, NULL, &vector, &options, results, &count, NULL));
    for (uint32_t i = 1; i < count; i++) {
        assert_true(results[i - 1].distance < results[i].distance ||
                    (results[i - 1].distance == results[i].distance &&
                     results[i - 1].key < results[i].key));
    }
    return count;
}

static void put(struct index_fixture *fixture, struct oracle *oracle, uint64_t key, const void *row)
{
    const struct akin_vector vector = vector_of(fixture->options.type, fixture->options.dim, row);
    assert_status(AKIN_OK, akin_upsert(fixture->index, key, &vector, NULL, NULL));
    (void)oracle_put(oracle, key, row);
}

static void take(struct index_fixture *fixture, struct oracle *oracle, uint64_t key)
{
    assert_status(oracle_remove(oracle, key) ? AKIN_OK : AKIN_NOT_FOUND,
                  akin_delete(fixture->index, key, NULL));
}

/* Of the k nearest by the oracle, those that a search finds, in percent; and none is short. */
static uint32_t recall(struct index_fixture *fixture, const struct oracle *oracle, uint64_t *random)
{
    unsigned char query[256 * sizeof(float)];
    struct akin_neighbor expected[K];
    struct akin_neighbor found[K];
    uint32_t hits = 0;
    for (int i = 0; i < QUERIES; i++) {
        random_row(random, SPREAD_UNIT, fixture->options.type, fixture->options.dim, query);
        const uint32_t wanted = oracle_search(oracle, query, K, expected);
        assert_int_equal(search(fixture, query, K, NULL, NULL, found), wanted);
        const double farthest = wanted > 0 ? expected[wanted - 1].distance : 0;
        for (uint32_t j = 0; j < wanted; j++) {
            /* By distance: equal ones may stand for each other. */
            hits += found[j].distance <= farthest + fabs(farthest) * 1e-9 + 1e-12 ? 1 : 0;
        }
    }
    return hits * 100 / (QUERIES * K);
}

static void fill(struct index_fixture *fixture, struct oracle *oracle, uint64_t first,
                 uint64_t count, uint64_t *random)
{
    unsigned char row[256 * sizeof(float)];
    for (uint64_t key = first; key < first + count; key++) {
        random_row(random, SPREAD_UNIT, fixture->options.type, fixture->options.dim, row);
        put(fixture, oracle, key, row);
    }
}

/* Fill, replace, delete half, drain, fill again. */
static void live_through(struct index_fixture *fixture, enum akin_metric metric,
                         enum akin_type type, uint32_t dim)
{
    struct oracle oracle;
    uint64_t random = test_seed();
    graph_open(fixture, metric, type, dim);
    oracle_init(&oracle, metric, type, dim);
    fill(fixture, &oracle, 0, 1000, &random);
    check(fixture);
    assert_true(recall(fixture, &oracle, &random) >= 95);
    fill(fixture, &oracle, 100, 300, &random);
    for (uint64_t key = 0; key < 1000; key += 2) {
        take(fixture, &oracle, key);
    }
    check(fixture);
    assert_true(recall(fixture, &oracle, &random) >= 95);
    index_drain(fixture);
    check(fixture);
    assert_int_equal(census(fixture).to_dead, 0);
    assert_int_equal(index_stats(fixture).slots_dead, 0);
    assert_true(recall(fixture, &oracle, &random) >= 95);
    const uint64_t slots = index_stats(fixture).slots;
    fill(fixture, &oracle, 2000, 400, &random);
    check(fixture);
    assert_int_equal(index_stats(fixture).slots, slots); /* those of the dead are used again */
    assert_true(recall(fixture, &oracle, &random) >= 95);
    oracle_end(&oracle);
}

static void l2_f32(void **state)
{
    live_through(*state, AKIN_L2, AKIN_F32, 16);
}

static void l2_i8(void **state)
{
    live_through(*state, AKIN_L2, AKIN_I8, 24);
}

static void cosine_f32(void **state)
{
    live_through(*state, AKIN_COSINE, AKIN_F32, 12);
}

static void cosine_i8(void **state)
{
    live_through(*state, AKIN_COSINE, AKIN_I8, 16);
}

static void inner_product_f32(void **state)
{
    live_through(*state, AKIN_INNER_PRODUCT, AKIN_F32, 12);
}

/* One round up to the second grace period: the dead are out of all lists and not yet free. */
static void sweep_once(struct index_fixture *fixture)
{
    struct maintainer *const maintainer = &fixture->index->maintainer;
    uint64_t reclaimed = 0;
    maintain_claim_surely(maintainer);
    maintainer->is_thorough = true;
    assert_true(maintain_round(maintainer, MAINTAIN_MAY_WAIT, &reclaimed));
    maintainer->is_thorough = false;
    maintain_release(maintainer);
}

static void the_dead_are_out_of_all_lists_before_they_are_recycled(void **state)
{
    struct index_fixture *const fixture = *state;
    struct oracle oracle;
    uint64_t random = test_seed();
    fixture->options.maintenance = AKIN_MAINTENANCE_CALLER;
    graph_open(fixture, AKIN_L2, AKIN_F32, 8);
    oracle_init(&oracle, AKIN_L2, AKIN_F32, 8);
    fill(fixture, &oracle, 0, 1000, &random);
    for (uint64_t key = 0; key < 1000; key += 2) {
        take(fixture, &oracle, key);
    }
    const uint64_t references = census(fixture).live_to_dead;
    struct akin_stats stats = index_stats(fixture);
    assert_true(references > 500);
    assert_int_equal(stats.slots_dead, 500);
    assert_int_equal(stats.slots_unlinking, 0);
    assert_int_equal(stats.graph_pruned, 0);
    sweep_once(fixture);
    stats = index_stats(fixture);
    assert_int_equal(census(fixture).live_to_dead, 0);
    assert_int_equal(stats.slots_dead, 500);
    assert_int_equal(stats.slots_unlinking, 500);
    assert_int_equal(stats.slots_recycled, 0);
    assert_int_equal(stats.graph_sweeps, 1);
    assert_true(stats.graph_pruned >= references); /* and those above the lowest level */
    assert_true(stats.graph_filled > 0 && stats.graph_adopted > 0);
    index_drain(fixture);
    stats = index_stats(fixture);
    assert_int_equal(stats.slots_dead, 0);
    assert_int_equal(stats.slots_unlinking, 0);
    assert_int_equal(stats.slots_recycled, 500);
    assert_int_equal(stats.slots_free, 500);
    fill(fixture, &oracle, 2000, 500, &random);
    assert_int_equal(index_stats(fixture).slots, stats.slots);
    check(fixture);
    oracle_end(&oracle);
}

static void everything_deleted_leaves_an_empty_graph_that_can_be_filled(void **state)
{
    struct index_fixture *const fixture = *state;
    struct oracle oracle;
    uint64_t random = test_seed();
    graph_open(fixture, AKIN_L2, AKIN_F32, 8);
    oracle_init(&oracle, AKIN_L2, AKIN_F32, 8);
    for (int round = 0; round < 3; round++) {
        fill(fixture, &oracle, 0, 400, &random);
        check(fixture);
        for (uint64_t key = 0; key < 400; key++) {
            take(fixture, &oracle, key);
        }
        check(fixture);
        (void)recall(fixture, &oracle, &random);
        if (round < 2) {
            index_drain(fixture);
            assert_int_equal(census(fixture).linked, 0);
            assert_int_equal(census(fixture).reachable, 0);
        }
        check(fixture);
    }
    oracle_end(&oracle);
}

/* A filter that one in 50 passes, and k beyond what passes: the answer is exact. */
static int one_in_50(void *context, uint64_t key)
{
    (*(uint64_t *)context)++;
    return key % 50 == 0;
}

static bool oracle_one_in_50(void *context, uint64_t key)
{
    (void)context;
    return key % 50 == 0;
}

static void a_search_goes_on_until_k_pass_the_filter(void **state)
{
    struct index_fixture *const fixture = *state;
    struct oracle oracle;
    struct akin_neighbor found[64];
    uint64_t calls = 0;
    uint64_t random = test_seed();
    struct akin_filter filter = {
        .struct_size = sizeof filter, .accept = one_in_50, .context = &calls};
    float query[8];
    graph_open(fixture, AKIN_L2, AKIN_F32, 8);
    oracle_init(&oracle, AKIN_L2, AKIN_F32, 8);
    fill(fixture, &oracle, 0, 2000, &random);
    for (int i = 0; i < 20; i++) {
        random_row(&random, SPREAD_UNIT, AKIN_F32, 8, query);
        const uint32_t count = search(fixture, query, 64, &filter, NULL, found);
        assert_int_equal(count, 40);
        oracle_check(&oracle, query, 64, oracle_one_in_50, NULL, found, count);
    }
    assert_true(calls > 0);
    oracle_end(&oracle);
}

static void k_beyond_the_index_gives_all_of_it(void **state)
{
    struct index_fixture *const fixture = *state;
    struct oracle oracle;
    struct akin_neighbor *const found = calloc(3000, sizeof *found);
    uint64_t random = test_seed();
    float query[8];
    assert_non_null(found);
    graph_open(fixture, AKIN_L2, AKIN_F32, 8);
    oracle_init(&oracle, AKIN_L2, AKIN_F32, 8);
    fill(fixture, &oracle, 0, 700, &random);
    for (uint64_t key = 0; key < 700; key += 3) {
        take(fixture, &oracle, key);
    }
    random_row(&random, SPREAD_UNIT, AKIN_F32, 8, query);
    for (uint32_t k = 440; k < 3000; k += 500) {
        const uint32_t count = search(fixture, query, k, NULL, NULL, found);
        oracle_check(&oracle, query, k, NULL, NULL, found, count);
    }
    oracle_end(&oracle);
    free(found);
}

/* 1,000 equal rows among 4,000: they are all found, and so are the others. */
static void equal_rows_do_no_harm(void **state)
{
    struct index_fixture *const fixture = *state;
    struct oracle oracle;
    struct akin_neighbor *const found = calloc(1000, sizeof *found);
    uint64_t random = test_seed();
    float row[8];
    assert_non_null(found);
    graph_open(fixture, AKIN_L2, AKIN_F32, 8);
    oracle_init(&oracle, AKIN_L2, AKIN_F32, 8);
    for (uint64_t key = 0; key < 4000; key++) {
        random_row(&random, SPREAD_UNIT, AKIN_F32, 8, row);
        for (uint32_t i = 0; key % 4 == 0 && i < 8; i++) {
            row[i] = 0.25f;
        }
        put(fixture, &oracle, key, row);
    }
    check(fixture);
    for (uint32_t i = 0; i < 8; i++) {
        row[i] = 0.25f;
    }
    assert_int_equal(search(fixture, row, 1000, NULL, NULL, found), 1000);
    for (uint32_t i = 0; i < 1000; i++) {
        assert_true(found[i].distance == 0);
    }
    assert_true(recall(fixture, &oracle, &random) >= 95);
    for (uint64_t key = 0; key < 4000; key += 8) {
        take(fixture, &oracle, key);
    }
    index_drain(fixture);
    check(fixture);
    assert_true(recall(fixture, &oracle, &random) >= 95);
    oracle_end(&oracle);
    free(found);
}

static void rows_that_are_all_equal_are_all_reached(void **state)
{
    struct index_fixture *const fixture = *state;
    struct akin_search_stats stats = {0};
    struct akin_neighbor found[K];
    const float row[4] = {1, 2, 3, 4};
    struct oracle oracle;
    graph_open(fixture, AKIN_L2, AKIN_F32, 4);
    oracle_init(&oracle, AKIN_L2, AKIN_F32, 4);
    for (uint64_t key = 0; key < 1500; key++) {
        put(fixture, &oracle, key, row);
    }
    check(fixture);
    assert_int_equal(census(fixture).reachable, 1500);
    assert_int_equal(search(fixture, row, K, NULL, &stats, found), K);
    assert_int_equal(stats.scans, 0);
    oracle_end(&oracle);
}

static void a_line_and_clusters_in_order_are_searchable(void **state)
{
    struct index_fixture *const fixture = *state;
    struct oracle oracle;
    struct akin_neighbor expected[K];
    struct akin_neighbor found[K];
    uint64_t random = test_seed();
    uint32_t hits = 0;
    graph_open(fixture, AKIN_L2, AKIN_F32, 2);
    oracle_init(&oracle, AKIN_L2, AKIN_F32, 2);
    for (uint64_t key = 0; key < 2000; key++) {
        /* Ten clusters far apart, one after the other, each a line. */
        const uint64_t cluster = key / 200;
        const float row[2] = {(float)cluster * 1000, (float)(key % 200)};
        put(fixture, &oracle, key, row);
    }
    check(fixture);
    for (int i = 0; i < QUERIES; i++) {
        const float query[2] = {(float)random_below(&random, 10) * 1000,
                                (float)random_below(&random, 200) + 0.3f};
        (void)oracle_search(&oracle, query, K, expected);
        assert_int_equal(search(fixture, query, K, NULL, NULL, found), K);
        for (uint32_t j = 0; j < K; j++) {
            hits += found[j].key == expected[j].key ? 1 : 0;
        }
    }
    assert_true(hits >= QUERIES * K * 95 / 100);
    oracle_end(&oracle);
}

static void what_a_search_did_is_told(void **state)
{
    struct index_fixture *const fixture = *state;
    struct oracle oracle;
    struct akin_search_stats stats = {0};
    struct akin_neighbor found[K];
    uint64_t random = test_seed();
    float query[8];
    graph_open(fixture, AKIN_L2, AKIN_F32, 8);
    oracle_init(&oracle, AKIN_L2, AKIN_F32, 8);
    fill(fixture, &oracle, 0, 3000, &random);
    random_row(&random, SPREAD_UNIT, AKIN_F32, 8, query);
    (void)search(fixture, query, K, NULL, &stats, found);
    assert_true(stats.hops >= EF && stats.hops < 2 * EF);
    assert_true(stats.blocks >= EF && stats.codes > stats.hops && stats.codes < 3000);
    assert_true(stats.distances < stats.codes / 4); /* rows that are nearer than codes can tell */
    assert_int_equal(stats.scans, 0);
    const struct akin_search_stats once = stats;
    (void)search(fixture, query, K, NULL, &stats, found);
    assert_int_equal(stats.hops, 2 * once.hops);
    assert_int_equal(stats.distances, 2 * once.distances);
    assert_int_equal(stats.codes, 2 * once.codes);
    oracle_end(&oracle);
}

static void the_same_seed_gives_the_same_graph(void **state)
{
    struct index_fixture *const fixture = *state;
    struct oracle oracle;
    struct graph_census first;
    uint64_t random = 7;
    graph_open(fixture, AKIN_L2, AKIN_F32, 8);
    oracle_init(&oracle, AKIN_L2, AKIN_F32, 8);
    fill(fixture, &oracle, 0, 500, &random);
    first = census(fixture);
    index_close(fixture);
    random = 7;
    index_open(fixture);
    fill(fixture, &oracle, 0, 500, &random);
    const struct graph_census second = census(fixture);
    assert_int_equal(first.edges, second.edges);
    assert_int_equal(first.linked, second.linked);
    assert_int_equal(first.top_level, second.top_level);
    assert_true(first.top_level >= 1);
    oracle_end(&oracle);
}

static void patience_ends_a_search_early(void **state)
{
    struct index_fixture *const fixture = *state;
    struct oracle oracle;
    struct akin_search_options options;
    struct akin_search_stats patient = {0};
    struct akin_search_stats hasty = {0};
    struct akin_neighbor found[K];
    uint64_t random = test_seed();
    float row[8];
    uint32_t count = 0;
    graph_open(fixture, AKIN_L2, AKIN_F32, 8);
    oracle_init(&oracle, AKIN_L2, AKIN_F32, 8);
    fill(fixture, &oracle, 0, 3000, &random);
    random_row(&random, SPREAD_UNIT, AKIN_F32, 8, row);
    const struct akin_vector query = akin_vector_f32(row, 8);
    akin_search_options_init(&options);
    options.k = K;
    options.ef_search = 10 * EF / 2;
    options.stats = &patient;
    assert_status(AKIN_OK,
                  akin_search(fixture->index, NULL, &query, &options, found, &count, NULL));
    options.patience = 5;
    options.stats = &hasty;
    assert_status(AKIN_OK,
                  akin_search(fixture->index, NULL, &query, &options, found, &count, NULL));
    assert_int_equal(count, K);
    assert_true(hasty.hops < patient.hops / 2);
    options.ef_search = 10001;
    assert_status(AKIN_BAD_ARGUMENT, akin_search(fixture->index, NULL, &query, &options, found,
                                                 &count, &fixture->error));
    assert_error(&fixture->error, AKIN_BAD_ARGUMENT, "options.ef_search");
    oracle_end(&oracle);
}

/* A file keeps the shape of a graph, and its entries; the edges are made again. */
static void a_graph_is_saved_and_loaded(void **state)
{
    struct index_fixture *const fixture = *state;
    struct scratch scratch;
    struct oracle oracle;
    struct akin_options told = {.struct_size = sizeof told};
    akin_index *loaded = NULL;
    uint64_t random = test_seed();
    graph_open(fixture, AKIN_L2, AKIN_F32, 8);
    oracle_init(&oracle, AKIN_L2, AKIN_F32, 8);
    fill(fixture, &oracle, 0, 600, &random);
    scratch_make(&scratch);
    const char *const path = scratch_path(&scratch, "graph.akin");
    assert_status(AKIN_OK, akin_save(fixture->index, path, NULL));
    assert_status(AKIN_OK, akin_load(path, NULL, &loaded, NULL));
    assert_status(AKIN_OK, akin_options_of(loaded, &told, NULL));
    assert_int_equal(told.kind, AKIN_HNSW);
    assert_int_equal(told.m, fixture->options.m);
    assert_int_equal(told.ef_construction, fixture->options.ef_construction);
    assert_true(told.alpha == 1);
    assert_status(AKIN_OK, akin_check(loaded, AKIN_CHECK_DEEP, NULL));
    akin_index *const first = fixture->index;
    fixture->index = loaded;
    assert_true(recall(fixture, &oracle, &random) >= 95);
    fixture->index = first;
    assert_status(AKIN_OK, akin_close(loaded));
    scratch_remove(&scratch);
    oracle_end(&oracle);
}

/* Links that an index holds against those that were estimated. */
static void links_are_about_what_was_estimated(void **state)
{
    struct index_fixture *const fixture = *state;
    struct oracle oracle;
    struct akin_memory empty;
    struct akin_memory full;
    uint64_t random = test_seed();
    graph_open(fixture, AKIN_L2, AKIN_F32, 8);
    assert_status(AKIN_OK, akin_estimate(&fixture->options, 0, 0, &empty, NULL));
    assert_status(AKIN_OK, akin_estimate(&fixture->options, 4000, 0, &full, NULL));
    assert_int_equal(index_stats(fixture).memory.links_bytes, empty.links_bytes);
    oracle_init(&oracle, AKIN_L2, AKIN_F32, 8);
    fill(fixture, &oracle, 0, 4000, &random);
    const uint64_t held = index_stats(fixture).memory.links_bytes;
    assert_true(held > full.links_bytes / 2 && held < full.links_bytes * 2);
    oracle_end(&oracle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INDEX_TEST(l2_f32),
        INDEX_TEST(l2_i8),
        INDEX_TEST(cosine_f32),
        INDEX_TEST(cosine_i8),
        INDEX_TEST(inner_product_f32),
        INDEX_TEST(the_dead_are_out_of_all_lists_before_they_are_recycled),
        INDEX_TEST(everything_deleted_leaves_an_empty_graph_that_can_be_filled),
        INDEX_TEST(a_search_goes_on_until_k_pass_the_filter),
        INDEX_TEST(k_beyond_the_index_gives_all_of_it),
        INDEX_TEST(equal_rows_do_no_harm),
        INDEX_TEST(rows_that_are_all_equal_are_all_reached),
        INDEX_TEST(a_line_and_clusters_in_order_are_searchable),
        INDEX_TEST(what_a_search_did_is_told),
        INDEX_TEST(the_same_seed_gives_the_same_graph),
        INDEX_TEST(patience_ends_a_search_early),
        INDEX_TEST(a_graph_is_saved_and_loaded),
        INDEX_TEST(links_are_about_what_was_estimated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
