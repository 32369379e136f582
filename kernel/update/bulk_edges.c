/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The edges back to a batch: from each slot that was chosen, to those that chose it.
 *
 * Level: update (5).
 */
#include "base/invariant.h"
#include "sync/rcu.h"
#include "update/bulk.h"

/* A word sorts by level, then target, then place of the source. */
#define LEVEL_SHIFT  60u
#define TARGET_SHIFT 30u
#define PART_MASK    ((1u << TARGET_SHIFT) - 1)

_Static_assert(GRAPH_SLOTS_MAX <= 1u << TARGET_SHIFT, "a slot fits its bits");
_Static_assert(GRAPH_LEVELS_MAX < 1u << (64 - LEVEL_SHIFT), "a level fits its bits");

static uint64_t edge_word(uint32_t level, uint32_t target, uint32_t source)
{
    return (uint64_t)level << LEVEL_SHIFT | (uint64_t)target << TARGET_SHIFT | source;
}

static uint32_t edge_source(uint64_t word)
{
    return (uint32_t)word & PART_MASK;
}

static uint32_t edge_target(uint64_t word)
{
    return (uint32_t)(word >> TARGET_SHIFT) & PART_MASK;
}

static uint32_t edge_level(uint64_t word)
{
    return (uint32_t)(word >> LEVEL_SHIFT);
}

static void sift_down(uint64_t *words, uint32_t at, uint32_t count)
{
    const uint64_t moved = words[at];
    for (uint32_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        child += child + 1 < count && words[child + 1] > words[child] ? 1 : 0;
        if (words[child] <= moved) {
            break;
        }
        words[at] = words[child];
        at = child;
    }
    words[at] = moved;
}

/* Heap sort: in place, where the C library's sort may allocate past the hooks. */
static void sort_words(uint64_t *words, uint32_t count)
{
    for (uint32_t at = count / 2; at > 0; at--) {
        sift_down(words, at - 1, count);
    }
    for (uint32_t end = count; end > 1; end--) {
        const uint64_t largest = words[0];
        words[0] = words[end - 1];
        words[end - 1] = largest;
        sift_down(words, 0, end - 1);
    }
}

static enum akin_status reserve_edges(struct bulk *bulk, uint32_t count)
{
    struct memory *const memory = &bulk->store->memory;
    void *edges = NULL;
    void *groups = NULL;
    if (count <= bulk->edge_capacity) {
        return AKIN_OK;
    }
    enum akin_status status =
        memory_take_raw(memory, MEMORY_OTHER, count * sizeof(uint64_t), CACHE_LINE_BYTES, &edges);
    if (status != AKIN_OK) {
        return status;
    }
    status =
        memory_take_raw(memory, MEMORY_OTHER, count * sizeof(uint32_t), CACHE_LINE_BYTES, &groups);
    if (status != AKIN_OK) {
        memory_give(memory, MEMORY_OTHER, edges, count * sizeof(uint64_t), CACHE_LINE_BYTES);
        return status;
    }
    memory_give(memory, MEMORY_OTHER, bulk->edges, bulk->edge_capacity * sizeof(uint64_t),
                CACHE_LINE_BYTES);
    memory_give(memory, MEMORY_OTHER, bulk->groups, bulk->edge_capacity * sizeof(uint32_t),
                CACHE_LINE_BYTES);
    bulk->edges = edges;
    bulk->groups = groups;
    bulk->edge_capacity = count;
    return AKIN_OK;
}

/* Anchors that the entries before `end` are to get from a slot. */
static uint32_t anchors_given(const struct bulk *bulk, uint32_t end, uint32_t slot)
{
    uint32_t given = 0;
    for (uint32_t i = 0; i < end; i++) {
        given += bulk->entries[i].anchor_at == slot ? 1 : 0;
    }
    return given;
}

