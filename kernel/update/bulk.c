/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches.
 *
 * Level: update (5). docs/graph.md section 6 has the phases and their argument.
 */
#include "update/bulk.h"

#include <string.h>

#include "base/invariant.h"
#include "sync/rcu.h"

enum akin_status bulk_init(struct bulk *bulk, uint32_t capacity)
{
    void *entries = NULL;
    REQUIRE(capacity >= 1 && capacity <= GRAPH_BATCH_MAX);
    const enum akin_status status =
        memory_take_raw(&bulk->store->memory, MEMORY_OTHER, capacity * sizeof bulk->entries[0],
                        CACHE_LINE_BYTES, &entries);
    if (status == AKIN_OK) {
        bulk->entries = entries;
        bulk->capacity = capacity;
    }
    return status;
}

void bulk_end(struct bulk *bulk)
{
    struct memory *const memory = &bulk->store->memory;
    memory_give(memory, MEMORY_OTHER, bulk->entries, bulk->capacity * sizeof bulk->entries[0],
                CACHE_LINE_BYTES);
    memory_give(memory, MEMORY_OTHER, bulk->edges, bulk->edge_capacity * sizeof bulk->edges[0],
                CACHE_LINE_BYTES);
    memory_give(memory, MEMORY_OTHER, bulk->groups, bulk->edge_capacity * sizeof bulk->groups[0],
                CACHE_LINE_BYTES);
}

/* Note who joined the ring since the last look. Only the calling thread does. */
static void look_at_ring(struct bulk *bulk)
{
    struct bulk_others *const others = &bulk->others;
    struct inflight_view view;
    inflight_look(&bulk->graph->inflight, others->ring_from, &view);
    others->is_incomplete = others->is_incomplete ||
                            view.end - others->ring_from > GRAPH_RING_CELLS ||
                            others->count + view.count > BULK_OTHERS_MAX;
    others->ring_from = view.position;
    for (uint32_t i = 0; i < view.count && !others->is_incomplete; i++) {
        if (view.slots[i] != bulk->entries[0].draft.slot) { /* it stands for the batch */
            others->slots[others->count++] = view.slots[i];
        }
    }
}

/* Who was under way before the batch. */
static void look_at_early(struct bulk *bulk)
{
    const struct inflight *const ring = &bulk->graph->inflight;
    struct bulk_others *const others = &bulk->others;
    struct inflight_view view;
    inflight_look(ring, atomic_u64_load_acquire(&ring->position) - GRAPH_RING_CELLS, &view);
    others->ring_from = view.position;
    others->is_incomplete = false;
    others->count = 0;
    for (uint32_t i = 0; i < view.count; i++) {
        if (!linking_has_ended(bulk->graph, view.slots[i])) {
            others->slots[others->count++] = view.slots[i];
        }
    }
}

/* Take and fill a slot for each entry, in order. A key that is there ends the batch before it. */
static enum akin_status begin_entries(struct bulk *bulk, const struct write_request *requests)
{
    enum akin_status status = AKIN_OK;
    for (uint32_t i = 0; i < bulk->count; i++) {
        /* All of them, so that they can be ended. */
        bulk->entries[i].draft = (struct write_draft){.slot = SLOT_NONE};
        bulk->entries[i].is_committed = false;
        bulk->entries[i].status = AKIN_OK;
    }
    for (uint32_t i = 0; i < bulk->count && status == AKIN_OK; i++) {
        struct bulk_entry *const entry = &bulk->entries[i];
        status = write_begin(bulk->store, &requests[i], &entry->draft);
        if (status == AKIN_OK) {
            status = graph_prepare(bulk->graph, entry->draft.slot);
        }
        entry->level = graph_level_of(&bulk->graph->shape, requests[i].key);
        entry->linking.graph = bulk->graph;
        entry->linking.metric = bulk->metric;
        entry->linking.slot = entry->draft.slot;
        entry->linking.level = entry->level;
    }
    if (status == AKIN_EXISTS || status == AKIN_NOT_FOUND) {
        for (uint32_t i = 0; i < bulk->count; i++) {
            bulk->count = bulk->entries[i].draft.has_slot ? bulk->count : i;
        }
    }
    return status;
}

