/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that is given back and had again all the time, beside those who use it.
 *
 * Goal  : a chunk goes only when nobody is in it, and comes back whole: no entry is lost, torn or
 *         another's, no slot number is lost, and memory does go back while all this happens.
 * Method: writers fill a range of keys of their own and empty it again, in small chunks, so that
 *         chunks become free all the time; one thread drains. Entries describe themselves; walks
 *         and searches pass over the holes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "akin/akin.h"
#include "index/internal.h"
#include "support/described.h"
#include "support/race.h"
#include "support/tracking_allocator.h"

enum { WRITERS = 2, TIDE_KEYS = 300, PAYLOAD = 40, K = 5 };

struct tide {
    akin_index *index;
    struct tracking_allocator tracking;
    struct race_number holes; /* drains after which memory of slots had gone back */
};

static struct tide tide;

static void tide_open(enum akin_kind kind)
{
    struct akin_options options;
    memset(&tide, 0, sizeof tide);
    tracking_init(&tide.tracking);
    akin_options_init(&options);
    options.kind = kind;
    options.m = 4;
    options.ef_construction = 8;
    options.dim = DESCRIBED_DIM;
    options.capacity = 16; /* the smallest chunks */
    options.maintenance = AKIN_MAINTENANCE_CALLER;
    options.retired_bytes_max = 1024 * 1024;
    options.allocator = tracking_hooks(&tide.tracking);
    assert_int_equal(akin_open(&options, &tide.index, NULL), AKIN_OK);
}

static struct described entry_of(uint64_t key, uint64_t writer, uint64_t serial)
{
    return (struct described){.key = key, .writer = writer, .serial = serial, .size = PAYLOAD};
}

/* One key in, or out; false when it was refused for what waits to be reclaimed, and goes again. */
static bool turn(struct race_worker *worker, uint64_t key, bool in, uint64_t serial)
{
    const struct described what = entry_of(key, worker->rank, serial);
    race_begin(worker);
    const enum akin_status status =
        in ? described_write(tide.index, akin_insert, &what) : akin_delete(tide.index, key, NULL);
    race_end(worker);
    if (status == AKIN_RECLAIM_STALLED) {
        worker->operations--; /* changed nothing: not a part of the thread's share */
        (void)sched_yield();
        return false;
    }
    if (status != AKIN_OK) {
        race_error(worker, "%s of key %" PRIu64 " answered %s", in ? "insert" : "delete", key,
                   akin_status_name(status));
    }
    return true;
}

/* All keys in, then all out, and so on. */
static void flow(struct race_worker *worker)
{
    const uint64_t first = 1 + worker->rank * TIDE_KEYS;
    uint64_t turns = 0;
    while (race_goes_on(worker)) {
        const bool in = turns / TIDE_KEYS % 2 == 0;
        turns += turn(worker, first + turns % TIDE_KEYS, in, 1 + turns / TIDE_KEYS) ? 1 : 0;
    }
}

static int judge_entry(void *context, const struct akin_record *record)
{
    struct race_worker *const worker = context;
    struct described found;
    const char *const fault =
        described_fault(record->key, record->vector, record->payload, record->payload_size, &found);
    if (fault != NULL) {
        race_error(worker, "a walk met key %" PRIu64 ": %s", record->key, fault);
    }
    return fault != NULL ? 1 : 0;
}

