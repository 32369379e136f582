/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fixed set of bits that many threads set and clear: ck_bitmap.
 *
 * Level   : sync (1).
 * Promises: wait-free. Bits are hints and order nothing: whoever finds one looks at the thing
 *           itself.
 */
#ifndef AKIN_SYNC_BITMAP_H
#define AKIN_SYNC_BITMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ck_bitmap.h>

#include "sync/sched_point.h"

/* Bytes of a bitmap of `bits` bits. Threads: PURE. */
static inline size_t bitmap_bytes(uint32_t bits)
{
    return ck_bitmap_size(bits);
}

/* Make an empty bitmap in `bytes` of memory aligned to 8. Threads: SETUP. */
static inline struct ck_bitmap *bitmap_init(void *memory, uint32_t bits)
{
    struct ck_bitmap *const bitmap = memory;
    ck_bitmap_init(bitmap, bits, false);
    return bitmap;
}

static inline void bitmap_set(struct ck_bitmap *bitmap, uint32_t bit)
{
    sched_point(SCHED_LIBRARY, bitmap);
    ck_bitmap_set(bitmap, bit);
}

static inline void bitmap_clear(struct ck_bitmap *bitmap, uint32_t bit)
{
    sched_point(SCHED_LIBRARY, bitmap);
    ck_bitmap_reset(bitmap, bit);
}

/* Walks the bits that are set, in ascending order. Threads: OWNER of the cursor. */
struct bitmap_cursor {
    struct ck_bitmap_iterator iterator;
};

static inline struct bitmap_cursor bitmap_walk(const struct ck_bitmap *bitmap)
{
    struct bitmap_cursor cursor;
    ck_bitmap_iterator_init(&cursor.iterator, bitmap);
    return cursor;
}

static inline bool bitmap_next(const struct ck_bitmap *bitmap, struct bitmap_cursor *cursor,
                               uint32_t *bit)
{
    return ck_bitmap_next(bitmap, &cursor->iterator, bit);
}

#endif
