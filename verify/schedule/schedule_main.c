/* SPDX-License-Identifier: Apache-2.0 */
/*
 * akin-schedule: explores the named programs, all pairs of calls, or one given on the command line.
 */
#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schedule/campaign.h"

static const struct argp_option options[] = {
    {"list", 'l', 0, 0, "Print the names of the clients and what they show", 0},
    {"pairs", 'p', 0, 0, "Explore every call against every other", 0},
    {"script", 's', "SET-UP|FIBER|FIBER...", 0, "Explore this program; script.h has the letters",
     0},
    {"flags", 'f', "payload,inline,block,cold,graph,wide", 0,
     "Flags of the given program, or more flags of pairs", 0},
    {"bound", 'b', "N", 0, "Preemptions, instead of what a client without harm says", 1},
    {"random", 'r', "N", 0, "N random schedules instead of all within the bound", 1},
    {"pct", 'd', "DEPTH", 0, "With --random: by priorities, of this depth", 1},
    {"seed", 'S', "N", 0, "Seed of random schedules", 1},
    {"harm", 'h', 0, 0, "Freeze, then end, each fiber before each of its steps", 1},
    {"fate", 'F', "FIBER@STEP:freeze|end", 0, "What happens to one fiber", 1},
    {"replay", 'R', "SCHEDULE", 0, "Run this schedule and print its history", 1},
    {"seconds", 't', "N", 0, "Stop a client after so long, and say so", 1},
    {"schedules", 'n', "N", 0, "Stop a client after so many, and say so", 1},
    {"long", 'L', 0, 0, "The long suite: one more preemption, all clients, random ones too", 1},
    {"quiet", 'q', 0, 0, "No line for a pair that passes", 1},
    {0},
};

static error_t on_option(int key, char *text, struct argp_state *state)
{
    struct campaign *const campaign = state->input;
    switch (key) {
    case 'l':
        campaign->lists = true;
        break;
    case 'p':
        campaign->pairs = true;
        break;
    case 's':
        campaign->script_text = text;
        break;
    case 'f':
        campaign->flags_text = text;
        break;
    case 'b':
        campaign->has_bound = true;
        campaign->bound = (uint32_t)strtoul(text, NULL, 10);
        break;
    case 'r':
        campaign->random_schedules = strtoull(text, NULL, 10);
        break;
    case 'd':
        campaign->depth = (uint32_t)strtoul(text, NULL, 10);
        break;
    case 'S':
        campaign->seed = strtoull(text, NULL, 10);
        break;
    case 'h':
        campaign->harms = true;
        break;
    case 'F':
        campaign->fate_text = text;
        break;
    case 'R':
        campaign->replay_text = text;
        break;
    case 't':
        campaign->seconds_max = strtod(text, NULL);
        break;
    case 'n':
        campaign->schedules_max = strtoull(text, NULL, 10);
        break;
    case 'L':
        campaign->is_long = true;
        break;
    case 'q':
        campaign->is_quiet = true;
        break;
    case ARGP_KEY_ARG:
        if (campaign->name_count == EXPLORE_NAMES_MAX) {
            argp_error(state, "more than %d names", EXPLORE_NAMES_MAX);
        }
        campaign->names[campaign->name_count++] = text;
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

int main(int count, char **arguments)
{
    static const struct argp parser = {
        .options = options,
        .parser = on_option,
        .args_doc = "[CLIENT...]",
        .doc =
            "Explore the schedules of small programs that call the library.\v"
            "Prints a line for each client: ok, or not ok with the failure, the shortest program "
            "and schedule found that fail, and the command that replays it. Exit status 1 if one "
            "failed, 2 if the arguments make no sense.",
    };
    static struct campaign campaign;
    campaign_init(&campaign);
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    argp_err_exit_status = 2;
    (void)argp_parse(&parser, count, arguments, 0, NULL, &campaign);
    return campaign_run(&campaign);
}
