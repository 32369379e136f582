/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of iteration.
 *
 * Goal   : every entry that was live at the start is visited once, as it was then, whatever the
 *          callback does to the index meanwhile.
 * Method : callbacks that note, stop, write, delete, clear, maintain and iterate themselves.
 */
#include <stdlib.h>
#include <string.h>

#include "support/index_fixture.h"

#define ENTRIES 300u

/* What a walk saw, and what its callback is to do. */
struct journey {
    struct index_fixture *fixture;
    uint64_t seen[ENTRIES];
    uint64_t foreign; /* keys beyond */
    uint64_t visits;
    uint64_t stop_after;
    uint64_t version; /* of the pattern that is expected */
    int depth;
};

static void fill(struct index_fixture *fixture)
{
    index_open(fixture);
    for (uint64_t key = 0; key < ENTRIES; key++) {
        assert_status(AKIN_OK, insert_pattern(fixture, key, 1, key * 3));
    }
}

/* Note the visit and compare the content. */
static void note(struct journey *journey, const struct akin_record *record)
{
    journey->visits++;
    if (record->key >= ENTRIES) {
        journey->foreign++;
        return;
    }
    journey->seen[record->key]++;
    assert_int_equal(record->struct_size, sizeof *record);
    assert_int_equal(record->vector_size, FIXTURE_DIM * 4);
    assert_int_equal(record->payload_size, record->key * 3);
    assert_true(
        pattern_row_is(AKIN_F32, FIXTURE_DIM, record->key, journey->version, record->vector));
    assert_true(
        pattern_bytes_are(record->key, journey->version, record->payload, record->payload_size));
    assert_true(record->version > 1);
}

static void assert_all_once(const struct journey *journey)
{
    for (uint64_t key = 0; key < ENTRIES; key++) {
        assert_int_equal(journey->seen[key], 1);
    }
    assert_int_equal(journey->foreign, 0);
}

static int visit_and_note(void *context, const struct akin_record *record)
{
    struct journey *const journey = context;
    note(journey, record);
    return journey->visits == journey->stop_after ? 17 : 0;
}

static void every_entry_is_visited_once_with_its_content(void **state)
{
    struct index_fixture *const fixture = *state;
    struct journey journey = {.fixture = fixture, .version = 1};
    fill(fixture);
    assert_status(AKIN_OK, akin_iterate(fixture->index, visit_and_note, &journey, NULL));
    assert_int_equal(journey.visits, ENTRIES);
    assert_all_once(&journey);
}

static void an_empty_index_has_nothing_to_visit(void **state)
{
    struct index_fixture *const fixture = *state;
    struct journey journey = {.fixture = fixture};
    index_open(fixture);
    assert_status(AKIN_OK, akin_iterate(fixture->index, visit_and_note, &journey, NULL));
    assert_int_equal(journey.visits, 0);
}

static void dead_and_replaced_versions_are_not_visited(void **state)
{
    struct index_fixture *const fixture = *state;
    struct journey journey = {.fixture = fixture, .version = 2};
    fixture->options.maintenance = AKIN_MAINTENANCE_CALLER;
    fill(fixture);
    for (uint64_t key = 0; key < ENTRIES; key++) {
        assert_status(AKIN_OK, update_pattern(fixture, key, 2, key * 3));
    }
    for (uint64_t key = 0; key < ENTRIES; key += 2) {
        assert_status(AKIN_OK, akin_delete(fixture->index, key, NULL));
    }
    assert_status(AKIN_OK, akin_iterate(fixture->index, visit_and_note, &journey, NULL));
    assert_int_equal(journey.visits, ENTRIES / 2);
    for (uint64_t key = 0; key < ENTRIES; key++) {
        assert_int_equal(journey.seen[key], key % 2);
    }
}

static void a_callback_that_returns_not_zero_stops_the_walk(void **state)
{
    struct index_fixture *const fixture = *state;
    struct journey journey = {.fixture = fixture, .version = 1, .stop_after = 10};
    fill(fixture);
    assert_status(AKIN_STOPPED,
                  akin_iterate(fixture->index, visit_and_note, &journey, &fixture->error));
    assert_error(&fixture->error, AKIN_STOPPED, "");
    assert_int_equal(journey.visits, 10);
}

/* Everything that the callback writes must stay unseen. */
static int visit_and_mutate(void *context, const struct akin_record *record)
{
    struct journey *const journey = context;
    struct index_fixture *const fixture = journey->fixture;
    const uint64_t key = record->key;
    note(journey, record);
    /* This one, one that may still be to come, and new ones. */
    assert_status(AKIN_OK, put_pattern(fixture, key, 2, 5));
    assert_status(AKIN_OK, put_pattern(fixture, ENTRIES - 1 - key, 3, 7));
    assert_status(AKIN_OK, put_pattern(fixture, 10000 + key, 2, 9));
    if (key % 3 == 0) {
        assert_status(AKIN_OK, akin_delete(fixture->index, (key + 150) % ENTRIES, NULL));
    }
    if (key % 10 == 0) {
        index_drain(fixture);
    }
    /* The buffers are still those of the visited entry. */
    assert_true(pattern_row_is(AKIN_F32, FIXTURE_DIM, key, 1, record->vector));
    return 0;
}

