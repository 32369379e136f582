/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run: the hook decides at each step who goes on.
 */
#include "schedule/explore.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "schedule/arena.h"
#include "schedule/causality.h"
#include "schedule/fibers.h"
#include "schedule/lives.h"
#include "schedule/model/model_rcu.h"
#include "schedule/model/model_system.h"
#include "sync/rcu.h"
#include "sync/sched_point.h"

enum condition {
    RUNS = 0, /* ready, or running */
    WAITS,    /* until is_ready */
    ENDED,
    FROZEN,
    DEAD
};

struct strand {
    enum condition condition;
    bool (*is_ready)(const void *context);
    const void *ready_context;
    uint64_t yielded_at; /* others' steps when it gave way; UINT64_MAX: it did not */
    uint32_t steps;
};

static struct {
    const struct explore_program *program;
    const struct explore_plan *plan;
    struct strand strands[EXPLORE_FIBERS_MAX];
    uint32_t self;
    uint64_t steps;
    uint64_t calls; /* events of the history so far */
    struct explore_switch switches[EXPLORE_SWITCHES_MAX];
    size_t switch_count;
    bool has_failed;
    bool is_pruned;
    bool is_checking;     /* the main program is in program->after */
    uint64_t check_steps; /* that it has taken there */
    jmp_buf check_end;
    const char *failure_kind; /* the format */
    char failure[EXPLORE_FAILURE_BYTES];
} run = {.self = EXPLORE_MAIN};

void explore_pretend(uint32_t fiber)
{
    run.self = fiber;
}

/* Over all runs until it is cleared. */
static uint64_t fates_met;

void explore_fates_clear(void)
{
    fates_met = 0;
}

uint64_t explore_fates_met(void)
{
    return fates_met;
}

#if EXPLORE_TSAN
/* Called by the thread sanitizer with every report. It may not be left from there. */
static bool has_raced;

void __tsan_on_report(void *report);
void __tsan_on_report(void *report)
{
    (void)report;
    has_raced = true;
}

/* A report once is a report each time: shrinking runs into the same race again and again. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "halt_on_error=0:suppress_equal_stacks=0:suppress_equal_addresses=0:exitcode=0:"
           "report_signal_unsafe=0:history_size=4";
}

static void ask_for_races(void)
{
    if (has_raced) {
        has_raced = false;
        explore_fail("data race: an order is missing, see the report of the thread sanitizer");
    }
}
#else
static void ask_for_races(void)
{
}
#endif

uint32_t explore_self(void)
{
    return run.self;
}

uint32_t explore_fibers(void)
{
    return run.program != NULL ? run.program->fibers : 0;
}

uint64_t explore_steps(void)
{
    return run.steps;
}

uint32_t explore_steps_of(uint32_t fiber)
{
    return run.strands[fiber].steps;
}

bool explore_was_frozen(uint32_t fiber)
{
    return run.strands[fiber].condition == FROZEN;
}

bool explore_is_blocked(uint32_t fiber)
{
    return run.strands[fiber].condition == WAITS;
}

bool explore_is_dead(uint32_t fiber)
{
    return run.strands[fiber].condition == ENDED || run.strands[fiber].condition == DEAD;
}

bool explore_is_finished(uint32_t fiber)
{
    return run.strands[fiber].condition == ENDED;
}

const char *explore_failure(void)
{
    return run.failure;
}

const char *explore_failure_kind(void)
{
    return run.failure_kind;
}

bool explore_has_failed(void)
{
    return run.has_failed;
}

const struct explore_switch *explore_switches(size_t *count)
{
    *count = run.switch_count;
    return run.switches;
}

void explore_ignore(const void *memory, size_t bytes)
{
    causality_ignore(memory, bytes);
}

void explore_forget(void)
{
    causality_forget();
}

bool explore_learned(void)
{
    return causality_learned();
}

uint32_t explore_shared_count(void)
{
    return causality_shared_count();
}

/* Back to the main program for good: the run is over for whoever calls this. */
static void leave_run(void)
{
    const uint32_t self = run.self;
    run.self = EXPLORE_MAIN;
    fiber_switch(self, EXPLORE_MAIN);
}

