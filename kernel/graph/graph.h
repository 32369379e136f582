/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The graph: for each slot the block of its neighbors at each of its levels, and where a search
 * begins.
 *
 * Level   : graph (3).
 * Promises: readers load a handle once and use that block; nothing that they can reach changes in
 *           place but handles, which are replaced by compare-and-swap. The graph only routes: which
 *           entries a search may return is decided by stamps (store/slots.h).
 * Protocol: docs/graph.md. The root is a block without a slot. Every ANCHORED slot is reachable
 *           from it over anchor edges, at each instant; only maintenance takes anchor edges away.
 */
#ifndef AKIN_GRAPH_GRAPH_H
#define AKIN_GRAPH_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "akin/status.h"
#include "base/attributes.h"
#include "graph/blocks.h"
#include "graph/inflight.h"
#include "quant/sq8.h"
#include "store/directory.h"
#include "store/slots.h"
#include "sync/atomic.h"

/* Slot numbers of a graph are below this, so that two bits of a word are free for marks. */
#define GRAPH_SLOTS_MAX 0x40000000u

/* No slot: an index without entry point. */
#define GRAPH_NO_ENTRY 0u

/* The handles of the levels above the lowest. Written before it is published with the first edge to
   its slot; its handles then change by compare-and-swap. Takes the place of a block. */
struct tower {
    struct pool_object pooled;
    uint32_t count; /* as of the block in whose place it is */
    uint32_t level;
    struct atomic_ptr links[]; /* of levels 1 .. level */
};

/* The handles of the slots of a chunk: struct block, struct tower; NULL when the slot is in no
   graph. Written by the claimer while PENDING; compare-and-swap while the slot is in use; reset by
   maintenance. */
struct graph_chunk {
    struct atomic_ptr *links;
    struct atomic_ptr *towers;
    unsigned char *codes; /* plain; written by the claimer while PENDING, as the rows are */
};

/* What a graph is made with; never changes. */
struct graph_shape {
    uint32_t m;           /* neighbors that an insert chooses at a level */
    uint32_t degree_max;  /* neighbors at the lowest level after a prune: 2 m */
    uint32_t room;        /* neighbors at the lowest level that make it prune */
    uint32_t room_above;  /* the same above it */
    uint32_t anchors_max; /* anchor edges of a node that is offered more of them */
    uint32_t ef_construction;
    float alpha;   /* pruning: 1 keeps the fewest edges */
    uint64_t seed; /* of levels */
    struct sq8 codec;
};

struct graph {
    struct graph_shape shape;
    struct slots *slots;
    struct memory *memory;
    struct directory chunks; /* of struct graph_chunk */
    bool is_swept; /* the maintainer's: the slots that are UNLINKING are out of all lists but each
                      other's, and some may be free already */
    struct blocks blocks;
    struct atomic_ptr root CACHE_PAIR_ALIGNED; /* struct block, all ids anchors; never NULL */
    /* The root's block while it has no children: no chunk of blocks stays for it alone. It comes
       back only after a sweep, hence not within a section. */
    _Alignas(struct block) unsigned char empty_root[sizeof(struct block)];
    struct atomic_u64 entry; /* where searches begin: level in the upper half, slot + 1 below */
    struct inflight inflight;
};

/* The shape that goes with the options of an index. PURE. */
struct graph_shape graph_shape_of(const struct akin_options *options);

/* Bytes of a chunk beside those of the store, and of its codes. PURE. */
uint64_t graph_chunk_bytes(uint32_t chunk_shift);
uint64_t graph_codes_bytes(const struct graph_shape *shape, uint32_t chunk_shift);

/* Make an empty graph over the slots of a store. It must not move. code_dot: the kernel for its
   codes. Threads: SETUP. */
void graph_init(struct graph *graph, const struct graph_shape *shape, simd_code_fn code_dot,
                struct slots *slots);
void graph_end(struct graph *graph);

/* Make sure that a slot's chunk of handles exists, and code its row, which is written, as its norm
   is. Threads: the claimer of the slot; lock-free but for the allocator. */
MUST_CHECK enum akin_status graph_prepare(struct graph *graph, uint32_t slot);

