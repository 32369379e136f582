/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A campaign.
 */
#include "schedule/campaign.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schedule/clients.h"
#include "schedule/report.h"

#define SECONDS_MAX_DEFAULT 1e9

void campaign_init(struct campaign *campaign)
{
    *campaign = (struct campaign){
        .schedules_max = UINT64_MAX, .seconds_max = SECONDS_MAX_DEFAULT, .seed = 1};
}

static struct search_limits limits_of(const struct campaign *campaign)
{
    return (struct search_limits){.schedules_max = campaign->schedules_max,
                                  .seconds_max = campaign->seconds_max};
}

static void add(struct search_result *sum, const struct search_result *part)
{
    sum->schedules += part->schedules;
    sum->pruned += part->pruned;
    sum->repeats += part->repeats;
    sum->seconds += part->seconds;
    sum->shared = part->shared;
    sum->bound = part->bound;
    sum->has_failed = part->has_failed;
    sum->is_exhausted = part->is_exhausted;
    sum->steps_max = part->steps_max > sum->steps_max ? part->steps_max : sum->steps_max;
}

/* Every bound from 0 on, so that a failure has as few preemptions as can be. */
static struct search_result explore_within(const struct campaign *campaign, uint32_t bound)
{
    struct search_result sum = {.is_exhausted = true};
    for (uint32_t i = 0; i <= bound && !sum.has_failed && sum.is_exhausted; i++) {
        struct search_limits limits = limits_of(campaign);
        limits.seconds_max -= sum.seconds;
        const struct search_result part = search_exhaustively(script_program(), i, &limits);
        add(&sum, &part);
    }
    return sum;
}

/* Each fiber, before each of its steps, one fate. */
static struct search_result harm_one(const struct campaign *campaign, uint32_t victim,
                                     enum explore_fate fate, uint32_t bound,
                                     struct search_limits *limits)
{
    struct search_result sum = {.is_exhausted = true};
    *limits = limits_of(campaign);
    limits->victim = victim;
    limits->fate = fate;
    for (uint32_t step = 1; !sum.has_failed && sum.is_exhausted; step++) {
        limits->fate_step = step;
        limits->seconds_max = campaign->seconds_max - sum.seconds;
        explore_fates_clear();
        const struct search_result part = search_exhaustively(script_program(), bound, limits);
        add(&sum, &part);
        if (!part.has_failed && explore_fates_met() == 0) {
            break; /* it has ended before */
        }
    }
    return sum;
}

static struct search_result harm_all(const struct campaign *campaign, const struct client *client,
                                     uint32_t bound, struct search_limits *limits)
{
    static const enum explore_fate fates[] = {EXPLORE_FREEZES, EXPLORE_DIES};
    struct search_result sum = {.is_exhausted = true};
    for (size_t i = 0; i < sizeof fates / sizeof fates[0]; i++) {
        for (uint32_t victim = 0; victim < script_program()->fibers; victim++) {
            const bool is_wanted =
                !client->only_first_ends || (victim == 0 && fates[i] == EXPLORE_DIES);
            if (is_wanted && !sum.has_failed) {
                const struct search_result part =
                    harm_one(campaign, victim, fates[i], bound, limits);
                add(&sum, &part);
            }
        }
    }
    return sum;
}

/* The search that the arguments or the client ask for. */
static struct search_result search_client(const struct campaign *campaign,
                                          const struct client *client, struct search_limits *limits)
{
    const bool is_harmed = client->is_harmed || campaign->harms;
    const uint32_t bound = campaign->has_bound && (!client->is_harmed || campaign->harms)
                               ? campaign->bound
                               : client->bound + (campaign->is_long ? 1 : 0);
    *limits = limits_of(campaign);
    if (is_harmed) {
        return harm_all(campaign, client, bound, limits);
    }
    if (campaign->random_schedules > 0) {
        limits->schedules_max = campaign->random_schedules;
        return campaign->depth > 0
                   ? search_by_priority(script_program(), campaign->depth, campaign->seed, limits)
                   : search_randomly(script_program(), campaign->seed, limits);
    }
    return explore_within(campaign, bound);
}

