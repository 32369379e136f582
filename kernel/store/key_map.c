/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key map over cds_lfht.
 *
 * Level: store (2).
 */
#include "store/key_map.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <urcu/urcu-bp.h>
#include <urcu/rculfhash.h>

#include "base/invariant.h"
#include "base/limits.h"
#include "base/rng.h"
#include "sync/rcu.h"
#include "sync/sched_point.h"

_Static_assert(sizeof(struct cds_lfht_node) == sizeof((struct key_record *)0)->map_node,
               "the node fits its place");
_Static_assert(_Alignof(struct cds_lfht_node) <= _Alignof(struct key_record), "and its alignment");
_Static_assert(sizeof(struct cds_lfht_node) == KEY_BUCKET_BYTES, "a bucket is a node");

#if AKIN_TSAN
/* The table links and finds nodes inside an uninstrumented library: tell the pair. */
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#define TELL_ADD(node)   __tsan_release(node)
#define TELL_FOUND(node) __tsan_acquire(node)
#else
#define TELL_ADD(node)   ((void)(node))
#define TELL_FOUND(node) ((void)(node))
#endif

static struct cds_lfht_node *node_of(struct key_record *record)
{
    return (struct cds_lfht_node *)(void *)record->map_node;
}

static struct key_record *record_of(struct cds_lfht_node *node)
{
    TELL_FOUND(node);
    return CONTAINER_OF(node, struct key_record, map_node);
}

static unsigned long hash_of(uint64_t key)
{
    return (unsigned long)rng_mix(key);
}

static int match(struct cds_lfht_node *node, const void *key)
{
    return record_of(node)->key == *(const uint64_t *)key;
}

uint64_t key_map_buckets_for(uint64_t keys)
{
    uint64_t buckets = KEY_BUCKETS_MIN;
    while (buckets < keys && buckets < KEY_BUCKETS_MAX) {
        buckets *= 2;
    }
    return buckets;
}

uint64_t key_map_table_bytes(uint64_t buckets)
{
    return buckets * KEY_BUCKET_BYTES;
}

enum akin_status key_map_init(struct key_map *map, struct memory *memory, uint64_t capacity)
{
    const uint64_t buckets = key_map_buckets_for(capacity);
    *map = (struct key_map){.memory = memory, .buckets_min = buckets};
    const enum akin_status status = memory_charge(memory, MEMORY_MAP, key_map_table_bytes(buckets));
    if (status != AKIN_OK) {
        return status;
    }
    const int saved_errno = errno;
    map->table = cds_lfht_new_flavor(buckets, KEY_BUCKETS_MIN, 0, 0, &urcu_bp_flavor, NULL);
    errno = saved_errno;
    if (map->table == NULL) {
        memory_uncharge(memory, MEMORY_MAP, key_map_table_bytes(buckets));
        return AKIN_NO_MEMORY;
    }
    atomic_u64_store_relaxed(&map->buckets, buckets);
    return AKIN_OK;
}

void key_map_end(struct key_map *map)
{
    struct cds_lfht_iter iterator;
    struct cds_lfht_node *node;
    if (map->table == NULL) {
        return;
    }
    const int saved_errno = errno;
    rcu_enter();
    cds_lfht_for_each(map->table, &iterator, node)
    {
        (void)cds_lfht_del(map->table, node);
    }
    rcu_leave();
    const int left = cds_lfht_destroy(map->table, NULL);
    ENSURE(left == 0);
    (void)left;
    errno = saved_errno;
    memory_uncharge(map->memory, MEMORY_MAP,
                    key_map_table_bytes(atomic_u64_load_relaxed(&map->buckets)));
    map->table = NULL;
}

struct key_record *key_map_lookup(const struct key_map *map, uint64_t key)
{
    struct cds_lfht_iter iterator;
    REQUIRE(rcu_is_inside());
    sched_point(SCHED_LOOKUP, map);
    /* SYNC(key_map.add): pairs with key_map_add; the record's key is visible. */
    cds_lfht_lookup(map->table, hash_of(key), match, &key, &iterator);
    struct cds_lfht_node *const node = cds_lfht_iter_get_node(&iterator);
    return node != NULL ? record_of(node) : NULL;
}

