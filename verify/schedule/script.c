/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs to explore: the index they run on, and what is checked after each run.
 */
#include "schedule/script.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "akin/akin.h"
#include "base/limits.h"
#include "graph/graph_check.h"
#include "index/internal.h"
#include "schedule/arena.h"
#include "schedule/model/model_lfht.h"
#include "schedule/script_calls.h"
#include "search/rank.h"
#include "sync/rcu.h"

static struct {
    const struct script *script;
    akin_index *index;
    struct script_list set_up;
    struct script_list fibers[EXPLORE_FIBERS_MAX];
    struct history_result initial[EXPLORE_KEYS_MAX];
    size_t initial_count;
    struct explore_program program;
} open_script;

static void run_fiber(void *context, uint32_t fiber)
{
    (void)context;
    const struct script_list *const list = &open_script.fibers[fiber];
    for (uint32_t i = 0; i < list->count; i++) {
        script_call(open_script.index, &list->calls[i]);
    }
}

static void before_run(void *context)
{
    (void)context;
    script_history_clear();
}

/* What is there now is asked once more by the main program, so that the history shows it. */
static void ask_all(void)
{
    static const struct script_call count = {.kind = CALL_COUNT};
    static const struct script_call search = {.kind = CALL_SEARCH};
    uint64_t keys[EXPLORE_KEYS_MAX];
    const uint32_t key_count =
        script_keys(open_script.fibers, open_script.program.fibers, &open_script.set_up, keys);
    for (uint32_t i = 0; i < key_count; i++) {
        const struct script_call get = {.kind = CALL_GET, .key = keys[i]};
        script_call(open_script.index, &get);
    }
    script_call(open_script.index, &count);
    script_call(open_script.index, &search);
}

static bool anybody_frozen(void)
{
    for (uint32_t fiber = 0; fiber < open_script.program.fibers; fiber++) {
        if (explore_was_frozen(fiber)) {
            return true;
        }
    }
    return false;
}

/* Of those that were not harmed everybody has ended, or waits where the contract allows it. */
static void check_progress(void)
{
    for (uint32_t fiber = 0; fiber < open_script.program.fibers; fiber++) {
        if (explore_is_blocked(fiber) && (open_script.script->flags & SCRIPT_MAY_BLOCK) == 0) {
            explore_fail("fiber %u waits for one that is frozen", fiber);
        }
    }
}

/* Look at the graph; false when that failed. */
static bool look_at_graph(struct graph_census *census)
{
    struct graph_fault fault;
    rcu_enter();
    const enum akin_status status = graph_check(open_script.index->routing.graph, &fault, census);
    rcu_leave();
    if (status != AKIN_OK) {
        explore_fail("the graph cannot be looked at");
    } else if (fault.invariant != NULL) {
        explore_fail("the graph: %s at slot %u: %s", fault.invariant, fault.slot, fault.message);
    }
    return status == AKIN_OK && fault.invariant == NULL;
}

/* Whether the list of a slot leads to the nearest of the others, or to one that is as near. */
static bool leads_to_nearest(const struct graph *graph, const struct metric *metric, uint32_t slot,
                             uint32_t slots)
{
    const struct rank rank = rank_of_slot(metric, graph->slots, slot);
    const struct block *const block = block_acquire(graph_base(graph, slot));
    float nearest = INFINITY;
    for (uint32_t other = 0; other < slots; other++) {
        const float distance = other != slot ? rank_slot(&rank, other) : INFINITY;
        nearest = distance < nearest ? distance : nearest;
    }
    for (uint32_t i = 0; i < block->count; i++) {
        if (rank_slot(&rank, block_slot(block->ids[i])) <= nearest) {
            return true;
        }
    }
    return false;
}

/* Inserts that ran side by side found each other: of entries that were never replaced or deleted,
   and are so few that a search comes to all of them, each leads to its nearest. */
