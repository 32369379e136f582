/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the searches share.
 */
#ifndef AKIN_VERIFY_SCHEDULE_SEARCH_INTERNAL_H
#define AKIN_VERIFY_SCHEDULE_SEARCH_INTERNAL_H

#include "schedule/schedule_search.h"

/* Seconds of a monotonic clock. */
double search_clock(void);

/* A plan with the fate of the limits and no strategy yet. */
struct explore_plan search_plan(const struct search_limits *limits);

/* The last run counts. */
void search_count(struct search_result *result);

#endif
