/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Upkeep: maintenance, statistics, and a check of the whole structure.
 */
#ifndef AKIN_UPKEEP_H
#define AKIN_UPKEEP_H

#include <stddef.h>
#include <stdint.h>

#include "akin/macros.h"
#include "akin/options.h"
#include "akin/status.h"
#include "akin/types.h"

AKIN_BEGIN_DECLS

enum akin_maintain_mode {
    AKIN_MAINTAIN_ROUND = 1, /* one round: what waits now and can be reclaimed */
    AKIN_MAINTAIN_DRAIN =
        2 /* rounds until nothing that can be reclaimed is left, then look for what
                                dead threads left behind */
};

/* How much akin_maintain does before it leaves the rest to the next call. Fill with
   akin_maintain_budget_init first. */
struct akin_maintain_budget {
    size_t struct_size;  /* set by akin_maintain_budget_init */
    uint64_t time_ns;    /* about how long, beside the grace periods, which are waited for whole; 0
                            (default): no bound */
    uint64_t slots;      /* slots unlinked, swept, freed; 0 (default): no bound */
    uint64_t used_slots; /* out: so many were */
    int is_done;         /* out: nonzero when nothing is left of what the mode asks for */
};

/* No bound. PURE. */
static inline void akin_maintain_budget_init(struct akin_maintain_budget *budget)
{
    budget->struct_size = sizeof *budget;
    budget->time_ns = 0;
    budget->slots = 0;
    budget->used_slots = 0;
    budget->is_done = 0;
}

/*
 * Reclaim dead memory: grace periods, recycling, growth of the key table.
 *
 * Input     : index: not NULL. mode: what. budget: how much of it in this call; NULL for all.
 *             error: may be NULL.
 * Output    : budget->used_slots, budget->is_done. A call that its budget ended is AKIN_OK; the
 *             next one, whatever its budget, goes on where it stopped. _DRAIN looks for what dead
 *             threads left, and gives memory back, when all else is done and the budget is not
 *             over; these are not cut short.
 * Ownership : none.
 * Threads   : any thread, outside read sections and callbacks; beside everything. Waits for readers
 *             that are inside a read section, and for another thread's maintenance with _DRAIN.
 * Order     : none.
 * Linearizes: none; it changes nothing that a reader can tell.
 * Status    : AKIN_OK; AKIN_IN_CALLBACK; AKIN_BAD_ARGUMENT; AKIN_BUSY (_ROUND while another thread
 *             maintains).
 * Cost      : linear in what is reclaimed, _DRAIN in slots; one to three grace periods.
 *             A graph with dead entries: linear in slots, up to two grace periods more.
 * Source    : docs/CONCURRENCY.md section 5.
 */
AKIN_API AKIN_MUST_CHECK enum akin_status akin_maintain(akin_index *index,
                                                        enum akin_maintain_mode mode,
                                                        struct akin_maintain_budget *budget,
                                                        struct akin_error *error);

enum akin_worker_action {
    AKIN_WORKER_START = 1, /* go on after a pause; in the child of a fork: start the thread anew */
    AKIN_WORKER_PAUSE = 2, /* do nothing until started again */
    AKIN_WORKER_DRAIN = 3  /* as AKIN_MAINTAIN_DRAIN, also while it pauses */
};

/*
 * Control the maintenance thread of an index that was opened with AKIN_MAINTENANCE_WORKER, which
 * runs from akin_open on.
 *
 * Input     : index: not NULL. action. error: may be NULL.
 * Output    : none. After _PAUSE the thread does nothing, and is in no round, when the call
 *             returns; writes then meet AKIN_RECLAIM_STALLED when retired memory reaches its bound.
 * Ownership : none.
 * Threads   : any thread, outside read sections and callbacks; beside everything but akin_close.
 *             _PAUSE waits for the round that the thread is in, or its share of it (worker_slots).
 * Order     : none.
 * Linearizes: none.
 * Status    : AKIN_OK; AKIN_BAD_ARGUMENT, also for an index without such a thread;
 *             AKIN_IN_CALLBACK; AKIN_THREAD_FAILED: a thread could not be started anew.
 * Cost      : constant; _DRAIN as akin_maintain.
 * Source    : ours.
 */
AKIN_API AKIN_MUST_CHECK enum akin_status akin_worker(akin_index *index,
                                                      enum akin_worker_action action,
                                                      struct akin_error *error);

