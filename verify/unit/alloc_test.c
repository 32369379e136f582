/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of the memory hooks, of sizes that must not overflow, and of the random generator.
 *
 * Goal   : the caller's hooks get what the interface promises; without hooks the C library serves.
 * Method : the tracking allocator judges each pair of calls; bounds are tried at both sides.
 */
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "base/rng.h"
#include "support/index_fixture.h"

static int tracker_setup(void **state)
{
    static struct tracking_allocator tracking;
    tracking_init(&tracking);
    *state = &tracking;
    return 0;
}

static int tracker_teardown(void **state)
{
    tracking_end(*state);
    return 0;
}

#define TRACKED_TEST(test) cmocka_unit_test_setup_teardown(test, tracker_setup, tracker_teardown)

static void bytes_come_rounded_up_to_their_alignment_and_go_back_the_same(void **state)
{
    struct tracking_allocator *const tracking = *state;
    const struct akin_allocator hooks = tracking_hooks(tracking);
    for (size_t alignment = 8; alignment <= 4096; alignment *= 2) {
        for (size_t bytes = 1; bytes < 3 * alignment; bytes += alignment / 4 + 1) {
            const size_t rounded = (bytes + alignment - 1) / alignment * alignment;
            unsigned char *const block = alloc_bytes(&hooks, bytes, alignment);
            assert_non_null(block);
            assert_int_equal((uintptr_t)block % alignment, 0);
            assert_int_equal(tracking_live_bytes(tracking), rounded);
            memset(block, 1, bytes);
            alloc_release(&hooks, block, bytes, alignment);
        }
    }
}

static void zeroed_memory_is_zero_to_its_last_byte(void **state)
{
    const struct akin_allocator hooks = tracking_hooks(*state);
    unsigned char *const block = alloc_zeroed(&hooks, 1001, 64);
    assert_non_null(block);
    for (size_t i = 0; i < 1024; i++) {
        assert_int_equal(block[i], 0);
    }
    alloc_release(&hooks, block, 1001, 64);
}

static void a_refusal_is_null_and_errno_is_kept(void **state)
{
    struct tracking_allocator *const tracking = *state;
    const struct akin_allocator hooks = tracking_hooks(tracking);
    errno = ERRNO_SENTINEL;
    tracking_fail(tracking, 0, 2);
    assert_null(alloc_bytes(&hooks, 100, 8));
    assert_null(alloc_zeroed(&hooks, 100, 8));
    void *const block = alloc_bytes(&hooks, 100, 8);
    assert_non_null(block);
    alloc_release(&hooks, block, 100, 8);
    alloc_release(&hooks, NULL, 100, 8);
    assert_int_equal(errno, ERRNO_SENTINEL);
    assert_int_equal(tracking_fail_stop(tracking), 2);
}

static void a_size_that_overflowed_is_refused_before_the_hook_hears_of_it(void **state)
{
    struct tracking_allocator *const tracking = *state;
    const struct akin_allocator hooks = tracking_hooks(tracking);
    assert_null(alloc_bytes(&hooks, SIZE_MAX, 64));
    assert_null(alloc_bytes(&hooks, SIZE_MAX - 62, 64));
    assert_null(alloc_bytes(&hooks, SIZE_MAX / 2, 64));
    assert_int_equal(tracking_calls(tracking), 0);
}

static void without_hooks_the_c_library_gives_memory_of_every_size(void **state)
{
    static const size_t sizes[] = {1, 100, 4096, (size_t)2 << 20, ((size_t)2 << 20) + 1};
    const struct akin_allocator none = {.allocate = NULL};
    const struct akin_allocator hooks = alloc_hooks(&none);
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        unsigned char *const block = alloc_zeroed(&hooks, sizes[i], 128);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % 128, 0);
        assert_int_equal(block[0] + block[sizes[i] - 1], 0);
        memset(block, 0xff, sizes[i]);
        alloc_release(&hooks, block, sizes[i], 128);
    }
}

static void hooks_of_the_caller_are_taken_as_they_are(void **state)
{
    const struct akin_allocator given = tracking_hooks(*state);
    const struct akin_allocator used = alloc_hooks(&given);
    assert_ptr_equal(used.context, given.context);
    assert_true(used.allocate == given.allocate && used.release == given.release);
}

static void sums_products_and_roundings_saturate(void **state)
{
    (void)state;
    assert_int_equal(size_add(2, 3), 5);
    assert_int_equal(size_add(SIZE_MAX - 1, 1), SIZE_MAX);
    assert_int_equal(size_add(SIZE_MAX, 1), SIZE_MAX);
    assert_int_equal(size_multiply(7, 6), 42);
    assert_int_equal(size_multiply(SIZE_MAX / 2, 3), SIZE_MAX);
    assert_int_equal(size_multiply(0, SIZE_MAX), 0);
    assert_int_equal(size_align(0, 64), 0);
    assert_int_equal(size_align(1, 64), 64);
    assert_int_equal(size_align(64, 64), 64);
    assert_int_equal(size_align(65, 64), 128);
    assert_int_equal(size_align(SIZE_MAX - 62, 64), SIZE_MAX);
    assert_int_equal(size_align(SIZE_MAX - 127, 64), SIZE_MAX - 127);
}

static void the_generator_repeats_from_its_state_and_gives_the_published_words(void **state)
{
    /* The first outputs of splitmix64 from the seed 1234567, as its authors publish them. */
    static const uint64_t published[] = {6457827717110365317ull, 3203168211198807973ull,
                                         9817491932198370423ull, 4593380528125082431ull,
                                         16408922859458223821ull};
    uint64_t word = 1234567;
    (void)state;
    for (size_t i = 0; i < sizeof published / sizeof published[0]; i++) {
        assert_true(rng_next(&word) == published[i]);
    }
}

static void mixing_is_one_to_one_on_keys_that_differ_in_little(void **state)
{
    uint64_t seen[4096];
    (void)state;
    /* Neighboring keys and keys that differ in one high bit land in different words and buckets. */
    for (uint64_t i = 0; i < 4096; i++) {
        seen[i] = rng_mix(i < 2048 ? i : (i - 2048) << 52);
    }
    uint64_t low_bits = 0;
    for (size_t i = 0; i < 4096; i++) {
        for (size_t k = 0; k < i; k++) {
            const bool is_zero_twice = k == 0 && i == 2048;
            assert_true(seen[i] != seen[k] || is_zero_twice);
        }
        low_bits |= 1ull << (seen[i] % 64);
    }
    assert_true(low_bits == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TRACKED_TEST(bytes_come_rounded_up_to_their_alignment_and_go_back_the_same),
        TRACKED_TEST(zeroed_memory_is_zero_to_its_last_byte),
        TRACKED_TEST(a_refusal_is_null_and_errno_is_kept),
        TRACKED_TEST(a_size_that_overflowed_is_refused_before_the_hook_hears_of_it),
        TRACKED_TEST(without_hooks_the_c_library_gives_memory_of_every_size),
        TRACKED_TEST(hooks_of_the_caller_are_taken_as_they_are),
        TRACKED_TEST(sums_products_and_roundings_saturate),
        TRACKED_TEST(the_generator_repeats_from_its_state_and_gives_the_published_words),
        TRACKED_TEST(mixing_is_one_to_one_on_keys_that_differ_in_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