static void check_neighbors(void)
{
    const struct graph *const graph = open_script.index->routing.graph;
    struct graph_census census;
    struct akin_stats stats;
    memset(&stats, 0, sizeof stats);
    stats.struct_size = sizeof stats;
    if (!look_at_graph(&census)) {
        return;
    }
    if (akin_stats_get(open_script.index, &stats, NULL) != AKIN_OK) {
        explore_fail("there are no statistics");
    } else if (stats.slots == 2 && census.linked == 2 && census.edges != 2) {
        explore_fail("two entries do not lead to each other");
    } else if (stats.count == stats.slots && stats.slots > 1 &&
               stats.slots <= GRAPH_EF_CONSTRUCTION) {
        rcu_enter();
        for (uint32_t slot = 0; slot < stats.slots; slot++) {
            if (!leads_to_nearest(graph, index_metric(open_script.index), slot,
                                  (uint32_t)stats.slots)) {
                explore_fail("the entry in slot %u does not lead to its nearest", slot);
            }
        }
        rcu_leave();
    }
}

static void check_structure(void)
{
    struct akin_error error = {.message = ""};
    struct graph_census census;
    const bool is_graph = open_script.index->routing.graph != NULL;
    /* Before maintenance too, which takes out what is wrong about the lists of dead entries. Not
       all of akin_check: what a thread that ended held is accounted for by maintenance alone. */
    if (is_graph && !look_at_graph(&census)) {
        return;
    }
    if (akin_maintain(open_script.index, AKIN_MAINTAIN_DRAIN, NULL, &error) != AKIN_OK) {
        explore_fail("maintenance afterwards: %s", error.message);
        return;
    }
    if (akin_check(open_script.index, AKIN_CHECK_DEEP, &error) != AKIN_OK ||
        akin_check(open_script.index, AKIN_CHECK_CHEAP, &error) != AKIN_OK) {
        explore_fail("akin_check: %s: %s", error.field, error.message);
    } else if (is_graph) {
        check_neighbors();
    }
}

static void after_run(void *context)
{
    (void)context;
    check_progress();
    ask_all();
    /* A frozen thread holds what it holds; the structure is complete only without it. */
    if (!explore_has_failed() && !anybody_frozen()) {
        check_structure();
        ask_all();
    }
    if (!explore_has_failed()) {
        script_history_check(open_script.initial, open_script.initial_count);
    }
}

static bool open_index(const struct script *script, const char **problem)
{
    struct akin_options options;
    struct akin_error error = {.message = ""};
    akin_options_init(&options);
    options.dim = EXPLORE_DIM;
    options.threads = EXPLORE_PLACES;
    options.capacity = 4;
    options.allocator = arena_hooks();
    options.maintenance =
        (script->flags & SCRIPT_INLINE) != 0 ? AKIN_MAINTENANCE_INLINE : AKIN_MAINTENANCE_CALLER;
    if ((script->flags & SCRIPT_GRAPH) != 0) {
        options.kind = AKIN_HNSW;
        options.m = GRAPH_M_DEFAULT * ((script->flags & SCRIPT_WIDE) != 0 ? 2 : 1);
        options.ef_construction = GRAPH_EF_CONSTRUCTION;
        options.ef_search = GRAPH_EF_SEARCH;
    }
    if (akin_open(&options, &open_script.index, &error) != AKIN_OK) {
        *problem = "akin_open fails";
        return false;
    }
    if ((script->flags & SCRIPT_INLINE) != 0) {
        /* As soon as anything waits. */
        atomic_u64_store_relaxed(&open_script.index->maintainer.next_try, 1);
    }
    return true;
}

static bool parse_all(const struct script *script, const char **problem)
{
    if (!script_parse(script->set_up, &open_script.set_up, problem)) {
        return false;
    }
    open_script.program.fibers = 0;
    for (uint32_t i = 0; i < EXPLORE_FIBERS_MAX && script->fibers[i] != NULL; i++) {
        if (!script_parse(script->fibers[i], &open_script.fibers[i], problem)) {
            return false;
        }
        open_script.program.fibers++;
    }
    return true;
}

/* The account of memory decides nothing in these programs, whose bounds are far away: its sums
   would make every step of every fiber depend on every other's. But writes that maintain look at
   what is retired. */
