/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evacuation: payloads are copied out of chunks that are mostly waste, so that one survivor does
 *             not pin a chunk for ever.
 *
 * Level: maintain (5).
 *
 * The bytes do not change, so a slot's payload reference may be exchanged under readers and
 * snapshots: who holds the old block reads the same bytes, and the old block is released only after
 * a grace period. Only slots that are LINKED and born are touched, and only the maintainer recycles
 * slots, so the slot cannot become another entry's meanwhile. A writer's slot that is not yet born
 * is left alone: its owner may still be writing the reference.
 */
#include "maintain/maintain.h"

#include <string.h>

#include "base/invariant.h"
#include "sync/rcu.h"

/* Slots looked at in one read section. */
#define SLOTS_PER_SECTION 1024u

static bool may_move(const struct slot_chunk *chunk, uint32_t offset,
                     const struct payload_block *block)
{
    return block != NULL && atomic_u64_load_relaxed(&chunk->born[offset]) != STAMP_NEVER &&
           slot_state_is_alive(slot_state_of(slot_state_acquire(chunk, offset))) &&
           payload_is_sparse(block);
}

/* Copy one payload; false when there is no memory to copy to. */
static bool move(struct maintainer *maintainer, struct slot_chunk *chunk, uint32_t offset)
{
    struct payload_arena *const arena = &maintainer->store->payload;
    struct payload_block *const old = atomic_ptr_load_acquire(&chunk->payload[offset]);
    struct payload_block *copy = NULL;
    if (payload_reserve(arena, old->size, &copy) != AKIN_OK) {
        return false;
    }
    memcpy(payload_bytes(copy), payload_bytes(old), old->size);
    /* SYNC(slot.payload): pairs with the loads of readers; the copied bytes are visible. */
    if (atomic_ptr_cas(&chunk->payload[offset], old, copy)) {
        maintainer->moved[maintainer->moved_count++] = old;
    } else {
        payload_release(arena, copy);
    }
    return true;
}

/* Move what is sparse in one section's worth of slots; false when memory ran out. */
static bool move_section(struct maintainer *maintainer, uint32_t watermark)
{
    struct store *const store = maintainer->store;
    bool has_memory = true;
    rcu_enter();
    for (uint32_t i = 0; i < SLOTS_PER_SECTION; i++) {
        if (!has_memory || maintainer->moved_count == MAINTAIN_BATCH_SLOTS ||
            maintainer->cursor_move >= watermark) {
            break;
        }
        const uint32_t slot = maintainer->cursor_move++;
        struct slot_chunk *const chunk = slot_chunk_of(&store->slots, slot);
        const uint32_t offset = slot & store->slots.chunk_mask;
        if (chunk == NULL) {
            maintainer->cursor_move = slots_chunk_last(&store->slots, slot) + 1;
            continue;
        }
        /* SYNC(slot.payload): pairs with the store of the writer. */
        const struct payload_block *const block = atomic_ptr_load_acquire(&chunk->payload[offset]);
        if (may_move(chunk, offset, block)) {
            has_memory = move(maintainer, chunk, offset);
        }
    }
    rcu_leave();
    return has_memory;
}

void evacuate_move(struct maintainer *maintainer)
{
    const uint32_t watermark = slots_watermark(&maintainer->store->slots);
    REQUIRE(!rcu_is_inside());
    while (maintainer->moved_count < MAINTAIN_BATCH_SLOTS && maintainer->cursor_move < watermark) {
        if (!move_section(maintainer, watermark) ||
            !budget_spend(&maintainer->budget, SLOTS_PER_SECTION)) {
            break;
        }
    }
    if (maintainer->cursor_move >= watermark) {
        maintainer->cursor_move = 0;
    }
}

uint64_t evacuate_release(struct maintainer *maintainer)
{
    const uint32_t count = maintainer->moved_old_count;
    for (uint32_t i = 0; i < count; i++) {
        payload_release(&maintainer->store->payload, maintainer->moved[i]);
    }
    maintainer->moved_count -= count;
    memmove(maintainer->moved, maintainer->moved + count,
            maintainer->moved_count * sizeof maintainer->moved[0]);
    maintainer->moved_old_count = 0;
    return count;
}
