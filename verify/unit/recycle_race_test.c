/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots, rows and payloads that are recycled all the time while readers look at them (G1, G9).
 *
 * Goal  : memory stays bounded however long the churn goes on, in every mode of maintenance; what a
 *         reader holds is never rewritten under it; a drain ends though writers go on; a key with a
 *         long history costs maintenance no more than many keys.
 * Method: the smallest bound for retired memory, so that the same few thousand slots serve all
 *         writes. Entries describe themselves, so a recycled row under a reader is found out.
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

enum { LIVE_KEYS = 256, WRITERS = 3, PAYLOAD_LEAST = 100, PAYLOAD_SPREAD = 200 };
/* Free slots that may lie unused because the list of hints at them had run dry. */
enum { FREE_UNUSED = 256 };

struct churn {
    akin_index *index;
    struct tracking_allocator tracking;
    uint64_t slots_max; /* more must never be needed */
    struct race_number refusals;
};

static struct churn churn;

static enum akin_status write_one(uint64_t key, uint64_t writer, uint64_t serial)
{
    const struct described what = {.key = key,
                                   .writer = writer,
                                   .serial = serial,
                                   .size = PAYLOAD_LEAST + (size_t)(serial % PAYLOAD_SPREAD)};
    return described_write(churn.index, akin_upsert, &what);
}

static void churn_open(enum akin_maintenance maintenance)
{
    struct akin_options options;
    memset(&churn, 0, sizeof churn);
    tracking_init(&churn.tracking);
    akin_options_init(&options);
    options.dim = DESCRIBED_DIM;
    options.maintenance = maintenance;
    options.retired_bytes_max = 1024 * 1024;
    options.allocator = tracking_hooks(&churn.tracking);
    assert_int_equal(akin_open(&options, &churn.index, NULL), AKIN_OK);
    for (uint64_t key = 0; key < LIVE_KEYS; key++) {
        assert_int_equal(write_one(key, WRITERS, key), AKIN_OK);
    }
    const uint64_t dead_bytes = churn.index->store.slot_bytes + payload_block_bytes(PAYLOAD_LEAST);
    churn.slots_max =
        LIVE_KEYS + options.retired_bytes_max / dead_bytes + 2 * WRITERS + FREE_UNUSED;
}

static void churn_close(void)
{
    struct akin_stats stats = {.struct_size = sizeof stats};
    struct akin_error error = {.message = ""};
    assert_int_equal(akin_maintain(churn.index, AKIN_MAINTAIN_DRAIN, NULL, NULL), AKIN_OK);
    assert_int_equal(akin_stats_get(churn.index, &stats, NULL), AKIN_OK);
    printf("recycle: %" PRIu64 " commits in %" PRIu64 " slots (at most %" PRIu64 "), %" PRIu64
           " rounds, %" PRIu64 " grace periods, %" PRIu64 " writes refused, %" PRIu64
           " bytes of payload chunks\n",
           stats.commits, stats.slots, churn.slots_max, stats.maintenance_rounds,
           stats.grace_periods, race_number_load(&churn.refusals), stats.memory.payload_bytes);
    if (akin_check(churn.index, AKIN_CHECK_DEEP, &error) != AKIN_OK) {
        fail_msg("%s: %s", error.field, error.message);
    }
    assert_int_equal(stats.count, LIVE_KEYS);
    assert_int_equal(stats.slots_dead, 0);
    assert_true(stats.slots <= churn.slots_max);
    /* Otherwise nothing was recycled and the test showed nothing. */
    assert_true(stats.commits > 2 * stats.slots);
    assert_int_equal(akin_close(churn.index), AKIN_OK);
    tracking_end(&churn.tracking);
}

static void overwrite(struct race_worker *worker)
{
    for (uint64_t serial = 1; race_goes_on(worker); serial++) {
        const uint64_t key = race_random(worker, LIVE_KEYS);
        race_begin(worker);
        const enum akin_status status = write_one(key, worker->rank, serial);
        race_end(worker);
        if (status == AKIN_RECLAIM_STALLED) {
            /* Changed nothing: not a part of the thread's share. */
            (void)race_number_add(&churn.refusals, 1);
            worker->operations--;
            serial--;
            (void)sched_yield();
        } else if (status != AKIN_OK) {
            race_error(worker, "upsert answered %s", akin_status_name(status));
        }
    }
}

static void judge_memory(struct race_worker *worker)
{
    struct akin_stats stats = {.struct_size = sizeof stats};
    const enum akin_status status = akin_stats_get(churn.index, &stats, NULL);
    if (status != AKIN_OK || stats.slots > churn.slots_max) {
        race_error(worker, "%" PRIu64 " slots for %u entries, at most %" PRIu64 " can be needed",
                   stats.slots, LIVE_KEYS, churn.slots_max);
    }
}

