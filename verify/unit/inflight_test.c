/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of the ring of inserts in flight, by one thread; akin-schedule has those by more.
 *
 * Goal   : a look gives what was appended from a number on and is still there, no more and no less;
 *          how many were overwritten can be told; numbers may run over 32 bits; an append that was
 *          left half done is finished by the next one.
 * Method : random appends and looks against a plain array of all appends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "graph/inflight.h"
#include "support/vectors.h"

enum { APPENDS = 1000 };

static struct inflight ring;
static uint32_t appended[APPENDS];

/* A ring whose next number is `first`, as if so many had been appended and were long over. */
static void begin_at(uint64_t first)
{
    inflight_init(&ring);
    atomic_u64_store_relaxed(&ring.position, first);
    for (uint64_t number = first - GRAPH_RING_CELLS; number < first; number++) {
        atomic_u64_store_relaxed(&ring.cells[number % GRAPH_RING_CELLS],
                                 (number & 0xffffffffu) << 32 | 0xffffffffu);
    }
}

static bool is_in(const struct inflight_view *view, uint32_t slot)
{
    for (uint32_t i = 0; i < view->count; i++) {
        if (view->slots[i] == slot) {
            return true;
        }
    }
    return false;
}

/* Of `count` appends since `first`, a look from `from` on shows those that must be there. */
static void expect_view(uint64_t first, uint32_t count, uint64_t from)
{
    struct inflight_view view;
    uint32_t wanted = 0;
    inflight_look(&ring, from, &view);
    assert_int_equal(view.position, first + count);
    assert_int_equal(view.end, view.position);
    for (uint32_t i = 0; i < count; i++) {
        const bool is_there = i + GRAPH_RING_CELLS >= count && first + i >= from;
        wanted += is_there ? 1 : 0;
        assert_int_equal(is_in(&view, appended[i]), is_there);
    }
    assert_int_equal(view.count, wanted);
}

static void append_and_look(uint64_t first)
{
    uint64_t random = test_seed();
    begin_at(first);
    expect_view(first, 0, first - GRAPH_RING_CELLS);
    for (uint32_t count = 0; count < APPENDS; count++) {
        appended[count] = count * 7 + (uint32_t)random_below(&random, 7); /* all different */
        inflight_append(&ring, appended[count]);
        inflight_meet(&ring);
        expect_view(first, count + 1, first + random_below(&random, count + 2));
        expect_view(first, count + 1, first - GRAPH_RING_CELLS);
    }
}

static void a_look_shows_what_was_appended_since(void **state)
{
    (void)state;
    append_and_look(GRAPH_RING_CELLS);
}

static void numbers_may_run_over_32_bits(void **state)
{
    (void)state;
    append_and_look((1ull << 32) - APPENDS / 2);
    append_and_look((7ull << 32) - GRAPH_RING_CELLS / 2);
}

static void a_meeting_changes_nothing(void **state)
{
    struct inflight before;
    (void)state;
    begin_at(GRAPH_RING_CELLS);
    inflight_append(&ring, 5);
    memcpy(&before, &ring, sizeof ring);
    inflight_meet(&ring);
    assert_memory_equal(&before, &ring, sizeof ring);
}

/* Somebody wrote a cell and stopped before the position moved on. */
static void a_half_done_append_is_finished_by_the_next(void **state)
{
    const uint64_t first = 3 * GRAPH_RING_CELLS + 5;
    (void)state;
    begin_at(first);
    atomic_u64_store_relaxed(&ring.cells[first % GRAPH_RING_CELLS], first << 32 | 41);
    /* As if it had come while the ring was copied: what it overwrote was missed. */
    struct inflight_view view;
    inflight_look(&ring, first - GRAPH_RING_CELLS, &view);
    assert_int_equal(view.position, first);
    assert_int_equal(view.end, first + 1);
    inflight_append(&ring, 42);
    appended[0] = 41;
    appended[1] = 42;
    expect_view(first, 2, first);
    expect_view(first, 2, first + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_look_shows_what_was_appended_since),
        cmocka_unit_test(numbers_may_run_over_32_bits),
        cmocka_unit_test(a_meeting_changes_nothing),
        cmocka_unit_test(a_half_done_append_is_finished_by_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
