/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Searches beside writers (G4): every search answers as of one instant within the call.
 *
 * Goal  : a key that is always there is found exactly once, one that is not there never; results
 *         are sorted, no key is in them twice; nothing deleted before the call is returned, nothing
 *         inserted before it is missed; all queries of a batch see one instant.
 * Method: writers rewrite keys in order (support/stairs.h), so that each instant has its own shape.
 *         Distances are exact, so a distance tells which write a result comes from. What had
 *         returned before a search and what had not begun after it bound the instant from both
 *         sides.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "akin/akin.h"
#include "support/race.h"
#include "support/stairs.h"
#include "support/tracking_allocator.h"

enum { DIM = 16, RESULTS_MAX = 256, BATCH = 40 };

struct field {
    akin_index *index;
    struct tracking_allocator tracking;
    struct stairs stairs;
};

static struct field field;

static void field_open(uint32_t writers, uint32_t steps)
{
    struct akin_options options;
    memset(&field, 0, sizeof field);
    field.stairs.writers = writers;
    field.stairs.steps = steps;
    field.stairs.dim = DIM;
    tracking_init(&field.tracking);
    akin_options_init(&options);
    options.dim = DIM;
    options.retired_bytes_max = 1024 * 1024; /* so that slots are recycled all the time */
    options.allocator = tracking_hooks(&field.tracking);
    assert_int_equal(akin_open(&options, &field.index, NULL), AKIN_OK);
    for (uint32_t writer = 0; writer < writers; writer++) {
        for (uint64_t write = 0; write < steps; write++) {
            assert_int_equal(stairs_put(field.index, &field.stairs, writer, write), AKIN_OK);
        }
    }
}

static void field_close(void)
{
    struct akin_stats stats = {.struct_size = sizeof stats};
    struct akin_error error = {.message = ""};
    assert_int_equal(akin_maintain(field.index, AKIN_MAINTAIN_DRAIN, NULL, NULL), AKIN_OK);
    assert_int_equal(akin_stats_get(field.index, &stats, NULL), AKIN_OK);
    printf("search: %" PRIu64 " commits in %" PRIu64 " slots, %" PRIu64 " rounds of maintenance\n",
           stats.commits, stats.slots, stats.maintenance_rounds);
    if (akin_check(field.index, AKIN_CHECK_DEEP, &error) != AKIN_OK) {
        fail_msg("%s: %s", error.field, error.message);
    }
    assert_int_equal(akin_close(field.index), AKIN_OK);
    tracking_end(&field.tracking);
}

/* Write on and on; the numbers of the writes go on where the last race ended. */
static void climb(struct race_worker *worker)
{
    struct stairs *const stairs = &field.stairs;
    uint64_t write = race_number_load(&stairs->ended[worker->rank]);
    while (race_goes_on(worker) && write < stairs_writes_max(stairs)) {
        race_begin(worker);
        const enum akin_status status = stairs_put(field.index, stairs, worker->rank, write);
        race_end(worker);
        if (status == AKIN_OK) {
            write++;
        } else if (status != AKIN_RECLAIM_STALLED) {
            race_error(worker, "upsert answered %s", akin_status_name(status));
        }
    }
}

/* Search from where all elements are -offset. */
static enum akin_status search(const struct akin_filter *filter, uint32_t k, uint32_t offset,
                               struct akin_neighbor *results, uint32_t *count)
{
    struct akin_search_options options;
    float query[DIM];
    akin_search_options_init(&options);
    options.k = k;
    options.filter = filter;
    for (uint32_t i = 0; i < DIM; i++) {
        query[i] = -(float)offset;
    }
    const struct akin_vector vector = akin_vector_f32(query, DIM);
    return akin_search(field.index, NULL, &vector, &options, results, count, NULL);
}

static bool is_sorted(const struct akin_neighbor *results, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        const struct akin_neighbor *const before = &results[i - 1];
        if (before->distance > results[i].distance ||
            (before->distance == results[i].distance && before->key >= results[i].key)) {
            return false;
        }
    }
    return true;
}

/* Turn results into a view; NULL or what is wrong with them. */
static const char *view_of(const struct akin_neighbor *results, uint32_t count, uint32_t offset,
                           struct stairs_view *view)
{
    const char *fault = is_sorted(results, count) ? NULL : "results that are not sorted";
    stairs_forget(&field.stairs, view);
    for (uint32_t i = 0; i < count && fault == NULL; i++) {
        fault =
            stairs_add_distance(&field.stairs, view, results[i].key, results[i].distance, offset);
    }
    return fault;
}

/* Writes that had returned. */
static void note_ended(uint64_t *ended)
{
    for (uint32_t writer = 0; writer < field.stairs.writers; writer++) {
        ended[writer] = race_number_load_acquire(&field.stairs.ended[writer]);
    }
}

