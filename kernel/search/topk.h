/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The k nearest so far: a binary heap with the worst on top, in the caller's result buffer.
 *
 * Level   : search (4).
 * Promises: the order is (distance, key), total because keys are unique; so the outcome does not
 *           depend on the order in which candidates come. Allocates nothing.
 */
#ifndef AKIN_SEARCH_TOPK_H
#define AKIN_SEARCH_TOPK_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "akin/types.h"

struct topk {
    struct akin_neighbor *items; /* room for k */
    uint32_t k;
    uint32_t count;
};

/* Whether a comes before b in results. PURE. */
static inline bool topk_before(const struct akin_neighbor *a, const struct akin_neighbor *b)
{
    return a->distance < b->distance || (a->distance == b->distance && a->key < b->key);
}

/* What a candidate's distance must not exceed to matter: that of the worst, once there are k.
   OWNER. */
static inline double topk_bound(const struct topk *topk)
{
    return topk->count < topk->k ? (double)INFINITY : topk->items[0].distance;
}

/* Whether a candidate would be among the k. Threads: OWNER. */
static inline bool topk_admits(const struct topk *topk, const struct akin_neighbor *candidate)
{
    return topk->count < topk->k || topk_before(candidate, &topk->items[0]);
}

/* Add a candidate that topk_admits; the worst falls out when there are k. Threads: OWNER. */
void topk_add(struct topk *topk, const struct akin_neighbor *candidate);

/* Put the items in ascending order; it is no heap any more. Threads: OWNER. */
void topk_sort(struct topk *topk);

#endif
