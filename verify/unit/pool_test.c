/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of pools of equal objects.
 *
 * Goal   : an object comes from one chunk of many, comes back only after it was recycled, and is
 *          given back to the hooks with the pool, or before when its whole chunk is free.
 * Method : a pool of its own over the tracking allocator; one thread.
 */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "store/pool.h"
#include "support/store_fixture.h"
#include "sync/rcu.h"

struct thing {
    uint64_t number;
    struct pool_object pooled;
    unsigned char rest[37];
};

struct pool_world {
    struct tracking_allocator tracking;
    struct memory memory;
    struct pool pool;
};

static struct pool_world world;

static int pool_setup(void **state)
{
    tracking_init(&world.tracking);
    world.memory = account_of(&world.tracking, 0);
    pool_init(&world.pool, &world.memory, MEMORY_COMMITS, sizeof(struct thing),
              offsetof(struct thing, pooled), 128);
    *state = &world;
    return 0;
}

static int pool_teardown(void **state)
{
    (void)state;
    pool_end(&world.pool);
    assert_int_equal(atomic_u64_load_relaxed(&world.memory.total), 0);
    tracking_end(&world.tracking);
    return 0;
}

#define POOL_TEST(test) cmocka_unit_test_setup_teardown(test, pool_setup, pool_teardown)

static struct thing *take_thing(void)
{
    void *object = NULL;
    rcu_enter();
    assert_status(AKIN_OK, pool_take(&world.pool, &object));
    rcu_leave();
    assert_non_null(object);
    return object;
}

static void retire_thing(struct thing *thing)
{
    rcu_enter();
    pool_retire(&world.pool, thing);
    rcu_leave();
}

static uint64_t retired_bytes(void)
{
    return atomic_u64_load_relaxed(&world.memory.retired);
}

static int compare_addresses(const void *left, const void *right)
{
    const uintptr_t a = (uintptr_t) * (struct thing *const *)left;
    const uintptr_t b = (uintptr_t) * (struct thing *const *)right;
    return a < b ? -1 : a > b;
}

static void one_chunk_serves_many_objects_that_do_not_overlap(void **state)
{
    struct thing *things[POOL_CHUNK_OBJECTS + 1];
    (void)state;
    assert_int_equal(tracking_calls(&world.tracking), 0);
    for (uint64_t i = 0; i < POOL_CHUNK_OBJECTS; i++) {
        things[i] = take_thing();
        things[i]->number = i;
        memset(things[i]->rest, (int)(i & 0xff), sizeof things[i]->rest);
    }
    assert_int_equal(tracking_calls(&world.tracking), 1);
    things[POOL_CHUNK_OBJECTS] = take_thing();
    assert_int_equal(tracking_calls(&world.tracking), 2);
    for (uint64_t i = 0; i < POOL_CHUNK_OBJECTS; i++) {
        assert_int_equal(things[i]->number, i);
        assert_int_equal((uintptr_t)things[i] % 128, 0);
    }
    qsort(things, POOL_CHUNK_OBJECTS + 1, sizeof things[0], compare_addresses);
    for (uint64_t i = 0; i < POOL_CHUNK_OBJECTS; i++) {
        assert_true(things[i] + 1 <= things[i + 1]);
    }
}

static void a_retired_object_does_not_come_back_before_it_was_recycled(void **state)
{
    struct thing *const first = take_thing();
    (void)state;
    retire_thing(first);
    assert_int_equal(retired_bytes(), world.pool.object_bytes);
    for (uint32_t i = 0; i < POOL_CHUNK_OBJECTS + 5; i++) {
        assert_ptr_not_equal(take_thing(), first);
    }
    struct stack_link *const collected = pool_collect(&world.pool);
    assert_null(pool_collect(&world.pool));
    assert_int_equal(retired_bytes(), world.pool.object_bytes);
    rcu_wait();
    assert_int_equal(pool_recycle(&world.pool, collected), 1);
    assert_int_equal(retired_bytes(), 0);
    /* Free objects are a stack: it is the next. */
    assert_ptr_equal(take_thing(), first);
}

