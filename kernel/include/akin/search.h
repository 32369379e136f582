/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Searches: one query, a batch of queries, filters, contexts.
 */
#ifndef AKIN_SEARCH_H
#define AKIN_SEARCH_H

#include <stddef.h>
#include <stdint.h>

#include "akin/macros.h"
#include "akin/status.h"
#include "akin/types.h"

AKIN_BEGIN_DECLS

/*
 * Which entries a search may return. An entry passes when it passes both parts that are given.
 */
struct akin_filter {
    size_t struct_size; /* sizeof(struct akin_filter) */
    /* Keys allowed: bit (key % 64) of word (key / 64). Keys >= bitmap_bits do not pass. NULL: no
       bitmap. The words must not change during the search. */
    const uint64_t *bitmap;
    uint64_t bitmap_bits;
    /* Called for a visible entry that would enter the results; nonzero lets it in. NULL: no
       callback. Runs inside the read section: it may call akin_get, akin_contains, akin_count on
       any index, must not wait for another thread, and gets AKIN_IN_CALLBACK from calls that wait.
       It may be called again for a key when the same key was refused before, never after it was
       accepted. */
    int (*accept)(void *context, uint64_t key);
    void *context; /* handed to accept, may be NULL */
};

/* What searches did; a search adds to it. */
struct akin_search_stats {
    uint64_t hops;      /* entries whose neighbors were looked at */
    uint64_t distances; /* computed, those of scans included */
    uint64_t blocks;    /* lists of neighbors read */
    uint64_t dead;      /* entries that were met and not visible, or did not pass the filter */
    uint64_t codes;     /* compared; the rows of those that exclude nothing are among `distances` */
    uint64_t scans;     /* queries that were answered by, or finished with, an exact scan */
};

/* Options of a search. Fill with akin_search_options_init first. */
struct akin_search_options {
    size_t struct_size; /* set by akin_search_options_init */
    uint32_t k;         /* results wanted, 1..10000; default 10 */
    uint32_t ef_search; /* graphs: candidates to look for, 1..10000, at least k are; 0 (default):
                           the index's */
    const struct akin_filter *filter; /* NULL (default): everything visible passes */
    uint32_t patience; /* graphs: stop after so many hops without a change among the k nearest; 0
                          (default): never */
    uint32_t reserved; /* 0 */
    struct akin_search_stats *stats; /* told what the search did; NULL (default): nobody is */
};

/*
 * Fill search options with the defaults.
 *
 * Input     : options: not NULL. struct_size: as the caller was compiled.
 * Output    : options, all fields up to struct_size.
 * Ownership : the caller's.
 * Threads   : PURE; wait-free.
 * Order     : none.
 * Linearizes: none.
 * Status    : cannot fail.
 * Cost      : constant; allocates nothing.
 * Source    : ours.
 */
AKIN_API void akin_search_options_init_sized(struct akin_search_options *options,
                                             size_t struct_size);

/* The same, with the size filled in. */
static inline void akin_search_options_init(struct akin_search_options *options)
{
    akin_search_options_init_sized(options, sizeof *options);
}

/*
 * Create a search context, so that searches with it neither take one from the pool nor allocate.
 *
 * Input     : k_max: largest k it shall be warm for, 1..10000; a larger k later grows it. context:
 *             not NULL. error: may be NULL.
 * Output    : context, on AKIN_OK.
 * Ownership : the caller owns it until akin_context_destroy or akin_close of its index.
 * Threads   : READER; any thread; may block in the allocator.
 * Order     : none.
 * Linearizes: none.
 * Status    : AKIN_OK; AKIN_BAD_ARGUMENT; AKIN_BAD_K; AKIN_NO_MEMORY; AKIN_OVER_BUDGET.
 * Cost      : one context, O(k_max + dim) bytes.
 * Source    : ours.
 */
AKIN_API AKIN_MUST_CHECK enum akin_status akin_context_create(akin_index *index, uint32_t k_max,
                                                              akin_context **context,
                                                              struct akin_error *error);

/*
 * Give a context back. Its memory is reused for later contexts of the same index.
 *
 * Input     : context: from akin_context_create, not in use; NULL is allowed.
 * Output    : none.
 * Ownership : the context is gone.
 * Threads   : OWNER; wait-free. Not after akin_close of its index.
 * Order     : none.
 * Linearizes: none.
 * Status    : cannot fail.
 * Cost      : constant.
 * Source    : ours.
 */
AKIN_API void akin_context_destroy(akin_context *context);

/*
 * Find the k entries nearest to a query, as of one instant within the call.
 *
 * Input     : context: from akin_context_create of this index and not in use; NULL takes one from
 *             the pool. query: dimension and element type of the index, finite, with a direction
 *             under cosine; not NULL. options: NULL for the defaults. results: room for options->k
 *             neighbors, not NULL. count: not NULL. error: may be NULL.
 * Output    : results[0 .. *count), sorted by (distance, key), every key once, all live at that
 *             instant; nothing behind them is written. *count < k only when fewer entries pass.
 * Ownership : the caller's.
 * Threads   : READER; any thread, in or outside a read section; never retries, waits for nobody.
 * Order     : sees every commit that returned before the call started.
 * Linearizes: the frontier load, SYNC(commit.last).
 * Status    : AKIN_OK; AKIN_BAD_ARGUMENT, _BAD_STRUCT_SIZE, _BAD_K, _BAD_DIM, _BAD_TYPE,
 *             _NOT_FINITE, _ZERO_VECTOR; AKIN_BUSY; AKIN_NO_MEMORY, AKIN_OVER_BUDGET (only while
 *             the context grows).
 * Cost      : flat: n * dim. Graph: about ef_search lists and their rows. Allocates nothing once
 *             the context is warm; a graph that finds no memory for it is scanned instead.
 * Source    : flat: exact scan; ours. Graph: Malkov and Yashunin 2018; docs/graph.md.
 */
AKIN_API AKIN_MUST_CHECK enum akin_status akin_search(akin_index *index, akin_context *context,
                                                      const struct akin_vector *query,
                                                      const struct akin_search_options *options,
                                                      struct akin_neighbor *results,
                                                      uint32_t *count, struct akin_error *error);

/* Several queries and where their results go. */
struct akin_batch_search {
    size_t struct_size;            /* sizeof(struct akin_batch_search) */
    const void *queries;           /* the first query; each as in struct akin_vector */
    size_t stride_bytes;           /* from one query to the next; 0: dim * element size */
    size_t query_count;            /* how many; 0 is allowed */
    uint32_t dim;                  /* of the queries */
    enum akin_type type;           /* of the queries */
    struct akin_neighbor *results; /* room for query_count * k; query i starts at results[i * k] */
    uint32_t *counts;              /* room for query_count: how many results each query has */
};

/*
 * Search for several queries, all as of one and the same instant within the call.
 *
 * Input     : context, options, error: as akin_search. batch: not NULL, its pointers not NULL
 *             unless query_count is 0.
 * Output    : as akin_search for each query. After failure the buffers may hold anything.
 * Ownership : the caller's.
 * Threads, Order, Linearizes, Source: as akin_search.
 * Status    : as akin_search; error->position is the query that is wrong. Nothing is searched then.
 * Cost      : flat: each row is read from memory once for a group of queries, which makes it
 *             several times cheaper than as many single searches. Allocates nothing once the
 *             context is warm.
 */
AKIN_API AKIN_MUST_CHECK enum akin_status akin_search_batch(
    akin_index *index, akin_context *context, const struct akin_batch_search *batch,
    const struct akin_search_options *options, struct akin_error *error);

AKIN_END_DECLS

#endif
