/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sweeping the graph.
 *
 * Level: maintain (5).
 */
#include "maintain/sweep.h"

#include <math.h>
#include <string.h>

#include "base/invariant.h"
#include "base/rng.h"
#include "search/beam.h"
#include "search/edges.h"
#include "search/select.h"
#include "sync/rcu.h"

/* Slots whose lists are looked at in one read section. */
#define SLOTS_PER_SECTION 64u
/* Candidates for the places of what a list lost, at most: from the lists of that, and found by a
   search. */
#define FILL_LOST_MAX  384u
#define FILL_FOUND_MAX 256u
/* A list is filled from a search by a chance of one in so many for each id that it lost, and at a
   width of such a part of ef_construction. */
#define SEARCH_ONE_OF  4u
#define SEARCH_EF_PART 2u
/* Room of such a search for slots that are no candidates. */
#define ROUTERS_PER_RESULT 2u

#define WORDS_BYTES(slots) (((size_t)(slots) + 63) / 64 * sizeof(uint64_t))

void sweep_init(struct sweep *sweep, struct graph *graph, const struct metric *metric,
                struct memory *memory)
{
    memset(sweep, 0, sizeof *sweep);
    sweep->graph = graph;
    sweep->metric = metric;
    sweep->memory = memory;
}

void sweep_end(struct sweep *sweep)
{
    memory_give(sweep->memory, MEMORY_OTHER, sweep->members, WORDS_BYTES(sweep->member_slots),
                CACHE_LINE_BYTES);
    memory_give(sweep->memory, MEMORY_OTHER, sweep->stack,
                sweep->stack_capacity * sizeof sweep->stack[0], CACHE_LINE_BYTES);
    trail_end(&sweep->trail, sweep->memory);
    sweep->members = NULL;
    sweep->member_slots = 0;
    sweep->stack = NULL;
    sweep->stack_capacity = 0;
    sweep->step = SWEEP_IDLE;
    sweep->graph->is_swept = false;
}

void sweep_forget(struct sweep *sweep)
{
    if (sweep->graph != NULL) {
        sweep_end(sweep);
    }
}

static bool is_member(const struct sweep *sweep, uint32_t slot)
{
    return slot < sweep->member_slots && (sweep->members[slot / 64] >> (slot % 64) & 1) != 0;
}

static uint32_t search_width(const struct graph *graph)
{
    const uint32_t width = graph->shape.ef_construction / SEARCH_EF_PART;
    return width > graph->shape.m ? width : graph->shape.m;
}

static enum akin_status reserve(struct sweep *sweep, uint32_t slots, uint32_t count)
{
    void *members = NULL;
    void *stack = NULL;
    enum akin_status status =
        memory_take(sweep->memory, MEMORY_OTHER, WORDS_BYTES(slots), CACHE_LINE_BYTES, &members);
    if (status != AKIN_OK) {
        return status;
    }
    sweep->members = members;
    sweep->member_slots = slots;
    status = memory_take_raw(sweep->memory, MEMORY_OTHER, count * sizeof sweep->stack[0],
                             CACHE_LINE_BYTES, &stack);
    if (status != AKIN_OK) {
        return status;
    }
    sweep->stack = stack;
    sweep->stack_capacity = count;
    return trail_reserve(&sweep->trail, sweep->memory, slots,
                         ROUTERS_PER_RESULT * search_width(sweep->graph),
                         graph_lanes(sweep->graph));
}

enum akin_status sweep_mark(struct sweep *sweep, const uint32_t *batch, uint32_t count)
{
    REQUIRE(sweep->step == SWEEP_IDLE && count > 0);
    const enum akin_status status = reserve(sweep, slots_watermark(sweep->graph->slots), count);
    if (status != AKIN_OK) {
        sweep_end(sweep);
        return status;
    }
    for (uint32_t i = 0; i < count; i++) {
        sweep->members[batch[i] / 64] |= 1ull << (batch[i] % 64);
    }
    sweep->step = SWEEP_MARKED;
    return AKIN_OK;
}

