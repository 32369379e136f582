/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linking a slot into a graph.
 *
 * Level: update (5). docs/graph.md section 2 has the order of the steps and why it is that one.
 */
#include "update/link.h"

#include "base/invariant.h"
#include "search/beam.h"
#include "search/edges.h"
#include "search/select.h"
#include "sync/rcu.h"

/* The neighbors that were chosen at a level. */
struct choice {
    uint32_t count;
    uint32_t slots[GRAPH_M_MAX];
};

/* One slot on its way into the graph. */
struct linking {
    const struct linker *linker;
    struct edges edges;
    struct beam beam;
    uint32_t slot;
    uint32_t level;
    uint64_t ring_from;         /* inserts that joined the ring from here on are met there */
    struct inflight_view early; /* those that were under way before */
    struct choice choices[GRAPH_LEVELS_MAX + 1];
};

/* An insert that had ended when this one began is found by the search. */
static bool has_ended(const struct graph *graph, uint32_t slot)
{
    if (edges_state(graph, slot) != SLOT_ANCHORED) {
        return false; /* it may be of long ago, its chunk given back */
    }
    const struct slot_chunk *const chunk = slot_chunk_of(graph->slots, slot);
    /* Acquire: all that it linked is there for the search to find. SYNC(slot.stamps) */
    return atomic_u64_load_acquire(&chunk->born[slot & graph->slots->chunk_mask]) != STAMP_NEVER;
}

/* Join the inserts in flight, and note who was under way before. */
static void join(struct linking *linking)
{
    struct graph *const graph = linking->linker->graph;
    struct inflight_view all;
    inflight_look(&graph->inflight,
                  atomic_u64_load_acquire(&graph->inflight.position) - GRAPH_RING_CELLS, &all);
    linking->ring_from = all.position;
    linking->early.count = 0;
    for (uint32_t i = 0; i < all.count; i++) {
        if (!has_ended(graph, all.slots[i])) {
            linking->early.slots[linking->early.count++] = all.slots[i];
        }
    }
    inflight_append(&graph->inflight, linking->slot);
}

/* One that was chosen as living may have died since, and would be chosen as dead once more. */
static bool is_chosen(const struct choice *choice, uint32_t slot)
{
    uint32_t i = 0;
    while (i < choice->count && choice->slots[i] != slot) {
        i++;
    }
    return i < choice->count;
}

/* Choose from the entries of the beam that are alive, and dead or not, as told. */
static void choose_from(struct linking *linking, bool dead, struct choice *choice)
{
    const struct graph *const graph = linking->linker->graph;
    const struct trail *const trail = linking->beam.trail;
    uint32_t count = 0;
    for (uint32_t i = 0; i < linking->beam.count; i++) {
        const uint32_t slot = beam_slot(&trail->entries[i]);
        if (slot != linking->slot && edges_is_dead(graph, slot) == dead &&
            slot_state_is_alive(edges_state(graph, slot)) && !is_chosen(choice, slot)) {
            trail->candidates[count++] =
                (struct candidate){.distance = trail->entries[i].distance, .id = slot};
        }
    }
    count = select_neighbors(linking->linker->metric, graph->slots, graph->shape.alpha,
                             trail->candidates, count, graph->shape.m - choice->count);
    for (uint32_t i = 0; i < count; i++) {
        choice->slots[choice->count++] = trail->candidates[i].id;
    }
}

/* The neighbors at a level: living ones, and when those are few dead ones too, which lead on until
   they are taken out. */
static void choose(struct linking *linking, struct choice *choice)
{
    choice->count = 0;
    choose_from(linking, false, choice);
    if (choice->count < linking->linker->graph->shape.m / 2) {
        choose_from(linking, true, choice);
    }
}

/* Search at every level of the slot and choose; the upper levels' beams are the seeds of the
   next. */
