/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading: frame by frame, each judged by its checksum before a byte of it is used.
 *
 * Level: index (6).
 */
#include <pthread.h>
#include <string.h>

#include "base/limits.h"
#include "index/file_format.h"
#include "index/internal.h"
#include "sync/rcu.h"

/* A file being read. */
struct loading {
    struct akin_index *index;
    struct call call; /* of the whole load */
    int descriptor;
    struct file_header header;
    uint64_t file_bytes;
    uint64_t position; /* bytes read so far */
    uint64_t entries;  /* loaded so far */
    uint64_t payload_bytes;
    unsigned char *frame;
    size_t frame_capacity;
    struct akin_error *error;
};

static enum akin_status corrupt(const struct loading *loading, const char *section,
                                uint64_t position, const char *message)
{
    return error_element(loading->error, AKIN_CORRUPT, section, (double)position, position,
                         message);
}

static enum akin_status frame_room(struct loading *loading, uint64_t bytes)
{
    struct memory *const memory = &loading->index->store.memory;
    if (bytes <= loading->frame_capacity) {
        return AKIN_OK;
    }
    memory_give(memory, MEMORY_OTHER, loading->frame, loading->frame_capacity, CACHE_LINE_BYTES);
    loading->frame = NULL;
    loading->frame_capacity = 0;
    void *room = NULL;
    const size_t capacity = size_align((size_t)bytes, 4096);
    const enum akin_status status =
        memory_take_raw(memory, MEMORY_OTHER, capacity, CACHE_LINE_BYTES, &room);
    if (status != AKIN_OK) {
        return error_plain(loading->error, status);
    }
    loading->frame = room;
    loading->frame_capacity = capacity;
    return AKIN_OK;
}

/* Read the next frame; its numbers are judged before memory is taken, its content before it is
   used. */
static enum akin_status frame_read(struct loading *loading, uint64_t sequence,
                                   struct frame_header *frame)
{
    const uint64_t start = loading->position;
    enum akin_status status =
        file_read(loading->descriptor, frame, sizeof *frame, "frame header", start, loading->error);
    if (status != AKIN_OK) {
        return status;
    }
    loading->position += sizeof *frame;
    if (frame->magic != FRAME_MAGIC || frame->sequence != sequence) {
        return corrupt(loading, "frame header", start, "no frame begins here");
    }
    if (frame->bytes > loading->file_bytes - loading->position ||
        frame->bytes > frame_bytes_max(loading->header.row_bytes)) {
        return corrupt(loading, "frame header", start, "the length of a frame is impossible");
    }
    status = frame_room(loading, frame->bytes);
    if (status == AKIN_OK && frame->bytes > 0) {
        status = file_read(loading->descriptor, loading->frame, (size_t)frame->bytes, "frame",
                           loading->position, loading->error);
    }
    if (status != AKIN_OK) {
        return status;
    }
    loading->position += frame->bytes;
    if (frame->checksum != frame_checksum(frame, loading->frame)) {
        return corrupt(loading, "frame", start, "the checksum of a frame is wrong");
    }
    return AKIN_OK;
}

static enum akin_status entry_write(struct loading *loading, uint64_t key, const unsigned char *row,
                                    const struct akin_bytes *payload, uint64_t position)
{
    struct akin_index *const index = loading->index;
    const struct metric *const metric = index_metric(index);
    const struct akin_vector vector = {.data = row, .dim = metric->dim, .type = metric->type};
    if (vector_check(metric, &vector, "row", NULL) != AKIN_OK) {
        return corrupt(loading, "row", position, "a row could not have been inserted");
    }
    const enum akin_status status = index_write(&loading->call, key, row, payload, WANT_ABSENT);
    if (status == AKIN_EXISTS) {
        return corrupt(loading, "key", position, "a key stands in the file twice");
    }
    if (status != AKIN_OK) {
        return error_plain(loading->error, status);
    }
    upkeep_alone(index);
    return AKIN_OK;
}

