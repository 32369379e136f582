/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linearize_by_key: the verdict of each key, limits, and the report.
 *
 * Method: random histories, true and spoiled, against an oracle that tries every order: of each key
 *         by itself, and, without clears, of all keys together, which has to be the same. Then
 *         histories that are long, hot, or full of calls that never returned.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "harness/linearize.h"
#include "harness/sizes.h"
#include "support/history_oracle.h"
#include "support/history_sim.h"
#include "support/vectors.h"

static enum linearize_verdict judge(const struct history *history,
                                    const struct linearize_limits *limits,
                                    struct linearize_report *report)
{
    const struct linearize_initial initial = {history->initial, history->initial_count};
    return linearize_by_key(history->ops, history->count, &initial, limits, report);
}

static void expect(enum linearize_verdict expected, const char *text)
{
    struct history history;
    struct linearize_report report;
    history_of_text(text, &history);
    const enum linearize_verdict verdict = judge(&history, NULL, &report);
    if (verdict != expected) {
        linearize_report_print(stderr, &report, history.ops);
        fail_msg("%s, expected %s:\n%s", linearize_verdict_name(verdict),
                 linearize_verdict_name(expected), text);
    }
    linearize_report_end(&report);
    history_end(&history);
}

static void keys_are_judged_by_themselves(void **state)
{
    (void)state;
    expect(LINEARIZE_YES, "0 1 9 insert 5 1 ok\n"
                          "1 2 8 insert 6 2 ok\n"
                          "2 3 4 get 6 2 ok\n"
                          "2 5 6 get 5 0 not_found\n");
    expect(LINEARIZE_NO, "0 1 2 insert 5 1 ok\n"
                         "1 2 8 insert 6 2 ok\n"
                         "2 3 4 get 6 2 ok\n"
                         "2 5 6 get 5 0 not_found\n");
}

static void counts_and_searches_are_not_looked_at(void **state)
{
    (void)state;
    expect(LINEARIZE_YES, "0 1 2 insert 5 1 ok\n"
                          "0 3 4 count 0 77 ok\n"
                          "0 5 6 search below 1 ok 9=9\n");
}

static void a_clear_is_judged_for_each_key(void **state)
{
    (void)state;
    expect(LINEARIZE_NO, "initial 5 1\n"
                         "0 1 2 clear 0 0 ok\n"
                         "1 3 4 get 5 1 ok\n");
    expect(LINEARIZE_YES, "initial 5 1\n"
                          "0 1 5 clear 0 0 ok\n"
                          "1 2 3 update 5 2 ok\n"
                          "1 6 7 get 5 2 ok\n");
    /* Two clears at once, and an entry that comes between their notes. */
    expect(LINEARIZE_YES, "0 1 9 clear 0 0 ok\n"
                          "1 2 8 clear 0 0 ok\n"
                          "2 3 4 insert 5 2 ok\n"
                          "2 10 11 get 5 2 ok\n");
    /* What one of two may leave, the other has to delete. */
    expect(LINEARIZE_NO, "initial 5 1\n"
                         "0 1 9 clear 0 0 failed\n"
                         "1 2 8 clear 0 0 ok\n"
                         "2 10 11 get 5 1 ok\n");
}

static void a_clear_that_failed_may_leave_what_it_noted_on_every_way(void **state)
{
    (void)state;
    /* To delete was tried before, in the same state, to leave was not. */
    expect(LINEARIZE_YES, "2 0 3 insert 10 1 ok\n"
                          "0 0 - clear 0 0 -\n"
                          "1 1 8 clear 0 0 ok\n"
                          "3 4 8 clear 0 0 failed\n"
                          "3 9 13 update 10 2 ok\n"
                          "1 10 12 contains 10 0 not_found\n"
                          "2 11 13 delete 10 0 not_found\n");
}

