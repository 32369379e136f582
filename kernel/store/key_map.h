/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The map from keys to key records: cds_lfht of liburcu.
 *
 * Level   : store (2). key_map.c is, beside sync/rcu.c, the only file that sees liburcu.
 * Promises: lookup is wait-free but for the length of its bucket, add and remove are lock-free. A
 *           record is added once, and of several removers exactly one succeeds: that one retires
 *           it.
 * Growth  : explicitly, from maintenance, after the budget was asked; never on the path of a
 *           writer. It shrinks in AKIN_MAINTAIN_DRAIN.
 * Exception: liburcu allocates buckets past the memory hooks and stops the program when that fails,
 *            and resizing a table of 8,192 buckets and more starts helper threads inside that call,
 *            which end before it returns (all signals blocked). docs/CONCURRENCY.md section 8.
 */
#ifndef AKIN_STORE_KEY_MAP_H
#define AKIN_STORE_KEY_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "akin/status.h"
#include "base/attributes.h"
#include "store/memory.h"
#include "store/pool.h"
#include "sync/atomic.h"

/*
 * What a key leads to. `head` is the newest slot of the key, SLOT_NONE before the first commit,
 * SLOT_GONE when the record is out of use; written only by compare-and-swap while a commit is
 * applied, and a value never comes back. Older versions hang behind the head slot (slots.h, prev).
 */
struct key_record {
    uint64_t map_node[2]; /* a cds_lfht_node; asserted in key_map.c */
    uint64_t key;         /* plain: written before the record is added */
    struct atomic_u32 head;
    uint32_t reserved;
    struct pool_object pooled;
};

struct key_map {
    struct memory *memory;
    void *table;               /* struct cds_lfht */
    uint64_t buckets_min;      /* it was made with, for the capacity that was asked for */
    struct atomic_u64 buckets; /* written by maintenance */
    struct atomic_u64 records; /* in the table; may lag, decides growth only */
    struct atomic_u64 refused; /* records when the budget refused growth: not asked again before
                                  there are an eighth more; written by maintenance */
};

/* Make an empty map for about `capacity` keys. Status: AKIN_OK; _NO_MEMORY; _OVER_BUDGET. SETUP. */
MUST_CHECK enum akin_status key_map_init(struct key_map *map, struct memory *memory,
                                         uint64_t capacity);

/* Empty and free the map. Records belong to their pool. Threads: SETUP, outside a read section. */
void key_map_end(struct key_map *map);

/* The record of a key, or NULL. Threads: any, inside a read section. SYNC(key_map.add) */
struct key_record *key_map_lookup(const struct key_map *map, uint64_t key);

/* Add a record, unless the key has one: the one that is in the map now. Threads: any, inside. */
struct key_record *key_map_add(struct key_map *map, struct key_record *record);

/* Take a record out; whether it was this call that did. Threads: any, inside. */
bool key_map_remove(struct key_map *map, struct key_record *record);

/* Whether key_map_grow would do something. Threads: any. */
bool key_map_wants_growth(const struct key_map *map);

/* Grow the table to its records, if the budget allows it. Threads: the maintainer, outside a
   section. */
MUST_CHECK enum akin_status key_map_grow(struct key_map *map);

/* Shrink a table that has become much too large, not below what it was made with. Threads: the
   maintainer, outside a section; waits for grace periods. */
void key_map_shrink(struct key_map *map);

/* Call `visit` for each record, until it returns false. Threads: any, inside. */
void key_map_visit(const struct key_map *map,
                   bool (*visit)(void *context, struct key_record *record), void *context);

/* Buckets for `keys` keys, and bytes of a table with so many. PURE. */
uint64_t key_map_buckets_for(uint64_t keys);
uint64_t key_map_table_bytes(uint64_t buckets);

#endif
