/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk through a graph: greedy descent through the upper levels, then a beam at a level.
 *
 * Level   : search (4).
 * Promises: loads only, but for the scratch memory of the caller; no retry, each slot once, nothing
 *           at or beyond `limit`. Allocates nothing. Slots that do not pass `admit` are walked over
 *           and take no place of those that do.
 * Source  : Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using
 *           hierarchical navigable small world graphs", 2018, algorithms 2 and 5; one sorted array
 *           in the place of two heaps.
 */
#ifndef AKIN_SEARCH_BEAM_H
#define AKIN_SEARCH_BEAM_H

#include <stdbool.h>
#include <stdint.h>

#include "graph/graph.h"
#include "search/rank.h"
#include "search/trail.h"

#define BEAM_EXPANDED 0x80000000u
#define BEAM_ROUTER   0x40000000u /* did not pass */

/* What a walk did. */
struct beam_counts {
    uint64_t hops;      /* slots expanded, and steps of descents */
    uint64_t codes;     /* compared */
    uint64_t distances; /* computed */
    uint64_t blocks;    /* read */
    uint64_t routers;   /* slots that were met and did not pass */
};

/* Whether a slot may be a result. Called once for each slot that would enter the beam. */
typedef bool (*beam_admit_fn)(void *context, uint32_t slot);

struct beam {
    const struct graph *graph;
    struct rank rank;
    struct trail *trail; /* reserved for `limit` slots and `capacity` entries */
    uint32_t limit;
    uint32_t ef;         /* results to look for, >= 1 */
    uint32_t capacity;   /* entries; ef when everything passes, else more than that */
    uint32_t front;      /* only entries that are among so many nearest are expanded; 0: all are */
    beam_admit_fn admit; /* NULL: everything passes */
    void *context;
    uint64_t hops_max;    /* stop after so many expansions; 0: no bound */
    uint32_t patience;    /* stop after so many expansions without a change among the nearest */
    uint32_t patience_of; /* so many; with patience 0: never */
    /* State. */
    struct sq8_query coded; /* of what `rank` compares; codec NULL without codes */
    uint32_t count;
    uint32_t passing;
    uint32_t cursor; /* everything before it is expanded */
    uint32_t idle;   /* expansions since the nearest changed */
    float error;     /* the largest of an estimate in the beam */
    struct beam_counts counts;
};

static inline uint32_t beam_slot(const struct beam_entry *entry)
{
    return entry->word & ~(BEAM_EXPANDED | BEAM_ROUTER);
}

/* Start with an empty beam. Threads: OWNER of the scratch memory, inside a read section. */
void beam_begin(struct beam *beam);

/* Put a slot into the beam, once; slots at or beyond the limit are ignored. Threads: as
   beam_begin. */
void beam_seed(struct beam *beam, uint32_t slot);

/*
 * Walk at a level until nothing in the beam is left to expand.
 *
 * Output : trail->entries[0 .. count), nearest first; those without BEAM_ROUTER passed, and are
 *          the ef nearest that were found.
 */
void beam_run(struct beam *beam, uint32_t level);

/* Keep the beam as seeds of another level: nothing is expanded, and nothing met but the beam. */
void beam_again(struct beam *beam);

/* Ask for the row of an entry, which was not read when its code told its distance. */
void beam_prefetch_row(const struct beam *beam, uint32_t entry);

/* The largest distance that something may have in the beam whose exact distance is `distance`.
   PURE. */
float beam_farthest(const struct beam *beam, double distance);

/* The walk is over: the scratch memory may be used by another. */
void beam_end(struct beam *beam);

/* Where a walk with this many results and this limit begins at the lowest level: the nearest slot
   that a descent from the entry comes to, and what hangs at the root. */
void beam_seed_all(struct beam *beam);

/* Go greedily from a slot at level `from` down to level `to`, above which it stops; the slot that
   it came to. Threads: as beam_begin, after it. */
uint32_t beam_descend(struct beam *beam, uint32_t slot, uint32_t from, uint32_t to);

#endif