static void the_report_names_the_key_and_the_calls(void **state)
{
    (void)state;
    struct history history;
    struct linearize_report report;
    history_of_text("initial 7 9\n"
                    "0 1 2 insert 5 1 ok\n"
                    "0 3 4 get 7 9 ok\n"
                    "0 5 6 delete 7 0 ok\n"
                    "0 7 8 get 7 9 ok\n"
                    "0 9 10 get 5 1 ok\n",
                    &history);
    assert_int_equal(judge(&history, NULL, &report), LINEARIZE_NO);
    assert_true(report.has_key);
    assert_int_equal(report.key, 7);
    assert_int_equal(report.order_count, 2);
    assert_int_equal(report.order[0].op, 1);
    assert_int_equal(report.order[1].op, 2);
    assert_int_equal(report.unplaced_count, 1);
    assert_int_equal(report.unplaced[0], 3);
    char *text = NULL;
    size_t size = 0;
    FILE *const file = open_memstream(&text, &size);
    assert_non_null(file);
    linearize_report_print(file, &report, history.ops);
    assert_int_equal(fclose(file), 0);
    assert_string_equal(text, "linearizable: no, 2 keys, 0 given up, 2 states\n"
                              "  key 7\n"
                              "  the longest order found has 2 steps:\n"
                              "    #1 t0 [3, 4] get key 7: ok 9\n"
                              "    #2 t0 [5, 6] delete key 7: ok\n"
                              "  it does not place 1 calls:\n"
                              "    #3 t0 [7, 8] get key 7: ok 9\n");
    free(text);
    linearize_report_end(&report);
    history_end(&history);
}

/* So many upserts at once, and afterwards a read of a value that nobody wrote. */
static void make_hard(struct history *history, size_t writes)
{
    *history = (struct history){.ops = calloc(writes + 2, sizeof *history->ops)};
    for (size_t i = 0; i < writes; i++) {
        history->ops[i] = (struct history_op){.invoked = i,
                                              .returned = writes + i,
                                              .key = 5,
                                              .value = i + 1,
                                              .thread = (uint32_t)i,
                                              .kind = HISTORY_UPSERT};
    }
    for (size_t i = writes; i < writes + 2; i++) {
        history->ops[i] =
            (struct history_op){.invoked = 2 * i + 10,
                                .returned = 2 * i + 11,
                                .key = i == writes ? 5 : 6,
                                .value = i == writes ? writes + 7 : 0,
                                .kind = HISTORY_GET,
                                .answer = i == writes ? HISTORY_OK : HISTORY_NOT_FOUND};
    }
    history->count = writes + 2;
}

static void expect_limit(const struct history *history, const struct linearize_limits *limits,
                         enum linearize_limit limit)
{
    struct linearize_report report;
    assert_int_equal(judge(history, limits, &report), LINEARIZE_UNKNOWN);
    assert_int_equal(report.limit, limit);
    assert_int_equal(report.key, 5);
    assert_int_equal(report.keys, 2);
    assert_int_equal(report.keys_unknown, 1);
    assert_int_equal(report.order_count, history->count - 2);
    assert_int_equal(report.unplaced_count, 1);
    assert_int_equal(report.unplaced[0], history->count - 2);
    linearize_report_end(&report);
}

static void a_limit_that_is_reached_is_said_with_the_longest_order(void **state)
{
    (void)state;
    struct history history;
    struct linearize_report report;
    make_hard(&history, 20);
    expect_limit(&history, &(struct linearize_limits){.steps_max = 100}, LINEARIZE_LIMIT_STEPS);
    expect_limit(&history, &(struct linearize_limits){.memory_bytes_max = 10000},
                 LINEARIZE_LIMIT_MEMORY);
    history_end(&history);
    make_hard(&history, 10);
    assert_int_equal(judge(&history, NULL, &report), LINEARIZE_NO);
    assert_int_equal(report.limit, LINEARIZE_NO_LIMIT);
    linearize_report_end(&report);
    history_end(&history);
}

static void time_that_is_over_is_said_for_all_keys_that_are_left(void **state)
{
    (void)state;
    struct history history;
    struct linearize_report report;
    make_hard(&history, 20);
    assert_int_equal(judge(&history, &(struct linearize_limits){.ns_max = 1}, &report),
                     LINEARIZE_UNKNOWN);
    assert_int_equal(report.limit, LINEARIZE_LIMIT_TIME);
    assert_int_equal(report.keys_unknown, 2);
    linearize_report_end(&report);
    history_end(&history);
}

