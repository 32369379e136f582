/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linearize_whole: correct histories are accepted, each kind of wrong one is refused.
 *
 * Method: small histories by hand, as text (harness/history_file.h says how to read them), and
 *         random ones, true and spoiled, against an oracle that tries every order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "harness/linearize.h"
#include "harness/sizes.h"
#include "support/history_oracle.h"
#include "support/history_sim.h"
#include "support/vectors.h"

static enum linearize_verdict judge(const struct history *history, struct linearize_report *report)
{
    const struct linearize_initial initial = {history->initial, history->initial_count};
    return linearize_whole(history->ops, history->count, &initial, report);
}

static void expect(enum linearize_verdict expected, const char *text)
{
    struct history history;
    struct linearize_report report;
    history_of_text(text, &history);
    const enum linearize_verdict verdict = judge(&history, &report);
    if (verdict != expected) {
        linearize_report_print(stderr, &report, history.ops);
        fail_msg("%s, expected %s:\n%s", linearize_verdict_name(verdict),
                 linearize_verdict_name(expected), text);
    }
    assert_int_equal(history_oracle(&history), expected == LINEARIZE_YES);
    linearize_report_end(&report);
    history_end(&history);
}

static void accepts(const char *text)
{
    expect(LINEARIZE_YES, text);
}

static void refuses(const char *text)
{
    expect(LINEARIZE_NO, text);
}

static void an_empty_history_is_linearizable(void **state)
{
    (void)state;
    assert_int_equal(linearize_whole(NULL, 0, NULL, NULL), LINEARIZE_YES);
}

static void calls_one_after_the_other_answer_as_a_map_does(void **state)
{
    (void)state;
    accepts("0 1 2 update 5 1 not_found\n"
            "0 3 4 delete 5 0 not_found\n"
            "0 5 6 insert 5 2 ok\n"
            "0 7 8 insert 5 3 exists\n"
            "0 9 10 get 5 2 ok\n"
            "0 11 12 update 5 4 ok\n"
            "0 13 14 upsert 5 5 ok\n"
            "0 15 16 get 5 5 ok\n"
            "0 17 18 contains 5 0 ok\n"
            "0 19 20 count 0 1 ok\n"
            "0 21 22 delete 5 0 ok\n"
            "0 23 24 contains 5 0 not_found\n"
            "0 25 26 get 5 0 not_found\n");
}

static void a_lost_write_is_refused(void **state)
{
    (void)state;
    refuses("0 1 2 insert 5 1 ok\n"
            "0 3 4 update 5 2 ok\n"
            "1 5 6 get 5 1 ok\n");
}

static void a_stale_read_is_refused_only_when_the_write_returned_before_it(void **state)
{
    (void)state;
    accepts("initial 5 1\n"
            "0 1 4 update 5 2 ok\n"
            "1 3 5 get 5 1 ok\n");
    refuses("initial 5 1\n"
            "0 1 2 update 5 2 ok\n"
            "1 3 5 get 5 1 ok\n");
}

static void calls_that_touch_at_one_number_overlap(void **state)
{
    (void)state;
    accepts("initial 5 1\n"
            "0 1 3 update 5 2 ok\n"
            "1 3 5 get 5 1 ok\n");
}

static void a_read_that_goes_back_is_refused(void **state)
{
    (void)state;
    refuses("initial 5 1\n"
            "0 1 9 update 5 2 ok\n"
            "1 2 3 get 5 2 ok\n"
            "1 4 5 get 5 1 ok\n");
}

static void of_two_inserts_only_one_succeeds(void **state)
{
    (void)state;
    accepts("0 1 4 insert 5 1 ok\n"
            "1 2 3 insert 5 2 exists\n");
    refuses("0 1 4 insert 5 1 ok\n"
            "1 2 3 insert 5 2 ok\n");
}

static void two_inserts_that_both_find_the_other_are_refused(void **state)
{
    (void)state;
    refuses("0 1 4 insert 5 1 exists\n"
            "1 2 3 insert 5 2 exists\n");
}