/* NULL, or what the view lacks or has too much of: called right after the search. */
static const char *judge_time(const struct stairs_view *view, const uint64_t *ended)
{
    for (uint32_t writer = 0; writer < field.stairs.writers; writer++) {
        const uint64_t seen = stairs_writes_seen(&field.stairs, view, writer);
        if (seen < ended[writer]) {
            return "a write that had returned before the search was missed";
        }
        if (seen > race_number_load_acquire(&field.stairs.begun[writer])) {
            return "a write that had not begun was found";
        }
    }
    return NULL;
}

static void look_at_all(struct race_worker *worker)
{
    struct akin_neighbor results[RESULTS_MAX];
    struct stairs_view view;
    uint64_t ended[STAIRS_WRITERS_MAX];
    while (race_goes_on(worker)) {
        const uint32_t offset = (uint32_t)race_random(worker, 8);
        uint32_t count = 0;
        note_ended(ended);
        race_begin(worker);
        const enum akin_status status = search(NULL, RESULTS_MAX, offset, results, &count);
        race_end(worker);
        const char *fault = status == AKIN_OK ? NULL : akin_status_name(status);
        fault = fault != NULL ? fault : view_of(results, count, offset, &view);
        fault = fault != NULL ? fault : stairs_fault(&field.stairs, &view);
        fault = fault != NULL ? fault : judge_time(&view, ended);
        if (fault != NULL) {
            race_error(worker, "search: %s (%" PRIu32 " results)", fault, count);
        }
    }
}

static void a_search_for_all_sees_every_key_once_and_one_instant(void **state)
{
    (void)state;
    field_open(3, 40);
    const struct race_role roles[] = {
        {.name = "climbers", .threads = 3, .body = climb, .least = race_scaled(20000, 1500)},
        {.name = "searchers", .threads = 3, .body = look_at_all, .least = race_scaled(8000, 200)},
    };
    race_run("search all", roles, 2, NULL);
    field_close();
}

/*
 * With one writer the values of the live rows are consecutive numbers. The k nearest to the origin
 * are the k oldest, whatever the instant.
 */
static void look_at_nearest(struct race_worker *worker)
{
    struct akin_neighbor results[RESULTS_MAX];
    struct stairs_view view;
    const uint64_t keys = field.stairs.steps;
    while (race_goes_on(worker)) {
        const uint32_t k = (uint32_t)(1 + race_random(worker, keys));
        uint64_t ended[STAIRS_WRITERS_MAX];
        uint32_t count = 0;
        note_ended(ended);
        race_begin(worker);
        const enum akin_status status = search(NULL, k, 0, results, &count);
        race_end(worker);
        const uint64_t begun = race_number_load_acquire(&field.stairs.begun[0]);
        const char *fault = status == AKIN_OK ? NULL : akin_status_name(status);
        fault = fault != NULL ? fault : view_of(results, count, 0, &view);
        if (fault == NULL && count != k) {
            fault = "fewer results than keys";
        }
        for (uint32_t i = 0; i < count && fault == NULL; i++) {
            /* The number of the write: values begin with the number of keys. */
            const uint64_t write = view.serials[results[i].key] * keys + results[i].key - keys;
            if (i == 0 && (write + keys < ended[0] || write + keys > begun)) {
                fault = "the nearest is of no instant within the call";
            }
            if (i > 0 && results[i].key != (results[i - 1].key + 1) % keys) {
                fault = "a nearer entry was missed";
            }
        }
        if (fault != NULL) {
            race_error(worker, "search for %" PRIu32 ": %s", k, fault);
        }
    }
}

static void a_search_for_some_finds_the_nearest_of_one_instant(void **state)
{
    (void)state;
    field_open(1, 70);
    const struct race_role roles[] = {
        {.name = "climber", .threads = 1, .body = climb, .least = race_scaled(20000, 1500)},
        {.name = "searchers",
         .threads = 3,
         .body = look_at_nearest,
         .least = race_scaled(8000, 200)},
    };
    race_run("search some", roles, 2, NULL);
    field_close();
}

