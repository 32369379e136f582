/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index as its public calls see it: store, view, contexts, maintenance.
 *
 * Level   : index (6).
 */
#ifndef AKIN_INDEX_INTERNAL_H
#define AKIN_INDEX_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "akin/akin.h"
#include "base/error.h"
#include "base/attributes.h"
#include "maintain/maintain.h"
#include "maintain/worker.h"
#include "graph/graph.h"
#include "search/metric.h"
#include "search/trail.h"
#include "store/store.h"
#include "sync/atomic.h"

/* How one generation finds its way to the rows. A flat index has nothing but its metric. */
struct routing {
    enum akin_kind kind;
    struct metric metric;
    struct graph *graph; /* NULL for a flat index */
};

/* What every call works on, behind one pointer: the routing that serves, and the one being
   built. */
struct index_view {
    const struct routing *current;
    const struct routing *next; /* NULL unless a rebuild is under way */
};

/* Who may use a context. */
enum context_use {
    CONTEXT_FREE = 0,     /* any call may borrow it */
    CONTEXT_BORROWED = 1, /* in a call that brought none */
    CONTEXT_HELD = 2,     /* the program's, not in a call */
    CONTEXT_HELD_BUSY = 3 /* the program's, in a call */
};

struct akin_context {
    struct akin_index *index;
    struct akin_context *next;   /* list of all contexts; plain: written before it is listed */
    struct commit_record *spare; /* for a delete in hard times; belongs to the current user */
    /* Use, user and a generation in one word, so that recovery can tell a dead user from the next
       one: see context.c. Changed by compare-and-swap of the whole word. */
    struct atomic_u64 use;
    bool is_pooled; /* in the table of the index; never changes */
    /* Buffers of walks, grown once and kept; they belong to the current user. */
    unsigned char *row;
    unsigned char *payload;
    size_t payload_capacity;
    struct trail trail; /* of walks through the graph */
    struct reader reader CACHE_PAIR_ALIGNED;
};

struct akin_index {
    struct store store;
    struct akin_options options; /* completed; never changes */
    struct routing routing;      /* of the first generation */
    struct index_view first_view;
    struct worker worker;
    uint64_t process;           /* generation in which it was opened */
    struct atomic_u64 unmarked; /* calls in flight that could get no context */
    struct atomic_u64 making;   /* calls that make a context: what dies there is in no list yet */
    struct atomic_u64 deaths;   /* threads that died inside a call, as far as they were found */
    struct atomic_ptr view;     /* struct index_view; replaced by rebuilds */
    struct atomic_ptr contexts; /* list of all contexts */
    struct atomic_ptr *context_table; /* `threads` places, filled as calls need them */
    uint32_t check_cursor; /* where the next cheap check begins; its own, alone at the index */
    struct maintainer maintainer;
};

/* A call in flight: which context it uses. */
struct call {
    struct akin_index *index;
    struct akin_context *context; /* NULL when none could be had: the call goes on unmarked */
    bool is_held;                 /* the context is the program's */
};

/* The view, to be loaded after the frontier. Threads: any, inside a read section. */
static inline const struct index_view *index_view_acquire(const struct akin_index *index)
{
    /* SYNC(index.view): pairs with the publishing store in akin_open; the routing is visible. */
    return atomic_ptr_load_acquire(&index->view);
}

/* The reader cell of a call, NULL without a context. */
static inline struct reader *call_reader(const struct call *call)
{
    return call->context != NULL ? &call->context->reader : NULL;
}

/*
 * Begin a call: with the program's context, or with one from the pool.
 *
 * Input  : context: NULL to borrow one.
 * Status : AKIN_OK; AKIN_BUSY or AKIN_BAD_ARGUMENT for a context that is in use or another index's.
 *          Without memory for a new context the call goes on without one, unless `must_have`: then
 *          AKIN_NO_MEMORY or AKIN_OVER_BUDGET.
 * Threads: any; lock-free.
 */
MUST_CHECK enum akin_status call_begin(struct akin_index *index, struct akin_context *context,
                                       bool must_have, struct call *call);
void call_end(struct call *call);

/* Take contexts back from threads that died inside a call, and drop their pins. Threads: any. */
void contexts_recover(struct akin_index *index);

/* Whether this thread is inside a call of the index: a callback of it is running. Threads: any. */
bool contexts_are_ours(const struct akin_index *index);

/* Wait until no call is in flight, but for those of dead threads. Threads: SETUP. */
void contexts_quiesce(struct akin_index *index);

/* Free all contexts. Threads: SETUP. */
void contexts_end(struct akin_index *index);

/* Validate a vector against the index. `field` names it in the error. Threads: PURE. */
MUST_CHECK enum akin_status vector_check(const struct metric *metric,
                                         const struct akin_vector *vector, const char *field,
                                         struct akin_error *error);

/* Validate a payload; NULL is none. Threads: PURE. */
MUST_CHECK enum akin_status payload_check(const struct akin_bytes *payload,
                                          struct akin_error *error);

/* Whether writes and searches need scratch memory of a context. */
static inline bool index_is_graph(const struct akin_index *index)
{
    return index->options.kind == AKIN_HNSW;
}

/* The routing's metric. It is the same in every generation. */
static inline const struct metric *index_metric(const struct akin_index *index)
{
    return &index->routing.metric;
}

/* Whether threads died inside calls: some sums may be off by what they held. Threads: any. */
bool index_had_deaths(const struct akin_index *index);

/* Before a write: refuse it while too much waits for readers. After a write: inline maintenance. */
MUST_CHECK enum akin_status upkeep_before_write(struct akin_index *index);
void upkeep_after_write(struct akin_index *index);

/* Maintenance by who has the index alone: whatever the mode, it may wait. */
void upkeep_alone(struct akin_index *index);

/* Try to make room after a write met AKIN_NO_MEMORY or AKIN_OVER_BUDGET; whether trying again may
   help. */
bool upkeep_make_room(struct akin_index *index);

/* Insert without validation and upkeep. Threads: as write_entry. */
MUST_CHECK enum akin_status index_write(const struct call *call, uint64_t key, const void *row,
                                        const struct akin_bytes *payload, enum commit_want want);

/* Whether struct_size is one that we know, and a longer struct asks for nothing beyond. PURE. */
bool options_size_is_known(const struct akin_options *options);

/* Options with defaults filled in where 0 means "take the default". PURE. */
struct akin_options options_complete(const struct akin_options *options);

#endif
