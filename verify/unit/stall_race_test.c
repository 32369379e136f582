/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readers that stall inside a call (G9).
 *
 * Goal  : a reader that does not leave stops reclamation and nothing else. Writers go on until
 *         retired memory reaches its bound and are refused from then on; get, contains, count,
 *         search and delete always work; statistics show the reader. When it leaves, everything
 *         works again, memory comes back, and the reader has seen the instant at which it began.
 * Method: the reader stops in a filter callback (inside a read section) or in the callback of
 *         akin_iterate (a pin), and a semaphore lets it go. What the main thread does in between
 *         overlaps by construction; that the reader is still inside is asserted at the end of it.
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
#include <string.h>

#include "akin/akin.h"
#include "base/limits.h"
#include "index/internal.h"
#include "support/race.h"
#include "support/stairs.h"
#include "support/tracking_allocator.h"

enum { DIM = 16, KEYS = 64, RESULTS_MAX = 2 * KEYS, BOUND_BYTES = 1024 * 1024 };

struct scene {
    akin_index *index;
    struct tracking_allocator tracking;
    struct stairs stairs;
    uint64_t next_write;
};

static struct scene scene;

/* A call that stops in its callback. */
struct visitor {
    pthread_t thread;
    sem_t inside;
    sem_t go_on;
    uint64_t writes_at_start;
    bool has_stopped;
    struct race_number has_left; /* the callback */
    enum akin_status status;
    struct stairs_view view;
    const char *fault;
};

static void wait_on(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0 && errno == EINTR) {
    }
}

static enum akin_status put_next(void)
{
    const enum akin_status status = stairs_put(scene.index, &scene.stairs, 0, scene.next_write);
    scene.next_write += status == AKIN_OK ? 1 : 0;
    return status;
}

static void scene_open(enum akin_maintenance maintenance)
{
    struct akin_options options;
    memset(&scene, 0, sizeof scene);
    scene.stairs.writers = 1;
    scene.stairs.steps = KEYS;
    scene.stairs.dim = DIM;
    tracking_init(&scene.tracking);
    akin_options_init(&options);
    options.dim = DIM;
    options.maintenance = maintenance;
    options.retired_bytes_max = BOUND_BYTES;
    options.allocator = tracking_hooks(&scene.tracking);
    assert_int_equal(akin_open(&options, &scene.index, NULL), AKIN_OK);
    for (int i = 0; i < KEYS; i++) {
        assert_int_equal(put_next(), AKIN_OK);
    }
}

static struct akin_stats stats_now(void)
{
    struct akin_stats stats = {.struct_size = sizeof stats};
    assert_int_equal(akin_stats_get(scene.index, &stats, NULL), AKIN_OK);
    return stats;
}

static void scene_close(void)
{
    struct akin_error error = {.message = ""};
    assert_int_equal(akin_maintain(scene.index, AKIN_MAINTAIN_DRAIN, NULL, NULL), AKIN_OK);
    const struct akin_stats stats = stats_now();
    assert_int_equal(stats.slots_dead, 0);
    assert_int_equal(stats.readers_active, 0);
    assert_true(stats.memory.retired_bytes < BOUND_BYTES / 16);
    if (akin_check(scene.index, AKIN_CHECK_DEEP, &error) != AKIN_OK) {
        fail_msg("%s: %s", error.field, error.message);
    }
    assert_int_equal(akin_close(scene.index), AKIN_OK);
    tracking_end(&scene.tracking);
}

/* Stop at the first call, and only there. */
static void stop_once(struct visitor *visitor)
{
    if (!visitor->has_stopped) {
        visitor->has_stopped = true;
        (void)sem_post(&visitor->inside);
        wait_on(&visitor->go_on);
        race_number_store_release(&visitor->has_left, 1);
    }
}

static int stop_in_filter(void *context, uint64_t key)
{
    (void)key;
    stop_once(context);
    return 1;
}

static enum akin_status search_all(const struct akin_filter *filter, struct stairs_view *view,
                                   const char **fault)
{
    struct akin_neighbor results[RESULTS_MAX];
    struct akin_search_options options;
    uint32_t count = 0;
    float query[DIM] = {0};
    akin_search_options_init(&options);
    options.k = RESULTS_MAX;
    options.filter = filter;
    const struct akin_vector vector = akin_vector_f32(query, DIM);
    const enum akin_status status =
        akin_search(scene.index, NULL, &vector, &options, results, &count, NULL);
    stairs_forget(&scene.stairs, view);
    *fault = NULL;
    for (uint32_t i = 0; i < count && status == AKIN_OK && *fault == NULL; i++) {
        *fault = stairs_add_distance(&scene.stairs, view, results[i].key, results[i].distance, 0);
    }
    return status;
}

