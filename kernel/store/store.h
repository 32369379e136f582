/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store: slots, rows, payloads, keys, stamps and commits of one index. It lives as long as the
 * index; routings (graphs, codes) come and go above it.
 *
 * Level   : store (2).
 */
#ifndef AKIN_STORE_STORE_H
#define AKIN_STORE_STORE_H

#include <stdint.h>

#include "akin/status.h"
#include "base/attributes.h"
#include "store/commit.h"
#include "store/key_map.h"
#include "store/memory.h"
#include "store/payload.h"
#include "store/pool.h"
#include "store/readers.h"
#include "store/slots.h"
#include "sync/atomic.h"

struct store {
    struct memory memory;
    struct slots slots;
    struct payload_arena payload;
    struct key_map keys;
    struct pool key_records;
    struct pool commit_records;
    struct readers readers;
    uint64_t slot_bytes; /* row and per-slot bytes: what a dead slot counts as retired */
    /* The newest commit record. Every record before it is done. */
    struct atomic_ptr last CACHE_PAIR_ALIGNED;
};

/*
 * Make an empty store.
 *
 * Input  : memory: initialised; row_bytes > 0; capacity: entries expected, 0 when unknown.
 * Status : AKIN_OK; AKIN_NO_MEMORY; AKIN_OVER_BUDGET; after failure everything is given back.
 * Threads: SETUP.
 */
MUST_CHECK enum akin_status store_init(struct store *store, const struct memory *memory,
                                       uint32_t row_bytes, uint64_t capacity);

/* Give everything back. Threads: SETUP, outside a read section. */
void store_end(struct store *store);

/* The call that claimed a slot failed: leave it, with its payload, to maintenance. Threads: the
   claimer. */
void store_abandon(struct store *store, uint32_t slot);

/* Bytes that a dead slot holds: row, stamps, payload. Threads: any, inside, while the slot is not
   free. */
uint64_t store_slot_bytes(const struct store *store, uint32_t slot);

/* Slots that are neither free nor live - dead, abandoned, or in the hands of a call - of those
   below `watermark`. About: the numbers are not of one instant. Threads: any, inside. */
uint64_t store_dead_slots(const struct store *store, uint32_t watermark);

#endif
