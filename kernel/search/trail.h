/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a walk through a graph writes to: the set of slots it has met, and the beam.
 *
 * Level   : search (4).
 * Promises: belongs to one walk at a time; grown before the walk and kept, so that walks allocate
 *           nothing once it is warm. No other thread reads or writes it.
 */
#ifndef AKIN_SEARCH_TRAIL_H
#define AKIN_SEARCH_TRAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "akin/status.h"
#include "base/attributes.h"
#include "search/select.h"
#include "store/memory.h"

/* A slot of the beam: its number and two marks. */
struct beam_entry {
    float distance;
    uint32_t word;
};

struct trail {
    uint64_t *met; /* one bit a slot; all clear between walks */
    uint32_t met_slots;
    uint32_t *touched; /* slots whose bit is set, as far as they fit */
    uint32_t touched_count;
    uint32_t touched_capacity;
    struct beam_entry *entries;
    struct candidate *candidates; /* as many as entries */
    uint32_t entry_capacity;
    int16_t *lanes; /* of the query, for codes */
    uint32_t lane_capacity;
    bool in_walk; /* a walk began and did not end: its thread died */
};

/*
 * Grow it for slots below `slots`, a beam of `entries`, and a query of `lanes` for codes.
 *
 * Status : AKIN_OK; AKIN_NO_MEMORY; AKIN_OVER_BUDGET: it is as before then.
 * Threads: OWNER.
 */
MUST_CHECK enum akin_status trail_reserve(struct trail *trail, struct memory *memory,
                                          uint32_t slots, uint32_t entries, uint32_t lanes);

/* Give everything back. Threads: OWNER. */
void trail_end(struct trail *trail, struct memory *memory);

/* Begin a walk, with nothing met; end it. Threads: OWNER. */
void trail_begin(struct trail *trail);
void trail_finish(struct trail *trail);

/* Note a slot; whether it is new. slot < met_slots. Threads: OWNER. */
static inline bool trail_meet(struct trail *trail, uint32_t slot)
{
    uint64_t *const word = &trail->met[slot / 64];
    const uint64_t bit = 1ull << (slot % 64);
    if ((*word & bit) != 0) {
        return false;
    }
    *word |= bit;
    if (trail->touched_count < trail->touched_capacity) { /* else: see trail_finish */
        trail->touched[trail->touched_count] = slot;
    }
    trail->touched_count++;
    return true;
}

/*
 * Note `count` slots, each in the bits of `mask` of a word; those that are new go to `fresh`, in
 * order; how many. Slots at or beyond `limit` are passed over. The same as trail_meet for each,
 * without branches on what nobody can predict. Threads: OWNER.
 */
uint32_t trail_meet_all(struct trail *trail, const uint32_t *slots, uint32_t count, uint32_t mask,
                        uint32_t limit, uint32_t *fresh);

#endif