static void a_deleted_entry_that_comes_back_is_refused(void **state)
{
    (void)state;
    refuses("0 1 2 insert 5 1 ok\n"
            "0 3 4 delete 5 0 ok\n"
            "1 5 6 get 5 1 ok\n");
    refuses("0 1 2 insert 5 1 ok\n"
            "0 3 4 delete 5 0 ok\n"
            "1 5 6 contains 5 0 ok\n");
}

static void of_two_deletes_only_one_succeeds(void **state)
{
    (void)state;
    refuses("initial 5 1\n"
            "0 1 4 delete 5 0 ok\n"
            "1 2 3 delete 5 0 ok\n");
}

static void an_update_without_an_entry_is_refused(void **state)
{
    (void)state;
    refuses("0 1 2 update 5 1 ok\n");
    refuses("initial 5 1\n"
            "0 1 2 update 5 2 not_found\n");
}

static void a_value_that_nobody_wrote_is_refused(void **state)
{
    (void)state;
    refuses("initial 5 1\n"
            "0 1 2 get 5 7 ok\n");
    refuses("initial 5 1\n"
            "0 1 2 get 5 torn ok\n");
    refuses("initial 5 1\ninitial 6 2\n"
            "0 1 2 get 5 2 ok\n");
}

static void a_call_that_never_returned_may_have_taken_effect_or_not(void **state)
{
    (void)state;
    accepts("0 1 - insert 5 1 -\n"
            "1 2 3 get 5 0 not_found\n"
            "1 4 5 get 5 1 ok\n");
    accepts("0 1 - insert 5 1 -\n"
            "1 4 5 get 5 0 not_found\n");
    refuses("0 1 - insert 5 1 -\n"
            "1 2 3 get 5 1 ok\n"
            "1 4 5 get 5 0 not_found\n");
    refuses("1 2 3 get 5 1 ok\n"
            "0 4 - insert 5 1 -\n");
}

static void a_call_that_failed_changed_nothing(void **state)
{
    (void)state;
    accepts("0 1 2 insert 5 1 failed\n"
            "0 3 4 get 5 0 not_found\n");
    refuses("0 1 2 insert 5 1 failed\n"
            "0 3 4 get 5 1 ok\n");
}

static void a_count_is_the_number_of_entries_at_one_instant(void **state)
{
    (void)state;
    accepts("initial 5 1\n"
            "0 1 4 insert 6 2 ok\n"
            "1 2 3 count 0 2 ok\n"
            "2 2 3 count 0 1 ok\n");
    refuses("initial 5 1\n"
            "0 1 2 insert 6 2 ok\n"
            "1 3 4 count 0 1 ok\n");
    /* The one entry moves: there is no instant without it, and none with two. */
    refuses("initial 5 1\n"
            "0 1 9 upsert 5 2 ok\n"
            "1 2 8 count 0 0 ok\n");
}

static void two_counts_agree_on_the_order_of_two_writes(void **state)
{
    (void)state;
    refuses("0 1 9 insert 5 1 ok\n"
            "1 2 3 count 0 1 ok\n"
            "1 4 5 count 0 0 ok\n");
}

static void a_search_answers_with_the_nearest_at_one_instant(void **state)
{
    (void)state;
    accepts("initial 5 10\ninitial 6 20\ninitial 7 30\n"
            "0 1 4 update 5 25 ok\n"
            "1 2 3 search below 2 ok 5=10 6=20\n"
            "2 2 3 search below 2 ok 6=20 5=25\n"
            "3 2 3 search above 2 ok 7=30 5=25\n"
            "4 2 3 search below 9 ok 6=20 5=25 7=30\n");
}