static void the_callback_may_write_delete_and_maintain_and_sees_the_start_of_the_walk(void **state)
{
    struct index_fixture *const fixture = *state;
    for (int mode = AKIN_MAINTENANCE_INLINE; mode <= AKIN_MAINTENANCE_WORKER; mode++) {
        fixture->options.maintenance = (enum akin_maintenance)mode;
        struct journey journey = {.fixture = fixture, .version = 1};
        fill(fixture);
        assert_status(AKIN_OK, akin_iterate(fixture->index, visit_and_mutate, &journey, NULL));
        assert_all_once(&journey);
        index_close(fixture);
    }
}

static int visit_and_clear(void *context, const struct akin_record *record)
{
    struct journey *const journey = context;
    note(journey, record);
    if (journey->visits == 1) {
        assert_status(AKIN_OK, akin_clear(journey->fixture->index, NULL));
        index_drain(journey->fixture);
        assert_int_equal(index_count(journey->fixture), 0);
    }
    return 0;
}

static void entries_that_are_cleared_meanwhile_are_visited_to_the_last(void **state)
{
    struct index_fixture *const fixture = *state;
    struct journey journey = {.fixture = fixture, .version = 1};
    fill(fixture);
    assert_status(AKIN_OK, akin_iterate(fixture->index, visit_and_clear, &journey, NULL));
    assert_all_once(&journey);
    index_drain(fixture);
    const struct akin_stats stats = index_stats(fixture);
    assert_int_equal(stats.slots_free, stats.slots);
}

static int visit_and_iterate(void *context, const struct akin_record *record)
{
    struct journey *const journey = context;
    if (journey->depth == 0) {
        note(journey, record);
        if (journey->visits % 100 == 1) {
            struct journey inner = {.fixture = journey->fixture, .version = 1, .depth = 1};
            assert_status(AKIN_OK,
                          akin_iterate(journey->fixture->index, visit_and_iterate, &inner, NULL));
            assert_int_equal(inner.visits, ENTRIES);
        }
    } else {
        note(journey, record);
    }
    return 0;
}

static void walks_nest(void **state)
{
    struct index_fixture *const fixture = *state;
    struct journey journey = {.fixture = fixture, .version = 1};
    fixture->options.threads = 1; /* the inner one needs a context of its own */
    fill(fixture);
    assert_status(AKIN_OK, akin_iterate(fixture->index, visit_and_iterate, &journey, NULL));
    assert_all_once(&journey);
}

static void bad_arguments_are_named(void **state)
{
    struct index_fixture *const fixture = *state;
    index_open(fixture);
    assert_status(AKIN_BAD_ARGUMENT, akin_iterate(NULL, visit_and_note, NULL, &fixture->error));
    assert_error(&fixture->error, AKIN_BAD_ARGUMENT, "index");
    assert_status(AKIN_BAD_ARGUMENT, akin_iterate(fixture->index, NULL, NULL, &fixture->error));
    assert_error(&fixture->error, AKIN_BAD_ARGUMENT, "visit");
}

static int refuse_to_wait(void *context, uint64_t key)
{
    struct journey *const journey = context;
    (void)key;
    journey->visits++;
    assert_status(AKIN_IN_CALLBACK,
                  akin_iterate(journey->fixture->index, visit_and_note, journey, NULL));
    return 1;
}

static void a_walk_from_inside_a_filter_is_refused(void **state)
{
    struct index_fixture *const fixture = *state;
    struct journey journey = {.fixture = fixture};
    const struct akin_filter filter = {
        .struct_size = sizeof filter, .accept = refuse_to_wait, .context = &journey};
    const float query[FIXTURE_DIM] = {0};
    const struct akin_vector vector = akin_vector_f32(query, FIXTURE_DIM);
    struct akin_search_options options;
    struct akin_neighbor results[10];
    uint32_t count = 0;
    fill(fixture);
    akin_search_options_init(&options);
    options.filter = &filter;
    assert_status(AKIN_OK,
                  akin_search(fixture->index, NULL, &vector, &options, results, &count, NULL));
    assert_int_equal(count, 10);
    assert_true(journey.visits >= 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INDEX_TEST(every_entry_is_visited_once_with_its_content),
        INDEX_TEST(an_empty_index_has_nothing_to_visit),
        INDEX_TEST(dead_and_replaced_versions_are_not_visited),
        INDEX_TEST(a_callback_that_returns_not_zero_stops_the_walk),
        INDEX_TEST(the_callback_may_write_delete_and_maintain_and_sees_the_start_of_the_walk),
        INDEX_TEST(entries_that_are_cleared_meanwhile_are_visited_to_the_last),
        INDEX_TEST(walks_nest),
        INDEX_TEST(bad_arguments_are_named),
        INDEX_TEST(a_walk_from_inside_a_filter_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
