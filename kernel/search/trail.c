/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scratch memory of walks.
 *
 * Level: search (4).
 */
#include "search/trail.h"

#include <string.h>

#include "base/limits.h"

#define WORD_BYTES(slots) ((size_t)((slots) / 64) * sizeof(uint64_t))

/* Slots for which the set has room: half as many again, so that a growing index seldom grows it. */
static uint32_t rounded_slots(uint32_t slots)
{
    const uint64_t wanted = (uint64_t)slots + slots / 2 + 4096;
    return (uint32_t)(wanted / 4096 * 4096);
}

/* More slots than this are forgotten faster by clearing the whole set. */
static uint32_t touched_for(uint32_t slots)
{
    return slots / 64 + 64;
}

static enum akin_status grow_met(struct trail *trail, struct memory *memory, uint32_t slots)
{
    const uint32_t rounded = rounded_slots(slots);
    void *met = NULL;
    void *touched = NULL;
    enum akin_status status =
        memory_take(memory, MEMORY_CONTEXTS, WORD_BYTES(rounded), CACHE_LINE_BYTES, &met);
    if (status != AKIN_OK) {
        return status;
    }
    status = memory_take_raw(memory, MEMORY_CONTEXTS, touched_for(rounded) * sizeof(uint32_t),
                             CACHE_LINE_BYTES, &touched);
    if (status != AKIN_OK) {
        memory_give(memory, MEMORY_CONTEXTS, met, WORD_BYTES(rounded), CACHE_LINE_BYTES);
        return status;
    }
    memory_give(memory, MEMORY_CONTEXTS, trail->met, WORD_BYTES(trail->met_slots),
                CACHE_LINE_BYTES);
    memory_give(memory, MEMORY_CONTEXTS, trail->touched, trail->touched_capacity * sizeof(uint32_t),
                CACHE_LINE_BYTES);
    trail->met = met;
    trail->met_slots = rounded;
    trail->touched = touched;
    trail->touched_capacity = touched_for(rounded);
    trail->touched_count = 0;
    return AKIN_OK;
}

static void give_entries(struct trail *trail, struct memory *memory)
{
    memory_give(memory, MEMORY_CONTEXTS, trail->entries,
                trail->entry_capacity * sizeof(struct beam_entry), CACHE_LINE_BYTES);
    memory_give(memory, MEMORY_CONTEXTS, trail->candidates,
                trail->entry_capacity * sizeof(struct candidate), CACHE_LINE_BYTES);
}

static enum akin_status grow_entries(struct trail *trail, struct memory *memory, uint32_t entries)
{
    void *larger = NULL;
    void *candidates = NULL;
    enum akin_status status = memory_take_raw(
        memory, MEMORY_CONTEXTS, entries * sizeof(struct beam_entry), CACHE_LINE_BYTES, &larger);
    if (status != AKIN_OK) {
        return status;
    }
    status = memory_take_raw(memory, MEMORY_CONTEXTS, entries * sizeof(struct candidate),
                             CACHE_LINE_BYTES, &candidates);
    if (status != AKIN_OK) {
        memory_give(memory, MEMORY_CONTEXTS, larger, entries * sizeof(struct beam_entry),
                    CACHE_LINE_BYTES);
        return status;
    }
    give_entries(trail, memory);
    trail->entries = larger;
    trail->candidates = candidates;
    trail->entry_capacity = entries;
    return AKIN_OK;
}

static void give_lanes(struct trail *trail, struct memory *memory)
{
    memory_give(memory, MEMORY_CONTEXTS, trail->lanes,
                trail->lane_capacity * sizeof trail->lanes[0], CACHE_LINE_BYTES);
}

static enum akin_status grow_lanes(struct trail *trail, struct memory *memory, uint32_t lanes)
{
    void *larger = NULL;
    const enum akin_status status = memory_take_raw(
        memory, MEMORY_CONTEXTS, lanes * sizeof trail->lanes[0], CACHE_LINE_BYTES, &larger);
    if (status == AKIN_OK) {
        give_lanes(trail, memory);
        trail->lanes = larger;
        trail->lane_capacity = lanes;
    }
    return status;
}

enum akin_status trail_reserve(struct trail *trail, struct memory *memory, uint32_t slots,
                               uint32_t entries, uint32_t lanes)
{
    enum akin_status status = AKIN_OK;
    if (slots > trail->met_slots) {
        status = grow_met(trail, memory, slots);
    }
    if (status == AKIN_OK && entries > trail->entry_capacity) {
        status = grow_entries(trail, memory, entries);
    }
    if (status == AKIN_OK && lanes > trail->lane_capacity) {
        status = grow_lanes(trail, memory, lanes);
    }
    return status;
}

void trail_end(struct trail *trail, struct memory *memory)
{
    memory_give(memory, MEMORY_CONTEXTS, trail->met, WORD_BYTES(trail->met_slots),
                CACHE_LINE_BYTES);
    memory_give(memory, MEMORY_CONTEXTS, trail->touched, trail->touched_capacity * sizeof(uint32_t),
                CACHE_LINE_BYTES);
    give_entries(trail, memory);
    give_lanes(trail, memory);
    *trail = (struct trail){0};
}

void trail_begin(struct trail *trail)
{
    if (trail->in_walk) {
        memset(trail->met, 0, WORD_BYTES(trail->met_slots));
        trail->touched_count = 0;
    }
    trail->in_walk = true;
}

void trail_finish(struct trail *trail)
{
    if (trail->touched_count > trail->touched_capacity) {
        memset(trail->met, 0, WORD_BYTES(trail->met_slots));
    } else {
        for (uint32_t i = 0; i < trail->touched_count; i++) {
            trail->met[trail->touched[i] / 64] = 0;
        }
    }
    trail->touched_count = 0;
    trail->in_walk = false;
}

uint32_t trail_meet_all(struct trail *trail, const uint32_t *slots, uint32_t count, uint32_t mask,
                        uint32_t limit, uint32_t *fresh)
{
    uint64_t *const met = trail->met;
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t slot = slots[i] & mask;
        if (slot >= limit) {
            continue; /* seldom: it came into the graph after the walk began */
        }
        uint64_t *const word = &met[slot / 64];
        const uint64_t bit = 1ull << (slot % 64);
        fresh[found] = slot;
        found += (*word & bit) == 0 ? 1 : 0;
        *word |= bit;
    }
    /* Beyond its capacity the list is of no use any more: see trail_finish. */
    if (trail->touched_count + found <= trail->touched_capacity) {
        memcpy(&trail->touched[trail->touched_count], fresh, found * sizeof fresh[0]);
    }
    trail->touched_count += found;
    return found;
}
