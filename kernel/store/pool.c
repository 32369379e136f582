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
    struct pool_chunk *next; /* written before the chunk is published, then by the maintainer */
    size_t objects;          /* written before the chunk is published, never again */
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

static struct pool_chunk *chunks_of(const struct pool *pool)
{
    /* SYNC(pool.chunk): pairs with the compare-and-swaps in grow and unlist. */
    return atomic_ptr_load_acquire(&pool->chunks);
}

static void give_chunk(struct pool *pool, struct pool_chunk *chunk)
{
    memory_give(pool->memory, pool->kind, chunk, chunk_bytes(pool, chunk->objects),
                pool->alignment);
}

void pool_end(struct pool *pool)
{
    struct pool_chunk *chunk = chunks_of(pool);
    while (chunk != NULL) {
        struct pool_chunk *const next = chunk->next;
        give_chunk(pool, chunk);
        chunk = next;
    }
    atomic_ptr_store_relaxed(&pool->chunks, NULL);
    (void)pool_give_chunks(pool);
}

/* Objects of the next chunk. Two that grow at once may come to the same answer. */
static size_t next_objects(const struct pool *pool)
{
    const struct pool_chunk *const newest = chunks_of(pool);
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
        /* SYNC(pool.chunk): pairs with chunks_of; the link becomes visible. */
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

/* The object number `index` of a chunk. */
static struct pool_object *object_of(const struct pool *pool, struct pool_chunk *chunk,
                                     size_t index)
{
    unsigned char *const first = (unsigned char *)chunk + chunk_header_bytes(pool);
    return member_of(pool, first + index * pool->object_bytes);
}

/* Whether more than half of the objects are free. Who pops meanwhile leaves the links as they are:
   they are written again only after a grace period. */
static bool is_mostly_free(const struct pool *pool)
{
    size_t objects = 0;
    size_t free_objects = 0;
    for (const struct pool_chunk *chunk = chunks_of(pool); chunk != NULL; chunk = chunk->next) {
        objects += chunk->objects;
    }
    struct stack_link *link = stack_first(&pool->free);
    for (; link != NULL && free_objects <= objects / 2; link = stack_next(link)) {
        free_objects++;
    }
    return free_objects > objects / 2;
}

void pool_set_aside(struct pool *pool)
{
    REQUIRE(rcu_is_inside());
    /* What a maintainer set aside that died since is still there. */
    if (pool->set_aside == NULL && pool->marked == NULL && is_mostly_free(pool)) {
        pool->oldest_new = chunks_of(pool);
        pool->set_aside = stack_take_all(&pool->free);
    }
}

/* Mark what was set aside: its free link leads to itself, as no other's ever does; the list goes on
   over the grave links. */
static void mark_objects(struct pool *pool)
{
    struct stack_link *link = pool->set_aside;
    pool->set_aside = NULL;
    while (link != NULL) {
        struct stack_link *const next = stack_next(link);
        struct pool_object *const object = CONTAINER_OF(link, struct pool_object, free_link);
        stack_set_next(&object->free_link, &object->free_link);
        stack_set_next(&object->grave_link, pool->marked);
        pool->marked = &object->grave_link;
        link = next;
    }
}

/* Whether all objects of a chunk are marked; then they are marked as dropped: no link at all. */
static bool drop_marks(const struct pool *pool, struct pool_chunk *chunk)
{
    for (size_t i = 0; i < chunk->objects; i++) {
        struct stack_link *const link = &object_of(pool, chunk, i)->free_link;
        if (stack_next(link) != link) {
            return false;
        }
    }
    for (size_t i = 0; i < chunk->objects; i++) {
        stack_set_next(&object_of(pool, chunk, i)->free_link, NULL);
    }
    return true;
}

/* Take a chunk out of the list. Only the maintainer removes, so only the head can move under it. */
static void unlist(struct pool *pool, struct pool_chunk *chunk)
{
    /* SYNC(pool.chunk): pairs with chunks_of. */
    if (atomic_ptr_cas(&pool->chunks, chunk, chunk->next)) {
        return;
    }
    struct pool_chunk *before = chunks_of(pool);
    while (before->next != chunk) {
        before = before->next;
    }
    before->next = chunk->next;
}

/* The marked objects whose chunks stay are free again. */
static void free_again(struct pool *pool)
{
    while (pool->marked != NULL) {
        struct pool_object *const object =
            CONTAINER_OF(pool->marked, struct pool_object, grave_link);
        pool->marked = stack_next(&object->grave_link);
        if (stack_next(&object->free_link) == &object->free_link) {
            stack_push(&pool->free, &object->free_link);
        }
    }
}

void pool_drop_chunks(struct pool *pool)
{
    /* What a maintainer had marked that died since is free again, no more: it may have been
       anywhere. */
    struct pool_chunk *chunk = pool->marked == NULL ? pool->oldest_new : NULL;
    mark_objects(pool);
    while (chunk != NULL) {
        struct pool_chunk *const next = chunk->next;
        if (drop_marks(pool, chunk)) {
            unlist(pool, chunk);
            sched_point(SCHED_RETIRED, chunk);
            chunk->next = pool->dropped;
            pool->dropped = chunk;
        }
        chunk = next;
    }
    pool->oldest_new = NULL;
    free_again(pool);
}

uint64_t pool_give_chunks(struct pool *pool)
{
    uint64_t objects = 0;
    while (pool->dropped != NULL) {
        struct pool_chunk *const chunk = pool->dropped;
        sched_point(SCHED_REUSED, chunk);
        pool->dropped = chunk->next;
        objects += chunk->objects;
        give_chunk(pool, chunk);
    }
    return objects;
}
