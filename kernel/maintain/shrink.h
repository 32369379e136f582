/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shrinking: memory that nothing uses goes back to the allocator.
 *
 * Level   : maintain (5).
 * Promises: chunks of slots, with their rows and handles, of which no slot is in use, and chunks of
 *           pools of which every object is free, are given back; their numbers and room are had
 *           again when they are needed. Nobody waits for it. A maintainer that dies leaves what it
 *           took out of reach to the next one.
 * Protocol: docs/CONCURRENCY.md section 5.9. Three steps of one round:
 *
 *             begin   free objects of pools are set aside
 *             -- grace period A --
 *             take    chunks are taken out of reach
 *             -- grace period B --
 *             give    their memory goes back
 */
#ifndef AKIN_MAINTAIN_SHRINK_H
#define AKIN_MAINTAIN_SHRINK_H

#include <stdbool.h>
#include <stdint.h>

#include "graph/graph.h"
#include "store/store.h"

/* Chunks of slots given back in a round, at most; beside a write that waits for it, fewer. */
#define SHRINK_CHUNKS_MAX        64u
#define SHRINK_CHUNKS_IN_PASSING 2u

/* How much is given back. */
enum shrink_extent {
    SHRINK_IN_PASSING = 1, /* a few chunks of slots, while there is much more than needed */
    SHRINK_AT_LEISURE = 2, /* chunks of slots, while there is much more than needed */
    SHRINK_WHOLLY = 3      /* every chunk of slots that can be given back */
};

struct shrink {
    struct store *store;
    struct graph *graph; /* NULL for a flat index */
    bool wants_pools;    /* this round gives back chunks of pools as well: who takes an object
                            meanwhile makes a chunk, so not in every round */
    uint32_t cursor;     /* the chunk where the search for unused ones goes on */
    uint32_t count;      /* chunks out of reach */
    struct slot_chunk *slot_chunks[SHRINK_CHUNKS_MAX];
    struct graph_chunk
        *graph_chunks[SHRINK_CHUNKS_MAX]; /* of the same slots; NULL when there was none */
};

/* Threads: SETUP. */
void shrink_init(struct shrink *shrink, struct store *store);
void shrink_end(struct shrink *shrink);

/* The steps. shrink_give returns how many slots and objects had place in what it gave back.
   Threads: the maintainer, outside any section. */
void shrink_begin(struct shrink *shrink);
void shrink_take(struct shrink *shrink, enum shrink_extent extent);
uint64_t shrink_give(struct shrink *shrink);

#endif
