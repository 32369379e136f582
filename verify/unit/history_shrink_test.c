/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history_shrink: wrong histories become short, and correct ones never become wrong.
 *
 * Method: a fault is put into a long simulated history, and a handful of calls that show it must be
 *         left. For the rule: true histories are shrunk under a predicate that says yes and no at
 *         random, so that every step is taken somewhere; what comes out has to be linearizable.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "harness/history_keys.h"
#include "harness/history_mix.h"
#include "harness/history_shrink.h"
#include "harness/linearize.h"
#include "support/history_oracle.h"
#include "support/history_sim.h"
#include "support/vectors.h"

enum { LONG = 100000, HANDFUL = 6, COUNTS_SEEN = 40 };

static enum linearize_verdict judge(const struct history *history)
{
    const struct linearize_initial initial = {history->initial, history->initial_count};
    return linearize_whole(history->ops, history->count, &initial, NULL);
}

static void simulate_long(struct history *history, uint32_t crash_one_of)
{
    const struct history_sim sim = {.random = test_seed(),
                                    .threads = 8,
                                    .keys = 256,
                                    .ops = LONG,
                                    .initial = 100,
                                    .crash_one_of = crash_one_of,
                                    .fail_one_of = 200,
                                    .search_k_max = 10,
                                    .weights = {30, 20, 20, 30, 40, 10, 5, 0, 1}};
    history_simulate(&sim, history);
    assert_int_equal(history->count, LONG);
}

static void expect_handful(struct history *history, history_fails_fn fails, size_t most)
{
    struct history shrunk;
    struct history_shrink_report report;
    assert_true(history_shrink(history, fails, NULL, &shrunk, &report));
    printf("%zu calls became %zu in %zu tries\n", report.before, report.after, report.tries);
    history_show(&shrunk);
    assert_int_equal(report.after, shrunk.count);
    assert_true(shrunk.count <= most);
    assert_true(fails(NULL, &shrunk));
    assert_int_equal(judge(&shrunk), LINEARIZE_NO);
    history_end(history);
    *history = shrunk;
}

static void a_stale_read_in_a_long_history_becomes_a_handful_of_calls(void **state)
{
    (void)state;
    struct history history;
    simulate_long(&history, 200000);
    const size_t get = history_seed_stale_read(&history);
    const uint64_t value = history.ops[get].value;
    expect_handful(&history, history_fails_by_key, HANDFUL);
    /* The read, and the write that it went back to. */
    bool has_read = false;
    bool has_write = false;
    for (size_t i = 0; i < history.count; i++) {
        const struct history_op *const op = &history.ops[i];
        has_read = has_read || (op->kind == HISTORY_GET && op->value == value);
        has_write = has_write || (history_is_write(op) && op->value == value);
    }
    for (size_t i = 0; i < history.initial_count; i++) {
        has_write = has_write || history.initial[i].value == value;
    }
    assert_true(has_read && has_write);
    history_end(&history);
}

static void a_second_insert_in_a_long_history_becomes_a_handful_of_calls(void **state)
{
    (void)state;
    struct history history;
    simulate_long(&history, 200000);
    bool is_wrong = false;
    for (size_t i = LONG / 2; !is_wrong; i++) {
        struct history_op *const op = &history.ops[i];
        if (op->kind == HISTORY_INSERT && op->answer == HISTORY_EXISTS && !history_is_pending(op)) {
            op->answer = HISTORY_OK;
            is_wrong = history_fails_by_key(NULL, &history);
            /* Another order may explain it. */
            op->answer = is_wrong ? HISTORY_OK : HISTORY_EXISTS;
        }
    }
    expect_handful(&history, history_fails_by_key, HANDFUL);
    history_end(&history);
}

/* Calls that may change something and are under way during another. */
static size_t writes_beside(const struct history *history, const struct history_op *op)
{
    size_t writes = 0;
    for (size_t i = 0; i < history->count; i++) {
        const struct history_op *const other = &history->ops[i];
        writes += history_has_effect(other) && other->invoked < history_stop(op) &&
                          op->invoked < history_stop(other)
                      ? 1
                      : 0;
    }
    return writes;
}

/* The count with the fewest writes beside it, from the middle on. Whether it saw those is not
   known, so they may not be taken from it: all of them stay in the shrunk history. */
static size_t quietest_count(const struct history *history)
{
    size_t quietest = history->count;
    size_t fewest = SIZE_MAX;
    size_t seen = 0;
    for (size_t i = LONG / 2; i < history->count && seen < COUNTS_SEEN; i++) {
        const struct history_op *const op = &history->ops[i];
        if (op->kind != HISTORY_COUNT || history_is_pending(op) || op->answer != HISTORY_OK) {
            continue;
        }
        const size_t writes = writes_beside(history, op);
        quietest = writes < fewest ? i : quietest;
        fewest = writes < fewest ? writes : fewest;
        seen++;
    }
    assert_true(quietest < history->count);
    return quietest;
}

