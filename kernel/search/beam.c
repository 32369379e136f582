/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walking through a graph.
 *
 * Level: search (4).
 *
 * A hop is bound by memory: first the ids that were not met before are picked out of the block, and
 * the first rows are asked for; then distances are computed, each while rows further on are on
 * their way. Codes come before rows: they are a quarter of the bytes, and tell nearly every
 * distance. What enters the front of the beam will be expanded soon, so its block is asked for as
 * well.
 */
#include "search/beam.h"

#include <math.h>
#include <string.h>

#include "base/invariant.h"

/* Rows asked for ahead of the one that is compared, and bytes of each that are asked for: the
   processor follows by itself. */
#define ROWS_AHEAD      4u
#define CODES_AHEAD     4u
#define ROW_BYTES_AHEAD 64u
/* Float distances are right up to such a part of them. */
#define ROUNDING 1e-5f

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

/* Prepare what is compared for codes, if the graph has any. */
static void prepare_codes(struct beam *beam)
{
    const struct sq8 *const codec = &beam->graph->shape.codec;
    beam->coded.codec = NULL;
    if (codec->stride_bytes > 0) {
        REQUIRE(beam->trail->lane_capacity >= codec->lanes);
        sq8_query_make(codec, beam->rank.vector,
                       codec->metric == AKIN_COSINE ? beam->rank.inverse : 1, beam->trail->lanes,
                       &beam->coded);
    }
}

void beam_begin(struct beam *beam)
{
    REQUIRE(beam->capacity >= beam->ef && beam->capacity <= beam->trail->entry_capacity);
    REQUIRE(beam->limit <= beam->trail->met_slots);
    beam->count = 0;
    beam->passing = 0;
    beam->cursor = 0;
    beam->idle = 0;
    beam->error = 0;
    prepare_codes(beam);
    trail_begin(beam->trail);
}

/* Estimates of the beam are off by so much, at most. */
static void note_error(struct beam *beam, float error)
{
    beam->error = error > beam->error ? error : beam->error;
}

/* The distance to a slot, from its code or its row; false when it is not below `farthest`. */
static bool distance_to(struct beam *beam, uint32_t slot, float farthest, float *distance)
{
    struct sq8_estimate estimate;
    if (beam->coded.codec != NULL) {
        beam->counts.codes++;
        switch (sq8_look(&beam->coded, graph_code(beam->graph, slot), farthest, &estimate)) {
        case SQ8_EXCLUDED:
            return false;
        case SQ8_ESTIMATED:
            note_error(beam, estimate.error);
            *distance = estimate.distance;
            return estimate.distance < farthest;
        case SQ8_UNKNOWN:
            break;
        }
    }
    beam->counts.distances++;
    *distance = rank_slot(&beam->rank, slot);
    return *distance < farthest;
}

void beam_seed(struct beam *beam, uint32_t slot)
{
    float distance;
    if (slot < beam->limit && trail_meet(beam->trail, slot) &&
        distance_to(beam, slot, INFINITY, &distance)) {
        (void)offer(beam, slot, distance);
    }
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

/* Put a slot into the beam, and ask for what its expansion will need. */
static uint32_t offer_ahead(struct beam *beam, uint32_t slot, float distance, uint32_t level)
{
    const uint32_t place = offer(beam, slot, distance);
    if (place == beam->cursor) {
        prefetch_block(beam, slot, level);
    } else if (place != UINT32_MAX && level == 0) {
        __builtin_prefetch(graph_base(beam->graph, slot));
    }
    return place;
}

/* Offer the slots whose codes tell their distance; those whose rows are to be asked stay. */
static uint32_t offer_by_codes(struct beam *beam, uint32_t *numbers, uint32_t count, uint32_t level)
{
    const unsigned char *codes[BLOCK_IDS_MAX];
    const uint32_t bytes = beam->coded.codec->stride_bytes;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        codes[i] = graph_code(beam->graph, numbers[i]);
        if (i < CODES_AHEAD) {
            prefetch(codes[i], bytes);
        }
    }
    prefetch_next(beam, level);
    for (uint32_t i = 0; i < count; i++) {
        struct sq8_estimate estimate;
        if (i + CODES_AHEAD < count) {
            prefetch(codes[i + CODES_AHEAD], bytes);
        }
        const float farthest = bound(beam);
        switch (sq8_look(&beam->coded, codes[i], farthest, &estimate)) {
        case SQ8_EXCLUDED:
            break;
        case SQ8_ESTIMATED:
            if (estimate.distance < farthest &&
                offer_ahead(beam, numbers[i], estimate.distance, level) != UINT32_MAX) {
                note_error(beam, estimate.error);
            }
            break;
        case SQ8_UNKNOWN:
            numbers[kept++] = numbers[i];
            break;
        }
    }
    beam->counts.codes += count;
    return kept;
}

