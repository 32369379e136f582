/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Search through the graph.
 *
 * Level: index (6).
 *
 * The walk goes by float distances and over whatever is in the graph; what it returns is visible at
 * the stamp of the search, passes the filter, and has its exact distance. Usually nearly everything
 * that the walk meets is visible: then stamps are looked at afterwards, for the few that it came
 * to. With a filter, or many dead, they are looked at on the way, so that the beam holds as many
 * results as it shall. What a walk cannot give - more than there is around, or a slot that it did
 * not come to - an exact scan gives, at the same stamp.
 */
#include <math.h>

#include "base/limits.h"
#include "index/search_request.h"
#include "search/beam.h"
#include "search/scan.h"
#include "search/topk.h"

/* Above one dead slot in so many the walk looks at stamps on its way. */
#define DEAD_SHARE 8u
/* Then the beam has room for so many times as many slots that do not pass. */
#define ROUTERS_PER_RESULT 8u
/* Hops after which a filtered walk gives up: this many for each result, and a part of all slots. */
#define HOPS_PER_RESULT 4u
#define HOPS_DIVISOR    32u
/* Queries answered in one read section. */
#define QUERIES_PER_SECTION 16u

/* Results whose rows are asked for ahead of the one that is compared. */
#define RESULTS_AHEAD 2u
/* A walk by estimates keeps k / 4 entries beyond k, and so many more, for the exact order. */
#define SPARE_RESULTS 2u

struct walk_plan {
    struct call *call;
    const struct request *request;
    struct akin_search_stats *stats;
    const struct index_view *view;
    uint64_t stamp;
    uint32_t watermark;
    bool checks_first; /* stamps and filter are looked at on the way */
};

static bool passes(void *context, uint32_t slot)
{
    const struct walk_plan *const plan = context;
    const struct slots *const slots = &plan->call->index->store.slots;
    const struct slot_chunk *const chunk = slot_chunk_of(slots, slot);
    const uint32_t offset = slot & slots->chunk_mask;
    const struct akin_filter *const filter = plan->request->filter;
    if (!slot_is_visible(chunk, offset, plan->stamp)) {
        return false;
    }
    return filter == NULL || scan_filter_passes(filter, chunk->key[offset]);
}

/* Take what the beam holds, nearest first, until k are found and no other can be as near. */
static void take_results(const struct walk_plan *plan, struct beam *beam, const struct query *query,
                         struct topk *best)
{
    const struct slots *const slots = &plan->call->index->store.slots;
    float last = INFINITY;
    for (uint32_t i = 0; i < RESULTS_AHEAD && i < beam->count; i++) {
        beam_prefetch_row(beam, i);
    }
    for (uint32_t i = 0; i < beam->count && beam->trail->entries[i].distance <= last; i++) {
        const struct beam_entry *const entry = &beam->trail->entries[i];
        if (i + RESULTS_AHEAD < beam->count) {
            beam_prefetch_row(beam, i + RESULTS_AHEAD);
        }
        const struct slot_chunk *const chunk = slot_chunk_of(slots, beam_slot(entry));
        const uint32_t offset = beam_slot(entry) & slots->chunk_mask;
        if ((entry->word & BEAM_ROUTER) != 0) {
            continue;
        }
        if (!plan->checks_first && !slot_is_visible(chunk, offset, plan->stamp)) {
            beam->counts.routers++;
            continue;
        }
        const struct akin_neighbor found = {
            .key = chunk->key[offset],
            .distance =
                metric_exact(&plan->view->current->metric, query, slot_row(slots, chunk, offset)),
        };
        if (topk_admits(best, &found)) {
            topk_add(best, &found);
        }
        if (best->count == best->k) {
            last = beam_farthest(beam, topk_bound(best));
        }
    }
}

static void add_stats(struct akin_search_stats *stats, const struct beam *beam)
{
    stats->hops += beam->counts.hops;
    stats->distances += beam->counts.distances;
    stats->blocks += beam->counts.blocks;
    stats->codes += beam->counts.codes;
    stats->dead += beam->counts.routers;
}

/* Entries that a walk keeps: ef, and where estimates may put k of them in another order than exact
   distances, some more, which are not expanded. */
static uint32_t beam_width(const struct walk_plan *plan, const struct graph *graph)
{
    const uint32_t k = plan->request->k;
    const uint32_t wanted = graph_lanes(graph) > 0 ? k + k / 4 + SPARE_RESULTS : k;
    return plan->request->ef > wanted ? plan->request->ef : wanted;
}

