/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exact scan: every slot below the watermark, at one stamp, for one query or several.
 *
 * Level   : search (4).
 * Promises: no retry, each slot at most once, nothing beyond the watermark; allocates nothing. A
 *           row is touched only after its slot was found visible, so that nobody is writing it.
 *           With a pinned stamp the scan leaves and re-enters its read section now and then, so
 *           that it does not hold back grace periods however large the index is.
 */
#ifndef AKIN_SEARCH_SCAN_H
#define AKIN_SEARCH_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "akin/search.h"
#include "search/metric.h"
#include "search/topk.h"
#include "store/store.h"

/* What to scan for. */
struct scan {
    const struct store *store;
    const struct metric *metric;
    const struct akin_filter *filter; /* NULL: everything passes */
    struct reader *reader;            /* may be NULL */
    uint64_t stamp;
    uint32_t watermark;
    uint64_t section_bytes; /* compared since the section was entered; kept from group to group */
    bool is_pinned;       /* the stamp is pinned in `reader`: the section may be left in between */
    uint32_t query_count; /* 1 .. SCAN_GROUP_QUERIES */
    const struct query *queries;
    struct topk *best; /* one for each query; heaps on return */
};

/* Whether so many queries over the slots below this watermark should pin their stamp. PURE. */
bool scan_is_long(const struct store *store, uint32_t watermark, size_t query_count);

/* Whether a key passes both parts of a filter that are given. Threads: any, inside. */
bool scan_filter_passes(const struct akin_filter *filter, uint64_t key);

/* Scan. Threads: any, inside a read section entered through scan->reader, and still inside on
   return. */
void scan_run(struct scan *scan);

#endif
