/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linking a slot into a graph, and the edges that go with it.
 *
 * Level   : update (5).
 * Promises: lock-free: an edge that has to be tried again was beaten by another change of the same
 *           list. Edges lead only to slots that were found alive in the same read section, so that
 *           maintenance, after a grace period, knows all that lead to a slot it takes out.
 * Protocol: docs/graph.md sections 2 to 4.
 */
#ifndef AKIN_UPDATE_LINK_H
#define AKIN_UPDATE_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "akin/status.h"
#include "base/attributes.h"
#include "graph/graph.h"
#include "search/metric.h"
#include "search/trail.h"

/* Who links, and into what. */
struct linker {
    struct graph *graph;
    const struct metric *metric;
    struct trail *trail; /* the caller's, in no walk */
};

/*
 * Link a slot whose row, norm and key are written: PENDING before, ANCHORED after.
 *
 * Status : AKIN_OK; AKIN_NO_MEMORY, AKIN_OVER_BUDGET: the slot may be linked in part, and is to be
 *          abandoned.
 * Threads: the claimer, inside the section in which the slot was claimed.
 */
MUST_CHECK enum akin_status link_slot(const struct linker *linker, uint32_t slot, uint64_t key);

#endif
