/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps of linking a slot, as a single insert and a bulk build take them.
 *
 * Level   : update (5), for link.c and bulk.c.
 * Protocol: docs/graph.md sections 2 and 6.
 */
#ifndef AKIN_UPDATE_LINKING_H
#define AKIN_UPDATE_LINKING_H

#include <stdint.h>

#include "akin/status.h"
#include "base/attributes.h"
#include "graph/graph.h"
#include "graph/inflight.h"
#include "search/beam.h"
#include "search/edges.h"
#include "search/select.h"
#include "update/link.h"

/* Slots beside what the search finds that a level's neighbors are chosen from, at most. */
#define LINKING_COMPANIONS_MAX (2u * GRAPH_M_MAX)

/* The neighbors that were chosen at a level. */
struct choice {
    uint32_t count;
    uint32_t slots[GRAPH_M_MAX];
};

/* Slots that are not in the graph yet and will be when this one is: nearest first. */
struct companions {
    uint32_t count;
    struct candidate nearest[LINKING_COMPANIONS_MAX];
};

/* One slot on its way into the graph. */
struct linking {
    struct graph *graph;
    const struct metric *metric;
    uint32_t slot;
    uint32_t level;
    struct choice choices[GRAPH_LEVELS_MAX + 1]; /* 0 .. level */
};

/* Give the companions of a slot at a level. */
typedef void (*companions_fn)(void *context, const struct linking *linking, uint32_t level,
                              struct companions *companions);

/*
 * Search at every level of the slot and choose neighbors.
 *
 * Input  : companions: NULL for none. trail: the caller's, in no walk.
 * Status : AKIN_OK; AKIN_NO_MEMORY; AKIN_OVER_BUDGET.
 * Threads: any, inside; the slots that were chosen were found alive in this section.
 */
MUST_CHECK enum akin_status linking_search(struct linking *linking, struct trail *trail,
                                           companions_fn companions, void *context);

/* Put the lists of all levels in place; nobody can come to them yet. Status, Threads: as above, the
   claimer or who works for it. */
MUST_CHECK enum akin_status linking_place(const struct linking *linking);

/* Put the anchor edge in place: below the nearest neighbor that has room, or somewhere below the
   nearest, or below the root; the slot is ANCHORED then. Status: AKIN_OK; AKIN_NO_MEMORY. */
MUST_CHECK enum akin_status linking_anchor(const struct linking *linking);

/* Whether an insert whose slot was met in the ring had ended when this one looked: then a search
   finds it. Threads: any, inside. */
bool linking_has_ended(const struct graph *graph, uint32_t slot);

/* Link with a slot that is or was in flight, if it is alive: both ways. Status: as above. */
MUST_CHECK enum akin_status linking_join(const struct linking *linking, uint32_t other);

/* For a slot that is in the graph already: search at the lowest level once more, and meet who is in
   flight, as an insert does. Status: as linking_search. */
MUST_CHECK enum akin_status linking_again(struct linking *linking, struct trail *trail);

static inline struct edges linking_edges(const struct linking *linking)
{
    return (struct edges){.graph = linking->graph, .metric = linking->metric};
}

#endif