void sweep_begin(struct sweep *sweep)
{
    REQUIRE(sweep->step == SWEEP_MARKED);
    /* Only now: an insert in flight at the mark may have taken a higher number. Its section is
       over. */
    sweep->watermark = slots_watermark(sweep->graph->slots);
    sweep->cursor = 0;
    sweep->entry = GRAPH_NO_ENTRY;
    sweep->step = SWEEP_GOING;
}

/*
 * Anchor elsewhere what is anchored below a member, be it below other members: from `holder` down.
 *
 * The anchors of members are frozen: nobody has found one ANCHORED since the grace period.
 */
static bool adopt(struct sweep *sweep, uint32_t holder, uint32_t member)
{
    const struct graph *const graph = sweep->graph;
    const struct edges edges = {.graph = sweep->graph, .metric = sweep->metric};
    uint32_t depth = 0;
    bool whole = true;
    trail_begin(&sweep->trail);
    (void)trail_meet(&sweep->trail, member);
    sweep->stack[depth++] = member;
    while (depth > 0 && whole) {
        const struct block *const block = block_acquire(graph_base(graph, sweep->stack[--depth]));
        for (uint32_t i = 0; block != NULL && i < block->count && whole; i++) {
            const uint32_t child = block_slot(block->ids[i]);
            if ((block->ids[i] & BLOCK_ANCHOR) == 0) {
                continue;
            }
            if (is_member(sweep, child)) {
                if (trail_meet(&sweep->trail, child)) {
                    sweep->stack[depth++] = child;
                }
            } else {
                /* Alive, or of a later batch: that one's sweep will find the edge. */
                whole = edge_anchor(&edges, holder, child) == AKIN_OK;
                (void)atomic_u64_fetch_add_relaxed(&sweep->adopted, 1);
            }
        }
    }
    trail_finish(&sweep->trail);
    return whole;
}

/* A list that is being made. */
struct filling {
    uint32_t count;
    uint32_t living; /* of them, those that a search may return */
    uint32_t chosen; /* the first of them, by the rule; the rest are the nearest */
    struct candidate candidates[BLOCK_IDS_MAX + FILL_LOST_MAX + FILL_FOUND_MAX];
};

/* What a list holds already, so that nothing comes into it twice; until trail_finish. */
static void begin_meeting(struct sweep *sweep, const struct filling *filling)
{
    trail_begin(&sweep->trail);
    for (uint32_t i = 0; i < filling->count; i++) {
        const uint32_t slot = block_slot(filling->candidates[i].id);
        if (slot < sweep->trail.met_slots) {
            (void)trail_meet(&sweep->trail, slot);
        }
    }
}

/* Add a slot that is not in the list. Those beyond what was reserved are of inserts since the sweep
   was marked, and no candidates. */
static void offer(struct sweep *sweep, struct filling *filling, uint32_t slot)
{
    if (slot < sweep->trail.met_slots && trail_meet(&sweep->trail, slot)) {
        filling->candidates[filling->count++] = (struct candidate){.id = slot};
        filling->living++;
    }
}

/* What stays of a list; how many members it held. */
static uint32_t take_rest(const struct sweep *sweep, const struct block *block,
                          struct filling *filling)
{
    filling->count = 0;
    filling->living = 0;
    filling->chosen = 0;
    for (uint32_t i = 0; i < block->count; i++) {
        const uint32_t slot = block_slot(block->ids[i]);
        if (is_member(sweep, slot)) {
            continue;
        }
        const bool alive = slot_state_is_alive(edges_state(sweep->graph, slot));
        filling->living += alive && !edges_is_dead(sweep->graph, slot) ? 1 : 0;
        filling->candidates[filling->count++] = (struct candidate){
            .id = block->ids[i],
            .is_kept = true, /* what a list has it keeps: only its gaps are filled */
        };
    }
    return block->count - filling->count;
}

