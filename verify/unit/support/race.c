/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that race.
 *
 * Evidence of overlap: each role has a count of operations under way and one of operations ended.
 * An operation overlapped with a role if one of the role's was under way when it began or ended, or
 * if one ended in between.
 */
#include "support/race.h"

#include <inttypes.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/attributes.h"
#include "base/rng.h"
#include "sync/rcu.h"
#include "sync/sched_point.h"

/* A race that has not ended by itself after so long has no overlap to show and fails. */
#define RACE_NS_MAX  30000000000ull
#define ERROR_BYTES  512u
#define PAIR_SPINS   2000
#define YIELD_ONE_OF 24u
#define PAUSE_ONE_OF 40u /* of those that give way */
#define PAUSE_NS_MAX 200000u

struct race_lane {
    struct race_number active; /* operations under way */
    struct race_number ended;
};

struct race {
    struct race_lane lanes[RACE_ROLES_MAX];
    struct race_number unfinished; /* threads that have not done enough yet */
    struct race_number stop;       /* 1: somebody recorded an error, or time is up */
    struct race_number has_error;
    const struct race_role *roles;
    uint32_t role_count;
    uint32_t thread_count;
    uint64_t deadline_ns;
    pthread_barrier_t barrier;
    char error[ERROR_BYTES];
    struct race_worker workers[RACE_THREADS_MAX];
};

uint64_t race_clock_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t environment_number(const char *name, uint64_t otherwise)
{
    const char *const text = getenv(name);
    return text != NULL && text[0] != '\0' ? strtoull(text, NULL, 0) : otherwise;
}

uint64_t race_seed(void)
{
    static uint64_t seed;
    if (seed == 0) {
        seed = environment_number("AKIN_TEST_SEED", race_clock_ns() % 1000000000u);
        seed += seed == 0 ? 1 : 0;
    }
    return seed;
}

uint64_t race_scaled(uint64_t number, uint64_t least)
{
    uint64_t scaled = number * environment_number("AKIN_RACE_SCALE", 100) / 100;
#if AKIN_TSAN
    scaled /= 8;
#elif AKIN_SCHEDULE || defined(__SANITIZE_ADDRESS__)
    scaled /= 4;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
    scaled /= 4;
#endif
#endif
    return scaled > least ? scaled : least;
}

#if AKIN_SCHEDULE
static struct race_number yielders;
static _Thread_local uint64_t yield_random;
static uint64_t yield_one_of;

/* Give way at a random step, and now and then for so long that grace periods end meanwhile. */
static void give_way(enum sched_step step, const void *address)
{
    (void)step;
    (void)address;
    if (yield_random == 0) {
        yield_random = rng_mix(race_seed() + 977 * (1 + race_number_add(&yielders, 1)));
    }
    const uint64_t word = rng_next(&yield_random);
    if (word % yield_one_of != 0) {
        return;
    }
    if (word / yield_one_of % PAUSE_ONE_OF != 0) {
        (void)sched_yield();
        return;
    }
    const struct timespec pause = {.tv_nsec = (long)(word >> 32) % PAUSE_NS_MAX};
    (void)nanosleep(&pause, NULL);
}

static void schedule_start(void)
{
    yield_one_of = environment_number("AKIN_RACE_YIELD", YIELD_ONE_OF);
    if (yield_one_of != 0) {
        sched_hook_set(give_way);
    }
}
#else
static void schedule_start(void)
{
}
#endif

static void time_is_up(int number)
{
    static const char text[] = "race: the time limit of the program is over\n";
    (void)number;
    /* Nothing can be done about a failed write on the way down. */
    const ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);
    (void)written;
    _exit(EXIT_FAILURE);
}

void race_program(unsigned int seconds)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = time_is_up;
    (void)sigaction(SIGALRM, &action, NULL);
    (void)alarm(seconds);
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    schedule_start();
}

uint64_t race_random(struct race_worker *worker, uint64_t bound)
{
    return rng_next(&worker->random) % bound;
}