static void *search_and_stop(void *argument)
{
    struct visitor *const visitor = argument;
    const struct akin_filter filter = {
        .struct_size = sizeof filter, .accept = stop_in_filter, .context = visitor};
    visitor->status = search_all(&filter, &visitor->view, &visitor->fault);
    return NULL;
}

static int stop_in_visit(void *context, const struct akin_record *record)
{
    struct visitor *const visitor = context;
    float row[DIM];
    memcpy(row, record->vector, sizeof row);
    const uint64_t value = (uint64_t)row[0];
    stop_once(visitor);
    for (int i = 1; i < DIM && visitor->fault == NULL; i++) {
        visitor->fault = row[i] != row[0] ? "a torn row" : NULL;
    }
    if (visitor->fault == NULL) {
        visitor->fault = value % KEYS != record->key
                             ? "the row of another key"
                             : stairs_add(&scene.stairs, &visitor->view, record->key, value / KEYS);
    }
    return visitor->fault != NULL;
}

static void *iterate_and_stop(void *argument)
{
    struct visitor *const visitor = argument;
    stairs_forget(&scene.stairs, &visitor->view);
    visitor->status = akin_iterate(scene.index, stop_in_visit, visitor, NULL);
    return NULL;
}

static void visitor_start(struct visitor *visitor, void *(*body)(void *))
{
    memset(visitor, 0, sizeof *visitor);
    assert_int_equal(sem_init(&visitor->inside, 0, 0), 0);
    assert_int_equal(sem_init(&visitor->go_on, 0, 0), 0);
    visitor->writes_at_start = scene.next_write;
    assert_int_equal(pthread_create(&visitor->thread, NULL, body, visitor), 0);
    wait_on(&visitor->inside);
}

/* Let it go, and see that it answers as of the instant at which it began. */
static void visitor_end(struct visitor *visitor)
{
    assert_int_equal(race_number_load_acquire(&visitor->has_left), 0); /* it overlapped with all */
    assert_int_equal(sem_post(&visitor->go_on), 0);
    assert_int_equal(pthread_join(visitor->thread, NULL), 0);
    assert_int_equal(visitor->status, AKIN_OK);
    const char *const fault =
        visitor->fault != NULL ? visitor->fault : stairs_fault(&scene.stairs, &visitor->view);
    if (fault != NULL) {
        fail_msg("the reader that stalled: %s", fault);
    }
    assert_int_equal(stairs_writes_seen(&scene.stairs, &visitor->view, 0),
                     visitor->writes_at_start);
    assert_int_equal(sem_destroy(&visitor->inside), 0);
    assert_int_equal(sem_destroy(&visitor->go_on), 0);
}

/* Wait until the oldest reader has been inside for so long. */
static uint64_t wait_for_age(uint64_t age_ns)
{
    struct akin_stats stats = stats_now();
    while (stats.reader_oldest_ns < age_ns) {
        (void)sched_yield();
        stats = stats_now();
    }
    return stats.reader_oldest_ns;
}

/* Retired memory is at its bound, when nothing of it can be reclaimed any more. */
static void the_bound_is_reached(void)
{
    const uint64_t retired = stats_now().memory.retired_bytes;
    assert_true(retired >= BOUND_BYTES);
    assert_true(retired < BOUND_BYTES + BOUND_BYTES / 8);
}

/* Write until refused; as much as the bound allows, and not more. */
static void write_until_refused(void)
{
    const uint64_t dead_bytes = scene.index->store.slot_bytes;
    const uint64_t before = scene.next_write;
    enum akin_status status = AKIN_OK;
    while (status == AKIN_OK) {
        status = put_next();
    }
    assert_int_equal(status, AKIN_RECLAIM_STALLED);
    const uint64_t writes = scene.next_write - before;
    printf("stall: refused after %" PRIu64 " writes, %" PRIu64 " bytes retired\n", writes,
           stats_now().memory.retired_bytes);
    assert_true(writes <= BOUND_BYTES / dead_bytes + 1);
    /* Slots, commit records and hardly anything else. */
    assert_true(writes >= BOUND_BYTES / (dead_bytes + 512));
}

