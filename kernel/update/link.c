/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linking a slot into a graph.
 *
 * Level: update (5). docs/graph.md section 2 has the order of the steps and why it is that one.
 */
#include "update/link.h"

#include <string.h>

#include "base/invariant.h"
#include "sync/rcu.h"
#include "update/linking.h"

/* Who was met in the ring. */
struct meeting {
    uint64_t ring_from;         /* inserts that joined the ring from here on are met there */
    struct inflight_view early; /* those that were under way before */
};

/* A search for neighbors. */
struct search {
    struct linking *linking;
    struct beam beam;
    companions_fn companions;
    void *context;
};

bool linking_has_ended(const struct graph *graph, uint32_t slot)
{
    if (edges_state(graph, slot) != SLOT_ANCHORED) {
        return false; /* it may be of long ago, its chunk given back */
    }
    const struct slot_chunk *const chunk = slot_chunk_of(graph->slots, slot);
    /* Acquire: all that it linked is there for the search to find. SYNC(slot.stamps) */
    return atomic_u64_load_acquire(&chunk->born[slot & graph->slots->chunk_mask]) != STAMP_NEVER;
}

/* Join the inserts in flight, and note who was under way before. */
static void join(const struct linking *linking, struct meeting *meeting)
{
    struct graph *const graph = linking->graph;
    struct inflight_view all;
    inflight_look(&graph->inflight,
                  atomic_u64_load_acquire(&graph->inflight.position) - GRAPH_RING_CELLS, &all);
    meeting->ring_from = all.position;
    meeting->early.count = 0;
    for (uint32_t i = 0; i < all.count; i++) {
        if (!linking_has_ended(graph, all.slots[i])) {
            meeting->early.slots[meeting->early.count++] = all.slots[i];
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

/* Choose from the entries of the beam that are alive, and dead or not, as told, and from the
   companions. */
static void choose_from(struct search *search, bool dead, const struct companions *companions,
                        struct choice *choice)
{
    const struct linking *const linking = search->linking;
    const struct graph *const graph = linking->graph;
    const struct trail *const trail = search->beam.trail;
    uint32_t count = 0;
    uint32_t next = 0;
    for (uint32_t i = 0; i < search->beam.count; i++) {
        const struct beam_entry *const entry = &trail->entries[i];
        const uint32_t slot = beam_slot(entry);
        while (next < companions->count && companions->nearest[next].distance < entry->distance) {
            trail->candidates[count++] = companions->nearest[next++];
        }
        if (slot != linking->slot && edges_is_dead(graph, slot) == dead &&
            slot_state_is_alive(edges_state(graph, slot)) && !is_chosen(choice, slot)) {
            trail->candidates[count++] =
                (struct candidate){.distance = entry->distance, .id = slot};
        }
    }
    /* Those beyond the beam only when there was no more to be found. */
    while (next < companions->count && search->beam.count < search->beam.ef) {
        trail->candidates[count++] = companions->nearest[next++];
    }
    count = select_neighbors(linking->metric, graph->slots, graph->shape.alpha, trail->candidates,
                             count, graph->shape.m - choice->count);
    for (uint32_t i = 0; i < count; i++) {
        choice->slots[choice->count++] = trail->candidates[i].id;
    }
}

/* The neighbors at a level: living ones, and when those are few dead ones too, which lead on until
   they are taken out. */
static void choose(struct search *search, uint32_t level)
{
    struct choice *const choice = &search->linking->choices[level];
    struct companions companions = {.count = 0};
    const struct companions none = {.count = 0};
    if (search->companions != NULL) {
        search->companions(search->context, search->linking, level, &companions);
    }
    choice->count = 0;
    choose_from(search, false, &companions, choice);
    if (choice->count < search->linking->graph->shape.m / 2) {
        choose_from(search, true, &none, choice);
    }
}

/* Search at every level of the slot and choose; the upper levels' beams are the seeds of the
   next. Above the top of the graph there are companions alone. */
static void search_levels(struct search *search)
{
    struct linking *const linking = search->linking;
    struct beam *const beam = &search->beam;
    /* SYNC(graph.entry): pairs with graph_raise_entry. */
    const uint64_t entry = atomic_u64_load_acquire(&linking->graph->entry);
    const uint32_t top = entry != GRAPH_NO_ENTRY ? entry_level(entry) : 0;
    uint32_t level = linking->level < top ? linking->level : top;
    beam_begin(beam);
    for (uint32_t above = level + 1; above <= linking->level; above++) {
        choose(search, above); /* the beam is empty */
    }
    if (level > 0) {
        beam_seed(beam, beam_descend(beam, entry_slot(entry), top, level));
    }
    for (;; level--) {
        if (level == 0 && beam->count == 0) {
            beam_seed_all(beam); /* also when the descent came to a slot beyond the limit */
        }
        beam_run(beam, level);
        choose(search, level);
        if (level == 0) {
            break;
        }
        beam_again(beam);
    }
    beam_end(beam);
}

/*
 * Get ready to search, for slots below the watermark as it is now, and do it.
 *
 * After the ring was looked at, never before: an insert that had ended then is to be found by the
 * search, and its slot may be the newest.
 */
enum akin_status linking_search(struct linking *linking, struct trail *trail,
                                companions_fn companions, void *context)
{
    struct graph *const graph = linking->graph;
    const uint32_t ef = graph->shape.ef_construction;
    const uint32_t watermark = slots_watermark(graph->slots);
    const uint32_t entries = ef + (companions != NULL ? LINKING_COMPANIONS_MAX : 0);
    struct search search = {
        .linking = linking,
        .beam = {.graph = graph,
                 .rank = rank_of_slot(linking->metric, graph->slots, linking->slot),
                 .trail = trail,
                 .limit = watermark,
                 .ef = ef,
                 .capacity = ef},
        .companions = companions,
        .context = context,
    };
    const enum akin_status status =
        trail_reserve(trail, graph->memory, watermark, entries, graph_lanes(graph));
    if (status == AKIN_OK) {
        search_levels(&search);
    }
    return status;
}

/* A block with the chosen neighbors of a level. */
static enum akin_status make_block(const struct linking *linking, uint32_t level,
                                   struct block **block)
{
    const struct choice *const choice = &linking->choices[level];
    const enum akin_status status = block_take(&linking->graph->blocks, choice->count, block);
    if (status == AKIN_OK) {
        memcpy((*block)->ids, choice->slots, choice->count * sizeof choice->slots[0]);
    }
    return status;
}

enum akin_status linking_place(const struct linking *linking)
{
    struct graph *const graph = linking->graph;
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

enum akin_status linking_anchor(const struct linking *linking)
{
    const struct graph *const graph = linking->graph;
    const struct edges edges = linking_edges(linking);
    const struct choice *const choice = &linking->choices[0];
    uint32_t start = EDGES_ROOT;
    for (uint32_t i = 0; i < choice->count; i++) {
        if (edges_state(graph, choice->slots[i]) != SLOT_ANCHORED) {
            continue;
        }
        if (edge_has_room(&edges, choice->slots[i])) {
            start = choice->slots[i];
            break;
        }
        start = start == EDGES_ROOT ? choice->slots[i] : start;
    }
    const enum akin_status status = edge_anchor(&edges, start, linking->slot);
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
    const struct edges edges = linking_edges(linking);
    const struct choice *const choice = &linking->choices[level];
    for (uint32_t i = 0; i < choice->count; i++) {
        if (edge_add(&edges, choice->slots[i], level, linking->slot) == EDGE_NO_MEMORY) {
            return AKIN_NO_MEMORY;
        }
    }
    return AKIN_OK;
}

enum akin_status linking_join(const struct linking *linking, uint32_t other)
{
    const struct edges edges = linking_edges(linking);
    if (other == linking->slot || !slot_state_is_alive(edges_state(linking->graph, other))) {
        return AKIN_OK;
    }
    if (edge_add(&edges, linking->slot, 0, other) == EDGE_NO_MEMORY ||
        edge_add(&edges, other, 0, linking->slot) == EDGE_NO_MEMORY) {
        return AKIN_NO_MEMORY;
    }
    return AKIN_OK;
}

static enum akin_status join_all(const struct linking *linking, const uint32_t *slots,
                                 uint32_t count)
{
    enum akin_status status = AKIN_OK;
    for (uint32_t i = 0; i < count && status == AKIN_OK; i++) {
        status = linking_join(linking, slots[i]);
    }
    return status;
}

/* Search at the lowest level for what came since the last search, and link with it. */
static enum akin_status search_again(struct linking *linking, struct trail *trail)
{
    linking->level = 0;
    enum akin_status status = linking_search(linking, trail, NULL, NULL);
    if (status == AKIN_OK) {
        status = join_all(linking, linking->choices[0].slots, linking->choices[0].count);
    }
    return status;
}

/*
 * Link with those that were in flight at the same time.
 *
 * If more joined meanwhile than the ring holds, this one may be missing from it, and some of them
 * from what it sees: it joins once more, as if it began now, and searches. Then of two the later to
 * join sees the other in the ring, or its search finds it, or the other is as late in its turn.
 */
static enum akin_status meet(struct linking *linking, struct trail *trail, struct meeting *meeting)
{
    struct inflight *const ring = &linking->graph->inflight;
    struct inflight_view late;
    for (;;) {
        inflight_meet(ring);
        inflight_look(ring, meeting->ring_from, &late);
        enum akin_status status = join_all(linking, meeting->early.slots, meeting->early.count);
        if (status == AKIN_OK) {
            status = join_all(linking, late.slots, late.count);
        }
        if (status != AKIN_OK || late.end - meeting->ring_from <= GRAPH_RING_CELLS) {
            return status;
        }
        join(linking, meeting);
        status = search_again(linking, trail);
        if (status != AKIN_OK) {
            return status;
        }
    }
}

enum akin_status linking_again(struct linking *linking, struct trail *trail)
{
    struct meeting meeting;
    join(linking, &meeting);
    const enum akin_status status = search_again(linking, trail);
    return status == AKIN_OK ? meet(linking, trail, &meeting) : status;
}

static enum akin_status link_all(struct linking *linking, struct trail *trail)
{
    const uint32_t level = linking->level;
    struct meeting meeting;
    join(linking, &meeting);
    enum akin_status status = linking_search(linking, trail, NULL, NULL);
    if (status == AKIN_OK) {
        status = linking_place(linking);
    }
    if (status != AKIN_OK) {
        return status;
    }
    slot_link(linking->graph->slots, linking->slot);
    status = linking_anchor(linking);
    for (uint32_t at = 0; at <= level && status == AKIN_OK; at++) {
        status = link_back(linking, at);
    }
    if (status == AKIN_OK) {
        status = meet(linking, trail, &meeting);
    }
    if (status == AKIN_OK) {
        graph_raise_entry(linking->graph, linking->slot, level);
    }
    return status;
}

enum akin_status link_slot(const struct linker *linker, uint32_t slot, uint64_t key)
{
    struct graph *const graph = linker->graph;
    REQUIRE(rcu_is_inside());
    const enum akin_status status = graph_prepare(graph, slot);
    if (status != AKIN_OK) {
        return status;
    }
    struct linking linking = {
        .graph = graph,
        .metric = linker->metric,
        .slot = slot,
        .level = graph_level_of(&graph->shape, key),
    };
    return link_all(&linking, linker->trail);
}
