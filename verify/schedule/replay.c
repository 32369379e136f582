/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One given schedule, as text and as a run; and making a failing one shorter.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schedule/search_internal.h"

struct replay {
    const struct search_schedule *schedule;
    size_t at;
};

static bool is_ready(const struct explore_choice *choice, uint32_t fiber)
{
    for (uint32_t i = 0; i < choice->ready_count; i++) {
        if (choice->ready[i] == fiber) {
            return true;
        }
    }
    return choice->may_continue && choice->self == fiber;
}

static uint32_t choose_given(void *context, const struct explore_choice *choice)
{
    struct replay *const replay = context;
    const struct search_schedule *const schedule = replay->schedule;
    uint32_t next = choice->may_continue ? choice->self : choice->ready[0];
    while (replay->at < schedule->count && schedule->switches[replay->at].step <= choice->step) {
        const struct explore_switch *const wanted = &schedule->switches[replay->at++];
        if (is_ready(choice, wanted->fiber)) {
            next = wanted->fiber;
        }
    }
    return next;
}

enum explore_end search_replay(const struct explore_program *program,
                               const struct search_schedule *schedule,
                               const struct search_limits *limits)
{
    struct replay replay = {.schedule = schedule};
    struct explore_plan plan = search_plan(limits);
    plan.choose = choose_given;
    plan.context = &replay;
    plan.every_step = true;
    return explore_run(program, &plan);
}

void search_last(struct search_schedule *schedule)
{
    const struct explore_switch *const switches = explore_switches(&schedule->count);
    memcpy(schedule->switches, switches, schedule->count * sizeof switches[0]);
}

uint64_t search_shrink(const struct explore_program *program, struct search_schedule *schedule,
                       const struct search_limits *limits)
{
    static struct search_schedule shorter;
    const char *const kind = explore_failure_kind();
    uint64_t runs = 0;
    bool has_shrunk = true;
    while (has_shrunk) {
        has_shrunk = false;
        /* From the end: late switches are most often beside the point. */
        for (size_t i = schedule->count; i > 1 && !has_shrunk; i--) {
            shorter.count = schedule->count - 1;
            memcpy(shorter.switches, schedule->switches, (i - 1) * sizeof shorter.switches[0]);
            memcpy(shorter.switches + i - 1, schedule->switches + i,
                   (schedule->count - i) * sizeof shorter.switches[0]);
            runs++;
            if (search_replay(program, &shorter, limits) == EXPLORE_FAILED &&
                explore_failure_kind() == kind) {
                search_last(&shorter);
                if (shorter.count < schedule->count) {
                    *schedule = shorter;
                    has_shrunk = true;
                }
            }
        }
    }
    runs++;
    (void)search_replay(program, schedule, limits);
    return runs;
}

bool search_print(const struct search_schedule *schedule, char *text, size_t bytes)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < schedule->count; i++) {
        const int more =
            snprintf(text + used, bytes - used, "%s%" PRIu64 ":%" PRIu32, i > 0 ? "," : "",
                     schedule->switches[i].step, schedule->switches[i].fiber);
        if (more < 0 || (size_t)more >= bytes - used) {
            return false;
        }
        used += (size_t)more;
    }
    return true;
}

bool search_parse(const char *text, struct search_schedule *schedule)
{
    schedule->count = 0;
    while (*text != '\0') {
        char *end = NULL;
        const unsigned long long step = strtoull(text, &end, 10);
        if (end == text || *end != ':' || schedule->count == EXPLORE_SWITCHES_MAX) {
            return false;
        }
        text = end + 1;
        const unsigned long fiber = strtoul(text, &end, 10);
        if (end == text || fiber >= EXPLORE_FIBERS_MAX || (*end != ',' && *end != '\0')) {
            return false;
        }
        schedule->switches[schedule->count++] =
            (struct explore_switch){.step = step, .fiber = (uint32_t)fiber};
        text = *end == ',' ? end + 1 : end;
    }
    return true;
}
