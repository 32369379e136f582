/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Search: one query, or a batch of them, as of one instant.
 *
 * Level: index (6).
 */
#include <string.h>

#include "base/limits.h"
#include "index/internal.h"
#include "index/search_request.h"
#include "search/scan.h"
#include "search/topk.h"

void akin_search_options_init_sized(struct akin_search_options *options, size_t struct_size)
{
    struct akin_search_options defaults;
    memset(&defaults, 0, sizeof defaults);
    defaults.struct_size = struct_size;
    defaults.k = 10;
    memset(options, 0, struct_size);
    memcpy(options, &defaults, struct_size < sizeof defaults ? struct_size : sizeof defaults);
}

static enum akin_status filter_check(const struct akin_filter *filter, struct akin_error *error)
{
    if (filter == NULL) {
        return AKIN_OK;
    }
    if (filter->struct_size < sizeof *filter) {
        return error_range(error, AKIN_BAD_STRUCT_SIZE, "filter.struct_size",
                           (double)filter->struct_size, (double)sizeof *filter,
                           (double)sizeof *filter);
    }
    if (filter->bitmap == NULL && filter->accept == NULL) {
        return error_field(error, AKIN_BAD_ARGUMENT, "filter", "has neither bitmap nor accept");
    }
    if (filter->bitmap == NULL && filter->bitmap_bits != 0) {
        return error_field(error, AKIN_BAD_ARGUMENT, "filter.bitmap", "is NULL");
    }
    return AKIN_OK;
}

static enum akin_status options_check(const struct akin_index *index,
                                      const struct akin_search_options *options,
                                      struct request *request, struct akin_error *error)
{

    struct akin_search_options defaults;
    akin_search_options_init(&defaults);
    const struct akin_search_options *const used = options != NULL ? options : &defaults;
    if (used->struct_size < sizeof *used) {
        return error_range(error, AKIN_BAD_STRUCT_SIZE, "options.struct_size",
                           (double)used->struct_size, (double)sizeof *used, (double)sizeof *used);
    }
    if (used->k < 1 || used->k > AKIN_K_MAX) {
        return error_range(error, AKIN_BAD_K, "k", used->k, 1, AKIN_K_MAX);
    }
    if (used->reserved != 0) {
        return error_range(error, AKIN_BAD_ARGUMENT, "options.reserved", used->reserved, 0, 0);
    }
    if (used->ef_search > GRAPH_EF_MAX) {
        return error_range(error, AKIN_BAD_ARGUMENT, "options.ef_search", used->ef_search, 0,
                           GRAPH_EF_MAX);
    }
    const uint32_t ef = used->ef_search != 0 ? used->ef_search : index->options.ef_search;
    request->k = used->k;
    request->ef = ef > used->k ? ef : used->k;
    request->patience = used->patience;
    request->stats = used->stats;
    request->filter = used->filter;
    return filter_check(used->filter, error);
}

/* Answer up to SCAN_GROUP_QUERIES queries from `first` on, in one pass over the rows. */
static void search_group(const struct request *request, struct scan *scan, size_t first)
{
    struct query queries[SCAN_GROUP_QUERIES];
    struct topk best[SCAN_GROUP_QUERIES];
    const size_t rest = request->query_count - first;
    scan->query_count = rest < SCAN_GROUP_QUERIES ? (uint32_t)rest : SCAN_GROUP_QUERIES;
    scan->queries = queries;
    scan->best = best;
    for (uint32_t i = 0; i < scan->query_count; i++) {
        const size_t at = first + i;
        queries[i] = metric_query(scan->metric, request->queries + at * request->stride_bytes);
        best[i] = (struct topk){.items = request->results + at * request->k, .k = request->k};
    }
    scan_run(scan);
    for (uint32_t i = 0; i < scan->query_count; i++) {
        topk_sort(&best[i]);
        request->counts[first + i] = best[i].count;
    }
}

/* The straight line of a search: enter, frontier, view, rows, leave. */
static void scan_all(struct call *call, const struct request *request)
{
    struct store *const store = &call->index->store;
    struct reader *const reader = call_reader(call);
    struct scan scan = {.store = store, .filter = request->filter, .reader = reader};
    reader_enter(reader);
    /* A long search pins its stamp, so that it may leave the section in between. */
    scan.is_pinned =
        reader != NULL && scan_is_long(store, slots_watermark(&store->slots), request->query_count);
    scan.stamp = scan.is_pinned ? reader_pin(store, reader) : frontier_stamp(store);
    scan.watermark = slots_watermark(&store->slots);
    scan.metric = &index_view_acquire(call->index)->current->metric;
    for (size_t first = 0; first < request->query_count; first += SCAN_GROUP_QUERIES) {
        search_group(request, &scan, first);
    }
    if (scan.is_pinned) {
        reader_unpin(reader);
    }
    reader_leave(reader);
}

