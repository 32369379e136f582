/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schedule explorer: the library's own sources, run by fibers of which one at a time takes the
 * next step, as a strategy decides.
 *
 * What it relies on: kernel/sync/sched_point.h calls the hook before every atomic operation, edge
 *           of a read section, call into liburcu and Concurrency Kit, and round of a lock-free
 *           loop. Between two steps a fiber runs alone. So a run is the list of its switches, and
 *           the same list gives the same run.
 * What a run fails by: a broken invariant, an answer no order of the calls explains, a structure
 *           that akin_check blames, an object used anew while somebody may hold it, an access to
 *           memory given back, a deadlock, a run without end, and in builds with the thread
 *           sanitizer a data race.
 * Memory  : sequentially consistent. Orders that are missing show as data races in the build with
 *           the thread sanitizer, which follows happens-before for each fiber by itself.
 */
#ifndef AKIN_VERIFY_SCHEDULE_EXPLORE_H
#define AKIN_VERIFY_SCHEDULE_EXPLORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/sizes.h"

/* No fiber: the main program, before and after the schedule. */
#define EXPLORE_MAIN UINT32_MAX

/* What a run came to. */
enum explore_end {
    EXPLORE_PASSED, /* everything ended, nothing was wrong */
    EXPLORE_FAILED, /* see explore_failure */
    EXPLORE_PRUNED  /* cut short: an equivalent run is known */
};

/* What happens to one fiber beside being scheduled. */
enum explore_fate {
    EXPLORE_LIVES = 0,
    EXPLORE_FREEZES = 1, /* is never scheduled again */
    EXPLORE_DIES = 2     /* its thread ends: liburcu ends its section, the system knows it dead */
};

struct explore_choice {
    uint32_t self;                      /* who was running, EXPLORE_MAIN at the start */
    bool may_continue;                  /* self is ready; else the switch costs no preemption */
    uint32_t ready[EXPLORE_FIBERS_MAX]; /* the others that are ready, ascending */
    uint32_t ready_count;
    uint64_t state; /* what happened so far, up to the order of independent steps */
    uint64_t step;  /* steps taken so far */
};

/* The next fiber; EXPLORE_MAIN cuts the run short. */
typedef uint32_t (*explore_choose_fn)(void *context, const struct explore_choice *choice);

struct explore_plan {
    explore_choose_fn choose;
    void *context;
    bool every_step;    /* ask at every step, not only where fibers may disturb each other */
    uint32_t victim;    /* whom the fate meets */
    uint32_t fate_step; /* before its step of this number, counted from 1 */
    enum explore_fate fate;
};

/* One switch of a run: before the step with this number, to this fiber. */
struct explore_switch {
    uint64_t step;
    uint32_t fiber;
};

/* What the fibers run, and what is asked before and afterwards, in the main program. */
struct explore_program {
    uint32_t fibers;
    void (*body)(void *context, uint32_t fiber);
    void (*before)(void *context); /* after memory was set back, before the first step */
    void (*after)(void *context);  /* when all have ended; may call explore_fail */
    void *context;
};

/* One run. Everything it changed is in the arena (arena.h) and set back before the next. */
enum explore_end explore_run(const struct explore_program *program,
                             const struct explore_plan *plan);

/* Of the last run. */
const char *explore_failure(void);
/* The same for two runs that fail in the same way, whatever numbers the text has. */
const char *explore_failure_kind(void);
const struct explore_switch *explore_switches(size_t *count);
uint64_t explore_steps(void);
uint32_t explore_steps_of(uint32_t fiber);
bool explore_was_frozen(uint32_t fiber);
/* Whether a fiber waits for one that is frozen; allowed only where the contract says so. */
bool explore_is_blocked(uint32_t fiber);

/* How many fibers have met their fate since it was last cleared. */
void explore_fates_clear(void);
uint64_t explore_fates_met(void);

/* For the code that runs in fibers, and for the models. */

/* The fiber that runs, or EXPLORE_MAIN. */
uint32_t explore_self(void);

/* A moment at which another fiber may run although no shared step follows: before a call. */
void explore_call(void);

/* The same event for the order of calls: a call begins, a call ended. Both return its place. */
uint64_t explore_mark_invoked(void);
uint64_t explore_mark_returned(void);

/* Wait until `is_ready` holds; it is asked at every choice and must not change anything. */
void explore_wait(bool (*is_ready)(const void *context), const void *context);

/* In the main program: be taken for a fiber, so that the library keeps for it what it keeps for a
   thread; EXPLORE_MAIN ends it. */
void explore_pretend(uint32_t fiber);

/* Nothing to do before somebody else has taken a step. */
void explore_yield(void);

/* The run has failed; does not return inside a fiber. The text is copied. */
void explore_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool explore_has_failed(void);

/* Whether the fiber has ended, by itself or by its fate. */
bool explore_is_dead(uint32_t fiber);
bool explore_is_finished(uint32_t fiber);

/* Fibers of the current run. */
uint32_t explore_fibers(void);

/* Accesses below these addresses count as a fiber's own: sums that decide nothing. */
void explore_ignore(const void *memory, size_t bytes);

/* Forget which addresses are shared, for a new program. */
void explore_forget(void);

/* Whether an address was found to be shared since the last question: choices were left out. */
bool explore_learned(void);

/* Addresses that fibers share, as far as known. */
uint32_t explore_shared_count(void);

#endif
