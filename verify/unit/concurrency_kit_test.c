/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of what is built on Concurrency Kit: ring, stack, bitmap, back-off.
 *
 * Goal   : the wrappers keep what they are given, in the order that they promise.
 * Method : one thread; sizes small enough to see the bounds.
 */
#include <string.h>

#include "support/index_fixture.h"
#include "sync/backoff.h"
#include "sync/bitmap.h"
#include "sync/rcu.h"
#include "sync/ring.h"
#include "sync/stack.h"

static void a_ring_gives_numbers_back_in_their_order_and_one_cell_stays_unused(void **state)
{
    struct ck_ring_buffer cells[8];
    struct ring ring;
    uint32_t number = 99;
    (void)state;
    ring_init(&ring, cells, 8);
    assert_false(ring_take(&ring, &number));
    assert_int_equal(number, 99);
    /* Thrice round, so that the end of the cells is passed. */
    for (uint32_t turn = 0; turn < 3; turn++) {
        for (uint32_t i = 0; i < 7; i++) {
            assert_true(ring_append(&ring, turn * 10 + i));
            assert_int_equal(ring_count(&ring), i + 1);
        }
        assert_false(ring_append(&ring, 1000));
        for (uint32_t i = 0; i < 7; i++) {
            assert_true(ring_take(&ring, &number));
            assert_int_equal(number, turn * 10 + i);
        }
        assert_int_equal(ring_count(&ring), 0);
    }
}

static void a_ring_carries_every_number_zero_too(void **state)
{
    static const uint32_t numbers[] = {0, 1, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};
    struct ck_ring_buffer cells[8];
    struct ring ring;
    (void)state;
    ring_init(&ring, cells, 8);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        uint32_t number = 17;
        assert_true(ring_append(&ring, numbers[i]));
        assert_true(ring_take(&ring, &number));
        assert_int_equal(number, numbers[i]);
    }
}

struct card {
    int value;
    struct stack_link link;
};

static int value_of(struct stack_link *link)
{
    return CONTAINER_OF(link, struct card, link)->value;
}

static void a_stack_gives_back_the_newest_first(void **state)
{
    struct card cards[3] = {{.value = 10}, {.value = 11}, {.value = 12}};
    struct stack stack;
    (void)state;
    memset(&stack, 0, sizeof stack);
    rcu_enter();
    assert_null(stack_pop(&stack));
    for (int i = 0; i < 3; i++) {
        stack_push(&stack, &cards[i].link);
    }
    assert_int_equal(value_of(stack_pop(&stack)), 12);
    stack_push(&stack, &cards[2].link);
    for (int i = 2; i >= 0; i--) {
        assert_int_equal(value_of(stack_pop(&stack)), 10 + i);
    }
    assert_null(stack_pop(&stack));
    rcu_leave();
}

static void a_stack_is_taken_whole_and_is_empty_then(void **state)
{
    struct card cards[3] = {{.value = 10}, {.value = 11}, {.value = 12}};
    struct stack stack;
    (void)state;
    memset(&stack, 0, sizeof stack);
    assert_null(stack_take_all(&stack));
    for (int i = 0; i < 3; i++) {
        stack_push(&stack, &cards[i].link);
    }
    struct stack_link *link = stack_take_all(&stack);
    assert_null(stack_take_all(&stack));
    for (int i = 2; i >= 0; i--) {
        assert_non_null(link);
        assert_int_equal(value_of(link), 10 + i);
        link = stack_next(link);
    }
    assert_null(link);
}

/* Assert that exactly the bits of `expected` are set, walked in ascending order. */
static void assert_bits(const struct ck_bitmap *bitmap, const uint32_t *expected, size_t count)
{
    struct bitmap_cursor cursor = bitmap_walk(bitmap);
    uint32_t bit = UINT32_MAX;
    for (size_t i = 0; i < count; i++) {
        assert_true(bitmap_next(bitmap, &cursor, &bit));
        assert_int_equal(bit, expected[i]);
    }
    assert_false(bitmap_next(bitmap, &cursor, &bit));
}

static void a_bitmap_of_any_size_walks_its_bits_in_ascending_order(void **state)
{
    static const uint32_t sizes[] = {16, 64, 65, 100, 16384};
    uint64_t memory[300];
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const uint32_t last = sizes[i] - 1;
        const uint32_t expected[] = {0, 7, last};
        assert_true(bitmap_bytes(sizes[i]) <= sizeof memory);
        memset(memory, 0xff, sizeof memory);
        struct ck_bitmap *const bitmap = bitmap_init(memory, sizes[i]);
        assert_bits(bitmap, NULL, 0);
        bitmap_set(bitmap, last);
        bitmap_set(bitmap, 0);
        bitmap_set(bitmap, 7);
        bitmap_set(bitmap, 7);
        assert_bits(bitmap, expected, 3);
        bitmap_clear(bitmap, 7);
        bitmap_clear(bitmap, 8);
        assert_bits(bitmap, (const uint32_t[]){0, last}, 2);
        /* Nothing behind what was asked for. */
        assert_true(memory[sizeof memory / sizeof memory[0] - 1] == UINT64_MAX);
    }
}

static void a_pause_stays_bounded_however_often_it_doubles(void **state)
{
    struct backoff backoff = backoff_start();
    const ck_backoff_t first = backoff.spins;
    (void)state;
    backoff_pause(&backoff);
    assert_true(backoff.spins > first);
    for (int i = 0; i < 100; i++) {
        backoff_pause(&backoff);
        assert_true(backoff.spins <= CK_BACKOFF_CEILING + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ring_gives_numbers_back_in_their_order_and_one_cell_stays_unused),
        cmocka_unit_test(a_ring_carries_every_number_zero_too),
        cmocka_unit_test(a_stack_gives_back_the_newest_first),
        cmocka_unit_test(a_stack_is_taken_whole_and_is_empty_then),
        cmocka_unit_test(a_bitmap_of_any_size_walks_its_bits_in_ascending_order),
        cmocka_unit_test(a_pause_stays_bounded_however_often_it_doubles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
