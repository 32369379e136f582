/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The invariants of a graph that nobody else is using.
 *
 * Level   : graph (3). Their names and words are in docs/CONCURRENCY.md section 6.
 */
#ifndef AKIN_GRAPH_GRAPH_CHECK_H
#define AKIN_GRAPH_GRAPH_CHECK_H

#include <stdint.h>

#include "akin/status.h"
#include "base/attributes.h"
#include "graph/graph.h"

/* The first invariant that is broken, and where. */
struct graph_fault {
    const char *invariant; /* NULL when none is */
    uint32_t slot;
    const char *message;
};

/* What a whole graph consists of. */
struct graph_census {
    uint64_t linked;       /* slots with lists */
    uint64_t edges;        /* at the lowest level */
    uint64_t to_dead;      /* of them, those that lead to a dead slot */
    uint64_t live_to_dead; /* of those, in the list of a live one */
    uint64_t reachable;    /* slots that the root leads to */
    uint32_t top_level;
};

/*
 * Check a graph.
 *
 * Output : fault: what is broken. census: filled as far as the check came.
 * Status : AKIN_OK, fault tells; AKIN_NO_MEMORY, AKIN_OVER_BUDGET for the check's own memory.
 * Threads: who has the index alone, inside a read section.
 */
MUST_CHECK enum akin_status graph_check(const struct graph *graph, struct graph_fault *fault,
                                        struct graph_census *census);

/*
 * Check the root, the entry, and the lists of the slots `first`, `first` + `step`, and so on: what
 * graph_check asks of them by themselves. What leads to them is not followed.
 *
 * Input  : step >= 1 unless there are no slots.
 * Output : fault: the first that is broken.
 * Threads: as graph_check; allocates nothing.
 */
void graph_check_sample(const struct graph *graph, uint32_t first, uint32_t step,
                        struct graph_fault *fault);

#endif
