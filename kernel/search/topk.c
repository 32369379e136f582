/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The k nearest so far.
 *
 * Level: search (4).
 */
#include "search/topk.h"

#include "base/invariant.h"

/* Let `item` sink from place `at` of a heap of `count`. */
static void sink(struct akin_neighbor *items, uint32_t count, uint32_t at,
                 struct akin_neighbor item)
{
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= count) {
            break;
        }
        if (child + 1 < count && topk_before(&items[child], &items[child + 1])) {
            child++;
        }
        if (!topk_before(&item, &items[child])) {
            break;
        }
        items[at] = items[child];
        at = child;
    }
    items[at] = item;
}

static void rise(struct akin_neighbor *items, uint32_t at, struct akin_neighbor item)
{
    while (at > 0) {
        const uint32_t parent = (at - 1) / 2;
        if (!topk_before(&items[parent], &item)) {
            break;
        }
        items[at] = items[parent];
        at = parent;
    }
    items[at] = item;
}

void topk_add(struct topk *topk, const struct akin_neighbor *candidate)
{
    REQUIRE(topk_admits(topk, candidate));
    if (topk->count < topk->k) {
        rise(topk->items, topk->count, *candidate);
        topk->count++;
    } else {
        sink(topk->items, topk->count, 0, *candidate);
    }
}

void topk_sort(struct topk *topk)
{
    for (uint32_t end = topk->count; end > 1; end--) {
        const struct akin_neighbor last = topk->items[end - 1];
        topk->items[end - 1] = topk->items[0];
        sink(topk->items, end - 1, 0, last);
    }
}