/* More queries than share one pass over the rows, each from another place; they must agree. */
static void look_in_batches(struct race_worker *worker)
{
    struct akin_neighbor *const results = calloc(BATCH * RESULTS_MAX, sizeof *results);
    struct stairs_view first;
    struct stairs_view view;
    float queries[BATCH][DIM];
    uint32_t counts[BATCH];
    struct akin_search_options options;
    akin_search_options_init(&options);
    options.k = RESULTS_MAX;
    for (uint32_t q = 0; q < BATCH; q++) {
        for (uint32_t i = 0; i < DIM; i++) {
            queries[q][i] = -(float)q;
        }
    }
    const struct akin_batch_search batch = {.struct_size = sizeof batch,
                                            .queries = queries,
                                            .query_count = BATCH,
                                            .dim = DIM,
                                            .type = AKIN_F32,
                                            .results = results,
                                            .counts = counts};
    while (race_goes_on(worker)) {
        uint64_t ended[STAIRS_WRITERS_MAX];
        note_ended(ended);
        race_begin(worker);
        const enum akin_status status =
            akin_search_batch(field.index, NULL, &batch, &options, NULL);
        race_end(worker);
        const char *fault = status == AKIN_OK ? NULL : akin_status_name(status);
        fault = fault != NULL ? fault : view_of(results, counts[0], 0, &first);
        fault = fault != NULL ? fault : stairs_fault(&field.stairs, &first);
        fault = fault != NULL ? fault : judge_time(&first, ended);
        for (uint32_t q = 1; q < BATCH && fault == NULL; q++) {
            fault = view_of(results + (size_t)q * RESULTS_MAX, counts[q], q, &view);
            if (fault == NULL && memcmp(view.serials, first.serials,
                                        field.stairs.steps * sizeof view.serials[0]) != 0) {
                fault = "two queries of a batch saw two instants";
            }
        }
        if (fault != NULL) {
            race_error(worker, "batch: %s", fault);
        }
    }
    free(results);
}

static void all_queries_of_a_batch_see_one_instant(void **state)
{
    (void)state;
    field_open(1, 60);
    const struct race_role roles[] = {
        {.name = "climber", .threads = 1, .body = climb, .least = race_scaled(20000, 1500)},
        {.name = "searchers", .threads = 2, .body = look_in_batches, .least = race_scaled(500, 30)},
    };
    race_run("search batch", roles, 2, NULL);
    field_close();
}

/* What one search asked its filter. */
struct asked {
    uint64_t accepted[RESULTS_MAX / 64];
    const char *fault;
};

static int accept_even(void *context, uint64_t key)
{
    struct asked *const asked = context;
    if (key >= RESULTS_MAX) {
        asked->fault = "the filter was asked for a key that nobody wrote";
        return 0;
    }
    /* Reading inside a read section. The key may have a newer version by now, but it is there. */
    if (akin_contains(field.index, key, NULL) != AKIN_OK) {
        asked->fault = "a key that is always there was missed inside a filter";
    }
    if (key % 2 != 0) {
        return 0;
    }
    if ((asked->accepted[key / 64] >> key % 64 & 1) != 0) {
        asked->fault = "the filter was asked again for a key that it had accepted";
    }
    asked->accepted[key / 64] |= (uint64_t)1 << key % 64;
    return 1;
}

/* Every key below the first third is refused by the bitmap, every odd one by the callback. */
static void look_through_filter(struct race_worker *worker)
{
    struct akin_neighbor results[RESULTS_MAX];
    struct stairs_view view;
    uint64_t words[RESULTS_MAX / 64];
    const uint64_t keys = field.stairs.steps;
    const uint64_t third = keys / 3;
    memset(words, 0, sizeof words);
    for (uint64_t key = third; key < keys; key++) {
        words[key / 64] |= (uint64_t)1 << key % 64;
    }
    while (race_goes_on(worker)) {
        struct asked asked = {.fault = NULL};
        uint32_t count = 0;
        const struct akin_filter filter = {.struct_size = sizeof filter,
                                           .bitmap = words,
                                           .bitmap_bits = keys,
                                           .accept = accept_even,
                                           .context = &asked};
        race_begin(worker);
        const enum akin_status status = search(&filter, RESULTS_MAX, 0, results, &count);
        race_end(worker);
        const char *fault = status == AKIN_OK ? asked.fault : akin_status_name(status);
        fault = fault != NULL ? fault : view_of(results, count, 0, &view);
        uint32_t before = 0;
        for (uint64_t key = 0; key < keys && fault == NULL; key++) {
            const bool passes = key >= third && key % 2 == 0;
            if (passes != (view.serials[key] != 0)) {
                fault = passes ? "an entry that passes was missed" : "an entry that does not pass";
            } else if (passes && before != 0 &&
                       (view.serials[key] > before || view.serials[key] + 1 < before)) {
                fault = "the entries that pass are of two instants";
            }
            before = passes ? view.serials[key] : before;
        }
        if (fault != NULL) {
            race_error(worker, "filtered search: %s", fault);
        }
    }
}

static void a_filter_sees_every_entry_that_passes_once(void **state)
{
    (void)state;
    field_open(1, 90);
    const struct race_role roles[] = {
        {.name = "climber", .threads = 1, .body = climb, .least = race_scaled(20000, 1500)},
        {.name = "searchers",
         .threads = 3,
         .body = look_through_filter,
         .least = race_scaled(4000, 100)},
    };
    race_run("search filter", roles, 2, NULL);
    field_close();
}

/*
 * Keys that come and go. Each has one writer, which says what it is about to do and what it did:
 * the serial that is inserted, and the serial whose deletion has begun or returned.
 */