void race_wait_for(const struct race_number *number, uint64_t value)
{
    while (race_number_load_acquire(number) < value) {
        (void)sched_yield();
    }
}

void race_error(struct race_worker *worker, const char *format, ...)
{
    struct race *const race = worker->race;
    race_number_store(&race->stop, 1);
    if (race_number_add(&race->has_error, 1) != 0) {
        return;
    }
    va_list arguments;
    const int length =
        snprintf(race->error, sizeof race->error, "%s %" PRIu32 ", operation %" PRIu64 ": ",
                 race->roles[worker->role].name, worker->rank, worker->operations);
    va_start(arguments, format);
    vsnprintf(race->error + length, sizeof race->error - (size_t)length, format, arguments);
    va_end(arguments);
}

/* A role with one thread cannot overlap with itself. */
static bool must_overlap(const struct race *race, const struct race_worker *worker, uint32_t role)
{
    return role != worker->role || race->roles[role].threads > 1;
}

static bool has_overlapped(const struct race *race, const struct race_worker *worker)
{
    for (uint32_t role = 0; role < race->role_count; role++) {
        if (must_overlap(race, worker, role) && worker->overlaps[role] < RACE_OVERLAPS) {
            return false;
        }
    }
    return true;
}

bool race_goes_on(struct race_worker *worker)
{
    struct race *const race = worker->race;
    if (!worker->is_finished && worker->operations >= race->roles[worker->role].least &&
        has_overlapped(race, worker)) {
        worker->is_finished = true;
        race_number_add(&race->unfinished, UINT64_MAX);
    }
    if (race_number_load(&race->stop) != 0 || race_number_load(&race->unfinished) == 0) {
        return false;
    }
    return race_clock_ns() < race->deadline_ns;
}

void race_begin(struct race_worker *worker)
{
    struct race *const race = worker->race;
    for (uint32_t role = 0; role < race->role_count; role++) {
        worker->ends_before[role] = race_number_load(&race->lanes[role].ended);
        worker->met[role] = race_number_load(&race->lanes[role].active) > 0;
    }
    race_number_add(&race->lanes[worker->role].active, 1);
}

void race_end(struct race_worker *worker)
{
    struct race *const race = worker->race;
    race_number_add(&race->lanes[worker->role].active, UINT64_MAX);
    for (uint32_t role = 0; role < race->role_count; role++) {
        const struct race_lane *const lane = &race->lanes[role];
        if (worker->met[role] || race_number_load(&lane->active) > 0 ||
            race_number_load(&lane->ended) != worker->ends_before[role]) {
            worker->overlaps[role]++;
        }
    }
    race_number_add(&race->lanes[worker->role].ended, 1);
    worker->operations++;
}

void race_meet(struct race_worker *worker)
{
    (void)pthread_barrier_wait(&worker->race->barrier);
}

void race_pair(struct race_worker *worker)
{
    const struct race_worker *const partner = &worker->race->workers[worker->number ^ 1];
    const uint64_t call = race_number_add(&worker->arrivals, 1) + 1;
    for (int spins = 1; race_number_load(&partner->arrivals) < call; spins++) {
        if (spins % PAIR_SPINS == 0) {
            (void)sched_yield();
        }
    }
}

/* Left to itself the system puts threads that wake each other on one processor. */
static void spread(uint32_t number)
{
    cpu_set_t allowed;
    cpu_set_t chosen;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
        return;
    }
    int skip = (int)(number % (uint32_t)CPU_COUNT(&allowed));
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &allowed) && skip-- == 0) {
            CPU_ZERO(&chosen);
            CPU_SET(cpu, &chosen);
            /* Where that is refused, threads run where they may. */
            (void)sched_setaffinity(0, sizeof chosen, &chosen);
            return;
        }
    }
}

