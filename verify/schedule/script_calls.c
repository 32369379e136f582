/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making the calls of a script.
 */
#include "schedule/script_calls.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "akin/akin.h"
#include "harness/history_status.h"
#include "index/file_format.h"
#include "schedule/explore.h"
#include "schedule/model/model_file.h"
#include "schedule/script_history.h"

static bool with_payload;

void script_calls_begin(bool has_payload)
{
    with_payload = has_payload;
    script_history_clear();
}

/* An entry as it is written and read. */
struct entry {
    float row[EXPLORE_DIM];
    unsigned char payload[EXPLORE_PAYLOAD_BYTES];
    size_t payload_bytes;
};

static void make_entry(uint64_t key, uint64_t value, struct entry *entry)
{
    for (uint32_t i = 0; i < EXPLORE_DIM; i++) {
        entry->row[i] = (float)value;
    }
    entry->payload_bytes = with_payload ? 8 + 8 * (size_t)(value % 4) : 0;
    for (size_t i = 0; i < entry->payload_bytes; i++) {
        entry->payload[i] = (unsigned char)(key * 31 + value * 7 + i);
    }
}

/* The value of an entry that was read; fails the run if it is not what one call wrote. */
static uint64_t judge_entry(uint64_t key, const struct entry *found)
{
    struct entry wanted;
    const uint64_t value = (uint64_t)found->row[0];
    make_entry(key, value, &wanted);
    if (memcmp(found->row, wanted.row, sizeof wanted.row) != 0) {
        explore_fail("the vector of key %llu is torn or another's: %g %g %g %g",
                     (unsigned long long)key, (double)found->row[0], (double)found->row[1],
                     (double)found->row[2], (double)found->row[3]);
    }
    if (found->payload_bytes != wanted.payload_bytes ||
        memcmp(found->payload, wanted.payload, wanted.payload_bytes) != 0) {
        explore_fail("the payload of key %llu is torn or another's: value %llu, %zu bytes",
                     (unsigned long long)key, (unsigned long long)value, found->payload_bytes);
    }
    return value;
}

static enum history_answer answer_of(enum akin_status status)
{
    const enum history_answer answer = history_answer_of(status);
    if (answer == HISTORY_FAILED) {
        explore_fail("a call answers %s", akin_strerror(status));
    }
    return answer;
}

/* A batch of one: beside others the same steps as a longer one. */
static enum akin_status build_one(akin_index *index, uint64_t key, const struct entry *entry,
                                  const struct akin_bytes *bytes)
{
    struct akin_build_request request;
    akin_build_request_init(&request);
    request.keys = &key;
    request.vectors = entry->row;
    request.dim = EXPLORE_DIM;
    request.payloads = bytes;
    request.count = 1;
    request.replaces = 1;
    return akin_build(index, &request, NULL);
}

static void call_write(akin_index *index, const struct script_call *call, struct history_op *op)
{
    struct entry entry;
    enum akin_status status = AKIN_OK;
    make_entry(call->key, call->value, &entry);
    const struct akin_vector vector = akin_vector_f32(entry.row, EXPLORE_DIM);
    const struct akin_bytes bytes = {.data = entry.payload, .size = entry.payload_bytes};
    if (call->kind == CALL_INSERT) {
        status = akin_insert(index, call->key, &vector, &bytes, NULL);
    } else if (call->kind == CALL_UPSERT) {
        status = akin_upsert(index, call->key, &vector, &bytes, NULL);
    } else if (call->kind == CALL_UPDATE) {
        status = akin_update(index, call->key, &vector, &bytes, NULL);
    } else {
        status = build_one(index, call->key, &entry, &bytes);
    }
    op->answer = (uint8_t)answer_of(status);
}

static void call_get(akin_index *index, const struct script_call *call, struct history_op *op)
{
    struct entry entry;
    struct akin_record record = akin_record_init();
    record.vector = entry.row;
    record.vector_capacity = sizeof entry.row;
    record.payload = entry.payload;
    record.payload_capacity = sizeof entry.payload;
    op->answer = (uint8_t)answer_of(akin_get(index, call->key, &record, NULL));
    op->value = 0;
    if (op->answer == HISTORY_OK) {
        entry.payload_bytes = record.payload_size;
        op->value = judge_entry(call->key, &entry);
    }
}

