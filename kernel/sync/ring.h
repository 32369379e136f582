/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded queue of small numbers with one producer and many consumers: ck_ring (spmc).
 *
 * Level   : sync (1).
 * Promises: wait-free for the producer, lock-free for consumers. Entries are hints: losing one or
 *           having it twice must be harmless, because a consumer may die with one in hand.
 */
#ifndef AKIN_SYNC_RING_H
#define AKIN_SYNC_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ck_ring.h>

#include "sync/sched_point.h"

struct ring {
    struct ck_ring control;
    struct ck_ring_buffer *cells; /* `size` of them, owned by whoever made the ring */
};

/* Make an empty ring over `size` cells, a power of two; one of them stays unused. Threads:
   SETUP. */
static inline void ring_init(struct ring *ring, struct ck_ring_buffer *cells, uint32_t size)
{
    ck_ring_init(&ring->control, size);
    ring->cells = cells;
}

/* Append a number; false when full. Threads: the one producer. Order: release. SYNC(ring.append) */
static inline bool ring_append(struct ring *ring, uint32_t number)
{
    sched_point(SCHED_LIBRARY, ring);
    return ck_ring_enqueue_spmc(&ring->control, ring->cells, (void *)((uintptr_t)number + 1));
}

/* Take the oldest number; false when empty. Threads: any. Order: acquire. SYNC(ring.append) */
static inline bool ring_take(struct ring *ring, uint32_t *number)
{
    void *value = NULL;
    sched_point(SCHED_LIBRARY, ring);
    if (!ck_ring_dequeue_spmc(&ring->control, ring->cells, &value)) {
        return false;
    }
    *number = (uint32_t)((uintptr_t)value - 1);
    return true;
}

/* The number that i others are to be taken before; i < ring_count. Threads: who has the ring
   alone. */
static inline uint32_t ring_at(const struct ring *ring, uint32_t i)
{
    const unsigned int cell = (ring->control.c_head + i) & ring->control.mask;
    return (uint32_t)((uintptr_t)ring->cells[cell].value - 1);
}

/* How many numbers are in it, about. Threads: any. */
static inline uint32_t ring_count(const struct ring *ring)
{
    return ck_ring_size(&ring->control);
}

#endif
