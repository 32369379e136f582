/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots: chunks, claiming, states.
 *
 * Level: store (2). The state machine and who may write what are in the header.
 */
#include "store/slots.h"

#include <stddef.h>

#include "base/invariant.h"
#include "sync/backoff.h"
#include "sync/rcu.h"

/* Where the arrays of a chunk lie in its one block of memory; rows are a block of their own. */
struct chunk_layout {
    size_t born, died, state, payload, key, prev, norm, dead, bytes;
};

static struct chunk_layout layout_of(uint32_t chunk_shift)
{
    const size_t slots = (size_t)1 << chunk_shift;
    struct chunk_layout layout;
    size_t at = size_align(sizeof(struct slot_chunk), CACHE_LINE_BYTES);
    layout.born = at;
    at = size_align(at + slots * sizeof(struct atomic_u64), CACHE_LINE_BYTES);
    layout.died = at;
    at = size_align(at + slots * sizeof(struct atomic_u64), CACHE_LINE_BYTES);
    layout.state = at;
    at = size_align(at + slots * sizeof(struct atomic_u64), CACHE_LINE_BYTES);
    layout.payload = at;
    at = size_align(at + slots * sizeof(struct atomic_ptr), CACHE_LINE_BYTES);
    layout.key = at;
    at = size_align(at + slots * sizeof(uint64_t), CACHE_LINE_BYTES);
    layout.prev = at;
    at = size_align(at + slots * sizeof(struct atomic_u32), CACHE_LINE_BYTES);
    layout.norm = at;
    at = size_align(at + slots * sizeof(float), CACHE_LINE_BYTES);
    layout.dead = at;
    layout.bytes = size_align(at + bitmap_bytes((uint32_t)slots), CACHE_LINE_BYTES);
    return layout;
}

static size_t rows_bytes(const struct slots *slots)
{
    return (size_t)slots->row_stride << slots->chunk_shift;
}

uint32_t slots_chunk_shift(uint32_t row_stride, uint64_t capacity)
{
    uint32_t shift = (uint32_t)__builtin_ctz(SLOT_CHUNK_SLOTS_MIN);
    while ((1u << shift) < SLOT_CHUNK_SLOTS_MAX &&
           ((uint64_t)row_stride << shift) < SLOT_CHUNK_ROWS_GOAL &&
           (capacity == 0 || (1ull << shift) < capacity)) {
        shift++;
    }
    return shift;
}

uint64_t slots_chunk_meta_bytes(uint32_t chunk_shift)
{
    return layout_of(chunk_shift).bytes;
}

enum akin_status slots_init(struct slots *slots, struct memory *memory, uint32_t row_bytes,
                            uint64_t capacity)
{
    const uint32_t stride = (uint32_t)size_align(row_bytes, ROW_ALIGNMENT_BYTES);
    const uint32_t shift = slots_chunk_shift(stride, capacity);
    const uint64_t directory = ((uint64_t)SLOT_DIRECTORY_TOP * SLOT_DIRECTORY_LEAF) << shift;
    void *cells = NULL;
    *slots = (struct slots){
        .memory = memory,
        .row_bytes = row_bytes,
        .row_stride = stride,
        .chunk_shift = shift,
        .chunk_mask = (1u << shift) - 1,
        .count_max = directory < SLOT_COUNT_MAX ? (uint32_t)directory : SLOT_COUNT_MAX,
    };
    const enum akin_status status =
        memory_take(memory, MEMORY_SLOTS, SLOT_FREE_RING_ENTRIES * sizeof(struct ck_ring_buffer),
                    CACHE_LINE_BYTES, &cells);
    if (status != AKIN_OK) {
        return status;
    }
    slots->hint_cells = cells;
    directory_init(&slots->directory, memory, MEMORY_SLOTS);
    ring_init(&slots->hints, slots->hint_cells, SLOT_FREE_RING_ENTRIES);
    return AKIN_OK;
}

static void chunk_give(void *owner, void *given)
{
    struct slots *const slots = owner;
    struct slot_chunk *const chunk = given;
    memory_give(slots->memory, MEMORY_ROWS, chunk->rows, rows_bytes(slots), CACHE_LINE_BYTES);
    memory_give(slots->memory, MEMORY_SLOTS, chunk, layout_of(slots->chunk_shift).bytes,
                CACHE_LINE_BYTES);
}

