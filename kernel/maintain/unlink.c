/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking dead versions out of the chains of their keys.
 *
 * Level: maintain (5).
 *
 * A chain leads from the head of a key record over `prev` to older versions. When a dead slot a is
 * to be recycled, nobody may come to it any more: neither from the head nor from the newer version
 * whose prev leads to it. Versions die in the order of the chain, so all that died at or before the
 * horizon are its end: one cut in front of the newest of them takes them all out, in this round or
 * in a later one. `born` of all of them becomes never at once, which tells that they are out. So a
 * key that is replaced over and over costs a round one walk over its versions beyond the horizon,
 * and one step for each version that is recycled.
 *
 * If a is the head, the key has no live version and its record goes: through a commit, because
 * heads stay as they are while a record is undecided, and a plain compare-and-swap of the head
 * would break that. The commit can be refused: a new version may have been committed meanwhile.
 * Then a is its prev: look again.
 *
 * The cut stores SLOT_NONE, never SLOT_UNSET: a late finisher that still wants to set prev would
 * otherwise link the dead slot again.
 */
#include "maintain/unlink.h"

#include "base/invariant.h"
#include "sync/rcu.h"

bool unlink_key(struct store *store, struct key_record *record, uint32_t head)
{
    void *memory = NULL;
    if (pool_take(&store->commit_records, &memory) != AKIN_OK) {
        return false;
    }
    struct commit_record *const commit = memory;
    commit_prepare(commit, record, WANT_REMOVE, head);
    const struct commit_result result = commit_run(store, commit);
    if (result.verdict != COMMIT_REFUSED && key_map_remove(&store->keys, record)) {
        pool_retire(&store->key_records, record);
    }
    return true;
}

/*
 * Everything from `slot` on is out of its chain, dead and at or below the horizon: say so.
 *
 * `born` is reset before grace period B, and `died` only after it: a scan that loads the old born
 * must not meet the reset died, or it would take a dead slot for a live one. SYNC(slot.stamps)
 */
static void mark_unlinked(struct store *store, uint32_t slot)
{
    while (slot_is_number(slot)) {
        struct slot_chunk *const chunk = slot_chunk_of(&store->slots, slot);
        const uint32_t offset = slot & store->slots.chunk_mask;
        if (atomic_u64_load_relaxed(&chunk->born[offset]) == STAMP_NEVER) {
            return; /* marked before, and so is what is behind it */
        }
        atomic_u64_store_relaxed(&chunk->born[offset], STAMP_NEVER);
        sched_point(SCHED_RETIRED, &chunk->state[offset]);
        slot = atomic_u32_load_acquire(&chunk->prev[offset]);
    }
}

/* Cut the chain in front of its first version that died at or before the horizon. `newer` is the
   head, which is not to be cut itself. */
static void cut_chain(struct store *store, uint32_t newer, uint64_t horizon)
{
    while (slot_is_number(newer)) {
        struct slot_chunk *const chunk = slot_chunk_of(&store->slots, newer);
        struct atomic_u32 *const prev = &chunk->prev[newer & store->slots.chunk_mask];
        const uint32_t older = atomic_u32_load_acquire(prev);
        if (!slot_is_number(older)) {
            return;
        }
        const struct slot_chunk *const older_chunk = slot_chunk_of(&store->slots, older);
        const uint64_t died =
            atomic_u64_load_relaxed(&older_chunk->died[older & store->slots.chunk_mask]);
        INVARIANT(died != STAMP_NEVER);
        if (died <= horizon) {
            /* SYNC(slot.prev): pairs with version_at, which stops here from now on. */
            (void)atomic_u32_cas(prev, older, SLOT_NONE);
            mark_unlinked(store, older);
            return;
        }
        newer = older;
    }
}

bool unlink_version(struct store *store, uint32_t slot, uint64_t horizon)
{
    const struct slot_chunk *const chunk = slot_chunk_of(&store->slots, slot);
    const uint32_t offset = slot & store->slots.chunk_mask;
    const uint64_t key = chunk->key[offset];
    REQUIRE(rcu_is_inside());
    while (atomic_u64_load_relaxed(&chunk->born[offset]) != STAMP_NEVER) {
        struct key_record *const record = key_map_lookup(&store->keys, key);
        if (record == NULL) {
            mark_unlinked(store, slot);
            return true;
        }
        /* SYNC(key.head): pairs with the compare-and-swaps that apply a commit. */
        const uint32_t head = atomic_u32_load_acquire(&record->head);
        if (head == SLOT_GONE) {
            if (key_map_remove(&store->keys, record)) {
                pool_retire(&store->key_records, record);
            }
            mark_unlinked(store, slot);
            return true;
        }
        if (head != slot) {
            cut_chain(store, head, horizon);
            mark_unlinked(store, slot); /* in case it was in no chain any more */
            return true;
        }
        if (!unlink_key(store, record, slot)) {
            return false;
        }
        /* Removed, or a new version came before: the next look tells. */
    }
    return true;
}
