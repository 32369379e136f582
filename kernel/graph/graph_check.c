/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checking a graph: every list by itself, then what the root leads to; or some of the lists.
 *
 * Level: graph (3).
 */
#include "graph/graph_check.h"

#include <string.h>

#include "base/invariant.h"

struct checking {
    const struct graph *graph;
    struct graph_fault *fault;
    struct graph_census *census;
    uint32_t watermark;
    uint64_t *met;   /* one bit a slot */
    uint32_t *queue; /* each slot at most once */
    uint32_t queued;
};

static bool broken(struct checking *checking, const char *invariant, uint32_t slot,
                   const char *message)
{
    *checking->fault =
        (struct graph_fault){.invariant = invariant, .slot = slot, .message = message};
    return false;
}

static enum slot_state state_of(const struct graph *graph, uint32_t slot)
{
    return slot_state(graph->slots, slot);
}

static uint64_t stamp_of(const struct atomic_u64 *stamps, const struct graph *graph, uint32_t slot)
{
    /* Relaxed: nobody else is at the index. */
    return atomic_u64_load_relaxed(&stamps[slot & graph->slots->chunk_mask]);
}

static bool is_live(const struct graph *graph, uint32_t slot)
{
    const struct slot_chunk *const chunk = slot_chunk_of(graph->slots, slot);
    return chunk != NULL && slot_state_is_alive(state_of(graph, slot)) &&
           stamp_of(chunk->born, graph, slot) != STAMP_NEVER &&
           stamp_of(chunk->died, graph, slot) == STAMP_NEVER;
}

/* An edge leads to a slot that is in the graph, and reaches the level. */
static bool check_target(struct checking *checking, uint32_t slot, uint32_t target, uint32_t level)
{
    const struct graph *const graph = checking->graph;
    if (target >= checking->watermark) {
        return broken(checking, "I10 edges", slot, "an edge leads to no slot");
    }
    if (target == slot) {
        return broken(checking, "I10 edges", slot, "an edge leads back to its own slot");
    }
    const enum slot_state state = state_of(graph, target);
    if (state == SLOT_FREE || state == SLOT_PENDING) {
        return broken(checking, "I10 edges", slot, "an edge leads to a slot that is not in use");
    }
    const struct atomic_ptr *const handle = graph_handle(graph, target, level);
    if (handle == NULL || block_acquire(handle) == NULL) {
        return broken(checking, "I12 levels", slot,
                      "an edge leads to a slot that does not reach its level");
    }
    return true;
}

static bool check_list(struct checking *checking, uint32_t slot, uint32_t level,
                       const struct block *block)
{
    const struct graph_shape *const shape = &checking->graph->shape;
    uint32_t pruned = 0; /* those that a prune may drop */
    if (block->count > BLOCK_IDS_MAX) {
        return broken(checking, "I11 degrees", slot, "a list is longer than any block");
    }
    for (uint32_t i = 0; i < block->count; i++) {
        const uint32_t target = block_slot(block->ids[i]);
        const bool is_anchor = (block->ids[i] & BLOCK_ANCHOR) != 0;
        if (!check_target(checking, slot, target, level)) {
            return false;
        }
        if (is_anchor && level > 0) {
            return broken(checking, "I13 anchors", slot, "an anchor above the lowest level");
        }
        for (uint32_t j = 0; j < i; j++) {
            if (block_slot(block->ids[j]) == target) {
                return broken(checking, "I10 edges", slot, "two edges lead to the same slot");
            }
        }
        pruned += !is_anchor && slot_state_is_alive(state_of(checking->graph, target)) ? 1 : 0;
        if (level == 0) {
            const struct slot_chunk *const chunk = slot_chunk_of(checking->graph->slots, target);
            checking->census->edges++;
            const bool is_dead = stamp_of(chunk->died, checking->graph, target) != STAMP_NEVER;
            checking->census->to_dead += is_dead ? 1 : 0;
            checking->census->live_to_dead += is_dead && is_live(checking->graph, slot) ? 1 : 0;
        }
    }
    if (pruned > (level == 0 ? shape->room : shape->room_above)) {
        return broken(checking, "I11 degrees", slot, "a list is longer than it may be");
    }
    return true;
}

