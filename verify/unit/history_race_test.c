/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Histories of a real index under real threads, judged by every checker (G1, G3, G4).
 *
 * Goal  : an order explains all answers of each key; every count and every search can have been.
 * Method: threads do a random mixture of calls and record it (harness/history_mix.h). Afterwards
 *         one answer is changed into a stale one, and the same history has to be refused: a run
 *         that could not show a fault is no pass.
 * Order : of the counter; under ThreadSanitizer of the clock (harness/history_recorder.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>

#include "akin/akin.h"
#include "harness/count_check.h"
#include "harness/history_mix.h"
#include "harness/history_recorder.h"
#include "harness/interval_check.h"
#include "harness/linearize.h"
#include "support/race.h"
#include "support/tracking_allocator.h"

enum { THREADS = 8, CALLS = 100000, CALLS_LEAST = 8000 };

struct stage {
    struct history_mix mix;
    enum akin_maintenance maintenance;
    const char *name;
    uint64_t calls; /* of each thread */
    akin_index *index;
    struct history_recorder *recorder;
};

static void do_calls(struct race_worker *worker)
{
    struct stage *const stage = worker->shared;
    struct history_caller caller;
    history_caller_init(&caller, &stage->mix, stage->index, stage->recorder, worker->rank);
    for (uint64_t i = 0; i < stage->calls; i++) {
        race_begin(worker);
        history_caller_call(&caller);
        race_end(worker);
    }
}

static void judge(struct history *history)
{
    struct linearize_report report;
    struct count_report counts;
    struct interval_report searches;
    size_t bad = 0;
    const char *const fault = history_fault(history->ops, history->count, NULL, 0, &bad);
    if (fault != NULL) {
        fail_msg("call %zu: %s", bad, fault);
    }
    const enum linearize_verdict verdict =
        linearize_by_key(history->ops, history->count, NULL, NULL, &report);
    const bool counts_are_fine = count_check(history->ops, history->count, NULL, &counts);
    const bool searches_are_fine =
        interval_check(history->ops, history->count, NULL, NULL, NULL, &searches);
    linearize_report_print(stdout, &report, history->ops);
    count_report_print(stdout, &counts, history->ops);
    interval_report_print(stdout, &searches, history->ops);
    linearize_report_end(&report);
    if (verdict != LINEARIZE_YES || !counts_are_fine || !searches_are_fine) {
        fail_msg("seed %" PRIu64 ": the history is wrong, or not judged", race_seed());
    }
    assert_true(counts.counts > 0 && searches.searches > 0);
}

static void refuse_with_a_stale_read(struct history *history)
{
    struct linearize_report report;
    const size_t get = history_seed_stale_read(history);
    assert_int_not_equal(get, SIZE_MAX);
    assert_int_equal(linearize_by_key(history->ops, history->count, NULL, NULL, &report),
                     LINEARIZE_NO);
    assert_int_equal(report.key, history->ops[get].key);
    linearize_report_end(&report);
}

static bool attempt(void *context)
{
    struct stage *const stage = context;
    struct tracking_allocator tracking;
    struct akin_options options;
    struct akin_error error = {.message = ""};
    struct history history;
    const struct race_role roles[] = {
        {.name = "callers", .threads = THREADS, .body = do_calls, .least = stage->calls}};
    tracking_init(&tracking);
    history_mix_options(&stage->mix, &options);
    options.maintenance = stage->maintenance;
    options.allocator = tracking_hooks(&tracking);
    assert_int_equal(akin_open(&options, &stage->index, NULL), AKIN_OK);
    stage->recorder =
        history_recorder_make(THREADS, stage->calls, stage->calls, HISTORY_CLOCK_DEFAULT);
    const bool has_overlapped = race_try(stage->name, roles, 1, stage);
    history_collect(stage->recorder, &history);
    history_recorder_end(stage->recorder);
    assert_int_equal(history.count, THREADS * stage->calls);
    judge(&history);
    if (has_overlapped) {
        refuse_with_a_stale_read(&history);
    }
    history_end(&history);
    assert_int_equal(akin_maintain(stage->index, AKIN_MAINTAIN_DRAIN, NULL, NULL), AKIN_OK);
    if (akin_check(stage->index, AKIN_CHECK_DEEP, &error) != AKIN_OK) {
        fail_msg("%s: %s", error.field, error.message);
    }
    assert_int_equal(akin_close(stage->index), AKIN_OK);
    tracking_end(&tracking);
    return has_overlapped;
}

static void run(struct stage *stage)
{
    stage->mix.threads = THREADS;
    stage->mix.seed = race_seed();
    stage->calls = race_scaled(CALLS, CALLS_LEAST) / THREADS;
    race_until_overlap(attempt, stage);
}

static void many_keys_are_linearizable_and_searches_see_one_instant(void **state)
{
    (void)state;
    run(&(struct stage){.name = "many keys",
                        .maintenance = AKIN_MAINTENANCE_INLINE,
                        .mix = {.keys = 1024, .dim = 4, .search_one_of = 100}});
}

static void few_keys_are_linearizable_and_searches_see_one_instant(void **state)
{
    (void)state;
    run(&(struct stage){.name = "few keys",
                        .maintenance = AKIN_MAINTENANCE_WORKER,
                        .mix = {.keys = 5, .dim = 1, .search_one_of = 10}});
}

static void clears_delete_what_they_noted(void **state)
{
    (void)state;
    run(&(struct stage){.name = "clears",
                        .maintenance = AKIN_MAINTENANCE_INLINE,
                        .mix = {.keys = 40, .dim = 2, .search_one_of = 50, .clear_one_of = 300}});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_keys_are_linearizable_and_searches_see_one_instant),
        cmocka_unit_test(few_keys_are_linearizable_and_searches_see_one_instant),
        cmocka_unit_test(clears_delete_what_they_noted),
    };
    race_program(200);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
