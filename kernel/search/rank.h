/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The distances that a walk through a graph goes by: one float kernel, no proof.
 *
 * Level   : search (4).
 * Promises: smaller is nearer, by the metric of the index, as exactly as floats are. What a search
 *           returns is decided by metric_exact.
 */
#ifndef AKIN_SEARCH_RANK_H
#define AKIN_SEARCH_RANK_H

#include <float.h>
#include <stdint.h>

#include "search/metric.h"
#include "store/slots.h"

/* What is compared: a query, or the row of a slot. */
struct rank {
    const struct metric *metric;
    const struct slots *slots;
    const void *vector;
    float inverse; /* cosine: 1 / |vector|, NaN when floats are too coarse for it */
};

static inline struct rank rank_of_query(const struct metric *metric, const struct slots *slots,
                                        const struct query *query)
{
    return (struct rank){
        .metric = metric, .slots = slots, .vector = query->data, .inverse = (float)query->inverse};
}

/* Threads: who found the slot in a block, or owns it. */
static inline struct rank rank_of_slot(const struct metric *metric, const struct slots *slots,
                                       uint32_t slot)
{
    const struct slot_chunk *const chunk = slot_chunk_of(slots, slot);
    const uint32_t offset = slot & slots->chunk_mask;
    return (struct rank){.metric = metric,
                         .slots = slots,
                         .vector = slot_row(slots, chunk, offset),
                         .inverse = chunk->norm[offset]};
}

/* The distance in binary64, rounded: for vectors whose lengths a float product may not hold. */
float rank_exactly(const struct rank *rank, const void *row);

/* The distance to a row of a chunk. */
static inline float rank_row(const struct rank *rank, const struct slot_chunk *chunk,
                             uint32_t offset, const void *row)
{
    const float raw = rank->metric->pair(rank->vector, row, rank->metric->dim);
    if (rank->metric->kind == AKIN_L2) {
        return raw <= FLT_MAX ? raw : rank_exactly(rank, row);
    }
    const float distance =
        rank->metric->kind == AKIN_COSINE ? 1 - raw * rank->inverse * chunk->norm[offset] : -raw;
    return distance >= -FLT_MAX && distance <= FLT_MAX ? distance : rank_exactly(rank, row);
}

/* The distance to a slot. Threads: as rank_of_slot. */
static inline float rank_slot(const struct rank *rank, uint32_t slot)
{
    const struct slot_chunk *const chunk = slot_chunk_of(rank->slots, slot);
    const uint32_t offset = slot & rank->slots->chunk_mask;
    return rank_row(rank, chunk, offset, slot_row(rank->slots, chunk, offset));
}

#endif
