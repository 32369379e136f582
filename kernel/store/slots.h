/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots: one for each version of an entry, in chunks that never move.
 *
 * Level   : store (2).
 * Promises: growth copies nothing and stops nobody. Chunks without a slot in use go back to the
 *           allocator, and are made anew when their numbers are claimed again. A slot has at most
 *           one owner (G2): it is claimed by a compare-and-swap of its own state word, a fresh one
 *           as a recycled one; the watermark and the ring of free numbers only say where to try.
 *
 * State machine of a slot (word: generation in the upper bits, state in the lower eight)
 *
 *     FREE  --claim--> PENDING --slot_link--> LINKED --maintenance--> UNLINKING --grace--> FREE
 *                         |                     |                                         |
 *                         +---slot_abandon----> ABANDONED --maintenance--grace----------> FREE
 *     FREE --claim, generation + 1--> PENDING
 *
 * In a graph LINKED means that the lists of its neighbors are out, so that edges may lead to it,
 * and is followed by ANCHORED, before the commit: docs/graph.md section 3.
 *
 * A slot above the watermark is FREE, and not yet counted as such; zeroed memory is FREE. So is a
 * slot below it whose chunk was given back: claiming makes the chunk anew.
 *
 * State is about ownership and links only. Visibility is decided by the two stamps alone.
 *
 * Stamps are stored so that zeroed memory means "never": born and died hold the stamp of a commit,
 * and 0 stands for infinity. A version is visible at S when born <= S and S < died; both tests are
 * one subtraction and one unsigned comparison.
 */
#ifndef AKIN_STORE_SLOTS_H
#define AKIN_STORE_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "akin/status.h"
#include "base/limits.h"
#include "base/attributes.h"
#include "store/directory.h"
#include "store/memory.h"
#include "sync/atomic.h"
#include "sync/bitmap.h"
#include "sync/ring.h"

/* Marks that are no slot numbers. */
#define SLOT_NONE  0xffffffffu /* a key record without version; the end of a chain */
#define SLOT_UNSET 0xfffffffeu /* a link that a commit has not written yet */
#define SLOT_GONE  0xfffffffdu /* the key record is out of use for ever */

#define STAMP_NEVER 0u

enum slot_state {
    SLOT_FREE = 0,      /* may be claimed */
    SLOT_LINKED = 1,    /* complete; may be committed */
    SLOT_UNLINKING = 2, /* dead for every reader to come; waits for those inside */
    SLOT_ABANDONED = 3, /* its call failed; was never visible; waits for a grace period */
    SLOT_PENDING = 4,   /* owned by the call that claimed it */
    SLOT_ANCHORED = 5   /* LINKED, and its own anchor edge is in place: graphs only */
};

/*
 * The arrays of a chunk. Who writes what, and how a reader may see it:
 *   born, died : compare-and-swap from STAMP_NEVER by any finisher of the commit; reset by
 *   maintenance.
 *                Relaxed loads: a stamp <= S happens before the load of the frontier that gave S.
 *   prev       : compare-and-swap from SLOT_UNSET by any finisher; cut to SLOT_NONE by maintenance.
 *   state      : compare-and-swap, acquire-release.
 *   payload    : written by the owner while PENDING (published by the commit), replaced by
 *   maintenance
 *                with a copy of the same bytes (release), reset by maintenance after the grace
 *                period.
 *   key, norm, row: plain; written by the owner while PENDING, read by those who found the slot
 *   visible. dead       : hint bits for maintenance: this slot died or was abandoned.
 */
struct slot_chunk {
    struct atomic_u64 *born;
    struct atomic_u64 *died;
    struct atomic_u64 *state;
    struct atomic_ptr *payload; /* struct payload_block, or NULL */
    uint64_t *key;
    struct atomic_u32 *prev;
    float *norm; /* cosine: 1 / |row|; inner product: |row|, rounded up; L2: 0 */
    struct ck_bitmap *dead;
    unsigned char *rows;
};

