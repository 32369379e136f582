/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The graph's storage: handles, towers, entry, root.
 *
 * Level: graph (3).
 */
#include "graph/graph.h"

#include <math.h>

#include "base/alloc.h"
#include "base/invariant.h"
#include "base/rng.h"
#include "sync/rcu.h"

static size_t header_bytes(void)
{
    return size_align(sizeof(struct graph_chunk), CACHE_LINE_BYTES);
}

static size_t handles_bytes(uint32_t chunk_shift)
{
    return size_align(sizeof(struct atomic_ptr) << chunk_shift, CACHE_LINE_BYTES);
}

uint64_t graph_chunk_bytes(uint32_t chunk_shift)
{
    return header_bytes() + 2 * handles_bytes(chunk_shift);
}

uint64_t graph_codes_bytes(const struct graph_shape *shape, uint32_t chunk_shift)
{
    return (uint64_t)shape->codec.stride_bytes << chunk_shift;
}

static enum akin_status chunk_make(void *owner, void **made)
{
    const struct graph *const graph = owner;
    const uint32_t shift = graph->slots->chunk_shift;
    const uint64_t codes_bytes = graph_codes_bytes(&graph->shape, shift);
    void *block = NULL;
    void *codes = NULL;
    enum akin_status status = memory_take(graph->memory, MEMORY_LINKS, graph_chunk_bytes(shift),
                                          CACHE_LINE_BYTES, &block);
    if (status != AKIN_OK) {
        return status;
    }
    if (codes_bytes > 0) {
        status =
            memory_take_raw(graph->memory, MEMORY_CODES, codes_bytes, CACHE_LINE_BYTES, &codes);
    }
    if (status != AKIN_OK) {
        memory_give(graph->memory, MEMORY_LINKS, block, graph_chunk_bytes(shift), CACHE_LINE_BYTES);
        return status;
    }
    struct graph_chunk *const chunk = block;
    unsigned char *const base = block;
    chunk->links = (struct atomic_ptr *)(void *)(base + header_bytes());
    chunk->towers = (struct atomic_ptr *)(void *)(base + header_bytes() + handles_bytes(shift));
    chunk->codes = codes;
    *made = chunk;
    return AKIN_OK;
}

static void chunk_give(void *owner, void *given)
{
    const struct graph *const graph = owner;
    struct graph_chunk *const chunk = given;
    const uint32_t shift = graph->slots->chunk_shift;
    memory_give(graph->memory, MEMORY_CODES, chunk->codes, graph_codes_bytes(&graph->shape, shift),
                CACHE_LINE_BYTES);
    memory_give(graph->memory, MEMORY_LINKS, chunk, graph_chunk_bytes(shift), CACHE_LINE_BYTES);
}

struct graph_shape graph_shape_of(const struct akin_options *options)
{
    struct graph_shape shape = {
        .m = options->m,
        .degree_max = 2 * options->m,
        .ef_construction = options->ef_construction,
        .alpha = options->alpha,
        .seed = options->seed,
    };
    if (options->codes != AKIN_CODES_NONE) {
        shape.codec = sq8_make(options->metric, options->type, options->dim);
    }
    /* A list is pruned only when it is a third longer than a pruned one may be. */
    shape.room = shape.degree_max + shape.degree_max / 3;
    shape.room_above = shape.m + shape.m / 3;
    shape.anchors_max = shape.m / 2 > 2 ? shape.m / 2 : 2;
    /* What is never pruned fits a block beside the rest. */
    ENSURE(shape.room + shape.anchors_max < BLOCK_IDS_MAX);
    return shape;
}

void graph_init(struct graph *graph, const struct graph_shape *shape, simd_code_fn code_dot,
                struct slots *slots)
{
    *graph = (struct graph){.shape = *shape, .slots = slots, .memory = slots->memory};
    graph->shape.codec.dot = code_dot;
    directory_init(&graph->chunks, graph->memory, MEMORY_LINKS);
    slots->count_max = slots->count_max < GRAPH_SLOTS_MAX ? slots->count_max : GRAPH_SLOTS_MAX;
    blocks_init(&graph->blocks, graph->memory);
    inflight_init(&graph->inflight);
    /* SYNC(graph.block): pairs with block_acquire. Zeroed: it has no ids. */
    atomic_ptr_store_release(&graph->root, graph_empty_root(graph));
}

void graph_end(struct graph *graph)
{
    directory_end(&graph->chunks, chunk_give, graph);
    blocks_end(&graph->blocks);
}

