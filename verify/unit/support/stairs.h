/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stairs: keys that one writer rewrites in order, round after round, so that each instant has a
 *         shape
 * that a reader can recognize without having been told anything.
 *
 * Writer w of a stairs owns `steps` keys, from w * steps on. It writes serial 1 to all, then 2, and
 * so on. At any one instant its serials are r .. r, r-1 .. r-1: they fall by one at most once. A
 * view put together from two instants, with more than one write between them, looks otherwise, has
 * a key twice, or lacks one. The sum of the serials is how many writes there were.
 */
#ifndef AKIN_VERIFY_UNIT_SUPPORT_STAIRS_H
#define AKIN_VERIFY_UNIT_SUPPORT_STAIRS_H

#include <stdbool.h>
#include <stdint.h>

#include "akin/index.h"
#include "support/described.h"
#include "support/race.h"

#define STAIRS_KEYS_MAX    4096u
#define STAIRS_WRITERS_MAX 4u
/* All elements of a row have one value, exact in binary32. */
#define STAIRS_VALUE_MAX (1u << 24)

struct stairs {
    uint32_t writers;
    uint32_t steps; /* keys of each writer */
    uint32_t dim;
    /* Writes of each writer, raised before a write begins and after it returned. */
    struct race_number begun[STAIRS_WRITERS_MAX];
    struct race_number ended[STAIRS_WRITERS_MAX];
};

/* What a reader found: serials by key, 0 for a key that it did not find. */
struct stairs_view {
    uint32_t found;
    uint32_t serials[STAIRS_KEYS_MAX];
};

/* Key and serial of write number `write` (0 is the first) of a writer. */
uint64_t stairs_key(const struct stairs *stairs, uint32_t writer, uint64_t write);
uint64_t stairs_serial(const struct stairs *stairs, uint64_t write);

/* The value that stands in every element of the row of this key and serial. */
double stairs_value(const struct stairs *stairs, uint64_t key, uint64_t serial);

/* How many writes a writer can do before values would no longer be exact. */
uint64_t stairs_writes_max(const struct stairs *stairs);

/* Write number `write` of a writer by akin_upsert, with its value in all elements. */
enum akin_status stairs_put(akin_index *index, struct stairs *stairs, uint32_t writer,
                            uint64_t write);

/* The same with a described entry (dim is DESCRIBED_DIM) and `size` bytes of payload. */
enum akin_status stairs_put_described(akin_index *index, struct stairs *stairs, uint32_t writer,
                                      uint64_t write, size_t size);

/* Start a view over. */
void stairs_forget(const struct stairs *stairs, struct stairs_view *view);

/* Add what was read; NULL, or what is wrong with it. */
const char *stairs_add(const struct stairs *stairs, struct stairs_view *view, uint64_t key,
                       uint64_t serial);

/* Add a result of a search for the query whose elements are all -offset. */
const char *stairs_add_distance(const struct stairs *stairs, struct stairs_view *view, uint64_t key,
                                double distance, uint32_t offset);

/* NULL if the view is complete and of one instant, or what is wrong with it. */
const char *stairs_fault(const struct stairs *stairs, const struct stairs_view *view);

/* Writes that the view contains, of one writer. */
uint64_t stairs_writes_seen(const struct stairs *stairs, const struct stairs_view *view,
                            uint32_t writer);

#endif