void slots_end(struct slots *slots)
{
    directory_end(&slots->directory, chunk_give, slots);
    memory_give(slots->memory, MEMORY_SLOTS, slots->hint_cells,
                SLOT_FREE_RING_ENTRIES * sizeof(struct ck_ring_buffer), CACHE_LINE_BYTES);
}

static enum akin_status chunk_make(void *owner, void **made)
{
    struct slots *const slots = owner;
    const struct chunk_layout layout = layout_of(slots->chunk_shift);
    void *block = NULL;
    void *rows = NULL;
    enum akin_status status =
        memory_take(slots->memory, MEMORY_SLOTS, layout.bytes, CACHE_LINE_BYTES, &block);
    if (status != AKIN_OK) {
        return status;
    }
    status =
        memory_take_raw(slots->memory, MEMORY_ROWS, rows_bytes(slots), CACHE_LINE_BYTES, &rows);
    if (status != AKIN_OK) {
        memory_give(slots->memory, MEMORY_SLOTS, block, layout.bytes, CACHE_LINE_BYTES);
        return status;
    }
    unsigned char *const base = block;
    struct slot_chunk *const chunk = block;
    chunk->born = (struct atomic_u64 *)(void *)(base + layout.born);
    chunk->died = (struct atomic_u64 *)(void *)(base + layout.died);
    chunk->state = (struct atomic_u64 *)(void *)(base + layout.state);
    chunk->payload = (struct atomic_ptr *)(void *)(base + layout.payload);
    chunk->key = (uint64_t *)(void *)(base + layout.key);
    chunk->prev = (struct atomic_u32 *)(void *)(base + layout.prev);
    chunk->norm = (float *)(void *)(base + layout.norm);
    chunk->dead = bitmap_init(base + layout.dead, 1u << slots->chunk_shift);
    chunk->rows = rows;
    *made = chunk;
    return AKIN_OK;
}

/* Make a FREE slot PENDING; whether it was this call that did. */
static bool take_free(struct slot_chunk *chunk, uint32_t offset)
{
    const uint64_t word = slot_state_acquire(chunk, offset);
    if (slot_state_of(word) != SLOT_FREE) {
        return false;
    }
    const uint64_t taken = slot_word(slot_generation_of(word) + 1, SLOT_PENDING);
    /* SYNC(slot.state): acquires what maintenance reset before it made the slot FREE. */
    return atomic_u64_cas(&chunk->state[offset], word, taken);
}

/* Claim a slot below the watermark if it is FREE. */
static bool claim_if_free(struct slots *slots, uint32_t slot)
{
    struct slot_chunk *const chunk = slot_chunk_of(slots, slot);
    if (chunk == NULL || !take_free(chunk, slot & slots->chunk_mask)) {
        return false; /* an old hint: somebody else has it, or its chunk was given back */
    }
    atomic_u64_sub_floor(&slots->free_count, 1);
    return true;
}

/* Claim a FREE slot that somebody hinted at; false when there is no hint left. */
static bool claim_hinted(struct slots *slots, uint32_t *claimed)
{
    uint32_t slot;
    while (ring_take(&slots->hints, &slot)) {
        if (claim_if_free(slots, slot)) {
            *claimed = slot;
            return true;
        }
    }
    return false;
}

/* Look for a FREE slot without a hint: the ring is bounded, and a thread may die with a hint in
   hand. */
static bool claim_searched(struct slots *slots, uint32_t *claimed)
{
    if (atomic_u64_load_relaxed(&slots->free_count) == 0) {
        return false;
    }
    const uint32_t watermark = slots_watermark(slots);
    const uint32_t limit = watermark < SLOT_SEARCH_MAX ? watermark : SLOT_SEARCH_MAX;
    uint32_t slot = atomic_u32_load_relaxed(&slots->search_at);
    for (uint32_t i = 0; i < limit; i++, slot++) {
        slot = slot < watermark ? slot : 0;
        if (slot_chunk_of(slots, slot) == NULL) {
            slot = slots_chunk_last(slots, slot);
            continue;
        }
        if (claim_if_free(slots, slot)) {
            atomic_u32_store_relaxed(&slots->search_at, slot + 1);
            *claimed = slot;
            return true;
        }
    }
    atomic_u32_store_relaxed(&slots->search_at, slot);
    return false;
}

/* Claim a slot of a chunk that was given back, which is made anew; false when there is none, or no
   memory for it. */