/* The lists of a slot; a slot out of use has none. */
static bool check_slot(struct checking *checking, uint32_t slot)
{
    const struct graph *const graph = checking->graph;
    const struct graph_chunk *const chunk =
        directory_find(&graph->chunks, slot >> graph->slots->chunk_shift);
    const uint32_t offset = slot & graph->slots->chunk_mask;
    const struct block *const block = chunk != NULL ? block_acquire(&chunk->links[offset]) : NULL;
    const enum slot_state state = state_of(graph, slot);
    if (state == SLOT_FREE && chunk != NULL &&
        (block != NULL || atomic_ptr_load_acquire(&chunk->towers[offset]) != NULL)) {
        return broken(checking, "I7 clean slots", slot, "a free slot has neighbors");
    }
    if (slot_state_is_alive(state) && block == NULL) {
        return broken(checking, "I12 levels", slot, "a slot in use has no list");
    }
    if (block == NULL || (graph->is_swept && state == SLOT_UNLINKING)) {
        return true; /* nothing leads there, and its lists go when the slot does */
    }
    checking->census->linked++;
    if (!check_list(checking, slot, 0, block)) {
        return false;
    }
    const struct tower *const tower = graph_tower(graph, slot);
    for (uint32_t level = 1; tower != NULL && level <= tower->level; level++) {
        const struct block *const above = block_acquire(&tower->links[level - 1]);
        /* Only a call that failed leaves a level without a list, and nothing leads there. */
        if (above != NULL && !check_list(checking, slot, level, above)) {
            return false;
        }
    }
    const uint32_t height = tower != NULL ? tower->level : 0;
    struct graph_census *const census = checking->census;
    census->top_level = height > census->top_level ? height : census->top_level;
    return true;
}

static void enqueue(struct checking *checking, uint32_t slot)
{
    uint64_t *const word = &checking->met[slot / 64];
    const uint64_t bit = 1ull << (slot % 64);
    if ((*word & bit) == 0) {
        *word |= bit;
        checking->queue[checking->queued++] = slot;
    }
}

static void enqueue_all(struct checking *checking, const struct block *block, bool anchors_only)
{
    for (uint32_t i = 0; block != NULL && i < block->count; i++) {
        if (!anchors_only || (block->ids[i] & BLOCK_ANCHOR) != 0) {
            enqueue(checking, block_slot(block->ids[i]));
        }
    }
}

/* Go wherever the root leads, over anchors alone or over all edges. */
static void spread(struct checking *checking, bool anchors_only)
{
    memset(checking->met, 0, ((size_t)checking->watermark + 63) / 64 * sizeof(uint64_t));
    checking->queued = 0;
    enqueue_all(checking, block_acquire(&checking->graph->root), anchors_only);
    for (uint32_t i = 0; i < checking->queued; i++) {
        enqueue_all(checking, block_acquire(graph_base(checking->graph, checking->queue[i])),
                    anchors_only);
    }
}

static bool was_met(const struct checking *checking, uint32_t slot)
{
    return (checking->met[slot / 64] >> (slot % 64) & 1) != 0;
}

static bool check_reach(struct checking *checking)
{
    const struct graph *const graph = checking->graph;
    spread(checking, true);
    for (uint32_t slot = 0; slot < checking->watermark; slot++) {
        if (state_of(graph, slot) == SLOT_ANCHORED && !was_met(checking, slot)) {
            return broken(checking, "I13 anchors", slot, "no anchors lead to a slot");
        }
        if (is_live(graph, slot) && state_of(graph, slot) != SLOT_ANCHORED) {
            return broken(checking, "I13 anchors", slot, "a live slot is not anchored");
        }
    }
    spread(checking, false);
    checking->census->reachable = checking->queued;
    for (uint32_t slot = 0; slot < checking->watermark; slot++) {
        if (is_live(graph, slot) && !was_met(checking, slot)) {
            return broken(checking, "I14 reachability", slot, "nothing leads to a live slot");
        }
    }
    return true;
}

static bool check_entry(struct checking *checking)
{
    const struct graph *const graph = checking->graph;
    const uint64_t entry = atomic_u64_load_acquire(&graph->entry);
    if (entry == GRAPH_NO_ENTRY) {
        return true;
    }
    if (entry_slot(entry) >= checking->watermark) {
        return broken(checking, "I15 entry", 0, "the entry is no slot");
    }
    const enum slot_state state = state_of(graph, entry_slot(entry));
    if (state == SLOT_FREE || state == SLOT_PENDING) {
        return broken(checking, "I15 entry", entry_slot(entry), "the entry is not in use");
    }
    const struct atomic_ptr *const handle =
        graph_handle(graph, entry_slot(entry), entry_level(entry));
    if (handle == NULL || block_acquire(handle) == NULL) {
        return broken(checking, "I15 entry", entry_slot(entry),
                      "the entry does not reach its level");
    }
    const struct tower *const tower = graph_tower(graph, entry_slot(entry));
    if (entry_level(entry) != (tower != NULL ? tower->level : 0)) {
        return broken(checking, "I15 entry", entry_slot(entry),
                      "the entry is not the top level of its slot");
    }
    return true;
}

