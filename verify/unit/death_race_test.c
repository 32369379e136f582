/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that end inside a call, while others go on (G10).
 *
 * Goal  : a thread that exits or is cancelled in an allocator hook or in a callback holds nobody
 *         back: others go on writing and reading, memory is reclaimed as before, and after a drain
 *         the index is whole. Its call has happened as a whole or not at all.
 * Method: every kind of call, ended at its first allocation, its second, and so on until it
 *         survives. Before it ends, the thread waits inside the call until the others have done
 *         some more: so they overlap, and none of them waits for it.
 *
 * The contract excludes death inside the allocator from "loses nothing": blocks that only the dead
 * thread knew are lost. They are counted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "akin/akin.h"
#include "base/attributes.h"
#include "support/described.h"
#include "support/race.h"
#include "support/tracking_allocator.h"

/* Keys: the churners' own, those that are there from the start, those that are not. */
enum { CHURN_KEYS = 8, CHURNERS = 2, OLD_KEY = 100, FILLER_KEY = 101, FILLERS = 16 };
enum { NEW_KEY = 200, BIG_KEY = 240, KEYS = 256 };
enum { STEPS_OF_OTHERS = 20, PAYLOAD = 64, BOUND_BYTES = 1024 * 1024, DEATHS_MAX = 64 };
/* A payload that gets a chunk of its own. */
enum { BIG_PAYLOAD = 256 * 1024 };

struct grave {
    akin_index *index;
    struct tracking_allocator tracking;
    struct akin_allocator inner;
    struct race_number begun; /* 1: the churners may begin */
    struct race_number steps; /* operations of the churners */
    struct race_number stop;
    struct race_number refusals;
    bool is_cleared;   /* somebody else deletes what the churners wrote */
    const char *fault; /* of a churner; read after it was joined */
    pthread_t churners[CHURNERS];
    char path[64];
};

static struct grave grave;

/* Calls of the allocate hook until this thread ends; 0: it lives. */
static _Thread_local uint64_t allocations_left;
/* Whether it ends at the next call of the release hook for a block of this size or more; 0: not. */
static _Thread_local size_t release_that_kills;

/* The others begin only now, so that what a call allocates depends on nothing but the call. */
static void wait_for_others(void)
{
    race_number_store_release(&grave.begun, 1);
    race_wait_for(&grave.steps, race_number_load(&grave.steps) + STEPS_OF_OTHERS);
}

static void *mortal_allocate(void *context, size_t bytes, size_t alignment)
{
    (void)context;
    if (allocations_left != 0) {
        allocations_left--;
        if (allocations_left == 0) {
            wait_for_others();
            pthread_exit(&grave);
        }
    }
    return grave.inner.allocate(grave.inner.context, bytes, alignment);
}

static void mortal_release(void *context, void *pointer, size_t bytes, size_t alignment)
{
    (void)context;
    grave.inner.release(grave.inner.context, pointer, bytes, alignment);
    if (release_that_kills != 0 && bytes >= release_that_kills) {
        release_that_kills = 0;
        wait_for_others();
        pthread_exit(&grave);
    }
}

static enum akin_status write_key(described_write_fn write, uint64_t key, uint64_t serial)
{
    const struct described what = {.key = key, .serial = serial, .size = PAYLOAD};
    return described_write(grave.index, write, &what);
}

/* Write, read back, delete: on keys of its own. */
static void *churn(void *argument)
{
    const uint64_t first = *(const uint64_t *)argument;
    race_wait_for(&grave.begun, 1);
    for (uint64_t serial = 1; race_number_load(&grave.stop) == 0; serial++) {
        const uint64_t key = first + serial % CHURN_KEYS;
        struct described found = {.key = 0};
        uint64_t version = 0;
        const char *fault = NULL;
        const enum akin_status status = write_key(akin_upsert, key, serial);
        if (status == AKIN_RECLAIM_STALLED) {
            (void)race_number_add(&grave.refusals, 1);
        } else if (status != AKIN_OK) {
            grave.fault = akin_status_name(status);
        } else if (grave.is_cleared) {
            (void)race_number_add(&grave.steps, 1);
            continue;
        } else if (described_read(grave.index, key, &found, &version, &fault) != AKIN_OK ||
                   fault != NULL || found.serial != serial) {
            grave.fault = fault != NULL ? fault : "an own write was missed";
        } else if (serial % 3 == 0 && akin_delete(grave.index, key, NULL) != AKIN_OK) {
            grave.fault = "an own entry could not be deleted";
        }
        (void)race_number_add(&grave.steps, 1);
    }
    return NULL;
}