/* The entries before `end` that reach a level and are nearest to a slot. */
static void find_nearest(const struct bulk *bulk, uint32_t slot, uint32_t level, uint32_t end,
                         struct companions *companions)
{
    const struct rank rank = rank_of_slot(bulk->metric, bulk->graph->slots, slot);
    struct candidate *const nearest = companions->nearest;
    uint32_t count = 0;
    for (uint32_t i = 0; i < end; i++) {
        const struct bulk_entry *const other = &bulk->entries[i];
        if (other->level < level) {
            continue;
        }
        const float distance = rank_slot(&rank, other->draft.slot);
        if (count == LINKING_COMPANIONS_MAX && !(distance < nearest[count - 1].distance)) {
            continue;
        }
        uint32_t at = count < LINKING_COMPANIONS_MAX ? count++ : count - 1;
        for (; at > 0 && distance < nearest[at - 1].distance; at--) {
            nearest[at] = nearest[at - 1];
        }
        nearest[at] = (struct candidate){.distance = distance, .id = other->draft.slot};
    }
    companions->count = count;
}

/* Those before it in the batch, as if it were inserted after them. With all others a cluster that
   comes in one batch would choose within itself, and hardly be linked with the rest. */
static void find_companions(void *context, const struct linking *linking, uint32_t level,
                            struct companions *companions)
{
    const struct bulk *const bulk = context;
    const struct bulk_entry *const entry = CONTAINER_OF(linking, struct bulk_entry, linking);
    find_nearest(bulk, linking->slot, level, (uint32_t)(entry - bulk->entries), companions);
}

static void search_entry(void *context, uint32_t member, uint32_t place)
{
    struct bulk *const bulk = context;
    struct bulk_entry *const entry = &bulk->entries[place];
    rcu_enter();
    if (member == 0) {
        look_at_ring(bulk); /* before it forgets */
    }
    entry->status = linking_search(&entry->linking, &bulk->trails[member], find_companions, bulk);
    rcu_leave();
}

static void place_entry(void *context, uint32_t member, uint32_t place)
{
    struct bulk *const bulk = context;
    struct bulk_entry *const entry = &bulk->entries[place];
    (void)member;
    rcu_enter();
    entry->status = linking_place(&entry->linking);
    if (entry->status == AKIN_OK) {
        slot_link(bulk->graph->slots, entry->draft.slot);
    }
    rcu_leave();
}

static void link_entry_again(void *context, uint32_t member, uint32_t place)
{
    struct bulk *const bulk = context;
    struct bulk_entry *const entry = &bulk->entries[place];
    rcu_enter();
    entry->status = linking_again(&entry->linking, &bulk->trails[member]);
    rcu_leave();
}

/* Let the team do something to each entry; the status of the first that failed. */
static enum akin_status for_all(struct bulk *bulk, team_work_fn work)
{
    team_run(bulk->team, work, bulk, bulk->count);
    for (uint32_t i = 0; i < bulk->count; i++) {
        if (bulk->entries[i].status != AKIN_OK) {
            return bulk->entries[i].status;
        }
    }
    return AKIN_OK;
}

/* Anchor those that are not anchored yet, in order. */
static enum akin_status anchor_rest(struct bulk *bulk)
{
    enum akin_status status = AKIN_OK;
    for (uint32_t i = 0; i < bulk->count && status == AKIN_OK; i++) {
        if (edges_state(bulk->graph, bulk->entries[i].draft.slot) != SLOT_ANCHORED) {
            status = linking_anchor(&bulk->entries[i].linking);
        }
    }
    return status;
}

