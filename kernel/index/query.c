/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Get, contains, count, iterate.
 *
 * Level: index (6).
 */
#include <string.h>

#include "index/internal.h"
#include "index/walk.h"
#include "sync/rcu.h"

/* The slot that is live now under a key, or SLOT_NONE. The frontier is loaded after the lookup. */
static uint32_t find_live(const struct store *store, uint64_t key)
{
    const struct key_record *const record = key_map_lookup(&store->keys, key);
    return record != NULL ? version_at(store, record, frontier_stamp(store)) : SLOT_NONE;
}

/* Copy an entry out; AKIN_BUFFER_TOO_SMALL sets the sizes only. */
static enum akin_status copy_out(const struct store *store, uint32_t slot,
                                 struct akin_record *record)
{
    const struct slot_chunk *const chunk = slot_chunk_of(&store->slots, slot);
    const uint32_t offset = slot & store->slots.chunk_mask;
    /* SYNC(slot.payload): pairs with the writer's store; the bytes are visible. */
    struct payload_block *const block = atomic_ptr_load_acquire(&chunk->payload[offset]);
    const size_t payload_size = block != NULL ? block->size : 0;
    record->vector_size = store->slots.row_bytes;
    record->payload_size = payload_size;
    if ((record->vector != NULL && record->vector_capacity < record->vector_size) ||
        (record->payload != NULL && record->payload_capacity < payload_size)) {
        return AKIN_BUFFER_TOO_SMALL;
    }
    if (record->vector != NULL) {
        memcpy(record->vector, slot_row(&store->slots, chunk, offset), store->slots.row_bytes);
    }
    if (record->payload != NULL && payload_size > 0) {
        memcpy(record->payload, payload_bytes(block), payload_size);
    }
    record->version = atomic_u64_load_relaxed(&chunk->born[offset]);
    record->key = chunk->key[offset];
    return AKIN_OK;
}

enum akin_status akin_get(akin_index *index, uint64_t key, struct akin_record *record,
                          struct akin_error *error)
{
    if (index == NULL || record == NULL) {
        return error_field(error, AKIN_BAD_ARGUMENT, index == NULL ? "index" : "record", "is NULL");
    }
    if (record->struct_size < sizeof *record) {
        return error_range(error, AKIN_BAD_STRUCT_SIZE, "record.struct_size",
                           (double)record->struct_size, (double)sizeof *record,
                           (double)sizeof *record);
    }
    struct call call;
    enum akin_status status = call_begin(index, NULL, false, &call);
    if (status != AKIN_OK) {
        return error_plain(error, status);
    }
    reader_enter(call_reader(&call));
    const uint32_t slot = find_live(&index->store, key);
    status = slot != SLOT_NONE ? copy_out(&index->store, slot, record) : AKIN_NOT_FOUND;
    reader_leave(call_reader(&call));
    call_end(&call);
    if (status == AKIN_BUFFER_TOO_SMALL) {
        const bool is_vector =
            record->vector != NULL && record->vector_capacity < record->vector_size;
        return error_range(error, status,
                           is_vector ? "record.vector_capacity" : "record.payload_capacity",
                           (double)(is_vector ? record->vector_capacity : record->payload_capacity),
                           (double)(is_vector ? record->vector_size : record->payload_size),
                           (double)AKIN_PAYLOAD_BYTES_MAX);
    }
    return status == AKIN_OK ? AKIN_OK : error_plain(error, status);
}

enum akin_status akin_contains(akin_index *index, uint64_t key, struct akin_error *error)
{
    if (index == NULL) {
        return error_field(error, AKIN_BAD_ARGUMENT, "index", "is NULL");
    }
    struct call call;
    const enum akin_status status = call_begin(index, NULL, false, &call);
    if (status != AKIN_OK) {
        return error_plain(error, status);
    }
    reader_enter(call_reader(&call));
    const bool found = find_live(&index->store, key) != SLOT_NONE;
    reader_leave(call_reader(&call));
    call_end(&call);
    return found ? AKIN_OK : error_plain(error, AKIN_NOT_FOUND);
}

enum akin_status akin_count(akin_index *index, uint64_t *count, struct akin_error *error)
{
    if (index == NULL || count == NULL) {
        return error_field(error, AKIN_BAD_ARGUMENT, index == NULL ? "index" : "count", "is NULL");
    }
    /* Unmarked: a section of two loads holds nobody back. */
    reader_enter(NULL);
    *count = frontier_count(&index->store);
    reader_leave(NULL);
    return AKIN_OK;
}

enum akin_status akin_iterate(akin_index *index, akin_visit_fn visit, void *context,
                              struct akin_error *error)
{
    struct walk walk;
    struct walk_entry entry;
    if (index == NULL || visit == NULL) {
        return error_field(error, AKIN_BAD_ARGUMENT, index == NULL ? "index" : "visit", "is NULL");
    }
    enum akin_status status = walk_begin(index, true, &walk);
    if (status != AKIN_OK) {
        return error_plain(error, status);
    }
    for (;;) {
        status = walk_next(&walk, &entry);
        if (status != AKIN_OK) {
            break;
        }
        struct akin_record record = akin_record_init();
        record.vector = walk.call.context->row;
        record.vector_capacity = index->store.slots.row_bytes;
        record.vector_size = index->store.slots.row_bytes;
        record.payload = walk.call.context->payload;
        record.payload_capacity = walk.call.context->payload_capacity;
        record.payload_size = entry.payload_size;
        record.version = entry.born;
        record.key = entry.key;
        if (visit(context, &record) != 0) {
            status = AKIN_STOPPED;
            break;
        }
    }
    walk_end(&walk);
    return status == AKIN_NOT_FOUND ? AKIN_OK : error_plain(error, status);
}
