/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of readers: marks, pins, and what maintenance can tell from them.
 *
 * Goal   : a pin holds the frontier and is seen; marks say who is inside, and since when.
 * Method : cells on the stack of the test, listed in the store of the fixture.
 */
#include <string.h>

#include "support/store_fixture.h"
#include "sync/clock.h"
#include "sync/rcu.h"

static void without_cells_nothing_is_held_and_nobody_is_inside(void **state)
{
    struct readers *const readers = &((struct store_fixture *)*state)->store->readers;
    assert_true(readers_oldest_pin(readers) == PIN_FREE);
    assert_int_equal(readers_describe(readers).active, 0);
    assert_int_equal(readers_describe(readers).oldest_ns, 0);
}

static void a_section_is_entered_and_left_with_its_mark(void **state)
{
    struct readers *const readers = &((struct store_fixture *)*state)->store->readers;
    struct reader reader = {.next = NULL};
    reader_add(readers, &reader);
    assert_int_equal(readers_describe(readers).active, 0);
    reader_enter(&reader);
    assert_true(rcu_is_inside());
    assert_int_equal(readers_describe(readers).active, 1);
    assert_true(readers_describe(readers).oldest_ns >= 1);
    reader_leave(&reader);
    assert_false(rcu_is_inside());
    assert_int_equal(readers_describe(readers).active, 0);
}

static void without_a_cell_a_section_is_entered_unmarked(void **state)
{
    struct readers *const readers = &((struct store_fixture *)*state)->store->readers;
    reader_enter(NULL);
    assert_true(rcu_is_inside());
    assert_int_equal(readers_describe(readers).active, 0);
    reader_leave(NULL);
    assert_false(rcu_is_inside());
}

static void the_oldest_section_is_reported(void **state)
{
    struct readers *const readers = &((struct store_fixture *)*state)->store->readers;
    struct reader cells[3];
    memset(cells, 0, sizeof cells);
    for (int i = 0; i < 3; i++) {
        reader_add(readers, &cells[i]);
        reader_enter(&cells[i]);
    }
    atomic_u64_store_relaxed(&cells[1].since_ns, clock_coarse_ns() - 5000000000ull);
    const struct readers_report report = readers_describe(readers);
    assert_int_equal(report.active, 3);
    assert_true(report.oldest_ns >= 5000000000ull);
    for (int i = 2; i >= 0; i--) {
        reader_leave(&cells[i]);
    }
}

static void a_pause_leaves_and_enters_again(void **state)
{
    struct readers *const readers = &((struct store_fixture *)*state)->store->readers;
    struct reader reader = {.next = NULL};
    reader_add(readers, &reader);
    reader_enter(&reader);
    const uint64_t sequence = atomic_u64_load_relaxed(&reader.sequence);
    atomic_u64_store_relaxed(&reader.since_ns, 1);
    reader_pause(&reader);
    assert_true(rcu_is_inside());
    assert_int_equal(atomic_u64_load_relaxed(&reader.sequence), sequence + 2);
    assert_true(atomic_u64_load_relaxed(&reader.since_ns) > 1);
    assert_int_equal(readers_describe(readers).active, 1);
    reader_leave(&reader);
}

static void a_cell_whose_user_died_is_as_new_after_a_reset(void **state)
{
    struct store_fixture *const fixture = *state;
    struct readers *const readers = &fixture->store->readers;
    struct reader reader = {.next = NULL};
    reader_add(readers, &reader);
    reader_enter(&reader);
    (void)reader_pin(fixture->store, &reader);
    rcu_leave(); /* liburcu ends the section of a dead thread; nobody ends the mark */
    assert_int_equal(readers_describe(readers).active, 1);
    assert_true(readers_oldest_pin(readers) != PIN_FREE);
    reader_reset(&reader);
    assert_int_equal(readers_describe(readers).active, 0);
    assert_true(readers_oldest_pin(readers) == PIN_FREE);
    reader_reset(&reader); /* outside a section: nothing to do */
    assert_int_equal(readers_describe(readers).active, 0);
    reader_enter(&reader);
    assert_int_equal(readers_describe(readers).active, 1);
    reader_leave(&reader);
}

static void a_pin_holds_the_frontier_until_it_is_taken_off(void **state)
{
    struct store_fixture *const fixture = *state;
    struct readers *const readers = &fixture->store->readers;
    struct reader older = {.next = NULL};
    struct reader newer = {.next = NULL};
    reader_add(readers, &older);
    reader_add(readers, &newer);
    assert_true(readers_oldest_pin(readers) == PIN_FREE);
    rcu_enter();
    const uint64_t first = reader_pin(fixture->store, &older);
    rcu_leave();
    assert_int_equal(first, store_frontier(fixture));
    assert_int_equal(readers_oldest_pin(readers), first);
    assert_status(AKIN_OK, store_write(fixture, 1, 1, 0, WANT_ABSENT));
    rcu_enter();
    const uint64_t second = reader_pin(fixture->store, &newer);
    rcu_leave();
    assert_int_equal(second, first + 1);
    assert_int_equal(readers_oldest_pin(readers), first);
    reader_unpin(&older);
    assert_int_equal(readers_oldest_pin(readers), second);
    reader_unpin(&newer);
    assert_true(readers_oldest_pin(readers) == PIN_FREE);
}

static void a_pin_that_does_not_know_its_stamp_yet_holds_everything(void **state)
{
    struct readers *const readers = &((struct store_fixture *)*state)->store->readers;
    struct reader reader = {.next = NULL};
    reader_add(readers, &reader);
    atomic_u64_store_release(&reader.pin, PIN_ALL);
    assert_int_equal(readers_oldest_pin(readers), 0);
    reader_unpin(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(without_cells_nothing_is_held_and_nobody_is_inside),
        STORE_TEST(a_section_is_entered_and_left_with_its_mark),
        STORE_TEST(without_a_cell_a_section_is_entered_unmarked),
        STORE_TEST(the_oldest_section_is_reported),
        STORE_TEST(a_pause_leaves_and_enters_again),
        STORE_TEST(a_cell_whose_user_died_is_as_new_after_a_reset),
        STORE_TEST(a_pin_holds_the_frontier_until_it_is_taken_off),
        STORE_TEST(a_pin_that_does_not_know_its_stamp_yet_holds_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
