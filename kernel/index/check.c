/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The check of an index that nobody else is using, at two depths.
 *
 * Level: index (6). The invariants I1-I9 are numbered as in docs/CONCURRENCY.md section 6.
 *        Deep : everything is recomputed from the slots; nothing that a writer keeps up to date is
 *               believed.
 *        Cheap: the numbers that writers keep are compared with each other, and slots that lie
 *               evenly spread are looked at one by one. The next call takes the slots beside them,
 *               so that each is looked at once in as many calls as lie between two of a sample.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "graph/graph_check.h"
#include "index/internal.h"
#include "sync/rcu.h"

/* Slots that the cheap form looks at, and versions of the key of each that is live. */
#define SAMPLE_SLOTS    256u
#define SAMPLE_VERSIONS 64u

/* What the pass over the slots adds up. */
struct totals {
    const struct akin_index *index;
    struct akin_error *error;
    uint64_t stamp; /* the frontier */
    uint64_t live;
    uint64_t dead;
    uint64_t abandoned;
    uint64_t pending;
    uint64_t unlinking;
    uint64_t free;
    uint64_t payload_bytes;
    uint64_t retired_bytes;
    uint64_t keys_live;    /* key records whose head is live */
    uint64_t keys_visited; /* key records in the map */
    bool is_broken;
};

static bool broken(struct totals *totals, const char *invariant, uint64_t position,
                   const char *message)
{
    if (!totals->is_broken && totals->error != NULL) {
        const enum akin_status status = error_element(totals->error, AKIN_CORRUPT, invariant,
                                                      (double)position, position, message);
        (void)status; /* akin_check answers it */
    }
    totals->is_broken = true;
    return false;
}

/* I1: stamps are ordered and not beyond the frontier; I7: a free slot is clean. */
static bool check_stamps(struct totals *totals, const struct slot_chunk *chunk, uint32_t offset,
                         uint32_t slot)
{
    const uint64_t born = atomic_u64_load_relaxed(&chunk->born[offset]);
    const uint64_t died = atomic_u64_load_relaxed(&chunk->died[offset]);
    const enum slot_state state = slot_state_of(slot_state_acquire(chunk, offset));
    if (state > SLOT_ANCHORED) {
        return broken(totals, "I2 states", slot, "a slot is in no known state");
    }
    if (state == SLOT_FREE || state == SLOT_PENDING || state == SLOT_ABANDONED) {
        if (born != STAMP_NEVER || died != STAMP_NEVER) {
            return broken(totals, "I7 clean slots", slot, "a slot out of use has a stamp");
        }
        if (state == SLOT_FREE && atomic_ptr_load_acquire(&chunk->payload[offset]) != NULL) {
            return broken(totals, "I7 clean slots", slot, "a free slot has a payload");
        }
        return true;
    }
    if (state == SLOT_UNLINKING) {
        return true;
    }
    if (born > totals->stamp || died > totals->stamp) {
        return broken(totals, "I1 stamps", slot, "a stamp lies beyond the frontier");
    }
    /* A dead version whose born was reset is out of its chain and waits to be recycled. */
    if (died != STAMP_NEVER && died <= born) {
        return broken(totals, "I1 stamps", slot, "a version died before it was born");
    }
    return true;
}

/* I8: rows are finite and their norms belong to them. Live slots only: others may be half
   written. */
static bool check_row(struct totals *totals, const struct slot_chunk *chunk, uint32_t offset,
                      uint32_t slot)
{
    const struct metric *const metric = index_metric(totals->index);
    const struct akin_vector vector = {
        .data = slot_row(&totals->index->store.slots, chunk, offset),
        .dim = metric->dim,
        .type = metric->type,
    };
    if (vector_check(metric, &vector, "row", NULL) != AKIN_OK) {
        return broken(totals, "I8 rows", slot, "a row could not have been inserted");
    }
    const float norm = metric_row_norm(metric, vector.data);
    /* Bit for bit: it may be NaN. NOLINTNEXTLINE(bugprone-suspicious-memory-comparison) */
    if (memcmp(&norm, &chunk->norm[offset], sizeof norm) != 0) {
        return broken(totals, "I8 rows", slot, "a norm does not belong to its row");
    }
    return true;
}