/* The root takes a child only while none of its children is alive. */
static bool check_root(struct checking *checking)
{
    const struct block *const root = block_acquire(&checking->graph->root);
    uint32_t alive = 0;
    if (root->count > BLOCK_IDS_MAX) {
        return broken(checking, "I11 degrees", GRAPH_SLOTS_MAX, "the root's list is too long");
    }
    for (uint32_t i = 0; i < root->count; i++) {
        if ((root->ids[i] & BLOCK_ANCHOR) == 0) {
            return broken(checking, "I13 anchors", block_slot(root->ids[i]),
                          "the root has an edge that is no anchor");
        }
        if (!check_target(checking, GRAPH_SLOTS_MAX, block_slot(root->ids[i]), 0)) {
            return false;
        }
        alive += slot_state_is_alive(state_of(checking->graph, block_slot(root->ids[i]))) ? 1 : 0;
        if (alive > 1) {
            return broken(checking, "I13 anchors", block_slot(root->ids[i]),
                          "the root has two children that are alive");
        }
    }
    return true;
}

/* What the anchors of a slot say without following them. */
static bool check_anchored(struct checking *checking, uint32_t slot)
{
    const struct graph *const graph = checking->graph;
    const enum slot_state state = state_of(graph, slot);
    if (is_live(graph, slot) && state != SLOT_ANCHORED) {
        return broken(checking, "I13 anchors", slot, "a live slot is not anchored");
    }
    if (state == SLOT_ANCHORED && block_acquire(&graph->root)->count == 0) {
        return broken(checking, "I13 anchors", slot, "no anchors lead to a slot");
    }
    return true;
}

void graph_check_sample(const struct graph *graph, uint32_t first, uint32_t step,
                        struct graph_fault *fault)
{
    struct graph_census census = {0};
    struct checking checking = {.graph = graph,
                                .fault = fault,
                                .census = &census,
                                .watermark = slots_watermark(graph->slots)};
    *fault = (struct graph_fault){0};
    bool whole = check_root(&checking) && check_entry(&checking);
    /* In 64 bits: the number after the last may be none that a slot has. */
    for (uint64_t slot = first; slot < checking.watermark && whole; slot += step) {
        whole = check_slot(&checking, (uint32_t)slot) && check_anchored(&checking, (uint32_t)slot);
    }
}

enum akin_status graph_check(const struct graph *graph, struct graph_fault *fault,
                             struct graph_census *census)
{
    const uint32_t watermark = slots_watermark(graph->slots);
    const size_t met_bytes = ((size_t)watermark + 64) / 64 * sizeof(uint64_t);
    const size_t queue_bytes = ((size_t)watermark + 1) * sizeof(uint32_t);
    void *met = NULL;
    void *queue = NULL;
    *fault = (struct graph_fault){0};
    *census = (struct graph_census){0};
    enum akin_status status =
        memory_take(graph->memory, MEMORY_OTHER, met_bytes, CACHE_LINE_BYTES, &met);
    if (status == AKIN_OK) {
        status =
            memory_take_raw(graph->memory, MEMORY_OTHER, queue_bytes, CACHE_LINE_BYTES, &queue);
    }
    if (status == AKIN_OK) {
        struct checking checking = {.graph = graph,
                                    .fault = fault,
                                    .census = census,
                                    .watermark = watermark,
                                    .met = met,
                                    .queue = queue};
        bool whole = check_root(&checking) && check_entry(&checking);
        for (uint32_t slot = 0; slot < watermark && whole; slot++) {
            whole = check_slot(&checking, slot);
        }
        if (whole) {
            (void)check_reach(&checking);
        }
    }
    memory_give(graph->memory, MEMORY_OTHER, met, met_bytes, CACHE_LINE_BYTES);
    memory_give(graph->memory, MEMORY_OTHER, queue, queue_bytes, CACHE_LINE_BYTES);
    return status;
}
