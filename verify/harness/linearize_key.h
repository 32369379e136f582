/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The search for an order of the calls of one key: what linearize_by_key does for each.
 *
 * The state of a key is its value, and for every clear under way whether it noted that value. A
 * clear is two parts, to note and to delete, both with the times of the call.
 */
#ifndef AKIN_VERIFY_HARNESS_LINEARIZE_KEY_H
#define AKIN_VERIFY_HARNESS_LINEARIZE_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/linearize.h"
#include "harness/linearize_memo.h"

/* A call of the key, or a part of a clear. */
struct linearize_key_op {
    const struct history_op *op;
    size_t number;            /* among all calls */
    enum linearize_part part; /* LINEARIZE_CALL, _NOTE or _WIPE */
    uint32_t place;           /* of a clear: its bit, the same for both parts */
    uint32_t partner;         /* of a wipe: which element is the note */
};

struct linearize_key_state {
    uint64_t value; /* 0: absent */
    uint64_t noted; /* bit p: the clear with that place noted this value and has to delete it */
};

/* One invocation or return in the list of those not placed. */
struct linearize_key_event {
    uint64_t time;
    uint32_t previous;
    uint32_t next;
    uint32_t op;
    bool is_return;
};

struct linearize_key_frame {
    struct linearize_key_state before;
    uint32_t op;
    bool has_choice; /* something else may be tried in its place */
    bool is_without; /* the deletion of a clear that failed was left out */
};

/* The search. One object serves one key after the other. */
struct linearize_key {
    const struct linearize_key_op *ops;
    uint32_t op_count;
    uint32_t capacity; /* of the arrays, in calls */
    struct linearize_key_event *events;
    uint32_t *invocations; /* of each call: which event */
    uint32_t *returns;     /* of each call: which event; 0 if it never returned */
    uint32_t *bits;        /* of each call: its bit, among those that returned or that did not */
    bool *is_placed;
    uint64_t *words; /* bits of the calls placed that returned, by invocation */
    uint32_t word_low;
    uint32_t word_high;
    uint64_t pending; /* bits of the calls placed that never returned */
    uint32_t left;    /* calls that returned and are not placed */
    struct linearize_key_frame *path;
    uint32_t path_count;
    uint32_t *best; /* the calls of the longest path */
    uint32_t best_count;
    uint32_t best_shared; /* how many of them are those of `path` still */
    uint64_t *entry;      /* for the memo */
    struct linearize_key_state state;
    struct linearize_memo memo;
    uint64_t steps;
    enum linearize_limit limit;
};

void linearize_key_init(struct linearize_key *search);
void linearize_key_end(struct linearize_key *search);

/*
 * Judge the calls of one key, sorted by invocation; the note of a clear stands before its wipe.
 * `limits` has no zero; `deadline_ns` is a time of CLOCK_MONOTONIC. Afterwards steps, limit and
 * best tell more.
 */
enum linearize_verdict linearize_key_check(struct linearize_key *search,
                                           const struct linearize_key_op *ops, uint32_t count,
                                           uint64_t initial, const struct linearize_limits *limits,
                                           uint64_t deadline_ns);

/* Nanoseconds of CLOCK_MONOTONIC. */
uint64_t linearize_clock_ns(void);

#endif
