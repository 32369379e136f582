/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of maintenance, statistics, the budget and the bound of retired memory.
 *
 * Goal   : dead memory comes back in each mode; refusals are transient, are told, and never hit
 *          get, search or delete; statistics say what is there.
 * Method : small bounds; modes in which nobody maintains but the test.
 */
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "index/internal.h"
#include "support/index_fixture.h"

struct heard {
    int messages;
    enum akin_log_level level;
    char last[200];
};

/* A logger that leaves rubbish in errno, as loggers may. */
static void hear(void *context, enum akin_log_level level, const char *message)
{
    struct heard *const heard = context;
    heard->messages++;
    heard->level = level;
    strncpy(heard->last, message, sizeof heard->last - 1);
    errno = EDOM;
}

/* ---- maintenance ---- */

static void draining_brings_back_all_that_is_dead(void **state)
{
    struct index_fixture *const fixture = *state;
    for (int mode = AKIN_MAINTENANCE_INLINE; mode <= AKIN_MAINTENANCE_WORKER; mode++) {
        fixture->options.maintenance = (enum akin_maintenance)mode;
        index_open(fixture);
        for (uint64_t i = 0; i < 1000; i++) {
            assert_status(AKIN_OK, put_pattern(fixture, i % 100, i, 200));
        }
        for (uint64_t key = 0; key < 50; key++) {
            assert_status(AKIN_OK, akin_delete(fixture->index, key, NULL));
        }
        index_drain(fixture);
        const struct akin_stats stats = index_stats(fixture);
        assert_int_equal(stats.count, 50);
        assert_int_equal(stats.slots_dead, 0);
        assert_int_equal(stats.slots_free, stats.slots - 50);
        assert_int_equal(stats.memory.retired_bytes, 0);
        assert_int_equal(stats.payload_live_bytes, 50 * (200 + 16));
        assert_int_equal(stats.orphans, 0);
        assert_true(stats.maintenance_rounds > 0);
        assert_true(stats.grace_periods >= 2 * stats.maintenance_rounds);
        index_close(fixture);
    }
}

static void one_round_reclaims_and_a_second_finds_less(void **state)
{
    struct index_fixture *const fixture = *state;
    fixture->options.maintenance = AKIN_MAINTENANCE_CALLER;
    index_open(fixture);
    for (uint64_t i = 0; i < 100; i++) {
        assert_status(AKIN_OK, put_pattern(fixture, 1, i, 10));
    }
    const uint64_t before = index_stats(fixture).memory.retired_bytes;
    assert_true(before > 0);
    assert_int_equal(index_stats(fixture).slots_dead, 99);
    assert_status(AKIN_OK, akin_maintain(fixture->index, AKIN_MAINTAIN_ROUND, NULL, NULL));
    assert_int_equal(index_stats(fixture).maintenance_rounds, 1);
    assert_int_equal(index_stats(fixture).slots_free, 99);
    assert_true(index_stats(fixture).memory.retired_bytes < before);
    assert_pattern(fixture, 1, 99, 10);
}

static void nothing_to_do_is_done_at_once(void **state)
{
    struct index_fixture *const fixture = *state;
    index_open(fixture);
    assert_status(AKIN_OK, akin_maintain(fixture->index, AKIN_MAINTAIN_ROUND, NULL, NULL));
    index_drain(fixture);
    assert_int_equal(index_count(fixture), 0);
}

static void bad_arguments_are_named(void **state)
{
    struct index_fixture *const fixture = *state;
    struct akin_error *const error = &fixture->error;
    struct akin_stats stats = {.struct_size = sizeof stats};
    index_open(fixture);
    assert_status(AKIN_BAD_ARGUMENT, akin_maintain(NULL, AKIN_MAINTAIN_ROUND, NULL, error));
    assert_error(error, AKIN_BAD_ARGUMENT, "index");
    for (int mode = 0; mode <= 3; mode += 3) {
        assert_status(AKIN_BAD_ARGUMENT,
                      akin_maintain(fixture->index, (enum akin_maintain_mode)mode, NULL, error));
        assert_error(error, AKIN_BAD_ARGUMENT, "mode");
        assert_true(error->value == mode && error->bound_min == 1 && error->bound_max == 2);
    }
    assert_status(AKIN_BAD_ARGUMENT, akin_stats_get(NULL, &stats, error));
    assert_error(error, AKIN_BAD_ARGUMENT, "index");
    assert_status(AKIN_BAD_ARGUMENT, akin_stats_get(fixture->index, NULL, error));
    assert_error(error, AKIN_BAD_ARGUMENT, "stats");
    stats.struct_size--;
    assert_status(AKIN_BAD_STRUCT_SIZE, akin_stats_get(fixture->index, &stats, error));
    assert_error(error, AKIN_BAD_STRUCT_SIZE, "stats.struct_size");
}