static void look(struct race_worker *worker)
{
    while (race_goes_on(worker)) {
        const uint64_t key = 1 + race_random(worker, WRITERS * TIDE_KEYS);
        struct described found;
        uint64_t version = 0;
        const char *fault = NULL;
        race_begin(worker);
        const enum akin_status status = described_read(tide.index, key, &found, &version, &fault);
        race_end(worker);
        if ((status != AKIN_OK && status != AKIN_NOT_FOUND) || fault != NULL) {
            race_error(worker, "get of key %" PRIu64 ": %s", key,
                       fault != NULL ? fault : akin_status_name(status));
        }
        float row[DESCRIBED_DIM] = {(float)key};
        const struct akin_vector vector = {.data = row, .dim = DESCRIBED_DIM, .type = AKIN_F32};
        struct akin_search_options options;
        struct akin_neighbor results[K];
        uint32_t count = 0;
        akin_search_options_init(&options);
        options.k = K;
        if (akin_search(tide.index, NULL, &vector, &options, results, &count, NULL) != AKIN_OK) {
            race_error(worker, "a search failed");
        }
        for (uint32_t i = 0; i < count; i++) {
            if (results[i].key < 1 || results[i].key > WRITERS * TIDE_KEYS) {
                race_error(worker, "a search found key %" PRIu64, results[i].key);
            }
        }
        if (worker->operations % 16 == 0 &&
            akin_iterate(tide.index, judge_entry, worker, NULL) != AKIN_OK) {
            race_error(worker, "a walk failed");
        }
    }
}

static void drain(struct race_worker *worker)
{
    while (race_goes_on(worker)) {
        struct akin_stats stats = {.struct_size = sizeof stats};
        race_begin(worker);
        const enum akin_status status = akin_maintain(tide.index, AKIN_MAINTAIN_DRAIN, NULL, NULL);
        race_end(worker);
        if (status != AKIN_OK || akin_stats_get(tide.index, &stats, NULL) != AKIN_OK) {
            race_error(worker, "drain answered %s", akin_status_name(status));
        }
        (void)race_number_add(&tide.holes, stats.slots_absent > 0 ? 1 : 0);
    }
}

static void empty_and_close(void)
{
    struct akin_stats stats = {.struct_size = sizeof stats};
    struct akin_error error = {.message = ""};
    if (akin_check(tide.index, AKIN_CHECK_DEEP, &error) != AKIN_OK) {
        fail_msg("%s: %s", error.field, error.message);
    }
    for (uint64_t key = 1; key <= WRITERS * TIDE_KEYS; key++) {
        const enum akin_status status = akin_delete(tide.index, key, NULL);
        assert_true(status == AKIN_OK || status == AKIN_NOT_FOUND);
    }
    assert_int_equal(akin_maintain(tide.index, AKIN_MAINTAIN_DRAIN, NULL, NULL), AKIN_OK);
    assert_int_equal(akin_check(tide.index, AKIN_CHECK_DEEP, NULL), AKIN_OK);
    assert_int_equal(akin_stats_get(tide.index, &stats, NULL), AKIN_OK);
    printf("tide: %" PRIu64 " commits in %" PRIu64 " slot numbers, %" PRIu64 " drains left holes\n",
           stats.commits, stats.slots, race_number_load(&tide.holes));
    assert_int_equal(stats.count, 0);
    assert_int_equal(stats.slots_free, stats.slots);
    assert_int_equal(stats.slots_absent, stats.slots);
    assert_int_equal(stats.memory.rows_bytes, 0);
    /* Otherwise memory did not go back while it was used, and the test showed nothing. */
    assert_true(race_number_load(&tide.holes) > 0);
    assert_int_equal(akin_close(tide.index), AKIN_OK);
    tracking_end(&tide.tracking);
}

static void run(const char *name, enum akin_kind kind)
{
    const struct race_role roles[] = {
        {.name = "writers",
         .threads = WRITERS,
         .body = flow,
         .least = race_scaled(20000, 2 * 2 * TIDE_KEYS)},
        {.name = "readers", .threads = 1, .body = look, .least = race_scaled(5000, 200)},
        {.name = "drain", .threads = 1, .body = drain, .least = 10},
    };
    tide_open(kind);
    race_run(name, roles, 3, NULL);
    empty_and_close();
}

static void chunks_of_a_flat_index_come_and_go(void **state)
{
    (void)state;
    run("tide flat", AKIN_FLAT);
}

static void chunks_of_a_graph_come_and_go(void **state)
{
    (void)state;
    run("tide graph", AKIN_HNSW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_of_a_flat_index_come_and_go),
        cmocka_unit_test(chunks_of_a_graph_come_and_go),
    };
    race_program(300);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