static void search_levels(struct linking *linking)
{
    struct beam *const beam = &linking->beam;
    const struct graph *const graph = linking->linker->graph;
    /* SYNC(graph.entry): pairs with graph_raise_entry. */
    const uint64_t entry = atomic_u64_load_acquire(&graph->entry);
    const uint32_t top = entry != GRAPH_NO_ENTRY ? entry_level(entry) : 0;
    uint32_t level = linking->level < top ? linking->level : top;
    beam_begin(beam);
    for (uint32_t above = level + 1; above <= linking->level; above++) {
        linking->choices[above].count = 0;
    }
    if (level > 0) {
        beam_seed(beam, beam_descend(beam, entry_slot(entry), top, level));
    } else {
        beam_seed_all(beam);
    }
    for (;; level--) {
        beam_run(beam, level);
        choose(linking, &linking->choices[level]);
        if (level == 0) {
            break;
        }
        beam_again(beam);
    }
    beam_end(beam);
}

/* A block with the chosen neighbors of a level. */
static enum akin_status make_block(const struct linking *linking, uint32_t level,
                                   struct block **block)
{
    const struct choice *const choice = &linking->choices[level];
    const enum akin_status status =
        block_take(&linking->linker->graph->blocks, choice->count, block);
    for (uint32_t i = 0; status == AKIN_OK && i < choice->count; i++) {
        (*block)->ids[i] = choice->slots[i];
    }
    return status;
}

/* Put the lists of all levels in place; nobody can come to them yet. */
static enum akin_status place_lists(const struct linking *linking)
{
    struct graph *const graph = linking->linker->graph;
    struct graph_chunk *const chunk = graph_chunk_of(graph, linking->slot);
    const uint32_t offset = linking->slot & graph->slots->chunk_mask;
    struct block *block = NULL;
    enum akin_status status = make_block(linking, 0, &block);
    if (status != AKIN_OK) {
        return status;
    }
    /* SYNC(graph.block): pairs with block_acquire, here and below. */
    atomic_ptr_store_release(&chunk->links[offset], block);
    if (linking->level == 0) {
        return AKIN_OK;
    }
    struct tower *tower = NULL;
    status = tower_take(graph, linking->level, &tower);
    if (status != AKIN_OK) {
        return status;
    }
    /* SYNC(graph.tower): pairs with graph_tower. */
    atomic_ptr_store_release(&chunk->towers[offset], tower);
    for (uint32_t level = 1; level <= linking->level && status == AKIN_OK; level++) {
        status = make_block(linking, level, &block);
        if (status == AKIN_OK) {
            atomic_ptr_store_release(&tower->links[level - 1], block);
        }
    }
    return status;
}

/* Put the anchor edge in place: below the nearest neighbor that has room, or somewhere below the
   nearest, or below the root. */
static enum akin_status anchor(const struct linking *linking)
{
    const struct graph *const graph = linking->linker->graph;
    const struct choice *const choice = &linking->choices[0];
    uint32_t start = EDGES_ROOT;
    for (uint32_t i = 0; i < choice->count; i++) {
        if (edges_state(graph, choice->slots[i]) != SLOT_ANCHORED) {
            continue;
        }
        if (edge_has_room(&linking->edges, choice->slots[i])) {
            start = choice->slots[i];
            break;
        }
        start = start == EDGES_ROOT ? choice->slots[i] : start;
    }
    const enum akin_status status = edge_anchor(&linking->edges, start, linking->slot);
    if (status == AKIN_OK) {
        struct slot_chunk *const chunk = slot_chunk_of(graph->slots, linking->slot);
        /* Unless somebody who saw the edge was faster. */
        (void)slot_advance(chunk, linking->slot & graph->slots->chunk_mask, SLOT_LINKED,
                           SLOT_ANCHORED);
    }
    return status;
}

/* Let the chosen neighbors of a level know. */
static enum akin_status link_back(const struct linking *linking, uint32_t level)
{
    const struct choice *const choice = &linking->choices[level];
    for (uint32_t i = 0; i < choice->count; i++) {
        if (edge_add(&linking->edges, choice->slots[i], level, linking->slot) == EDGE_NO_MEMORY) {
            return AKIN_NO_MEMORY;
        }
    }
    return AKIN_OK;
}