/* The value that a result of a search says: all elements of a vector are the value, and the query
   is the origin. */
static uint64_t value_at(float distance)
{
    return (uint64_t)(sqrtf(distance / (float)EXPLORE_DIM) + 0.5f);
}

static void note_results(struct history_op *op, struct history_result *room,
                         const struct akin_neighbor *results, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        room[i] = (struct history_result){.key = results[i].key,
                                          .value = value_at((float)results[i].distance)};
    }
    op->results = room;
    op->result_count = (uint16_t)count;
    op->value = EXPLORE_KEYS_MAX;
}

static void call_search(akin_index *index, struct history_op *op, struct history_result *room)
{
    static const float origin[EXPLORE_DIM];
    struct akin_search_options options;
    struct akin_neighbor results[EXPLORE_KEYS_MAX];
    const struct akin_vector query = akin_vector_f32(origin, EXPLORE_DIM);
    uint32_t count = 0;
    akin_search_options_init(&options);
    options.k = EXPLORE_KEYS_MAX;
    op->answer =
        (uint8_t)answer_of(akin_search(index, NULL, &query, &options, results, &count, NULL));
    note_results(op, room, results, count);
}

/* Two queries, which are answered as of one instant: so the answers are the same. */
static void call_search_batch(akin_index *index, struct history_op *op, struct history_result *room)
{
    static const float origins[2 * EXPLORE_DIM];
    struct akin_search_options options;
    struct akin_neighbor results[2 * EXPLORE_KEYS_MAX];
    uint32_t counts[2] = {0, 0};
    struct akin_batch_search batch;
    memset(&batch, 0, sizeof batch);
    batch.struct_size = sizeof batch;
    batch.queries = origins;
    batch.query_count = 2;
    batch.dim = EXPLORE_DIM;
    batch.type = AKIN_F32;
    batch.results = results;
    batch.counts = counts;
    akin_search_options_init(&options);
    options.k = EXPLORE_KEYS_MAX;
    op->answer = (uint8_t)answer_of(akin_search_batch(index, NULL, &batch, &options, NULL));
    if (counts[0] != counts[1] ||
        memcmp(results, results + EXPLORE_KEYS_MAX, counts[0] * sizeof results[0]) != 0) {
        explore_fail("two queries of one batch see two instants");
    }
    note_results(op, room, results, counts[0]);
}

struct visit {
    struct history_result *results;
    uint32_t count;
};

static int note_visit(void *context, const struct akin_record *record)
{
    struct visit *const visit = context;
    struct entry entry;
    memcpy(entry.row, record->vector, sizeof entry.row);
    entry.payload_bytes = record->payload_size;
    if (record->payload_size > sizeof entry.payload || visit->count == EXPLORE_KEYS_MAX) {
        explore_fail("a walk meets what nobody wrote, or more entries than there are keys");
        return 1;
    }
    memcpy(entry.payload, record->payload, record->payload_size);
    visit->results[visit->count++] =
        (struct history_result){.key = record->key, .value = judge_entry(record->key, &entry)};
    return 0;
}

static int by_value(const void *left, const void *right)
{
    const struct history_result *const a = left;
    const struct history_result *const b = right;
    if (a->value != b->value) {
        return a->value < b->value ? -1 : 1;
    }
    return a->key < b->key ? -1 : a->key > b->key;
}

static void call_iterate(akin_index *index, struct history_op *op, struct history_result *room)
{
    struct visit visit = {.results = room};
    op->answer = (uint8_t)answer_of(akin_iterate(index, note_visit, &visit, NULL));
    qsort(room, visit.count, sizeof room[0], by_value);
    op->results = room;
    op->result_count = (uint16_t)visit.count;
    op->value = EXPLORE_KEYS_MAX;
}

