/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store as a whole.
 *
 * Level: store (2).
 */
#include "store/store.h"

#include <stddef.h>

#include "base/limits.h"

enum akin_status store_init(struct store *store, const struct memory *memory, uint32_t row_bytes,
                            uint64_t capacity)
{
    *store = (struct store){.memory = *memory};
    pool_init(&store->key_records, &store->memory, MEMORY_MAP, sizeof(struct key_record),
              offsetof(struct key_record, pooled), _Alignof(struct key_record));
    pool_init(&store->commit_records, &store->memory, MEMORY_COMMITS, sizeof(struct commit_record),
              offsetof(struct commit_record, pooled), CACHE_PAIR_BYTES);
    payload_init(&store->payload, &store->memory);
    enum akin_status status = slots_init(&store->slots, &store->memory, row_bytes, capacity);
    if (status != AKIN_OK) {
        return status;
    }
    store->slot_bytes = store->slots.row_stride + slots_chunk_meta_bytes(store->slots.chunk_shift) /
                                                      (store->slots.chunk_mask + 1u);
    status = key_map_init(&store->keys, &store->memory, capacity);
    if (status != AKIN_OK) {
        goto fail_slots;
    }
    status = commit_init(store);
    if (status != AKIN_OK) {
        goto fail_keys;
    }
    return AKIN_OK;

fail_keys:
    key_map_end(&store->keys);
fail_slots:
    slots_end(&store->slots);
    return status;
}

void store_end(struct store *store)
{
    key_map_end(&store->keys);
    payload_end(&store->payload);
    slots_end(&store->slots);
    pool_end(&store->key_records);
    pool_end(&store->commit_records);
}

uint64_t store_slot_bytes(const struct store *store, uint32_t slot)
{
    const struct slot_chunk *const chunk = slot_chunk_of(&store->slots, slot);
    const struct payload_block *const payload =
        atomic_ptr_load_acquire(&chunk->payload[slot & store->slots.chunk_mask]);
    return store->slot_bytes + (payload != NULL ? payload_block_bytes(payload->size) : 0);
}

void store_abandon(struct store *store, uint32_t slot)
{
    const uint64_t bytes = store_slot_bytes(store, slot);
    slot_abandon(&store->slots, slot);
    memory_retire(&store->memory, bytes);
}

uint64_t store_dead_slots(const struct store *store, uint32_t watermark)
{
    /* Relaxed: a count that orders nothing. */
    const uint64_t other =
        atomic_u64_load_relaxed(&store->slots.free_count) + frontier_count(store);
    return watermark > other ? watermark - other : 0;
}
