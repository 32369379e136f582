/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walking through a graph.
 *
 * Level: search (4).
 *
 * A hop is bound by memory: first the ids that were not met before are picked out of the block, and
 * the first rows are asked for; then distances are computed, each while rows further on are on
 * their way. What enters the front of the beam will be expanded soon, so its block is asked for as
 * well.
 */
#include "search/beam.h"

#include <math.h>
#include <string.h>

#include "base/invariant.h"

/* Rows asked for ahead of the one that is compared, and bytes of each that are asked for: the
   processor follows by itself. */
#define ROWS_AHEAD        4u
#define ROW_BYTES_AHEAD   64u
#define FRONT_OF_THE_BEAM 4u

/* A neighbor that was not met before. */
struct fresh {
    const struct slot_chunk *chunk;
    const unsigned char *row;
    uint32_t slot;
};

static void prefetch(const void *address, uint32_t bytes)
{
    const unsigned char *const at = address;
    for (uint32_t i = 0; i < bytes; i += CACHE_LINE_BYTES) {
        __builtin_prefetch(at + i);
    }
}

static void prefetch_row(const struct beam *beam, const struct fresh *fresh)
{
    const uint32_t bytes = beam->rank.metric->row_bytes;
    prefetch(fresh->row, bytes < ROW_BYTES_AHEAD ? bytes : ROW_BYTES_AHEAD);
    if (beam->rank.metric->kind == AKIN_COSINE) {
        __builtin_prefetch(&fresh->chunk->norm[fresh->slot & beam->rank.slots->chunk_mask]);
    }
}

/* The distance beyond which a slot is of no use: that of the worst result, once there are ef. */
static float bound(const struct beam *beam)
{
    return beam->passing < beam->ef ? INFINITY : beam->trail->entries[beam->count - 1].distance;
}

/* The place of a distance: behind all that are not larger. */
static uint32_t place_of(const struct beam *beam, float distance)
{
    /* Without branches on what is compared: nobody can predict them. */
    const struct beam_entry *low = beam->trail->entries;
    uint32_t count = beam->count;
    if (count == 0) {
        return 0;
    }
    while (count > 1) {
        const uint32_t half = count / 2;
        low += (uint32_t)(low[half - 1].distance <= distance) * half;
        count -= half;
    }
    return (uint32_t)(low - beam->trail->entries) + (uint32_t)(low->distance <= distance);
}

static void drop_last(struct beam *beam)
{
    beam->count--;
    beam->passing -= (beam->trail->entries[beam->count].word & BEAM_ROUTER) == 0 ? 1 : 0;
}

/* Put an entry at its place. Once ef pass, the last entry is the ef-th of them. */
static void insert(struct beam *beam, uint32_t place, float distance, uint32_t word)
{
    struct beam_entry *const entries = beam->trail->entries;
    memmove(&entries[place + 1], &entries[place], (beam->count - place) * sizeof entries[0]);
    entries[place] = (struct beam_entry){.distance = distance, .word = word};
    beam->count++;
    beam->passing += (word & BEAM_ROUTER) == 0 ? 1 : 0;
    while (beam->passing > beam->ef ||
           (beam->passing == beam->ef && (entries[beam->count - 1].word & BEAM_ROUTER) != 0)) {
        drop_last(beam);
    }
}

/* Put a slot into the beam unless it is too far; its place, or UINT32_MAX. */
static uint32_t offer(struct beam *beam, uint32_t slot, float distance)
{
    if (!(distance < bound(beam))) {
        return UINT32_MAX;
    }
    const uint32_t place = place_of(beam, distance);
    if (place == beam->capacity) {
        return UINT32_MAX;
    }
    if (beam->count == beam->capacity) {
        drop_last(beam);
    }
    const bool passes = beam->admit == NULL || beam->admit(beam->context, slot);
    beam->counts.routers += passes ? 0 : 1;
    insert(beam, place, distance, passes ? slot : slot | BEAM_ROUTER);
    beam->cursor = place < beam->cursor ? place : beam->cursor;
    beam->idle = place < beam->patience_of ? 0 : beam->idle;
    return place;
}

void beam_begin(struct beam *beam)
{
    REQUIRE(beam->capacity >= beam->ef && beam->capacity <= beam->trail->entry_capacity);
    REQUIRE(beam->limit <= beam->trail->met_slots);
    beam->count = 0;
    beam->passing = 0;
    beam->cursor = 0;
    beam->idle = 0;
    trail_begin(beam->trail);
}

void beam_seed(struct beam *beam, uint32_t slot)
{
    if (slot < beam->limit && trail_meet(beam->trail, slot)) {
        beam->counts.distances++;
        (void)offer(beam, slot, rank_slot(&beam->rank, slot));
    }
}

/* The slots of a block that were not met before. */
static uint32_t pick_fresh(struct beam *beam, const struct block *block, struct fresh *fresh)
{
    const struct slots *const slots = beam->rank.slots;
    uint32_t numbers[BLOCK_IDS_MAX];
    const uint32_t count =
        trail_meet_all(beam->trail, block->ids, block->count, ~BLOCK_ANCHOR, beam->limit, numbers);
    for (uint32_t i = 0; i < count; i++) {
        const struct slot_chunk *const chunk = slot_chunk_of(slots, numbers[i]);
        fresh[i] = (struct fresh){.chunk = chunk,
                                  .row = slot_row(slots, chunk, numbers[i] & slots->chunk_mask),
                                  .slot = numbers[i]};
        if (i < ROWS_AHEAD) {
            prefetch_row(beam, &fresh[i]);
        }
    }
    return count;
}

