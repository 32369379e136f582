/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that race: a common start, evidence that they overlapped, errors kept for the main
 * thread.
 *
 * Promises: - Every thread enters and leaves a read section before the common start, so that the
 *             registration with liburcu, whose mutex would order threads, lies before the race.
 *           - No thread stops before every thread has done its share and has overlapped with every
 *             other role. A race without that evidence fails: a bug that could not show is no pass.
 *           - Threads assert nothing. They record the first error, all stop, the main thread fails.
 *           - Threads are spread over the processors, so that neighbors run at the same time.
 *           - The bookkeeping is relaxed atomics: it gives ThreadSanitizer no order between threads
 *             that the code under test does not give itself.
 * Replay  : AKIN_TEST_SEED=n repeats the random choices (not the schedule), AKIN_RACE_SCALE=n makes
 *           races n percent as long, AKIN_RACE_YIELD=n lets schedule builds give way at one of n
 *           steps (0: never). The seed is printed with every race.
 *
 * This header uses <stdatomic.h> and not sync/atomic.h on purpose: the harness must not pass the
 * scheduling points of what it watches.
 */
#ifndef AKIN_VERIFY_UNIT_SUPPORT_RACE_H
#define AKIN_VERIFY_UNIT_SUPPORT_RACE_H

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define RACE_ROLES_MAX   4u
#define RACE_THREADS_MAX 64u
/* Operations of a thread that must overlap with those of each role. */
#define RACE_OVERLAPS 10u
#define RACE_TRIES    20

struct race;
struct race_worker;

/* Numbers and flags that threads share beside the library; relaxed unless the name says
   otherwise. */
struct race_number {
    alignas(64) _Atomic uint64_t value;
};

/* What some of the threads do. */
struct race_role {
    const char *name;
    uint32_t threads;
    void (*body)(struct race_worker *worker);
    uint64_t least; /* operations that each of them does at least */
};

/* One thread. Everything is its own but what it reaches through `race`. */
struct race_worker {
    struct race *race;
    void *shared;    /* what race_run was given */
    uint32_t number; /* among all threads */
    uint32_t role;
    uint32_t rank;   /* among the threads of its role */
    uint64_t random; /* for rng_next */
    uint64_t operations;
    uint64_t overlaps[RACE_ROLES_MAX];
    uint64_t ends_before[RACE_ROLES_MAX];
    bool met[RACE_ROLES_MAX];
    bool is_finished;
    struct race_number arrivals; /* at race_pair */
    pthread_t thread;
};

/* Begin the program: a time limit after which it stops with a message, and unbuffered output. */
void race_program(unsigned int seconds);

/* The seed of this run: AKIN_TEST_SEED, or one from the clock; the same at each call. */
uint64_t race_seed(void);

/* `number` as large as this build can afford, at least `least`. */
uint64_t race_scaled(uint64_t number, uint64_t least);

/*
 * Run the roles at once, to their end, and assert that there was no error and that they overlapped.
 * Prints one line for each role. The caller is in a test of cmocka.
 */
void race_run(const char *name, const struct race_role *roles, uint32_t role_count, void *shared);

/*
 * The same, but answer whether they overlapped, for bodies of fixed length, which cannot go on
 * until they did: the caller tries again with new data, RACE_TRIES times at most, and fails then.
 */
bool race_try(const char *name, const struct race_role *roles, uint32_t role_count, void *shared);

/* Make attempts, each with a race_try whose answer it returns, until one had threads that
   overlapped. */
void race_until_overlap(bool (*attempt)(void *context), void *context);

/* For race_worker.body. Whether to do another operation: until all threads have done enough. */
bool race_goes_on(struct race_worker *worker);

/* Around each operation: what lies between them is what overlaps. */
void race_begin(struct race_worker *worker);
void race_end(struct race_worker *worker);

/* Wait for all threads of the race. Every thread has to come; so only in bodies of fixed length. */
void race_meet(struct race_worker *worker);

/*
 * Wait for the partner, the thread with the number that differs in the last bit: the two go on
 * within nanoseconds, each on a processor of its own. (A barrier wakes its threads one by one, and
 * a short burst is over before the next thread runs.) The race has an even number of threads, and
 * partners call this equally often.
 */
void race_pair(struct race_worker *worker);

/* Record an error, of which the first is shown, and let all stop. */
__attribute__((format(printf, 2, 3))) void race_error(struct race_worker *worker,
                                                      const char *format, ...);

/* A number below `bound`, from the thread's own generator. */
uint64_t race_random(struct race_worker *worker, uint64_t bound);

static inline uint64_t race_number_load(const struct race_number *number)
{
    return atomic_load_explicit(&((struct race_number *)(uintptr_t)number)->value,
                                memory_order_relaxed);
}

static inline void race_number_store(struct race_number *number, uint64_t value)
{
    atomic_store_explicit(&number->value, value, memory_order_relaxed);
}

static inline uint64_t race_number_add(struct race_number *number, uint64_t addend)
{
    return atomic_fetch_add_explicit(&number->value, addend, memory_order_relaxed);
}

static inline void race_number_add_release(struct race_number *number, uint64_t addend)
{
    (void)atomic_fetch_add_explicit(&number->value, addend, memory_order_release);
}

/* Ordered: what the storing thread did before is done for who loads the value. */
static inline uint64_t race_number_load_acquire(const struct race_number *number)
{
    return atomic_load_explicit(&((struct race_number *)(uintptr_t)number)->value,
                                memory_order_acquire);
}

static inline void race_number_store_release(struct race_number *number, uint64_t value)
{
    atomic_store_explicit(&number->value, value, memory_order_release);
}

/* Give way until the number has reached `value`; the time limit of the program ends a vain wait. */
void race_wait_for(const struct race_number *number, uint64_t value);

/* Nanoseconds of a monotonic clock. */
uint64_t race_clock_ns(void);

#endif