static bool open_or_say(struct campaign *campaign, const struct client *client)
{
    const char *problem = "";
    if (script_open(&client->script, &problem)) {
        return true;
    }
    printf("not ok %s: %s\n", client->script.name, problem);
    campaign->failures++;
    return false;
}

static void run_client(struct campaign *campaign, const struct client *client)
{
    struct search_limits limits;
    const char *problem = "";
    if (!open_or_say(campaign, client)) {
        return;
    }
    const struct search_result result = search_client(campaign, client, &limits);
    const bool wants_exhaustion = campaign->random_schedules == 0;
    campaign->clients++;
    campaign->schedules += result.schedules;
    campaign->seconds += result.seconds;
    campaign->unfinished += wants_exhaustion && !result.is_exhausted && !result.has_failed ? 1 : 0;
    if (result.has_failed) {
        campaign->failures++;
        report_failure(client, &result, &limits);
        return;
    }
    if (!script_close(&problem)) {
        printf("not ok %s: %s\n", client->script.name, problem);
        campaign->failures++;
        return;
    }
    if (!campaign->is_quiet || (wants_exhaustion && !result.is_exhausted)) {
        report_success(client, &result, wants_exhaustion);
    }
}

static bool is_wanted(const struct campaign *campaign, const char *name)
{
    for (size_t i = 0; i < campaign->name_count; i++) {
        if (strcmp(campaign->names[i], name) == 0) {
            return true;
        }
    }
    return campaign->name_count == 0;
}

/* Named clients, and pairs, that the arguments ask for. */
static size_t run_wanted(struct campaign *campaign)
{
    size_t count = 0;
    size_t found = 0;
    uint32_t pair_flags = 0;
    if (!report_parse_flags(campaign->flags_text, &pair_flags)) {
        return 0;
    }
    const struct client *const clients = clients_all(&count);
    for (size_t i = 0; i < count && !campaign->pairs; i++) {
        const bool by_name = campaign->name_count > 0;
        if (is_wanted(campaign, clients[i].script.name) &&
            (by_name || !clients[i].is_long || campaign->is_long)) {
            found++;
            run_client(campaign, &clients[i]);
        }
    }
    for (size_t i = 0; i < clients_pair_count() && (campaign->pairs || campaign->name_count > 0);
         i++) {
        struct client pair = clients_pair(i);
        pair.script.flags |= pair_flags;
        if (is_wanted(campaign, pair.script.name)) {
            found++;
            run_client(campaign, &pair);
        }
    }
    return found;
}

static int list(void)
{
    size_t count = 0;
    const struct client *const clients = clients_all(&count);
    for (size_t i = 0; i < count; i++) {
        printf("%-24s %s\n", clients[i].script.name, clients[i].shows);
    }
    printf("%-24s %zu programs, one call beside another; --pairs\n", "pair:...",
           clients_pair_count());
    return 0;
}

/* The program of --script, and what is done with it. */
static int run_given(struct campaign *campaign)
{
    static struct report_script_room room;
    struct client given;
    if (!report_parse_script(campaign->script_text, campaign->flags_text, &room, &given)) {
        (void)fprintf(stderr, "--script and --flags make no sense\n");
        return 2;
    }
    given.bound = 2;
    if (campaign->replay_text != NULL) {
        return report_replay(&given, campaign->replay_text, campaign->fate_text);
    }
    run_client(campaign, &given);
    return campaign->failures > 0 ? 1 : 0;
}

int campaign_run(struct campaign *campaign)
{
    if (campaign->lists) {
        return list();
    }
    if (campaign->script_text != NULL) {
        return run_given(campaign);
    }
    if (campaign->replay_text != NULL) {
        (void)fprintf(stderr, "--replay goes with --script\n");
        return 2;
    }
    if (run_wanted(campaign) == 0) {
        (void)fprintf(stderr, "no such client; --list has the names\n");
        return 2;
    }
    printf("# %" PRIu64 " clients, %" PRIu64 " schedules, %.1f s, %.0f a second, %" PRIu64
           " failed, %" PRIu64 " not searched to the end\n",
           campaign->clients, campaign->schedules, campaign->seconds,
           campaign->seconds > 0 ? (double)campaign->schedules / campaign->seconds : 0,
           campaign->failures, campaign->unfinished);
    return campaign->failures > 0 ? 1 : 0;
}