static void the_graveyard_is_recycled_whole(void **state)
{
    struct thing *things[10];
    (void)state;
    for (int i = 0; i < 10; i++) {
        things[i] = take_thing();
    }
    for (int i = 0; i < 10; i++) {
        retire_thing(things[i]);
    }
    assert_int_equal(retired_bytes(), 10 * world.pool.object_bytes);
    struct stack_link *const collected = pool_collect(&world.pool);
    rcu_wait();
    assert_int_equal(pool_recycle(&world.pool, collected), 10);
    assert_int_equal(pool_recycle(&world.pool, NULL), 0);
    assert_int_equal(retired_bytes(), 0);
    const uint64_t calls = tracking_calls(&world.tracking);
    for (int i = 0; i < 10; i++) {
        const struct thing *const again = take_thing();
        bool was_ours = false;
        for (int k = 0; k < 10; k++) {
            was_ours = was_ours || again == things[k];
        }
        assert_true(was_ours);
    }
    assert_int_equal(tracking_calls(&world.tracking), calls);
}

static void a_fresh_object_is_zeroed_and_a_recycled_one_is_as_it_was_left(void **state)
{
    struct thing *const thing = take_thing();
    (void)state;
    assert_int_equal(thing->number, 0);
    thing->number = 4711;
    retire_thing(thing);
    rcu_wait();
    (void)pool_recycle(&world.pool, pool_collect(&world.pool));
    assert_ptr_equal(take_thing(), thing);
    assert_int_equal(thing->number, 4711);
}

static void without_memory_a_take_fails_and_later_works(void **state)
{
    void *object = NULL;
    (void)state;
    tracking_fail(&world.tracking, 0, 1);
    rcu_enter();
    assert_status(AKIN_NO_MEMORY, pool_take(&world.pool, &object));
    assert_null(object);
    assert_status(AKIN_OK, pool_take(&world.pool, &object));
    rcu_leave();
    assert_int_equal(tracking_fail_stop(&world.tracking), 1);
    assert_int_equal(atomic_u64_load_relaxed(&world.memory.total),
                     tracking_live_bytes(&world.tracking));
}

static void a_budget_refuses_the_chunk_and_serves_what_is_there(void **state)
{
    void *object = NULL;
    (void)state;
    rcu_enter();
    assert_status(AKIN_OK, pool_take(&world.pool, &object));
    world.memory.budget_bytes = atomic_u64_load_relaxed(&world.memory.total);
    for (uint32_t i = 1; i < POOL_CHUNK_OBJECTS; i++) {
        assert_status(AKIN_OK, pool_take(&world.pool, &object));
    }
    assert_status(AKIN_OVER_BUDGET, pool_take(&world.pool, &object));
    rcu_leave();
}

/* One pass of giving back; how many objects had place in what was given back. */
static uint64_t give_back(void)
{
    rcu_enter();
    pool_set_aside(&world.pool);
    rcu_leave();
    rcu_wait();
    pool_drop_chunks(&world.pool);
    rcu_wait();
    return pool_give_chunks(&world.pool);
}

static void recycle_all(void)
{
    struct stack_link *const collected = pool_collect(&world.pool);
    rcu_wait();
    (void)pool_recycle(&world.pool, collected);
}

/* Take things, numbered, and recycle those that `stays` does not name. */
static void take_and_leave(struct thing **things, uint32_t count, bool (*stays)(uint32_t i))
{
    for (uint32_t i = 0; i < count; i++) {
        things[i] = take_thing();
        things[i]->number = i;
        memset(things[i]->rest, (int)(i & 0xff), sizeof things[i]->rest);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!stays(i)) {
            retire_thing(things[i]);
        }
    }
    recycle_all();
}

static bool none_stays(uint32_t i)
{
    (void)i;
    return false;
}

static bool one_in_the_second_chunk_stays(uint32_t i)
{
    return i == POOL_CHUNK_OBJECTS + 17;
}

static bool every_other_stays(uint32_t i)
{
    return i % 2 == 0;
}

static void chunks_of_which_all_is_free_are_given_back(void **state)
{
    struct thing *things[4 * POOL_CHUNK_OBJECTS];
    (void)state;
    take_and_leave(things, 4 * POOL_CHUNK_OBJECTS, none_stays);
    assert_int_equal(give_back(), 4 * POOL_CHUNK_OBJECTS);
    assert_int_equal(atomic_u64_load_relaxed(&world.memory.total), 0);
    assert_int_equal(tracking_live_bytes(&world.tracking), 0);
    assert_int_equal(give_back(), 0);
    struct thing *const thing = take_thing();
    assert_int_equal(thing->number, 0);
    assert_int_equal(tracking_calls(&world.tracking), 5);
}

