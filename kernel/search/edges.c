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

/* A list that is being made. */
struct merging {
    uint32_t count; /* more than BLOCK_IDS_MAX: there is no room */
    uint32_t ids[BLOCK_IDS_MAX + EDGES_AT_ONCE_MAX];
    struct candidate candidates[BLOCK_IDS_MAX + EDGES_AT_ONCE_MAX];
};

/* Leave what the rule of pruning leaves. */
static void prune(const struct edges *edges, uint32_t node, uint32_t level, struct merging *merging)
{
    const struct graph *const graph = edges->graph;
    const struct rank rank = rank_of_slot(edges->metric, graph->slots, node);
    struct candidate *const candidates = merging->candidates;
    for (uint32_t i = 0; i < merging->count; i++) {
        const uint32_t id = merging->ids[i];
        const uint32_t slot = block_slot(id);
        /* An anchor is what others are reached by. What is being taken out is left to who does it:
           it puts something in its place. */
        candidates[i] = (struct candidate){
            .distance = rank_slot(&rank, slot),
            .id = id,
            .is_kept = (id & BLOCK_ANCHOR) != 0 || !slot_state_is_alive(edges_state(graph, slot)),
        };
    }
    select_sort(candidates, merging->count);
    merging->count =
        select_neighbors(edges->metric, graph->slots, graph->shape.alpha, candidates,
                         merging->count, level == 0 ? graph->shape.degree_max : graph->shape.m);
    for (uint32_t i = 0; i < merging->count; i++) {
        merging->ids[i] = candidates[i].id;
    }
}

/* The list of a node with `count` more. */
static void merge(const struct edges *edges, uint32_t node, uint32_t level, const struct block *old,
                  const uint32_t *ids, uint32_t count, struct merging *merging)
{
    const struct graph_shape *const shape = &edges->graph->shape;
    const uint32_t room = level == 0 ? shape->room : shape->room_above;
    memcpy(merging->ids, old->ids, old->count * sizeof ids[0]);
    merging->count = old->count;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t found = find_id(old, block_slot(ids[i]));
        if (found < old->count) {
            merging->ids[found] |= ids[i] & BLOCK_ANCHOR;
        } else {
            merging->ids[merging->count++] = ids[i];
        }
    }
    if (merging->count > room && merging->count > old->count && node != EDGES_ROOT) {
        prune(edges, node, level, merging);
    }
}

static bool is_there(const struct block *block, uint32_t id)
{
    const uint32_t found = find_id(block, block_slot(id));
    return found < block->count && (block->ids[found] | id) == block->ids[found];
}

static bool are_there(const struct block *block, const uint32_t *ids, uint32_t count)
{
    uint32_t i = 0;
    while (i < count && is_there(block, ids[i])) {
        i++;
    }
    return i == count;
}

static bool has_anchor(const uint32_t *ids, uint32_t count)
{
    uint32_t i = 0;
    while (i < count && (ids[i] & BLOCK_ANCHOR) == 0) {
        i++;
    }
    return i < count;
}

/* Add edges; to the list `counted` and no other, unless that is NULL. */
static enum edge_result add(const struct edges *edges, uint32_t node, uint32_t level,
                            const uint32_t *ids, uint32_t count, const struct block *counted)
{
    struct blocks *const blocks = &edges->graph->blocks;
    REQUIRE(rcu_is_inside());
    REQUIRE(count <= EDGES_AT_ONCE_MAX);
    for (;;) {
        struct merging merging;
        struct atomic_ptr *const handle = handle_of(edges, node, level);
        if (handle == NULL || !is_alive(edges, node)) {
            return EDGE_REFUSED;
        }
        struct block *const old = block_acquire(handle);
        if (are_there(old, ids, count)) {
            return EDGE_DONE;
        }
        if (counted != NULL && old != counted) {
            return EDGE_REFUSED;
        }
        merge(edges, node, level, old, ids, count, &merging);
        struct block *fresh = NULL;
        if (merging.count > BLOCK_IDS_MAX) {
            return EDGE_REFUSED;
        }
        if (block_take(blocks, merging.count, &fresh) != AKIN_OK) {
            return EDGE_NO_MEMORY;
        }
        memcpy(fresh->ids, merging.ids, merging.count * sizeof ids[0]);
        /* SYNC(graph.block): pairs with block_acquire. A failure means that somebody else changed
           the list. */
        if (atomic_ptr_cas(handle, old, fresh)) {
            /* Who took it out of reach retires it, nobody else. */
            graph_retire(edges->graph, old);
            return EDGE_DONE;
        }
        /* Never seen by anybody, and all the same not free before a grace period: store/pool.h. */
        block_retire(blocks, fresh);
        if (has_anchor(ids, count)) {
            return EDGE_REFUSED; /* the node may have its anchors by now: look again */
        }
        sched_point(SCHED_RETRY, handle);
    }
}

enum edge_result edges_add(const struct edges *edges, uint32_t node, uint32_t level,
                           const uint32_t *ids, uint32_t count)
{
    return add(edges, node, level, ids, count, NULL);
}

enum edge_result edge_add(const struct edges *edges, uint32_t node, uint32_t level, uint32_t id)
{
    return add(edges, node, level, &id, 1, NULL);
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

uint32_t edges_anchors(const struct edges *edges, uint32_t node)
{
    const struct graph *const graph = edges->graph;
    const struct block *const block = block_acquire(graph_base(graph, node));
    uint32_t anchors = 0;
    for (uint32_t i = 0; i < block->count; i++) {
        anchors += (block->ids[i] & BLOCK_ANCHOR) != 0 ? 1 : 0;
    }
    return anchors;
}

bool edge_has_room(const struct edges *edges, uint32_t node)
{
    return edges_anchors(edges, node) < edges->graph->shape.anchors_max;
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
            const uint32_t id = slot | BLOCK_ANCHOR;
            switch (add(edges, node, 0, &id, 1, children.list)) {
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
