/* SPDX-License-Identifier: Apache-2.0 */
/*
 * count_check: it never refuses a count that can be, and finds those that cannot.
 *
 * Method: counts by hand; random small histories, where a count that is refused must be refused by
 *         the oracle too; large true ones, and the same with one count that is off by more than
 *         the bounds are apart.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "harness/count_check.h"
#include "support/history_oracle.h"
#include "support/history_sim.h"
#include "support/vectors.h"

static bool judge(const struct history *history, struct count_report *report)
{
    const struct linearize_initial initial = {history->initial, history->initial_count};
    return count_check(history->ops, history->count, &initial, report);
}

/* Expect the first wrong count at `wrong`, or none with SIZE_MAX. */
static void expect(size_t wrong, const char *text)
{
    struct history history;
    struct count_report report;
    history_of_text(text, &history);
    const bool is_fine = judge(&history, &report);
    if (report.wrong != wrong || is_fine != (wrong == SIZE_MAX)) {
        count_report_print(stderr, &report, history.ops);
        fail_msg("expected another answer:\n%s", text);
    }
    history_end(&history);
}

static void a_count_of_what_is_there_is_accepted_and_any_other_refused(void **state)
{
    (void)state;
    expect(SIZE_MAX, "initial 5 1\n"
                     "0 1 2 count 0 1 ok\n"
                     "0 3 4 insert 6 2 ok\n"
                     "0 5 6 count 0 2 ok\n"
                     "0 7 8 delete 5 0 ok\n"
                     "0 9 10 count 0 1 ok\n");
    expect(0, "0 1 2 count 0 1 ok\n");
    expect(0, "initial 5 1\n0 1 2 count 0 0 ok\n");
    expect(1, "0 1 2 insert 5 1 ok\n0 3 4 count 0 0 ok\n");
    expect(1, "initial 5 1\n0 1 2 delete 5 0 ok\n0 3 4 count 0 1 ok\n");
    expect(1, "initial 5 1\n0 1 2 upsert 5 2 ok\n0 3 4 count 0 2 ok\n");
}

static void a_count_beside_a_write_may_see_it_or_not(void **state)
{
    (void)state;
    expect(SIZE_MAX, "0 1 4 insert 5 1 ok\n"
                     "1 2 3 count 0 0 ok\n"
                     "2 2 3 count 0 1 ok\n");
    expect(1, "0 1 4 insert 5 1 ok\n"
              "1 2 3 count 0 2 ok\n");
}

static void the_bounds_belong_to_one_instant(void **state)
{
    (void)state;
    /* Over the whole call there are between 0 and 2 keys, but never 2 and never 0 at once. */
    expect(2, "initial 5 1\ninitial 6 2\n"
              "0 2 3 delete 5 0 ok\n"
              "0 4 5 insert 7 3 ok\n"
              "1 1 9 count 0 3 ok\n");
    expect(SIZE_MAX, "initial 5 1\ninitial 6 2\n"
                     "0 2 3 delete 5 0 ok\n"
                     "0 4 5 insert 7 3 ok\n"
                     "1 1 9 count 0 1 ok\n");
}

static void answers_of_reads_tell_what_is_there(void **state)
{
    (void)state;
    expect(2, "0 1 - insert 5 1 -\n"
              "1 2 3 get 5 1 ok\n"
              "1 4 5 count 0 0 ok\n");
    expect(1, "initial 5 1\n"
              "0 1 - delete 6 0 -\n"
              "1 4 5 count 0 0 ok\n");
    expect(3, "initial 5 1\n"
              "0 1 - delete 5 0 -\n"
              "1 4 5 count 0 1 ok\n"
              "1 6 7 contains 5 0 not_found\n"
              "1 8 9 count 0 1 ok\n");
}

static void after_a_clear_only_what_came_beside_it_may_be_left(void **state)
{
    (void)state;
    expect(1, "initial 5 1\n"
              "0 1 2 clear 0 0 ok\n"
              "0 3 4 count 0 1 ok\n");
    expect(SIZE_MAX, "initial 5 1\n"
                     "0 1 6 clear 0 0 ok\n"
                     "1 2 3 update 5 2 ok\n"
                     "0 7 8 count 0 1 ok\n"
                     "0 9 10 count 0 0 ok\n");
    expect(SIZE_MAX, "initial 5 1\n"
                     "0 1 2 clear 0 0 failed\n"
                     "0 3 4 count 0 1 ok\n");
}

static void the_report_has_the_bounds(void **state)
{
    (void)state;
    struct history history;
    struct count_report report;
    history_of_text("initial 5 1\ninitial 6 2\n"
                    "0 1 9 delete 5 0 ok\n"
                    "1 2 3 count 0 2 ok\n"
                    "1 4 5 count 0 3 ok\n",
                    &history);
    assert_false(judge(&history, &report));
    assert_int_equal(report.counts, 2);
    assert_int_equal(report.wrong, 2);
    assert_int_equal(report.low, 1);
    assert_int_equal(report.high, 2);
    assert_int_equal(report.widest_gap, 1);
    history_end(&history);
}

enum { TRIALS = 20000 };

static void random_counts_are_refused_only_if_the_oracle_refuses_them(void **state)
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
                                        .weights = {2, 2, 1, 3, 1, 1, 4, has_clears, 0}};
        history_simulate(&sim, &history);
        if (!judge(&history, NULL)) {
            history_show(&history);
            fail_msg("trial %d: a count that was true is refused", trial);
        }
        size_t c = 0;
        while (c < history.count &&
               (history.ops[c].kind != HISTORY_COUNT || history_is_pending(&history.ops[c]))) {
            c++;
        }
        if (c < history.count) {
            history.ops[c].value = random_below(&random, 4);
            history_tally_add(&tally, &history, judge(&history, NULL), "a count", trial);
        }
        history_end(&history);
    }
    printf("%u wrong counts, %u of them found\n", tally.wrong, tally.caught);
    assert_true(tally.wrong > TRIALS / 10 && tally.caught > tally.wrong / 2);
}

static void one_wrong_count_in_a_long_history_is_found(void **state)
{
    (void)state;
    struct history history;
    struct count_report report;
    const struct history_sim sim = {.random = test_seed(),
                                    .threads = 8,
                                    .keys = 200,
                                    .ops = 50000,
                                    .initial = 100,
                                    .ticks = 3,
                                    .weights = {4, 2, 2, 5, 4, 2, 1, 0, 0}};
    history_simulate(&sim, &history);
    assert_true(judge(&history, &report));
    assert_true(report.counts > 1000);
    assert_true(report.widest_gap <= 2 * sim.threads);
    size_t c = history.count / 2;
    while (history.ops[c].kind != HISTORY_COUNT) {
        c++;
    }
    history.ops[c].value += report.widest_gap + 2 * sim.threads;
    assert_false(judge(&history, &report));
    assert_int_equal(report.wrong, c);
    history_end(&history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_count_of_what_is_there_is_accepted_and_any_other_refused),
        cmocka_unit_test(a_count_beside_a_write_may_see_it_or_not),
        cmocka_unit_test(the_bounds_belong_to_one_instant),
        cmocka_unit_test(answers_of_reads_tell_what_is_there),
        cmocka_unit_test(after_a_clear_only_what_came_beside_it_may_be_left),
        cmocka_unit_test(the_report_has_the_bounds),
        cmocka_unit_test(random_counts_are_refused_only_if_the_oracle_refuses_them),
        cmocka_unit_test(one_wrong_count_in_a_long_history_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
