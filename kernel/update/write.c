/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing one entry.
 *
 * Level: update (5).
 */
#include "update/write.h"

#include <string.h>

#include "base/invariant.h"
#include "sync/rcu.h"

static enum akin_status take_commit(struct store *store, struct write_draft *draft)
{
    void *memory = NULL;
    const enum akin_status status = pool_take(&store->commit_records, &memory);
    if (status == AKIN_OK) {
        draft->commit = memory;
    }
    return status;
}

static enum akin_status take_key(struct store *store, struct write_draft *draft, uint64_t key)
{
    void *memory = NULL;
    const enum akin_status status = pool_take(&store->key_records, &memory);
    if (status == AKIN_OK) {
        draft->spare_key = memory;
        draft->spare_key->key = key;
        /* Relaxed: the map publishes it. */
        atomic_u32_store_relaxed(&draft->spare_key->head, SLOT_NONE);
    }
    return status;
}

void write_end(struct store *store, struct write_draft *draft, bool is_committed)
{
    /* Never short cuts: the pools want their grace period. */
    if (draft->spare_key != NULL) {
        pool_retire(&store->key_records, draft->spare_key);
    }
    if (draft->commit != NULL) {
        pool_retire(&store->commit_records, draft->commit);
    }
    if (draft->has_slot && !is_committed) {
        store_abandon(store, draft->slot);
    }
}

/* Write row, norm, key and payload into a slot of our own. */
static enum akin_status fill_slot(struct store *store, struct write_draft *draft,
                                  const struct write_request *request)
{
    struct payload_block *block = NULL;
    if (request->payload != NULL && request->payload->size > 0) {
        const enum akin_status status =
            payload_reserve(&store->payload, request->payload->size, &block);
        if (status != AKIN_OK) {
            return status;
        }
    }
    const enum akin_status status = slot_claim(&store->slots, &draft->slot);
    if (status != AKIN_OK) {
        if (block != NULL) {
            payload_release(&store->payload, block);
        }
        return status;
    }
    draft->has_slot = true;
    struct slot_chunk *const chunk = slot_chunk_of(&store->slots, draft->slot);
    const uint32_t offset = draft->slot & store->slots.chunk_mask;
    memcpy(slot_row(&store->slots, chunk, offset), request->row, store->slots.row_bytes);
    chunk->norm[offset] = request->norm;
    chunk->key[offset] = request->key;
    if (block != NULL) {
        memcpy(payload_bytes(block), request->payload->data, request->payload->size);
        /* SYNC(slot.payload): published by the commit; pairs with the loads of readers. */
        atomic_ptr_store_release(&chunk->payload[offset], block);
    }
    return AKIN_OK;
}

/* The record of the key; ours, newly added, when there was none. */
static enum akin_status find_or_add(struct store *store, struct write_draft *draft, uint64_t key,
                                    struct key_record **record)
{
    *record = key_map_lookup(&store->keys, key);
    if (*record != NULL) {
        return AKIN_OK;
    }
    if (draft->spare_key == NULL) {
        const enum akin_status status = take_key(store, draft, key);
        if (status != AKIN_OK) {
            return status;
        }
    }
    *record = key_map_add(&store->keys, draft->spare_key);
    if (*record == draft->spare_key) {
        draft->spare_key = NULL;
    }
    return AKIN_OK;
}

/* A record out of use stands in the way: help to take it out of the map. Exactly one call retires
   it. */
static void clear_gone(struct store *store, struct key_record *record)
{
    if (key_map_remove(&store->keys, record)) {
        pool_retire(&store->key_records, record);
    }
}

/* The key's record may go out of use under us, then again. */
enum akin_status write_commit(struct store *store, const struct write_request *request,
                              struct write_draft *draft)
{
    for (;;) {
        struct key_record *record = NULL;
        enum akin_status status = find_or_add(store, draft, request->key, &record);
        if (status == AKIN_OK && draft->commit == NULL) {
            status = take_commit(store, draft);
        }
        if (status != AKIN_OK) {
            return status;
        }
        struct commit_record *const commit = draft->commit;
        commit_prepare(commit, record, request->want, draft->slot);
        draft->commit = NULL; /* it belongs to the sequence now */
        const struct commit_result result = commit_run(store, commit);
        switch (result.verdict) {
        case COMMIT_DONE:
            return AKIN_OK;
        case COMMIT_GONE:
            /* Maintenance removed the record meanwhile: that is progress of the whole. */
            clear_gone(store, record);
            continue;
        case COMMIT_REFUSED:
        case COMMIT_UNDECIDED:
            break;
        }
        ENSURE(result.verdict == COMMIT_REFUSED);
        return request->want == WANT_ABSENT ? AKIN_EXISTS : AKIN_NOT_FOUND;
    }
}

