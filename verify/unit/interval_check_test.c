/* SPDX-License-Identifier: Apache-2.0 */
/*
 * interval_check: it never refuses a search that can be, and finds those that cannot.
 *
 * Method: searches by hand, one for each fault; random small histories, where a search that is
 *         refused must be refused by the oracle too; a large true history, and the same with one
 *         search spoiled.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "harness/interval_check.h"
#include "support/history_oracle.h"
#include "support/history_sim.h"
#include "support/vectors.h"

static bool judge(const struct history *history, struct interval_report *report)
{
    const struct linearize_initial initial = {history->initial, history->initial_count};
    return interval_check(history->ops, history->count, &initial, NULL, NULL, report);
}

static void expect(enum interval_fault fault, const char *text)
{
    struct history history;
    struct interval_report report;
    history_of_text(text, &history);
    const bool is_fine = judge(&history, &report);
    if (report.fault != fault || is_fine != (fault == INTERVAL_FINE)) {
        interval_report_print(stderr, &report, history.ops);
        fail_msg("expected fault %d:\n%s", (int)fault, text);
    }
    assert_int_equal(report.wrong == SIZE_MAX, is_fine);
    history_end(&history);
}

static void the_nearest_of_what_is_there_are_accepted(void **state)
{
    (void)state;
    expect(INTERVAL_FINE, "initial 5 10\ninitial 6 20\n"
                          "0 1 2 search below 2 ok 5=10 6=20\n"
                          "0 3 4 search above 1 ok 6=20\n"
                          "0 5 6 search below 9 ok 5=10 6=20\n"
                          "0 7 8 delete 5 0 ok\n"
                          "0 9 10 search below 1 ok 6=20\n"
                          "0 11 12 delete 6 0 ok\n"
                          "0 13 14 search below 1 ok\n"
                          "0 15 16 search below 1 failed\n");
}

static void the_form_of_the_answer_is_checked(void **state)
{
    (void)state;
    expect(INTERVAL_TOO_MANY, "initial 5 10\ninitial 6 20\n"
                              "0 1 2 search below 1 ok 5=10 6=20\n");
    expect(INTERVAL_ORDER, "initial 5 10\ninitial 6 20\n"
                           "0 1 2 search below 2 ok 6=20 5=10\n");
    expect(INTERVAL_ORDER, "initial 5 10\ninitial 6 20\n"
                           "0 1 2 search above 2 ok 5=10 6=20\n");
    expect(INTERVAL_KEY_TWICE, "initial 5 10\n"
                               "0 1 2 search below 2 ok 5=10 5=10\n");
    expect(INTERVAL_NEVER_WRITTEN, "initial 5 10\n"
                                   "0 1 2 search below 2 ok 5=11\n");
    expect(INTERVAL_NEVER_WRITTEN, "initial 5 10\ninitial 6 20\n"
                                   "0 1 2 search below 2 ok 5=20\n");
    expect(INTERVAL_NEVER_WRITTEN, "initial 5 10\n"
                                   "0 1 2 search below 2 ok 5=torn\n");
    expect(INTERVAL_ANSWER, "0 1 2 search below 2 not_found\n");
}

static void a_key_with_both_its_old_and_its_new_value_is_refused(void **state)
{
    (void)state;
    expect(INTERVAL_KEY_TWICE, "initial 5 10\n"
                               "0 1 4 update 5 20 ok\n"
                               "1 2 3 search below 2 ok 5=10 5=20\n");
}

/* Everything is as far away. */
static double equal(void *context, size_t search, uint64_t key, uint64_t value)
{
    (void)context;
    (void)search;
    (void)key;
    (void)value;
    return 1;
}