static bool is_wanted(const struct sweep *sweep, uint32_t node, uint32_t slot, uint32_t level)
{
    return slot != node && !is_member(sweep, slot) &&
           slot_state_is_alive(edges_state(sweep->graph, slot)) &&
           !edges_is_dead(sweep->graph, slot) && graph_handle(sweep->graph, slot, level) != NULL;
}

/* Add the neighbors of the members that a list held. */
static void take_from_lost(struct sweep *sweep, uint32_t node, uint32_t level,
                           const struct block *block, struct filling *filling)
{
    const uint32_t limit = filling->count + FILL_LOST_MAX;
    begin_meeting(sweep, filling);
    for (uint32_t i = 0; i < block->count; i++) {
        const uint32_t member = block_slot(block->ids[i]);
        const struct atomic_ptr *const handle =
            is_member(sweep, member) ? graph_handle(sweep->graph, member, level) : NULL;
        const struct block *const lost = handle != NULL ? block_acquire(handle) : NULL;
        for (uint32_t j = 0; lost != NULL && j < lost->count && filling->count < limit; j++) {
            const uint32_t slot = block_slot(lost->ids[j]);
            if (is_wanted(sweep, node, slot, level)) {
                offer(sweep, filling, slot);
            }
        }
    }
    trail_finish(&sweep->trail);
}

struct admission {
    const struct sweep *sweep;
    uint32_t node;
};

static bool admits(void *context, uint32_t slot)
{
    const struct admission *const admission = context;
    return is_wanted(admission->sweep, admission->node, slot, 0);
}

/* Whether a list that lost so many is filled from a search: when nearly nothing is left, and else
   now and then. What the lists of the lost lead to is ever less what an insert chooses from. */
static bool wants_search(const struct sweep *sweep, uint32_t node, uint32_t lost,
                         const struct filling *filling)
{
    if (edges_is_dead(sweep->graph, node)) {
        return false; /* it goes soon, and reaches what it did over anchors */
    }
    const uint64_t sweeps = atomic_u64_load_relaxed(&sweep->sweeps);
    const uint64_t word = rng_mix(rng_mix(sweeps ^ sweep->graph->shape.seed) + node);
    return filling->living < sweep->graph->shape.m / 2 || word % SEARCH_ONE_OF < lost;
}

/* Add what a search for the node's own row finds. */
static void take_from_search(struct sweep *sweep, uint32_t node, struct filling *filling)
{
    const uint32_t limit = filling->count + FILL_FOUND_MAX;
    struct admission admission = {.sweep = sweep, .node = node};
    struct beam beam = {
        .graph = sweep->graph,
        .rank = rank_of_slot(sweep->metric, sweep->graph->slots, node),
        .trail = &sweep->trail,
        .limit = sweep->member_slots,
        .ef = search_width(sweep->graph),
        .capacity = sweep->trail.entry_capacity,
        .admit = admits,
        .context = &admission,
    };
    beam_begin(&beam);
    beam_seed_all(&beam);
    beam_run(&beam, 0);
    beam_end(&beam);
    begin_meeting(sweep, filling);
    for (uint32_t i = 0; i < beam.count && filling->count < limit; i++) {
        const struct beam_entry *const entry = &sweep->trail.entries[i];
        if ((entry->word & BEAM_ROUTER) == 0) {
            offer(sweep, filling, beam_slot(entry));
        }
    }
    trail_finish(&sweep->trail);
}

/* Put the nearest of those that were not chosen into a list that is short all the same. What was
   chosen has the order of what it was chosen from. */
static void top_up(struct filling *filling, const struct candidate *sorted, uint32_t sorted_count,
                   uint32_t count)
{
    uint32_t next = 0;
    for (uint32_t i = 0; i < sorted_count && filling->count < count; i++) {
        if (next < filling->chosen && filling->candidates[next].id == sorted[i].id) {
            next++;
        } else {
            filling->candidates[filling->count++] = sorted[i];
        }
    }
}

