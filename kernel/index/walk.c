/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk.
 *
 * Level: index (6).
 */
#include "index/walk.h"

#include <string.h>

#include "base/invariant.h"
#include "base/limits.h"
#include "sync/rcu.h"

/* Slots looked at in one read section when nothing is found. */
#define SLOTS_PER_SECTION 4096u

enum akin_status walk_begin(struct akin_index *index, bool wants_content, struct walk *walk)
{
    *walk = (struct walk){.index = index, .wants_content = wants_content};
    if (rcu_is_inside()) {
        return AKIN_IN_CALLBACK;
    }
    enum akin_status status = call_begin(index, NULL, true, &walk->call);
    if (status != AKIN_OK) {
        return status;
    }
    if (wants_content && walk->call.context->row == NULL) {
        void *row = NULL;
        status = memory_take(&index->store.memory, MEMORY_CONTEXTS, index->store.slots.row_bytes,
                             CACHE_LINE_BYTES, &row);
        if (status != AKIN_OK) {
            call_end(&walk->call);
            return status;
        }
        walk->call.context->row = row;
    }
    struct reader *const reader = call_reader(&walk->call);
    reader_enter(reader);
    walk->stamp = reader_pin(&index->store, reader);
    walk->watermark = slots_watermark(&index->store.slots);
    reader_leave(reader);
    return AKIN_OK;
}

void walk_unpin(struct walk *walk)
{
    reader_unpin(call_reader(&walk->call));
}

void walk_end(struct walk *walk)
{
    walk_unpin(walk);
    call_end(&walk->call);
}

/* Copy the entry at walk->slot; false when the payload needs a larger buffer:
   entry->payload_size. */
static bool copy_entry(struct walk *walk, const struct slot_chunk *chunk, uint32_t offset,
                       struct walk_entry *entry)
{
    const struct slots *const slots = &walk->index->store.slots;
    const struct akin_context *const context = walk->call.context;
    *entry = (struct walk_entry){
        .key = chunk->key[offset],
        .born = atomic_u64_load_relaxed(&chunk->born[offset]),
    };
    if (!walk->wants_content) {
        return true;
    }
    /* SYNC(slot.payload): pairs with the writer's store; the bytes are visible. */
    struct payload_block *const block = atomic_ptr_load_acquire(&chunk->payload[offset]);
    entry->payload_size = block != NULL ? block->size : 0;
    if (entry->payload_size > context->payload_capacity) {
        return false;
    }
    memcpy(context->row, slot_row(slots, chunk, offset), slots->row_bytes);
    if (entry->payload_size > 0) {
        memcpy(context->payload, payload_bytes(block), entry->payload_size);
    }
    entry->row = context->row;
    entry->payload = context->payload;
    return true;
}

enum walk_step { WALK_FOUND, WALK_GO_ON, WALK_NEEDS_ROOM };

/* Look at the next slots, in one read section. */
static enum walk_step step(struct walk *walk, struct walk_entry *entry)
{
    const struct slots *const slots = &walk->index->store.slots;
    struct reader *const reader = call_reader(&walk->call);
    enum walk_step result = WALK_GO_ON;
    reader_enter(reader);
    for (uint32_t i = 0; i < SLOTS_PER_SECTION && walk->slot < walk->watermark; i++) {
        const struct slot_chunk *const chunk = slot_chunk_of(slots, walk->slot);
        const uint32_t offset = walk->slot & slots->chunk_mask;
        if (chunk == NULL) { /* given back: nothing in it is visible */
            walk->slot = slots_chunk_last(slots, walk->slot) + 1;
            continue;
        }
        if (slot_is_visible(chunk, offset, walk->stamp)) {
            if (copy_entry(walk, chunk, offset, entry)) {
                walk->slot++;
                result = WALK_FOUND;
            } else {
                result = WALK_NEEDS_ROOM;
            }
            break;
        }
        walk->slot++;
    }
    reader_leave(reader);
    return result;
}

static enum akin_status grow_payload(struct walk *walk, size_t size)
{
    struct memory *const memory = &walk->index->store.memory;
    struct akin_context *const context = walk->call.context;
    const size_t capacity = size_align(size + size / 2, CACHE_LINE_BYTES);
    void *larger = NULL;
    const enum akin_status status =
        memory_take_raw(memory, MEMORY_CONTEXTS, capacity, CACHE_LINE_BYTES, &larger);
    if (status == AKIN_OK) {
        /* The new one first: whoever recovers the context after a death must not find the old. */
        unsigned char *const smaller = context->payload;
        const size_t smaller_capacity = context->payload_capacity;
        context->payload = larger;
        context->payload_capacity = capacity;
        memory_give(memory, MEMORY_CONTEXTS, smaller, smaller_capacity, CACHE_LINE_BYTES);
    }
    return status;
}

enum akin_status walk_next(struct walk *walk, struct walk_entry *entry)
{
    while (walk->slot < walk->watermark) {
        const enum walk_step result = step(walk, entry);
        if (result == WALK_FOUND) {
            return AKIN_OK;
        }
        if (result == WALK_NEEDS_ROOM) {
            const enum akin_status status = grow_payload(walk, entry->payload_size);
            if (status != AKIN_OK) {
                return status;
            }
        }
    }
    return AKIN_NOT_FOUND;
}