static void search_all(struct call *call, const struct request *request)
{
    struct akin_search_stats own = {0};
    struct akin_search_stats *const told = request->stats;
    if (index_is_graph(call->index)) {
        graph_search_all(call, request, &own);
    } else {
        scan_all(call, request);
        own.scans = request->query_count;
        own.distances = request->query_count * slots_watermark(&call->index->store.slots);
    }
    if (told != NULL) {
        told->hops += own.hops;
        told->distances += own.distances;
        told->blocks += own.blocks;
        told->dead += own.dead;
        told->codes += own.codes;
        told->scans += own.scans;
    }
}

static enum akin_status begin(struct akin_index *index, struct akin_context *context,
                              struct call *call, struct akin_error *error)
{
    const enum akin_status status = call_begin(index, context, false, call);
    if (status == AKIN_BAD_ARGUMENT) {
        return error_field(error, status, "context", "belongs to another index");
    }
    return status == AKIN_OK ? AKIN_OK : error_plain(error, status);
}

enum akin_status akin_search(akin_index *index, akin_context *context,
                             const struct akin_vector *query,
                             const struct akin_search_options *options,
                             struct akin_neighbor *results, uint32_t *count,
                             struct akin_error *error)
{
    if (index == NULL || results == NULL || count == NULL) {
        return error_field(error, AKIN_BAD_ARGUMENT,
                           index == NULL     ? "index"
                           : results == NULL ? "results"
                                             : "count",
                           "is NULL");
    }
    uint32_t found = 0;
    struct call call;
    struct request request = {.query_count = 1, .results = results, .counts = &found};
    enum akin_status status = begin(index, context, &call, error);
    if (status != AKIN_OK) {
        return status;
    }
    status = options_check(index, options, &request, error);
    if (status == AKIN_OK) {
        status = vector_check(index_metric(index), query, "query", error);
    }
    if (status == AKIN_OK) {
        request.queries = query->data;
        search_all(&call, &request);
        *count = found;
    }
    call_end(&call);
    return status;
}

/* Validate every query before anything is searched. */
static enum akin_status batch_check(const struct akin_index *index,
                                    const struct akin_batch_search *batch, struct request *request,
                                    struct akin_error *error)
{
    const struct metric *const metric = index_metric(index);
    if (batch->struct_size < sizeof *batch) {
        return error_range(error, AKIN_BAD_STRUCT_SIZE, "batch.struct_size",
                           (double)batch->struct_size, (double)sizeof *batch,
                           (double)sizeof *batch);
    }
    if (batch->query_count > 0 &&
        (batch->queries == NULL || batch->results == NULL || batch->counts == NULL)) {
        return error_field(error, AKIN_BAD_ARGUMENT,
                           batch->queries == NULL   ? "batch.queries"
                           : batch->results == NULL ? "batch.results"
                                                    : "batch.counts",
                           "is NULL");
    }
    request->stride_bytes = batch->stride_bytes != 0 ? batch->stride_bytes : metric->row_bytes;
    if (request->stride_bytes < metric->row_bytes) {
        return error_range(error, AKIN_BAD_ARGUMENT, "batch.stride_bytes",
                           (double)batch->stride_bytes, metric->row_bytes, (double)SIZE_MAX);
    }
    request->queries = batch->queries;
    request->query_count = batch->query_count;
    request->results = batch->results;
    request->counts = batch->counts;
    for (size_t i = 0; i < batch->query_count; i++) {
        const struct akin_vector query = {
            .data = request->queries + i * request->stride_bytes,
            .dim = batch->dim,
            .type = batch->type,
        };
        const enum akin_status status = vector_check(metric, &query, "batch.queries", error);
        if (status != AKIN_OK) {
            if (error != NULL) {
                error->position = i;
            }
            return status;
        }
    }
    return AKIN_OK;
}

enum akin_status akin_search_batch(akin_index *index, akin_context *context,
                                   const struct akin_batch_search *batch,
                                   const struct akin_search_options *options,
                                   struct akin_error *error)
{
    struct request request = {0};
    if (index == NULL || batch == NULL) {
        return error_field(error, AKIN_BAD_ARGUMENT, index == NULL ? "index" : "batch", "is NULL");
    }
    struct call call;
    enum akin_status status = begin(index, context, &call, error);
    if (status != AKIN_OK) {
        return status;
    }
    status = options_check(index, options, &request, error);
    if (status == AKIN_OK) {
        status = batch_check(index, batch, &request, error);
    }
    if (status == AKIN_OK) {
        search_all(&call, &request);
    }
    call_end(&call);
    return status;
}