static void grave_open(enum akin_maintenance maintenance, bool is_cleared)
{
    static const uint64_t first_keys[CHURNERS] = {0, CHURN_KEYS};
    struct akin_options options;
    memset(&grave, 0, sizeof grave);
    grave.is_cleared = is_cleared;
    tracking_init(&grave.tracking);
    grave.inner = tracking_hooks(&grave.tracking);
    akin_options_init(&options);
    options.dim = DESCRIBED_DIM;
    options.maintenance = maintenance;
    options.retired_bytes_max = BOUND_BYTES;
    options.capacity = FILLERS; /* small chunks, so that the next write needs a new one */
    options.allocator = (struct akin_allocator){mortal_allocate, mortal_release, NULL};
    assert_int_equal(akin_open(&options, &grave.index, NULL), AKIN_OK);
    for (uint64_t i = 0; i < FILLERS - 1; i++) {
        assert_int_equal(write_key(akin_insert, FILLER_KEY + i, 1), AKIN_OK);
    }
    assert_int_equal(write_key(akin_insert, OLD_KEY, 1), AKIN_OK);
    (void)snprintf(grave.path, sizeof grave.path, "/tmp/akin-death-%ld", (long)getpid());
    for (int i = 0; i < CHURNERS; i++) {
        assert_int_equal(
            pthread_create(&grave.churners[i], NULL, churn, (void *)(uintptr_t)&first_keys[i]), 0);
    }
}

/* Beyond the bound for retired memory several times over: so it is reclaimed in spite of the
   dead. */
static void others_go_on(uint64_t steps)
{
    const uint64_t goal = race_number_load(&grave.steps) + steps;
    const uint64_t refusals = race_number_load(&grave.refusals);
    race_wait_for(&grave.steps, goal);
    /* Refused writes are steps as well; they must be few. */
    if (race_number_load(&grave.refusals) - refusals > steps / 2) {
        fail_msg("%" PRIu64 " of %" PRIu64 " writes were refused after a thread died",
                 race_number_load(&grave.refusals) - refusals, steps);
    }
}

/* Stop the churners, drain, look at everything, close. How many blocks were lost with the dead. */
static uint64_t grave_close(uint64_t deaths)
{
    struct akin_stats stats = {.struct_size = sizeof stats};
    struct akin_error error = {.message = ""};
    uint64_t found = 0;
    uint64_t count = 0;
    race_number_store(&grave.stop, 1);
    for (int i = 0; i < CHURNERS; i++) {
        assert_int_equal(pthread_join(grave.churners[i], NULL), 0);
    }
    if (grave.fault != NULL) {
        fail_msg("another thread: %s", grave.fault);
    }
    assert_int_equal(akin_maintain(grave.index, AKIN_MAINTAIN_DRAIN, NULL, NULL), AKIN_OK);
    assert_int_equal(akin_stats_get(grave.index, &stats, NULL), AKIN_OK);
    assert_int_equal(stats.readers_active, 0);
    assert_int_equal(stats.slots_dead, 0);
    if (akin_check(grave.index, AKIN_CHECK_DEEP, &error) != AKIN_OK ||
        akin_check(grave.index, AKIN_CHECK_CHEAP, &error) != AKIN_OK) {
        fail_msg("%s: %s", error.field, error.message);
    }
    for (uint64_t key = 0; key < KEYS; key++) {
        found += akin_contains(grave.index, key, NULL) == AKIN_OK ? 1 : 0;
    }
    assert_int_equal(akin_count(grave.index, &count, NULL), AKIN_OK);
    assert_int_equal(count, found);
    assert_int_equal(akin_close(grave.index), AKIN_OK);
    (void)unlink(grave.path);
    /* A call holds few blocks that only it knows. */
    const uint64_t lost = tracking_live_blocks(&grave.tracking);
    assert_true(lost <= 2 * deaths);
    if (lost == 0) {
        tracking_end(&grave.tracking);
    }
    return lost;
}

