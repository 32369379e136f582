/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of the exact scan.
 *
 * Goal   : exactly the versions visible at the stamp and below the watermark are looked at, once
 *          each; filters are asked at the point of visibility; a long scan lets grace periods
 *          through.
 * Method : rows of four floats whose first one is the entry's number, so that the distance to the
 *          query 0 tells which row it was. Chunks of 16 slots and of 4,096.
 */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "search/scan.h"
#include "support/store_fixture.h"
#include "sync/rcu.h"

#define RESULTS_MAX 5000u

/* A search at work: what scan_run needs, for one query or several. */
struct scene {
    struct metric metric;
    struct reader reader;
    float origin[4];
    struct query queries[SCAN_GROUP_QUERIES];
    struct topk best[SCAN_GROUP_QUERIES];
    struct akin_neighbor *items;
    struct scan scan;
};

static struct scene *scene_make(struct store_fixture *fixture, uint32_t query_count, uint32_t k)
{
    struct scene *const scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    scene->items = calloc((size_t)query_count * k, sizeof *scene->items);
    assert_non_null(scene->items);
    scene->metric = metric_make(AKIN_L2, AKIN_F32, 4, simd_select(SIMD_ALL));
    reader_add(&fixture->store->readers, &scene->reader);
    for (uint32_t i = 0; i < query_count; i++) {
        scene->queries[i] = metric_query(&scene->metric, scene->origin);
        scene->best[i] = (struct topk){.items = scene->items + (size_t)i * k, .k = k};
    }
    scene->scan = (struct scan){
        .store = fixture->store,
        .metric = &scene->metric,
        .reader = &scene->reader,
        .query_count = query_count,
        .queries = scene->queries,
        .best = scene->best,
        .watermark = slots_watermark(&fixture->store->slots),
        .stamp = store_frontier(fixture),
    };
    return scene;
}

/* Scan; the number of results, sorted in scene->items. The scene's reader stays listed: free it
   last. */
static uint32_t scene_run(struct scene *scene)
{
    scene->best[0].count = 0;
    reader_enter(&scene->reader);
    scan_run(&scene->scan);
    assert_true(rcu_is_inside());
    reader_leave(&scene->reader);
    topk_sort(&scene->best[0]);
    return scene->best[0].count;
}

static void scene_end(struct store_fixture *fixture, struct scene *scene)
{
    /* Cells are listed for ever; this store is not used after the test. */
    atomic_ptr_store_release(&fixture->store->readers.cells, NULL);
    free(scene->items);
    free(scene);
}

/* Write entry `key` with the row (number, 0, 0, 0). */
static void write_number(struct store_fixture *fixture, uint64_t key, float number)
{
    const float row[4] = {number, 0, 0, 0};
    const struct write_request request = {.key = key, .row = row, .want = WANT_ANY};
    assert_status(AKIN_OK, write_entry(fixture->store, NULL, &request));
}

static void assert_results(const struct scene *scene, const uint64_t *keys, uint32_t count)
{
    assert_int_equal(scene->best[0].count, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(scene->items[i].key, keys[i]);
    }
}

static void what_is_visible_at_the_stamp_is_found_and_nothing_else(void **state)
{
    struct store_fixture *const fixture = *state;
    for (uint64_t key = 1; key <= 5; key++) {
        write_number(fixture, key, (float)key);
    }
    struct scene *const before = scene_make(fixture, 1, 10);
    assert_status(AKIN_OK, store_erase(fixture, 2));
    write_number(fixture, 3, 30);
    write_number(fixture, 6, 0);
    (void)scene_run(before);
    assert_results(before, (const uint64_t[]){1, 2, 3, 4, 5}, 5);
    assert_true(before->items[2].distance == 9);
    free(before->items);
    struct scene *const after = scene_make(fixture, 1, 10);
    (void)scene_run(after);
    assert_results(after, (const uint64_t[]){6, 1, 4, 5, 3}, 5);
    /* Slots beyond the watermark are not looked at. */
    after->scan.watermark = 5;
    (void)scene_run(after);
    assert_results(after, (const uint64_t[]){1, 4, 5}, 3);
    after->scan.watermark = 0;
    assert_int_equal(scene_run(after), 0);
    scene_end(fixture, after);
    free(before);
}