static void ties_are_in_the_order_of_keys(void **state)
{
    (void)state;
    struct history history;
    struct history_op *search = NULL;
    struct history_result results[2] = {{6, 20}, {5, 10}};
    history_of_text("0 1 2 insert 5 10 ok\n"
                    "0 3 4 insert 6 20 ok\n"
                    "0 5 6 search below 2 ok 5=10 6=20\n",
                    &history);
    search = &history.ops[2];
    assert_true(interval_check(history.ops, history.count, NULL, equal, NULL, NULL));
    search->results = results;
    assert_false(interval_check(history.ops, history.count, NULL, equal, NULL, NULL));
    search->result_count = 1;
    search->value = 1;
    assert_false(interval_check(history.ops, history.count, NULL, equal, NULL, NULL));
    search->results = results + 1;
    assert_true(interval_check(history.ops, history.count, NULL, equal, NULL, NULL));
    history_end(&history);
}

static void what_is_surely_there_and_nearer_may_not_be_missing(void **state)
{
    (void)state;
    expect(INTERVAL_MISSING, "initial 5 10\ninitial 6 20\n"
                             "0 1 2 search below 1 ok 6=20\n");
    expect(INTERVAL_MISSING, "initial 5 10\ninitial 6 20\n"
                             "0 1 2 search below 3 ok 5=10\n");
    expect(INTERVAL_MISSING, "0 1 2 insert 5 10 ok\n"
                             "0 3 4 search below 1 ok\n");
    expect(INTERVAL_MISSING, "initial 5 10\n"
                             "0 0 1 search below 1 ok\n");
    expect(INTERVAL_FINE, "0 1 4 insert 5 10 ok\n"
                          "1 2 3 search below 1 ok\n");
    expect(INTERVAL_FINE, "initial 5 10\n"
                          "0 1 4 delete 5 0 ok\n"
                          "1 2 3 search below 1 ok\n");
}

static void an_entry_that_moves_may_not_be_missed_between_its_places(void **state)
{
    (void)state;
    /* Surely there before and after, each time near enough: only beside the update may it be
       missing, and this search is not. */
    expect(INTERVAL_MISSING, "initial 5 10\ninitial 6 90\n"
                             "0 5 6 update 5 20 ok\n"
                             "1 7 9 search below 1 ok 6=90\n");
    /* This checker cannot see it while the update is under way; linearize_whole can. */
    expect(INTERVAL_FINE, "initial 5 10\ninitial 6 90\n"
                          "0 1 4 update 5 20 ok\n"
                          "1 2 3 search below 1 ok 6=90\n");
}

static void what_was_replaced_or_deleted_before_may_not_be_returned(void **state)
{
    (void)state;
    expect(INTERVAL_NOT_TOGETHER, "initial 5 10\n"
                                  "0 1 2 delete 5 0 ok\n"
                                  "0 3 4 search below 1 ok 5=10\n");
    expect(INTERVAL_NOT_TOGETHER, "initial 5 10\n"
                                  "0 1 2 upsert 5 20 ok\n"
                                  "0 3 4 search below 1 ok 5=10\n");
    expect(INTERVAL_NOT_TOGETHER, "initial 5 10\n"
                                  "0 1 2 clear 0 0 ok\n"
                                  "0 3 4 search below 1 ok 5=10\n");
    expect(INTERVAL_NOT_TOGETHER, "initial 5 10\n"
                                  "0 1 - delete 5 0 -\n"
                                  "1 2 3 contains 5 0 not_found\n"
                                  "1 4 5 search below 1 ok 5=10\n");
    expect(INTERVAL_NOT_TOGETHER, "0 1 2 search below 1 ok 5=10\n"
                                  "0 3 4 insert 5 10 ok\n");
}

static void the_results_must_have_been_live_at_one_instant(void **state)
{
    (void)state;
    /* Each was live during the call, but never both. */
    expect(INTERVAL_NOT_TOGETHER, "initial 5 10\n"
                                  "0 2 3 delete 5 0 ok\n"
                                  "0 4 5 insert 6 20 ok\n"
                                  "1 1 9 search below 2 ok 5=10 6=20\n");
    expect(INTERVAL_FINE, "initial 5 10\n"
                          "0 2 3 delete 5 0 ok\n"
                          "0 4 5 insert 6 20 ok\n"
                          "1 1 9 search below 2 ok 6=20\n");
    expect(INTERVAL_FINE, "initial 5 10\n"
                          "0 2 3 delete 5 0 ok\n"
                          "0 4 5 insert 6 20 ok\n"
                          "1 1 9 search below 2 ok\n");
}