/*
 * Fill the gaps of a list: what it has stays, what it lost is replaced.
 *
 * A list of an insert has near neighbors that lie in different directions, and what others added
 * since, which is not thinned out before it is full. So here: first those that the rule of choosing
 * takes, up to `wanted`, then the nearest, up to what the list had or three quarters of `wanted`.
 * The rule alone would leave lists shorter with each round, and searches would find less.
 */
static void fill(struct sweep *sweep, uint32_t node, uint32_t level, const struct block *block,
                 uint32_t lost, struct filling *filling)
{
    const struct graph_shape *const shape = &sweep->graph->shape;
    const uint32_t wanted = level == 0 ? shape->degree_max : shape->m;
    const uint32_t least = wanted - wanted / 4;
    if (filling->count >= wanted) {
        return;
    }
    take_from_lost(sweep, node, level, block, filling);
    if (level == 0 && wants_search(sweep, node, lost, filling)) {
        take_from_search(sweep, node, filling);
    }
    const struct rank rank = rank_of_slot(sweep->metric, sweep->graph->slots, node);
    for (uint32_t i = 0; i < filling->count; i++) {
        struct candidate *const candidate = &filling->candidates[i];
        candidate->distance = rank_slot(&rank, block_slot(candidate->id));
    }
    select_sort(filling->candidates, filling->count);
    struct candidate sorted[sizeof filling->candidates / sizeof filling->candidates[0]];
    const uint32_t sorted_count = filling->count;
    memcpy(sorted, filling->candidates, sorted_count * sizeof sorted[0]);
    filling->count = select_neighbors(sweep->metric, sweep->graph->slots, shape->alpha,
                                      filling->candidates, filling->count, wanted);
    filling->chosen = filling->count;
    top_up(filling, sorted, sorted_count, block->count < least ? block->count : least);
    (void)atomic_u64_fetch_add_relaxed(&sweep->filled, 1);
}

/* Let those that were chosen know, as an insert does: who lost an edge that led to it gets another.
   Without memory they do not: nothing relies on it. */
static void link_back(const struct sweep *sweep, uint32_t node, uint32_t level,
                      const struct filling *filling)
{
    const struct graph *const graph = sweep->graph;
    const struct edges edges = {.graph = sweep->graph, .metric = sweep->metric};
    if (filling->chosen == 0 || !slot_state_is_alive(edges_state(graph, node)) ||
        edges_is_dead(graph, node)) {
        return; /* the root's, or no edge may lead to it, or none should */
    }
    for (uint32_t i = 0; i < filling->chosen; i++) {
        const struct candidate *const candidate = &filling->candidates[i];
        if (!candidate->is_kept && edge_add(&edges, candidate->id, level, node) == EDGE_NO_MEMORY) {
            return;
        }
    }
}

/* Replace a list; false without memory. */
static bool replace(struct sweep *sweep, uint32_t node, uint32_t level, struct atomic_ptr *handle,
                    struct block *old, const struct filling *filling)
{
    struct graph *const graph = sweep->graph;
    struct block *fresh = NULL;
    if (handle == &graph->root && filling->count == 0) {
        fresh = graph_empty_root(graph);
    } else if (block_take(&graph->blocks, filling->count, &fresh) != AKIN_OK) {
        return false;
    }
    for (uint32_t i = 0; i < filling->count; i++) {
        fresh->ids[i] = filling->candidates[i].id;
    }
    /* SYNC(graph.block): pairs with block_acquire. After a failure the caller looks again. */
    const bool replaced = atomic_ptr_cas(handle, old, fresh);
    graph_retire(graph, replaced ? old : fresh);
    if (replaced) {
        link_back(sweep, node, level, filling);
    }
    return true;
}