static void a_search_that_sees_half_an_update_is_refused(void **state)
{
    (void)state;
    /* Neither the old place nor the new one. */
    refuses("initial 5 10\ninitial 6 20\n"
            "0 1 4 update 5 15 ok\n"
            "1 2 3 search below 2 ok 6=20\n");
    /* Both. */
    refuses("initial 5 10\ninitial 6 20\n"
            "0 1 4 update 5 15 ok\n"
            "1 2 3 search below 3 ok 5=10 5=15 6=20\n");
    /* The new of one and the old of another that was replaced before. */
    refuses("initial 5 10\ninitial 6 20\n"
            "0 1 2 update 5 15 ok\n"
            "0 3 6 update 6 25 ok\n"
            "1 4 5 search below 2 ok 5=10 6=25\n");
}

static void a_search_in_the_wrong_order_or_with_a_key_twice_is_refused(void **state)
{
    (void)state;
    refuses("initial 5 10\ninitial 6 20\n"
            "0 1 2 search below 2 ok 6=20 5=10\n");
    refuses("initial 5 10\ninitial 6 20\n"
            "0 1 2 search below 3 ok 5=10 5=10 6=20\n");
    refuses("initial 5 10\ninitial 6 20\n"
            "0 1 2 search below 2 ok 5=10\n");
    refuses("initial 5 10\ninitial 6 20\n"
            "0 1 2 search below 1 ok 6=20\n");
}

static void a_clear_deletes_what_it_noted_one_by_one(void **state)
{
    (void)state;
    accepts("initial 5 1\ninitial 6 2\n"
            "0 1 9 clear 0 0 ok\n"
            "1 2 3 count 0 1 ok\n"
            "1 4 5 contains 5 0 ok\n"
            "1 6 7 contains 6 0 not_found\n"
            "1 10 11 count 0 0 ok\n");
    refuses("initial 5 1\n"
            "0 1 2 clear 0 0 ok\n"
            "1 3 4 get 5 1 ok\n");
}

static void a_clear_leaves_what_was_replaced_or_came_after_its_note(void **state)
{
    (void)state;
    accepts("initial 5 1\n"
            "0 1 9 clear 0 0 ok\n"
            "1 2 3 update 5 2 ok\n"
            "1 4 5 insert 6 3 ok\n"
            "1 10 11 get 5 2 ok\n"
            "1 12 13 get 6 3 ok\n");
    /* It noted key 6 before the insert, and so key 5 as well, which nobody replaced. */
    refuses("initial 5 1\n"
            "0 1 9 clear 0 0 ok\n"
            "1 4 5 insert 6 3 ok\n"
            "1 10 11 get 5 1 ok\n"
            "1 12 13 get 6 3 ok\n");
}

static void the_note_of_a_clear_is_one_instant_for_all_keys(void **state)
{
    (void)state;
    /* To delete 3 it noted after both inserts, to leave 2 before: 2 came first. */
    refuses("0 1 20 clear 0 0 ok\n"
            "1 2 3 insert 5 2 ok\n"
            "1 4 5 insert 6 3 ok\n"
            "1 21 22 get 6 0 not_found\n"
            "1 23 24 get 5 2 ok\n");
}

static void a_clear_that_failed_deletes_some(void **state)
{
    (void)state;
    accepts("initial 5 1\ninitial 6 2\n"
            "0 1 2 clear 0 0 failed\n"
            "1 3 4 get 5 1 ok\n"
            "1 5 6 get 6 0 not_found\n");
    refuses("initial 5 1\ninitial 6 2\n"
            "0 1 2 clear 0 0 failed\n"
            "1 3 4 get 5 1 ok\n"
            "1 5 6 get 5 0 not_found\n");
}