static void two_updates_are_seen_in_their_order(void **state)
{
    (void)state;
    /* The new value of the second with the old of the first. */
    expect(INTERVAL_NOT_TOGETHER, "initial 5 10\ninitial 6 20\n"
                                  "0 2 3 update 5 30 ok\n"
                                  "0 4 5 update 6 40 ok\n"
                                  "1 1 9 search below 2 ok 5=10 6=40\n");
    expect(INTERVAL_FINE, "initial 5 10\ninitial 6 20\n"
                          "0 2 3 update 5 30 ok\n"
                          "0 4 5 update 6 40 ok\n"
                          "1 1 9 search below 2 ok 6=20 5=30\n");
}

static void a_missing_entry_is_found_though_different_ones_are_missing_in_turn(void **state)
{
    (void)state;
    /* Until 4 key 5 should have been returned, from 3 on key 6. */
    expect(INTERVAL_MISSING, "initial 5 10\n"
                             "0 2 3 insert 6 20 ok\n"
                             "0 4 5 delete 5 0 ok\n"
                             "1 1 9 search below 1 ok\n");
    expect(INTERVAL_FINE, "initial 5 10\n"
                          "0 2 3 delete 5 0 ok\n"
                          "0 4 5 insert 6 20 ok\n"
                          "1 1 9 search below 1 ok\n");
}

static void a_key_cannot_have_another_value_for_sure(void **state)
{
    (void)state;
    /* Pending: nothing ends value 30 for sure, but value 40 is surely there. */
    expect(INTERVAL_NOT_TOGETHER, "initial 5 10\n"
                                  "2 1 - upsert 5 30 -\n"
                                  "0 2 3 get 5 30 ok\n"
                                  "0 4 5 upsert 5 40 ok\n"
                                  "1 6 7 search below 1 ok 5=30\n");
    expect(INTERVAL_FINE, "initial 5 10\n"
                          "2 1 - upsert 5 30 -\n"
                          "0 4 5 upsert 5 40 ok\n"
                          "1 6 7 search below 1 ok 5=30\n");
    expect(INTERVAL_MISSING, "initial 5 10\n"
                             "0 1 4 insert 5 30 ok\n"
                             "1 2 3 search below 1 ok 5=30\n");
}

static void the_report_names_search_entry_and_times(void **state)
{
    (void)state;
    struct history history;
    struct interval_report report;
    history_of_text("initial 5 10\ninitial 6 20\n"
                    "0 1 2 delete 6 0 ok\n"
                    "1 3 9 search below 2 ok\n",
                    &history);
    char *text = NULL;
    size_t size = 0;
    FILE *const file = open_memstream(&text, &size);
    assert_non_null(file);
    assert_false(judge(&history, &report));
    interval_report_print(file, &report, history.ops);
    assert_int_equal(fclose(file), 0);
    assert_string_equal(text, "searches possible: no, 1 judged\n"
                              "  #1 t1 [3, 9] search of 2 from below: ok\n"
                              "  an entry is missing at each instant at which the results can be\n"
                              "  the results can have been live together from 3 to 9\n"
                              "  surely was live: key 5 value 10, from 0 to the end\n");
    free(text);
    history_end(&history);
}

/* A distance that turns everything round. */
static double turned(void *context, size_t search, uint64_t key, uint64_t value)
{
    (void)key;
    *(size_t *)context = search;
    return 1000.0 - (double)value;
}

static void nearness_is_what_the_callback_says(void **state)
{
    (void)state;
    struct history history;
    size_t search = SIZE_MAX;
    history_of_text("0 1 2 insert 5 10 ok\n"
                    "0 3 4 insert 6 20 ok\n"
                    "0 5 6 search below 2 ok 6=20 5=10\n",
                    &history);
    assert_false(judge(&history, NULL));
    assert_true(interval_check(history.ops, history.count, NULL, turned, &search, NULL));
    assert_int_equal(search, 2);
    history_end(&history);
}

