/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The payload arena.
 *
 * Level: store (2). The life of a chunk is in the header.
 */
#include "store/payload.h"

#include "base/invariant.h"
#include "base/limits.h"
#include "sync/rcu.h"

static unsigned char *chunk_content(struct payload_chunk *chunk)
{
    return (unsigned char *)(chunk + 1);
}

static size_t chunk_bytes(uint64_t capacity)
{
    return size_add(sizeof(struct payload_chunk), (size_t)capacity);
}

uint64_t payload_block_bytes(uint64_t size)
{
    return size_align(sizeof(struct payload_block) + (size_t)size, PAYLOAD_ALIGNMENT_BYTES);
}

void payload_init(struct payload_arena *arena, struct memory *memory)
{
    *arena = (struct payload_arena){.memory = memory};
}

static void chunk_give(struct payload_arena *arena, struct payload_chunk *chunk)
{
    memory_give(arena->memory, MEMORY_PAYLOAD, chunk, chunk_bytes(chunk->capacity),
                CACHE_PAIR_BYTES);
}

void payload_end(struct payload_arena *arena)
{
    struct payload_chunk *chunk = atomic_ptr_load_acquire(&arena->chunks);
    while (chunk != NULL) {
        struct payload_chunk *const next = atomic_ptr_load_acquire(&chunk->next);
        chunk_give(arena, chunk);
        chunk = next;
    }
    atomic_ptr_store_relaxed(&arena->chunks, NULL);
    atomic_ptr_store_relaxed(&arena->current, NULL);
}

static enum akin_status chunk_make(struct payload_arena *arena, uint64_t capacity,
                                   struct payload_chunk **made)
{
    void *memory = NULL;
    const enum akin_status status = memory_take_raw(
        arena->memory, MEMORY_PAYLOAD, chunk_bytes(capacity), CACHE_PAIR_BYTES, &memory);
    if (status == AKIN_OK) {
        *made = memory;
        **made = (struct payload_chunk){.capacity = capacity};
    }
    return status;
}

/* Put a chunk on the list of all. */
static void chunk_list(struct payload_arena *arena, struct payload_chunk *chunk)
{
    void *head;
    do {
        head = atomic_ptr_load_acquire(&arena->chunks);
        atomic_ptr_store_relaxed(&chunk->next, head);
        /* SYNC(payload.chunks): pairs with the loads of the maintainer; the chunk is visible. */
    } while (!atomic_ptr_cas(&arena->chunks, head, chunk));
}

static struct payload_block *cut(struct payload_arena *arena, struct payload_chunk *chunk,
                                 uint64_t offset, uint64_t size)
{
    const uint64_t bytes = payload_block_bytes(size);
    struct payload_block *const block =
        (struct payload_block *)(void *)(chunk_content(chunk) + offset);
    (void)atomic_u64_fetch_add_relaxed(&chunk->live, bytes);
    (void)atomic_u64_fetch_add_relaxed(&arena->live, bytes);
    block->chunk = chunk;
    block->size = size;
    return block;
}

/* A payload that would waste much of a shared chunk gets one of its own, closed from the start. */
static enum akin_status reserve_alone(struct payload_arena *arena, uint64_t size,
                                      struct payload_block **block)
{
    struct payload_chunk *chunk = NULL;
    const uint64_t bytes = payload_block_bytes(size);
    const enum akin_status status = chunk_make(arena, bytes, &chunk);
    if (status != AKIN_OK) {
        return status;
    }
    atomic_u64_store_relaxed(&chunk->tail, bytes);
    atomic_u32_store_relaxed(&chunk->closed, 1); /* published by the list; live is counted before */
    *block = cut(arena, chunk, 0, size);
    chunk_list(arena, chunk);
    return AKIN_OK;
}

static void chunk_close(struct payload_chunk *chunk)
{
    /* SYNC(payload.closed): pairs with payload_mark; the chunk was replaced before. */
    atomic_u32_store_release(&chunk->closed, 1);
}

/* Put a new chunk in the place of `full`, the current one or NULL. It is on the list of all before
   anybody can cut from it, so that nothing is lost if this thread ends in between. */
static enum akin_status open_chunk(struct payload_arena *arena, struct payload_chunk *full)
{
    struct payload_chunk *fresh = NULL;
    const enum akin_status status = chunk_make(arena, PAYLOAD_CHUNK_BYTES, &fresh);
    if (status != AKIN_OK) {
        return status;
    }
    chunk_list(arena, fresh);
    /* SYNC(payload.current): pairs with the load in payload_reserve. A failure means that somebody
       else opened a chunk; ours goes the way of all empty ones. */
    if (!atomic_ptr_cas(&arena->current, full, fresh)) {
        chunk_close(fresh);
    } else if (full != NULL) {
        chunk_close(full);
    }
    return AKIN_OK;
}