static void a_worker_maintains_without_being_asked(void **state)
{
    struct index_fixture *const fixture = *state;
    fixture->options.maintenance = AKIN_MAINTENANCE_WORKER;
    fixture->options.retired_bytes_max = 1u << 20;
    index_open(fixture);
    uint64_t version = 0;
    while (index_stats(fixture).maintenance_rounds < 3) {
        const enum akin_status status = put_pattern(fixture, 1, version, 1000);
        assert_true(status == AKIN_OK || status == AKIN_RECLAIM_STALLED);
        version += status == AKIN_OK ? 1 : 0;
    }
    assert_pattern(fixture, 1, version - 1, 1000);
}

/* ---- statistics ---- */

static void statistics_say_what_is_there(void **state)
{
    struct index_fixture *const fixture = *state;
    fixture->options.maintenance = AKIN_MAINTENANCE_CALLER;
    index_open(fixture);
    for (uint64_t key = 0; key < 10; key++) {
        assert_status(AKIN_OK, insert_pattern(fixture, key, 1, 100));
    }
    assert_status(AKIN_OK, update_pattern(fixture, 1, 2, 50));
    assert_status(AKIN_OK, akin_delete(fixture->index, 2, NULL));
    struct akin_stats stats = index_stats(fixture);
    assert_int_equal(stats.struct_size, sizeof stats);
    assert_int_equal(stats.count, 9);
    assert_int_equal(stats.slots, 11);
    assert_int_equal(stats.slots_free, 0);
    assert_int_equal(stats.slots_dead, 2);
    assert_int_equal(stats.commits, 1 + 12);
    assert_int_equal(stats.payload_live_bytes, 10 * 120 + 72);
    assert_int_equal(stats.maintenance_rounds, 0);
    assert_int_equal(stats.grace_periods, 0);
    assert_int_equal(stats.reclaim_stalls, 0);
    assert_int_equal(stats.readers_active, 0);
    assert_int_equal(stats.reader_oldest_ns, 0);
    assert_int_equal(stats.allocations, tracking_calls(&fixture->tracking));
    assert_true(stats.memory.retired_bytes > 0);
    /* Every byte but those of liburcu's table went through the hooks. */
    assert_int_equal(stats.memory.total_bytes - 1024 * 16, tracking_live_bytes(&fixture->tracking));
}

static void a_longer_struct_of_statistics_keeps_its_tail(void **state)
{
    struct index_fixture *const fixture = *state;
    struct {
        struct akin_stats stats;
        unsigned char tail[64];
    } newer;
    memset(&newer, 0x7e, sizeof newer);
    newer.stats.struct_size = sizeof newer;
    index_open(fixture);
    assert_status(AKIN_OK, akin_stats_get(fixture->index, &newer.stats, NULL));
    assert_int_equal(newer.stats.struct_size, sizeof newer);
    assert_int_equal(newer.tail[0], 0x7e);
}

/* ---- the bound of retired memory ---- */

/* Replace key 1 until a write is refused; the last version that went through. */
static uint64_t write_until_stalled(struct index_fixture *fixture)
{
    for (uint64_t version = 1; version < 100000; version++) {
        const enum akin_status status = put_pattern(fixture, 1, version, 1000);
        if (status != AKIN_OK) {
            assert_string_equal(akin_status_name(status), "AKIN_RECLAIM_STALLED");
            assert_error(&fixture->error, AKIN_RECLAIM_STALLED, "");
            return version - 1;
        }
    }
    fail_msg("%s", "no write was refused");
    return 0;
}

