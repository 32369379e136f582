/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports.
 */
#include "schedule/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/sizes.h"

void report_success(const struct client *client, const struct search_result *result,
                    bool was_exhaustive)
{
    const double rate = result->seconds > 0 ? (double)result->schedules / result->seconds : 0;
    const char *const extent = !was_exhaustive        ? "random schedules"
                               : result->is_exhausted ? "all schedules"
                                                      : "NOT ALL schedules";
    printf("ok %s: %s, %s %" PRIu32 ": %" PRIu64 " (%" PRIu64 " cut short), %.2f s, %.0f a "
           "second; %" PRIu64 " steps, %" PRIu32 " shared words\n",
           client->script.name, extent, was_exhaustive ? "preemptions up to" : "depth",
           result->bound, result->schedules, result->pruned, result->seconds, rate,
           result->steps_max, result->shared);
}

struct flag_name {
    const char *name;
    uint32_t flag;
};

static const struct flag_name flag_names[] = {
    {"payload", SCRIPT_PAYLOAD}, {"inline", SCRIPT_INLINE}, {"block", SCRIPT_MAY_BLOCK},
    {"cold", SCRIPT_COLD},       {"graph", SCRIPT_GRAPH},   {"wide", SCRIPT_WIDE}};

enum { FLAG_NAMES = sizeof flag_names / sizeof flag_names[0] };

static void print_flags(uint32_t flags)
{
    const char *before = " --flags ";
    for (size_t i = 0; i < FLAG_NAMES; i++) {
        if ((flags & flag_names[i].flag) != 0) {
            printf("%s%s", before, flag_names[i].name);
            before = ",";
        }
    }
}

static void print_replay(const struct script *script, const struct search_limits *limits,
                         const struct search_schedule *schedule)
{
    static char text[EXPLORE_SCHEDULE_BYTES];
    printf("  replay: akin-schedule --script '%s", script->set_up);
    for (uint32_t i = 0; i < EXPLORE_FIBERS_MAX && script->fibers[i] != NULL; i++) {
        printf("|%s", script->fibers[i]);
    }
    printf("'");
    print_flags(script->flags);
    if (limits->fate != EXPLORE_LIVES) {
        printf(" --fate %" PRIu32 "@%" PRIu32 ":%s", limits->victim, limits->fate_step,
               limits->fate == EXPLORE_FREEZES ? "freeze" : "end");
    }
    if (search_print(schedule, text, sizeof text)) {
        printf(" --replay %s\n", text);
    } else {
        printf("\n  (a schedule of %zu switches, too long to print)\n", schedule->count);
    }
}

/* Whether a smaller program fails in the same way; the failing run is the last one. */
static bool fails_alike(const struct script *script, uint32_t bound, const char *kind,
                        const struct search_limits *limits)
{
    const char *problem = "";
    struct search_limits small = *limits;
    small.schedules_max = EXPLORE_SHRINK_SCHEDULES_MAX;
    small.seconds_max = EXPLORE_SHRINK_SECONDS_MAX;
    if (!script_open(script, &problem)) {
        return false;
    }
    const struct search_result result = search_exhaustively(script_program(), bound, &small);
    return result.has_failed && explore_failure_kind() == kind;
}

/* Leave calls out as long as what is left fails. A fate has a step of its own, so such a program
   stays as it is. */
static void shrink_program(struct script *script, struct script_room *rooms, uint32_t bound,
                           const struct search_limits *limits, struct search_schedule *schedule)
{
    const char *const kind = explore_failure_kind();
    uint32_t used = 0;
    struct script shorter;
    for (uint32_t call = 0; limits->fate == EXPLORE_LIVES;) {
        if (!script_without(script, call, &shorter, &rooms[used ^ 1u])) {
            break;
        }
        if (fails_alike(&shorter, bound, kind, limits)) {
            search_last(schedule);
            *script = shorter;
            used ^= 1u;
        } else {
            call++;
        }
    }
}

