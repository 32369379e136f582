/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is said about a client: that it passed, or how it failed, made short.
 */
#ifndef AKIN_VERIFY_SCHEDULE_REPORT_H
#define AKIN_VERIFY_SCHEDULE_REPORT_H

#include <stdbool.h>

#include "schedule/clients.h"
#include "schedule/schedule_search.h"

/* One line. */
void report_success(const struct client *client, const struct search_result *result,
                    bool was_exhaustive);

/* The failure of the last run, then the smallest program and schedule found that fail in the same
   way, the line that replays it, and its history. Leaves the explorer as it may be. */
void report_failure(const struct client *client, const struct search_result *result,
                    const struct search_limits *limits);

/* A program as text: "SET-UP|FIBER|FIBER" and "payload,inline,block"; false when it makes no
   sense. */
struct report_script_room {
    char text[(EXPLORE_FIBERS_MAX + 1) * EXPLORE_TEXT_BYTES];
};
bool report_parse_flags(const char *text, uint32_t *flags);
bool report_parse_script(const char *text, const char *flags, struct report_script_room *room,
                         struct client *client);

/* Run one schedule and print its history: exit status. */
int report_replay(const struct client *client, const char *schedule, const char *fate);

#endif
