/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accounted memory.
 *
 * Level: store (2).
 */
#include "store/memory.h"

#include "base/invariant.h"

void memory_init(struct memory *memory, const struct akin_allocator *hooks, uint64_t budget_bytes,
                 uint64_t retired_bytes_max)
{
    *memory = (struct memory){.hooks = *hooks,
                              .budget_bytes = budget_bytes == 0 ? UINT64_MAX : budget_bytes,
                              .retired_bytes_max = retired_bytes_max};
}

enum akin_status memory_charge(struct memory *memory, enum memory_kind kind, uint64_t bytes)
{
    uint64_t total = atomic_u64_load_relaxed(&memory->total);
    for (;;) {
        if (bytes > memory->budget_bytes || total > memory->budget_bytes - bytes) {
            return AKIN_OVER_BUDGET;
        }
        /* A failure means that somebody else's charge or discharge went through. */
        if (atomic_u64_cas(&memory->total, total, total + bytes)) {
            break;
        }
        total = atomic_u64_load_relaxed(&memory->total);
    }
    (void)atomic_u64_fetch_add_relaxed(&memory->kinds[kind], bytes);
    return AKIN_OK;
}

void memory_uncharge(struct memory *memory, enum memory_kind kind, uint64_t bytes)
{
    const uint64_t of_kind = atomic_u64_fetch_sub_relaxed(&memory->kinds[kind], bytes);
    const uint64_t total = atomic_u64_fetch_sub_relaxed(&memory->total, bytes);
    ENSURE(of_kind >= bytes);
    ENSURE(total >= bytes);
}

static enum akin_status take(struct memory *memory, enum memory_kind kind, size_t bytes,
                             size_t alignment, bool zeroed, void **pointer)
{
    const size_t rounded = size_align(bytes, alignment);
    const enum akin_status status = memory_charge(memory, kind, rounded);
    if (status != AKIN_OK) {
        return status;
    }
    (void)atomic_u64_fetch_add_relaxed(&memory->allocations, 1);
    void *const taken = zeroed ? alloc_zeroed(&memory->hooks, bytes, alignment)
                               : alloc_bytes(&memory->hooks, bytes, alignment);
    if (taken == NULL) {
        memory_uncharge(memory, kind, rounded);
        return AKIN_NO_MEMORY;
    }
    *pointer = taken;
    return AKIN_OK;
}

enum akin_status memory_take(struct memory *memory, enum memory_kind kind, size_t bytes,
                             size_t alignment, void **pointer)
{
    return take(memory, kind, bytes, alignment, true, pointer);
}

enum akin_status memory_take_raw(struct memory *memory, enum memory_kind kind, size_t bytes,
                                 size_t alignment, void **pointer)
{
    return take(memory, kind, bytes, alignment, false, pointer);
}

void memory_give(struct memory *memory, enum memory_kind kind, void *pointer, size_t bytes,
                 size_t alignment)
{
    if (pointer == NULL) {
        return;
    }
    alloc_release(&memory->hooks, pointer, bytes, alignment);
    memory_uncharge(memory, kind, size_align(bytes, alignment));
}

void memory_retire(struct memory *memory, uint64_t bytes)
{
    (void)atomic_u64_fetch_add_relaxed(&memory->retired, bytes);
}

void memory_reclaim(struct memory *memory, uint64_t bytes)
{
    /* Lower than true by what threads had not yet counted when they died. */
    atomic_u64_sub_floor(&memory->retired, bytes);
}

bool memory_is_stalled(const struct memory *memory)
{
    return atomic_u64_load_relaxed(&memory->retired) >= memory->retired_bytes_max;
}

void memory_report(const struct memory *memory, struct akin_memory *report)
{
    *report = (struct akin_memory){
        .rows_bytes = atomic_u64_load_relaxed(&memory->kinds[MEMORY_ROWS]),
        .slots_bytes = atomic_u64_load_relaxed(&memory->kinds[MEMORY_SLOTS]),
        .links_bytes = atomic_u64_load_relaxed(&memory->kinds[MEMORY_LINKS]),
        .codes_bytes = atomic_u64_load_relaxed(&memory->kinds[MEMORY_CODES]),
        .map_bytes = atomic_u64_load_relaxed(&memory->kinds[MEMORY_MAP]),
        .payload_bytes = atomic_u64_load_relaxed(&memory->kinds[MEMORY_PAYLOAD]),
        .commits_bytes = atomic_u64_load_relaxed(&memory->kinds[MEMORY_COMMITS]),
        .contexts_bytes = atomic_u64_load_relaxed(&memory->kinds[MEMORY_CONTEXTS]),
        .other_bytes = atomic_u64_load_relaxed(&memory->kinds[MEMORY_OTHER]),
        .total_bytes = atomic_u64_load_relaxed(&memory->total),
        .retired_bytes = atomic_u64_load_relaxed(&memory->retired),
    };
}