/* Take all members out of a list; false without memory. */
static bool clean(struct sweep *sweep, uint32_t node, uint32_t level, struct atomic_ptr *handle)
{
    struct filling filling;
    for (;;) {
        struct block *const block = block_acquire(handle);
        uint32_t lost = block != NULL ? take_rest(sweep, block, &filling) : 0;
        if (lost == 0) {
            return true;
        }
        for (uint32_t i = 0; i < block->count; i++) {
            const uint32_t member = block_slot(block->ids[i]);
            if (is_member(sweep, member) && (block->ids[i] & BLOCK_ANCHOR) != 0 &&
                !adopt(sweep, node, member)) {
                return false;
            }
        }
        if (block_acquire(handle) != block) {
            continue; /* an anchor came in, or somebody else's edge */
        }
        if (node != EDGES_ROOT) {
            fill(sweep, node, level, block, lost, &filling);
        }
        if (!replace(sweep, node, level, handle, block, &filling)) {
            return false;
        }
        (void)atomic_u64_fetch_add_relaxed(&sweep->pruned, lost);
        sched_point(SCHED_RETRY, handle);
    }
}

/* All lists of a slot; false without memory. */
static bool clean_slot(struct sweep *sweep, uint32_t slot)
{
    struct graph *const graph = sweep->graph;
    struct graph_chunk *const chunk =
        directory_find(&graph->chunks, slot >> graph->slots->chunk_shift);
    if (chunk == NULL || is_member(sweep, slot)) {
        return true; /* not yet linked, or given back; or it goes, with its lists */
    }
    if (!clean(sweep, slot, 0, graph_base(graph, slot))) {
        return false;
    }
    struct tower *const tower = graph_tower(graph, slot);
    const uint32_t height = tower != NULL ? tower->level : 0;
    for (uint32_t level = 1; level <= height; level++) {
        if (!clean(sweep, slot, level, &tower->links[level - 1])) {
            return false;
        }
    }
    if (edges_state(graph, slot) == SLOT_ANCHORED && !edges_is_dead(graph, slot) &&
        (sweep->entry == GRAPH_NO_ENTRY || height > entry_level(sweep->entry))) {
        sweep->entry = entry_word(slot, height);
    }
    return true;
}

/* If searches begin at a member, let them begin elsewhere: nobody can raise the entry to one. */
static void replace_entry(struct sweep *sweep)
{
    struct atomic_u64 *const place = &sweep->graph->entry;
    for (;;) {
        /* SYNC(graph.entry): pairs with graph_raise_entry. */
        const uint64_t entry = atomic_u64_load_acquire(place);
        if (entry == GRAPH_NO_ENTRY || !is_member(sweep, entry_slot(entry))) {
            return;
        }
        /* What was the highest may have begun to go since it was met, but is of no batch yet. */
        (void)atomic_u64_cas(place, entry, sweep->entry);
        sched_point(SCHED_RETRY, place);
    }
}

void sweep_go(struct sweep *sweep, struct maintain_budget *budget)
{
    bool whole = true;
    bool goes_on = true;
    REQUIRE(sweep->step == SWEEP_GOING && !rcu_is_inside());
    while (sweep->cursor < sweep->watermark && goes_on && whole) {
        rcu_enter();
        for (uint32_t i = 0;
             i < SLOTS_PER_SECTION && sweep->cursor < sweep->watermark && whole && goes_on; i++) {
            whole = clean_slot(sweep, sweep->cursor);
            sweep->cursor += whole ? 1 : 0;
            goes_on = budget_spend(budget, 1);
        }
        rcu_leave();
    }
    if (sweep->cursor < sweep->watermark || !whole) {
        return;
    }
    rcu_enter();
    whole = clean(sweep, EDGES_ROOT, 0, &sweep->graph->root);
    if (whole) {
        replace_entry(sweep);
        sweep->step = SWEEP_DONE;
        sweep->graph->is_swept = true;
        (void)atomic_u64_fetch_add_relaxed(&sweep->sweeps, 1);
    }
    rcu_leave();
}