static void the_report_has_the_longest_order_and_what_it_does_not_place(void **state)
{
    (void)state;
    struct history history;
    struct linearize_report report;
    history_of_text("0 1 2 insert 5 1 ok\n"
                    "1 3 4 get 5 1 ok\n"
                    "1 5 6 get 5 2 ok\n"
                    "1 7 8 get 5 1 ok\n",
                    &history);
    assert_int_equal(judge(&history, &report), LINEARIZE_NO);
    assert_int_equal(report.order_count, 2);
    assert_int_equal(report.order[0].op, 0);
    assert_int_equal(report.order[1].op, 1);
    assert_int_equal(report.unplaced_count, 2);
    assert_int_equal(report.unplaced[0], 2);
    assert_int_equal(report.unplaced[1], 3);
    linearize_report_end(&report);
    history_end(&history);
}

/* A history that does not fit into the model is not judged, and the report says why. */
static void expect_limit(enum linearize_limit limit, size_t ops, size_t keys, size_t clears)
{
    struct history_op many[LINEARIZE_WHOLE_OPS_MAX + 1];
    struct linearize_report report;
    size_t count = 0;
    for (; count < ops; count++) {
        many[count] = (struct history_op){.invoked = 2 * count,
                                          .returned = 2 * count + 1,
                                          .key = count % keys,
                                          .kind = count < clears ? HISTORY_CLEAR : HISTORY_GET,
                                          .answer = HISTORY_NOT_FOUND};
    }
    for (size_t c = 0; c < clears; c++) {
        many[c].answer = HISTORY_OK;
    }
    const enum linearize_verdict expected =
        limit == LINEARIZE_NO_LIMIT ? LINEARIZE_YES : LINEARIZE_UNKNOWN;
    assert_int_equal(linearize_whole(many, count, NULL, &report), expected);
    assert_int_equal(report.limit, limit);
    linearize_report_end(&report);
}

static void what_the_model_cannot_hold_is_unknown_and_said(void **state)
{
    (void)state;
    expect_limit(LINEARIZE_NO_LIMIT, LINEARIZE_WHOLE_OPS_MAX, LINEARIZE_WHOLE_KEYS_MAX,
                 LINEARIZE_WHOLE_CLEARS_MAX);
    expect_limit(LINEARIZE_LIMIT_OPS, LINEARIZE_WHOLE_OPS_MAX + 1, LINEARIZE_WHOLE_KEYS_MAX, 0);
    expect_limit(LINEARIZE_LIMIT_KEYS, LINEARIZE_WHOLE_OPS_MAX, LINEARIZE_WHOLE_KEYS_MAX + 1, 0);
    expect_limit(LINEARIZE_LIMIT_CLEARS, LINEARIZE_WHOLE_OPS_MAX, LINEARIZE_WHOLE_KEYS_MAX,
                 LINEARIZE_WHOLE_CLEARS_MAX + 1);
}

static void final_states_are_all_that_can_be_left_behind(void **state)
{
    (void)state;
    struct history history;
    uint64_t states[4];
    history_of_text("0 1 9 upsert 5 1 ok\n"
                    "1 2 8 upsert 5 2 ok\n"
                    "2 3 7 delete 5 0 ok\n",
                    &history);
    assert_int_equal(linearize_final_states(history.ops, 3, 5, 0, states, 4), 3);
    assert_int_equal(linearize_final_states(history.ops, 3, 5, 0, states, 2), SIZE_MAX);
    assert_int_equal(linearize_final_states(history.ops, 1, 5, 0, states, 4), 1);
    assert_int_equal(states[0], 1);
    assert_int_equal(linearize_final_states(&history.ops[2], 1, 5, 0, states, 4), 0);
    history_end(&history);
}

/* ---- random histories ---- */

enum { TRIALS = 20000, SPOILS_MAX = 3 };

