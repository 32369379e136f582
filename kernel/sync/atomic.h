/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Atomic variables: one wrapper for each object kind, operation and order.
 *
 * Level   : sync (1). The only header of the kernel that includes <stdatomic.h>.
 * Promises: every operation passes sched_point first. The wrapped value cannot be touched plainly,
 *           so a variable is atomic always or never. No default order; a compare-and-swap is
 *           acquire-release on success and acquire on failure, and strong.
 *
 * Fences are absent on purpose: ThreadSanitizer does not see them, and no protocol here needs one.
 */
#ifndef AKIN_SYNC_ATOMIC_H
#define AKIN_SYNC_ATOMIC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sync/sched_point.h"

struct atomic_u32 {
    _Atomic uint32_t value;
};

struct atomic_u64 {
    _Atomic uint64_t value;
};

struct atomic_ptr {
    void *_Atomic value;
};

_Static_assert(sizeof(struct atomic_u32) == 4, "a plain word");
_Static_assert(sizeof(struct atomic_u64) == 8, "a plain word");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "64-bit atomics are lock-free");

/* 32-bit words. Threads: any. */

static inline uint32_t atomic_u32_load_relaxed(const struct atomic_u32 *object)
{
    sched_point(SCHED_LOAD, object);
    return atomic_load_explicit(&((struct atomic_u32 *)(uintptr_t)object)->value,
                                memory_order_relaxed);
}

static inline uint32_t atomic_u32_load_acquire(const struct atomic_u32 *object)
{
    sched_point(SCHED_LOAD, object);
    return atomic_load_explicit(&((struct atomic_u32 *)(uintptr_t)object)->value,
                                memory_order_acquire);
}

static inline void atomic_u32_store_relaxed(struct atomic_u32 *object, uint32_t value)
{
    sched_point(SCHED_STORE, object);
    atomic_store_explicit(&object->value, value, memory_order_relaxed);
}

static inline void atomic_u32_store_release(struct atomic_u32 *object, uint32_t value)
{
    sched_point(SCHED_STORE, object);
    atomic_store_explicit(&object->value, value, memory_order_release);
}

/* Replace `expected` by `desired`; whether it worked. */
static inline bool atomic_u32_cas(struct atomic_u32 *object, uint32_t expected, uint32_t desired)
{
    sched_point(SCHED_MODIFY, object);
    return atomic_compare_exchange_strong_explicit(&object->value, &expected, desired,
                                                   memory_order_acq_rel, memory_order_acquire);
}

/* Add and return the value before; relaxed: for counters that order nothing. */
static inline uint32_t atomic_u32_fetch_add_relaxed(struct atomic_u32 *object, uint32_t addend)
{
    sched_point(SCHED_MODIFY, object);
    return atomic_fetch_add_explicit(&object->value, addend, memory_order_relaxed);
}

static inline uint32_t atomic_u32_fetch_sub_relaxed(struct atomic_u32 *object, uint32_t subtrahend)
{
    sched_point(SCHED_MODIFY, object);
    return atomic_fetch_sub_explicit(&object->value, subtrahend, memory_order_relaxed);
}

static inline uint32_t atomic_u32_fetch_add_acq_rel(struct atomic_u32 *object, uint32_t addend)
{
    sched_point(SCHED_MODIFY, object);
    return atomic_fetch_add_explicit(&object->value, addend, memory_order_acq_rel);
}

static inline uint32_t atomic_u32_fetch_sub_acq_rel(struct atomic_u32 *object, uint32_t subtrahend)
{
    sched_point(SCHED_MODIFY, object);
    return atomic_fetch_sub_explicit(&object->value, subtrahend, memory_order_acq_rel);
}

/* 64-bit words. Threads: any. */

static inline uint64_t atomic_u64_load_relaxed(const struct atomic_u64 *object)
{
    sched_point(SCHED_LOAD, object);
    return atomic_load_explicit(&((struct atomic_u64 *)(uintptr_t)object)->value,
                                memory_order_relaxed);
}

