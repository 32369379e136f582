/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A campaign: which clients are explored how far, and what is printed about it.
 */
#ifndef AKIN_VERIFY_SCHEDULE_CAMPAIGN_H
#define AKIN_VERIFY_SCHEDULE_CAMPAIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/sizes.h"

struct campaign {
    const char *names[EXPLORE_NAMES_MAX];
    size_t name_count; /* 0: all */
    bool lists;
    bool pairs;
    bool harms;
    bool is_long;
    bool is_quiet;
    bool has_bound;
    uint32_t bound;
    uint32_t depth; /* of PCT; 0: switches at random */
    uint64_t random_schedules;
    uint64_t seed;
    uint64_t schedules_max;
    double seconds_max;
    const char *script_text;
    const char *flags_text;
    const char *fate_text;
    const char *replay_text;
    /* Sums. */
    uint64_t schedules;
    uint64_t failures;
    uint64_t unfinished;
    uint64_t clients;
    double seconds;
};

void campaign_init(struct campaign *campaign);

/* Exit status: 0 nothing failed, 1 something did, 2 the arguments make no sense. */
int campaign_run(struct campaign *campaign);

#endif