static void beyond_the_bound_writes_are_refused_and_everything_else_works(void **state)
{
    struct index_fixture *const fixture = *state;
    struct heard heard = {.messages = 0};
    const float row[FIXTURE_DIM] = {0};
    const struct akin_vector query = akin_vector_f32(row, FIXTURE_DIM);
    struct akin_neighbor results[10];
    uint32_t count = 0;
    fixture->options.maintenance = AKIN_MAINTENANCE_CALLER;
    fixture->options.retired_bytes_max = 1u << 20;
    fixture->options.logger = (struct akin_logger){.log = hear, .context = &heard};
    index_open(fixture);
    assert_status(AKIN_OK, insert_pattern(fixture, 2, 1, 10));
    const uint64_t version = write_until_stalled(fixture);
    assert_true(version > 500);
    assert_int_equal(heard.messages, 1);
    assert_int_equal(heard.level, AKIN_LOG_WARNING);
    assert_status(AKIN_RECLAIM_STALLED, insert_pattern(fixture, 3, 1, 0));
    assert_status(AKIN_RECLAIM_STALLED, update_pattern(fixture, 2, 2, 0));
    assert_int_equal(heard.messages, 1); /* at most one a second */
    assert_int_equal(index_stats(fixture).reclaim_stalls, 3);
    assert_pattern(fixture, 1, version, 1000);
    assert_absent(fixture, 3);
    assert_status(AKIN_OK, akin_search(fixture->index, NULL, &query, NULL, results, &count, NULL));
    assert_int_equal(count, 2);
    assert_status(AKIN_OK, akin_delete(fixture->index, 2, NULL));
    assert_int_equal(index_count(fixture), 1);
    index_drain(fixture);
    assert_status(AKIN_OK, insert_pattern(fixture, 3, 1, 0));
    assert_int_equal(index_count(fixture), 2);
}

static int stall_while_reading(void *context, const struct akin_record *record)
{
    struct index_fixture *const fixture = context;
    (void)record;
    /* The pin of this walk keeps all versions. */
    const uint64_t version = write_until_stalled(fixture);
    assert_pattern(fixture, 1, version, 1000);
    assert_status(AKIN_OK, akin_maintain(fixture->index, AKIN_MAINTAIN_DRAIN, NULL, NULL));
    return 1;
}

static void a_reader_that_holds_an_instant_stalls_writers_and_frees_them_when_it_leaves(
    void **state)
{
    struct index_fixture *const fixture = *state;
    fixture->options.retired_bytes_max = 1u << 20;
    index_open(fixture);
    assert_status(AKIN_OK, put_pattern(fixture, 1, 0, 1000));
    assert_status(AKIN_STOPPED, akin_iterate(fixture->index, stall_while_reading, fixture, NULL));
    assert_status(AKIN_OK, put_pattern(fixture, 1, 4711, 10));
    assert_pattern(fixture, 1, 4711, 10);
    assert_true(index_stats(fixture).reclaim_stalls >= 1);
}

/* ---- the budget ---- */

/* An index whose budget leaves `room` bytes above an empty one. */
static void open_with_room(struct index_fixture *fixture, uint64_t room)
{
    struct akin_memory empty;
    assert_status(AKIN_OK, akin_estimate(&fixture->options, 0, 0, &empty, NULL));
    fixture->options.budget_bytes = empty.total_bytes + room;
    index_open(fixture);
}

/* Insert entries until the budget refuses; how many went in. */
static uint64_t insert_until_refused(struct index_fixture *fixture, size_t payload)
{
    for (uint64_t key = 0; key < 1000000; key++) {
        const enum akin_status status = insert_pattern(fixture, key, 1, payload);
        assert_true(index_stats(fixture).memory.total_bytes <= fixture->options.budget_bytes);
        assert_true(tracking_live_bytes(&fixture->tracking) <= fixture->options.budget_bytes);
        if (status != AKIN_OK) {
            assert_string_equal(akin_status_name(status), "AKIN_OVER_BUDGET");
            assert_error(&fixture->error, AKIN_OVER_BUDGET, "");
            assert_absent(fixture, key);
            return key;
        }
    }
    fail_msg("%s", "the budget refused nothing");
    return 0;
}

static void a_full_budget_refuses_inserts_and_keeps_what_is_there(void **state)
{
    struct index_fixture *const fixture = *state;
    for (int mode = AKIN_MAINTENANCE_INLINE; mode <= AKIN_MAINTENANCE_WORKER; mode++) {
        fixture->options.maintenance = (enum akin_maintenance)mode;
        open_with_room(fixture, 300000);
        const uint64_t count = insert_until_refused(fixture, 0);
        assert_true(count > 100);
        assert_int_equal(index_count(fixture), count);
        for (uint64_t key = 0; key < count; key++) {
            assert_pattern(fixture, key, 1, 0);
        }
        index_close(fixture);
    }
}