/* I4: the live version of a key is the head of the record that the map has for it. */
static bool check_key(struct totals *totals, const struct slot_chunk *chunk, uint32_t offset,
                      uint32_t slot)
{
    const struct key_record *const record =
        key_map_lookup(&totals->index->store.keys, chunk->key[offset]);
    if (record == NULL || record->key != chunk->key[offset]) {
        return broken(totals, "I4 keys", chunk->key[offset], "a live entry is not in the key map");
    }
    if (atomic_u32_load_acquire(&record->head) != slot) {
        return broken(totals, "I4 keys", chunk->key[offset],
                      "a live entry is not the head of its key");
    }
    return true;
}

/* Add one slot to the totals. */
static bool check_slot(struct totals *totals, uint32_t slot)
{
    const struct store *const store = &totals->index->store;
    const struct slot_chunk *const chunk = slot_chunk_of(&store->slots, slot);
    const uint32_t offset = slot & store->slots.chunk_mask;
    if (chunk == NULL) {
        totals->free++;
        return true;
    }
    const struct payload_block *const block = atomic_ptr_load_acquire(&chunk->payload[offset]);
    if (!check_stamps(totals, chunk, offset, slot)) {
        return false;
    }
    totals->payload_bytes += block != NULL ? payload_block_bytes(block->size) : 0;
    switch (slot_state_of(slot_state_acquire(chunk, offset))) {
    case SLOT_PENDING:
        totals->pending++;
        return true;
    case SLOT_LINKED:
    case SLOT_ANCHORED:
        break;
    case SLOT_UNLINKING:
        totals->unlinking++;
        totals->retired_bytes += store_slot_bytes(store, slot);
        return true;
    case SLOT_ABANDONED:
        totals->abandoned++;
        totals->retired_bytes += store_slot_bytes(store, slot);
        return true;
    case SLOT_FREE:
        totals->free++;
        return true;
    }
    if (atomic_u64_load_relaxed(&chunk->died[offset]) != STAMP_NEVER) {
        totals->dead++;
        totals->retired_bytes += store_slot_bytes(store, slot);
        return true;
    }
    if (atomic_u64_load_relaxed(&chunk->born[offset]) == STAMP_NEVER) {
        totals->pending++;
        return true;
    }
    totals->live++;
    return check_key(totals, chunk, offset, slot) && check_row(totals, chunk, offset, slot);
}

/* I5: a chain leads to ever older versions of the same key, and ends. After `versions` of them it
   is believed. */
static bool check_chain(struct totals *totals, const struct key_record *record, uint32_t head,
                        uint64_t versions)
{
    const struct slots *const slots = &totals->index->store.slots;
    uint64_t younger = UINT64_MAX;
    uint32_t slot = head;
    for (; slot_is_number(slot); versions--) {
        if (versions == 0) {
            return true;
        }
        if (slot >= slots_watermark(slots)) {
            return broken(totals, "I5 chains", record->key, "a chain leads to no slot");
        }
        const struct slot_chunk *const chunk = slot_chunk_of(slots, slot);
        const uint32_t offset = slot & slots->chunk_mask;
        if (chunk == NULL) {
            return broken(totals, "I5 chains", record->key, "a chain leads to a free slot");
        }
        const uint64_t born = atomic_u64_load_relaxed(&chunk->born[offset]);
        const uint64_t died = atomic_u64_load_relaxed(&chunk->died[offset]);
        if (chunk->key[offset] != record->key) {
            return broken(totals, "I5 chains", record->key, "a chain leads to another key");
        }
        if (born == STAMP_NEVER || born >= younger || (slot != head && died == STAMP_NEVER)) {
            return broken(totals, "I5 chains", record->key, "a chain is not ordered by age");
        }
        younger = born;
        slot = atomic_u32_load_acquire(&chunk->prev[offset]);
    }
    if (slot != SLOT_NONE) {
        return broken(totals, "I5 chains", record->key, "a chain does not end");
    }
    return true;
}

static bool check_record(void *context, struct key_record *record)
{
    struct totals *const totals = context;
    const struct slots *const slots = &totals->index->store.slots;
    const uint32_t head = atomic_u32_load_acquire(&record->head);
    totals->keys_visited++;
    if (!slot_is_number(head)) {
        return true; /* left by a thread that died; akin_maintain takes it out */
    }
    if (head >= slots_watermark(slots)) {
        return broken(totals, "I4 keys", record->key, "a head is no slot");
    }
    const struct slot_chunk *const chunk = slot_chunk_of(slots, head);
    if (chunk == NULL) {
        return broken(totals, "I4 keys", record->key, "a head is a free slot");
    }
    totals->keys_live +=
        atomic_u64_load_relaxed(&chunk->died[head & slots->chunk_mask]) == STAMP_NEVER ? 1 : 0;
    return check_chain(totals, record, head, UINT64_MAX);
}