/*
 * Write until what is refused stays refused: nothing is left that maintenance could reclaim.
 *
 * A held instant keeps dead slots and nothing else. A worker that had not come to its turn at the
 * first refusal recycles commit records later, and then a few more writes work.
 */
static void write_until_refused_for_good(void)
{
    enum akin_status status = AKIN_OK;
    while (status == AKIN_OK) {
        do {
            status = put_next();
        } while (status == AKIN_OK);
        assert_int_equal(status, AKIN_RECLAIM_STALLED);
        assert_int_equal(akin_maintain(scene.index, AKIN_MAINTAIN_DRAIN, NULL, NULL), AKIN_OK);
        status = put_next();
    }
    assert_int_equal(status, AKIN_RECLAIM_STALLED);
}

/* What works and what does not, while memory waits for a reader. */
static void only_writes_that_need_memory_are_refused(void)
{
    static struct stairs_view view;
    const char *fault = NULL;
    float row[DIM] = {1.0f};
    const struct akin_vector vector = akin_vector_f32(row, DIM);
    struct akin_record record = akin_record_init();
    const uint64_t stalls = stats_now().reclaim_stalls;
    uint64_t count = 0;
    assert_int_equal(akin_insert(scene.index, KEYS + 1, &vector, NULL, NULL), AKIN_RECLAIM_STALLED);
    assert_int_equal(akin_update(scene.index, 1, &vector, NULL, NULL), AKIN_RECLAIM_STALLED);
    assert_int_equal(akin_upsert(scene.index, 1, &vector, NULL, NULL), AKIN_RECLAIM_STALLED);
    assert_int_equal(stats_now().reclaim_stalls, stalls + 3);
    record.vector = row;
    record.vector_capacity = sizeof row;
    assert_int_equal(akin_get(scene.index, 1, &record, NULL), AKIN_OK);
    assert_int_equal(akin_contains(scene.index, 1, NULL), AKIN_OK);
    assert_int_equal(akin_contains(scene.index, KEYS + 1, NULL), AKIN_NOT_FOUND);
    assert_int_equal(search_all(NULL, &view, &fault), AKIN_OK);
    assert_null(fault);
    assert_null(stairs_fault(&scene.stairs, &view));
    assert_int_equal(stairs_writes_seen(&scene.stairs, &view, 0), scene.next_write);
    /* A deletion needs no memory. The key comes back with the next round of writes. */
    const uint64_t key = stairs_key(&scene.stairs, 0, scene.next_write);
    assert_int_equal(akin_delete(scene.index, key, NULL), AKIN_OK);
    assert_int_equal(akin_delete(scene.index, key, NULL), AKIN_NOT_FOUND);
    assert_int_equal(akin_contains(scene.index, key, NULL), AKIN_NOT_FOUND);
    assert_int_equal(akin_count(scene.index, &count, NULL), AKIN_OK);
    assert_int_equal(count, KEYS - 1);
}

/* Somebody reclaims by and by; how soon is not promised. The time limit of the program ends it. */
static void writes_work_again(void)
{
    for (int i = 0; i < 4 * KEYS; i++) {
        enum akin_status status = put_next();
        while (status == AKIN_RECLAIM_STALLED) {
            (void)sched_yield();
            status = put_next();
        }
        assert_int_equal(status, AKIN_OK);
    }
}

static void a_reader_stalls_in_a_section(enum akin_maintenance maintenance)
{
    static struct visitor visitor;
    scene_open(maintenance);
    visitor_start(&visitor, search_and_stop);
    assert_int_equal(stats_now().readers_active, 1);
    /* From this age on an inline writer does not wait for it. */
    const uint64_t young_ns = wait_for_age(READER_PATIENCE_NS + READER_PATIENCE_NS / 2);
    write_until_refused();
    the_bound_is_reached();
    only_writes_that_need_memory_are_refused();
    assert_int_equal(stats_now().readers_active, 1);
    assert_true(wait_for_age(young_ns + 1) > young_ns);
    visitor_end(&visitor);
    writes_work_again();
    scene_close();
}

static void writers_that_maintain_do_not_wait_for_a_stalled_reader(void **state)
{
    (void)state;
    a_reader_stalls_in_a_section(AKIN_MAINTENANCE_INLINE);
}

static void a_worker_that_waits_for_a_reader_holds_nobody_back(void **state)
{
    (void)state;
    a_reader_stalls_in_a_section(AKIN_MAINTENANCE_WORKER);
}

