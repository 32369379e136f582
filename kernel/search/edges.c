/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changing lists of neighbors.
 *
 * Level: search (4).
 */
#include "search/edges.h"

#include <math.h>
#include <string.h>

#include "base/invariant.h"
#include "sync/rcu.h"

static struct atomic_ptr *handle_of(const struct edges *edges, uint32_t node, uint32_t level)
{
    return node == EDGES_ROOT ? &edges->graph->root : graph_handle(edges->graph, node, level);
}

static bool is_alive(const struct edges *edges, uint32_t node)
{
    return node == EDGES_ROOT || slot_state_is_alive(edges_state(edges->graph, node));
}

static uint32_t find_id(const struct block *block, uint32_t slot)
{
    uint32_t i = 0;
    while (i < block->count && block_slot(block->ids[i]) != slot) {
        i++;
    }
    return i;
}

/* The list of a node with one more, as the rule of pruning leaves it. */
static uint32_t prune(const struct edges *edges, uint32_t node, uint32_t level,
                      const struct block *old, uint32_t id, struct candidate *candidates)
{
    const struct graph *const graph = edges->graph;
    const struct rank rank = rank_of_slot(edges->metric, graph->slots, node);
    for (uint32_t i = 0; i <= old->count; i++) {
        const uint32_t at = i < old->count ? old->ids[i] : id;
        const uint32_t slot = block_slot(at);
        /* An anchor is what others are reached by. What is being taken out is left to who does it:
           it puts something in its place. */
        candidates[i] = (struct candidate){
            .distance = rank_slot(&rank, slot),
            .id = at,
            .is_kept = (at & BLOCK_ANCHOR) != 0 || !slot_state_is_alive(edges_state(graph, slot)),
        };
    }
    select_sort(candidates, old->count + 1);
    return select_neighbors(edges->metric, graph->slots, graph->shape.alpha, candidates,
                            old->count + 1, level == 0 ? graph->shape.degree_max : graph->shape.m);
}

/* The ids of the new list; how many. More than BLOCK_IDS_MAX: there is no room. */
static uint32_t merged(const struct edges *edges, uint32_t node, uint32_t level,
                       const struct block *old, uint32_t id, uint32_t *ids)
{
    const struct graph_shape *const shape = &edges->graph->shape;
    struct candidate candidates[BLOCK_IDS_MAX + 1];
    const uint32_t found = find_id(old, block_slot(id));
    const uint32_t room = level == 0 ? shape->room : shape->room_above;
    memcpy(ids, old->ids, old->count * sizeof ids[0]);
    if (found < old->count) {
        ids[found] |= id & BLOCK_ANCHOR;
        return old->count;
    }
    if (old->count < room || node == EDGES_ROOT) {
        if (old->count < BLOCK_IDS_MAX) {
            ids[old->count] = id;
        }
        return old->count + 1;
    }
    const uint32_t count = prune(edges, node, level, old, id, candidates);
    for (uint32_t i = 0; i < count && count <= BLOCK_IDS_MAX; i++) {
        ids[i] = candidates[i].id;
    }
    return count;
}

static bool is_there(const struct block *block, uint32_t id)
{
    const uint32_t found = find_id(block, block_slot(id));
    return found < block->count && (block->ids[found] | id) == block->ids[found];
}

/* Add an edge; to the list `counted` and no other, unless that is NULL. */
static enum edge_result add(const struct edges *edges, uint32_t node, uint32_t level, uint32_t id,
                            const struct block *counted)
{
    struct blocks *const blocks = &edges->graph->blocks;
    REQUIRE(rcu_is_inside());
    for (;;) {
        uint32_t ids[BLOCK_IDS_MAX];
        struct atomic_ptr *const handle = handle_of(edges, node, level);
        if (handle == NULL || !is_alive(edges, node)) {
            return EDGE_REFUSED;
        }
        struct block *const old = block_acquire(handle);
        if (is_there(old, id)) {
            return EDGE_DONE;
        }
        if (counted != NULL && old != counted) {
            return EDGE_REFUSED;
        }
        const uint32_t count = merged(edges, node, level, old, id, ids);
        struct block *fresh = NULL;
        if (count > BLOCK_IDS_MAX) {
            return EDGE_REFUSED;
        }
        if (block_take(blocks, count, &fresh) != AKIN_OK) {
            return EDGE_NO_MEMORY;
        }
        memcpy(fresh->ids, ids, count * sizeof ids[0]);
        /* SYNC(graph.block): pairs with block_acquire. A failure means that somebody else changed
           the list. */
        if (atomic_ptr_cas(handle, old, fresh)) {
            /* Who took it out of reach retires it, nobody else. */
            block_retire(blocks, old);
            return EDGE_DONE;
        }
        /* Never seen by anybody, and all the same not free before a grace period: store/pool.h. */
        block_retire(blocks, fresh);
        if ((id & BLOCK_ANCHOR) != 0) {
            return EDGE_REFUSED; /* the node may have its anchors by now: look again */
        }
        sched_point(SCHED_RETRY, handle);
    }
}