/* Give the fixture a store with chunks of 4,096 slots. */
static void use_large_chunks(struct store_fixture *fixture)
{
    const struct memory memory = account_of(&fixture->tracking, 0);
    store_end(fixture->store);
    assert_status(AKIN_OK, store_init(fixture->store, &memory, STORE_ROW_BYTES, 4096));
    assert_int_equal(fixture->store->slots.chunk_mask, 4095);
}

static void runs_of_every_shape_are_found_whole(void **state)
{
    static const uint32_t starts[] = {0, 1, 63, 64, 65, 127, 1023, 1024, 4095};
    static const uint32_t lengths[] = {1, 2, 63, 64, 65, 128, 1000, 1024, 1025, 3000, 5000};
    struct store_fixture *const fixture = *state;
    use_large_chunks(fixture);
    for (uint64_t key = 0; key < RESULTS_MAX; key++) {
        write_number(fixture, key, (float)key);
    }
    struct scene *const scene = scene_make(fixture, 1, RESULTS_MAX);
    const uint64_t all = scene->scan.stamp;
    for (size_t s = 0; s < sizeof starts / sizeof starts[0]; s++) {
        for (size_t l = 0; l < sizeof lengths / sizeof lengths[0]; l++) {
            /* Two runs and a hole between them, by a bitmap: [start, start + length) is missing. */
            const uint64_t end = starts[s] + lengths[l];
            static uint64_t bitmap[RESULTS_MAX / 64 + 1];
            uint32_t expected = 0;
            memset(bitmap, 0, sizeof bitmap);
            for (uint64_t key = 0; key < RESULTS_MAX; key++) {
                if (key < starts[s] || key >= end) {
                    bitmap[key / 64] |= 1ull << (key % 64);
                    expected++;
                }
            }
            const struct akin_filter filter = {
                .struct_size = sizeof filter, .bitmap = bitmap, .bitmap_bits = RESULTS_MAX};
            scene->scan.filter = &filter;
            assert_int_equal(scene_run(scene), expected);
            for (uint32_t i = 0; i < expected; i++) {
                assert_int_equal(scene->items[i].key, i < starts[s] ? i : i + lengths[l]);
            }
        }
    }
    assert_int_equal(scene->scan.stamp, all);
    scene_end(fixture, scene);
}

struct asked {
    uint64_t keys[200];
    uint32_t count;
    uint64_t refused; /* this remainder of 3 */
};

static int note_and_judge(void *context, uint64_t key)
{
    struct asked *const asked = context;
    assert_true(asked->count < 200);
    asked->keys[asked->count++] = key;
    return key % 3 != asked->refused;
}

static bool was_asked(const struct asked *asked, uint64_t key)
{
    for (uint32_t i = 0; i < asked->count; i++) {
        if (asked->keys[i] == key) {
            return true;
        }
    }
    return false;
}

static void the_callback_is_asked_once_for_what_would_enter_the_results(void **state)
{
    struct store_fixture *const fixture = *state;
    struct asked asked = {.refused = 0};
    /* Nearest first, so that later rows do not get in; key 2 is dead. */
    for (uint64_t key = 1; key <= 40; key++) {
        write_number(fixture, key, (float)key);
    }
    assert_status(AKIN_OK, store_erase(fixture, 2));
    const struct akin_filter filter = {
        .struct_size = sizeof filter, .accept = note_and_judge, .context = &asked};
    struct scene *const scene = scene_make(fixture, 1, 4);
    scene->scan.filter = &filter;
    (void)scene_run(scene);
    assert_results(scene, (const uint64_t[]){1, 4, 5, 7}, 4);
    /* 3 and 6 were refused; 8 and beyond cannot enter any more. */
    assert_int_equal(asked.count, 6);
    for (uint32_t i = 0; i < asked.count; i++) {
        static const uint64_t in_order[] = {1, 3, 4, 5, 6, 7};
        assert_int_equal(asked.keys[i], in_order[i]);
    }
    scene_end(fixture, scene);
}

static void the_callback_is_not_asked_for_what_the_bitmap_excludes(void **state)
{
    struct store_fixture *const fixture = *state;
    const uint64_t bitmap[1] = {0x0f0}; /* keys 4..7; then bits end at 6 */
    struct asked asked = {.refused = 2};
    for (uint64_t key = 0; key < 100; key++) {
        write_number(fixture, key, (float)key);
    }
    const struct akin_filter filter = {.struct_size = sizeof filter,
                                       .bitmap = bitmap,
                                       .bitmap_bits = 7,
                                       .accept = note_and_judge,
                                       .context = &asked};
    struct scene *const scene = scene_make(fixture, 1, 10);
    scene->scan.filter = &filter;
    (void)scene_run(scene);
    assert_results(scene, (const uint64_t[]){4, 6}, 2);
    assert_int_equal(asked.count, 3);
    assert_true(was_asked(&asked, 4) && was_asked(&asked, 5) && was_asked(&asked, 6));
    scene_end(fixture, scene);
}

