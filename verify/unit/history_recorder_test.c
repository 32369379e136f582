/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recorder: what was called is in the history, in an order that threads could know.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "harness/history_recorder.h"
#include "harness/sizes.h"

static const enum history_clock clocks[] = {HISTORY_CLOCK_COUNTER, HISTORY_CLOCK_MONOTONIC};

static void calls_are_kept_with_their_answers(void **state)
{
    (void)state;
    for (size_t c = 0; c < 2; c++) {
        struct history history;
        const struct history_result results[2] = {{5, 12}, {6, 13}};
        struct history_recorder *const recorder = history_recorder_make(2, 3, 2, clocks[c]);
        struct history_lane *const lane = history_recorder_lane(recorder, 1);
        history_invoke(lane, HISTORY_INSERT, 5, 12);
        history_return(lane);
        history_answer(lane, HISTORY_EXISTS, 99);
        history_invoke(lane, HISTORY_GET, 5, 0);
        history_return(lane);
        history_answer(lane, HISTORY_OK, 12);
        history_invoke(lane, HISTORY_SEARCH, HISTORY_QUERY_ABOVE, 3);
        history_return(lane);
        history_answer(lane, HISTORY_OK, 99);
        history_found(lane, results, 2);
        history_invoke(lane, HISTORY_CLEAR, 0, 0);
        history_collect(recorder, &history);
        history_recorder_end(recorder);
        size_t bad = 0;
        assert_null(history_fault(history.ops, history.count, NULL, 0, &bad));
        assert_int_equal(history.count, 4);
        assert_int_equal(history.ops[0].invoked, 0);
        assert_int_equal(history.ops[0].thread, 1);
        assert_int_equal(history.ops[0].key, 5);
        assert_int_equal(history.ops[0].value, 12);
        assert_int_equal(history.ops[0].answer, HISTORY_EXISTS);
        assert_int_equal(history.ops[1].value, 12);
        assert_int_equal(history.ops[2].value, 3);
        assert_int_equal(history.ops[2].result_count, 2);
        assert_int_equal(history.ops[2].results[1].key, 6);
        assert_int_equal(history.ops[2].results[1].value, 13);
        assert_true(history_is_pending(&history.ops[3]));
        for (size_t i = 1; i < 4; i++) {
            assert_true(history.ops[i - 1].returned <= history.ops[i].invoked);
        }
        history_end(&history);
    }
}

static void a_log_goes_on_beyond_the_room_that_was_asked_for(void **state)
{
    (void)state;
    const struct history_result results[3] = {{1, 1}, {2, 2}, {3, 3}};
    const size_t calls = 3 * HISTORY_CHUNK_OPS + 5;
    struct history history;
    struct history_recorder *const recorder = history_recorder_make(1, 1, 1, HISTORY_CLOCK_COUNTER);
    struct history_lane *const lane = history_recorder_lane(recorder, 0);
    for (size_t i = 0; i < calls; i++) {
        history_invoke(lane, HISTORY_SEARCH, 0, i);
        history_return(lane);
        history_answer(lane, HISTORY_OK, 0);
        history_found(lane, results, (uint32_t)(i % 4));
    }
    history_collect(recorder, &history);
    history_recorder_end(recorder);
    assert_int_equal(history.count, calls);
    for (size_t i = 0; i < calls; i++) {
        assert_int_equal(history.ops[i].value, i);
        assert_int_equal(history.ops[i].result_count, i % 4);
        for (size_t r = 0; r < i % 4; r++) {
            assert_int_equal(history.ops[i].results[r].key, r + 1);
        }
    }
    history_end(&history);
}

/* Two threads that hand each other the turn. */
struct turns {
    struct history_recorder *recorder;
    _Atomic uint32_t turn;
};

enum { TURNS = 2000 };

static void take_turns(struct turns *turns, uint32_t thread)
{
    struct history_lane *const lane = history_recorder_lane(turns->recorder, thread);
    for (uint32_t turn = thread; turn < TURNS; turn += 2) {
        while (atomic_load_explicit(&turns->turn, memory_order_acquire) != turn) {
            (void)sched_yield();
        }
        history_invoke(lane, HISTORY_COUNT, 0, 0);
        history_return(lane);
        history_answer(lane, HISTORY_OK, turn);
        atomic_store_explicit(&turns->turn, turn + 1, memory_order_release);
    }
}

static void *take_odd_turns(void *argument)
{
    take_turns(argument, 1);
    return NULL;
}

static void a_call_that_another_thread_knew_to_be_over_lies_before(void **state)
{
    (void)state;
    for (size_t c = 0; c < 2; c++) {
        struct turns turns = {.recorder = history_recorder_make(2, TURNS, 0, clocks[c])};
        struct history history;
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, take_odd_turns, &turns), 0);
        take_turns(&turns, 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        history_collect(turns.recorder, &history);
        history_recorder_end(turns.recorder);
        const struct history_op *by_turn[TURNS] = {NULL};
        for (size_t i = 0; i < history.count; i++) {
            by_turn[history.ops[i].value] = &history.ops[i];
        }
        for (size_t turn = 1; turn < TURNS; turn++) {
            const uint64_t before = by_turn[turn - 1]->returned;
            const uint64_t after = by_turn[turn]->invoked;
            /* The clock has steps, the counter has none: with it nothing is equal. */
            assert_true(clocks[c] == HISTORY_CLOCK_COUNTER ? before < after : before <= after + 1);
        }
        history_end(&history);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_kept_with_their_answers),
        cmocka_unit_test(a_log_goes_on_beyond_the_room_that_was_asked_for),
        cmocka_unit_test(a_call_that_another_thread_knew_to_be_over_lies_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