static void *worker_main(void *argument)
{
    struct race_worker *const worker = argument;
    spread(worker->number);
    rcu_enter();
    rcu_leave();
    race_meet(worker);
    worker->race->roles[worker->role].body(worker);
    return NULL;
}

static void start(struct race *race, void *shared)
{
    uint32_t number = 0;
    for (uint32_t role = 0; role < race->role_count; role++) {
        for (uint32_t rank = 0; rank < race->roles[role].threads; rank++, number++) {
            struct race_worker *const worker = &race->workers[number];
            worker->race = race;
            worker->shared = shared;
            worker->number = number;
            worker->role = role;
            worker->rank = rank;
            worker->random = rng_mix(race_seed() + number * 7919u + 1);
            if (pthread_create(&worker->thread, NULL, worker_main, worker) != 0) {
                fail_msg("thread %" PRIu32 " could not be started", number);
            }
        }
    }
}

/* Say what a role did; whether each of its threads overlapped. */
static bool report(const struct race *race, const char *name, uint32_t role)
{
    uint64_t operations = 0;
    uint64_t least = UINT64_MAX;
    for (uint32_t i = 0; i < race->thread_count; i++) {
        const struct race_worker *const worker = &race->workers[i];
        if (worker->role != role) {
            continue;
        }
        operations += worker->operations;
        for (uint32_t other = 0; other < race->role_count; other++) {
            if (must_overlap(race, worker, other) && worker->overlaps[other] < least) {
                least = worker->overlaps[other];
            }
        }
    }
    const uint64_t shown = least == UINT64_MAX ? 0 : least;
    printf("race %s: seed %" PRIu64 ": %s: %" PRIu32 " threads, %" PRIu64
           " operations, of each thread at least %" PRIu64 " overlapped with each role\n",
           name, race_seed(), race->roles[role].name, race->roles[role].threads, operations, shown);
    return least >= RACE_OVERLAPS;
}

bool race_try(const char *name, const struct race_role *roles, uint32_t role_count, void *shared)
{
    struct race *const race = aligned_alloc(alignof(struct race), sizeof *race);
    assert_non_null(race);
    assert_true(role_count <= RACE_ROLES_MAX);
    memset(race, 0, sizeof *race);
    race->roles = roles;
    race->role_count = role_count;
    for (uint32_t role = 0; role < role_count; role++) {
        race->thread_count += roles[role].threads;
    }
    assert_true(race->thread_count >= 2 && race->thread_count <= RACE_THREADS_MAX);
    race_number_store(&race->unfinished, race->thread_count);
    race->deadline_ns = race_clock_ns() + RACE_NS_MAX;
    assert_int_equal(pthread_barrier_init(&race->barrier, NULL, race->thread_count), 0);
    start(race, shared);
    for (uint32_t i = 0; i < race->thread_count; i++) {
        assert_int_equal(pthread_join(race->workers[i].thread, NULL), 0);
    }
    assert_int_equal(pthread_barrier_destroy(&race->barrier), 0);
    bool overlapped = true;
    for (uint32_t role = 0; role < role_count; role++) {
        overlapped = report(race, name, role) && overlapped;
    }
    char error[ERROR_BYTES];
    memcpy(error, race->error, sizeof error);
    free(race);
    if (error[0] != '\0') {
        fail_msg("race %s: seed %" PRIu64 ": %s", name, race_seed(), error);
    }
    return overlapped;
}

void race_until_overlap(bool (*attempt)(void *context), void *context)
{
    for (int tries = 0; tries < RACE_TRIES; tries++) {
        if (attempt(context)) {
            return;
        }
    }
    fail_msg("race: seed %" PRIu64 ": no evidence that every thread overlapped, in %d tries",
             race_seed(), RACE_TRIES);
}

void race_run(const char *name, const struct race_role *roles, uint32_t role_count, void *shared)
{
    if (!race_try(name, roles, role_count, shared)) {
        fail_msg("race %s: seed %" PRIu64 ": no evidence that every thread overlapped", name,
                 race_seed());
    }
}
