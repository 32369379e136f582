/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of what a walk writes to.
 *
 * Goal   : a slot is new once in a walk, and new again in the next, however many were met; meeting
 *          many at once is the same as one after the other; a walk whose thread died leaves
 *          nothing.
 * Method : random slots against a plain array of marks, in walks of all lengths.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "search/trail.h"
#include "support/vectors.h"

enum { SLOTS = 5000, WALKS = 200 };

static struct memory memory;
static struct trail trail;

static int set_up(void **state)
{
    const struct akin_allocator none = {0};
    const struct akin_allocator hooks = alloc_hooks(&none);
    (void)state;
    memory_init(&memory, &hooks, 0, UINT64_MAX);
    memset(&trail, 0, sizeof trail);
    assert_int_equal(trail_reserve(&trail, &memory, SLOTS, 10, 32), AKIN_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    trail_end(&trail, &memory);
    assert_int_equal(atomic_u64_load_relaxed(&memory.total), 0);
    return 0;
}

/* Walks that meet few slots and walks that meet nearly all: both ways of forgetting. */
static void a_slot_is_new_once_in_each_walk(void **state)
{
    static unsigned char marks[SLOTS];
    uint64_t random = test_seed();
    (void)state;
    for (int walk = 0; walk < WALKS; walk++) {
        const uint64_t meetings = random_below(&random, walk % 2 == 0 ? 50 : 3 * SLOTS);
        memset(marks, 0, sizeof marks);
        trail_begin(&trail);
        for (uint64_t i = 0; i < meetings; i++) {
            const uint32_t slot = (uint32_t)random_below(&random, SLOTS);
            assert_int_equal(trail_meet(&trail, slot), marks[slot] == 0);
            marks[slot] = 1;
        }
        trail_finish(&trail);
    }
}

static void meeting_many_is_meeting_one_after_the_other(void **state)
{
    static unsigned char marks[SLOTS];
    uint64_t random = test_seed();
    (void)state;
    for (int walk = 0; walk < WALKS; walk++) {
        const uint32_t limit = (uint32_t)random_below(&random, SLOTS) + 1;
        memset(marks, 0, sizeof marks);
        trail_begin(&trail);
        for (uint64_t block = random_below(&random, 200); block > 0; block--) {
            uint32_t ids[40];
            uint32_t fresh[40];
            uint32_t expected = 0;
            const uint32_t count = (uint32_t)random_below(&random, 41);
            for (uint32_t i = 0; i < count; i++) {
                ids[i] = (uint32_t)random_below(&random, SLOTS) | (i % 3 == 0 ? 0x80000000u : 0);
            }
            const uint32_t found = trail_meet_all(&trail, ids, count, 0x7fffffffu, limit, fresh);
            for (uint32_t i = 0; i < count; i++) {
                const uint32_t slot = ids[i] & 0x7fffffffu;
                if (slot < limit && marks[slot] == 0) {
                    assert_true(expected < found);
                    assert_int_equal(fresh[expected], slot);
                    expected++;
                    marks[slot] = 1;
                }
            }
            assert_int_equal(found, expected);
        }
        trail_finish(&trail);
    }
}

static void a_walk_that_never_ended_leaves_nothing(void **state)
{
    (void)state;
    trail_begin(&trail);
    assert_true(trail_meet(&trail, 17));
    trail_begin(&trail); /* its thread died; the next walk begins */
    assert_true(trail_meet(&trail, 17));
    assert_false(trail_meet(&trail, 17));
    trail_finish(&trail);
}

static void it_grows_and_stays_empty(void **state)
{
    (void)state;
    assert_int_equal(trail_reserve(&trail, &memory, 40 * SLOTS, 100, 64), AKIN_OK);
    assert_true(trail.met_slots >= 40 * SLOTS && trail.entry_capacity >= 100);
    trail_begin(&trail);
    for (uint32_t slot = 0; slot < 40 * SLOTS; slot += 97) {
        assert_true(trail_meet(&trail, slot));
    }
    trail_finish(&trail);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_slot_is_new_once_in_each_walk, set_up, tear_down),
        cmocka_unit_test_setup_teardown(meeting_many_is_meeting_one_after_the_other, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_walk_that_never_ended_leaves_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_grows_and_stays_empty, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
