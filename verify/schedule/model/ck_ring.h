/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model of ck_ring.h in schedule builds: one producer, many consumers, each call one step.
 */
#ifndef AKIN_VERIFY_SCHEDULE_MODEL_CK_RING_H
#define AKIN_VERIFY_SCHEDULE_MODEL_CK_RING_H

#include <stdbool.h>
#include <stddef.h>

struct ck_ring {
    unsigned int c_head;   /* entries taken so far; named as the real one is */
    unsigned int appended; /* entries appended so far */
    unsigned int mask;
};
typedef struct ck_ring ck_ring_t;

struct ck_ring_buffer {
    void *value;
};
typedef struct ck_ring_buffer ck_ring_buffer_t;

static inline void ck_ring_init(struct ck_ring *ring, unsigned int size)
{
    *ring = (struct ck_ring){.mask = size - 1};
}

static inline unsigned int ck_ring_size(const struct ck_ring *ring)
{
    return __atomic_load_n(&ring->appended, __ATOMIC_ACQUIRE) -
           __atomic_load_n(&ring->c_head, __ATOMIC_ACQUIRE);
}

/* Full with one cell unused, as the real one is. */
static inline bool ck_ring_enqueue_spmc(struct ck_ring *ring, struct ck_ring_buffer *cells,
                                        const void *value)
{
    const unsigned int at = __atomic_load_n(&ring->appended, __ATOMIC_RELAXED);
    if (ck_ring_size(ring) >= ring->mask) {
        return false;
    }
    __atomic_store_n(&cells[at & ring->mask].value, (void *)(size_t)value, __ATOMIC_RELAXED);
    __atomic_store_n(&ring->appended, at + 1, __ATOMIC_RELEASE);
    return true;
}

static inline bool ck_ring_dequeue_spmc(struct ck_ring *ring, const struct ck_ring_buffer *cells,
                                        void *value)
{
    unsigned int at = __atomic_load_n(&ring->c_head, __ATOMIC_RELAXED);
    if (ck_ring_size(ring) == 0) {
        return false;
    }
    *(void **)value = __atomic_load_n(&cells[at & ring->mask].value, __ATOMIC_RELAXED);
    (void)__atomic_compare_exchange_n(&ring->c_head, &at, at + 1, false, __ATOMIC_ACQ_REL,
                                      __ATOMIC_RELAXED);
    return true;
}

#endif