/* Link an insert of somebody else's with the nearest entries of the batch. */
static enum akin_status join_nearest(struct bulk *bulk, uint32_t slot)
{
    struct graph *const graph = bulk->graph;
    const struct linking other = {.graph = graph, .metric = bulk->metric, .slot = slot};
    struct companions nearest = {.count = 0};
    enum akin_status status = AKIN_OK;
    if (!slot_state_is_alive(edges_state(graph, slot))) {
        return AKIN_OK;
    }
    find_nearest(bulk, slot, 0, bulk->count, &nearest);
    for (uint32_t i = 0; i < nearest.count && i < graph->shape.m && status == AKIN_OK; i++) {
        status = linking_join(&other, nearest.nearest[i].id);
    }
    return status;
}

/*
 * Meet the inserts of others that overlap with this batch.
 *
 * The ring cannot hold the batch. So it is run over instead, with one slot of the batch: who joined
 * before and meets later sees that it missed something, and searches again. Who met earlier is in
 * the ring for us, or was when we looked.
 */
static enum akin_status meet_others(struct bulk *bulk)
{
    struct inflight *const ring = &bulk->graph->inflight;
    for (uint32_t i = 0; i <= GRAPH_RING_CELLS; i++) {
        inflight_append(ring, bulk->entries[0].draft.slot);
        look_at_ring(bulk);
    }
    inflight_meet(ring);
    look_at_ring(bulk);
    if (bulk->others.is_incomplete) {
        return for_all(bulk, link_entry_again);
    }
    enum akin_status status = AKIN_OK;
    for (uint32_t i = 0; i < bulk->others.count && status == AKIN_OK; i++) {
        status = join_nearest(bulk, bulk->others.slots[i]);
    }
    return status;
}

/* Up to the lists of all entries in place; nobody can come to any of them. */
static enum akin_status prepare_batch(struct bulk *bulk)
{
    enum akin_status status = for_all(bulk, search_entry);
    if (status == AKIN_OK) {
        status = for_all(bulk, place_entry);
    }
    if (status == AKIN_OK) {
        status = bulk_collect_edges(bulk);
    }
    return status;
}

/* The lists of a batch that failed lead to entries without lists: they go at once. */
static void drop_lists(struct bulk *bulk)
{
    for (uint32_t i = 0; i < bulk->count; i++) {
        graph_drop(bulk->graph, bulk->entries[i].draft.slot);
    }
}

static enum akin_status link_batch(struct bulk *bulk)
{
    enum akin_status status = prepare_batch(bulk);
    if (status != AKIN_OK) {
        drop_lists(bulk);
        return status;
    }
    atomic_u32_store_relaxed(&bulk->failed, 0);
    team_run(bulk->team, bulk_add_group, bulk, bulk->group_count);
    if (atomic_u32_load_relaxed(&bulk->failed) != 0) {
        return AKIN_NO_MEMORY;
    }
    status = anchor_rest(bulk);
    return status == AKIN_OK ? meet_others(bulk) : status;
}

enum akin_status bulk_write(struct bulk *bulk, struct reader *reader,
                            const struct write_request *requests, uint32_t count,
                            uint32_t *committed)
{
    REQUIRE(count >= 1 && count <= bulk->capacity);
    bulk->count = count;
    *committed = 0;
    reader_enter(reader);
    look_at_early(bulk);
    const enum akin_status begun = begin_entries(bulk, requests);
    const bool may_link = begun == AKIN_OK || (bulk->count < count && bulk->count > 0);
    enum akin_status status = may_link ? link_batch(bulk) : begun;
    for (uint32_t i = 0; i < bulk->count && status == AKIN_OK; i++) {
        struct bulk_entry *const entry = &bulk->entries[i];
        graph_raise_entry(bulk->graph, entry->draft.slot, entry->level);
        status = write_commit(bulk->store, &requests[i], &entry->draft);
        entry->is_committed = status == AKIN_OK;
        *committed += entry->is_committed ? 1 : 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        write_end(bulk->store, &bulk->entries[i].draft, bulk->entries[i].is_committed);
    }
    reader_leave(reader);
    return status == AKIN_OK ? begun : status;
}
