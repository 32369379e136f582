/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring of inserts in flight.
 *
 * Level: graph (3).
 */
#include "graph/inflight.h"

#include <stdbool.h>

#include "store/slots.h"

/* Numbers are compared as differences of their lower halves: none is 2^31 older than another that
   a section can see. */
static uint32_t number_of(uint64_t cell)
{
    return (uint32_t)(cell >> 32);
}

static uint64_t cell_of(uint64_t number, uint32_t slot)
{
    return (number & 0xffffffffu) << 32 | slot;
}

void inflight_init(struct inflight *ring)
{
    /* Relaxed: published with the graph. */
    atomic_u64_store_relaxed(&ring->position, GRAPH_RING_CELLS);
    for (uint32_t i = 0; i < GRAPH_RING_CELLS; i++) {
        atomic_u64_store_relaxed(&ring->cells[i], cell_of(i, SLOT_NONE));
    }
}

void inflight_append(struct inflight *ring, uint32_t slot)
{
    for (;;) {
        /* SYNC(inflight.position): pairs with the compare-and-swaps below; the cell of every number
           below it is written. */
        const uint64_t number = atomic_u64_load_acquire(&ring->position);
        struct atomic_u64 *const cell = &ring->cells[number % GRAPH_RING_CELLS];
        const uint64_t seen = atomic_u64_load_acquire(cell);
        const int32_t ahead = (int32_t)(number_of(seen) - (uint32_t)number);
        /* SYNC(inflight.cell): pairs with the loads of inflight_look. */
        if (ahead < 0 && atomic_u64_cas(cell, seen, cell_of(number, slot))) {
            /* SYNC(inflight.position): or somebody else has moved it. */
            (void)atomic_u64_cas(&ring->position, number, number + 1);
            return;
        }
        /* Somebody's cell is written and the position not yet moved: move it for them. */
        if (ahead == 0) {
            (void)atomic_u64_cas(&ring->position, number, number + 1);
        }
        sched_point(SCHED_RETRY, ring);
    }
}

void inflight_meet(struct inflight *ring)
{
    /* SYNC(inflight.meet): pairs with itself. A modification, so that of two one reads the
       other. */
    (void)atomic_u64_fetch_add_acq_rel(&ring->position, 0); /* SYNC(inflight.meet) */
}

void inflight_look(const struct inflight *ring, uint64_t from, struct inflight_view *view)
{
    /* SYNC(inflight.position): pairs with inflight_append. */
    view->position = atomic_u64_load_acquire(&ring->position);
    view->end = view->position;
    view->count = 0;
    for (uint32_t i = 0; i < GRAPH_RING_CELLS; i++) {
        /* SYNC(inflight.cell): pairs with the compare-and-swap in inflight_append. */
        const uint64_t cell = atomic_u64_load_acquire(&ring->cells[i]);
        /* Appended since the position was loaded: something older was overwritten. */
        const int32_t late = (int32_t)(number_of(cell) - (uint32_t)view->position);
        const uint64_t end = view->position + (late >= 0 ? (uint64_t)late + 1 : 0);
        view->end = end > view->end ? end : view->end;
        if ((uint32_t)cell != SLOT_NONE && (int32_t)(number_of(cell) - (uint32_t)from) >= 0) {
            view->slots[view->count++] = (uint32_t)cell;
        }
    }
}