static void a_wrong_count_in_a_long_history_becomes_a_handful_of_calls(void **state)
{
    (void)state;
    struct history history;
    /* A key with a call that never returned has no state that is known for sure: it would stay. */
    simulate_long(&history, 0);
    const size_t i = quietest_count(&history);
    /* The count; each write beside it, and one before that says what its key was. */
    const size_t most = 1 + 2 * writes_beside(&history, &history.ops[i]);
    history.ops[i].value += 30;
    expect_handful(&history, history_fails_count, most);
    history_end(&history);
}

static void a_wrong_search_in_a_long_history_becomes_a_handful_of_calls(void **state)
{
    (void)state;
    struct history history;
    simulate_long(&history, 200000);
    size_t i = LONG / 2;
    while (history.ops[i].kind != HISTORY_SEARCH || history.ops[i].result_count < 10) {
        i++;
    }
    /* The nearest are left out. */
    history.ops[i].results += 9;
    history.ops[i].result_count = 1;
    expect_handful(&history, history_fails_search, 2 * HANDFUL);
    history_end(&history);
}

static void what_does_not_fail_is_not_shrunk(void **state)
{
    (void)state;
    struct history history;
    struct history shrunk;
    history_of_text("0 1 2 insert 5 1 ok\n", &history);
    assert_false(history_shrink(&history, history_fails_by_key, NULL, &shrunk, NULL));
    assert_false(history_shrink(&history, history_fails_count, NULL, &shrunk, NULL));
    assert_false(history_shrink(&history, history_fails_search, NULL, &shrunk, NULL));
    history_end(&history);
}

static void a_run_becomes_the_call_that_leads_to_its_last_state(void **state)
{
    (void)state;
    struct history history;
    history_of_text("0 1 2 insert 5 1 ok\n"
                    "0 3 4 update 5 2 ok\n"
                    "0 5 6 delete 5 0 ok\n"
                    "0 7 8 insert 5 3 ok\n"
                    "0 9 10 update 5 4 ok\n"
                    "0 11 12 update 5 5 ok\n"
                    "0 13 14 get 5 4 ok\n",
                    &history);
    expect_handful(&history, history_fails_by_key, 4);
    /* What lies before the write that is read is nothing, or makes the key live. */
    assert_int_equal(history.ops[history.count - 1].value, 4);
    assert_int_equal(history.ops[history.count - 2].value, 5);
    assert_int_equal(history.ops[history.count - 3].value, 4);
    history_end(&history);
}

/* ---- the rule ---- */

enum { TRIALS = 10000 };

struct coin {
    uint64_t random;
    uint32_t yes_of_8;
    bool was_asked;
};

static bool toss(void *context, const struct history *history)
{
    struct coin *const coin = context;
    (void)history;
    const bool is_first = !coin->was_asked;
    coin->was_asked = true;
    return is_first || random_below(&coin->random, 8) < coin->yes_of_8;
}

static void whatever_is_asked_for_a_true_history_stays_true(void **state)
{
    (void)state;
    uint64_t random = test_seed();
    size_t before = 0;
    size_t after = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
        struct history history;
        struct history shrunk;
        size_t bad = 0;
        const bool has_clears = trial % 4 == 0;
        const struct history_sim sim = {.random = random_word(&random),
                                        .threads = 1 + (uint32_t)random_below(&random, 3),
                                        .keys = 1 + (uint32_t)random_below(&random, 4),
                                        .ops = 4 + random_below(&random, has_clears ? 14 : 36),
                                        .initial = 1,
                                        .crash_one_of = random_below(&random, 2) != 0 ? 20 : 0,
                                        .fail_one_of = 15,
                                        .ticks = 1 + (uint32_t)random_below(&random, 3),
                                        .weights = {4, 3, 3, 5, 3, 1, 1, has_clears, 1}};
        struct coin coin = {.random = random_word(&random),
                            .yes_of_8 = 1 + (uint32_t)random_below(&random, 7)};
        history_simulate(&sim, &history);
        assert_true(history_shrink(&history, toss, &coin, &shrunk, NULL));
        const char *const fault =
            history_fault(shrunk.ops, shrunk.count, shrunk.initial, shrunk.initial_count, &bad);
        if (fault != NULL || judge(&shrunk) != LINEARIZE_YES) {
            history_show(&history);
            history_show(&shrunk);
            fail_msg("trial %d: a true history became a wrong one: %s", trial,
                     fault != NULL ? fault : "");
        }
        before += history.count;
        after += shrunk.count;
        history_end(&history);
        history_end(&shrunk);
    }
    printf("%zu calls became %zu\n", before, after);
    assert_true(after < before * 3 / 4 && after > before / 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stale_read_in_a_long_history_becomes_a_handful_of_calls),
        cmocka_unit_test(a_second_insert_in_a_long_history_becomes_a_handful_of_calls),
        cmocka_unit_test(a_wrong_count_in_a_long_history_becomes_a_handful_of_calls),
        cmocka_unit_test(a_wrong_search_in_a_long_history_becomes_a_handful_of_calls),
        cmocka_unit_test(what_does_not_fail_is_not_shrunk),
        cmocka_unit_test(a_run_becomes_the_call_that_leads_to_its_last_state),
        cmocka_unit_test(whatever_is_asked_for_a_true_history_stays_true),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