/* ---- the calls ---- */

static int visit_all(void *context, const struct akin_record *record)
{
    (void)context;
    (void)record;
    return 0;
}

static enum akin_status search_with(const struct akin_filter *filter, bool in_batch)
{
    struct akin_neighbor results[64];
    struct akin_search_options options;
    float query[DESCRIBED_DIM] = {0};
    uint32_t count = 0;
    akin_search_options_init(&options);
    options.k = 64;
    options.filter = filter;
    const struct akin_vector vector = akin_vector_f32(query, DESCRIBED_DIM);
    const struct akin_batch_search batch = {.struct_size = sizeof batch,
                                            .queries = query,
                                            .query_count = 1,
                                            .dim = DESCRIBED_DIM,
                                            .type = AKIN_F32,
                                            .results = results,
                                            .counts = &count};
    return in_batch ? akin_search_batch(grave.index, NULL, &batch, &options, NULL)
                    : akin_search(grave.index, NULL, &vector, &options, results, &count, NULL);
}

static enum akin_status get_old(void)
{
    struct akin_record record = akin_record_init();
    return akin_get(grave.index, OLD_KEY, &record, NULL);
}

static enum akin_status create_context(void)
{
    akin_context *context = NULL;
    const enum akin_status status = akin_context_create(grave.index, 10, &context, NULL);
    akin_context_destroy(status == AKIN_OK ? context : NULL);
    return status;
}

/* Enough to need every kind of memory: a payload chunk, a chunk of slots, a context. */
static enum akin_status write_many(described_write_fn write, bool new_keys)
{
    static const unsigned char content[BIG_PAYLOAD];
    const float row[DESCRIBED_DIM] = {1.0f};
    const struct akin_vector vector = akin_vector_f32(row, DESCRIBED_DIM);
    const struct akin_bytes payload = {.data = content, .size = sizeof content};
    enum akin_status status =
        write(grave.index, new_keys ? BIG_KEY : FILLER_KEY, &vector, &payload, NULL);
    for (uint64_t i = 0; i <= FILLERS && status == AKIN_OK; i++) {
        status = write_key(write, new_keys ? NEW_KEY + i : OLD_KEY, 2);
    }
    return status;
}

enum call {
    CALL_INSERT,
    CALL_UPSERT_NEW,
    CALL_UPSERT_OLD,
    CALL_UPDATE,
    CALL_DELETE,
    CALL_GET,
    CALL_CONTAINS,
    CALL_SEARCH,
    CALL_BATCH,
    CALL_ITERATE,
    CALL_SAVE,
    CALL_CLEAR,
    CALL_CONTEXT,
    CALL_MAINTAIN,
    CALL_DRAIN,
    CALL_COUNT
};

static const char *const call_names[CALL_COUNT] = {
    "insert", "upsert of a new key", "upsert",  "update", "delete", "get",     "contains",
    "search", "search of a batch",   "iterate", "save",   "clear",  "context", "maintain",
    "drain"};

static enum akin_status make_call(enum call call)
{
    switch (call) {
    case CALL_INSERT:
        return write_many(akin_insert, true);
    case CALL_UPSERT_NEW:
        return write_many(akin_upsert, true);
    case CALL_UPSERT_OLD:
        return write_many(akin_upsert, false);
    case CALL_UPDATE:
        return write_many(akin_update, false);
    case CALL_DELETE:
        return akin_delete(grave.index, OLD_KEY, NULL);
    case CALL_GET:
        return get_old();
    case CALL_CONTAINS:
        return akin_contains(grave.index, OLD_KEY, NULL);
    case CALL_SEARCH:
        return search_with(NULL, false);
    case CALL_BATCH:
        return search_with(NULL, true);
    case CALL_ITERATE:
        return akin_iterate(grave.index, visit_all, NULL, NULL);
    case CALL_SAVE:
        return akin_save(grave.index, grave.path, NULL);
    case CALL_CLEAR:
        return akin_clear(grave.index, NULL);
    case CALL_CONTEXT:
        return create_context();
    case CALL_MAINTAIN:
        return akin_maintain(grave.index, AKIN_MAINTAIN_ROUND, NULL, NULL);
    case CALL_DRAIN:
        return akin_maintain(grave.index, AKIN_MAINTAIN_DRAIN, NULL, NULL);
    case CALL_COUNT:
        break;
    }
    return AKIN_BAD_ARGUMENT;
}

