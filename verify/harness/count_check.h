/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts of large histories: was there an instant within the call at which so many entries can have
 * been live?
 *
 * How: at every instant the keys surely present are a lower bound, those not surely absent an upper
 * one (presence.h).
 *
 * Sound: a count of a correct index is never refused. Not complete: a key that is being written is
 * taken for both, so an error smaller than the number of writes under way may pass; and
 * two counts are not held against each other. linearize_whole sees both, in small histories.
 */
#ifndef AKIN_VERIFY_HARNESS_COUNT_CHECK_H
#define AKIN_VERIFY_HARNESS_COUNT_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "harness/history.h"
#include "harness/linearize.h"

struct count_report {
    size_t counts;       /* how many were judged */
    size_t wrong;        /* number of the call that is wrong; SIZE_MAX when none is */
    uint64_t low;        /* least number of entries during that call */
    uint64_t high;       /* greatest */
    uint64_t widest_gap; /* between the bounds at one instant of any count: what may have passed */
};

/* Judge all counts, up to the first that is wrong; whether none is. `report` may be NULL. */
bool count_check(const struct history_op *ops, size_t count,
                 const struct linearize_initial *initial, struct count_report *report);

void count_report_print(FILE *file, const struct count_report *report,
                        const struct history_op *ops);

#endif
