/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Searches of large histories (G4): was there one instant within the call at which every result can
 * have been live and nothing that belongs among them surely was and is missing?
 *
 * How: a value can be live from the invocation of its write until the first return of a call that,
 * invoked after the write was seen done, shows the key without it: a write that replaced it, a
 * delete, an answer that the key is absent, a clear. It surely is live from the return of its write
 * until the first invocation of a call that may end it and need not lie before the write. What is
 * surely live at the instant must be a result, or behind the last of k of them; and a key
 * cannot have one value for sure and be returned with another.
 * And without any history: results in the order (distance, key), no key twice, at most k, each
 * value written under its key.
 *
 * Sound: a search of a correct index is never refused. Not complete: a key that is being written
 * may be returned in either state or not at all; which of two overlapping writes was the last is
 * not worked out; searches are not held against each other. linearize_whole sees all of these,
 * in small histories.
 */
#ifndef AKIN_VERIFY_HARNESS_INTERVAL_CHECK_H
#define AKIN_VERIFY_HARNESS_INTERVAL_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "harness/history.h"
#include "harness/linearize.h"

/* How far the entry (key, value) is from the query of the call with number `search`. */
typedef double (*interval_distance_fn)(void *context, size_t search, uint64_t key, uint64_t value);

enum interval_fault {
    INTERVAL_FINE,
    INTERVAL_ANSWER,        /* neither ok nor failed */
    INTERVAL_TOO_MANY,      /* more than k results */
    INTERVAL_ORDER,         /* `result` is nearer than the one before it, `other` */
    INTERVAL_KEY_TWICE,     /* `result` and `other` */
    INTERVAL_NEVER_WRITTEN, /* nobody wrote the value of `result` under its key */
    INTERVAL_NOT_TOGETHER,  /* `result` cannot have been live before `other` was gone, or not within
                               the call; then both are the same */
    INTERVAL_MISSING        /* `other` surely was live, and at each instant at which the results can
                               have been, something was that should be among them */
};

/* An entry and the numbers between which it can have been, or surely was, live. */
struct interval_entry {
    uint64_t key;
    uint64_t value;
    uint64_t from;
    uint64_t until; /* HISTORY_PENDING: to the end */
};

struct interval_report {
    size_t searches; /* how many were judged */
    enum interval_fault fault;
    size_t wrong; /* number of the call that is wrong; SIZE_MAX when none is */
    struct interval_entry result;
    struct interval_entry other;
    uint64_t from; /* of INTERVAL_MISSING: when the results can have been live together */
    uint64_t until;
};

/* Judge all searches, up to the first that is wrong; whether none is. distance: NULL for
   history_distance. `report` may be NULL. */
bool interval_check(const struct history_op *ops, size_t count,
                    const struct linearize_initial *initial, interval_distance_fn distance,
                    void *context, struct interval_report *report);

void interval_report_print(FILE *file, const struct interval_report *report,
                           const struct history_op *ops);

#endif