/* I6, of one slot: its payload lies in a chunk that counts it. */
static bool sample_payload(struct totals *totals, const struct payload_block *block, uint32_t slot)
{
    if (block != NULL &&
        payload_block_bytes(block->size) > atomic_u64_load_relaxed(&block->chunk->live)) {
        return broken(totals, "I6 payload", slot, "a payload is not counted by its chunk");
    }
    return true;
}

/* What the deep form asks of a slot, with its key and payload when it is live. */
static bool sample_slot(struct totals *totals, uint32_t slot)
{
    const struct store *const store = &totals->index->store;
    const struct slot_chunk *const chunk = slot_chunk_of(&store->slots, slot);
    const uint32_t offset = slot & store->slots.chunk_mask;
    const uint64_t live_before = totals->live;
    if (!check_slot(totals, slot)) {
        return false;
    }
    if (totals->live == live_before) {
        return true;
    }
    /* It is there: check_slot found the slot by it. */
    const struct key_record *const record = key_map_lookup(&store->keys, chunk->key[offset]);
    return check_chain(totals, record, slot, SAMPLE_VERSIONS) &&
           sample_payload(totals, atomic_ptr_load_acquire(&chunk->payload[offset]), slot);
}

/* I3: the numbers that are kept agree with each other, and with the numbers of free slots that
   claims are going to be told. */
static bool check_counters(struct totals *totals)
{
    const struct store *const store = &totals->index->store;
    const uint64_t watermark = slots_watermark(&store->slots);
    const uint64_t live = frontier_count(store);
    const uint64_t free = atomic_u64_load_relaxed(&store->slots.free_count);
    const uint64_t retired = atomic_u64_load_relaxed(&store->memory.retired);
    const uint32_t hints = ring_count(&store->slots.hints);
    for (uint32_t i = 0; i < hints; i++) {
        const uint32_t slot = ring_at(&store->slots.hints, i);
        if (slot >= watermark) {
            return broken(totals, "I3 conservation", slot, "a hint at a free slot is no slot");
        }
    }
    if (live > watermark) {
        return broken(totals, "I3 conservation", live, "more entries are counted than slots");
    }
    if (index_had_deaths(totals->index)) {
        return true;
    }
    if (free > watermark - live) {
        return broken(totals, "I3 conservation", free, "more slots are counted than there are");
    }
    /* Nobody is in a call: what is neither live nor free is dead, or abandoned. */
    if ((watermark - live - free) * store->slot_bytes > retired) {
        return broken(totals, "I3 conservation", watermark - live - free,
                      "dead slots are not counted as retired");
    }
    return true;
}

/* I3: every number that the library keeps equals what the slots say. */
static bool check_sums(struct totals *totals)
{
    const struct akin_index *const index = totals->index;
    const struct store *const store = &index->store;
    const uint64_t slots = totals->live + totals->dead + totals->abandoned + totals->pending +
                           totals->unlinking + totals->free;
    /* What a thread held that died inside a call is in no sum: docs/CONCURRENCY.md section 5.7. */
    const bool had_deaths = index_had_deaths(index);
    uint64_t moved = 0;
    if (slots != slots_watermark(&store->slots)) {
        return broken(totals, "I3 conservation", slots, "slots are lost or counted twice");
    }
    if (totals->live != frontier_count(store)) {
        return broken(totals, "I3 conservation", totals->live,
                      "the count is not that of live slots");
    }
    if (totals->keys_live != totals->live) {
        return broken(totals, "I4 keys", totals->keys_live,
                      "keys and live entries differ in number");
    }
    if (totals->free != atomic_u64_load_relaxed(&store->slots.free_count) && !had_deaths) {
        return broken(totals, "I3 conservation", totals->free, "the count of free slots is wrong");
    }
    if (totals->retired_bytes > atomic_u64_load_relaxed(&store->memory.retired) && !had_deaths) {
        return broken(totals, "I3 conservation", totals->retired_bytes,
                      "dead slots are not counted as retired");
    }
    for (uint32_t i = 0; i < index->maintainer.moved_count; i++) {
        moved += payload_block_bytes(index->maintainer.moved[i]->size);
    }
    const uint64_t live = payload_live_bytes(&store->payload);
    if (totals->payload_bytes + moved > live ||
        (totals->payload_bytes + moved < live && totals->pending == 0 && !had_deaths)) {
        return broken(totals, "I6 payload", totals->payload_bytes,
                      "payload bytes of slots and chunks differ");
    }
    return true;
}

