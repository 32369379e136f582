/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Searching the schedules of a program: exhaustively within a bound of preemptions, at random, by
 * random priorities, and one that is given; shrinking one that fails.
 */
#ifndef AKIN_VERIFY_SCHEDULE_SCHEDULE_SEARCH_H
#define AKIN_VERIFY_SCHEDULE_SCHEDULE_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schedule/explore.h"

/* What a search is allowed, and whom it harms. */
struct search_limits {
    uint64_t schedules_max;
    double seconds_max;
    uint32_t victim; /* whom `fate` meets before its step `fate_step`; see struct explore_plan */
    uint32_t fate_step;
    enum explore_fate fate;
};

struct search_result {
    bool has_failed;
    bool is_exhausted;  /* every schedule within the bound, up to equivalence */
    uint64_t schedules; /* runs that came to their end, and those cut short */
    uint64_t pruned;    /* of these, cut short as equivalent to one before */
    uint64_t steps_max; /* of a run */
    uint32_t shared;    /* addresses that fibers share */
    uint32_t bound;     /* preemptions that were allowed, or the depth of PCT */
    uint32_t repeats;   /* how often the search began anew because an address became shared */
    double seconds;
};

/* A schedule as text: "0:1,17:0,41:1", switches by step and fiber. */
struct search_schedule {
    struct explore_switch switches[EXPLORE_SWITCHES_MAX];
    size_t count;
};

/*
 * Every schedule with at most `bound` preemptions (CHESS: Musuvathi and others, OSDI 2008), reduced
 * as causality.h says. A failing run is the last one.
 */
struct search_result search_exhaustively(const struct explore_program *program, uint32_t bound,
                                         const struct search_limits *limits);

/* Random switches. Run n of a seed is the same in every process. */
struct search_result search_randomly(const struct explore_program *program, uint64_t seed,
                                     const struct search_limits *limits);

/* Random priorities with depth - 1 points of change (PCT: Burckhardt and others, ASPLOS 2010). */
struct search_result search_by_priority(const struct explore_program *program, uint32_t depth,
                                        uint64_t seed, const struct search_limits *limits);

/* Run one schedule. Switches that are not possible are left out, ones that are needed are made. */
enum explore_end search_replay(const struct explore_program *program,
                               const struct search_schedule *schedule,
                               const struct search_limits *limits);

/* The schedule of the last run. */
void search_last(struct search_schedule *schedule);

/* Take switches out of a failing schedule while the run fails in the same way; the shortest one
   found was run last. Returns the runs it took. */
uint64_t search_shrink(const struct explore_program *program, struct search_schedule *schedule,
                       const struct search_limits *limits);

/* Schedules as text. `text_print` returns false when the room is too small. */
bool search_print(const struct search_schedule *schedule, char *text, size_t bytes);
bool search_parse(const char *text, struct search_schedule *schedule);

#endif