static void ignore_sums(const struct script *script, const struct akin_index *index)
{
    const struct memory *const memory = &index->store.memory;
    explore_ignore(memory, offsetof(struct memory, retired));
    if ((script->flags & SCRIPT_INLINE) == 0) {
        explore_ignore(&memory->retired, sizeof memory->retired);
    }
    explore_ignore(&index->maintainer.rounds, sizeof index->maintainer.rounds);
    explore_ignore(&index->maintainer.grace_periods, sizeof index->maintainer.grace_periods);
    explore_ignore(&index->maintainer.unlinking, sizeof index->maintainer.unlinking);
    explore_ignore(&index->maintainer.recycled, sizeof index->maintainer.recycled);
}

/* Each fiber has called before, unless that is what is explored: so it finds its context. */
static bool warm_up(const struct script *script, const char **problem)
{
    akin_index *const index = open_script.index;
    if ((script->flags & SCRIPT_COLD) != 0) {
        return true;
    }
    for (uint32_t fiber = 0; fiber < open_script.program.fibers; fiber++) {
        explore_pretend(fiber);
        const enum akin_status status = akin_contains(index, 0, NULL);
        explore_pretend(EXPLORE_MAIN);
        if (status != AKIN_NOT_FOUND) {
            *problem = "the warm-up fails";
            return false;
        }
    }
    uint32_t contexts = 0;
    for (uint32_t place = 0; place < EXPLORE_PLACES; place++) {
        contexts += atomic_ptr_load_relaxed(&index->context_table[place]) != NULL ? 1 : 0;
    }
    if (contexts < open_script.program.fibers) {
        *problem = "fibers share a context";
        return false;
    }
    return true;
}

bool script_open(const struct script *script, const char **problem)
{
    size_t bytes = 0;
    memset(&open_script, 0, sizeof open_script);
    open_script.script = script;
    arena_clear();
    model_lfht_forget();
    explore_forget();
    if (!parse_all(script, problem) || !open_index(script, problem)) {
        return false;
    }
    script_calls_begin((script->flags & SCRIPT_PAYLOAD) != 0);
    if (!warm_up(script, problem)) {
        return false;
    }
    for (uint32_t i = 0; i < open_script.set_up.count; i++) {
        script_call(open_script.index, &open_script.set_up.calls[i]);
    }
    open_script.initial_count = script_live(open_script.index, open_script.initial);
    void *const tables = model_lfht_memory(&bytes);
    arena_also(tables, bytes);
    arena_remember();
    ignore_sums(script, open_script.index);
    open_script.program.body = run_fiber;
    open_script.program.before = before_run;
    open_script.program.after = after_run;
    return true;
}

const struct explore_program *script_program(void)
{
    return &open_script.program;
}

bool script_close(const char **problem)
{
    arena_restore();
    if (akin_close(open_script.index) != AKIN_OK) {
        *problem = "akin_close fails";
        return false;
    }
    if (arena_live_bytes() != 0) {
        *problem = "akin_close leaves memory behind";
        return false;
    }
    return true;
}

void script_copy(struct script *script, struct script_room *room)
{
    for (uint32_t i = 0; i <= EXPLORE_FIBERS_MAX; i++) {
        const char **const text = i == 0 ? &script->set_up : &script->fibers[i - 1];
        if (*text == NULL) {
            break;
        }
        (void)snprintf(room->text[i], sizeof room->text[i], "%s", *text);
        *text = room->text[i];
    }
}

bool script_without(const struct script *script, uint32_t call, struct script *shorter,
                    struct script_room *room)
{
    uint32_t seen = 0;
    *shorter = *script;
    script_copy(shorter, room);
    for (uint32_t i = 0; i <= EXPLORE_FIBERS_MAX; i++) {
        const char *const text = i == 0 ? script->set_up : script->fibers[i - 1];
        if (text == NULL) {
            break;
        }
        const uint32_t count = script_count(text);
        if (call < seen + count) {
            script_text_without(text, call - seen, room->text[i]);
            return true;
        }
        seen += count;
    }
    return false;
}