static inline uint64_t atomic_u64_load_acquire(const struct atomic_u64 *object)
{
    sched_point(SCHED_LOAD, object);
    return atomic_load_explicit(&((struct atomic_u64 *)(uintptr_t)object)->value,
                                memory_order_acquire);
}

static inline void atomic_u64_store_relaxed(struct atomic_u64 *object, uint64_t value)
{
    sched_point(SCHED_STORE, object);
    atomic_store_explicit(&object->value, value, memory_order_relaxed);
}

static inline void atomic_u64_store_release(struct atomic_u64 *object, uint64_t value)
{
    sched_point(SCHED_STORE, object);
    atomic_store_explicit(&object->value, value, memory_order_release);
}

/* Replace `expected` by `desired`; whether it worked. */
static inline bool atomic_u64_cas(struct atomic_u64 *object, uint64_t expected, uint64_t desired)
{
    sched_point(SCHED_MODIFY, object);
    return atomic_compare_exchange_strong_explicit(&object->value, &expected, desired,
                                                   memory_order_acq_rel, memory_order_acquire);
}

/* Add and return the value before; relaxed: for counters that order nothing. */
static inline uint64_t atomic_u64_fetch_add_relaxed(struct atomic_u64 *object, uint64_t addend)
{
    sched_point(SCHED_MODIFY, object);
    return atomic_fetch_add_explicit(&object->value, addend, memory_order_relaxed);
}

static inline uint64_t atomic_u64_fetch_sub_relaxed(struct atomic_u64 *object, uint64_t subtrahend)
{
    sched_point(SCHED_MODIFY, object);
    return atomic_fetch_sub_explicit(&object->value, subtrahend, memory_order_relaxed);
}

static inline uint64_t atomic_u64_fetch_add_acq_rel(struct atomic_u64 *object, uint64_t addend)
{
    sched_point(SCHED_MODIFY, object);
    return atomic_fetch_add_explicit(&object->value, addend, memory_order_acq_rel);
}

static inline uint64_t atomic_u64_fetch_sub_acq_rel(struct atomic_u64 *object, uint64_t subtrahend)
{
    sched_point(SCHED_MODIFY, object);
    return atomic_fetch_sub_explicit(&object->value, subtrahend, memory_order_acq_rel);
}

/* Subtract, but not below 0; relaxed: for counters that may be low after a thread died. */
static inline void atomic_u64_sub_floor(struct atomic_u64 *object, uint64_t subtrahend)
{
    uint64_t value = atomic_u64_load_relaxed(object);
    while (!atomic_u64_cas(object, value, value > subtrahend ? value - subtrahend : 0)) {
        value = atomic_u64_load_relaxed(object);
    }
}

/* Pointers. Threads: any. */

static inline void *atomic_ptr_load_relaxed(const struct atomic_ptr *object)
{
    sched_point(SCHED_LOAD, object);
    return atomic_load_explicit(&((struct atomic_ptr *)(uintptr_t)object)->value,
                                memory_order_relaxed);
}

static inline void *atomic_ptr_load_acquire(const struct atomic_ptr *object)
{
    sched_point(SCHED_LOAD, object);
    return atomic_load_explicit(&((struct atomic_ptr *)(uintptr_t)object)->value,
                                memory_order_acquire);
}

static inline void atomic_ptr_store_relaxed(struct atomic_ptr *object, void *value)
{
    sched_point(SCHED_STORE, object);
    atomic_store_explicit(&object->value, value, memory_order_relaxed);
}

static inline void atomic_ptr_store_release(struct atomic_ptr *object, void *value)
{
    sched_point(SCHED_STORE, object);
    atomic_store_explicit(&object->value, value, memory_order_release);
}

/* Replace `expected` by `desired`; whether it worked. */
static inline bool atomic_ptr_cas(struct atomic_ptr *object, void *expected, void *desired)
{
    sched_point(SCHED_MODIFY, object);
    return atomic_compare_exchange_strong_explicit(&object->value, &expected, desired,
                                                   memory_order_acq_rel, memory_order_acquire);
}

#endif
