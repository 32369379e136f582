/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that outlive a read section, beside writers: iterate, clear, save, long searches (G4, G9).
 *
 * Goal  : they see one instant, however long they take, while slots are recycled around them; clear
 *         removes what was there when it began and nothing that came later; a file that was saved
 *         beside writers holds one instant, each entry whole.
 * Method: writers rewrite keys in order (support/stairs.h); entries describe themselves.
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
#include <unistd.h>

#include "akin/akin.h"
#include "base/limits.h"
#include "support/described.h"
#include "support/race.h"
#include "support/stairs.h"
#include "support/tracking_allocator.h"

enum { PAYLOAD_MAX = 300, LONG_DIM = 1024, LONG_KEYS = 2400 };

_Static_assert(LONG_KEYS *LONG_DIM * sizeof(float) > SCAN_SECTION_BYTES,
               "such a search leaves its read section in between");

struct stage {
    akin_index *index;
    struct tracking_allocator tracking;
    struct stairs stairs;
    char directory[64];
    char path[96];
};

static struct stage stage;

static void stage_open(uint32_t writers, uint32_t steps, uint32_t dim, uint64_t retired_bytes_max)
{
    struct akin_options options;
    memset(&stage, 0, sizeof stage);
    stage.stairs.writers = writers;
    stage.stairs.steps = steps;
    stage.stairs.dim = dim;
    tracking_init(&stage.tracking);
    akin_options_init(&options);
    options.dim = dim;
    options.retired_bytes_max = retired_bytes_max;
    options.allocator = tracking_hooks(&stage.tracking);
    assert_int_equal(akin_open(&options, &stage.index, NULL), AKIN_OK);
}

static void stage_close(void)
{
    struct akin_stats stats = {.struct_size = sizeof stats};
    struct akin_error error = {.message = ""};
    assert_int_equal(akin_maintain(stage.index, AKIN_MAINTAIN_DRAIN, NULL, NULL), AKIN_OK);
    assert_int_equal(akin_stats_get(stage.index, &stats, NULL), AKIN_OK);
    printf("walk: %" PRIu64 " commits in %" PRIu64 " slots, %" PRIu64 " rounds of maintenance\n",
           stats.commits, stats.slots, stats.maintenance_rounds);
    assert_int_equal(stats.slots_dead, 0);
    if (akin_check(stage.index, AKIN_CHECK_DEEP, &error) != AKIN_OK) {
        fail_msg("%s: %s", error.field, error.message);
    }
    assert_int_equal(akin_close(stage.index), AKIN_OK);
    tracking_end(&stage.tracking);
}

/* Write with a payload of a size that follows from the number of the write. */
static enum akin_status put(uint32_t writer, uint64_t write)
{
    return stairs_put_described(stage.index, &stage.stairs, writer, write,
                                (size_t)(write % PAYLOAD_MAX));
}

static void climb(struct race_worker *worker)
{
    uint64_t write = race_number_load(&stage.stairs.ended[worker->rank]);
    while (race_goes_on(worker)) {
        race_begin(worker);
        const enum akin_status status = stage.stairs.dim == DESCRIBED_DIM
                                            ? put(worker->rank, write)
                                            : stairs_put(stage.index, &stage.stairs, 0, write);
        race_end(worker);
        if (status == AKIN_OK) {
            write++;
        } else if (status != AKIN_RECLAIM_STALLED) {
            race_error(worker, "upsert answered %s", akin_status_name(status));
        }
    }
}

/* One pass of akin_iterate. */
struct pass {
    struct stairs_view view;
    uint64_t version_max;
    const char *fault;
};

