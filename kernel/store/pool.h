/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pool of equal objects that are published, retired, and reused after a grace period: commit
 * records and key records.
 *
 * Level   : store (2).
 * Promises: memory stays of one type until all objects of a chunk are free and the chunk is given
 *           back, at the latest with the pool, so a thread that dies with an object in hand leaks
 *           nothing past akin_close. Taking is lock-free.
 * Protocol: free objects are on a stack that is popped inside read sections; an object goes
 *
 *               free -> in use -> graveyard -> (grace period) -> free
 *
 *           and never takes a short cut, not even when it was never published: the pop of another
 *           thread may still hold it (sync/stack.h, ABA). The two links are apart for the same
 *           reason.
 */
#ifndef AKIN_STORE_POOL_H
#define AKIN_STORE_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "akin/status.h"
#include "base/attributes.h"
#include "store/memory.h"
#include "sync/atomic.h"
#include "sync/stack.h"

/* The part of an object that belongs to the pool; anywhere inside the object. */
struct pool_object {
    struct stack_link free_link;
    struct stack_link grave_link;
};

struct pool {
    struct memory *memory;
    enum memory_kind kind;
    size_t object_bytes;  /* with padding to `alignment` */
    size_t member_offset; /* of the struct pool_object in an object */
    size_t alignment;
    size_t chunk_objects_max;              /* chunks double in size up to so many objects */
    struct atomic_ptr chunks;              /* list of all chunks, newest first */
    struct stack_link *set_aside;          /* free objects, while chunks are given back */
    struct stack_link *marked;             /* the same, on the grave links, when marked */
    struct pool_chunk *oldest_new;         /* chunks from this one on are looked at */
    struct pool_chunk *dropped;            /* chunks out of the list, free after a grace period */
    struct stack free CACHE_PAIR_ALIGNED;  /* ready to take */
    struct stack grave CACHE_PAIR_ALIGNED; /* retired, waiting for a grace period */
};

/* Make an empty pool whose chunks have POOL_CHUNK_OBJECTS objects. Threads: SETUP. */
void pool_init(struct pool *pool, struct memory *memory, enum memory_kind kind, size_t object_bytes,
               size_t member_offset, size_t alignment);

/* Let chunks double in size up to so many bytes: for pools with an object for each entry. Threads:
   SETUP. */
void pool_set_growth(struct pool *pool, size_t chunk_bytes_max);

/* Bytes of a chunk with so many objects. PURE. */
size_t pool_chunk_bytes(size_t objects, size_t object_bytes, size_t alignment);

/* Free all chunks. Threads: SETUP, nobody holds an object. */
void pool_end(struct pool *pool);

/*
 * Take an object; its content is what the last user left.
 *
 * Status : AKIN_OK; AKIN_NO_MEMORY; AKIN_OVER_BUDGET.
 * Threads: any, inside a read section; lock-free but for the allocator.
 */
MUST_CHECK enum akin_status pool_take(struct pool *pool, void **object);

/* Retire an object, published or not. Threads: any, inside a read section; lock-free. */
void pool_retire(struct pool *pool, void *object);

/*
 * Recycle in two halves, with a grace period between them.
 *
 * pool_collect takes the graveyard; pool_recycle makes those objects free and returns how many.
 * Threads: the maintainer.
 */
struct stack_link *pool_collect(struct pool *pool);
uint64_t pool_recycle(struct pool *pool, struct stack_link *collected);

/*
 * Give chunks back of which every object is free, in three steps with a grace period between each
 * two. A thread that takes an object meanwhile may have to make a chunk.
 *
 * pool_set_aside takes the free objects, if they are more than half of all; pool_drop_chunks takes
 * chunks out of use of which all objects were set aside, and makes the others free again;
 * pool_give_chunks gives the memory back and returns how many objects had place in it.
 * Threads: the maintainer, pool_set_aside inside a read section. Cost: linear in all objects.
 */
void pool_set_aside(struct pool *pool);
void pool_drop_chunks(struct pool *pool);
uint64_t pool_give_chunks(struct pool *pool);

#endif