void report_failure(const struct client *client, const struct search_result *result,
                    const struct search_limits *limits)
{
    static struct search_schedule schedule;
    static struct script_room rooms[2];
    const char *problem = "";
    struct script script = client->script;
    printf("not ok %s: %s\n", script.name, explore_failure());
    printf("  after %" PRIu64 " schedules, %.2f s\n", result->schedules, result->seconds);
    search_last(&schedule);
    print_replay(&script, limits, &schedule);
    const uint32_t bound = result->bound < 3 ? result->bound : 3;
    script_copy(&script, &rooms[0]);
    shrink_program(&script, rooms, bound, limits, &schedule);
    if (script_open(&script, &problem)) {
        const enum explore_end end = search_replay(script_program(), &schedule, limits);
        if (end != EXPLORE_FAILED) {
            printf("  the replay does not fail: the schedule depends on more than its switches\n");
            return;
        }
        (void)search_shrink(script_program(), &schedule, limits);
        printf("  shrunk: %s\n", explore_failure());
        print_replay(&script, limits, &schedule);
        script_history_print();
    }
}

/* The flag of a name, 0 when there is none. */
static uint32_t flag_of(const char *text, size_t length)
{
    for (size_t i = 0; i < FLAG_NAMES; i++) {
        if (strlen(flag_names[i].name) == length &&
            strncmp(text, flag_names[i].name, length) == 0) {
            return flag_names[i].flag;
        }
    }
    return 0;
}

bool report_parse_flags(const char *text, uint32_t *flags)
{
    *flags = 0;
    while (text != NULL && *text != '\0') {
        const size_t length = strcspn(text, ",");
        const uint32_t flag = flag_of(text, length);
        if (flag == 0) {
            return false;
        }
        *flags |= flag;
        text += length;
        text += *text == ',' ? 1 : 0;
    }
    return true;
}

bool report_parse_script(const char *text, const char *flags, struct report_script_room *room,
                         struct client *client)
{
    *client = (struct client){.script = {.name = "given"}, .shows = "given"};
    if (strlen(text) >= sizeof room->text || !report_parse_flags(flags, &client->script.flags)) {
        return false;
    }
    memcpy(room->text, text, strlen(text) + 1);
    char *at = room->text;
    client->script.set_up = at;
    for (uint32_t i = 0; (at = strchr(at, '|')) != NULL; i++) {
        if (i == EXPLORE_FIBERS_MAX) {
            return false;
        }
        *at++ = '\0';
        client->script.fibers[i] = at;
    }
    return client->script.fibers[0] != NULL;
}

static bool parse_fate(const char *text, struct search_limits *limits)
{
    char word[8] = "";
    *limits = (struct search_limits){.fate = EXPLORE_LIVES};
    if (text == NULL) {
        return true;
    }
    if (sscanf(text, "%" SCNu32 "@%" SCNu32 ":%7s", &limits->victim, &limits->fate_step, word) !=
            3 ||
        limits->victim >= EXPLORE_FIBERS_MAX) {
        return false;
    }
    limits->fate = strcmp(word, "freeze") == 0 ? EXPLORE_FREEZES : EXPLORE_DIES;
    return strcmp(word, "freeze") == 0 || strcmp(word, "end") == 0;
}

int report_replay(const struct client *client, const char *text, const char *fate)
{
    static struct search_schedule schedule;
    struct search_limits limits;
    const char *problem = "";
    if (!search_parse(text, &schedule) || !parse_fate(fate, &limits)) {
        (void)fprintf(stderr, "--replay or --fate make no sense\n");
        return 2;
    }
    if (!script_open(&client->script, &problem)) {
        (void)fprintf(stderr, "%s\n", problem);
        return 2;
    }
    const enum explore_end end = search_replay(script_program(), &schedule, &limits);
    printf("%s\n", end == EXPLORE_FAILED ? explore_failure() : "nothing is wrong");
    script_history_print();
    return end == EXPLORE_FAILED ? 1 : 0;
}