enum { GUESTS = 24, HOSTS = 2 };

struct guest {
    struct race_number insert_begun;
    struct race_number inserted;
    struct race_number delete_begun;
    struct race_number deleted;
};

static struct guest guests[GUESTS];

static enum akin_status guest_insert(uint64_t key, uint64_t serial)
{
    float row[DIM];
    for (uint32_t i = 0; i < DIM; i++) {
        row[i] = (float)stairs_value(&field.stairs, key, serial);
    }
    const struct akin_vector vector = akin_vector_f32(row, DIM);
    race_number_store(&guests[key].insert_begun, serial);
    const enum akin_status status = akin_insert(field.index, key, &vector, NULL, NULL);
    if (status == AKIN_OK) {
        race_number_store_release(&guests[key].inserted, serial);
    }
    return status;
}

static enum akin_status guest_delete(uint64_t key, uint64_t serial)
{
    race_number_store(&guests[key].delete_begun, serial);
    const enum akin_status status = akin_delete(field.index, key, NULL);
    if (status == AKIN_OK) {
        race_number_store_release(&guests[key].deleted, serial);
    }
    return status;
}

static void come_and_go(struct race_worker *worker)
{
    while (race_goes_on(worker)) {
        const uint64_t key = race_random(worker, GUESTS / HOSTS) * HOSTS + worker->rank;
        const uint64_t serial = race_number_load(&guests[key].inserted);
        const bool is_there = race_number_load(&guests[key].deleted) != serial;
        if (serial * GUESTS + GUESTS >= STAIRS_VALUE_MAX) {
            continue; /* far more than races have time for */
        }
        race_begin(worker);
        const enum akin_status status =
            is_there ? guest_delete(key, serial) : guest_insert(key, serial + 1);
        race_end(worker);
        if (status != AKIN_OK && status != AKIN_RECLAIM_STALLED) {
            race_error(worker, "%s answered %s", is_there ? "delete" : "insert",
                       akin_status_name(status));
        }
    }
}

struct guest_marks {
    uint64_t inserted[GUESTS];
    uint64_t deleted[GUESTS];
};

/* What is wrong with the serial found for a key, given what had returned before the search. */
static const char *judge_guest(uint64_t key, uint64_t serial, const struct guest_marks *before)
{
    const uint64_t delete_begun = race_number_load_acquire(&guests[key].delete_begun);
    if (serial != 0 && serial <= before->deleted[key]) {
        return "an entry that was deleted before the search";
    }
    if (serial > race_number_load_acquire(&guests[key].insert_begun)) {
        return "an entry whose insertion had not begun";
    }
    if (before->inserted[key] > delete_begun && serial < before->inserted[key]) {
        return "an entry that was there all the time was missed";
    }
    return NULL;
}

static void count_guests(struct race_worker *worker)
{
    struct akin_neighbor results[RESULTS_MAX];
    struct stairs_view view;
    struct guest_marks before;
    while (race_goes_on(worker)) {
        uint32_t count = 0;
        for (uint64_t key = 0; key < GUESTS; key++) {
            before.inserted[key] = race_number_load_acquire(&guests[key].inserted);
            before.deleted[key] = race_number_load_acquire(&guests[key].deleted);
        }
        race_begin(worker);
        const enum akin_status status = search(NULL, RESULTS_MAX, 0, results, &count);
        race_end(worker);
        const char *fault = status == AKIN_OK ? NULL : akin_status_name(status);
        fault = fault != NULL ? fault : view_of(results, count, 0, &view);
        for (uint64_t key = 0; key < GUESTS && fault == NULL; key++) {
            fault = judge_guest(key, view.serials[key], &before);
        }
        if (fault != NULL) {
            race_error(worker, "search: %s", fault);
        }
    }
}

static void nothing_deleted_is_found_and_nothing_inserted_missed(void **state)
{
    (void)state;
    memset(guests, 0, sizeof guests);
    field_open(0, 0);
    field.stairs.writers = 1;
    field.stairs.steps = GUESTS; /* for the values */
    const struct race_role roles[] = {
        {.name = "hosts", .threads = HOSTS, .body = come_and_go, .least = race_scaled(20000, 1500)},
        {.name = "searchers", .threads = 2, .body = count_guests, .least = race_scaled(12000, 200)},
    };
    race_run("search guests", roles, 2, NULL);
    field_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_search_for_all_sees_every_key_once_and_one_instant),
        cmocka_unit_test(a_search_for_some_finds_the_nearest_of_one_instant),
        cmocka_unit_test(all_queries_of_a_batch_see_one_instant),
        cmocka_unit_test(a_filter_sees_every_entry_that_passes_once),
        cmocka_unit_test(nothing_deleted_is_found_and_nothing_inserted_missed),
    };
    race_program(200);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