static void a_stalled_iteration_keeps_its_instant_and_holds_nobody_back(void **state)
{
    static const enum akin_maintenance modes[] = {AKIN_MAINTENANCE_INLINE, AKIN_MAINTENANCE_WORKER};
    static struct visitor visitor;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        scene_open(modes[i]);
        visitor_start(&visitor, iterate_and_stop);
        assert_int_equal(stats_now().readers_active, 0); /* a pin, no section */
        write_until_refused();
        write_until_refused_for_good();
        the_bound_is_reached();
        only_writes_that_need_memory_are_refused();
        visitor_end(&visitor);
        writes_work_again();
        scene_close();
    }
}

/* One after the other, so that there is no instant without a stalled reader. */
static void a_second_stalled_reader_is_not_waited_for_either(void **state)
{
    static struct visitor first;
    static struct visitor second;
    (void)state;
    scene_open(AKIN_MAINTENANCE_INLINE);
    visitor_start(&first, search_and_stop);
    (void)wait_for_age(READER_PATIENCE_NS + READER_PATIENCE_NS / 2);
    for (int i = 0; i < 40 * KEYS; i++) {
        assert_int_equal(put_next(), AKIN_OK); /* maintenance begins a round and leaves it */
    }
    const uint64_t age_ns = stats_now().reader_oldest_ns;
    visitor_start(&second, search_and_stop);
    assert_int_equal(stats_now().readers_active, 2);
    (void)wait_for_age(age_ns + 2 * READER_PATIENCE_NS);
    visitor_end(&first);
    assert_int_equal(stats_now().readers_active, 1);
    write_until_refused();
    the_bound_is_reached();
    only_writes_that_need_memory_are_refused();
    visitor_end(&second);
    writes_work_again();
    scene_close();
}

/* Four writers beside a reader that has just begun: at most the one that maintains waits for it. */
enum { CROWD = 4 };

static struct race_number refused;
static struct race_number crowd_ends;

static void *write_in_crowd(void *argument)
{
    const uint64_t *const key = argument;
    float row[DIM] = {0};
    enum akin_status status = AKIN_OK;
    for (uint64_t i = 0; status == AKIN_OK && race_number_load(&crowd_ends) == 0; i++) {
        row[0] = (float)(i % STAIRS_VALUE_MAX);
        const struct akin_vector vector = akin_vector_f32(row, DIM);
        status = akin_upsert(scene.index, KEYS + *key, &vector, NULL, NULL);
    }
    race_number_add_release(&refused, status == AKIN_RECLAIM_STALLED ? 1 : 0);
    return NULL;
}

static int refuse_others(void *context, uint64_t key)
{
    stop_once(context);
    return key < KEYS;
}

static void *search_stairs_and_stop(void *argument)
{
    struct visitor *const visitor = argument;
    const struct akin_filter filter = {
        .struct_size = sizeof filter, .accept = refuse_others, .context = visitor};
    visitor->status = search_all(&filter, &visitor->view, &visitor->fault);
    return NULL;
}

static void at_most_one_writer_waits_for_a_reader_that_has_just_begun(void **state)
{
    static struct visitor visitor;
    pthread_t writers[CROWD];
    uint64_t keys[CROWD];
    (void)state;
    race_number_store(&refused, 0);
    race_number_store(&crowd_ends, 0);
    scene_open(AKIN_MAINTENANCE_INLINE);
    visitor_start(&visitor, search_stairs_and_stop);
    for (uint64_t i = 0; i < CROWD; i++) {
        keys[i] = i;
        assert_int_equal(pthread_create(&writers[i], NULL, write_in_crowd, &keys[i]), 0);
    }
    race_wait_for(&refused, CROWD - 1);
    printf("stall: %" PRIu64 " of %d writers were refused beside a young reader\n",
           race_number_load_acquire(&refused), CROWD);
    visitor_end(&visitor);
    race_number_store(&crowd_ends, 1);
    for (uint64_t i = 0; i < CROWD; i++) {
        assert_int_equal(pthread_join(writers[i], NULL), 0);
    }
    scene_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writers_that_maintain_do_not_wait_for_a_stalled_reader),
        cmocka_unit_test(a_worker_that_waits_for_a_reader_holds_nobody_back),
        cmocka_unit_test(a_stalled_iteration_keeps_its_instant_and_holds_nobody_back),
        cmocka_unit_test(a_second_stalled_reader_is_not_waited_for_either),
        cmocka_unit_test(at_most_one_writer_waits_for_a_reader_that_has_just_begun),
    };
    race_program(150);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