static bool claim_absent(struct slots *slots, uint32_t *claimed)
{
    const uint32_t chunks = slots_chunk_count(slots, slots_watermark(slots));
    for (uint32_t index = 0; index < chunks && slots_absent(slots) > 0; index++) {
        if (slots_chunk(slots, index) != NULL) {
            continue;
        }
        if (directory_ensure(&slots->directory, index, chunk_make, chunk_give, slots) != AKIN_OK) {
            return false;
        }
        const uint32_t first = index << slots->chunk_shift;
        for (uint32_t slot = first; slot - first <= slots->chunk_mask; slot++) {
            if (claim_if_free(slots, slot)) {
                atomic_u32_store_relaxed(&slots->search_at, slot + 1);
                *claimed = slot;
                return true;
            }
        }
    }
    return false;
}

/* Move the watermark on: one more slot is FREE, and counted before anybody can claim it. False when
   somebody else was faster. */
static bool advance(struct slots *slots, uint32_t next)
{
    (void)atomic_u64_fetch_add_relaxed(&slots->free_count, 1);
    /* SYNC(slots.next): pairs with slots_watermark. */
    if (atomic_u32_cas(&slots->next, next, next + 1)) {
        return true;
    }
    atomic_u64_sub_floor(&slots->free_count, 1);
    return false;
}

static enum akin_status claim_fresh(struct slots *slots, uint32_t *claimed)
{
    struct backoff backoff = backoff_start();
    for (;;) {
        const uint32_t next = slots_watermark(slots);
        if (next >= slots->count_max) {
            return AKIN_INDEX_FULL;
        }
        /* The chunk first: a number must not be burnt on a path that can fail. */
        const enum akin_status status = directory_ensure(
            &slots->directory, next >> slots->chunk_shift, chunk_make, chunk_give, slots);
        if (status != AKIN_OK) {
            return status;
        }
        /* Each failure means that somebody else got a slot, or that maintenance took the chunk. */
        if (advance(slots, next) && claim_if_free(slots, next)) {
            *claimed = next;
            return AKIN_OK;
        }
        backoff_pause(&backoff);
    }
}

enum akin_status slot_claim(struct slots *slots, uint32_t *slot)
{
    REQUIRE(rcu_is_inside());
    if (!claim_hinted(slots, slot) && !claim_searched(slots, slot) && !claim_absent(slots, slot)) {
        const enum akin_status status = claim_fresh(slots, slot);
        if (status != AKIN_OK) {
            return status;
        }
    }
    struct slot_chunk *const chunk = slot_chunk_of(slots, *slot);
    const uint32_t offset = *slot & slots->chunk_mask;
    INVARIANT(atomic_u64_load_relaxed(&chunk->born[offset]) == STAMP_NEVER);
    INVARIANT(atomic_u64_load_relaxed(&chunk->died[offset]) == STAMP_NEVER);
    INVARIANT(atomic_ptr_load_relaxed(&chunk->payload[offset]) == NULL);
    /* Relaxed: nobody follows it before the commit publishes the slot. */
    atomic_u32_store_relaxed(&chunk->prev[offset], SLOT_UNSET);
    return AKIN_OK;
}

bool slot_advance(struct slot_chunk *chunk, uint32_t offset, enum slot_state from,
                  enum slot_state to)
{
    const uint64_t word = slot_state_acquire(chunk, offset);
    if (slot_state_of(word) != from) {
        return false;
    }
    /* SYNC(slot.state): pairs with slot_state_acquire. */
    return atomic_u64_cas(&chunk->state[offset], word, slot_word(slot_generation_of(word), to));
}

void slot_link(struct slots *slots, uint32_t slot)
{
    struct slot_chunk *const chunk = slot_chunk_of(slots, slot);
    const bool linked = slot_advance(chunk, slot & slots->chunk_mask, SLOT_PENDING, SLOT_LINKED);
    ENSURE(linked);
    (void)linked;
}

void slot_abandon(struct slots *slots, uint32_t slot)
{
    struct slot_chunk *const chunk = slot_chunk_of(slots, slot);
    const uint32_t offset = slot & slots->chunk_mask;
    /* In a graph somebody else may make it ANCHORED meanwhile. */
    while (!slot_advance(chunk, offset, slot_state_of(slot_state_acquire(chunk, offset)),
                         SLOT_ABANDONED)) {
        sched_point(SCHED_RETRY, &chunk->state[offset]);
    }
    sched_point(SCHED_RETIRED, &chunk->state[offset]);
    bitmap_set(chunk->dead, offset);
}