static int visit(void *context, const struct akin_record *record)
{
    struct pass *const pass = context;
    struct described found;
    float vector[DESCRIBED_DIM];
    memcpy(vector, record->vector, sizeof vector);
    pass->fault =
        described_fault(record->key, vector, record->payload, record->payload_size, &found);
    if (pass->fault == NULL) {
        pass->fault = stairs_add(&stage.stairs, &pass->view, record->key, found.serial);
    }
    /* It runs outside of read sections, so the index may be called, and goes on meanwhile. */
    if (pass->fault == NULL && akin_contains(stage.index, record->key, NULL) != AKIN_OK) {
        pass->fault = "contains missed a key that is always there";
    }
    if (record->version > pass->version_max) {
        pass->version_max = record->version;
    }
    return pass->fault != NULL;
}

static const char *judge_pass(const struct pass *pass, const uint64_t *ended)
{
    const char *const fault = stairs_fault(&stage.stairs, &pass->view);
    for (uint32_t writer = 0; writer < stage.stairs.writers && fault == NULL; writer++) {
        if (stairs_writes_seen(&stage.stairs, &pass->view, writer) < ended[writer]) {
            return "a write that had returned before was missed";
        }
    }
    return fault;
}

static void iterate(struct race_worker *worker)
{
    static _Thread_local struct pass pass;
    while (race_goes_on(worker)) {
        uint64_t ended[STAIRS_WRITERS_MAX];
        uint64_t begun[STAIRS_WRITERS_MAX];
        stairs_forget(&stage.stairs, &pass.view);
        pass.fault = NULL;
        for (uint32_t writer = 0; writer < stage.stairs.writers; writer++) {
            ended[writer] = race_number_load_acquire(&stage.stairs.ended[writer]);
        }
        race_begin(worker);
        const enum akin_status status = akin_iterate(stage.index, visit, &pass, NULL);
        race_end(worker);
        const char *fault = pass.fault;
        fault = fault != NULL || status == AKIN_OK ? fault : akin_status_name(status);
        fault = fault != NULL ? fault : judge_pass(&pass, ended);
        for (uint32_t writer = 0; writer < stage.stairs.writers && fault == NULL; writer++) {
            begun[writer] = race_number_load_acquire(&stage.stairs.begun[writer]);
            if (stairs_writes_seen(&stage.stairs, &pass.view, writer) > begun[writer]) {
                fault = "a write that had not begun was found";
            }
        }
        if (fault != NULL) {
            race_error(worker, "iterate: %s", fault);
        }
    }
}

static void fill(uint32_t writers, uint32_t steps)
{
    for (uint32_t writer = 0; writer < writers; writer++) {
        for (uint64_t write = 0; write < steps; write++) {
            assert_int_equal(put(writer, write), AKIN_OK);
        }
    }
}

static void iterate_sees_one_instant(void **state)
{
    (void)state;
    stage_open(2, 200, DESCRIBED_DIM, 1024 * 1024);
    fill(2, 200);
    const struct race_role roles[] = {
        {.name = "climbers", .threads = 2, .body = climb, .least = race_scaled(20000, 3000)},
        {.name = "iterators", .threads = 2, .body = iterate, .least = race_scaled(800, 60)},
    };
    race_run("iterate", roles, 2, NULL);
    stage_close();
}

static void save_and_load(struct race_worker *worker)
{
    static struct pass pass;
    while (race_goes_on(worker)) {
        akin_index *const whole = stage.index;
        akin_index *loaded = NULL;
        uint64_t ended[STAIRS_WRITERS_MAX];
        for (uint32_t writer = 0; writer < stage.stairs.writers; writer++) {
            ended[writer] = race_number_load_acquire(&stage.stairs.ended[writer]);
        }
        race_begin(worker);
        enum akin_status status = akin_save(whole, stage.path, NULL);
        race_end(worker);
        stairs_forget(&stage.stairs, &pass.view);
        pass.fault = NULL;
        if (status == AKIN_OK) {
            status = akin_load(stage.path, NULL, &loaded, NULL);
        }
        if (status == AKIN_OK) {
            status = akin_iterate(loaded, visit, &pass, NULL);
        }
        const char *fault = pass.fault;
        fault = fault != NULL || status == AKIN_OK ? fault : akin_status_name(status);
        fault = fault != NULL ? fault : judge_pass(&pass, ended);
        if (fault == NULL && akin_check(loaded, AKIN_CHECK_DEEP, NULL) != AKIN_OK) {
            fault = "the loaded index is not whole";
        }
        if (loaded != NULL && akin_close(loaded) != AKIN_OK) {
            fault = "the loaded index could not be closed";
        }
        if (fault != NULL) {
            race_error(worker, "save and load: %s", fault);
        }
    }
}

