/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random schedules: switches at random, and random priorities.
 */
#include <string.h>

#include "base/rng.h"
#include "schedule/search_internal.h"

/* Runs of a search with the same step in ... choices on average. */
static const uint32_t rarities[] = {2, 3, 5, 8, 16, 32};

struct random_search {
    uint64_t random;
    uint32_t rarity; /* one choice in so many is a switch */
    /* Priorities. */
    uint32_t depth;
    uint64_t length; /* steps of the longest run so far */
    uint64_t changes[EXPLORE_DEPTH_MAX];
    uint32_t priority[EXPLORE_FIBERS_MAX];
    uint32_t lowest;
};

static uint64_t below(struct random_search *search, uint64_t bound)
{
    return rng_next(&search->random) % bound;
}

static uint32_t choose_randomly(void *context, const struct explore_choice *choice)
{
    struct random_search *const search = context;
    if (choice->may_continue && (choice->ready_count == 0 || below(search, search->rarity) != 0)) {
        return choice->self;
    }
    return choice->ready[below(search, choice->ready_count)];
}

static uint32_t choose_by_priority(void *context, const struct explore_choice *choice)
{
    struct random_search *const search = context;
    for (uint32_t i = 0; i + 1 < search->depth; i++) {
        if (search->changes[i] == choice->step && choice->self != EXPLORE_MAIN) {
            search->priority[choice->self] = search->lowest--;
        }
    }
    uint32_t best = choice->may_continue ? choice->self : choice->ready[0];
    for (uint32_t i = 0; i < choice->ready_count; i++) {
        if (search->priority[choice->ready[i]] > search->priority[best]) {
            best = choice->ready[i];
        }
    }
    return best;
}

/* Fibers in random order above all points of change, and the points. */
static void deal(struct random_search *search, uint32_t fibers)
{
    for (uint32_t i = 0; i < fibers; i++) {
        const uint32_t j = (uint32_t)below(search, i + 1);
        search->priority[i] = search->priority[j];
        search->priority[j] = EXPLORE_DEPTH_MAX + 1 + i;
    }
    for (uint32_t i = 0; i + 1 < search->depth; i++) {
        search->changes[i] = 1 + below(search, search->length);
    }
    search->lowest = EXPLORE_DEPTH_MAX;
}

/* The common course: run n begins with a state made of the seed and n. */
static struct search_result run_all(const struct explore_program *program,
                                    struct random_search *search, explore_choose_fn choose,
                                    uint64_t seed, const struct search_limits *limits)
{
    struct search_result result = {.bound = search->depth};
    struct explore_plan plan = search_plan(limits);
    const double started = search_clock();
    plan.choose = choose;
    plan.context = search;
    plan.every_step = true;
    while (result.schedules < limits->schedules_max) {
        if (result.schedules % 64 == 0 && search_clock() - started > limits->seconds_max) {
            break;
        }
        search->random = rng_mix(seed ^ rng_mix(result.schedules + 1));
        search->rarity = rarities[below(search, sizeof rarities / sizeof rarities[0])];
        deal(search, program->fibers);
        const enum explore_end end = explore_run(program, &plan);
        search_count(&result);
        search->length = result.steps_max > 0 ? result.steps_max : 1;
        if (end == EXPLORE_FAILED) {
            result.has_failed = true;
            break;
        }
    }
    result.shared = explore_shared_count();
    result.seconds = search_clock() - started;
    return result;
}

struct search_result search_randomly(const struct explore_program *program, uint64_t seed,
                                     const struct search_limits *limits)
{
    struct random_search search = {.length = 1};
    return run_all(program, &search, choose_randomly, seed, limits);
}

struct search_result search_by_priority(const struct explore_program *program, uint32_t depth,
                                        uint64_t seed, const struct search_limits *limits)
{
    struct random_search search = {.length = 1};
    search.depth = depth < EXPLORE_DEPTH_MAX ? depth : EXPLORE_DEPTH_MAX;
    return run_all(program, &search, choose_by_priority, seed, limits);
}
