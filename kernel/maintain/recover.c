/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recovery of what dead threads left behind.
 *
 * Level: maintain (5).
 *
 * A slot that is PENDING or LINKED with born never belongs to a call in flight or to a thread that
 * died. A call spans one read section from claim to commit. So: look, wait for a grace period, look
 * again. The same word (generation and state) both times means that no call in flight owns it. One
 * look is not enough, and no clock can replace the second. Before the second look the newest commit
 * is finished, because the dead thread may have appended a record that nobody has helped yet.
 *
 * A key record without version that is the same before and after a grace period was added by a
 * thread that died before its commit: it is removed by the same commit that removes records of dead
 * keys.
 */
#include "maintain/maintain.h"

#include <string.h>

#include "base/invariant.h"
#include "maintain/unlink.h"
#include "sync/rcu.h"

#define LOOK_BATCH 256u

struct suspect {
    uint32_t slot;
    uint64_t word;
};

struct look {
    struct suspect suspects[LOOK_BATCH];
    uint32_t count;
};

static bool is_suspect(const struct slot_chunk *chunk, uint32_t offset, uint64_t word)
{
    const enum slot_state state = slot_state_of(word);
    return (state == SLOT_PENDING || slot_state_is_alive(state)) &&
           atomic_u64_load_relaxed(&chunk->born[offset]) == STAMP_NEVER &&
           atomic_u64_load_relaxed(&chunk->died[offset]) == STAMP_NEVER;
}

/* Collect suspects from *slot on, and set the hint bit of dead slots that lack it. */
static void first_look(struct store *store, uint32_t *slot, struct look *look)
{
    const uint32_t watermark = slots_watermark(&store->slots);
    look->count = 0;
    for (; *slot < watermark && look->count < LOOK_BATCH; (*slot)++) {
        struct slot_chunk *const chunk = slot_chunk_of(&store->slots, *slot);
        const uint32_t offset = *slot & store->slots.chunk_mask;
        if (chunk == NULL) {
            *slot = slots_chunk_last(&store->slots, *slot);
            continue;
        }
        const uint64_t word = slot_state_acquire(chunk, offset);
        const enum slot_state state = slot_state_of(word);
        if (is_suspect(chunk, offset, word)) {
            look->suspects[look->count++] = (struct suspect){.slot = *slot, .word = word};
        } else if (state == SLOT_UNLINKING || state == SLOT_ABANDONED ||
                   (slot_state_is_alive(state) &&
                    atomic_u64_load_relaxed(&chunk->died[offset]) != STAMP_NEVER)) {
            bitmap_set(chunk->dead, offset);
        }
    }
}

static void second_look(struct maintainer *maintainer, const struct look *look)
{
    struct store *const store = maintainer->store;
    rcu_enter();
    commit_settle(store);
    for (uint32_t i = 0; i < look->count; i++) {
        const struct suspect *const suspect = &look->suspects[i];
        struct slot_chunk *const chunk = slot_chunk_of(&store->slots, suspect->slot);
        const uint32_t offset = suspect->slot & store->slots.chunk_mask;
        const uint64_t word = slot_state_acquire(chunk, offset);
        if (word == suspect->word && is_suspect(chunk, offset, word)) {
            store_abandon(store, suspect->slot);
            (void)atomic_u64_fetch_add_relaxed(&maintainer->orphans, 1);
            maintain_log(maintainer, MAINTAIN_EVENT_ORPHANS, AKIN_LOG_WARNING,
                         "recovered a slot of a thread that died inside a call");
        }
    }
    rcu_leave();
}

static void recover_slots(struct maintainer *maintainer)
{
    struct look look;
    uint32_t slot = 0;
    do {
        first_look(maintainer->store, &slot, &look);
        if (look.count > 0) {
            maintain_wait(maintainer);
            second_look(maintainer, &look);
        }
    } while (look.count == LOOK_BATCH);
}

/* Key records seen without a version, or out of use and still in the map. */
struct empty_keys {
    struct key_record *records[LOOK_BATCH];
    uint64_t keys[LOOK_BATCH];
    uint32_t count;
};

static bool note_empty(void *context, struct key_record *record)
{
    struct empty_keys *const empty = context;
    const uint32_t head = atomic_u32_load_acquire(&record->head);
    if (head == SLOT_NONE || head == SLOT_GONE) {
        empty->records[empty->count] = record;
        empty->keys[empty->count] = record->key;
        empty->count++;
    }
    return empty->count < LOOK_BATCH;
}

/* One look's worth of key records; whether there may be more that can be had. */
static bool recover_keys(struct maintainer *maintainer)
{
    struct store *const store = maintainer->store;
    struct empty_keys empty = {.count = 0};
    uint32_t removed = 0;
    rcu_enter();
    key_map_visit(&store->keys, note_empty, &empty);
    rcu_leave();
    if (empty.count == 0) {
        return false;
    }
    maintain_wait(maintainer);
    rcu_enter();
    commit_settle(store);
    for (uint32_t i = 0; i < empty.count; i++) {
        /* Only the maintainer recycles key records, so the address still means this record. */
        struct key_record *const record = key_map_lookup(&store->keys, empty.keys[i]);
        if (record == NULL || record != empty.records[i]) {
            continue;
        }
        const uint32_t head = atomic_u32_load_acquire(&record->head);
        if (head == SLOT_NONE) {
            removed += unlink_key(store, record, SLOT_NONE) ? 1 : 0; /* no memory: next time */
        } else if (head == SLOT_GONE && key_map_remove(&store->keys, record)) {
            pool_retire(&store->key_records, record);
            removed++;
        }
    }
    rcu_leave();
    return empty.count == LOOK_BATCH && removed > 0;
}

void maintain_recover(struct maintainer *maintainer)
{
    REQUIRE(!rcu_is_inside());
    /* A dead thread may have appended a record that nobody has helped yet. */
    maintain_settle(maintainer->store);
    recover_slots(maintainer);
    while (recover_keys(maintainer)) {
    }
    maintainer->cursor_hint = 0;
    slots_refill_hints(&maintainer->store->slots, &maintainer->cursor_hint);
}