static void a_file_saved_beside_writers_holds_one_instant(void **state)
{
    (void)state;
    stage_open(2, 200, DESCRIBED_DIM, 1024 * 1024);
    fill(2, 200);
    const char *const place = getenv("TMPDIR");
    (void)snprintf(stage.directory, sizeof stage.directory, "%s/akin-walk-XXXXXX",
                   place != NULL && strlen(place) < 32 ? place : "/tmp");
    assert_non_null(mkdtemp(stage.directory));
    (void)snprintf(stage.path, sizeof stage.path, "%s/index", stage.directory);
    const struct race_role roles[] = {
        {.name = "climbers", .threads = 2, .body = climb, .least = race_scaled(20000, 3000)},
        {.name = "saver", .threads = 1, .body = save_and_load, .least = race_scaled(60, 15)},
    };
    race_run("save", roles, 2, NULL);
    assert_int_equal(unlink(stage.path), 0);
    assert_int_equal(rmdir(stage.directory), 0);
    stage_close();
}

/* Several times the share of the rows that one read section may scan. */
static void search_long(struct race_worker *worker)
{
    struct akin_neighbor *const results = calloc(LONG_KEYS + 1, sizeof *results);
    float *const query = calloc(LONG_DIM, sizeof *query);
    static _Thread_local struct stairs_view view;
    struct akin_search_options options;
    akin_search_options_init(&options);
    options.k = LONG_KEYS + 1;
    const struct akin_vector vector = akin_vector_f32(query, LONG_DIM);
    while (race_goes_on(worker)) {
        uint32_t count = 0;
        const uint64_t ended = race_number_load_acquire(&stage.stairs.ended[0]);
        race_begin(worker);
        const enum akin_status status =
            akin_search(stage.index, NULL, &vector, &options, results, &count, NULL);
        race_end(worker);
        const char *fault = status == AKIN_OK ? NULL : akin_status_name(status);
        stairs_forget(&stage.stairs, &view);
        for (uint32_t i = 0; i < count && fault == NULL; i++) {
            fault =
                stairs_add_distance(&stage.stairs, &view, results[i].key, results[i].distance, 0);
        }
        fault = fault != NULL ? fault : stairs_fault(&stage.stairs, &view);
        const uint64_t seen = stairs_writes_seen(&stage.stairs, &view, 0);
        if (fault == NULL &&
            (seen < ended || seen > race_number_load_acquire(&stage.stairs.begun[0]))) {
            fault = "it answers as of no instant within the call";
        }
        if (fault != NULL) {
            race_error(worker, "long search: %s (%" PRIu32 " results)", fault, count);
        }
    }
    free(query);
    free(results);
}

static void a_search_that_leaves_its_section_sees_one_instant(void **state)
{
    (void)state;
    stage_open(1, LONG_KEYS, LONG_DIM, 8 * 1024 * 1024);
    for (uint64_t write = 0; write < LONG_KEYS; write++) {
        assert_int_equal(stairs_put(stage.index, &stage.stairs, 0, write), AKIN_OK);
    }
    const struct race_role roles[] = {
        {.name = "climber", .threads = 1, .body = climb, .least = race_scaled(20000, 2500)},
        {.name = "searchers", .threads = 2, .body = search_long, .least = race_scaled(60, 10)},
    };
    race_run("long search", roles, 2, NULL);
    stage_close();
}

/*
 * Clear. The epoch is odd while one is in flight. An own key of each settler tells what became of
 * the last write: it must be there when no clear ran since, and gone when a whole one did.
 */
enum { PILLARS = 24, SETTLERS = 3, HOUSES = 8 };

static struct race_number epoch;