struct slots {
    struct memory *memory;
    uint32_t row_bytes;
    uint32_t row_stride;  /* row_bytes rounded up to ROW_ALIGNMENT_BYTES */
    uint32_t chunk_shift; /* log2 of the slots of a chunk */
    uint32_t chunk_mask;
    uint32_t count_max; /* slot numbers below this exist */
    struct ck_ring_buffer *hint_cells;
    struct directory directory; /* of struct slot_chunk */
    /* Slots below this number have been handed out: the watermark. Grows only. */
    struct atomic_u32 next CACHE_PAIR_ALIGNED;
    struct ring hints
        CACHE_PAIR_ALIGNED; /* numbers of slots that were FREE; producer: maintenance */
    /* Slots below the watermark in state FREE, about; those of chunks that were given back too. */
    struct atomic_u64 free_count CACHE_PAIR_ALIGNED;
    struct atomic_u32
        search_at; /* where a claim without hint begins to look; relaxed, a hint too */
};

/*
 * Make an empty set of slots.
 *
 * Input  : capacity: entries expected, 0 when unknown; only makes the chunks of small indexes
 *          smaller.
 * Status : AKIN_OK; AKIN_NO_MEMORY; AKIN_OVER_BUDGET.
 * Threads: SETUP.
 */
MUST_CHECK enum akin_status slots_init(struct slots *slots, struct memory *memory,
                                       uint32_t row_bytes, uint64_t capacity);

/* Free all chunks. Threads: SETUP. */
void slots_end(struct slots *slots);

/* Slots of a chunk for rows of `row_stride` bytes, and the bytes of one chunk by kind. PURE. */
uint32_t slots_chunk_shift(uint32_t row_stride, uint64_t capacity);
uint64_t slots_chunk_meta_bytes(uint32_t chunk_shift);

/*
 * Claim a slot: it is PENDING with both stamps never, no payload and no older version.
 *
 * Status : AKIN_OK; AKIN_NO_MEMORY; AKIN_OVER_BUDGET; AKIN_INDEX_FULL.
 * Threads: any, inside the read section in which the slot will be committed; lock-free.
 */
MUST_CHECK enum akin_status slot_claim(struct slots *slots, uint32_t *slot);

/* The row, key and norm are written: the slot may be committed. Threads: the claimer. */
void slot_link(struct slots *slots, uint32_t slot);

/* The call failed: leave the slot to maintenance. Threads: the claimer, or maintenance for an
   orphan. */
void slot_abandon(struct slots *slots, uint32_t slot);

/* Slots below this number may be in use. Threads: any. Order: acquire, their chunks were made. */
static inline uint32_t slots_watermark(const struct slots *slots)
{
    /* SYNC(slots.next): pairs with the compare-and-swap in slot_claim. */
    return atomic_u32_load_acquire(&slots->next);
}

/* The chunk with number `index` < chunks below a watermark; NULL when it was given back: then none
   of its slots is in use. Threads: any, inside, or the maintainer. */
static inline struct slot_chunk *slots_chunk(const struct slots *slots, uint32_t index)
{
    return directory_at(&slots->directory, index);
}

/* The chunk of a slot; NULL as above, but never for a slot that the caller found in use in the same
   section. Threads: any, inside, or the maintainer. */
static inline struct slot_chunk *slot_chunk_of(const struct slots *slots, uint32_t slot)
{
    return slots_chunk(slots, slot >> slots->chunk_shift);
}

/* The last slot of the chunk that a slot is in. PURE. */
static inline uint32_t slots_chunk_last(const struct slots *slots, uint32_t slot)
{
    const uint32_t last = slot | slots->chunk_mask;
    return last < slots->count_max ? last : slots->count_max - 1;
}

/* Chunks that hold the slots below `watermark`. PURE. */
static inline uint32_t slots_chunk_count(const struct slots *slots, uint32_t watermark)
{
    return (uint32_t)(((uint64_t)watermark + slots->chunk_mask) >> slots->chunk_shift);
}

static inline unsigned char *slot_row(const struct slots *slots, const struct slot_chunk *chunk,
                                      uint32_t offset)
{
    return chunk->rows + (size_t)offset * slots->row_stride;
}