/* Walk and take the results; false when there is no memory for it. */
static bool walk(struct walk_plan *plan, const struct query *query, struct topk *best)
{
    struct akin_index *const index = plan->call->index;
    const struct request *const request = plan->request;
    const struct graph *const graph = plan->view->current->graph;
    const uint32_t ef = beam_width(plan, graph);
    const uint32_t capacity = plan->checks_first ? ROUTERS_PER_RESULT * ef : ef;
    struct akin_context *const context = plan->call->context;
    if (context == NULL || trail_reserve(&context->trail, &index->store.memory, plan->watermark,
                                         capacity, graph_lanes(graph)) != AKIN_OK) {
        return false;
    }
    struct beam beam = {
        .graph = graph,
        .rank = rank_of_query(&plan->view->current->metric, &index->store.slots, query),
        .trail = &context->trail,
        .limit = plan->watermark,
        .ef = ef,
        .capacity = capacity,
        .front = plan->checks_first ? 0 : request->ef,
        .admit = plan->checks_first ? passes : NULL,
        .context = plan,
        .hops_max = plan->checks_first
                        ? (uint64_t)HOPS_PER_RESULT * ef + plan->watermark / HOPS_DIVISOR
                        : 0,
        .patience = request->patience,
        .patience_of = request->k,
    };
    best->count = 0;
    beam_begin(&beam);
    beam_seed_all(&beam);
    beam_run(&beam, 0);
    take_results(plan, &beam, query, best);
    beam_end(&beam);
    add_stats(plan->stats, &beam);
    return true;
}

/* Every visible row, exactly. */
static void scan(const struct walk_plan *plan, const struct query *query, struct topk *best)
{
    struct store *const store = &plan->call->index->store;
    struct reader *const reader = call_reader(plan->call);
    best->count = 0;
    struct scan all = {
        .store = store,
        .metric = &plan->view->current->metric,
        .filter = plan->request->filter,
        .reader = reader,
        .stamp = plan->stamp,
        .watermark = plan->watermark,
        /* Pinned by the caller; not inside a walk, so the section may be left. */
        .is_pinned = reader != NULL,
        .query_count = 1,
        .queries = query,
        .best = best,
    };
    scan_run(&all);
    plan->stats->scans++;
    plan->stats->distances += plan->watermark;
}

/* Whether a walk that found so many may have missed some. */
static bool may_lack(const struct walk_plan *plan, uint32_t found)
{
    if (found >= plan->request->k) {
        return false;
    }
    return plan->request->filter != NULL || found < frontier_count(&plan->call->index->store);
}

/* Many dead slots in the graph would take the places of results. */
static bool has_many_dead(const struct walk_plan *plan)
{
    const struct store *const store = &plan->call->index->store;
    return store_dead_slots(store, plan->watermark) > plan->watermark / DEAD_SHARE;
}

static void search_one(struct walk_plan *plan, size_t at)
{
    const struct request *const request = plan->request;
    const struct query query =
        metric_query(&plan->view->current->metric, request->queries + at * request->stride_bytes);
    struct topk best = {.items = request->results + at * request->k, .k = request->k};
    plan->checks_first = request->filter != NULL || has_many_dead(plan);
    const bool is_small =
        request->filter == NULL && (uint64_t)request->ef * GRAPH_SCAN_FACTOR >= plan->watermark;
    bool walked = !is_small && walk(plan, &query, &best);
    if (walked && may_lack(plan, best.count) && !plan->checks_first) {
        plan->checks_first = true;
        walked = walk(plan, &query, &best);
    }
    if (!walked || may_lack(plan, best.count)) {
        scan(plan, &query, &best);
    }
    topk_sort(&best);
    request->counts[at] = best.count;
}

/* The straight line of a search: enter, frontier, view, walk, leave. */
void graph_search_all(struct call *call, const struct request *request,
                      struct akin_search_stats *stats)
{
    struct store *const store = &call->index->store;
    struct reader *const reader = call_reader(call);
    struct walk_plan plan = {.call = call, .request = request, .stats = stats};
    reader_enter(reader);
    /* Pinned, so that a scan or a long batch may leave the section in between. */
    plan.stamp = reader != NULL ? reader_pin(store, reader) : frontier_stamp(store);
    plan.watermark = slots_watermark(&store->slots);
    plan.view = index_view_acquire(call->index);
    for (size_t i = 0; i < request->query_count; i++) {
        search_one(&plan, i);
        if (reader != NULL && (i + 1) % QUERIES_PER_SECTION == 0) {
            reader_pause(reader);
        }
    }
    if (reader != NULL) {
        reader_unpin(reader);
    }
    reader_leave(reader);
}