enum edge_result edge_add(const struct edges *edges, uint32_t node, uint32_t level, uint32_t id)
{
    return add(edges, node, level, id, NULL);
}

/* The anchored children of a node that are not going: how many, and the nearest to a slot. */
struct children {
    const struct block *list; /* where they were counted */
    uint32_t alive;
    uint32_t nearest; /* ANCHORED, not the slot itself; EDGES_ROOT when there is none */
};

static struct children children_of(const struct edges *edges, uint32_t node, uint32_t slot)
{
    const struct graph *const graph = edges->graph;
    const struct block *const block = block_acquire(handle_of(edges, node, 0));
    const struct rank rank = rank_of_slot(edges->metric, graph->slots, slot);
    struct children children = {.list = block, .nearest = EDGES_ROOT};
    float nearest = INFINITY;
    for (uint32_t i = 0; i < block->count; i++) {
        const uint32_t child = block_slot(block->ids[i]);
        if ((block->ids[i] & BLOCK_ANCHOR) == 0 || child == slot) {
            continue;
        }
        struct slot_chunk *const chunk = slot_chunk_of(graph->slots, child);
        const uint32_t offset = child & graph->slots->chunk_mask;
        /* Its anchor edge is here to be seen: who linked it may not have come to saying so. */
        (void)slot_advance(chunk, offset, SLOT_LINKED, SLOT_ANCHORED);
        if (edges_state(graph, child) != SLOT_ANCHORED) {
            continue;
        }
        children.alive++;
        const float distance = rank_slot(&rank, child);
        if (children.nearest == EDGES_ROOT || distance < nearest) {
            nearest = distance;
            children.nearest = child;
        }
    }
    return children;
}

bool edge_has_room(const struct edges *edges, uint32_t node)
{
    const struct graph *const graph = edges->graph;
    const struct block *const block = block_acquire(graph_base(graph, node));
    uint32_t anchors = 0;
    for (uint32_t i = 0; i < block->count; i++) {
        anchors += (block->ids[i] & BLOCK_ANCHOR) != 0 ? 1 : 0;
    }
    return anchors < graph->shape.anchors_max;
}

/* Full of slots that are being taken out, whose calls failed one after the other. */
static bool root_is_full(const struct graph *graph)
{
    return block_acquire(&graph->root)->count == BLOCK_IDS_MAX;
}

enum akin_status edge_anchor(const struct edges *edges, uint32_t start, uint32_t slot)
{
    const uint32_t anchors_max = edges->graph->shape.anchors_max;
    uint32_t node = start;
    for (;;) {
        if (node != EDGES_ROOT && edges_state(edges->graph, node) != SLOT_ANCHORED) {
            node = EDGES_ROOT; /* going, with what is below it: begin again */
            continue;
        }
        const struct children children = children_of(edges, node, slot);
        /* The root takes a second child only when the first is going: the others are below it. */
        if (children.alive < (node == EDGES_ROOT ? 1 : anchors_max)) {
            switch (add(edges, node, 0, slot | BLOCK_ANCHOR, children.list)) {
            case EDGE_DONE:
                return AKIN_OK;
            case EDGE_NO_MEMORY:
                return AKIN_NO_MEMORY;
            case EDGE_REFUSED:
                break;
            }
            if (node == EDGES_ROOT && root_is_full(edges->graph)) {
                return AKIN_NO_MEMORY;
            }
            sched_point(SCHED_RETRY, &edges->graph->root);
            continue;
        }
        /* A leaf of the tree has room, and every node has a leaf below it. */
        node = children.nearest;
    }
}