static void a_violation_is_found_beside_a_key_that_is_given_up(void **state)
{
    (void)state;
    struct history history;
    struct linearize_report report;
    make_hard(&history, 20);
    history.ops[21].answer = HISTORY_OK;
    history.ops[21].value = 99;
    assert_int_equal(judge(&history, &(struct linearize_limits){.steps_max = 100}, &report),
                     LINEARIZE_NO);
    assert_int_equal(report.key, 6);
    assert_int_equal(report.keys_unknown, 1);
    linearize_report_end(&report);
    history_end(&history);
}

static void more_pending_calls_or_clears_than_bits_are_unknown(void **state)
{
    (void)state;
    struct history_op ops[LINEARIZE_PENDING_MAX + 1];
    struct linearize_report report;
    const uint8_t kinds[2] = {HISTORY_UPSERT, HISTORY_CLEAR};
    const enum linearize_limit limits[2] = {LINEARIZE_LIMIT_PENDING, LINEARIZE_LIMIT_CLEARS};
    for (size_t which = 0; which < 2; which++) {
        for (uint32_t i = 0; i < LINEARIZE_PENDING_MAX + 1; i++) {
            ops[i] = (struct history_op){.invoked = i,
                                         .returned = HISTORY_PENDING,
                                         .key = 5,
                                         .value = i + 1,
                                         .thread = i,
                                         .kind = kinds[which]};
        }
        assert_int_equal(linearize_by_key(ops, LINEARIZE_PENDING_MAX + 1, NULL, NULL, &report),
                         LINEARIZE_UNKNOWN);
        assert_int_equal(report.limit, limits[which]);
        linearize_report_end(&report);
        assert_int_equal(linearize_by_key(ops, LINEARIZE_PENDING_MAX, NULL, NULL, NULL),
                         LINEARIZE_YES);
    }
}

/* ---- random histories ---- */

enum { TRIALS = 20000, SPOILS_MAX = 3 };

static struct history_sim draw(uint64_t *random, bool has_clears)
{
    const uint32_t keys = 1 + (uint32_t)random_below(random, 3);
    struct history_sim sim = {.random = random_word(random),
                              .threads = 2 + (uint32_t)random_below(random, 3),
                              .keys = keys,
                              .ops = 1 + random_below(random, 9),
                              .initial = (uint32_t)random_below(random, keys + 1),
                              .crash_one_of = random_below(random, 2) != 0 ? 6 : 0,
                              .fail_one_of = random_below(random, 4) == 0 ? 6 : 0,
                              .ticks = 1 + (uint32_t)random_below(random, 4)};
    for (uint32_t kind = 0; kind <= HISTORY_CONTAINS; kind++) {
        sim.weights[kind] = 1 + (uint32_t)random_below(random, 4);
    }
    sim.weights[HISTORY_CLEAR] = has_clears ? 2 : 0;
    return sim;
}

static bool oracle_of_all_keys(const struct history *history)
{
    for (uint32_t k = 0; k < 3; k++) {
        if (!history_oracle_of_key(history, sim_key(k))) {
            return false;
        }
    }
    return true;
}

static void random_histories_are_judged_as_by_the_oracle(void **state)
{
    (void)state;
    uint64_t random = test_seed();
    uint32_t verdicts[2] = {0, 0};
    for (int trial = 0; trial < TRIALS; trial++) {
        struct history history;
        const bool has_clears = trial % 2 != 0;
        const struct history_sim sim = draw(&random, has_clears);
        history_simulate(&sim, &history);
        if (judge(&history, NULL, NULL) != LINEARIZE_YES) {
            history_show(&history);
            fail_msg("trial %d: a true history was not accepted", trial);
        }
        for (uint64_t spoils = random_below(&random, SPOILS_MAX + 1); spoils > 0; spoils--) {
            (void)history_spoil(&history, &random);
        }
        const bool expected = has_clears ? oracle_of_all_keys(&history) : history_oracle(&history);
        if (judge(&history, NULL, NULL) != (expected ? LINEARIZE_YES : LINEARIZE_NO)) {
            history_show(&history);
            fail_msg("trial %d: the oracle says %s", trial, expected ? "yes" : "no");
        }
        verdicts[expected]++;
        history_end(&history);
    }
    printf("%u linearizable, %u not\n", verdicts[1], verdicts[0]);
    assert_true(verdicts[0] > TRIALS / 10 && verdicts[1] > TRIALS / 10);
}