/* A thread that makes one call and ends in it, or survives. */
struct victim {
    pthread_t thread;
    enum call call;
    uint64_t dies_at; /* number of its allocation, from 1 */
    enum akin_status status;
};

static void *victim_main(void *argument)
{
    struct victim *const victim = argument;
    allocations_left = victim->dies_at;
    victim->status = make_call(victim->call);
    allocations_left = 0;
    return NULL;
}

/* Whether it died. */
static bool victim_run(struct victim *victim)
{
    void *result = NULL;
    assert_int_equal(pthread_create(&victim->thread, NULL, victim_main, victim), 0);
    assert_int_equal(pthread_join(victim->thread, &result), 0);
    return result == &grave;
}

/* Its call happened as a whole or not at all. */
static void judge_keys(enum call call)
{
    static const uint64_t keys[] = {OLD_KEY, NEW_KEY};
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        struct described found = {.key = 0};
        uint64_t version = 0;
        const char *fault = NULL;
        const enum akin_status status =
            described_read(grave.index, keys[i], &found, &version, &fault);
        if (status == AKIN_OK && fault != NULL) {
            fail_msg("%s: key %" PRIu64 ": %s", call_names[call], keys[i], fault);
        }
        assert_true(status == AKIN_OK || status == AKIN_NOT_FOUND);
        /* Whatever became of it, the key is free for the next. */
        enum akin_status written = write_key(akin_upsert, keys[i], 3);
        while (written == AKIN_RECLAIM_STALLED) {
            (void)sched_yield(); /* the others outran the one of them that maintains */
            written = write_key(akin_upsert, keys[i], 3);
        }
        assert_int_equal(written, AKIN_OK);
        assert_int_equal(akin_delete(grave.index, keys[i], NULL), AKIN_OK);
    }
}

static void a_thread_that_ends_in_the_allocator_holds_nobody_back(void **state)
{
    uint64_t deaths_of_all = 0;
    uint64_t lost = 0;
    (void)state;
    for (int call = 0; call < CALL_COUNT; call++) {
        bool died = true;
        uint64_t deaths = 0;
        for (uint64_t dies_at = 1; died; dies_at++) {
            struct victim victim = {.call = (enum call)call, .dies_at = dies_at};
            assert_true(dies_at < DEATHS_MAX);
            grave_open(AKIN_MAINTENANCE_INLINE, call == CALL_CLEAR);
            died = victim_run(&victim);
            wait_for_others();
            judge_keys((enum call)call);
            lost += grave_close(died ? 1 : 0);
            deaths += died ? 1 : 0;
        }
        printf("death: %s: a thread ended at each of %" PRIu64 " allocations\n", call_names[call],
               deaths);
        deaths_of_all += deaths;
    }
    printf("death: %" PRIu64 " threads ended, %" PRIu64 " blocks lost with them\n", deaths_of_all,
           lost);
    assert_true(deaths_of_all >= CALL_COUNT);
}

/* ---- callbacks ---- */

enum way { WAY_EXIT, WAY_CANCEL };

struct guest {
    pthread_t thread;
    enum way way;
    bool iterates;
    bool in_batch;
    sem_t inside;
    sem_t never;
};

static void end_here(struct guest *guest)
{
    (void)sem_post(&guest->inside);
    wait_for_others();
    if (guest->way == WAY_EXIT) {
        pthread_exit(&grave);
    }
    for (;;) {
        (void)sem_wait(&guest->never); /* until it is cancelled */
    }
}

static int end_in_filter(void *context, uint64_t key)
{
    (void)key;
    end_here(context);
    return 1;
}