/* Take the handles of a chunk of slots out, if there are any, and give their memory back after a
   grace period. Threads: the maintainer, who has all slots of the chunk in hand. */
struct graph_chunk *graph_remove_chunk(struct graph *graph, uint32_t index);
void graph_give_chunk(struct graph *graph, struct graph_chunk *chunk);

/* The level of a key: its own and the seed's alone, so it does not depend on who inserts when.
   PURE. */
uint32_t graph_level_of(const struct graph_shape *shape, uint64_t key);

/* The level of an entry word, and its slot. */
static inline uint32_t entry_level(uint64_t entry)
{
    return (uint32_t)(entry >> 32);
}

static inline uint32_t entry_slot(uint64_t entry)
{
    return (uint32_t)entry - 1;
}

static inline uint64_t entry_word(uint32_t slot, uint32_t level)
{
    return (uint64_t)level << 32 | (slot + 1);
}

static inline struct graph_chunk *graph_chunk_of(const struct graph *graph, uint32_t slot)
{
    return directory_at(&graph->chunks, slot >> graph->slots->chunk_shift);
}

/* Elements of a query that is compared with codes; 0 without codes. */
static inline uint32_t graph_lanes(const struct graph *graph)
{
    return graph->shape.codec.stride_bytes > 0 ? graph->shape.codec.lanes : 0;
}

/* The code of a slot, if there are codes. Threads: who found the slot in a block, or owns it. */
static inline const unsigned char *graph_code(const struct graph *graph, uint32_t slot)
{
    return graph_chunk_of(graph, slot)->codes +
           (size_t)(slot & graph->slots->chunk_mask) * graph->shape.codec.stride_bytes;
}

/* The handle of a slot at the lowest level. */
static inline struct atomic_ptr *graph_base(const struct graph *graph, uint32_t slot)
{
    return &graph_chunk_of(graph, slot)->links[slot & graph->slots->chunk_mask];
}

/* The tower of a slot, NULL when it has none. Threads: any, inside. Order: acquire. */
static inline struct tower *graph_tower(const struct graph *graph, uint32_t slot)
{
    /* SYNC(graph.tower): pairs with the store in place_lists (update/link.c). */
    return atomic_ptr_load_acquire(
        &graph_chunk_of(graph, slot)->towers[slot & graph->slots->chunk_mask]);
}

/* The handle of a slot at a level, NULL when it does not reach so high. Threads: any, inside. */
static inline struct atomic_ptr *graph_handle(const struct graph *graph, uint32_t slot,
                                              uint32_t level)
{
    if (level == 0) {
        return graph_base(graph, slot);
    }
    struct tower *const tower = graph_tower(graph, slot);
    return tower != NULL && level <= tower->level ? &tower->links[level - 1] : NULL;
}

/* The block behind a handle. Threads: any, inside. Order: acquire. */
static inline struct block *block_acquire(const struct atomic_ptr *handle)
{
    /* SYNC(graph.block): pairs with the compare-and-swaps of handles; the ids are visible, and the
       rows of their slots. */
    return atomic_ptr_load_acquire(handle);
}

/*
 * Take a tower of so many levels, all without a block.
 *
 * Status : AKIN_OK; AKIN_NO_MEMORY; AKIN_OVER_BUDGET.
 * Threads: any, inside.
 */
MUST_CHECK enum akin_status tower_take(struct graph *graph, uint32_t level, struct tower **tower);

/* The root's block while it has no children. */
static inline struct block *graph_empty_root(struct graph *graph)
{
    return (struct block *)(void *)graph->empty_root;
}

/* Retire a block that a handle led to, the root's included. Threads: who replaced it, inside. */
static inline void graph_retire(struct graph *graph, struct block *block)
{
    if (block != graph_empty_root(graph)) {
        block_retire(&graph->blocks, block);
    }
}

/* Retire a slot's blocks and tower; its handles are NULL afterwards. Threads: the claimer before
   any edge leads to the slot, or the maintainer after grace period B; inside. */
void graph_drop(struct graph *graph, uint32_t slot);

/* Raise the entry to a slot that is linked, unless it is as high already. Threads: any, inside the
   section in which the slot was found alive; lock-free. */
void graph_raise_entry(struct graph *graph, uint32_t slot, uint32_t level);

#endif
