/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a wrong history short, so that people see what is wrong with it.
 *
 * The rule: a step is taken only when it turns every correct history into a correct one. So what
 * is wrong at the end is the fault of the history of the beginning and no work of the shrinking,
 * whatever the predicate looks at. The steps:
 *
 *   keys    All calls of some keys go. A count then counts less by what these keys surely had, and
 *           goes when that is not sure or not the same during the call. From the results of a
 *           search these keys go, and k is less by as many.
 *   end     All that was invoked after some return goes; what had not returned by then never does.
 *   reads   Calls that changed nothing go.
 *   runs    The calls of one key between two moments at which none of them was under way, and at
 *           which there is only one state that the key can have been in. They become one call that
 *           leads from the first state to the second, taken from among them (an insert or update
 *           becomes an upsert where the state before it is another), or nothing when the states are
 *           the same. Not across a count or a search, which might see what is between; not when a
 *           value is written there that a read which stays has seen, so that the write a stale read
 *           goes back to can be seen; and only before the first clear, since what a clear leaves is
 *           not worked out.
 *
 * Of each kind as many as possible are taken (delta debugging, Zeller and Hildebrandt 2002, in its
 * greedy form).
 */
#ifndef AKIN_VERIFY_HARNESS_HISTORY_SHRINK_H
#define AKIN_VERIFY_HARNESS_HISTORY_SHRINK_H

#include <stdbool.h>
#include <stddef.h>

#include "harness/history.h"

/* Whether a history is wrong in the way that is looked for. It must not keep the history. */
typedef bool (*history_fails_fn)(void *context, const struct history *history);

struct history_shrink_report {
    size_t before; /* calls */
    size_t after;
    size_t tries; /* how often the predicate was asked */
};

/*
 * Make a history shorter as long as it fails. False when it does not fail; otherwise the caller
 * owns `shrunk`. `report` may be NULL.
 */
bool history_shrink(const struct history *history, history_fails_fn fails, void *context,
                    struct history *shrunk, struct history_shrink_report *report);

/* Predicates for it: not linearizable by key, a count that cannot be, a search that cannot be. A
   verdict UNKNOWN is not a failure. context: NULL. */
bool history_fails_by_key(void *context, const struct history *history);
bool history_fails_count(void *context, const struct history *history);
bool history_fails_search(void *context, const struct history *history);

#endif
