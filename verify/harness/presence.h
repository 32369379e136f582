/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many keys are present at each instant of a history: for sure, and at most.
 *
 * A key is surely present from the return of a call that met it or made it, until the first
 * invocation of a deletion or clear that need not lie before that call; surely absent likewise.
 * Instants are those of history_keys.h.
 */
#ifndef AKIN_VERIFY_HARNESS_PRESENCE_H
#define AKIN_VERIFY_HARNESS_PRESENCE_H

#include <stddef.h>
#include <stdint.h>

#include "harness/history.h"
#include "harness/linearize.h"

/* The bounds from an instant on, until the next change. */
struct presence_change {
    uint64_t time;
    int32_t low;  /* keys surely present */
    int32_t high; /* keys not surely absent */
};

struct presence {
    struct presence_change *changes; /* by time, the first at 0 */
    size_t count;
};

void presence_make(struct presence *presence, const struct history_op *ops, size_t count,
                   const struct linearize_initial *initial);
void presence_end(struct presence *presence);

/* The last change at or before an instant. */
size_t presence_find(const struct presence *presence, uint64_t time);

#endif