static enum akin_status frame_load(struct loading *loading, const struct frame_header *frame)
{
    const uint64_t base = loading->position - frame->bytes;
    const uint64_t row_bytes = loading->header.row_bytes;
    uint64_t at = 0;
    for (uint32_t i = 0; i < frame->entries; i++) {
        uint64_t prefix[2];
        if (frame->bytes - at < ENTRY_PREFIX_BYTES + row_bytes) {
            return corrupt(loading, "frame", base + at, "a frame ends within an entry");
        }
        memcpy(prefix, loading->frame + at, sizeof prefix);
        const unsigned char *const row = loading->frame + at + ENTRY_PREFIX_BYTES;
        const uint64_t start = at;
        at += ENTRY_PREFIX_BYTES + row_bytes;
        if (prefix[1] > frame->bytes - at || prefix[1] > AKIN_PAYLOAD_BYTES_MAX) {
            return corrupt(loading, "frame", base + at, "a frame ends within a payload");
        }
        const struct akin_bytes payload = {.data = loading->frame + at, .size = (size_t)prefix[1]};
        at += prefix[1];
        const enum akin_status status =
            entry_write(loading, prefix[0], row, &payload, base + start);
        if (status != AKIN_OK) {
            return status;
        }
        loading->entries++;
        loading->payload_bytes += prefix[1];
    }
    return at == frame->bytes ? AKIN_OK
                              : corrupt(loading, "frame", base + at, "a frame has bytes left over");
}

static enum akin_status load_frames(struct loading *loading)
{
    struct frame_header frame;
    loading->position = sizeof loading->header;
    for (uint64_t sequence = 0;; sequence++) {
        enum akin_status status = frame_read(loading, sequence, &frame);
        if (status == AKIN_OK) {
            status = frame_load(loading, &frame);
        }
        if (status != AKIN_OK) {
            return status;
        }
        if (frame.entries == 0) {
            break;
        }
    }
    if (loading->position != loading->file_bytes) {
        return corrupt(loading, "end", loading->position, "bytes follow the end of the index");
    }
    if (loading->entries != loading->header.entries ||
        loading->payload_bytes != loading->header.payload_bytes) {
        return corrupt(loading, "header.entries", 0, "the entries are not as many as announced");
    }
    return AKIN_OK;
}

static enum akin_status open_for(const struct file_header *header,
                                 const struct akin_options *options, struct akin_index **index,
                                 struct akin_error *error)
{
    struct akin_options used;
    akin_options_init(&used);
    used.seed = header->seed;
    used.m = header->m;
    used.ef_construction = header->ef_construction;
    used.ef_search = header->ef_search;
    used.alpha = header->alpha;
    if (options != NULL) {
        if (!options_size_is_known(options)) {
            return error_range(error, AKIN_BAD_STRUCT_SIZE, "options.struct_size",
                               (double)options->struct_size, (double)sizeof used,
                               (double)sizeof used);
        }
        memcpy(&used, options, sizeof used);
        used.struct_size = sizeof used;
    }
    used.kind = (enum akin_kind)header->kind;
    used.metric = (enum akin_metric)header->metric;
    used.type = (enum akin_type)header->type;
    used.dim = header->dim;
    /* Bounded by the size of the file: header_judge saw to that. */
    used.capacity = used.capacity > header->entries ? used.capacity : header->entries;
    return akin_open(&used, index, error);
}

static enum akin_status load_file(const char *path, const struct akin_options *options,
                                  akin_index **index, struct akin_error *error)
{
    struct loading loading = {.descriptor = -1, .error = error};
    enum akin_status status =
        file_open(path, &loading.descriptor, &loading.header, &loading.file_bytes, error);
    if (status != AKIN_OK) {
        return status;
    }
    status = open_for(&loading.header, options, &loading.index, error);
    if (status == AKIN_OK) {
        loading.call.index = loading.index;
        if (index_is_graph(loading.index)) {
            status = call_begin(loading.index, NULL, true, &loading.call);
            status = status == AKIN_OK ? AKIN_OK : error_plain(error, status);
        }
        if (status == AKIN_OK) {
            status = load_frames(&loading);
        }
        if (loading.call.context != NULL) {
            call_end(&loading.call);
        }
        memory_give(&loading.index->store.memory, MEMORY_OTHER, loading.frame,
                    loading.frame_capacity, CACHE_LINE_BYTES);
        if (status == AKIN_OK) {
            *index = loading.index;
        } else {
            const enum akin_status closed = akin_close(loading.index);
            (void)closed; /* refused only inside a callback, where we are not */
        }
    }
    file_close(loading.descriptor);
    return status;
}

enum akin_status akin_load(const char *path, const struct akin_options *options, akin_index **index,
                           struct akin_error *error)
{
    if (path == NULL || index == NULL) {
        return error_field(error, AKIN_BAD_ARGUMENT, path == NULL ? "path" : "index", "is NULL");
    }
    if (rcu_is_inside()) {
        return error_plain(error, AKIN_IN_CALLBACK);
    }
    int cancel_state = 0;
    /* A thread that is cancelled in read() would leave descriptor and index behind. */
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    const enum akin_status status = load_file(path, options, index, error);
    (void)pthread_setcancelstate(cancel_state, &cancel_state);
    return status;
}
