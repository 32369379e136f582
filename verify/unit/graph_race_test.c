/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything at once on a graph: inserts, replacements, deletes, builds, searches, gets,
 * maintenance.
 *
 * Goal  : no torn entry, nothing that was deleted before, no key twice, results in order (G1, G4);
 *         when all is quiet the structure is whole and every live entry is reached (G8), and slots
 *         were used again.
 * Method: few keys with rows close to each other, so that writers meet in the same lists; entries
 *         describe themselves. The thread sanitizer runs this program too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "akin/akin.h"
#include "support/described.h"
#include "support/race.h"

enum { KEYS = 400, K = 8, BUILD_KEYS = 90 };

struct shared {
    akin_index *index;
    struct race_number inserted;
    struct race_number deleted;
    struct race_number found;
};

static struct shared shared;

static void open_index(enum akin_maintenance maintenance)
{
    struct akin_options options;
    memset(&shared, 0, sizeof shared);
    akin_options_init(&options);
    options.kind = AKIN_HNSW;
    options.dim = DESCRIBED_DIM;
    options.m = 4;
    options.ef_construction = 16;
    options.maintenance = maintenance;
    options.retired_bytes_max = 1024 * 1024;
    assert_int_equal(akin_open(&options, &shared.index, NULL), AKIN_OK);
}

static void close_index(void)
{
    struct akin_stats stats = {.struct_size = sizeof stats};
    struct akin_error error = {.message = ""};
    if (akin_check(shared.index, AKIN_CHECK_DEEP, &error) != AKIN_OK ||
        akin_check(shared.index, AKIN_CHECK_CHEAP, &error) != AKIN_OK) {
        fail_msg("%s at %" PRIu64 ": %s", error.field, error.position, error.message);
    }
    assert_int_equal(akin_stats_get(shared.index, &stats, NULL), AKIN_OK);
    /* Otherwise nothing was recycled. Before the drain, which gives all chunks back when nothing
       lives: their numbers count as handed out. */
    assert_true(race_number_load(&shared.inserted) > stats.slots);
    assert_int_equal(akin_maintain(shared.index, AKIN_MAINTAIN_DRAIN, NULL, NULL), AKIN_OK);
    if (akin_check(shared.index, AKIN_CHECK_DEEP, &error) != AKIN_OK ||
        akin_check(shared.index, AKIN_CHECK_CHEAP, &error) != AKIN_OK) {
        fail_msg("after the drain: %s at %" PRIu64 ": %s", error.field, error.position,
                 error.message);
    }
    assert_int_equal(akin_stats_get(shared.index, &stats, NULL), AKIN_OK);
    printf("graph race: %" PRIu64 " inserted, %" PRIu64 " deleted, %" PRIu64 " results, %" PRIu64
           " live, %" PRIu64 " slots, %" PRIu64 " rounds\n",
           race_number_load(&shared.inserted), race_number_load(&shared.deleted),
           race_number_load(&shared.found), stats.count, stats.slots, stats.maintenance_rounds);
    assert_int_equal(stats.slots_dead, 0);
    assert_int_equal(akin_close(shared.index), AKIN_OK);
}

/* Whether more was inserted than there are slots. */
static bool has_recycled(void)
{
    struct akin_stats stats = {.struct_size = sizeof stats};
    return akin_stats_get(shared.index, &stats, NULL) == AKIN_OK &&
           race_number_load(&shared.inserted) > stats.slots + KEYS;
}

/* A thread's share begins when slots are used again: the race goes on until then. */
static void write_all(struct race_worker *worker)
{
    bool recycled = false;
    for (uint64_t serial = 1; race_goes_on(worker); serial++) {
        const struct described what = {.key = race_random(worker, KEYS),
                                       .writer = worker->number,
                                       .serial = serial,
                                       .size = (size_t)(serial % 50)};
        const bool erases = race_random(worker, 3) == 0;
        race_begin(worker);
        const enum akin_status status =
            erases
                ? akin_delete(shared.index, what.key, NULL)
                : described_write(shared.index, serial % 2 == 0 ? akin_upsert : akin_insert, &what);
        race_end(worker);
        if (status == AKIN_OK) {
            (void)race_number_add(erases ? &shared.deleted : &shared.inserted, 1);
        } else if (status != AKIN_NOT_FOUND && status != AKIN_EXISTS &&
                   status != AKIN_RECLAIM_STALLED) {
            race_error(worker, "a write answered %s", akin_status_name(status));
        }
        if (!recycled && worker->operations == 64) {
            recycled = has_recycled();
            worker->operations = 0;
        }
    }
}

/* Entries in bulk, by a team of two. */
static void build_all(struct race_worker *worker)
{
    static struct described_entry entries[BUILD_KEYS];
    struct akin_bytes payloads[BUILD_KEYS];
    uint64_t keys[BUILD_KEYS];
    for (uint64_t serial = 1; race_goes_on(worker); serial++) {
        struct akin_build_request request;
        const uint64_t first = race_random(worker, KEYS - BUILD_KEYS);
        for (uint64_t i = 0; i < BUILD_KEYS; i++) {
            const struct described what = {.key = first + i,
                                           .writer = worker->number,
                                           .serial = serial,
                                           .size = (size_t)((serial + i) % 50)};
            keys[i] = what.key;
            described_make(&what, &entries[i]);
            payloads[i] = (struct akin_bytes){.data = entries[i].payload, .size = what.size};
        }
        akin_build_request_init(&request);
        request.keys = keys;
        request.vectors = entries[0].vector;
        request.stride_bytes = sizeof entries[0];
        request.dim = DESCRIBED_DIM;
        request.payloads = payloads;
        request.count = BUILD_KEYS;
        request.threads = 2;
        request.batch = 1 + (uint32_t)(serial % 40);
        request.replaces = 1;
        race_begin(worker);
        const enum akin_status status = akin_build(shared.index, &request, NULL);
        race_end(worker);
        (void)race_number_add(&shared.inserted, request.done);
        if (status == AKIN_RECLAIM_STALLED) {
            worker->operations--;
        } else if (status != AKIN_OK) {
            race_error(worker, "a build answered %s", akin_status_name(status));
        }
    }
}

