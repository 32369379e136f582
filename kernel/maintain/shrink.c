/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Giving memory back.
 *
 * Level: maintain (5).
 */
#include "maintain/shrink.h"

#include <stddef.h>

#include "base/invariant.h"
#include "sync/rcu.h"

void shrink_init(struct shrink *shrink, struct store *store)
{
    *shrink = (struct shrink){.store = store};
}

void shrink_end(struct shrink *shrink)
{
    (void)shrink_give(shrink);
}

void shrink_begin(struct shrink *shrink)
{
    struct store *const store = shrink->store;
    if (!shrink->wants_pools) {
        return;
    }
    rcu_enter();
    payload_close_empty(&store->payload);
    pool_set_aside(&store->key_records);
    pool_set_aside(&store->commit_records);
    if (shrink->graph != NULL) {
        blocks_set_aside(&shrink->graph->blocks);
    }
    rcu_leave();
}

/* Whether so many slots that have memory are free that writers will not need all of them soon: more
   than half, and more than a few chunks of ordinary size. */
static bool is_sparse(const struct slots *slots)
{
    const uint64_t watermark = slots_watermark(slots);
    const uint64_t absent = slots_absent(slots);
    const uint64_t free_slots = atomic_u64_load_relaxed(&slots->free_count);
    return free_slots > absent && 2 * (free_slots - absent) > watermark - absent &&
           (free_slots - absent) * slots->row_stride > 2 * SLOT_CHUNK_ROWS_GOAL;
}

/* Take one chunk out of reach, if no slot of it is in use. */
static void take_chunk(struct shrink *shrink, uint32_t index)
{
    struct slots *const slots = &shrink->store->slots;
    rcu_enter();
    if (slots_take_chunk(slots, index)) {
        /* The handles first: who makes the slots anew must not find the old ones. */
        shrink->graph_chunks[shrink->count] =
            shrink->graph != NULL ? graph_remove_chunk(shrink->graph, index) : NULL;
        shrink->slot_chunks[shrink->count] = slots_remove_chunk(slots, index);
        shrink->count++;
    }
    rcu_leave();
}

static void take_chunks(struct shrink *shrink, enum shrink_extent extent)
{
    const struct slots *const slots = &shrink->store->slots;
    const uint32_t chunks = slots_chunk_count(slots, slots_watermark(slots));
    const uint32_t most =
        extent == SHRINK_IN_PASSING ? SHRINK_CHUNKS_IN_PASSING : SHRINK_CHUNKS_MAX;
    for (uint32_t seen = 0; seen < chunks && shrink->count < most; seen++) {
        if (extent != SHRINK_WHOLLY && !is_sparse(slots)) {
            return;
        }
        shrink->cursor = shrink->cursor < chunks ? shrink->cursor : 0;
        take_chunk(shrink, shrink->cursor++);
    }
}

void shrink_take(struct shrink *shrink, enum shrink_extent extent)
{
    struct store *const store = shrink->store;
    REQUIRE(!rcu_is_inside());
    pool_drop_chunks(&store->key_records);
    pool_drop_chunks(&store->commit_records);
    if (shrink->graph != NULL) {
        blocks_drop_chunks(&shrink->graph->blocks);
    }
    take_chunks(shrink, extent);
}

uint64_t shrink_give(struct shrink *shrink)
{
    struct store *const store = shrink->store;
    uint64_t count = 0;
    while (shrink->count > 0) {
        /* Off the list first: a hook that does not return must not make it be given twice. */
        const uint32_t last = --shrink->count;
        if (shrink->graph_chunks[last] != NULL) {
            graph_give_chunk(shrink->graph, shrink->graph_chunks[last]);
        }
        slots_give_chunk(&store->slots, shrink->slot_chunks[last]);
        count += store->slots.chunk_mask + 1;
    }
    count += pool_give_chunks(&store->key_records);
    count += pool_give_chunks(&store->commit_records);
    if (shrink->graph != NULL) {
        count += blocks_give_chunks(&shrink->graph->blocks);
    }
    return count;
}