struct key_record *key_map_add(struct key_map *map, struct key_record *record)
{
    struct cds_lfht_node *const node = node_of(record);
    REQUIRE(rcu_is_inside());
    cds_lfht_node_init(node);
    TELL_ADD(node);
    /* Counted before it can be removed, so that the number never falls below zero. */
    (void)atomic_u64_fetch_add_relaxed(&map->records, 1);
    sched_point(SCHED_LIBRARY, map);
    /* SYNC(key_map.add): pairs with key_map_lookup. */
    struct cds_lfht_node *const there =
        cds_lfht_add_unique(map->table, hash_of(record->key), match, &record->key, node);
    if (there != node) {
        (void)atomic_u64_fetch_sub_relaxed(&map->records, 1);
    }
    return record_of(there);
}

bool key_map_remove(struct key_map *map, struct key_record *record)
{
    REQUIRE(rcu_is_inside());
    sched_point(SCHED_LIBRARY, map);
    if (cds_lfht_del(map->table, node_of(record)) != 0) {
        return false;
    }
    (void)atomic_u64_fetch_sub_relaxed(&map->records, 1);
    return true;
}

bool key_map_wants_growth(const struct key_map *map)
{
    const uint64_t buckets = atomic_u64_load_relaxed(&map->buckets);
    const uint64_t records = atomic_u64_load_relaxed(&map->records);
    const uint64_t refused = atomic_u64_load_relaxed(&map->refused);
    return buckets < KEY_BUCKETS_MAX && records > 2 * buckets && records >= refused + refused / 8;
}

static void resize(struct key_map *map, uint64_t buckets)
{
    const int saved_errno = errno;
    sigset_t all;
    sigset_t previous;
    (void)sigfillset(&all);
    /* Threads that the library starts inherit the mask: none of them may take a signal of the
       program. */
    (void)pthread_sigmask(SIG_SETMASK, &all, &previous);
    sched_point(SCHED_LIBRARY, map);
    cds_lfht_resize(map->table, buckets);
    (void)pthread_sigmask(SIG_SETMASK, &previous, NULL);
    errno = saved_errno;
    atomic_u64_store_relaxed(&map->buckets, buckets);
}

enum akin_status key_map_grow(struct key_map *map)
{
    REQUIRE(!rcu_is_inside());
    const uint64_t old_buckets = atomic_u64_load_relaxed(&map->buckets);
    const uint64_t records = atomic_u64_load_relaxed(&map->records);
    const uint64_t buckets = key_map_buckets_for(records);
    if (buckets <= old_buckets) {
        return AKIN_OK;
    }
    const uint64_t added = key_map_table_bytes(buckets) - key_map_table_bytes(old_buckets);
    const enum akin_status status = memory_charge(map->memory, MEMORY_MAP, added);
    if (status != AKIN_OK) {
        atomic_u64_store_relaxed(&map->refused, records);
        return status; /* the table goes on working, with longer buckets */
    }
    resize(map, buckets);
    return AKIN_OK;
}

void key_map_shrink(struct key_map *map)
{
    REQUIRE(!rcu_is_inside());
    const uint64_t old_buckets = atomic_u64_load_relaxed(&map->buckets);
    const uint64_t records = atomic_u64_load_relaxed(&map->records);
    const uint64_t fitting = key_map_buckets_for(records);
    const uint64_t buckets = fitting > map->buckets_min ? fitting : map->buckets_min;
    if (buckets > old_buckets / KEY_SHRINK_DIVISOR) {
        return;
    }
    resize(map, buckets);
    memory_uncharge(map->memory, MEMORY_MAP,
                    key_map_table_bytes(old_buckets) - key_map_table_bytes(buckets));
}

void key_map_visit(const struct key_map *map,
                   bool (*visit)(void *context, struct key_record *record), void *context)
{
    struct cds_lfht_iter iterator;
    struct cds_lfht_node *node;
    REQUIRE(rcu_is_inside());
    cds_lfht_for_each(map->table, &iterator, node)
    {
        if (!visit(context, record_of(node))) {
            return;
        }
    }
}
