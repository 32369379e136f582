/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking dead versions out of the chains of their keys.
 *
 * Level: maintain (5).
 *
 * A chain leads from the head of a key record over `prev` to older versions. When a dead slot a is
 * to be recycled, nobody may come to it any more: neither from the head nor from the newer version
 * b whose prev it is. Everything behind a is older, so dead as well and below the horizon: cutting
 * b loses nothing.
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

bool unlink_version(struct store *store, uint32_t slot)
{
    const struct slot_chunk *const chunk = slot_chunk_of(&store->slots, slot);
    const uint64_t key = chunk->key[slot & store->slots.chunk_mask];
    REQUIRE(rcu_is_inside());
    for (;;) {
        struct key_record *const record = key_map_lookup(&store->keys, key);
        if (record == NULL) {
            return true;
        }
        /* SYNC(key.head): pairs with the compare-and-swaps that apply a commit. */
        uint32_t newer = atomic_u32_load_acquire(&record->head);
        if (newer == slot) {
            if (!unlink_key(store, record, slot)) {
                return false;
            }
            continue; /* removed, or a new version came before: the next look tells */
        }
        if (newer == SLOT_GONE) {
            if (key_map_remove(&store->keys, record)) {
                pool_retire(&store->key_records, record);
            }
            return true;
        }
        while (slot_is_number(newer)) {
            struct slot_chunk *const newer_chunk = slot_chunk_of(&store->slots, newer);
            struct atomic_u32 *const prev = &newer_chunk->prev[newer & store->slots.chunk_mask];
            const uint32_t older = atomic_u32_load_acquire(prev);
            if (older == slot) {
                /* SYNC(slot.prev): pairs with version_at, which stops here from now on. */
                (void)atomic_u32_cas(prev, slot, SLOT_NONE);
                return true;
            }
            newer = older;
        }
        return true; /* cut off before, together with a newer one */
    }
}
