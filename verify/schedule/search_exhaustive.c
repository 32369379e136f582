/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exhaustive search within a bound of preemptions.
 */
#include "schedule/schedule_search.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "schedule/search_internal.h"

/* A choice that has alternatives. */
struct node {
    uint32_t options[EXPLORE_FIBERS_MAX];
    uint32_t count;
    uint32_t pick;
};

struct visit {
    uint64_t state; /* 0: unused */
    uint32_t preemptions;
};

struct depth_first {
    uint32_t bound;
    uint32_t preemptions; /* of the current run */
    size_t at;            /* nodes passed in the current run */
    size_t depth;         /* nodes that are decided */
    struct node nodes[EXPLORE_SWITCHES_MAX];
    struct visit *visits;
    size_t visit_count;
};

double search_clock(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

struct explore_plan search_plan(const struct search_limits *limits)
{
    return (struct explore_plan){
        .victim = limits->victim, .fate_step = limits->fate_step, .fate = limits->fate};
}

void search_count(struct search_result *result)
{
    result->schedules++;
    if (explore_steps() > result->steps_max) {
        result->steps_max = explore_steps();
    }
}

static uint64_t key_of(const struct explore_choice *choice)
{
    /* Who may go on without a preemption matters, and who is kept from going on. */
    uint64_t key = choice->state ^ (choice->may_continue ? choice->self + 1u : 0u);
    for (uint32_t i = 0; i < choice->ready_count; i++) {
        key = key * 0x9e3779b97f4a7c15ull + choice->ready[i] + 1;
    }
    return key == 0 ? 1 : key;
}

/* Whether the state was met with no more preemptions spent; remembers it otherwise. When there is
   no more room nothing is remembered: the search takes longer and misses nothing. */
static bool was_visited(struct depth_first *search, const struct explore_choice *choice)
{
    const uint64_t key = key_of(choice);
    for (size_t at = key;; at++) {
        struct visit *const visit = &search->visits[at & (EXPLORE_VISITS - 1)];
        if (visit->state == key) {
            if (visit->preemptions <= search->preemptions) {
                return true;
            }
            visit->preemptions = search->preemptions;
            return false;
        }
        if (visit->state == 0) {
            if (search->visit_count < EXPLORE_VISITS / 4 * 3) {
                *visit = (struct visit){.state = key, .preemptions = search->preemptions};
                search->visit_count++;
            }
            return false;
        }
    }
}

static uint32_t options_of(const struct depth_first *search, const struct explore_choice *choice,
                           uint32_t options[EXPLORE_FIBERS_MAX])
{
    uint32_t count = 0;
    if (choice->may_continue) {
        options[count++] = choice->self;
    }
    if (!choice->may_continue || search->preemptions < search->bound) {
        for (uint32_t i = 0; i < choice->ready_count; i++) {
            options[count++] = choice->ready[i];
        }
    }
    return count;
}

static uint32_t choose_next(void *context, const struct explore_choice *choice)
{
    struct depth_first *const search = context;
    uint32_t options[EXPLORE_FIBERS_MAX] = {EXPLORE_MAIN};
    const uint32_t count = options_of(search, choice, options);
    uint32_t next = options[0];
    if (count > 1) {
        if (search->at == search->depth) {
            if (was_visited(search, choice)) {
                return EXPLORE_MAIN;
            }
            if (search->depth == EXPLORE_SWITCHES_MAX) {
                explore_fail("more than %u choices in a run", EXPLORE_SWITCHES_MAX);
                return EXPLORE_MAIN;
            }
            struct node *const fresh = &search->nodes[search->depth++];
            memcpy(fresh->options, options, sizeof options);
            fresh->count = count;
            fresh->pick = 0;
        }
        const struct node *const node = &search->nodes[search->at++];
        if (node->count != count || memcmp(node->options, options, sizeof options) != 0) {
            explore_fail("the run does not repeat: it depends on more than its schedule");
            return EXPLORE_MAIN;
        }
        next = node->options[node->pick];
    }
    search->preemptions += choice->may_continue && next != choice->self ? 1 : 0;
    return next;
}

/* To the next schedule; false when there is none. */
static bool advance(struct depth_first *search)
{
    while (search->depth > 0) {
        struct node *const last = &search->nodes[search->depth - 1];
        if (last->pick + 1 < last->count) {
            last->pick++;
            return true;
        }
        search->depth--;
    }
    return false;
}

static void begin_anew(struct depth_first *search)
{
    search->depth = 0;
    search->visit_count = 0;
    memset(search->visits, 0, EXPLORE_VISITS * sizeof search->visits[0]);
}

static bool is_over(const struct search_result *result, const struct search_limits *limits,
                    double started)
{
    return result->schedules >= limits->schedules_max ||
           (result->schedules % 64 == 0 && search_clock() - started > limits->seconds_max);
}

struct search_result search_exhaustively(const struct explore_program *program, uint32_t bound,
                                         const struct search_limits *limits)
{
    static struct depth_first search;
    struct search_result result = {.bound = bound};
    struct explore_plan plan = search_plan(limits);
    const double started = search_clock();
    if (search.visits == NULL) {
        search.visits = calloc(EXPLORE_VISITS, sizeof search.visits[0]);
        if (search.visits == NULL) {
            abort();
        }
    }
    plan.choose = choose_next;
    plan.context = &search;
    search.bound = bound;
    (void)explore_learned();
    begin_anew(&search);
    while (!is_over(&result, limits, started)) {
        search.at = 0;
        search.preemptions = 0;
        const enum explore_end end = explore_run(program, &plan);
        search_count(&result);
        result.pruned += end == EXPLORE_PRUNED ? 1 : 0;
        if (end == EXPLORE_FAILED) {
            result.has_failed = true;
            break;
        }
        if (explore_learned()) {
            /* Choices were left out while an address was taken for private. */
            result.repeats++;
            begin_anew(&search);
        } else if (!advance(&search)) {
            result.is_exhausted = true;
            break;
        }
    }
    result.shared = explore_shared_count();
    result.seconds = search_clock() - started;
    return result;
}
