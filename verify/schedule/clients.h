/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The programs that are explored: by name, with what they show and how far they are searched.
 */
#ifndef AKIN_VERIFY_SCHEDULE_CLIENTS_H
#define AKIN_VERIFY_SCHEDULE_CLIENTS_H

#include <stddef.h>
#include <stdint.h>

#include "schedule/script.h"

/* How a client is searched in a suite. */
struct client {
    struct script script;
    const char *shows;
    uint32_t bound;       /* preemptions: exhaustive up to here */
    bool is_harmed;       /* each fiber is frozen, then ended, before each of its steps */
    bool only_first_ends; /* harmed is the first fiber alone, and it ends */
    bool is_long;         /* only in the long suite */
};

/* The named clients; how many. */
const struct client *clients_all(size_t *count);

/* Every call of the index against every other: pairs 0 .. count - 1. The texts live until the next
   call. */
size_t clients_pair_count(void);
struct client clients_pair(size_t number);

#endif