static struct history_sim draw(uint64_t *random)
{
    /* Clears have many orders, and the oracle tries them all. */
    const bool has_clears = random_below(random, 3) == 0;
    const uint32_t keys = 1 + (uint32_t)random_below(random, has_clears ? 2 : 3);
    struct history_sim sim = {.random = random_word(random),
                              .threads = 2 + (uint32_t)random_below(random, 3),
                              .keys = keys,
                              .ops = 1 + random_below(random, has_clears ? 6 : 8),
                              .initial = (uint32_t)random_below(random, keys + 1),
                              .crash_one_of = random_below(random, 2) != 0 ? 6 : 0,
                              .fail_one_of = random_below(random, 4) == 0 ? 6 : 0,
                              .ticks = 1 + (uint32_t)random_below(random, 4)};
    for (uint32_t kind = 0; kind < HISTORY_KINDS; kind++) {
        sim.weights[kind] = 1 + (uint32_t)random_below(random, 4);
    }
    sim.weights[HISTORY_CLEAR] = has_clears ? 2 : 0;
    return sim;
}

static void random_histories_are_judged_as_by_the_oracle(void **state)
{
    (void)state;
    uint64_t random = test_seed();
    uint32_t verdicts[2] = {0, 0};
    for (int trial = 0; trial < TRIALS; trial++) {
        struct history history;
        const struct history_sim sim = draw(&random);
        history_simulate(&sim, &history);
        if (judge(&history, NULL) != LINEARIZE_YES) {
            history_show(&history);
            fail_msg("trial %d: a true history was not accepted", trial);
        }
        for (uint64_t spoils = random_below(&random, SPOILS_MAX + 1); spoils > 0; spoils--) {
            (void)history_spoil(&history, &random);
        }
        const bool expected = history_oracle(&history);
        if (judge(&history, NULL) != (expected ? LINEARIZE_YES : LINEARIZE_NO)) {
            history_show(&history);
            fail_msg("trial %d: the oracle says %s", trial, expected ? "yes" : "no");
        }
        verdicts[expected]++;
        history_end(&history);
    }
    printf("%u linearizable, %u not\n", verdicts[1], verdicts[0]);
    assert_true(verdicts[0] > TRIALS / 10 && verdicts[1] > TRIALS / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_history_is_linearizable),
        cmocka_unit_test(calls_one_after_the_other_answer_as_a_map_does),
        cmocka_unit_test(a_lost_write_is_refused),
        cmocka_unit_test(a_stale_read_is_refused_only_when_the_write_returned_before_it),
        cmocka_unit_test(calls_that_touch_at_one_number_overlap),
        cmocka_unit_test(a_read_that_goes_back_is_refused),
        cmocka_unit_test(of_two_inserts_only_one_succeeds),
        cmocka_unit_test(two_inserts_that_both_find_the_other_are_refused),
        cmocka_unit_test(a_deleted_entry_that_comes_back_is_refused),
        cmocka_unit_test(of_two_deletes_only_one_succeeds),
        cmocka_unit_test(an_update_without_an_entry_is_refused),
        cmocka_unit_test(a_value_that_nobody_wrote_is_refused),
        cmocka_unit_test(a_call_that_never_returned_may_have_taken_effect_or_not),
        cmocka_unit_test(a_call_that_failed_changed_nothing),
        cmocka_unit_test(a_count_is_the_number_of_entries_at_one_instant),
        cmocka_unit_test(two_counts_agree_on_the_order_of_two_writes),
        cmocka_unit_test(a_search_answers_with_the_nearest_at_one_instant),
        cmocka_unit_test(a_search_that_sees_half_an_update_is_refused),
        cmocka_unit_test(a_search_in_the_wrong_order_or_with_a_key_twice_is_refused),
        cmocka_unit_test(a_clear_deletes_what_it_noted_one_by_one),
        cmocka_unit_test(a_clear_leaves_what_was_replaced_or_came_after_its_note),
        cmocka_unit_test(the_note_of_a_clear_is_one_instant_for_all_keys),
        cmocka_unit_test(a_clear_that_failed_deletes_some),
        cmocka_unit_test(the_report_has_the_longest_order_and_what_it_does_not_place),
        cmocka_unit_test(what_the_model_cannot_hold_is_unknown_and_said),
        cmocka_unit_test(final_states_are_all_that_can_be_left_behind),
        cmocka_unit_test(random_histories_are_judged_as_by_the_oracle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
