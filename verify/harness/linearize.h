/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linearizability: is there an order of the calls, each at one instant between its invocation and
 * its return, in which one index used by one thread gives the same answers?
 *
 * The index: insert answers ok when the key is absent, exists otherwise; update and delete answer
 * ok when it is present, not found otherwise; upsert always ok; get and contains tell what is
 * there; count the number of entries, a search the k nearest of them (history.h, `key` of a
 * search), both at one instant. A call that failed changes nothing. A call that never returned may
 * be left out or take effect at any time after its invocation.
 * clear is not one instant: at one it notes what is there; afterwards, until it returns, it deletes
 * each entry that it noted and that still has the value it had, one by one and in any order. A
 * clear that failed deletes some of them.
 *
 * Source: Wing and Gong 1993; Lowe 2017 for the memo; Horn and Kroening 2015 for keys one by one;
 *         Porcupine for how the three fit together. The memo compares the whole of what it
 *         remembers, never a hash alone, so that no collision can turn an answer into NO. Ours: a
 *         call that fits and changes nothing is placed at once and never moved again, since
 *         moving it to an earlier state that it fits loses no order.
 */
#ifndef AKIN_VERIFY_HARNESS_LINEARIZE_H
#define AKIN_VERIFY_HARNESS_LINEARIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "harness/history.h"

enum linearize_verdict { LINEARIZE_YES, LINEARIZE_NO, LINEARIZE_UNKNOWN };

/* Why the verdict is UNKNOWN. */
enum linearize_limit {
    LINEARIZE_NO_LIMIT, /* it is not */
    LINEARIZE_LIMIT_STEPS,
    LINEARIZE_LIMIT_TIME,
    LINEARIZE_LIMIT_MEMORY,
    LINEARIZE_LIMIT_OPS,    /* more calls than linearize_whole can hold */
    LINEARIZE_LIMIT_KEYS,   /* more keys than linearize_whole can hold */
    LINEARIZE_LIMIT_CLEARS, /* more clears, or more of them at the same time */
    LINEARIZE_LIMIT_PENDING /* more calls on one key that never returned */
};

/* When to give up; 0 for the default in sizes.h. */
struct linearize_limits {
    uint64_t steps_max;        /* states visited, of one key */
    uint64_t ns_max;           /* time, of the whole history */
    uint64_t memory_bytes_max; /* memo, of one key */
};

/* Entries that are live before the history; NULL for none. */
struct linearize_initial {
    const struct history_result *entries;
    size_t count;
};

/* What a step of an order does: a call, or a part of a clear. */
enum linearize_part {
    LINEARIZE_CALL,
    LINEARIZE_NOTE, /* clear notes what is there */
    LINEARIZE_WIPE, /* clear deletes the entry of `key`, if it still is what it noted */
    LINEARIZE_QUIT  /* clear failed and leaves the rest */
};

struct linearize_step {
    size_t op; /* number of the call */
    uint64_t key;
    enum linearize_part part;
};

/* What was found. Filled by the checkers, ended by linearize_report_end. */
struct linearize_report {
    enum linearize_verdict verdict;
    enum linearize_limit limit;
    bool has_key; /* the verdict is about the calls of one key */
    uint64_t key;
    uint64_t steps;        /* states visited, of all keys */
    uint64_t keys;         /* keys looked at */
    uint64_t keys_unknown; /* of these, given up */
    /* The longest order found, whole if the verdict is YES; of linearize_by_key only that of `key`.
     */
    struct linearize_step *order;
    size_t order_count;
    /* Calls that this order does not place, in the order of their invocations. */
    size_t *unplaced;
    size_t unplaced_count;
};

/*
 * Judge a small history of all kinds of calls at once, by one model of the whole index.
 *
 * Input  : at most LINEARIZE_WHOLE_OPS_MAX calls, LINEARIZE_WHOLE_KEYS_MAX keys and
 *          LINEARIZE_WHOLE_CLEARS_MAX clears; calls that failed do not count. initial: NULL for an
 *          empty index. report: NULL when only the verdict is wanted.
 * Output : report; call linearize_report_end.
 * Threads: any; nothing is shared.
 */
enum linearize_verdict linearize_whole(const struct history_op *ops, size_t count,
                                       const struct linearize_initial *initial,
                                       struct linearize_report *report);

/*
 * Judge a large history key by key: insert, upsert, update, delete, get, contains, and clear.
 *
 * A history is linearizable if and only if that of each key is, as long as calls have one key. A
 * clear has all of them: here it may note each key at another instant within the call, which
 * accepts more than linearize_whole. count and search are not looked at; count_check and
 * interval_check judge them.
 *
 * Input  : limits: NULL for the defaults. The rest as linearize_whole, without its bounds.
 * Output : report: of the first key that has no order, or else of the first that was given up.
 * Threads: any; nothing is shared.
 */
enum linearize_verdict linearize_by_key(const struct history_op *ops, size_t count,
                                        const struct linearize_initial *initial,
                                        const struct linearize_limits *limits,
                                        struct linearize_report *report);

/*
 * All states that the calls of one key, at most LINEARIZE_WHOLE_OPS_MAX of them and all returned,
 * can leave behind, when the key had `before` (0: absent).
 *
 * Output : states: room for `capacity` values. The number of states; 0 when there is no order;
 *          SIZE_MAX when there are more than `capacity` or a limit was reached.
 */
size_t linearize_final_states(const struct history_op *ops, size_t count, uint64_t key,
                              uint64_t before, uint64_t *states, size_t capacity);

/* "yes", "no", "unknown"; and what a limit is, in a few words. */
const char *linearize_verdict_name(enum linearize_verdict verdict);
const char *linearize_limit_name(enum linearize_limit limit);

/* Write out the report: verdict, limit, key, the end of the order, the calls not placed. `ops` are
   those that were judged. */
void linearize_report_print(FILE *file, const struct linearize_report *report,
                            const struct history_op *ops);

/* Give back what a report owns. */
void linearize_report_end(struct linearize_report *report);

#endif
