/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of the key map.
 *
 * Goal   : one record a key, exactly one remover, growth when it pays and the budget allows it.
 * Method : a map of its own; records are the test's, so nothing is freed under it. One thread.
 */
#include <stdlib.h>

#include "base/limits.h"
#include "store/key_map.h"
#include "support/store_fixture.h"
#include "sync/rcu.h"

struct map_world {
    struct tracking_allocator tracking;
    struct memory memory;
    struct key_map map;
    struct key_record *records;
    size_t used;
};

#define RECORDS 9000u

static struct map_world world;

static int map_setup(void **state)
{
    tracking_init(&world.tracking);
    world.memory = account_of(&world.tracking, 0);
    world.records = calloc(RECORDS, sizeof *world.records);
    world.used = 0;
    assert_non_null(world.records);
    assert_status(AKIN_OK, key_map_init(&world.map, &world.memory, 0));
    *state = &world;
    return 0;
}

static int map_teardown(void **state)
{
    (void)state;
    key_map_end(&world.map);
    free(world.records);
    assert_int_equal(atomic_u64_load_relaxed(&world.memory.total), 0);
    tracking_end(&world.tracking);
    return 0;
}

#define MAP_TEST(test) cmocka_unit_test_setup_teardown(test, map_setup, map_teardown)

/* Add a fresh record under a key; the one that is in the map then. */
static struct key_record *add_record(uint64_t key, struct key_record *fresh)
{
    fresh->key = key;
    rcu_enter();
    struct key_record *const there = key_map_add(&world.map, fresh);
    rcu_leave();
    return there;
}

/* Add a fresh record under a key that has none. */
static struct key_record *add(uint64_t key)
{
    struct key_record *const fresh = &world.records[world.used++];
    assert_ptr_equal(add_record(key, fresh), fresh);
    return fresh;
}

static struct key_record *lookup(uint64_t key)
{
    rcu_enter();
    struct key_record *const record = key_map_lookup(&world.map, key);
    rcu_leave();
    return record;
}

static bool remove_record(struct key_record *record)
{
    rcu_enter();
    const bool removed = key_map_remove(&world.map, record);
    rcu_leave();
    return removed;
}

static void a_key_is_found_after_it_was_added_and_not_before(void **state)
{
    static const uint64_t keys[] = {0, 1, 2, UINT64_MAX, UINT64_MAX - 1, 1ull << 63, 1ull << 32};
    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        assert_null(lookup(keys[i]));
        const struct key_record *const record = add(keys[i]);
        assert_ptr_equal(lookup(keys[i]), record);
    }
    assert_int_equal(atomic_u64_load_relaxed(&world.map.records), 7);
}

static void the_second_to_add_a_key_gets_the_record_of_the_first(void **state)
{
    struct key_record *const first = add(5);
    struct key_record *const second = &world.records[world.used++];
    (void)state;
    assert_ptr_equal(add_record(5, second), first);
    assert_ptr_equal(lookup(5), first);
    assert_int_equal(atomic_u64_load_relaxed(&world.map.records), 1);
}

static void of_several_removers_one_succeeds(void **state)
{
    struct key_record *const first = add(5);
    (void)state;
    assert_true(remove_record(first));
    assert_false(remove_record(first));
    assert_null(lookup(5));
    const struct key_record *const second = add(5);
    assert_false(remove_record(first));
    assert_ptr_equal(lookup(5), second);
    assert_int_equal(atomic_u64_load_relaxed(&world.map.records), 1);
}

struct visit {
    uint64_t sum;
    uint64_t count;
    uint64_t count_max;
};

static bool visit_record(void *context, struct key_record *record)
{
    struct visit *const visit = context;
    visit->sum += record->key;
    visit->count++;
    return visit->count < visit->count_max;
}

static void every_record_is_visited_once_until_the_visitor_has_enough(void **state)
{
    struct visit all = {.count_max = UINT64_MAX};
    struct visit some = {.count_max = 10};
    (void)state;
    for (uint64_t key = 1; key <= 100; key++) {
        (void)add(key);
    }
    rcu_enter();
    key_map_visit(&world.map, visit_record, &all);
    key_map_visit(&world.map, visit_record, &some);
    rcu_leave();
    assert_int_equal(all.count, 100);
    assert_int_equal(all.sum, 100 * 101 / 2);
    assert_int_equal(some.count, 10);
}