void slot_free(struct slots *slots, uint32_t slot, enum slot_state from)
{
    struct slot_chunk *const chunk = slot_chunk_of(slots, slot);
    const uint32_t offset = slot & slots->chunk_mask;
    sched_point(SCHED_REUSED, &chunk->state[offset]);
    bitmap_clear(chunk->dead, offset);
    /* Counted before it can be claimed, so that the number never falls below zero. */
    (void)atomic_u64_fetch_add_relaxed(&slots->free_count, 1);
    const bool freed = slot_advance(chunk, offset, from, SLOT_FREE);
    ENSURE(freed);
    (void)freed;
    (void)ring_append(&slots->hints, slot); /* full: slots_refill_hints finds it later */
}

/* Make `count` slots of a chunk FREE again that were taken, not claimed. */
static void untake(struct slot_chunk *chunk, uint32_t count)
{
    for (uint32_t offset = 0; offset < count; offset++) {
        const bool freed = slot_advance(chunk, offset, SLOT_PENDING, SLOT_FREE);
        ENSURE(freed);
        (void)freed;
    }
}

bool slots_take_chunk(struct slots *slots, uint32_t index)
{
    struct slot_chunk *const chunk = slots_chunk(slots, index);
    const uint32_t first = index << slots->chunk_shift;
    REQUIRE(rcu_is_inside());
    if (chunk == NULL || slots_chunk_last(slots, first) - first < slots->chunk_mask) {
        return false; /* there is none, or it reaches beyond the last number */
    }
    /* Not taken off the count of FREE slots: nobody who claims counts on these, and they are FREE
       again before this section ends, here or in another chunk. */
    for (uint32_t offset = 0; offset <= slots->chunk_mask; offset++) {
        uint32_t next = slots_watermark(slots);
        while (next <= first + offset) {
            (void)advance(slots, next);
            next = slots_watermark(slots);
        }
        if (!take_free(chunk, offset)) {
            untake(chunk, offset);
            return false;
        }
    }
    return true;
}

struct slot_chunk *slots_remove_chunk(struct slots *slots, uint32_t index)
{
    struct slot_chunk *const chunk = directory_remove(&slots->directory, index);
    ENSURE(chunk != NULL);
    sched_point(SCHED_RETIRED, chunk);
    return chunk;
}

void slots_give_chunk(struct slots *slots, struct slot_chunk *chunk)
{
    sched_point(SCHED_REUSED, chunk);
    chunk_give(slots, chunk);
}

uint64_t slots_absent(const struct slots *slots)
{
    /* Relaxed: a hint. Negative for an instant, when a chunk was made and is not yet counted, or
       made before the watermark came to it. */
    const uint32_t chunks = slots_chunk_count(slots, slots_watermark(slots));
    const uint32_t absent = chunks - atomic_u32_load_relaxed(&slots->directory.present);
    return absent <= chunks ? (uint64_t)absent << slots->chunk_shift : 0;
}

void slots_refill_hints(struct slots *slots, uint32_t *cursor)
{
    const uint32_t watermark = slots_watermark(slots);
    const uint32_t most = watermark < SLOT_REFILL_LOOKS ? watermark : SLOT_REFILL_LOOKS;
    for (uint32_t seen = 0; seen < most; seen++) {
        const uint32_t slot = *cursor < watermark ? *cursor : 0;
        const bool is_free = slot_state(slots, slot) == SLOT_FREE;
        if (is_free && slot_chunk_of(slots, slot) != NULL && !ring_append(&slots->hints, slot)) {
            return; /* the ring is full; go on from here next time */
        }
        *cursor = slot + 1;
    }
}

void slots_recount(struct slots *slots)
{
    const uint64_t before = atomic_u64_load_relaxed(&slots->free_count);
    const uint32_t watermark = slots_watermark(slots);
    uint64_t found = 0;
    for (uint32_t slot = 0; slot < watermark; slot++) {
        found += slot_state(slots, slot) == SLOT_FREE ? 1 : 0;
    }
    if (found != before && atomic_u64_load_relaxed(&slots->free_count) == before) {
        (void)atomic_u64_cas(&slots->free_count, before, found);
    }
}