enum { TRIALS = 20000 };

static void random_searches_are_refused_only_if_the_oracle_refuses_them(void **state)
{
    (void)state;
    uint64_t random = test_seed();
    struct history_tally tally = {0};
    for (int trial = 0; trial < TRIALS; trial++) {
        struct history history;
        const bool has_clears = trial % 4 == 0;
        const struct history_sim sim = {.random = random_word(&random),
                                        .threads = 2 + (uint32_t)random_below(&random, 2),
                                        .keys = has_clears ? 2 : 3,
                                        .ops = has_clears ? 6 : 8,
                                        .initial = (uint32_t)random_below(&random, 3),
                                        .crash_one_of = 12,
                                        .fail_one_of = 12,
                                        .ticks = 1 + (uint32_t)random_below(&random, 3),
                                        .weights = {2, 2, 2, 2, 1, 1, 0, has_clears, 5}};
        history_simulate(&sim, &history);
        if (!judge(&history, NULL)) {
            history_show(&history);
            fail_msg("trial %d: a search that was true is refused", trial);
        }
        bool is_spoiled = false;
        for (size_t s = 0; s < history.count && !is_spoiled; s++) {
            is_spoiled = history_spoil_search(&history, s, &random);
        }
        if (is_spoiled) {
            history_tally_add(&tally, &history, judge(&history, NULL), "a search", trial);
        }
        history_end(&history);
    }
    printf("%u wrong searches, %u of them found\n", tally.wrong, tally.caught);
    assert_true(tally.wrong > TRIALS / 10 && tally.caught > tally.wrong / 2);
}

static void one_wrong_search_in_a_long_history_is_found(void **state)
{
    (void)state;
    struct history history;
    struct interval_report report;
    const struct history_sim sim = {.random = test_seed(),
                                    .threads = 8,
                                    .keys = 100,
                                    .ops = 30000,
                                    .initial = 50,
                                    .ticks = 3,
                                    .search_k_max = 12,
                                    .weights = {8, 4, 4, 8, 2, 2, 0, 0, 2}};
    history_simulate(&sim, &history);
    assert_true(judge(&history, &report));
    assert_true(report.searches > 1000);
    size_t s = history.count / 2;
    while (history.ops[s].kind != HISTORY_SEARCH || history.ops[s].result_count < 8) {
        s++;
    }
    /* Without its nearest results, of which at most some may have been on their way. */
    history.ops[s].results += 7;
    history.ops[s].result_count = (uint16_t)(history.ops[s].result_count - 7);
    assert_false(judge(&history, &report));
    assert_int_equal(report.wrong, s);
    assert_int_equal(report.fault, INTERVAL_MISSING);
    history_end(&history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nearest_of_what_is_there_are_accepted),
        cmocka_unit_test(the_form_of_the_answer_is_checked),
        cmocka_unit_test(a_key_with_both_its_old_and_its_new_value_is_refused),
        cmocka_unit_test(ties_are_in_the_order_of_keys),
        cmocka_unit_test(what_is_surely_there_and_nearer_may_not_be_missing),
        cmocka_unit_test(an_entry_that_moves_may_not_be_missed_between_its_places),
        cmocka_unit_test(what_was_replaced_or_deleted_before_may_not_be_returned),
        cmocka_unit_test(the_results_must_have_been_live_at_one_instant),
        cmocka_unit_test(two_updates_are_seen_in_their_order),
        cmocka_unit_test(a_missing_entry_is_found_though_different_ones_are_missing_in_turn),
        cmocka_unit_test(a_key_cannot_have_another_value_for_sure),
        cmocka_unit_test(the_report_names_search_entry_and_times),
        cmocka_unit_test(nearness_is_what_the_callback_says),
        cmocka_unit_test(random_searches_are_refused_only_if_the_oracle_refuses_them),
        cmocka_unit_test(one_wrong_search_in_a_long_history_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
