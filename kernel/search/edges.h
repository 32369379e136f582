/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changing the list of a node: adding an edge, and putting an anchor in place.
 *
 * Level   : search (4): what both writers and maintenance need.
 * Promises: lock-free. A list is replaced by compare-and-swap of its handle; who wins retires the
 *           old one. The state of both ends is read in the section of the compare-and-swap.
 * Protocol: docs/graph.md section 3.
 */
#ifndef AKIN_SEARCH_EDGES_H
#define AKIN_SEARCH_EDGES_H

#include <stdbool.h>
#include <stdint.h>

#include "akin/status.h"
#include "base/attributes.h"
#include "graph/graph.h"
#include "search/metric.h"
#include "search/select.h"

/* In the place of a slot: the root. */
#define EDGES_ROOT 0xffffffffu

struct edges {
    struct graph *graph;
    const struct metric *metric;
};

/* Slots that edges_add takes at once. */
#define EDGES_AT_ONCE_MAX GRAPH_BATCH_MAX

/* What an attempt came to. */
enum edge_result {
    EDGE_DONE = 1,     /* it is there, or the rule of pruning left it out */
    EDGE_REFUSED = 2,  /* the node is being taken out, does not reach the level, or has no room; an
                          anchor also when the list changed meanwhile */
    EDGE_NO_MEMORY = 3 /* nothing changed */
};

/* The state of a slot. Threads: any, inside. Order: acquire. */
static inline enum slot_state edges_state(const struct graph *graph, uint32_t slot)
{
    return slot_state(graph->slots, slot);
}

/* Whether a slot has died. Threads: any, inside. */
static inline bool edges_is_dead(const struct graph *graph, uint32_t slot)
{
    const struct slot_chunk *const chunk = slot_chunk_of(graph->slots, slot);
    /* Relaxed: it only says which neighbors are preferred; either answer is sound. The next look
       may answer otherwise: who looks twice has to allow for that. SYNC(slot.stamps) */
    return atomic_u64_load_relaxed(&chunk->died[slot & graph->slots->chunk_mask]) != STAMP_NEVER;
}

/*
 * Add an edge from a node to a slot that is alive, at a level.
 *
 * Input  : node: a slot, or EDGES_ROOT at level 0. id: the slot, with BLOCK_ANCHOR for an anchor
 *          edge, which then is in the list for sure.
 * Threads: any, inside the section in which the slot was found alive.
 */
MUST_CHECK enum edge_result edge_add(const struct edges *edges, uint32_t node, uint32_t level,
                                     uint32_t id);

/*
 * The same for several slots at once, each once: one new list.
 *
 * Input  : count <= EDGES_AT_ONCE_MAX. Anchors among them: the caller saw that the node has room
 *          for as many; EDGE_REFUSED, and none is added, when the list changed meanwhile.
 * Threads: any, inside; the slots were found alive in a section that has not ended.
 */
MUST_CHECK enum edge_result edges_add(const struct edges *edges, uint32_t node, uint32_t level,
                                      const uint32_t *ids, uint32_t count);

/*
 * Put an anchor edge to a slot in place: below `start`, or below the root when that is going.
 *
 * Input  : start: an ANCHORED slot that is not below `slot`, or EDGES_ROOT.
 * Status : AKIN_OK; AKIN_NO_MEMORY, also when the root is full of what maintenance is to take out.
 * Threads: any, inside the section in which the slot was found alive; lock-free.
 */
MUST_CHECK enum akin_status edge_anchor(const struct edges *edges, uint32_t start, uint32_t slot);

/* Anchor edges of an ANCHORED node, and whether it would take one more. Threads: any, inside. */
uint32_t edges_anchors(const struct edges *edges, uint32_t node);
bool edge_has_room(const struct edges *edges, uint32_t node);

#endif
