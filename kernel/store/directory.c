/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directories of chunks.
 *
 * Level: store (2).
 */
#include "store/directory.h"

#include <stddef.h>

#define LEAF_BYTES (SLOT_DIRECTORY_LEAF * sizeof(struct atomic_ptr))

void directory_init(struct directory *directory, struct memory *memory, enum memory_kind kind)
{
    *directory = (struct directory){.memory = memory, .kind = kind};
}

void directory_end(struct directory *directory, directory_give_fn give, void *owner)
{
    for (uint32_t top = 0; top < SLOT_DIRECTORY_TOP; top++) {
        struct atomic_ptr *const leaf = atomic_ptr_load_acquire(&directory->leaves[top]);
        if (leaf == NULL) {
            continue;
        }
        for (uint32_t i = 0; i < SLOT_DIRECTORY_LEAF; i++) {
            void *const chunk = atomic_ptr_load_acquire(&leaf[i]);
            if (chunk != NULL) {
                give(owner, chunk);
            }
        }
        memory_give(directory->memory, directory->kind, leaf, LEAF_BYTES, CACHE_LINE_BYTES);
    }
}

static enum akin_status leaf_ensure(struct directory *directory, struct atomic_ptr *top)
{
    void *memory = NULL;
    if (atomic_ptr_load_acquire(top) != NULL) {
        return AKIN_OK;
    }
    const enum akin_status status =
        memory_take(directory->memory, directory->kind, LEAF_BYTES, CACHE_LINE_BYTES, &memory);
    if (status != AKIN_OK) {
        return status;
    }
    /* SYNC(directory.chunk): pairs with the load in directory_at; the zeroed leaf is visible. */
    if (!atomic_ptr_cas(top, NULL, memory)) {
        memory_give(directory->memory, directory->kind, memory, LEAF_BYTES, CACHE_LINE_BYTES);
    }
    return AKIN_OK;
}

enum akin_status directory_ensure(struct directory *directory, uint32_t index,
                                  directory_make_fn make, directory_give_fn give, void *owner)
{
    struct atomic_ptr *const top = &directory->leaves[index / SLOT_DIRECTORY_LEAF];
    enum akin_status status = leaf_ensure(directory, top);
    if (status != AKIN_OK) {
        return status;
    }
    struct atomic_ptr *const leaf = atomic_ptr_load_acquire(top);
    struct atomic_ptr *const place = &leaf[index % SLOT_DIRECTORY_LEAF];
    if (atomic_ptr_load_acquire(place) != NULL) {
        return AKIN_OK;
    }
    void *chunk = NULL;
    status = make(owner, &chunk);
    if (status != AKIN_OK) {
        /* Somebody else's chunk may be what used the memory up: then it serves. */
        return atomic_ptr_load_acquire(place) != NULL ? AKIN_OK : status;
    }
    /* SYNC(directory.chunk): pairs with the load in directory_at; what is in it is visible. */
    if (!atomic_ptr_cas(place, NULL, chunk)) {
        give(owner, chunk);
        return AKIN_OK;
    }
    (void)atomic_u32_fetch_add_relaxed(&directory->present, 1);
    return AKIN_OK;
}

void *directory_remove(struct directory *directory, uint32_t index)
{
    struct atomic_ptr *const leaf =
        atomic_ptr_load_acquire(&directory->leaves[index / SLOT_DIRECTORY_LEAF]);
    void *const chunk =
        leaf != NULL ? atomic_ptr_load_acquire(&leaf[index % SLOT_DIRECTORY_LEAF]) : NULL;
    /* SYNC(directory.chunk): pairs with the load in directory_at: who finds none makes another, and
       knows then that this one is out of use. Cannot fail: only its remover changes it. */
    if (chunk == NULL || !atomic_ptr_cas(&leaf[index % SLOT_DIRECTORY_LEAF], chunk, NULL)) {
        return NULL;
    }
    (void)atomic_u32_fetch_sub_relaxed(&directory->present, 1);
    return chunk;
}
