/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks: immutable lists of neighbors, replaced whole and reused after a grace period.
 *
 * Level   : graph (3).
 * Promises: a block is written by its maker before it is published, and never again while anybody
 *           may see it. Each size has a pool; a block goes back through the graveyard alone, also
 *           when it was never published (store/pool.h).
 */
#ifndef AKIN_GRAPH_BLOCKS_H
#define AKIN_GRAPH_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

#include "akin/status.h"
#include "base/attributes.h"
#include "base/limits.h"
#include "store/memory.h"
#include "store/pool.h"

/* An id is a slot number, with this bit when the edge is an anchor: docs/graph.md section 3. */
#define BLOCK_ANCHOR 0x80000000u

struct block {
    struct pool_object pooled;
    uint32_t count;
    uint32_t ids[];
};

struct blocks {
    struct pool sizes[GRAPH_BLOCK_LINES_MAX]; /* blocks of i + 1 cache lines */
};

/* What the graveyards held when a round of maintenance began. */
struct blocks_dead {
    struct stack_link *sizes[GRAPH_BLOCK_LINES_MAX];
};

/* Ids that fit the largest block. */
#define BLOCK_IDS_MAX                                                                              \
    ((uint32_t)((GRAPH_BLOCK_LINES_MAX * CACHE_LINE_BYTES - offsetof(struct block, ids)) /         \
                sizeof(uint32_t)))

static inline uint32_t block_slot(uint32_t id)
{
    return id & ~BLOCK_ANCHOR;
}

/* Bytes of a block with so many ids. PURE. */
size_t block_bytes(uint32_t count);

/* Threads: SETUP. */
void blocks_init(struct blocks *blocks, struct memory *memory);
void blocks_end(struct blocks *blocks);

/*
 * Take a block with room for `count` ids; its count is set, its ids are not.
 *
 * Status : AKIN_OK; AKIN_NO_MEMORY; AKIN_OVER_BUDGET.
 * Threads: any, inside a read section; lock-free but for the allocator.
 */
MUST_CHECK enum akin_status block_take(struct blocks *blocks, uint32_t count, struct block **block);

/* Retire a block, published or not. NULL is ignored. Threads: any, inside a read section. */
void block_retire(struct blocks *blocks, struct block *block);

/* Give memory back in three steps, as pool_set_aside, pool_drop_chunks, pool_give_chunks. Threads:
   the maintainer, the first one inside. */
void blocks_set_aside(struct blocks *blocks);
void blocks_drop_chunks(struct blocks *blocks);
uint64_t blocks_give_chunks(struct blocks *blocks);

/* Recycle in two halves, as pool_collect and pool_recycle. Threads: the maintainer. */
void blocks_collect(struct blocks *blocks, struct blocks_dead *dead);
uint64_t blocks_recycle(struct blocks *blocks, struct blocks_dead *dead);

#endif
