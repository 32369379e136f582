/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The models of what the library asks of the system: threads, the clock, giving way, and the end of
 * the program by a broken invariant.
 *
 * Takes the place of kernel/sync/thread.c and kernel/base/invariant.c; clock_gettime, sched_yield
 * and errno are wrapped by the linker (--wrap).
 */
#include "schedule/model/model_system.h"

#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include "base/invariant.h"
#include "schedule/explore.h"
#include "harness/sizes.h"
#include "sync/thread.h"

/* How far the clock is ahead once a fiber has been frozen: such a reader has stalled. */
#define STALL_SECONDS 1

static uint32_t calls_inside[EXPLORE_FIBERS_MAX + 1];
static int errno_of[EXPLORE_FIBERS_MAX];

void model_system_begin(void)
{
    memset(calls_inside, 0, sizeof calls_inside);
}

static uint32_t place(void)
{
    const uint32_t self = explore_self();
    return self == EXPLORE_MAIN ? EXPLORE_FIBERS_MAX : self;
}

/* Fibers are 1 .. EXPLORE_FIBERS_MAX, the main program is the next. */
uint32_t thread_number(void)
{
    return place() + 1;
}

uint64_t process_generation(void)
{
    return 1;
}

bool thread_is_dead(uint32_t number)
{
    return number >= 1 && number <= EXPLORE_FIBERS_MAX && explore_is_dead(number - 1);
}

uint32_t *thread_calls_inside(void)
{
    return &calls_inside[place()];
}

void invariant_failed(const char *kind, const char *text, const char *file, int line)
{
    explore_fail("%s(%s) does not hold, %s:%d", kind, text, file, line);
    /* Only the main program comes here: there is no run to cut short. */
    __builtin_trap();
}

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int *__real___errno_location(void);
int *__wrap___errno_location(void);
int __real_sched_yield(void);
int __wrap_sched_yield(void);

/* Inside a run a step takes a nanosecond, so that a replay sees the same times. */
int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    if (explore_self() == EXPLORE_MAIN) {
        return __real_clock_gettime(clock, now);
    }
    *now = (struct timespec){.tv_sec = 1, .tv_nsec = (long)explore_steps()};
    for (uint32_t i = 0; i < explore_fibers(); i++) {
        now->tv_sec += explore_was_frozen(i) ? STALL_SECONDS : 0;
    }
    return 0;
}

/* Each fiber has an errno, as a thread has. */
int *__wrap___errno_location(void)
{
    const uint32_t self = explore_self();
    return self == EXPLORE_MAIN ? __real___errno_location() : &errno_of[self];
}

int __wrap_sched_yield(void)
{
    if (explore_self() == EXPLORE_MAIN) {
        return __real_sched_yield();
    }
    explore_yield();
    return 0;
}
