/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A history sorted by keys, which is how the checkers of large histories go through it.
 */
#ifndef AKIN_VERIFY_HARNESS_HISTORY_KEYS_H
#define AKIN_VERIFY_HARNESS_HISTORY_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "harness/history.h"
#include "harness/linearize.h"

/*
 * Instants. The numbers of a history are moments; between them lie the instants at which calls take
 * effect: a call does at one of [history_start, history_stop). Calls that touch at a number share
 * an instant, so that either may be the first.
 */
static inline uint64_t history_start(const struct history_op *op)
{
    return 2 * op->invoked;
}

static inline uint64_t history_stop(const struct history_op *op)
{
    return history_is_pending(op) ? UINT64_MAX : 2 * op->returned + 1;
}

/* A call, by when it was invoked. */
struct history_turn {
    uint64_t key;
    uint64_t invoked;
    size_t op;
};

/* What concerns one key: turns[first .. end), and its value at the beginning, 0 for none. */
struct history_key {
    uint64_t key;
    uint64_t initial;
    size_t first;
    size_t end;
};

/* Point operations that say something (neither failed nor reads that never returned), clears, and
   keys; initial keys too, whether they are ever called or not. */
struct history_keys {
    struct history_turn *turns; /* by key and invocation */
    size_t turn_count;
    struct history_turn *clears; /* by invocation */
    size_t clear_count;
    struct history_key *keys; /* by key */
    size_t key_count;
};

void history_keys_make(struct history_keys *keys, const struct history_op *ops, size_t count,
                       const struct linearize_initial *initial);
void history_keys_end(struct history_keys *keys);

/* The place of a key among keys; SIZE_MAX when it has none. */
size_t history_keys_find(const struct history_keys *keys, uint64_t key);

#endif