/* Answer at once when the key is as the request does not want it. */
static enum akin_status look_before(const struct store *store, const struct write_request *request)
{
    if (request->want == WANT_ANY) {
        return AKIN_OK;
    }
    const struct key_record *const record = key_map_lookup(&store->keys, request->key);
    const bool live =
        record != NULL && version_at(store, record, frontier_stamp(store)) != SLOT_NONE;
    if (request->want == WANT_ABSENT) {
        return live ? AKIN_EXISTS : AKIN_OK;
    }
    return live ? AKIN_OK : AKIN_NOT_FOUND;
}

enum akin_status write_begin(struct store *store, const struct write_request *request,
                             struct write_draft *draft)
{
    *draft = (struct write_draft){.slot = SLOT_NONE};
    enum akin_status status = look_before(store, request);
    if (status == AKIN_OK) {
        status = take_commit(store, draft);
    }
    if (status == AKIN_OK) {
        status = fill_slot(store, draft, request);
    }
    return status;
}

static enum akin_status link_draft(struct store *store, const struct write_request *request,
                                   const struct write_draft *draft)
{
    if (request->linker != NULL) {
        return link_slot(request->linker, draft->slot, request->key);
    }
    slot_link(&store->slots, draft->slot);
    return AKIN_OK;
}

enum akin_status write_entry(struct store *store, struct reader *reader,
                             const struct write_request *request)
{
    struct write_draft draft;
    reader_enter(reader);
    enum akin_status status = write_begin(store, request, &draft);
    if (status == AKIN_OK) {
        status = link_draft(store, request, &draft);
    }
    if (status == AKIN_OK) {
        status = write_commit(store, request, &draft);
    }
    write_end(store, &draft, status == AKIN_OK);
    reader_leave(reader);
    return status;
}

/* A record for a delete: from the pool, or the one kept for hard times. */
static enum akin_status take_for_erase(struct store *store, const struct erase_request *request,
                                       struct commit_record **commit)
{
    void *memory = NULL;
    const enum akin_status status = pool_take(&store->commit_records, &memory);
    if (status == AKIN_OK) {
        *commit = memory;
        return AKIN_OK;
    }
    if (request->spare != NULL && *request->spare != NULL) {
        *commit = *request->spare;
        *request->spare = NULL;
        return AKIN_OK;
    }
    return status;
}

static enum akin_status erase_inside(struct store *store, const struct erase_request *request)
{
    for (;;) {
        struct key_record *const record = key_map_lookup(&store->keys, request->key);
        if (record == NULL) {
            return AKIN_NOT_FOUND;
        }
        const uint32_t slot = version_at(store, record, frontier_stamp(store));
        if (slot == SLOT_NONE) {
            return AKIN_NOT_FOUND;
        }
        struct commit_record *commit = NULL;
        const enum akin_status status = take_for_erase(store, request, &commit);
        if (status != AKIN_OK) {
            return status;
        }
        commit_prepare(commit, record, request->version != 0 ? WANT_EXACTLY : WANT_PRESENT,
                       SLOT_NONE);
        commit->single.want_version = request->version;
        const struct commit_result result = commit_run(store, commit);
        if (result.verdict == COMMIT_DONE) {
            return AKIN_OK;
        }
        if (result.verdict == COMMIT_REFUSED) {
            return AKIN_NOT_FOUND;
        }
        clear_gone(store, record);
    }
}

enum akin_status erase_entry(struct store *store, struct reader *reader,
                             const struct erase_request *request)
{
    reader_enter(reader);
    const enum akin_status status = erase_inside(store, request);
    reader_leave(reader);
    return status;
}