static void the_table_grows_when_keys_are_more_than_twice_its_buckets(void **state)
{
    (void)state;
    assert_int_equal(atomic_u64_load_relaxed(&world.map.buckets), KEY_BUCKETS_MIN);
    for (uint64_t key = 0; key < 2 * KEY_BUCKETS_MIN; key++) {
        (void)add(key);
    }
    assert_false(key_map_wants_growth(&world.map));
    assert_status(AKIN_OK, key_map_grow(&world.map)); /* to what its keys need, if it is asked */
    assert_int_equal(atomic_u64_load_relaxed(&world.map.buckets), 2 * KEY_BUCKETS_MIN);
    for (uint64_t key = 2 * KEY_BUCKETS_MIN; key <= 4 * KEY_BUCKETS_MIN; key++) {
        (void)add(key);
    }
    assert_true(key_map_wants_growth(&world.map));
    assert_status(AKIN_OK, key_map_grow(&world.map));
    assert_false(key_map_wants_growth(&world.map));
    assert_int_equal(atomic_u64_load_relaxed(&world.map.buckets), 8 * KEY_BUCKETS_MIN);
    assert_int_equal(atomic_u64_load_relaxed(&world.memory.kinds[MEMORY_MAP]),
                     key_map_table_bytes(8 * KEY_BUCKETS_MIN));
    for (uint64_t key = 0; key <= 4 * KEY_BUCKETS_MIN; key++) {
        assert_non_null(lookup(key));
    }
    assert_status(AKIN_OK, key_map_grow(&world.map));
    assert_int_equal(atomic_u64_load_relaxed(&world.map.buckets), 8 * KEY_BUCKETS_MIN);
}

static void growth_that_the_budget_refuses_leaves_the_map_working(void **state)
{
    (void)state;
    world.memory.budget_bytes = key_map_table_bytes(4 * KEY_BUCKETS_MIN) - 1;
    for (uint64_t key = 0; key <= 2 * KEY_BUCKETS_MIN; key++) {
        (void)add(key);
    }
    assert_status(AKIN_OVER_BUDGET, key_map_grow(&world.map));
    assert_false(key_map_wants_growth(&world.map)); /* not before there is a reason to ask again */
    assert_int_equal(atomic_u64_load_relaxed(&world.memory.total),
                     key_map_table_bytes(KEY_BUCKETS_MIN));
    for (uint64_t key = 0; key <= 2 * KEY_BUCKETS_MIN; key++) {
        assert_non_null(lookup(key));
    }
    for (uint64_t key = 2 * KEY_BUCKETS_MIN + 1; key < 2 * KEY_BUCKETS_MIN * 9 / 8; key++) {
        (void)add(key);
        assert_false(key_map_wants_growth(&world.map));
    }
    (void)add(UINT64_MAX);
    (void)add(UINT64_MAX - 1);
    assert_true(key_map_wants_growth(&world.map)); /* an eighth more */
    world.memory.budget_bytes++;
    assert_status(AKIN_OK, key_map_grow(&world.map));
    assert_int_equal(atomic_u64_load_relaxed(&world.memory.total),
                     key_map_table_bytes(4 * KEY_BUCKETS_MIN));
}

static void the_first_table_suits_the_capacity_and_is_held_against_the_budget(void **state)
{
    struct key_map map;
    (void)state;
    assert_int_equal(key_map_buckets_for(0), KEY_BUCKETS_MIN);
    assert_int_equal(key_map_buckets_for(KEY_BUCKETS_MIN), KEY_BUCKETS_MIN);
    assert_int_equal(key_map_buckets_for(KEY_BUCKETS_MIN + 1), 2 * KEY_BUCKETS_MIN);
    assert_int_equal(key_map_buckets_for(100000), 131072);
    assert_int_equal(key_map_buckets_for(UINT64_MAX), KEY_BUCKETS_MAX);
    assert_int_equal(key_map_table_bytes(1024), 16384);
    struct memory memory = account_of(&world.tracking, key_map_table_bytes(4096) - 1);
    assert_status(AKIN_OVER_BUDGET, key_map_init(&map, &memory, 4000));
    assert_int_equal(atomic_u64_load_relaxed(&memory.total), 0);
    key_map_end(&map); /* of nothing: nothing to do */
    assert_status(AKIN_OK, key_map_init(&map, &memory, 2000));
    assert_int_equal(atomic_u64_load_relaxed(&memory.total), key_map_table_bytes(2048));
    key_map_end(&map);
    assert_int_equal(atomic_u64_load_relaxed(&memory.total), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MAP_TEST(a_key_is_found_after_it_was_added_and_not_before),
        MAP_TEST(the_second_to_add_a_key_gets_the_record_of_the_first),
        MAP_TEST(of_several_removers_one_succeeds),
        MAP_TEST(every_record_is_visited_once_until_the_visitor_has_enough),
        MAP_TEST(the_table_grows_when_keys_are_more_than_twice_its_buckets),
        MAP_TEST(growth_that_the_budget_refuses_leaves_the_map_working),
        MAP_TEST(the_first_table_suits_the_capacity_and_is_held_against_the_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
