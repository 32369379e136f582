/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The payload arena: optional bytes of an entry, in append-only chunks.
 *
 * Level   : store (2).
 * Promises: a byte range has one owner (G2), because its offset comes from one fetch-add. Bytes are
 *           written before the slot that refers to them is committed, and never again.
 *
 * Life of a chunk
 *     listed -> current -> closed -> (nothing live, grace period, still nothing live) -> given back
 *   It is closed by who replaced it, or by its maker when another chunk became current first; a
 *   closed chunk never becomes current again.
 *   `live` counts the bytes that slots refer to. It rises when a range is reserved and falls when
 *   the slot is recycled or the call fails. A reservation runs inside a read section, so a grace
 *   period after the chunk was closed proves that no reservation in it is under way; from then on
 *   `live` only falls, and at 0 nobody can refer to the chunk.
 *   A range that would pass the end of a chunk stays unused: it was never counted as live.
 */
#ifndef AKIN_STORE_PAYLOAD_H
#define AKIN_STORE_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "akin/status.h"
#include "base/attributes.h"
#include "store/memory.h"
#include "sync/atomic.h"

/* A piece of memory that payloads are cut from. `bytes` of content follow the structure. */
struct payload_chunk {
    struct atomic_ptr
        next;          /* list of all chunks; written by the opener, later by the maintainer only */
    uint64_t capacity; /* bytes of content; never changes */
    uint64_t candidate;       /* the maintainer's: seen closed and empty before the grace period */
    struct atomic_u32 closed; /* 1: not current, for ever */
    struct atomic_u64 tail CACHE_PAIR_ALIGNED; /* next offset; passes `capacity` when full */
    struct atomic_u64 live CACHE_PAIR_ALIGNED; /* bytes referred to */
};

/* A payload. Its bytes follow. Plain: written by the owner before the commit, then never. */
struct payload_block {
    struct payload_chunk *chunk;
    uint64_t size;
};

struct payload_arena {
    struct memory *memory;
    struct atomic_ptr chunks;                     /* list of all chunks, newest first */
    struct atomic_ptr current CACHE_PAIR_ALIGNED; /* the chunk that is being filled, or NULL */
    struct atomic_u64 live CACHE_PAIR_ALIGNED;    /* sum over chunks, about; for reports */
};

/* Make an empty arena. Threads: SETUP. */
void payload_init(struct payload_arena *arena, struct memory *memory);

/* Free all chunks. Threads: SETUP. */
void payload_end(struct payload_arena *arena);

/* The bytes of a payload. PURE. */
static inline unsigned char *payload_bytes(struct payload_block *block)
{
    return (unsigned char *)(block + 1);
}

/* Bytes of an arena that a payload of `size` bytes takes. PURE. */
uint64_t payload_block_bytes(uint64_t size);

/*
 * Reserve room for `size` bytes, which the caller then writes.
 *
 * Status : AKIN_OK; AKIN_NO_MEMORY; AKIN_OVER_BUDGET.
 * Threads: any, inside the read section in which the payload will be committed; lock-free but for
 *          the allocator.
 */
MUST_CHECK enum akin_status payload_reserve(struct payload_arena *arena, uint64_t size,
                                            struct payload_block **block);

/* Nobody refers to the payload any more. Threads: the reserver, or the maintainer after a grace
   period. */
void payload_release(struct payload_arena *arena, struct payload_block *block);

/*
 * Give empty chunks back, in two halves with a grace period between them.
 *
 * payload_mark returns whether there is a closed and empty chunk; payload_sweep gives back those
 * that were marked and still are empty.
 * Threads: the maintainer.
 */
bool payload_mark(struct payload_arena *arena);
void payload_sweep(struct payload_arena *arena);

/* Close the chunk that is being filled, if it is empty. Threads: the maintainer. */
void payload_close_empty(struct payload_arena *arena);

/* Whether the chunk of a block is closed and so sparse that copying its payloads away pays.
   PURE. */
bool payload_is_sparse(const struct payload_block *block);

/* Whether enough of the arena is waste that looking for sparse chunks pays. Threads: any. */
bool payload_is_wasteful(const struct payload_arena *arena);

/* Sum of `live` over all chunks. Threads: the maintainer, or quiescent. */
uint64_t payload_live_bytes(const struct payload_arena *arena);

#endif