static void a_chunk_with_one_object_in_use_stays_and_the_others_of_it_can_be_taken(void **state)
{
    struct thing *things[4 * POOL_CHUNK_OBJECTS];
    (void)state;
    take_and_leave(things, 4 * POOL_CHUNK_OBJECTS, one_in_the_second_chunk_stays);
    assert_int_equal(give_back(), 3 * POOL_CHUNK_OBJECTS);
    const struct thing *const held = things[POOL_CHUNK_OBJECTS + 17];
    assert_int_equal(held->number, POOL_CHUNK_OBJECTS + 17);
    for (size_t i = 0; i < sizeof held->rest; i++) {
        assert_int_equal(held->rest[i], (POOL_CHUNK_OBJECTS + 17) & 0xff);
    }
    const uint64_t calls = tracking_calls(&world.tracking);
    struct thing *again[POOL_CHUNK_OBJECTS];
    for (uint32_t i = 0; i < POOL_CHUNK_OBJECTS - 1; i++) {
        again[i] = take_thing();
        assert_ptr_not_equal(again[i], held);
    }
    assert_int_equal(tracking_calls(&world.tracking), calls);
    again[POOL_CHUNK_OBJECTS - 1] = take_thing();
    assert_int_equal(tracking_calls(&world.tracking), calls + 1);
    qsort(again, POOL_CHUNK_OBJECTS, sizeof again[0], compare_addresses);
    for (uint32_t i = 1; i < POOL_CHUNK_OBJECTS; i++) {
        assert_true(again[i - 1] + 1 <= again[i]);
    }
}

static void a_pool_that_is_half_in_use_is_left_alone(void **state)
{
    struct thing *things[4 * POOL_CHUNK_OBJECTS];
    (void)state;
    take_and_leave(things, 4 * POOL_CHUNK_OBJECTS, every_other_stays);
    rcu_enter();
    pool_set_aside(&world.pool);
    rcu_leave();
    assert_null(world.pool.set_aside);
    assert_int_equal(give_back(), 0);
    const uint64_t calls = tracking_calls(&world.tracking);
    for (uint32_t i = 0; i < 2 * POOL_CHUNK_OBJECTS; i++) {
        (void)take_thing();
    }
    assert_int_equal(tracking_calls(&world.tracking), calls);
}

static void what_is_taken_and_made_between_the_steps_is_left_alone(void **state)
{
    struct thing *things[3 * POOL_CHUNK_OBJECTS];
    (void)state;
    take_and_leave(things, 3 * POOL_CHUNK_OBJECTS, none_stays);
    rcu_enter();
    pool_set_aside(&world.pool);
    rcu_leave();
    /* Nothing is free now: this makes a chunk, and its other objects are free. */
    struct thing *const first = take_thing();
    struct thing *const second = take_thing();
    first->number = 1;
    rcu_wait();
    pool_drop_chunks(&world.pool);
    struct thing *const third = take_thing();
    third->number = 3;
    rcu_wait();
    assert_int_equal(pool_give_chunks(&world.pool), 3 * POOL_CHUNK_OBJECTS);
    assert_int_equal(first->number, 1);
    assert_int_equal(third->number, 3);
    retire_thing(first);
    retire_thing(second);
    retire_thing(third);
    recycle_all();
    assert_int_equal(give_back(), POOL_CHUNK_OBJECTS);
    assert_int_equal(atomic_u64_load_relaxed(&world.memory.total), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(one_chunk_serves_many_objects_that_do_not_overlap),
        POOL_TEST(a_retired_object_does_not_come_back_before_it_was_recycled),
        POOL_TEST(the_graveyard_is_recycled_whole),
        POOL_TEST(a_fresh_object_is_zeroed_and_a_recycled_one_is_as_it_was_left),
        POOL_TEST(without_memory_a_take_fails_and_later_works),
        POOL_TEST(a_budget_refuses_the_chunk_and_serves_what_is_there),
        POOL_TEST(chunks_of_which_all_is_free_are_given_back),
        POOL_TEST(a_chunk_with_one_object_in_use_stays_and_the_others_of_it_can_be_taken),
        POOL_TEST(a_pool_that_is_half_in_use_is_left_alone),
        POOL_TEST(what_is_taken_and_made_between_the_steps_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