void explore_fail(const char *format, ...)
{
    if (!run.has_failed) {
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(run.failure, sizeof run.failure, format, arguments);
        va_end(arguments);
        run.failure_kind = format;
        run.has_failed = true;
    }
    if (run.self != EXPLORE_MAIN) {
        leave_run();
    } else if (run.is_checking) {
        longjmp(run.check_end, 1);
    }
}

static bool is_ready(uint32_t fiber)
{
    const struct strand *const strand = &run.strands[fiber];
    switch (strand->condition) {
    case RUNS:
        return strand->yielded_at == UINT64_MAX || run.steps - strand->steps > strand->yielded_at;
    case WAITS:
        return strand->is_ready(strand->ready_context);
    case ENDED:
    case FROZEN:
    case DEAD:
        break;
    }
    return false;
}

static void switch_to(uint32_t next)
{
    const uint32_t self = run.self;
    if (next == EXPLORE_MAIN) {
        run.is_pruned = true;
        if (self != EXPLORE_MAIN) {
            leave_run();
        }
        return;
    }
    if (next != self) {
        if (run.switch_count == EXPLORE_SWITCHES_MAX) {
            explore_fail("the run switches more than %u times", EXPLORE_SWITCHES_MAX);
            return;
        }
        run.switches[run.switch_count++] =
            (struct explore_switch){.step = run.steps, .fiber = next};
        run.self = next;
        fiber_switch(self, next);
    }
}

/* Who is ready. */
static void survey(struct explore_choice *choice)
{
    *choice = (struct explore_choice){.self = run.self, .step = run.steps};
    for (uint32_t fiber = 0; fiber < run.program->fibers; fiber++) {
        if (!is_ready(fiber)) {
            continue;
        }
        if (fiber == run.self) {
            choice->may_continue = true;
        } else {
            choice->ready[choice->ready_count++] = fiber;
        }
    }
    choice->state = causality_state();
}

/* Somebody who only gave way may go on when nobody else can. */
static bool wake_yielded(void)
{
    bool woken = false;
    for (uint32_t fiber = 0; fiber < run.program->fibers; fiber++) {
        struct strand *const strand = &run.strands[fiber];
        if (strand->condition == RUNS && strand->yielded_at != UINT64_MAX) {
            strand->yielded_at = UINT64_MAX;
            woken = true;
        }
    }
    return woken;
}

/* Nobody is ready: the end of the run if all have ended, or wait for one that never will. */
static void nobody_is_ready(void)
{
    bool is_frozen = false;
    uint32_t waiting = EXPLORE_MAIN;
    for (uint32_t fiber = 0; fiber < run.program->fibers; fiber++) {
        is_frozen = is_frozen || run.strands[fiber].condition == FROZEN;
        waiting = run.strands[fiber].condition == WAITS ? fiber : waiting;
    }
    if (waiting != EXPLORE_MAIN && !is_frozen) {
        explore_fail("deadlock: fiber %u waits and nobody can go on", waiting);
    }
    leave_run();
}

static void choose(void)
{
    struct explore_choice choice;
    survey(&choice);
    if (!choice.may_continue && choice.ready_count == 0) {
        if (!wake_yielded()) {
            nobody_is_ready();
            return;
        }
        survey(&choice);
    }
    switch_to(run.plan->choose(run.plan->context, &choice));
}

static void on_step(enum sched_step step, const void *address);

static void meet_fate(struct strand *self)
{
    fates_met++;
    if (run.plan->fate == EXPLORE_FREEZES) {
        self->condition = FROZEN;
    } else {
        /* The end of a thread ends its sections, and is ordered as leaving them is. */
        sched_hook_set(NULL);
        while (rcu_is_inside()) {
            rcu_leave();
        }
        sched_hook_set(on_step);
        self->condition = DEAD;
    }
    choose(); /* never comes back */
}

static void count_step(struct strand *self)
{
    run.steps++;
    self->steps++;
    self->yielded_at = UINT64_MAX;
    if (run.steps > EXPLORE_STEPS_MAX) {
        explore_fail("the run does not end within %u steps", EXPLORE_STEPS_MAX);
    }
    if (run.plan->fate != EXPLORE_LIVES && run.self == run.plan->victim &&
        self->steps == run.plan->fate_step) {
        meet_fate(self);
    }
}