/* Link with a slot that was in flight when this one was, if it is alive: both ways. */
static enum akin_status link_with(const struct linking *linking, uint32_t other)
{
    const struct graph *const graph = linking->linker->graph;
    if (other == linking->slot || !slot_state_is_alive(edges_state(graph, other))) {
        return AKIN_OK;
    }
    if (edge_add(&linking->edges, linking->slot, 0, other) == EDGE_NO_MEMORY ||
        edge_add(&linking->edges, other, 0, linking->slot) == EDGE_NO_MEMORY) {
        return AKIN_NO_MEMORY;
    }
    return AKIN_OK;
}

/*
 * Get ready to search: for slots below the watermark as it is now.
 *
 * After the ring was looked at, never before: an insert that had ended then is to be found by the
 * search, and its slot may be the newest.
 */
static enum akin_status prepare_search(struct linking *linking)
{
    struct graph *const graph = linking->linker->graph;
    const uint32_t ef = graph->shape.ef_construction;
    const uint32_t watermark = slots_watermark(graph->slots);
    linking->beam = (struct beam){
        .graph = graph,
        .rank = rank_of_slot(linking->linker->metric, graph->slots, linking->slot),
        .trail = linking->linker->trail,
        .limit = watermark,
        .ef = ef,
        .capacity = ef,
    };
    return trail_reserve(linking->linker->trail, graph->memory, watermark, ef);
}

/*
 * Link with those that were in flight at the same time.
 *
 * If so many joined meanwhile that the ring does not hold all of them, those that are missing have
 * ended or are as late as the ring: search once more, which finds the first, and meet again.
 */
static enum akin_status meet(struct linking *linking)
{
    struct inflight *const ring = &linking->linker->graph->inflight;
    struct inflight_view late;
    enum akin_status status = AKIN_OK;
    for (;;) {
        inflight_meet(ring);
        inflight_look(ring, linking->ring_from, &late);
        for (uint32_t i = 0; status == AKIN_OK && i < linking->early.count; i++) {
            status = link_with(linking, linking->early.slots[i]);
        }
        for (uint32_t i = 0; status == AKIN_OK && i < late.count; i++) {
            status = link_with(linking, late.slots[i]);
        }
        if (status != AKIN_OK || late.position - linking->ring_from <= GRAPH_RING_CELLS) {
            return status;
        }
        linking->early.count = 0;
        linking->ring_from = late.position;
        linking->level = 0;
        status = prepare_search(linking);
        if (status != AKIN_OK) {
            return status;
        }
        search_levels(linking);
        status = link_back(linking, 0);
        for (uint32_t i = 0; status == AKIN_OK && i < linking->choices[0].count; i++) {
            status = link_with(linking, linking->choices[0].slots[i]);
        }
    }
}

static enum akin_status link_all(struct linking *linking)
{
    struct graph *const graph = linking->linker->graph;
    const uint32_t level = linking->level;
    join(linking);
    enum akin_status status = prepare_search(linking);
    if (status != AKIN_OK) {
        return status;
    }
    search_levels(linking);
    status = place_lists(linking);
    if (status != AKIN_OK) {
        return status;
    }
    slot_link(graph->slots, linking->slot);
    status = anchor(linking);
    for (uint32_t at = 0; at <= level && status == AKIN_OK; at++) {
        status = link_back(linking, at);
    }
    if (status == AKIN_OK) {
        status = meet(linking);
    }
    if (status == AKIN_OK) {
        graph_raise_entry(graph, linking->slot, level);
    }
    return status;
}

enum akin_status link_slot(const struct linker *linker, uint32_t slot, uint64_t key)
{
    struct graph *const graph = linker->graph;
    REQUIRE(rcu_is_inside());
    const enum akin_status status = graph_ensure(graph, slot);
    if (status != AKIN_OK) {
        return status;
    }
    struct linking linking = {
        .linker = linker,
        .edges = {.graph = graph, .metric = linker->metric},
        .slot = slot,
        .level = graph_level_of(&graph->shape, key),
    };
    return link_all(&linking);
}