enum akin_status payload_reserve(struct payload_arena *arena, uint64_t size,
                                 struct payload_block **block)
{
    const uint64_t bytes = payload_block_bytes(size);
    REQUIRE(rcu_is_inside());
    if (bytes > PAYLOAD_SHARED_BYTES_MAX) {
        return reserve_alone(arena, size, block);
    }
    for (;;) {
        /* SYNC(payload.current): pairs with open_chunk; the chunk is visible. */
        struct payload_chunk *const chunk = atomic_ptr_load_acquire(&arena->current);
        if (chunk != NULL) {
            /* Relaxed: the fetch-add alone makes the range ours; the commit publishes its bytes. */
            const uint64_t offset = atomic_u64_fetch_add_relaxed(&chunk->tail, bytes);
            if (offset + bytes <= chunk->capacity) {
                *block = cut(arena, chunk, offset, size);
                return AKIN_OK;
            }
        }
        const enum akin_status status = open_chunk(arena, chunk);
        if (status != AKIN_OK && atomic_ptr_load_acquire(&arena->current) == chunk) {
            return status; /* otherwise somebody else opened one, which serves */
        }
    }
}

void payload_release(struct payload_arena *arena, struct payload_block *block)
{
    const uint64_t bytes = payload_block_bytes(block->size);
    (void)atomic_u64_fetch_sub_relaxed(&arena->live, bytes);
    /* Release: what we did with the bytes happens before the maintainer that sees 0 frees them.
       SYNC(payload.live) */
    const uint64_t before = atomic_u64_fetch_sub_acq_rel(&block->chunk->live, bytes);
    ENSURE(before >= bytes);
    (void)before;
}

void payload_close_empty(struct payload_arena *arena)
{
    /* SYNC(payload.current): pairs with open_chunk and payload_reserve. */
    struct payload_chunk *const chunk = atomic_ptr_load_acquire(&arena->current);
    /* Who is about to cut from it is waited for before it is given back, as when it is full. */
    if (chunk != NULL && atomic_u64_load_acquire(&chunk->live) == 0 &&
        atomic_ptr_cas(&arena->current, chunk, NULL)) {
        chunk_close(chunk);
    }
}

bool payload_mark(struct payload_arena *arena)
{
    bool found = false;
    /* SYNC(payload.chunks): pairs with the compare-and-swap in chunk_list. */
    struct payload_chunk *chunk = atomic_ptr_load_acquire(&arena->chunks);
    for (; chunk != NULL; chunk = atomic_ptr_load_acquire(&chunk->next)) {
        /* SYNC(payload.closed): pairs with chunk_close.
           SYNC(payload.live): pairs with payload_release. */
        const bool empty = atomic_u32_load_acquire(&chunk->closed) != 0 &&
                           atomic_u64_load_acquire(&chunk->live) == 0;
        chunk->candidate = empty;
        found = found || empty;
    }
    return found;
}

/* Take a chunk out of the list. Only the maintainer removes, so only the head can move under it. */
static void chunk_unlist(struct payload_arena *arena, struct payload_chunk *chunk)
{
    void *const next = atomic_ptr_load_acquire(&chunk->next);
    if (atomic_ptr_cas(&arena->chunks, chunk, next)) {
        return;
    }
    struct payload_chunk *before = atomic_ptr_load_acquire(&arena->chunks);
    while (atomic_ptr_load_acquire(&before->next) != chunk) {
        before = atomic_ptr_load_acquire(&before->next);
    }
    atomic_ptr_store_release(&before->next, next);
}

void payload_sweep(struct payload_arena *arena)
{
    struct payload_chunk *chunk = atomic_ptr_load_acquire(&arena->chunks);
    while (chunk != NULL) {
        struct payload_chunk *const next = atomic_ptr_load_acquire(&chunk->next);
        /* A chunk opened after payload_mark has candidate 0. SYNC(payload.live) */
        if (chunk->candidate != 0 && atomic_u64_load_acquire(&chunk->live) == 0) {
            chunk_unlist(arena, chunk);
            chunk_give(arena, chunk);
        }
        chunk = next;
    }
}

bool payload_is_sparse(const struct payload_block *block)
{
    const struct payload_chunk *const chunk = block->chunk;
    return atomic_u32_load_acquire(&chunk->closed) != 0 && chunk->capacity == PAYLOAD_CHUNK_BYTES &&
           atomic_u64_load_relaxed(&chunk->live) < chunk->capacity / PAYLOAD_SPARSE_DIVISOR;
}

bool payload_is_wasteful(const struct payload_arena *arena)
{
    const uint64_t held = atomic_u64_load_relaxed(&arena->memory->kinds[MEMORY_PAYLOAD]);
    const uint64_t live = atomic_u64_load_relaxed(&arena->live);
    return held > 4 * PAYLOAD_CHUNK_BYTES && live < held / 2;
}

uint64_t payload_live_bytes(const struct payload_arena *arena)
{
    uint64_t sum = 0;
    const struct payload_chunk *chunk = atomic_ptr_load_acquire(&arena->chunks);
    for (; chunk != NULL; chunk = atomic_ptr_load_acquire(&chunk->next)) {
        sum += atomic_u64_load_acquire(&chunk->live);
    }
    return sum;
}
