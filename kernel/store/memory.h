/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of one index: every byte goes through here, counted by kind and held against the
 * budget.
 *
 * Level   : store (2).
 * Promises: the sum of the kinds is the total; the total never exceeds the budget, not for an
 *           instant (compare-and-swap, not add-then-check, so that a refused caller does not make
 *           others fail). Retired bytes are those of the total that wait for readers or
 *           maintenance.
 */
#ifndef AKIN_STORE_MEMORY_H
#define AKIN_STORE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "akin/options.h"
#include "akin/status.h"
#include "akin/types.h"
#include "base/alloc.h"
#include "base/attributes.h"
#include "sync/atomic.h"

enum memory_kind {
    MEMORY_ROWS,
    MEMORY_SLOTS,
    MEMORY_LINKS,
    MEMORY_CODES,
    MEMORY_MAP,
    MEMORY_PAYLOAD,
    MEMORY_COMMITS,
    MEMORY_CONTEXTS,
    MEMORY_OTHER,
    MEMORY_KIND_COUNT
};

struct memory {
    struct akin_allocator hooks; /* never changes */
    uint64_t budget_bytes;       /* never changes; UINT64_MAX when unbounded */
    uint64_t retired_bytes_max;  /* never changes */
    /* Written by whoever allocates or gives back, read by anybody; all relaxed: they order nothing
       and a stale value is only an older report, except `total`, whose compare-and-swap is the
       bound. */
    struct atomic_u64 total;
    struct atomic_u64 kinds[MEMORY_KIND_COUNT];
    struct atomic_u64 allocations;
    /* Written by every commit that kills a version, so on a line of its own. */
    struct atomic_u64 retired CACHE_PAIR_ALIGNED;
};

/* Make an empty account. budget_bytes 0 means none. Threads: SETUP. */
void memory_init(struct memory *memory, const struct akin_allocator *hooks, uint64_t budget_bytes,
                 uint64_t retired_bytes_max);

/*
 * Allocate `bytes` of a kind: zeroed by memory_take, as they come by memory_take_raw.
 *
 * Status : AKIN_OK; AKIN_OVER_BUDGET; AKIN_NO_MEMORY. *pointer is set only on AKIN_OK.
 * Threads: any; lock-free but for the hook.
 */
MUST_CHECK enum akin_status memory_take(struct memory *memory, enum memory_kind kind, size_t bytes,
                                        size_t alignment, void **pointer);
MUST_CHECK enum akin_status memory_take_raw(struct memory *memory, enum memory_kind kind,
                                            size_t bytes, size_t alignment, void **pointer);

/* Give memory back, with the numbers it was taken with. NULL is ignored. Threads: any. */
void memory_give(struct memory *memory, enum memory_kind kind, void *pointer, size_t bytes,
                 size_t alignment);

/* Account for bytes that a library allocates by itself. Threads: any; lock-free. */
MUST_CHECK enum akin_status memory_charge(struct memory *memory, enum memory_kind kind,
                                          uint64_t bytes);
void memory_uncharge(struct memory *memory, enum memory_kind kind, uint64_t bytes);

/* Bytes begin, or end, to wait for readers. Counted after the step that retires them, within the
   same read section: so they are counted before maintenance can reclaim them, and a thread that
   dies in between leaves the number too low, never too high. Threads: any; lock-free. */
void memory_retire(struct memory *memory, uint64_t bytes);
void memory_reclaim(struct memory *memory, uint64_t bytes);

/* Whether retired bytes have reached their bound. Threads: any; wait-free. */
bool memory_is_stalled(const struct memory *memory);

/* The account by kind. Threads: any; each number by itself. */
void memory_report(const struct memory *memory, struct akin_memory *report);

#endif