static void search(struct race_worker *worker)
{
    struct akin_search_options options;
    akin_search_options_init(&options);
    options.k = K;
    options.ef_search = 16;
    while (race_goes_on(worker)) {
        const struct described near = {.key = race_random(worker, KEYS), .writer = 1, .serial = 1};
        struct described_entry entry;
        struct akin_neighbor results[K];
        uint32_t count = 0;
        uint64_t live = 0;
        described_make(&near, &entry);
        if (akin_count(shared.index, &live, NULL) != AKIN_OK) {
            race_error(worker, "no count");
        }
        const struct akin_vector query = akin_vector_f32(entry.vector, DESCRIBED_DIM);
        race_begin(worker);
        const enum akin_status status =
            akin_search(shared.index, NULL, &query, &options, results, &count, NULL);
        race_end(worker);
        uint64_t live_after = 0;
        if (akin_count(shared.index, &live_after, NULL) != AKIN_OK) {
            race_error(worker, "no count");
        }
        if (status != AKIN_OK) {
            race_error(worker, "a search answered %s", akin_status_name(status));
        }
        /* Three writers do not delete so many during one search and write them again. */
        if (count < K && live > KEYS / 2 && live_after > KEYS / 2) {
            race_error(worker, "%u results of %" PRIu64 " entries", count, live);
        }
        for (uint32_t i = 0; i < count; i++) {
            for (uint32_t j = 0; j < i; j++) {
                if (results[i].key == results[j].key) {
                    race_error(worker, "key %" PRIu64 " was found twice", results[i].key);
                }
            }
            if (i > 0 && results[i].distance < results[i - 1].distance) {
                race_error(worker, "results are not in order");
            }
        }
        (void)race_number_add(&shared.found, count);
    }
}

static void read_back(struct race_worker *worker)
{
    while (race_goes_on(worker)) {
        struct described found;
        uint64_t version = 0;
        const char *fault = NULL;
        race_begin(worker);
        const enum akin_status status =
            described_read(shared.index, race_random(worker, KEYS), &found, &version, &fault);
        race_end(worker);
        if (status == AKIN_OK ? fault != NULL : status != AKIN_NOT_FOUND) {
            race_error(worker, "a get: %s", fault != NULL ? fault : akin_status_name(status));
        }
    }
}

static void maintain(struct race_worker *worker)
{
    while (race_goes_on(worker)) {
        race_begin(worker);
        const enum akin_status status =
            akin_maintain(shared.index, AKIN_MAINTAIN_ROUND, NULL, NULL);
        race_end(worker);
        if (status != AKIN_OK && status != AKIN_BUSY) {
            race_error(worker, "maintain answered %s", akin_status_name(status));
        }
    }
}

static void run(const char *name, bool with_maintainer)
{
    const struct race_role roles[] = {
        {.name = "writers", .threads = 3, .body = write_all, .least = race_scaled(6000, 1500)},
        {.name = "searches", .threads = 2, .body = search, .least = race_scaled(6000, 500)},
        {.name = "readers", .threads = 1, .body = read_back, .least = race_scaled(6000, 500)},
        {.name = "maintainer", .threads = 1, .body = maintain, .least = 10},
    };
    race_run(name, roles, with_maintainer ? 4 : 3, NULL);
}

static void builds_beside_writers(void **state)
{
    const struct race_role roles[] = {
        {.name = "writers", .threads = 2, .body = write_all, .least = race_scaled(3000, 1000)},
        {.name = "builds", .threads = 1, .body = build_all, .least = race_scaled(100, 20)},
        {.name = "searches", .threads = 1, .body = search, .least = race_scaled(3000, 500)},
        {.name = "maintainer", .threads = 1, .body = maintain, .least = 10},
    };
    (void)state;
    open_index(AKIN_MAINTENANCE_CALLER);
    race_run("graph builds", roles, 4, NULL);
    close_index();
}

static void writers_maintain(void **state)
{
    (void)state;
    open_index(AKIN_MAINTENANCE_INLINE);
    run("graph inline", false);
    close_index();
}

static void a_worker_maintains(void **state)
{
    (void)state;
    open_index(AKIN_MAINTENANCE_WORKER);
    run("graph worker", false);
    close_index();
}

static void a_caller_maintains(void **state)
{
    (void)state;
    open_index(AKIN_MAINTENANCE_CALLER);
    run("graph caller", true);
    close_index();
}

int main(void)
{
    race_program(120);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writers_maintain),
        cmocka_unit_test(builds_beside_writers),
        cmocka_unit_test(a_worker_maintains),
        cmocka_unit_test(a_caller_maintains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