/* The nearest chosen slot that is ANCHORED and has room: its edge back is to be an anchor. */
static uint32_t find_anchor(const struct bulk *bulk, uint32_t place)
{
    const struct linking *const linking = &bulk->entries[place].linking;
    const struct edges edges = linking_edges(linking);
    const struct choice *const choice = &linking->choices[0];
    for (uint32_t i = 0; i < choice->count; i++) {
        const uint32_t slot = choice->slots[i];
        if (edges_state(bulk->graph, slot) == SLOT_ANCHORED &&
            edges_anchors(&edges, slot) + anchors_given(bulk, place, slot) <
                bulk->graph->shape.anchors_max) {
            return slot;
        }
    }
    return EDGES_ROOT;
}

enum akin_status bulk_collect_edges(struct bulk *bulk)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < bulk->count; i++) {
        for (uint32_t level = 0; level <= bulk->entries[i].level; level++) {
            count += bulk->entries[i].linking.choices[level].count;
        }
        bulk->entries[i].anchor_at = find_anchor(bulk, i);
    }
    const enum akin_status status = reserve_edges(bulk, count);
    if (status != AKIN_OK) {
        return status;
    }
    bulk->edge_count = 0;
    for (uint32_t i = 0; i < bulk->count; i++) {
        for (uint32_t level = 0; level <= bulk->entries[i].level; level++) {
            const struct choice *const choice = &bulk->entries[i].linking.choices[level];
            for (uint32_t j = 0; j < choice->count; j++) {
                bulk->edges[bulk->edge_count++] = edge_word(level, choice->slots[j], i);
            }
        }
    }
    sort_words(bulk->edges, bulk->edge_count);
    bulk->group_count = 0;
    for (uint32_t i = 0; i < bulk->edge_count; i++) {
        if (i == 0 || bulk->edges[i] >> TARGET_SHIFT != bulk->edges[i - 1] >> TARGET_SHIFT) {
            bulk->groups[bulk->group_count++] = i;
        }
    }
    return AKIN_OK;
}

/* The anchor edge of an entry is in place. */
static void note_anchored(const struct bulk *bulk, uint32_t slot)
{
    const struct slots *const slots = bulk->graph->slots;
    /* Unless somebody who saw the edge was faster. */
    (void)slot_advance(slot_chunk_of(slots, slot), slot & slots->chunk_mask, SLOT_LINKED,
                       SLOT_ANCHORED);
}

void bulk_add_group(void *context, uint32_t member, uint32_t group)
{
    struct bulk *const bulk = context;
    const uint32_t first = bulk->groups[group];
    const uint32_t end = group + 1 < bulk->group_count ? bulk->groups[group + 1] : bulk->edge_count;
    const uint32_t target = edge_target(bulk->edges[first]);
    const uint32_t level = edge_level(bulk->edges[first]);
    const struct edges edges = {.graph = bulk->graph, .metric = bulk->metric};
    uint32_t ids[EDGES_AT_ONCE_MAX];
    (void)member;
    REQUIRE(end - first <= EDGES_AT_ONCE_MAX);
    for (uint32_t i = first; i < end; i++) {
        const struct bulk_entry *const entry = &bulk->entries[edge_source(bulk->edges[i])];
        const bool is_anchor = level == 0 && entry->anchor_at == target;
        ids[i - first] = entry->draft.slot | (is_anchor ? BLOCK_ANCHOR : 0);
    }
    rcu_enter();
    enum edge_result result = edges_add(&edges, target, level, ids, end - first);
    for (uint32_t i = 0; i < end - first; i++) {
        if ((ids[i] & BLOCK_ANCHOR) != 0 && result == EDGE_DONE) {
            note_anchored(bulk, block_slot(ids[i]));
        }
        ids[i] = block_slot(ids[i]);
    }
    if (result == EDGE_REFUSED) {
        /* The node goes, or its list changed: without anchors, which are then put elsewhere. */
        result = edges_add(&edges, target, level, ids, end - first);
    }
    rcu_leave();
    if (result == EDGE_NO_MEMORY) {
        atomic_u32_store_relaxed(&bulk->failed, 1);
    }
}
