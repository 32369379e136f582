/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks of neighbors.
 *
 * Level: graph (3).
 */
#include "graph/blocks.h"

#include <stddef.h>

#include "base/invariant.h"

static uint32_t lines_of(uint32_t count)
{
    const size_t bytes = offsetof(struct block, ids) + count * sizeof(uint32_t);
    return (uint32_t)((bytes + CACHE_LINE_BYTES - 1) / CACHE_LINE_BYTES);
}

size_t block_bytes(uint32_t count)
{
    return (size_t)lines_of(count) * CACHE_LINE_BYTES;
}

void blocks_init(struct blocks *blocks, struct memory *memory)
{
    for (uint32_t i = 0; i < GRAPH_BLOCK_LINES_MAX; i++) {
        pool_init(&blocks->sizes[i], memory, MEMORY_LINKS, (size_t)(i + 1) * CACHE_LINE_BYTES,
                  offsetof(struct block, pooled), CACHE_LINE_BYTES);
        pool_set_growth(&blocks->sizes[i], GRAPH_BLOCK_CHUNK_BYTES_MAX);
    }
}

void blocks_end(struct blocks *blocks)
{
    for (uint32_t i = 0; i < GRAPH_BLOCK_LINES_MAX; i++) {
        pool_end(&blocks->sizes[i]);
    }
}

enum akin_status block_take(struct blocks *blocks, uint32_t count, struct block **block)
{
    void *memory = NULL;
    REQUIRE(count <= BLOCK_IDS_MAX);
    const enum akin_status status = pool_take(&blocks->sizes[lines_of(count) - 1], &memory);
    if (status == AKIN_OK) {
        *block = memory;
        (*block)->count = count;
    }
    return status;
}

void block_retire(struct blocks *blocks, struct block *block)
{
    if (block != NULL) {
        pool_retire(&blocks->sizes[lines_of(block->count) - 1], block);
    }
}

void blocks_collect(struct blocks *blocks, struct blocks_dead *dead)
{
    for (uint32_t i = 0; i < GRAPH_BLOCK_LINES_MAX; i++) {
        dead->sizes[i] = pool_collect(&blocks->sizes[i]);
    }
}

uint64_t blocks_recycle(struct blocks *blocks, struct blocks_dead *dead)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < GRAPH_BLOCK_LINES_MAX; i++) {
        count += pool_recycle(&blocks->sizes[i], dead->sizes[i]);
        dead->sizes[i] = NULL;
    }
    return count;
}

void blocks_set_aside(struct blocks *blocks)
{
    for (uint32_t i = 0; i < GRAPH_BLOCK_LINES_MAX; i++) {
        pool_set_aside(&blocks->sizes[i]);
    }
}

void blocks_drop_chunks(struct blocks *blocks)
{
    for (uint32_t i = 0; i < GRAPH_BLOCK_LINES_MAX; i++) {
        pool_drop_chunks(&blocks->sizes[i]);
    }
}

uint64_t blocks_give_chunks(struct blocks *blocks)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < GRAPH_BLOCK_LINES_MAX; i++) {
        count += pool_give_chunks(&blocks->sizes[i]);
    }
    return count;
}
