/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of the atomic operations and of the coarse clock: their values on one thread.
 *
 * Goal   : each wrapper does what its name says. What orders mean between threads is for other
 *          tests.
 * Method : every function once, with values that a wrong width or a wrong direction would spoil.
 */
#include <stdint.h>

#include "support/index_fixture.h"
#include "sync/atomic.h"
#include "sync/clock.h"

static void words_of_32_bits_load_store_exchange_and_count(void **state)
{
    struct atomic_u32 word = {0};
    (void)state;
    atomic_u32_store_relaxed(&word, 0xfffffffe);
    assert_int_equal(atomic_u32_load_relaxed(&word), 0xfffffffe);
    atomic_u32_store_release(&word, 5);
    assert_int_equal(atomic_u32_load_acquire(&word), 5);
    assert_false(atomic_u32_cas(&word, 6, 7));
    assert_int_equal(atomic_u32_load_relaxed(&word), 5);
    assert_true(atomic_u32_cas(&word, 5, 7));
    assert_int_equal(atomic_u32_fetch_add_relaxed(&word, 3), 7);
    assert_int_equal(atomic_u32_fetch_add_acq_rel(&word, 10), 10);
    assert_int_equal(atomic_u32_fetch_sub_relaxed(&word, 1), 20);
    assert_int_equal(atomic_u32_fetch_sub_acq_rel(&word, 20), 19);
    assert_int_equal(atomic_u32_load_relaxed(&word), UINT32_MAX);
}

static void words_of_64_bits_load_store_exchange_and_count(void **state)
{
    const uint64_t large = 0x123456789abcdef0ull;
    struct atomic_u64 word = {0};
    (void)state;
    atomic_u64_store_relaxed(&word, large);
    assert_true(atomic_u64_load_relaxed(&word) == large);
    atomic_u64_store_release(&word, large + 1);
    assert_true(atomic_u64_load_acquire(&word) == large + 1);
    assert_false(atomic_u64_cas(&word, (uint32_t)(large + 1), 7));
    assert_true(atomic_u64_cas(&word, large + 1, large));
    assert_true(atomic_u64_fetch_add_relaxed(&word, 1ull << 40) == large);
    assert_true(atomic_u64_fetch_add_acq_rel(&word, 1) == large + (1ull << 40));
    assert_true(atomic_u64_fetch_sub_relaxed(&word, 1) == large + (1ull << 40) + 1);
    assert_true(atomic_u64_fetch_sub_acq_rel(&word, large + (1ull << 40) + 1) ==
                large + (1ull << 40));
    assert_true(atomic_u64_load_relaxed(&word) == UINT64_MAX);
}

static void pointers_load_store_and_exchange(void **state)
{
    int there[2] = {0};
    struct atomic_ptr pointer = {NULL};
    (void)state;
    assert_null(atomic_ptr_load_relaxed(&pointer));
    atomic_ptr_store_relaxed(&pointer, &there[0]);
    assert_ptr_equal(atomic_ptr_load_acquire(&pointer), &there[0]);
    atomic_ptr_store_release(&pointer, &there[1]);
    assert_ptr_equal(atomic_ptr_load_relaxed(&pointer), &there[1]);
    assert_false(atomic_ptr_cas(&pointer, &there[0], NULL));
    assert_ptr_equal(atomic_ptr_load_acquire(&pointer), &there[1]);
    assert_true(atomic_ptr_cas(&pointer, &there[1], NULL));
    assert_null(atomic_ptr_load_acquire(&pointer));
}

static void the_clock_never_stands_at_zero_nor_goes_back(void **state)
{
    uint64_t before = clock_coarse_ns();
    (void)state;
    assert_true(before > 0);
    for (int i = 0; i < 1000; i++) {
        const uint64_t now = clock_coarse_ns();
        assert_true(now >= before);
        before = now;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_of_32_bits_load_store_exchange_and_count),
        cmocka_unit_test(words_of_64_bits_load_store_exchange_and_count),
        cmocka_unit_test(pointers_load_store_and_exchange),
        cmocka_unit_test(the_clock_never_stands_at_zero_nor_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