/* A snapshot of counters. Each is exact for itself; together they are not of one instant. */
struct akin_stats {
    size_t struct_size;          /* in: sizeof(struct akin_stats) */
    uint64_t count;              /* live entries */
    uint64_t slots;              /* slot numbers handed out so far */
    uint64_t slots_free;         /* of these, ready for reuse */
    uint64_t slots_absent;       /* of the free, those whose memory was given back */
    uint64_t slots_dead;         /* of these, dead and not yet recycled */
    uint64_t slots_unlinking;    /* of the dead, those that maintenance is taking out */
    uint64_t slots_recycled;     /* dead slots made ready for reuse so far */
    uint64_t commits;            /* stamp of the newest commit */
    uint64_t payload_live_bytes; /* payload bytes referenced by entries not yet recycled */
    uint64_t maintenance_rounds; /* rounds finished */
    uint64_t grace_periods;      /* waited for */
    uint64_t orphans;            /* slots recovered from threads that died inside a call */
    uint64_t reclaim_stalls;     /* calls refused with AKIN_RECLAIM_STALLED */
    uint64_t graph_sweeps;       /* walks over all lists of the graph that were finished */
    uint64_t graph_pruned;       /* references to dead slots that sweeps took out of lists */
    uint64_t graph_filled;       /* lists that they filled again */
    uint64_t graph_adopted;      /* entries that they anchored elsewhere */
    uint64_t readers_active;     /* calls inside a read section now, as far as contexts show */
    uint64_t
        reader_oldest_ns; /* age of the oldest of them, resolution some milliseconds; 0 if none */
    uint64_t allocations; /* calls of the allocate hook so far */
    struct akin_memory memory; /* bytes by kind */
};

/*
 * Read the statistics.
 *
 * Input     : stats: not NULL, struct_size set. error: may be NULL.
 * Output    : stats.
 * Ownership : the caller's.
 * Threads   : READER; any thread; wait-free in the number of contexts.
 * Order     : none.
 * Linearizes: field by field.
 * Status    : AKIN_OK; AKIN_BAD_ARGUMENT; AKIN_BAD_STRUCT_SIZE.
 * Cost      : O(contexts + chunks); allocates nothing.
 * Source    : ours.
 */
AKIN_API AKIN_MUST_CHECK enum akin_status akin_stats_get(akin_index *index,
                                                         struct akin_stats *stats,
                                                         struct akin_error *error);

enum akin_check_depth {
    AKIN_CHECK_CHEAP = 1, /* counters, and a sample of 256 slots: for assertions of a program */
    AKIN_CHECK_DEEP = 2 /* every slot, key and edge: for tests, and for files of doubtful origin */
};

/*
 * Check the structural invariants of an index that no other thread is using.
 *
 * Input     : index: quiescent (no other call in flight), at either depth. depth: what is looked
 *             at: docs/CONCURRENCY.md section 6 lists it for each invariant. Samples are evenly
 *             spread; each cheap call takes the slots after those of the one before, so that
 *             slots / 256 calls, rounded up, look at every slot. error: may be NULL.
 * Output    : error, when something is broken: field is the invariant's name as in
 *             docs/CONCURRENCY.md ("I3 conservation"), position the slot or key, message a
 *             sentence. The first that is found is named.
 * Ownership : none.
 * Threads   : OWNER; outside read sections. Waits for the maintenance thread to finish a piece of
 *             its work.
 * Order     : none.
 * Linearizes: none.
 * Status    : AKIN_OK; AKIN_CORRUPT; AKIN_BAD_ARGUMENT; AKIN_IN_CALLBACK; deep only:
 *             AKIN_NO_MEMORY, AKIN_OVER_BUDGET for the scratch memory of a graph's check.
 * Cost      : cheap: at most 256 slots, each with its row, up to 64 versions of its key and the
 *             lists of its levels; allocates nothing. Deep: linear in slots, keys and edges;
 *             some five bytes a slot of a graph.
 * Source    : ours.
 */
AKIN_API AKIN_MUST_CHECK enum akin_status akin_check(akin_index *index, enum akin_check_depth depth,
                                                     struct akin_error *error);

/*
 * Copy the options an index was opened with, as completed by the defaults.
 *
 * Input     : options: not NULL, struct_size set. error: may be NULL.
 * Output    : options.
 * Ownership : the caller's.
 * Threads   : READER; any thread; wait-free.
 * Order     : none.
 * Linearizes: none; they never change.
 * Status    : AKIN_OK; AKIN_BAD_ARGUMENT; AKIN_BAD_STRUCT_SIZE.
 * Cost      : constant.
 * Source    : ours.
 */
AKIN_API AKIN_MUST_CHECK enum akin_status akin_options_of(akin_index *index,
                                                          struct akin_options *options,
                                                          struct akin_error *error);

AKIN_END_DECLS

#endif