enum akin_status graph_prepare(struct graph *graph, uint32_t slot)
{
    const struct sq8 *const codec = &graph->shape.codec;
    const struct slots *const slots = graph->slots;
    const enum akin_status status =
        directory_ensure(&graph->chunks, slot >> slots->chunk_shift, chunk_make, chunk_give, graph);
    if (status == AKIN_OK && codec->stride_bytes > 0) {
        const uint32_t offset = slot & slots->chunk_mask;
        const struct slot_chunk *const chunk = slot_chunk_of(slots, slot);
        sq8_encode(codec, (const float *)(const void *)slot_row(slots, chunk, offset),
                   codec->metric == AKIN_COSINE ? chunk->norm[offset] : 1,
                   graph_chunk_of(graph, slot)->codes + (size_t)offset * codec->stride_bytes);
    }
    return status;
}

struct graph_chunk *graph_remove_chunk(struct graph *graph, uint32_t index)
{
    return directory_remove(&graph->chunks, index);
}

void graph_give_chunk(struct graph *graph, struct graph_chunk *chunk)
{
    chunk_give(graph, chunk);
}

uint32_t graph_level_of(const struct graph_shape *shape, uint64_t key)
{
    /* 53 bits of a word that is uniform over keys; never 0, whose logarithm is infinite. */
    const uint64_t word = rng_mix(rng_mix(key ^ shape->seed) + shape->seed);
    const double uniform = ((double)(word >> 11) + 1) * 0x1p-53;
    const double level = -log(uniform) / log((double)shape->m);
    return level < GRAPH_LEVELS_MAX ? (uint32_t)level : GRAPH_LEVELS_MAX;
}

enum akin_status tower_take(struct graph *graph, uint32_t level, struct tower **tower)
{
    /* A block with as many ids reaches as far. */
    const size_t bytes = sizeof(struct tower) + level * sizeof(struct atomic_ptr);
    struct block *block = NULL;
    const enum akin_status status =
        block_take(&graph->blocks,
                   (uint32_t)((bytes - offsetof(struct block, ids)) / sizeof(uint32_t)), &block);
    if (status != AKIN_OK) {
        return status;
    }
    *tower = (struct tower *)(void *)block;
    (*tower)->level = level;
    for (uint32_t i = 0; i < level; i++) {
        /* Relaxed: not yet published. */
        atomic_ptr_store_relaxed(&(*tower)->links[i], NULL);
    }
    return AKIN_OK;
}

/* Take a block off its handle, then retire it: who dies in between loses the block until the end,
   and does not leave it to be retired twice. Relaxed: nobody comes to the slot; its state word
   publishes this to the next owner. */
static void drop_handle(struct graph *graph, struct atomic_ptr *handle)
{
    struct block *const block = block_acquire(handle);
    atomic_ptr_store_relaxed(handle, NULL);
    block_retire(&graph->blocks, block);
}

void graph_drop(struct graph *graph, uint32_t slot)
{
    struct graph_chunk *const chunk =
        directory_find(&graph->chunks, slot >> graph->slots->chunk_shift);
    const uint32_t offset = slot & graph->slots->chunk_mask;
    if (chunk == NULL) {
        return; /* its call found no memory for it */
    }
    struct tower *const tower =
        atomic_ptr_load_acquire(&chunk->towers[offset]); /* SYNC(graph.tower) */
    for (uint32_t level = 1; tower != NULL && level <= tower->level; level++) {
        drop_handle(graph, &tower->links[level - 1]);
    }
    drop_handle(graph, &chunk->towers[offset]); /* in the place of a block */
    drop_handle(graph, &chunk->links[offset]);
}

void graph_raise_entry(struct graph *graph, uint32_t slot, uint32_t level)
{
    for (;;) {
        /* SYNC(graph.entry): pairs with itself and with the loads of searches; the slot's blocks
           are visible. */
        const uint64_t entry = atomic_u64_load_acquire(&graph->entry);
        if (entry != GRAPH_NO_ENTRY && entry_level(entry) >= level) {
            return;
        }
        if (atomic_u64_cas(&graph->entry, entry, entry_word(slot, level))) {
            return;
        }
        sched_point(SCHED_RETRY, &graph->entry);
    }
}

_Static_assert(offsetof(struct tower, count) == offsetof(struct block, count),
               "a tower is retired as the block in whose place it is");
_Static_assert((sizeof(struct tower) + GRAPH_LEVELS_MAX * sizeof(struct atomic_ptr)) <=
                   GRAPH_BLOCK_LINES_MAX * CACHE_LINE_BYTES,
               "a tower fits a block");
