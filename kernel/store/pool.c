/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pools of equal objects.
 *
 * Level: store (2).
 */
#include "store/pool.h"

#include "base/invariant.h"
#include "base/limits.h"
#include "sync/rcu.h"

/* In front of the objects of a chunk, padded to the alignment of the pool. */
struct pool_chunk {
    struct pool_chunk *next; /* as `objects` written before the chunk is published, never again */
    size_t objects;
};

static size_t chunk_header_bytes(const struct pool *pool)
{
    return size_align(sizeof(struct pool_chunk), pool->alignment);
}

size_t pool_chunk_bytes(size_t objects, size_t object_bytes, size_t alignment)
{
    return size_align(sizeof(struct pool_chunk), alignment) +
           objects * size_align(object_bytes, alignment);
}

static size_t chunk_bytes(const struct pool *pool, size_t objects)
{
    return pool_chunk_bytes(objects, pool->object_bytes, pool->alignment);
}

static struct pool_object *member_of(const struct pool *pool, void *object)
{
    return (struct pool_object *)(void *)((unsigned char *)object + pool->member_offset);
}

void pool_init(struct pool *pool, struct memory *memory, enum memory_kind kind, size_t object_bytes,
               size_t member_offset, size_t alignment)
{
    REQUIRE(member_offset + sizeof(struct pool_object) <= object_bytes);
    *pool = (struct pool){.memory = memory,
                          .kind = kind,
                          .object_bytes = size_align(object_bytes, alignment),
                          .member_offset = member_offset,
                          .alignment = alignment,
                          .chunk_objects_max = POOL_CHUNK_OBJECTS};
}

void pool_set_growth(struct pool *pool, size_t chunk_bytes_max)
{
    const size_t fitting = (chunk_bytes_max - chunk_header_bytes(pool)) / pool->object_bytes;
    pool->chunk_objects_max = fitting > POOL_CHUNK_OBJECTS ? fitting : POOL_CHUNK_OBJECTS;
}

void pool_end(struct pool *pool)
{
    /* SYNC(pool.chunk): pairs with the compare-and-swap in grow. */
    struct pool_chunk *chunk = atomic_ptr_load_acquire(&pool->chunks);
    while (chunk != NULL) {
        struct pool_chunk *const next = chunk->next;
        memory_give(pool->memory, pool->kind, chunk, chunk_bytes(pool, chunk->objects),
                    pool->alignment);
        chunk = next;
    }
    atomic_ptr_store_relaxed(&pool->chunks, NULL);
}

/* Objects of the next chunk. Two that grow at once may come to the same answer. */
static size_t next_objects(const struct pool *pool)
{
    const struct pool_chunk *const newest = atomic_ptr_load_acquire(&pool->chunks);
    const size_t doubled = newest == NULL ? POOL_CHUNK_OBJECTS : 2 * newest->objects;
    return doubled < pool->chunk_objects_max ? doubled : pool->chunk_objects_max;
}

/* Add a chunk: its first object goes to the caller, the rest to the free stack. */
static enum akin_status grow(struct pool *pool, void **object)
{
    void *memory = NULL;
    const size_t objects = next_objects(pool);
    const enum akin_status status =
        memory_take(pool->memory, pool->kind, chunk_bytes(pool, objects), pool->alignment, &memory);
    if (status != AKIN_OK) {
        return status;
    }
    struct pool_chunk *const chunk = memory;
    chunk->objects = objects;
    unsigned char *const first = (unsigned char *)memory + chunk_header_bytes(pool);
    void *head;
    do {
        head = atomic_ptr_load_acquire(&pool->chunks);
        chunk->next = head;
        /* SYNC(pool.chunk): pairs with the load in pool_end; the link becomes visible. */
    } while (!atomic_ptr_cas(&pool->chunks, head, chunk));
    for (size_t i = 1; i < objects; i++) {
        /* Never popped before, so no popper can hold it. */
        stack_push(&pool->free, &member_of(pool, first + i * pool->object_bytes)->free_link);
    }
    *object = first;
    return AKIN_OK;
}

enum akin_status pool_take(struct pool *pool, void **object)
{
    REQUIRE(rcu_is_inside());
    struct stack_link *const link = stack_pop(&pool->free);
    if (link == NULL) {
        return grow(pool, object);
    }
    struct pool_object *const member = CONTAINER_OF(link, struct pool_object, free_link);
    *object = (unsigned char *)member - pool->member_offset;
    return AKIN_OK;
}

void pool_retire(struct pool *pool, void *object)
{
    REQUIRE(rcu_is_inside());
    sched_point(SCHED_RETIRED, object);
    stack_push(&pool->grave, &member_of(pool, object)->grave_link);
    memory_retire(pool->memory, pool->object_bytes);
}

struct stack_link *pool_collect(struct pool *pool)
{
    return stack_take_all(&pool->grave);
}

uint64_t pool_recycle(struct pool *pool, struct stack_link *collected)
{
    uint64_t count = 0;
    while (collected != NULL) {
        struct stack_link *const next = stack_next(collected);
        struct pool_object *const member = CONTAINER_OF(collected, struct pool_object, grave_link);
        sched_point(SCHED_REUSED, (unsigned char *)member - pool->member_offset);
        stack_push(&pool->free, &member->free_link);
        collected = next;
        count++;
    }
    memory_reclaim(pool->memory, count * pool->object_bytes);
    return count;
}
