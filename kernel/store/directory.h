/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory of chunks that never move: two levels, each place set by compare-and-swap.
 *
 * Level   : store (2).
 * Promises: growth copies nothing and stops nobody; finding a chunk is two loads. A chunk that was
 *           removed lives until its remover has waited for a grace period; it may be made anew
 *           meanwhile, at another address.
 */
#ifndef AKIN_STORE_DIRECTORY_H
#define AKIN_STORE_DIRECTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "akin/status.h"
#include "base/attributes.h"
#include "base/limits.h"
#include "store/memory.h"
#include "sync/atomic.h"

struct directory {
    struct memory *memory;
    enum memory_kind kind;     /* what the leaves count as */
    struct atomic_u32 present; /* chunks there are; relaxed, a hint */
    /* Leaves of SLOT_DIRECTORY_LEAF chunk pointers. */
    struct atomic_ptr leaves[SLOT_DIRECTORY_TOP];
};

/* How a chunk is made and given back. `owner` is what directory_ensure was told. */
typedef enum akin_status (*directory_make_fn)(void *owner, void **chunk);
typedef void (*directory_give_fn)(void *owner, void *chunk);

/* Make an empty directory. Threads: SETUP. */
void directory_init(struct directory *directory, struct memory *memory, enum memory_kind kind);

/* Give back all chunks and leaves. Threads: SETUP. */
void directory_end(struct directory *directory, directory_give_fn give, void *owner);

/*
 * Make sure that a chunk exists. Who loses a race gives its own back.
 *
 * Status : AKIN_OK; AKIN_NO_MEMORY; AKIN_OVER_BUDGET.
 * Threads: any; lock-free but for the allocator.
 */
MUST_CHECK enum akin_status directory_ensure(struct directory *directory, uint32_t index,
                                             directory_make_fn make, directory_give_fn give,
                                             void *owner);

/* Take a chunk out; NULL when there is none. The caller gives it back after a grace period.
   Threads: the maintainer, who knows that nobody begins to use what is in it. */
void *directory_remove(struct directory *directory, uint32_t index);

/* The chunk with number `index`, which was made once; NULL when it was removed. Threads: any,
   inside a read section if chunks are removed. Order: acquire. */
static inline void *directory_at(const struct directory *directory, uint32_t index)
{
    /* SYNC(directory.chunk): pairs with the compare-and-swaps in directory.c; what the chunk
       consists of is visible, or that everybody was done with the one that was removed. */
    const struct atomic_ptr *const leaf =
        atomic_ptr_load_acquire(&directory->leaves[index / SLOT_DIRECTORY_LEAF]);
    return atomic_ptr_load_acquire(&leaf[index % SLOT_DIRECTORY_LEAF]);
}

/* The same for any number below the largest: NULL also when it was never made. */
static inline void *directory_find(const struct directory *directory, uint32_t index)
{
    const struct atomic_ptr *const leaf =
        atomic_ptr_load_acquire(&directory->leaves[index / SLOT_DIRECTORY_LEAF]);
    return leaf != NULL ? atomic_ptr_load_acquire(&leaf[index % SLOT_DIRECTORY_LEAF]) : NULL;
}

#endif