/* Ask for the block of a slot that is near the front. */
static void prefetch_block(const struct beam *beam, uint32_t slot, uint32_t level)
{
    if (level == 0) {
        prefetch(block_acquire(graph_base(beam->graph, slot)), 3 * CACHE_LINE_BYTES);
    }
}

/* Ask for the block of the slot that comes next unless something nearer is found. */
static void prefetch_next(const struct beam *beam, uint32_t level)
{
    const struct beam_entry *const entries = beam->trail->entries;
    for (uint32_t i = beam->cursor; i < beam->count; i++) {
        if ((entries[i].word & BEAM_EXPANDED) == 0) {
            prefetch_block(beam, beam_slot(&entries[i]), level);
            return;
        }
    }
}

static void expand(struct beam *beam, uint32_t slot, uint32_t level)
{
    struct fresh fresh[BLOCK_IDS_MAX];
    const struct slots *const slots = beam->rank.slots;
    const struct atomic_ptr *const handle = graph_handle(beam->graph, slot, level);
    const struct block *const block = handle != NULL ? block_acquire(handle) : NULL;
    if (block == NULL) {
        return; /* a slot that does not reach this level any more */
    }
    const uint32_t count = pick_fresh(beam, block, fresh);
    prefetch_next(beam, level);
    float farthest = bound(beam);
    beam->counts.blocks++;
    beam->counts.distances += count;
    for (uint32_t i = 0; i < count; i++) {
        if (i + ROWS_AHEAD < count) {
            prefetch_row(beam, &fresh[i + ROWS_AHEAD]);
        }
        const float distance =
            rank_row(&beam->rank, fresh[i].chunk, fresh[i].slot & slots->chunk_mask, fresh[i].row);
        if (!(distance < farthest)) {
            continue;
        }
        const uint32_t place = offer(beam, fresh[i].slot, distance);
        farthest = bound(beam);
        if (place == beam->cursor) {
            prefetch_block(beam, fresh[i].slot, level);
        } else if (place != UINT32_MAX && level == 0) {
            __builtin_prefetch(graph_base(beam->graph, fresh[i].slot));
        }
    }
}

void beam_run(struct beam *beam, uint32_t level)
{
    struct beam_entry *const entries = beam->trail->entries;
    uint64_t hops = 0;
    while (beam->cursor < beam->count) {
        if ((entries[beam->cursor].word & BEAM_EXPANDED) != 0) {
            beam->cursor++;
            continue;
        }
        if ((beam->hops_max != 0 && hops == beam->hops_max) ||
            (beam->patience != 0 && beam->idle >= beam->patience)) {
            break;
        }
        entries[beam->cursor].word |= BEAM_EXPANDED;
        beam->idle++;
        hops++;
        expand(beam, beam_slot(&entries[beam->cursor]), level);
    }
    beam->counts.hops += hops;
}

void beam_again(struct beam *beam)
{
    trail_finish(beam->trail);
    trail_begin(beam->trail);
    beam->cursor = 0;
    beam->idle = 0;
    for (uint32_t i = 0; i < beam->count; i++) {
        beam->trail->entries[i].word &= ~BEAM_EXPANDED;
        (void)trail_meet(beam->trail, beam_slot(&beam->trail->entries[i]));
    }
}

void beam_end(struct beam *beam)
{
    trail_finish(beam->trail);
}

/* One step of a descent: the nearest neighbor, if it is nearer. */
static bool step(struct beam *beam, uint32_t level, uint32_t *slot, float *distance)
{
    const struct atomic_ptr *const handle = graph_handle(beam->graph, *slot, level);
    const struct block *const block = handle != NULL ? block_acquire(handle) : NULL;
    uint32_t nearest = *slot;
    if (block == NULL) {
        return false;
    }
    beam->counts.blocks++;
    beam->counts.distances += block->count;
    for (uint32_t i = 0; i < block->count; i++) {
        const uint32_t neighbor = block_slot(block->ids[i]);
        if (i + ROWS_AHEAD < block->count) {
            const uint32_t ahead = block_slot(block->ids[i + ROWS_AHEAD]);
            __builtin_prefetch(slot_row(beam->rank.slots, slot_chunk_of(beam->rank.slots, ahead),
                                        ahead & beam->rank.slots->chunk_mask));
        }
        const float found = rank_slot(&beam->rank, neighbor);
        if (found < *distance) {
            *distance = found;
            nearest = neighbor;
        }
    }
    const bool moved = nearest != *slot;
    *slot = nearest;
    return moved;
}

uint32_t beam_descend(struct beam *beam, uint32_t slot, uint32_t from, uint32_t to)
{
    float distance = rank_slot(&beam->rank, slot);
    beam->counts.distances++;
    for (uint32_t level = from; level > to; level--) {
        do {
            beam->counts.hops++;
        } while (step(beam, level, &slot, &distance));
    }
    return slot;
}

void beam_seed_all(struct beam *beam)
{
    /* SYNC(graph.entry): pairs with graph_raise_entry. */
    const uint64_t entry = atomic_u64_load_acquire(&beam->graph->entry);
    if (entry != GRAPH_NO_ENTRY) {
        beam_seed(beam, beam_descend(beam, entry_slot(entry), entry_level(entry), 0));
    }
    const struct block *const root = block_acquire(&beam->graph->root);
    for (uint32_t i = 0; i < root->count; i++) {
        beam_seed(beam, block_slot(root->ids[i]));
    }
}