static void offer_by_rows(struct beam *beam, const uint32_t *numbers, uint32_t count,
                          uint32_t level)
{
    const struct slots *const slots = beam->rank.slots;
    struct fresh fresh[BLOCK_IDS_MAX];
    for (uint32_t i = 0; i < count; i++) {
        const struct slot_chunk *const chunk = slot_chunk_of(slots, numbers[i]);
        fresh[i] = (struct fresh){.chunk = chunk,
                                  .row = slot_row(slots, chunk, numbers[i] & slots->chunk_mask),
                                  .slot = numbers[i]};
        if (i < ROWS_AHEAD) {
            prefetch_row(beam, &fresh[i]);
        }
    }
    prefetch_next(beam, level);
    float farthest = bound(beam);
    for (uint32_t i = 0; i < count; i++) {
        if (i + ROWS_AHEAD < count) {
            prefetch_row(beam, &fresh[i + ROWS_AHEAD]);
        }
        const float distance =
            rank_row(&beam->rank, fresh[i].chunk, fresh[i].slot & slots->chunk_mask, fresh[i].row);
        if (distance < farthest) {
            (void)offer_ahead(beam, fresh[i].slot, distance, level);
            farthest = bound(beam);
        }
    }
    beam->counts.distances += count;
}

static void expand(struct beam *beam, uint32_t slot, uint32_t level)
{
    uint32_t numbers[BLOCK_IDS_MAX];
    const struct atomic_ptr *const handle = graph_handle(beam->graph, slot, level);
    const struct block *const block = handle != NULL ? block_acquire(handle) : NULL;
    if (block == NULL) {
        return; /* a slot that does not reach this level any more */
    }
    uint32_t count =
        trail_meet_all(beam->trail, block->ids, block->count, ~BLOCK_ANCHOR, beam->limit, numbers);
    beam->counts.blocks++;
    if (beam->coded.codec != NULL) {
        count = offer_by_codes(beam, numbers, count, level);
    }
    if (count > 0) {
        offer_by_rows(beam, numbers, count, level);
    }
}

void beam_run(struct beam *beam, uint32_t level)
{
    struct beam_entry *const entries = beam->trail->entries;
    uint64_t hops = 0;
    const uint32_t front = beam->front != 0 ? beam->front : UINT32_MAX;
    while (beam->cursor < beam->count && beam->cursor < front) {
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

/* Ask for what a distance to a slot takes. */
static void prefetch_first(const struct beam *beam, uint32_t slot)
{
    if (beam->coded.codec != NULL) {
        prefetch(graph_code(beam->graph, slot), beam->coded.codec->stride_bytes);
    } else {
        __builtin_prefetch(slot_row(beam->rank.slots, slot_chunk_of(beam->rank.slots, slot),
                                    slot & beam->rank.slots->chunk_mask));
    }
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
    for (uint32_t i = 0; i < ROWS_AHEAD && i < block->count; i++) {
        prefetch_first(beam, block_slot(block->ids[i]));
    }
    for (uint32_t i = 0; i < block->count; i++) {
        float found;
        if (i + ROWS_AHEAD < block->count) {
            prefetch_first(beam, block_slot(block->ids[i + ROWS_AHEAD]));
        }
        if (distance_to(beam, block_slot(block->ids[i]), *distance, &found)) {
            *distance = found;
            nearest = block_slot(block->ids[i]);
        }
    }
    const bool moved = nearest != *slot;
    *slot = nearest;
    return moved;
}

uint32_t beam_descend(struct beam *beam, uint32_t slot, uint32_t from, uint32_t to)
{
    float distance = INFINITY;
    (void)distance_to(beam, slot, INFINITY, &distance);
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

float beam_farthest(const struct beam *beam, double distance)
{
    const struct sq8 *const codec = beam->coded.codec;
    const float rounded = (float)distance + fabsf((float)distance) * ROUNDING;
    const float estimate =
        codec != NULL && beam->error > 0 ? sq8_farthest_estimate(codec, distance, beam->error) : 0;
    return estimate > rounded ? estimate : rounded;
}

void beam_prefetch_row(const struct beam *beam, uint32_t entry)
{
    const struct slots *const slots = beam->rank.slots;
    const uint32_t slot = beam_slot(&beam->trail->entries[entry]);
    prefetch(slot_row(slots, slot_chunk_of(slots, slot), slot & slots->chunk_mask),
             beam->rank.metric->row_bytes);
}
