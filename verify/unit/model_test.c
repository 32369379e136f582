/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The models of liburcu and Concurrency Kit do what the real ones do.
 *
 * Goal  : what the schedule explorer puts below the kernel answers as the libraries answer.
 * Method: this file is built twice, with the libraries and with the models (model_small_test), and
 *         holds both against the same oracles. One thread: what calls do, not how they interleave.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "store/key_map.h"
#include "sync/bitmap.h"
#include "sync/rcu.h"
#include "sync/ring.h"
#include "sync/stack.h"

enum { KEYS = 16, NODES = 8, BITS = 70, STEPS = 20000 };

static uint64_t random_state = 20261126;

static uint32_t below(uint32_t bound)
{
    return (uint32_t)(rng_next(&random_state) % bound);
}

static void the_table_keeps_one_record_a_key(void **state)
{
    static struct key_record records[KEYS][2];
    struct key_record *there[KEYS] = {NULL};
    struct akin_allocator none = {0};
    const struct akin_allocator hooks = alloc_hooks(&none);
    struct memory memory;
    struct key_map map;
    (void)state;
    memory_init(&memory, &hooks, 0, UINT64_MAX);
    assert_int_equal(key_map_init(&map, &memory, KEYS), AKIN_OK);
    for (int step = 0; step < STEPS; step++) {
        const uint32_t key = below(KEYS);
        struct key_record *const mine = &records[key][below(2)];
        rcu_enter();
        assert_ptr_equal(key_map_lookup(&map, key), there[key]);
        if (there[key] == NULL) {
            mine->key = key;
            assert_ptr_equal(key_map_add(&map, mine), mine);
            there[key] = mine;
        } else if (mine != there[key]) {
            mine->key = key;
            assert_ptr_equal(key_map_add(&map, mine), there[key]);
        } else {
            assert_true(key_map_remove(&map, mine));
            assert_false(key_map_remove(&map, mine));
            there[key] = NULL;
        }
        rcu_leave();
        rcu_wait();
    }
    key_map_end(&map);
}

static void the_stack_is_last_in_first_out(void **state)
{
    static struct stack_link nodes[NODES];
    struct stack stack = {0};
    int order[NODES];
    (void)state;
    for (int round = 0; round < 100; round++) {
        const int count = (int)below(NODES) + 1;
        for (int i = 0; i < count; i++) {
            order[i] = i;
            stack_push(&stack, &nodes[i]);
        }
        const int popped = (int)below((uint32_t)count + 1);
        rcu_enter();
        for (int i = 0; i < popped; i++) {
            assert_ptr_equal(stack_pop(&stack), &nodes[order[count - 1 - i]]);
        }
        rcu_leave();
        struct stack_link *rest = stack_take_all(&stack);
        for (int i = count - popped - 1; i >= 0; i--) {
            assert_ptr_equal(rest, &nodes[order[i]]);
            rest = stack_next(rest);
        }
        assert_null(rest);
        assert_null(stack_pop(&stack));
    }
}

static void the_ring_is_first_in_first_out_and_has_one_cell_less(void **state)
{
    struct ck_ring_buffer cells[NODES];
    struct ring ring;
    uint32_t number = 0;
    uint32_t appended = 0;
    uint32_t taken = 0;
    (void)state;
    ring_init(&ring, cells, NODES);
    for (int step = 0; step < STEPS; step++) {
        assert_int_equal(ring_count(&ring), appended - taken);
        if (below(2) == 0) {
            assert_int_equal(ring_append(&ring, appended), appended - taken < NODES - 1);
            appended += appended - taken < NODES - 1 ? 1 : 0;
        } else {
            assert_int_equal(ring_take(&ring, &number), appended != taken);
            if (appended != taken) {
                assert_int_equal(number, taken++);
            }
        }
    }
}

static void the_bitmap_walks_what_is_set_in_ascending_order(void **state)
{
    bool set[BITS] = {false};
    (void)state;
    void *const room = calloc(1, bitmap_bytes(BITS) + 64);
    assert_non_null(room);
    struct ck_bitmap *const bitmap = bitmap_init(room, BITS);
    for (int step = 0; step < 500; step++) {
        const uint32_t changed = below(BITS);
        set[changed] = below(2) == 0;
        if (set[changed]) {
            bitmap_set(bitmap, changed);
        } else {
            bitmap_clear(bitmap, changed);
        }
        struct bitmap_cursor cursor = bitmap_walk(bitmap);
        uint32_t bit = 0;
        for (uint32_t i = 0; i < BITS; i++) {
            if (set[i]) {
                assert_true(bitmap_next(bitmap, &cursor, &bit));
                assert_int_equal(bit, i);
            }
        }
        assert_false(bitmap_next(bitmap, &cursor, &bit));
    }
    free(room);
}

static void sections_nest(void **state)
{
    (void)state;
    assert_false(rcu_is_inside());
    rcu_enter();
    rcu_enter();
    rcu_leave();
    assert_true(rcu_is_inside());
    rcu_leave();
    assert_false(rcu_is_inside());
    rcu_wait();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_keeps_one_record_a_key),
        cmocka_unit_test(the_stack_is_last_in_first_out),
        cmocka_unit_test(the_ring_is_first_in_first_out_and_has_one_cell_less),
        cmocka_unit_test(the_bitmap_walks_what_is_set_in_ascending_order),
        cmocka_unit_test(sections_nest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