static void on_step(enum sched_step step, const void *address)
{
    if (run.self == EXPLORE_MAIN) {
        if (run.is_checking && ++run.check_steps > EXPLORE_CHECK_STEPS_MAX) {
            explore_fail("afterwards a call of the main program does not end");
        }
        return;
    }
    struct strand *const self = &run.strands[run.self];
    if (step == SCHED_RETIRED || step == SCHED_REUSED) {
        if (step == SCHED_RETIRED) {
            lives_retired(address, run.steps);
        } else {
            lives_reused(address);
        }
        causality_step(run.self, step, address);
        return;
    }
    ask_for_races();
    count_step(self);
    if (run.plan->every_step || causality_is_shared(step, address)) {
        choose();
    }
    if (arena_is_released(address)) {
        explore_fail("fiber %u uses memory that was given back, at %p", run.self, address);
    }
    causality_step(run.self, step, address);
}

void explore_call(void)
{
    if (run.self != EXPLORE_MAIN) {
        count_step(&run.strands[run.self]);
        choose();
    }
}

uint64_t explore_mark_invoked(void)
{
    if (run.self != EXPLORE_MAIN) {
        causality_call(run.self, CAUSALITY_INVOKED);
    }
    return ++run.calls;
}

uint64_t explore_mark_returned(void)
{
    if (run.self != EXPLORE_MAIN) {
        causality_call(run.self, CAUSALITY_RETURNED);
    }
    return ++run.calls;
}

void explore_wait(bool (*ready)(const void *context), const void *context)
{
    if (run.self == EXPLORE_MAIN || ready(context)) {
        return;
    }
    struct strand *const self = &run.strands[run.self];
    self->condition = WAITS;
    self->is_ready = ready;
    self->ready_context = context;
    run.steps++; /* a step of its own: the switch is told from one before the wait began */
    choose();
    self->condition = RUNS;
    /* That the wait is over depends on who left, and newcomers on it. */
    causality_step(run.self, SCHED_WAIT, NULL);
}

void explore_yield(void)
{
    struct strand *const self = &run.strands[run.self];
    count_step(self);
    self->yielded_at = run.steps - self->steps;
    choose();
}

static void fiber_main(uint32_t fiber)
{
    fiber_begins();
    run.program->body(run.program->context, fiber);
    run.strands[fiber].condition = ENDED;
    fiber_ends();
    run.steps++; /* as in explore_wait */
    choose();
}

static void begin(const struct explore_program *program, const struct explore_plan *plan)
{
    run.program = program;
    run.plan = plan;
    memset(run.strands, 0, sizeof run.strands);
    for (uint32_t fiber = 0; fiber < program->fibers; fiber++) {
        run.strands[fiber].yielded_at = UINT64_MAX;
    }
    run.steps = 0;
    run.calls = 0;
    run.switch_count = 0;
    run.has_failed = false;
    run.is_pruned = false;
    run.failure[0] = '\0';
    run.failure_kind = NULL;
    arena_restore();
    causality_begin();
    lives_begin();
    model_rcu_begin();
    model_system_begin();
}

/* What is asked afterwards runs in the main program, and is left when something is wrong. */
static void check_afterwards(void)
{
    run.check_steps = 0;
    run.is_checking = true;
    if (setjmp(run.check_end) == 0) {
        run.program->after(run.program->context);
    }
    run.is_checking = false;
}

enum explore_end explore_run(const struct explore_program *program, const struct explore_plan *plan)
{
    sched_hook_set(on_step);
    begin(program, plan);
    if (program->before != NULL) {
        program->before(program->context);
    }
    for (uint32_t fiber = 0; fiber < program->fibers; fiber++) {
        fiber_prepare(fiber, fiber_main);
    }
    fibers_release();
    choose(); /* comes back when the run is over */
    for (uint32_t fiber = 0; fiber < program->fibers; fiber++) {
        fiber_join(fiber, run.strands[fiber].condition == ENDED);
    }
    ask_for_races();
    if (!run.has_failed && !run.is_pruned && program->after != NULL) {
        check_afterwards();
    }
    sched_hook_set(NULL);
    if (!run.has_failed && run.is_pruned) {
        return EXPLORE_PRUNED;
    }
    return run.has_failed ? EXPLORE_FAILED : EXPLORE_PASSED;
}