/* The entries of a saved file, frame by frame; what does not fit together fails the run. */
static void read_frames(const unsigned char *bytes, size_t size, struct visit *visit)
{
    struct file_header header;
    size_t at = sizeof header;
    memcpy(&header, bytes, sizeof header);
    if (header_judge(&header, size, NULL) != AKIN_OK) {
        explore_fail("the header of a saved file is wrong");
        return;
    }
    for (uint64_t f = 0; f < header.frames && at + sizeof(struct frame_header) <= size; f++) {
        struct frame_header frame;
        memcpy(&frame, bytes + at, sizeof frame);
        at += sizeof frame;
        if (frame.bytes > size - at || frame.checksum != frame_checksum(&frame, bytes + at)) {
            explore_fail("a frame of a saved file is wrong");
            return;
        }
        for (uint32_t e = 0; e < frame.entries; e++) {
            uint64_t prefix[2];
            memcpy(prefix, bytes + at, sizeof prefix);
            const unsigned char *const row = bytes + at + sizeof prefix;
            const struct akin_record record = {.key = prefix[0],
                                               .vector = (void *)(uintptr_t)row,
                                               .payload =
                                                   (void *)(uintptr_t)(row + header.row_bytes),
                                               .payload_size = (size_t)prefix[1]};
            (void)note_visit(visit, &record);
            at += sizeof prefix + header.row_bytes + (size_t)prefix[1];
        }
    }
    if (at != size || visit->count != header.entries) {
        explore_fail("a saved file has not the entries that it announces");
    }
}

static void call_save(akin_index *index, struct history_op *op, struct history_result *room)
{
    struct visit visit = {.results = room};
    size_t size = 0;
    op->answer = (uint8_t)answer_of(akin_save(index, MODEL_FILE_PATH "index", NULL));
    const unsigned char *const bytes = model_file_content(&size);
    if (bytes == NULL || size < sizeof(struct file_header)) {
        explore_fail("nothing was saved");
        return;
    }
    read_frames(bytes, size, &visit);
    qsort(room, visit.count, sizeof room[0], by_value);
    op->results = room;
    op->result_count = (uint16_t)visit.count;
    op->value = EXPLORE_KEYS_MAX;
}

/* Calls that answer nothing about entries: they must work, or say that another one is at it. */
static void call_upkeep(akin_index *index, const struct script_call *call)
{
    struct akin_stats stats;
    memset(&stats, 0, sizeof stats);
    stats.struct_size = sizeof stats;
    enum akin_status status = AKIN_OK;
    if (call->kind == CALL_STATS) {
        status = akin_stats_get(index, &stats, NULL);
    } else {
        status = akin_maintain(index,
                               call->kind == CALL_DRAIN ? AKIN_MAINTAIN_DRAIN : AKIN_MAINTAIN_ROUND,
                               NULL, NULL);
    }
    if (status != AKIN_OK && !(status == AKIN_BUSY && call->kind == CALL_MAINTAIN)) {
        explore_fail("upkeep answers %s", akin_strerror(status));
    }
}

static void make_call(akin_index *index, const struct script_call *call, struct history_op *op,
                      struct history_result *room)
{
    switch (call->kind) {
    case CALL_INSERT:
    case CALL_UPSERT:
    case CALL_UPDATE:
    case CALL_BUILD:
        call_write(index, call, op);
        break;
    case CALL_DELETE:
        op->answer = (uint8_t)answer_of(akin_delete(index, call->key, NULL));
        break;
    case CALL_GET:
        call_get(index, call, op);
        break;
    case CALL_CONTAINS:
        op->answer = (uint8_t)answer_of(akin_contains(index, call->key, NULL));
        break;
    case CALL_COUNT:
        op->answer = (uint8_t)answer_of(akin_count(index, &op->value, NULL));
        break;
    case CALL_CLEAR:
        op->answer = (uint8_t)answer_of(akin_clear(index, NULL));
        break;
    case CALL_SEARCH:
        call_search(index, op, room);
        break;
    case CALL_SEARCH_BATCH:
        call_search_batch(index, op, room);
        break;
    case CALL_ITERATE:
        call_iterate(index, op, room);
        break;
    case CALL_SAVE:
        call_save(index, op, room);
        break;
    case CALL_MAINTAIN:
    case CALL_DRAIN:
    case CALL_STATS:
        call_upkeep(index, call);
        break;
    }
}

void script_call(akin_index *index, const struct script_call *call)
{
    struct history_result *room = NULL;
    explore_call();
    struct history_op *const op = script_history_begin(call, &room);
    make_call(index, call, op, room);
    script_history_end(op);
}

size_t script_live(akin_index *index, struct history_result *entries)
{
    struct history_op op = {0};
    call_iterate(index, &op, entries);
    return op.result_count;
}