static void deletes_work_at_the_budget_and_make_room(void **state)
{
    struct index_fixture *const fixture = *state;
    open_with_room(fixture, 300000);
    const uint64_t count = insert_until_refused(fixture, 0);
    for (uint64_t key = 0; key < count; key++) {
        assert_status(AKIN_OK, akin_delete(fixture->index, key, &fixture->error));
    }
    assert_int_equal(index_count(fixture), 0);
    index_drain(fixture);
    for (uint64_t key = 0; key < count; key++) {
        assert_status(AKIN_OK, insert_pattern(fixture, key, 2, 0));
    }
}

static void replacing_goes_on_at_the_budget(void **state)
{
    struct index_fixture *const fixture = *state;
    open_with_room(fixture, 300000);
    const uint64_t count = insert_until_refused(fixture, 0);
    assert_status(AKIN_OK, akin_delete(fixture->index, 0, NULL));
    index_drain(fixture);
    /* One slot is free: each update uses it, and the slot it leaves is for the next. */
    for (uint64_t i = 0; i < 3000; i++) {
        assert_status(AKIN_OK, update_pattern(fixture, 1 + i % (count - 1), 2, 0));
    }
}

static void clear_comes_to_its_end_at_the_budget(void **state)
{
    struct index_fixture *const fixture = *state;
    open_with_room(fixture, 300000);
    const uint64_t count = insert_until_refused(fixture, 0);
    uint64_t left = count;
    for (uint64_t calls = 0; left > 0; calls++) {
        const enum akin_status status = akin_clear(fixture->index, &fixture->error);
        const uint64_t now = index_count(fixture);
        assert_true(status == AKIN_OK || status == AKIN_OVER_BUDGET || status == AKIN_NO_MEMORY);
        assert_true(status != AKIN_OK || now == 0);
        assert_true(now < left); /* each call comes further */
        assert_true(calls < count);
        left = now;
    }
    index_drain(fixture);
}

static void a_table_that_may_not_grow_does_not_make_every_write_maintain(void **state)
{
    struct index_fixture *const fixture = *state;
    struct memory *memory;
    fixture->options.capacity = 1024; /* chunks and a table for so many */
    index_open(fixture);
    memory = &fixture->index->store.memory;
    for (uint64_t key = 0; key < 2048; key++) {
        assert_status(AKIN_OK, insert_pattern(fixture, key, 1, 0));
    }
    /* A third chunk of slots is there now. Then room for key records, but not for a larger table.
       */
    assert_status(AKIN_OK, put_pattern(fixture, 0, 2, 0));
    memory->budget_bytes = atomic_u64_load_relaxed(&memory->total) + 48000;
    const uint64_t before = index_stats(fixture).maintenance_rounds;
    const uint64_t before_map = index_stats(fixture).memory.map_bytes / (16 * 1024);
    for (uint64_t key = 2048; key < 2248; key++) {
        assert_status(AKIN_OK, insert_pattern(fixture, key, 1, 0));
    }
    assert_int_equal(index_stats(fixture).memory.map_bytes / (16 * 1024), before_map);
    assert_true(index_stats(fixture).maintenance_rounds - before < 20);
    memory->budget_bytes = UINT64_MAX;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INDEX_TEST(draining_brings_back_all_that_is_dead),
        INDEX_TEST(one_round_reclaims_and_a_second_finds_less),
        INDEX_TEST(nothing_to_do_is_done_at_once),
        INDEX_TEST(bad_arguments_are_named),
        INDEX_TEST(a_worker_maintains_without_being_asked),
        INDEX_TEST(statistics_say_what_is_there),
        INDEX_TEST(a_longer_struct_of_statistics_keeps_its_tail),
        INDEX_TEST(beyond_the_bound_writes_are_refused_and_everything_else_works),
        INDEX_TEST(a_reader_that_holds_an_instant_stalls_writers_and_frees_them_when_it_leaves),
        INDEX_TEST(a_full_budget_refuses_inserts_and_keeps_what_is_there),
        INDEX_TEST(deletes_work_at_the_budget_and_make_room),
        INDEX_TEST(replacing_goes_on_at_the_budget),
        INDEX_TEST(clear_comes_to_its_end_at_the_budget),
        INDEX_TEST(a_table_that_may_not_grow_does_not_make_every_write_maintain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
