/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The oracle: distances in long double and a search by sorting everything. It shares nothing with
 * the kernel but the meaning of the public types.
 */
#ifndef AKIN_VERIFY_UNIT_SUPPORT_ORACLE_H
#define AKIN_VERIFY_UNIT_SUPPORT_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "akin/search.h"
#include "akin/types.h"

/* Entries as a test believes them to be. Rows lie one behind the other. */
struct oracle {
    enum akin_metric metric;
    enum akin_type type;
    uint32_t dim;
    uint32_t count;
    uint32_t capacity;
    uint64_t *keys;
    unsigned char *rows;
};

void oracle_init(struct oracle *oracle, enum akin_metric metric, enum akin_type type, uint32_t dim);
void oracle_end(struct oracle *oracle);

/* Set or replace the row of a key; remove a key; both tell whether the key was there. */
bool oracle_put(struct oracle *oracle, uint64_t key, const void *row);
bool oracle_remove(struct oracle *oracle, uint64_t key);

/* The row of a key, or NULL. */
const void *oracle_row(const struct oracle *oracle, uint64_t key);

/* The distance of two vectors at any alignment. */
long double oracle_distance(enum akin_metric metric, enum akin_type type, uint32_t dim,
                            const void *a, const void *b);

/* How far a distance computed in binary64 may be off the exact one. */
long double oracle_tolerance(enum akin_metric metric, enum akin_type type, uint32_t dim,
                             const void *a, const void *b);

/* Which entries may be found; NULL lets all pass. */
typedef bool (*oracle_passes_fn)(void *context, uint64_t key);

/*
 * Assert that `results` are the k nearest to `query` of those that pass: each live once, its
 * distance right within the tolerance, in the order (distance, key), and nothing nearer left out.
 */
void oracle_check(const struct oracle *oracle, const void *query, uint32_t k,
                  oracle_passes_fn passes, void *context, const struct akin_neighbor *results,
                  uint32_t count);

/* The k nearest by (distance, key), distances rounded to double: for values that need no rounding.
   */
uint32_t oracle_search(const struct oracle *oracle, const void *query, uint32_t k,
                       struct akin_neighbor *results);

#endif