static void several_queries_share_a_pass_and_each_has_its_own_results(void **state)
{
    struct store_fixture *const fixture = *state;
    float queries[3][4] = {{0, 0, 0, 0}, {50, 0, 0, 0}, {99, 0, 0, 0}};
    for (uint64_t key = 0; key < 100; key++) {
        write_number(fixture, key, (float)key);
    }
    struct scene *const scene = scene_make(fixture, 3, 2);
    for (int i = 0; i < 3; i++) {
        scene->queries[i] = metric_query(&scene->metric, queries[i]);
    }
    (void)scene_run(scene);
    topk_sort(&scene->best[1]);
    topk_sort(&scene->best[2]);
    assert_int_equal(scene->best[0].items[0].key, 0);
    assert_int_equal(scene->best[0].items[1].key, 1);
    assert_int_equal(scene->best[1].items[0].key, 50);
    assert_int_equal(scene->best[1].items[1].key, 49);
    assert_int_equal(scene->best[2].items[0].key, 99);
    assert_int_equal(scene->best[2].items[1].key, 98);
    scene_end(fixture, scene);
}

/* How often the reader left its section: each time its sequence grows by two. */
static uint64_t pauses(const struct scene *scene, uint64_t sequence_before)
{
    return (atomic_u64_load_relaxed(&scene->reader.sequence) - sequence_before) / 2 - 1;
}

static void a_long_scan_pauses_only_when_its_stamp_is_pinned(void **state)
{
    struct store_fixture *const fixture = *state;
    const uint32_t count = SCAN_SECTION_BYTES / STORE_ROW_BYTES / SCAN_GROUP_QUERIES + 4096;
    use_large_chunks(fixture);
    for (uint64_t key = 0; key < count; key++) {
        write_number(fixture, key, (float)key);
    }
    /* Few rows, but for 16 queries they count 16 times. */
    struct scene *const scene = scene_make(fixture, SCAN_GROUP_QUERIES, 1);
    uint64_t before = atomic_u64_load_relaxed(&scene->reader.sequence);
    assert_int_equal(scene_run(scene), 1);
    assert_int_equal(pauses(scene, before), 0);
    before = atomic_u64_load_relaxed(&scene->reader.sequence);
    for (uint32_t i = 0; i < SCAN_GROUP_QUERIES; i++) {
        scene->best[i].count = 0;
    }
    reader_enter(&scene->reader);
    scene->scan.stamp = reader_pin(fixture->store, &scene->reader);
    scene->scan.is_pinned = true;
    scene->scan.section_bytes = 0;
    scan_run(&scene->scan);
    reader_unpin(&scene->reader);
    reader_leave(&scene->reader);
    assert_int_equal(pauses(scene, before), 1);
    assert_int_equal(scene->items[0].key, 0);
    scene_end(fixture, scene);
}

static void a_scan_is_long_from_its_section_bytes_on(void **state)
{
    const struct store *const store = ((struct store_fixture *)*state)->store;
    const uint32_t section_rows = SCAN_SECTION_BYTES / STORE_ROW_BYTES;
    assert_false(scan_is_long(store, 0, 1));
    assert_false(scan_is_long(store, section_rows, 1));
    assert_true(scan_is_long(store, section_rows + 1, 1));
    assert_true(scan_is_long(store, UINT32_MAX, 1));
    assert_true(scan_is_long(store, UINT32_MAX, SIZE_MAX));
    assert_false(scan_is_long(store, section_rows / 16, 16));
    assert_true(scan_is_long(store, section_rows / 16 + 1, 16));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(what_is_visible_at_the_stamp_is_found_and_nothing_else),
        STORE_TEST(runs_of_every_shape_are_found_whole),
        STORE_TEST(the_callback_is_asked_once_for_what_would_enter_the_results),
        STORE_TEST(the_callback_is_not_asked_for_what_the_bitmap_excludes),
        STORE_TEST(several_queries_share_a_pass_and_each_has_its_own_results),
        STORE_TEST(a_long_scan_pauses_only_when_its_stamp_is_pinned),
        STORE_TEST(a_scan_is_long_from_its_section_bytes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