/* A long history of few keys is accepted; one answer is changed and it is refused. */
static void check_long(const struct history_sim *sim)
{
    struct history history;
    struct linearize_report report;
    history_simulate(sim, &history);
    assert_int_equal(judge(&history, NULL, &report), LINEARIZE_YES);
    linearize_report_end(&report);
    size_t i = history.count * 3 / 4;
    while (history.ops[i].kind != HISTORY_GET || history.ops[i].answer != HISTORY_OK ||
           history_is_pending(&history.ops[i])) {
        i++;
    }
    history.ops[i].value = HISTORY_TORN;
    assert_int_equal(judge(&history, NULL, &report), LINEARIZE_NO);
    assert_int_equal(report.key, history.ops[i].key);
    bool is_blamed = false;
    for (size_t u = 0; u < report.unplaced_count; u++) {
        is_blamed = is_blamed || report.unplaced[u] == i;
    }
    assert_true(is_blamed);
    linearize_report_end(&report);
    history_end(&history);
}

static void long_histories_of_hot_keys_are_judged(void **state)
{
    (void)state;
    struct history_sim sim = {.random = test_seed(),
                              .threads = 6,
                              .keys = 2,
                              .ops = 40000,
                              .weights = {2, 2, 2, 3, 4, 1, 0, 0, 0}};
    check_long(&sim);
    sim.ticks = 5;
    sim.keys = 64;
    check_long(&sim);
    sim.weights[HISTORY_CLEAR] = 1;
    sim.ops = 4000;
    sim.keys = 8;
    check_long(&sim);
}

static void calls_that_never_returned_do_not_make_long_histories_hard(void **state)
{
    (void)state;
    /* The threads that die do so in their first calls, those of the long history do not. */
    struct history_sim sim = {.random = test_seed(),
                              .threads = 4,
                              .keys = 2,
                              .ops = 20000,
                              .weights = {2, 2, 2, 3, 4, 1, 0, 0, 0}};
    struct history history;
    history_simulate(&sim, &history);
    struct history_op *const longer =
        realloc(history.ops, (history.count + 6) * sizeof *history.ops);
    assert_non_null(longer);
    history.ops = longer;
    for (uint32_t dead = 0; dead < 6; dead++) {
        history.ops[history.count] = (struct history_op){.invoked = dead,
                                                         .returned = HISTORY_PENDING,
                                                         .key = sim_key(dead % 2),
                                                         .value = history.count + 1000,
                                                         .thread = 100 + dead,
                                                         .kind = HISTORY_UPSERT};
        history.count++;
    }
    assert_int_equal(judge(&history, NULL, NULL), LINEARIZE_YES);
    history_end(&history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_judged_by_themselves),
        cmocka_unit_test(counts_and_searches_are_not_looked_at),
        cmocka_unit_test(a_clear_is_judged_for_each_key),
        cmocka_unit_test(a_clear_that_failed_may_leave_what_it_noted_on_every_way),
        cmocka_unit_test(the_report_names_the_key_and_the_calls),
        cmocka_unit_test(a_limit_that_is_reached_is_said_with_the_longest_order),
        cmocka_unit_test(time_that_is_over_is_said_for_all_keys_that_are_left),
        cmocka_unit_test(a_violation_is_found_beside_a_key_that_is_given_up),
        cmocka_unit_test(more_pending_calls_or_clears_than_bits_are_unknown),
        cmocka_unit_test(random_histories_are_judged_as_by_the_oracle),
        cmocka_unit_test(long_histories_of_hot_keys_are_judged),
        cmocka_unit_test(calls_that_never_returned_do_not_make_long_histories_hard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