/* I9: memory by kind adds up to the total, and the total is within the budget. */
static bool check_memory(struct totals *totals)
{
    const struct memory *const memory = &totals->index->store.memory;
    uint64_t sum = 0;
    for (int kind = 0; kind < MEMORY_KIND_COUNT; kind++) {
        sum += atomic_u64_load_relaxed(&memory->kinds[kind]);
    }
    const uint64_t total = atomic_u64_load_relaxed(&memory->total);
    if (sum != total && !index_had_deaths(totals->index)) {
        return broken(totals, "I9 memory", total, "bytes by kind do not add up to the total");
    }
    if (total > memory->budget_bytes) {
        return broken(totals, "I9 memory", total, "the budget is exceeded");
    }
    return true;
}

/* I10 to I15: the graph. */
static enum akin_status check_graph(struct totals *totals)
{
    const struct graph *const graph = totals->index->routing.graph;
    struct graph_fault fault;
    struct graph_census census;
    const enum akin_status status = graph_check(graph, &fault, &census);
    if (status == AKIN_OK && fault.invariant != NULL) {
        (void)broken(totals, fault.invariant, fault.slot, fault.message);
    }
    return status;
}

/* Look at everything. */
static enum akin_status check_deep(struct totals *totals)
{
    const struct store *const store = &totals->index->store;
    const uint32_t watermark = slots_watermark(&store->slots);
    for (uint32_t slot = 0; slot < watermark && check_slot(totals, slot);) {
        slot++;
    }
    if (!totals->is_broken) {
        key_map_visit(&store->keys, check_record, totals);
    }
    const bool whole =
        !totals->is_broken && check_sums(totals) && check_counters(totals) && check_memory(totals);
    return whole && index_is_graph(totals->index) ? check_graph(totals) : AKIN_OK;
}

/* Look at what is counted, and at a sample of the slots. */
static void check_cheap(struct totals *totals, uint32_t *cursor)
{
    const struct akin_index *const index = totals->index;
    const uint32_t watermark = slots_watermark(&index->store.slots);
    const uint32_t step = watermark / SAMPLE_SLOTS + (watermark % SAMPLE_SLOTS != 0 ? 1 : 0);
    const uint32_t first = step > 0 ? *cursor % step : 0;
    struct graph_fault fault = {0};
    *cursor = first + 1;
    if (!check_counters(totals) || !check_memory(totals)) {
        return;
    }
    /* In 64 bits: the number after the last may be none that a slot has. */
    for (uint64_t slot = first; slot < watermark; slot += step) {
        if (!sample_slot(totals, (uint32_t)slot)) {
            return;
        }
    }
    if (index_is_graph(index)) {
        graph_check_sample(index->routing.graph, first, step, &fault);
    }
    if (fault.invariant != NULL) {
        (void)broken(totals, fault.invariant, fault.slot, fault.message);
    }
}

enum akin_status akin_check(akin_index *index, enum akin_check_depth depth,
                            struct akin_error *error)
{
    if (index == NULL) {
        return error_field(error, AKIN_BAD_ARGUMENT, "index", "is NULL");
    }
    if (depth != AKIN_CHECK_CHEAP && depth != AKIN_CHECK_DEEP) {
        return error_range(error, AKIN_BAD_ARGUMENT, "depth", (double)depth, AKIN_CHECK_CHEAP,
                           AKIN_CHECK_DEEP);
    }
    if (rcu_is_inside()) {
        return error_plain(error, AKIN_IN_CALLBACK);
    }
    struct totals totals = {.index = index, .error = error};
    enum akin_status status = AKIN_OK;
    /* The maintenance thread is no call of the program's, and may be in the middle of a round. */
    maintain_claim_surely(&index->maintainer);
    rcu_enter();
    commit_settle(&index->store);
    totals.stamp = frontier_stamp(&index->store);
    if (depth == AKIN_CHECK_DEEP) {
        status = check_deep(&totals);
    } else {
        check_cheap(&totals, &index->check_cursor);
    }
    rcu_leave();
    maintain_release(&index->maintainer);
    if (status != AKIN_OK) {
        return error_plain(error, status);
    }
    return totals.is_broken ? AKIN_CORRUPT : AKIN_OK;
}