/* Whether a version with these stamps is visible at `stamp` >= 1. PURE. */
static inline bool stamps_visible(uint64_t born, uint64_t died, uint64_t stamp)
{
    return born - 1 < stamp && died - 1 >= stamp;
}

/* Whether the version in a slot is visible at `stamp`. Threads: any, inside a read section. */
static inline bool slot_is_visible(const struct slot_chunk *chunk, uint32_t offset, uint64_t stamp)
{
    /* Relaxed: a stamp that counts happens before the frontier load that gave `stamp`; any other
       value that these loads may return decides the same. SYNC(slot.stamps) */
    const uint64_t born = atomic_u64_load_relaxed(&chunk->born[offset]);
    const uint64_t died = atomic_u64_load_relaxed(&chunk->died[offset]);
    return stamps_visible(born, died, stamp);
}

static inline enum slot_state slot_state_of(uint64_t word)
{
    return (enum slot_state)(word & 0xff);
}

static inline uint64_t slot_generation_of(uint64_t word)
{
    return word >> 8;
}

static inline uint64_t slot_word(uint64_t generation, enum slot_state state)
{
    return generation << 8 | (uint64_t)state;
}

/* Whether a slot in this state has what belongs to it, and nobody is taking it out: edges may lead
   to it. */
static inline bool slot_state_is_alive(enum slot_state state)
{
    return state == SLOT_LINKED || state == SLOT_ANCHORED;
}

/* Whether a word is a slot number and not one of the marks. PURE. */
static inline bool slot_is_number(uint32_t word)
{
    return word < SLOT_COUNT_MAX;
}

/* Read the state word. Threads: any. Order: acquire. */
static inline uint64_t slot_state_acquire(const struct slot_chunk *chunk, uint32_t offset)
{
    /* SYNC(slot.state): pairs with the compare-and-swap in slot_advance. */
    return atomic_u64_load_acquire(&chunk->state[offset]);
}

/* The state of a slot: FREE as well when its chunk was given back. Threads: any, inside, or the
   maintainer. Order: acquire. */
static inline enum slot_state slot_state(const struct slots *slots, uint32_t slot)
{
    const struct slot_chunk *const chunk = slot_chunk_of(slots, slot);
    return chunk != NULL ? slot_state_of(slot_state_acquire(chunk, slot & slots->chunk_mask))
                         : SLOT_FREE;
}

/* Move a slot from one state to another, in the same generation; whether it was there. Threads:
   any. */
bool slot_advance(struct slot_chunk *chunk, uint32_t offset, enum slot_state from,
                  enum slot_state to);

/* Make a slot FREE and hint at it. Threads: the maintainer, after the grace period. */
void slot_free(struct slots *slots, uint32_t slot, enum slot_state from);

/*
 * Give a chunk back in three steps, if none of its slots is in use.
 *
 * slots_take_chunk makes all its slots PENDING, also those above the watermark, which moves on; or
 * none, and returns false. slots_remove_chunk takes it out of the directory: its numbers can be
 * claimed again from there on, in another chunk. slots_give_chunk gives the memory back, after a
 * grace period.
 * Threads: the maintainer, of the first two inside a read section, the same one.
 */
MUST_CHECK bool slots_take_chunk(struct slots *slots, uint32_t index);
struct slot_chunk *slots_remove_chunk(struct slots *slots, uint32_t index);
void slots_give_chunk(struct slots *slots, struct slot_chunk *chunk);

/* Slots of chunks that were given back, about. Threads: any; wait-free. */
uint64_t slots_absent(const struct slots *slots);

/* Hint again at slots that are FREE, from *cursor on, until the ring is full or many were looked
   at. Threads: the maintainer. */
void slots_refill_hints(struct slots *slots, uint32_t *cursor);

/* Count the FREE slots anew, after a thread died between a slot's state and the count. If others
   claim meanwhile the count stays as it is. Threads: the maintainer. */
void slots_recount(struct slots *slots);

#endif