static int end_in_visit(void *context, const struct akin_record *record)
{
    (void)record;
    end_here(context);
    return 0;
}

static void *guest_main(void *argument)
{
    struct guest *const guest = argument;
    const struct akin_filter filter = {
        .struct_size = sizeof filter, .accept = end_in_filter, .context = guest};
    const enum akin_status status = guest->iterates
                                        ? akin_iterate(grave.index, end_in_visit, guest, NULL)
                                        : search_with(&filter, guest->in_batch);
    return status == AKIN_OK ? NULL : guest; /* both mean that it survived */
}

static void guest_run(struct guest *guest)
{
    void *result = NULL;
    assert_int_equal(sem_init(&guest->inside, 0, 0), 0);
    assert_int_equal(sem_init(&guest->never, 0, 0), 0);
    assert_int_equal(pthread_create(&guest->thread, NULL, guest_main, guest), 0);
    while (sem_wait(&guest->inside) != 0 && errno == EINTR) {
    }
    if (guest->way == WAY_CANCEL) {
        assert_int_equal(pthread_cancel(guest->thread), 0);
    }
    assert_int_equal(pthread_join(guest->thread, &result), 0);
    assert_ptr_equal(result, guest->way == WAY_CANCEL ? PTHREAD_CANCELED : &grave);
    assert_int_equal(sem_destroy(&guest->inside), 0);
    assert_int_equal(sem_destroy(&guest->never), 0);
}

static void a_thread_that_ends_in_a_callback_holds_nobody_back(void **state)
{
    static const enum akin_maintenance modes[] = {AKIN_MAINTENANCE_INLINE, AKIN_MAINTENANCE_WORKER};
    const uint64_t steps = race_scaled(60000, 30000);
    (void)state;
    for (size_t mode = 0; mode < COUNT_OF(modes); mode++) {
        for (int kind = 0; kind < 6; kind++) {
            struct guest guest = {.way = kind % 2 == 0 ? WAY_EXIT : WAY_CANCEL,
                                  .iterates = kind / 2 == 0,
                                  .in_batch = kind / 2 == 1};
            grave_open(modes[mode], false);
            guest_run(&guest);
            others_go_on(steps);
            assert_int_equal(grave_close(0), 0);
        }
    }
    printf("death: 12 threads ended in callbacks, %" PRIu64 " steps of others beside each\n",
           steps);
}

/* ---- the maintainer ---- */

/* Maintenance gives back the chunk of a big payload, in the hook for which this thread ends. */
static void *maintain_and_die(void *argument)
{
    const bool is_writer = *(const bool *)argument;
    enum akin_status status = AKIN_OK;
    release_that_kills = BIG_PAYLOAD;
    while (status == AKIN_OK || status == AKIN_RECLAIM_STALLED) {
        status = write_many(akin_upsert, true);
        if (!is_writer) {
            status = akin_maintain(grave.index, AKIN_MAINTAIN_DRAIN, NULL, NULL);
        }
    }
    return NULL;
}

static void a_thread_that_ends_while_it_maintains_is_replaced(void **state)
{
    const uint64_t steps = race_scaled(60000, 30000);
    (void)state;
    for (int i = 0; i < 2; i++) {
        const bool is_writer = i == 0;
        pthread_t thread;
        void *result = NULL;
        grave_open(AKIN_MAINTENANCE_INLINE, false);
        assert_int_equal(
            pthread_create(&thread, NULL, maintain_and_die, (void *)(uintptr_t)&is_writer), 0);
        assert_int_equal(pthread_join(thread, &result), 0);
        assert_ptr_equal(result, &grave);
        others_go_on(steps);
        const uint64_t lost = grave_close(1);
        printf("death: a maintainer ended, %" PRIu64 " steps of others, %" PRIu64 " blocks lost\n",
               steps, lost);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_that_ends_in_the_allocator_holds_nobody_back),
        cmocka_unit_test(a_thread_that_ends_in_a_callback_holds_nobody_back),
        cmocka_unit_test(a_thread_that_ends_while_it_maintains_is_replaced),
    };
    race_program(200);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
