/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Choosing neighbors.
 *
 * Level: search (4).
 */
#include "search/select.h"

#include <math.h>

#include "graph/blocks.h"

static bool before(const struct candidate *a, const struct candidate *b)
{
    if (a->is_kept != b->is_kept) {
        return a->is_kept;
    }
    return a->distance < b->distance ||
           (a->distance == b->distance && block_slot(a->id) < block_slot(b->id));
}

void select_sort(struct candidate *candidates, uint32_t count)
{
    /* Insertion: the lists are short and mostly in order. */
    for (uint32_t i = 1; i < count; i++) {
        const struct candidate moved = candidates[i];
        uint32_t at = i;
        for (; at > 0 && before(&moved, &candidates[at - 1]); at--) {
            candidates[at] = candidates[at - 1];
        }
        candidates[at] = moved;
    }
}

/* How near is nearer, and what counts as the same row. */
struct rule {
    float factor;
    float equal; /* distances up to this are those of equal rows */
};

static struct rule rule_of(const struct metric *metric, float alpha)
{
    switch (metric->kind) {
    case AKIN_L2:
        return (struct rule){.factor = alpha * alpha, .equal = 0}; /* distances are squares */
    case AKIN_COSINE:
        return (struct rule){.factor = alpha, .equal = 1e-6f};
    case AKIN_INNER_PRODUCT:
        break;
    }
    return (struct rule){.factor = 1, .equal = -INFINITY}; /* distances may be negative */
}

/* Whether no chosen one is nearer to the candidate than the node is, or its equal. */
static bool is_diverse(const struct rank *rank, const struct rule *rule,
                       const struct candidate *candidate, const struct candidate *chosen,
                       uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const float between = rank_slot(rank, block_slot(chosen[i].id));
        if (between * rule->factor < candidate->distance || between <= rule->equal) {
            return false;
        }
    }
    return true;
}

uint32_t select_neighbors(const struct metric *metric, const struct slots *slots, float alpha,
                          struct candidate *candidates, uint32_t count, uint32_t wanted)
{
    const struct rule rule = rule_of(metric, alpha);
    uint32_t chosen = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct candidate candidate = candidates[i];
        if (!candidate.is_kept) {
            if (chosen >= wanted) {
                break;
            }
            const struct rank rank = rank_of_slot(metric, slots, block_slot(candidate.id));
            if (!is_diverse(&rank, &rule, &candidate, candidates, chosen)) {
                continue;
            }
        }
        candidates[chosen++] = candidate;
    }
    return chosen;
}
