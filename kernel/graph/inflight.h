/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring by which inserts that run side by side find each other.
 *
 * Level   : graph (3).
 * Protocol: an insert appends its slot before it searches, makes it LINKED, calls inflight_meet,
 *           and then looks at what is in the ring. Of two inserts that overlap, the one that meets
 *           later sees the other's cell and that its slot is LINKED: both meetings modify one word,
 *           so the later one has acquired what came before the earlier one. Cells are overwritten
 *           and never cleared: "I have left" would take away what the other needs.
 *           The order of the numbers is that of the cells: a cell is written before the position
 *           moves on, by whoever comes first.
 */
#ifndef AKIN_GRAPH_INFLIGHT_H
#define AKIN_GRAPH_INFLIGHT_H

#include <stdint.h>

#include "base/limits.h"
#include "sync/atomic.h"

struct inflight {
    struct atomic_u64 position CACHE_PAIR_ALIGNED; /* number of the next append */
    /* Number of the append in the upper half, slot in the lower; compare-and-swap. */
    struct atomic_u64 cells[GRAPH_RING_CELLS] CACHE_PAIR_ALIGNED;
};

/* A copy of the ring. */
struct inflight_view {
    uint64_t position; /* before it was copied: a next look begins there */
    uint64_t end;      /* number of the newest append that was met, and one */
    uint32_t count;
    uint32_t slots[GRAPH_RING_CELLS];
};

/* Threads: SETUP. */
void inflight_init(struct inflight *ring);

/* Append a slot. Threads: any, inside a read section; lock-free. */
void inflight_append(struct inflight *ring, uint32_t slot);

/* After the caller's slot became LINKED, before it looks at the ring. Threads: any; wait-free. */
void inflight_meet(struct inflight *ring);

/*
 * Copy what was appended at `from` or later, and is still there.
 *
 * Output : view. If view->end - from exceeds GRAPH_RING_CELLS some were overwritten.
 * Threads: any, inside a read section; wait-free.
 */
void inflight_look(const struct inflight *ring, uint64_t from, struct inflight_view *view);

#endif
