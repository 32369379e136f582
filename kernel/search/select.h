/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Choosing neighbors: near ones that do not lie in the same direction.
 *
 * Level   : search (4).
 * Source  : Malkov and Yashunin 2018, algorithm 4; alpha as in Subramanya et al., "DiskANN", 2019.
 */
#ifndef AKIN_SEARCH_SELECT_H
#define AKIN_SEARCH_SELECT_H

#include <stdbool.h>
#include <stdint.h>

#include "search/rank.h"

/* A slot that may become a neighbor. */
struct candidate {
    float distance; /* to the node that chooses */
    uint32_t id;    /* as in a block */
    bool is_kept;   /* stays whatever the rule says: an anchor, or a slot that is being taken out */
};

/* Put candidates in order: kept ones first, then nearest first; equal ones by slot. OWNER. */
void select_sort(struct candidate *candidates, uint32_t count);

/*
 * Choose up to `wanted` of sorted candidates, moved to the front; how many. Those that are kept are
 * chosen, be they more or fewer. Another one is chosen when it is nearer to the node than to each
 * chosen one, by the factor alpha; equal rows are chosen once.
 *
 * Threads: who found the slots in blocks, inside the same section.
 */
uint32_t select_neighbors(const struct metric *metric, const struct slots *slots, float alpha,
                          struct candidate *candidates, uint32_t count, uint32_t wanted);

#endif
