/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queries and where their results go, after validation.
 *
 * Level   : index (6).
 */
#ifndef AKIN_INDEX_SEARCH_REQUEST_H
#define AKIN_INDEX_SEARCH_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "akin/search.h"
#include "index/internal.h"

/* Queries and their results, whether they came one by one or as a batch. */
struct request {
    const unsigned char *queries;
    size_t stride_bytes;
    size_t query_count;
    struct akin_neighbor *results;
    uint32_t *counts;
    uint32_t k;
    uint32_t ef; /* graphs: at least k */
    uint32_t patience;
    const struct akin_filter *filter;
    struct akin_search_stats *stats; /* the program's, or NULL */
};

/*
 * Answer all queries of a request through the graph, as of one instant.
 *
 * Output : the results, and stats: what it did is added to it.
 * Threads: any; the caller's call is in flight.
 */
void graph_search_all(struct call *call, const struct request *request,
                      struct akin_search_stats *stats);

#endif