static enum akin_status write_plain(uint64_t key, uint64_t serial)
{
    const struct described what = {.key = key, .serial = serial, .size = 40};
    return described_write(stage.index, akin_upsert, &what);
}

static void settle(struct race_worker *worker)
{
    uint64_t written[HOUSES] = {
        0}; /* epoch + 1 of a write that ended before the next clear began */
    for (uint64_t serial = 1; race_goes_on(worker); serial++) {
        const uint64_t house = race_random(worker, HOUSES);
        const uint64_t key = PILLARS + worker->rank * HOUSES + house;
        race_begin(worker);
        const uint64_t before = race_number_load_acquire(&epoch);
        const enum akin_status found = akin_contains(stage.index, key, NULL);
        const uint64_t after = race_number_load_acquire(&epoch);
        if (written[house] != 0 && before >= written[house] - 1 + 2 && found != AKIN_NOT_FOUND) {
            race_error(worker, "an entry of before the clear: contains answered %s",
                       akin_status_name(found));
        }
        if (written[house] != 0 && after == written[house] - 1 && found != AKIN_OK) {
            race_error(worker, "no clear ran since, and contains answered %s",
                       akin_status_name(found));
        }
        const enum akin_status status = write_plain(key, serial);
        race_end(worker);
        const uint64_t ended = race_number_load_acquire(&epoch);
        if (status == AKIN_OK) {
            /* A clear that ran meanwhile may have removed it or not: then nothing is known. */
            written[house] = ended == after && ended % 2 == 0 ? ended + 1 : 0;
        } else if (status != AKIN_RECLAIM_STALLED) {
            race_error(worker, "upsert answered %s", akin_status_name(status));
        }
    }
}

static void clear_again(struct race_worker *worker)
{
    for (uint64_t round = 1; race_goes_on(worker); round++) {
        enum akin_status status = AKIN_OK;
        for (uint64_t key = 0; key < PILLARS && status == AKIN_OK;) {
            status = write_plain(key, round);
            key += status == AKIN_OK ? 1 : 0;
            status = status == AKIN_RECLAIM_STALLED && race_goes_on(worker) ? AKIN_OK : status;
        }
        race_number_add_release(&epoch, 1);
        race_begin(worker);
        const enum akin_status cleared = akin_clear(stage.index, NULL);
        race_end(worker);
        race_number_add_release(&epoch, 1);
        if (cleared != AKIN_OK) {
            race_error(worker, "clear answered %s", akin_status_name(cleared));
        }
        for (uint64_t key = 0; key < PILLARS; key++) {
            if (akin_contains(stage.index, key, NULL) != AKIN_NOT_FOUND) {
                race_error(worker, "key %" PRIu64 " survived the clear", key);
            }
        }
    }
}

static void clear_removes_what_was_there_and_nothing_later(void **state)
{
    uint64_t count = 0;
    uint64_t found = 0;
    (void)state;
    race_number_store(&epoch, 0);
    stage_open(1, 1, DESCRIBED_DIM, 1024 * 1024);
    const struct race_role roles[] = {
        {.name = "settlers",
         .threads = SETTLERS,
         .body = settle,
         .least = race_scaled(30000, 2000)},
        {.name = "clear", .threads = 1, .body = clear_again, .least = race_scaled(1500, 100)},
    };
    race_run("clear", roles, 2, NULL);
    assert_int_equal(akin_count(stage.index, &count, NULL), AKIN_OK);
    for (uint64_t key = 0; key < PILLARS + SETTLERS * HOUSES; key++) {
        found += akin_contains(stage.index, key, NULL) == AKIN_OK ? 1 : 0;
    }
    assert_int_equal(count, found);
    stage_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(iterate_sees_one_instant),
        cmocka_unit_test(a_file_saved_beside_writers_holds_one_instant),
        cmocka_unit_test(a_search_that_leaves_its_section_sees_one_instant),
        cmocka_unit_test(clear_removes_what_was_there_and_nothing_later),
    };
    race_program(200);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
