/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pieces of a history that history_shrink may put one call in the place of: the calls of one
 * key between two moments at which none of them was under way.
 */
#ifndef AKIN_VERIFY_HARNESS_SHRINK_SEGMENTS_H
#define AKIN_VERIFY_HARNESS_SHRINK_SEGMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/history.h"

struct shrink_segment {
    size_t first; /* turns[first .. end) */
    size_t end;
    uint64_t start; /* instants */
    uint64_t stop;
    uint64_t state;   /* of its key afterwards, if ... */
    bool is_known;    /* ... there is only one possible */
    bool is_fixed;    /* it stays, whatever is chosen */
    bool is_first;    /* of its key */
    bool has_barrier; /* something that sees all keys lies between it and the next */
    uint64_t initial; /* of its key at the beginning */
};

struct shrink_segments {
    struct history_op *ops; /* by key, those without one last; by invocation */
    size_t op_count;
    size_t keyed_count; /* how many have a key */
    struct shrink_segment *at;
    size_t count;
};

/* Cut a history into pieces. */
void shrink_segments_make(struct shrink_segments *segments, const struct history *history);
void shrink_segments_end(struct shrink_segments *segments);

/* The calls that are left when only the pieces with is_kept, and those that have to, stay as they
   are. `ops` has room for op_count of them. How many there are. */
size_t shrink_segments_build(const struct shrink_segments *segments, const bool *is_kept,
                             struct history_op *ops);

#endif