static void read_back(struct race_worker *worker)
{
    uint64_t versions[LIVE_KEYS] = {0};
    while (race_goes_on(worker)) {
        const uint64_t key = race_random(worker, LIVE_KEYS);
        struct described found;
        uint64_t version = 0;
        const char *fault = NULL;
        race_begin(worker);
        const enum akin_status status = described_read(churn.index, key, &found, &version, &fault);
        race_end(worker);
        if (status != AKIN_OK || fault != NULL) {
            race_error(worker, "get of key %" PRIu64 ": %s", key,
                       status != AKIN_OK ? akin_status_name(status) : fault);
        } else if (version < versions[key]) {
            race_error(worker, "the version of key %" PRIu64 " went back", key);
        }
        versions[key] = version;
        if (worker->operations % 64 == 0) {
            judge_memory(worker);
        }
    }
}

static void maintain_rounds(struct race_worker *worker)
{
    while (race_goes_on(worker)) {
        race_begin(worker);
        const enum akin_status status = akin_maintain(churn.index, AKIN_MAINTAIN_ROUND, NULL, NULL);
        race_end(worker);
        if (status != AKIN_OK && status != AKIN_BUSY) {
            race_error(worker, "maintain answered %s", akin_status_name(status));
        }
    }
}

static void run_churn(const char *name, bool with_maintainer)
{
    const struct race_role roles[] = {
        {.name = "writers",
         .threads = WRITERS,
         .body = overwrite,
         .least = race_scaled(25000, 6000)},
        {.name = "readers", .threads = 2, .body = read_back, .least = race_scaled(25000, 500)},
        {.name = "maintainer", .threads = 1, .body = maintain_rounds, .least = 20},
    };
    race_run(name, roles, with_maintainer ? 3 : 2, NULL);
}

static void writers_that_maintain_need_bounded_memory(void **state)
{
    (void)state;
    churn_open(AKIN_MAINTENANCE_INLINE);
    run_churn("recycle inline", false);
    churn_close();
}

static void a_worker_keeps_memory_bounded(void **state)
{
    (void)state;
    churn_open(AKIN_MAINTENANCE_WORKER);
    run_churn("recycle worker", false);
    churn_close();
}

static void a_caller_that_maintains_keeps_memory_bounded(void **state)
{
    (void)state;
    churn_open(AKIN_MAINTENANCE_CALLER);
    run_churn("recycle caller", true);
    churn_close();
}

static void drain(struct race_worker *worker)
{
    while (race_goes_on(worker)) {
        race_begin(worker);
        const enum akin_status status = akin_maintain(churn.index, AKIN_MAINTAIN_DRAIN, NULL, NULL);
        race_end(worker);
        if (status != AKIN_OK) {
            race_error(worker, "drain answered %s", akin_status_name(status));
        }
    }
}

static void a_drain_ends_beside_writers(void **state)
{
    (void)state;
    churn_open(AKIN_MAINTENANCE_CALLER);
    const struct race_role roles[] = {
        {.name = "writers",
         .threads = WRITERS,
         .body = overwrite,
         .least = race_scaled(10000, 5000)},
        {.name = "drain", .threads = 1, .body = drain, .least = 5},
    };
    race_run("drain", roles, 2, NULL);
    churn_close();
}

/* The time limit of the program fails this when each version costs as much as all newer ones. */
static void a_key_with_a_long_history_is_recycled(void **state)
{
    struct tracking_allocator tracking;
    struct akin_options options;
    struct akin_stats stats = {.struct_size = sizeof stats};
    akin_index *index = NULL;
    const uint64_t versions = race_scaled(600000, 100000);
    (void)state;
    tracking_init(&tracking);
    akin_options_init(&options);
    options.dim = DESCRIBED_DIM;
    options.maintenance = AKIN_MAINTENANCE_CALLER;
    options.retired_bytes_max = 1024ull * 1024 * 1024;
    options.allocator = tracking_hooks(&tracking);
    assert_int_equal(akin_open(&options, &index, NULL), AKIN_OK);
    for (uint64_t serial = 0; serial < versions; serial++) {
        const struct described what = {.key = 1, .serial = serial};
        assert_int_equal(described_write(index, akin_upsert, &what), AKIN_OK);
    }
    const uint64_t start = race_clock_ns();
    assert_int_equal(akin_maintain(index, AKIN_MAINTAIN_DRAIN, NULL, NULL), AKIN_OK);
    const uint64_t end = race_clock_ns();
    assert_int_equal(akin_stats_get(index, &stats, NULL), AKIN_OK);
    printf("recycle: %" PRIu64 " versions of one key drained in %" PRIu64 " ms\n", versions,
           (end - start) / 1000000);
    assert_int_equal(stats.slots_dead, 0);
    assert_int_equal(akin_check(index, AKIN_CHECK_DEEP, NULL), AKIN_OK);
    assert_int_equal(akin_close(index), AKIN_OK);
    tracking_end(&tracking);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writers_that_maintain_need_bounded_memory),
        cmocka_unit_test(a_worker_keeps_memory_bounded),
        cmocka_unit_test(a_caller_that_maintains_keeps_memory_bounded),
        cmocka_unit_test(a_drain_ends_beside_writers),
        cmocka_unit_test(a_key_with_a_long_history_is_recycled),
    };
    race_program(200);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
