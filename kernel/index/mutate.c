/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Insert, upsert, update, delete, clear.
 *
 * Level: index (6).
 */
#include "index/internal.h"
#include "index/walk.h"
#include "update/write.h"

enum akin_status index_write(const struct call *call, uint64_t key, const void *row,
                             const struct akin_bytes *payload, enum commit_want want)
{
    struct akin_index *const index = call->index;
    const struct linker linker = {
        .graph = index->routing.graph,
        .metric = index_metric(index),
        .trail = call->context != NULL ? &call->context->trail : NULL,
    };
    const struct write_request request = {
        .key = key,
        .row = row,
        .norm = metric_row_norm(index_metric(index), row),
        .payload = payload,
        .want = want,
        .linker = linker.graph != NULL ? &linker : NULL,
    };
    return write_entry(&index->store, call_reader(call), &request);
}

enum akin_status payload_check(const struct akin_bytes *payload, struct akin_error *error)
{
    if (payload == NULL || payload->size == 0) {
        return AKIN_OK;
    }
    if (payload->data == NULL) {
        return error_field(error, AKIN_BAD_ARGUMENT, "payload.data", "is NULL");
    }
    if (payload->size > AKIN_PAYLOAD_BYTES_MAX) {
        return error_range(error, AKIN_PAYLOAD_TOO_LARGE, "payload.size", (double)payload->size, 0,
                           AKIN_PAYLOAD_BYTES_MAX);
    }
    return AKIN_OK;
}

/* Everything that may be refused before anything is taken. */
static enum akin_status request_check(struct akin_index *index, const struct akin_vector *vector,
                                      const struct akin_bytes *payload, struct akin_error *error)
{
    enum akin_status status = vector_check(index_metric(index), vector, "vector", error);
    if (status == AKIN_OK) {
        status = payload_check(payload, error);
    }
    if (status == AKIN_OK) {
        status = upkeep_before_write(index);
        status = status == AKIN_OK ? AKIN_OK : error_plain(error, status);
    }
    return status;
}

/* The common course of the three writes. */
static enum akin_status write_checked(akin_index *index, uint64_t key,
                                      const struct akin_vector *vector,
                                      const struct akin_bytes *payload, enum commit_want want,
                                      struct akin_error *error)
{
    if (index == NULL) {
        return error_field(error, AKIN_BAD_ARGUMENT, "index", "is NULL");
    }
    struct call call;
    enum akin_status status = call_begin(index, NULL, index_is_graph(index), &call);
    if (status != AKIN_OK) {
        return error_plain(error, status);
    }
    status = request_check(index, vector, payload, error);
    if (status == AKIN_OK) {
        status = index_write(&call, key, vector->data, payload, want);
        if ((status == AKIN_NO_MEMORY || status == AKIN_OVER_BUDGET) && upkeep_make_room(index)) {
            status = index_write(&call, key, vector->data, payload, want);
        }
        upkeep_after_write(index);
        status = status == AKIN_OK ? AKIN_OK : error_plain(error, status);
    }
    call_end(&call); /* last: from here on akin_close may go ahead */
    return status;
}

enum akin_status akin_insert(akin_index *index, uint64_t key, const struct akin_vector *vector,
                             const struct akin_bytes *payload, struct akin_error *error)
{
    return write_checked(index, key, vector, payload, WANT_ABSENT, error);
}

enum akin_status akin_upsert(akin_index *index, uint64_t key, const struct akin_vector *vector,
                             const struct akin_bytes *payload, struct akin_error *error)
{
    return write_checked(index, key, vector, payload, WANT_ANY, error);
}

enum akin_status akin_update(akin_index *index, uint64_t key, const struct akin_vector *vector,
                             const struct akin_bytes *payload, struct akin_error *error)
{
    return write_checked(index, key, vector, payload, WANT_PRESENT, error);
}

static enum akin_status erase(struct akin_index *index, const struct call *call, uint64_t key,
                              uint64_t version)
{
    const struct erase_request request = {
        .key = key,
        .version = version,
        .spare = call->context != NULL ? &call->context->spare : NULL,
    };
    return erase_entry(&index->store, call_reader(call), &request);
}

enum akin_status akin_delete(akin_index *index, uint64_t key, struct akin_error *error)
{
    if (index == NULL) {
        return error_field(error, AKIN_BAD_ARGUMENT, "index", "is NULL");
    }
    struct call call;
    enum akin_status status = call_begin(index, NULL, false, &call);
    if (status != AKIN_OK) {
        return error_plain(error, status);
    }
    status = erase(index, &call, key, 0);
    if ((status == AKIN_NO_MEMORY || status == AKIN_OVER_BUDGET) && upkeep_make_room(index)) {
        status = erase(index, &call, key, 0);
    }
    upkeep_after_write(index);
    call_end(&call);
    return status == AKIN_OK ? AKIN_OK : error_plain(error, status);
}

/* Deletions of a clear after which it looks whether maintenance is due. */
#define ERASES_PER_UPKEEP 256u

enum akin_status akin_clear(akin_index *index, struct akin_error *error)
{
    struct walk walk;
    struct walk_entry entry;
    if (index == NULL) {
        return error_field(error, AKIN_BAD_ARGUMENT, "index", "is NULL");
    }
    enum akin_status status = walk_begin(index, false, &walk);
    if (status != AKIN_OK) {
        return error_plain(error, status);
    }
    for (uint64_t erased = 1; status == AKIN_OK; erased++) {
        status = walk_next(&walk, &entry);
        if (status != AKIN_OK) {
            break;
        }
        status = erase(index, &walk.call, entry.key, entry.born);
        /* Replaced or deleted by somebody else meanwhile: not ours any more. */
        status = status == AKIN_NOT_FOUND ? AKIN_OK : status;
        if (erased % ERASES_PER_UPKEEP == 0) {
            upkeep_after_write(index);
        }
    }
    walk_unpin(&walk); /* its own pin holds what it erased */
    upkeep_after_write(index);
    walk_end(&walk);
    return status == AKIN_NOT_FOUND ? AKIN_OK : error_plain(error, status);
}
