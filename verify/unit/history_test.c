/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Histories: which can be judged, and that they survive being written and read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/history.h"
#include "harness/history_file.h"
#include "support/history_sim.h"
#include "support/scratch.h"
#include "support/vectors.h"

static void expect_fault(const char *expected, const struct history_op *ops, size_t count,
                         size_t expected_bad)
{
    const struct history_result initial = {.key = 1, .value = 1};
    size_t bad = SIZE_MAX;
    const char *const fault = history_fault(ops, count, &initial, 1, &bad);
    if (expected == NULL) {
        assert_null(fault);
        return;
    }
    assert_non_null(fault);
    assert_string_equal(fault, expected);
    assert_int_equal(bad, expected_bad);
}

static void a_history_that_cannot_be_judged_is_found_out(void **state)
{
    (void)state;
    const struct history_op good = {
        .invoked = 5, .returned = 6, .key = 1, .value = 2, .kind = HISTORY_INSERT};
    struct history_op ops[2] = {good, good};
    ops[1].kind = HISTORY_GET;
    ops[1].invoked = 6;
    ops[1].returned = 7;
    expect_fault(NULL, ops, 2, 0);
    ops[1].kind = HISTORY_UPSERT;
    expect_fault("two writes have the same value", ops, 2, 1);
    ops[1].value = 1;
    expect_fault("two writes have the same value", ops, 2, 1);
    ops[1].value = 0;
    expect_fault("a write without a value of its own", ops, 2, 1);
    ops[1].value = 3;
    expect_fault(NULL, ops, 2, 0);
    ops[1].invoked = 5;
    expect_fault("the thread had not returned from its call before", ops, 2, 1);
    ops[1].thread = 1;
    expect_fault(NULL, ops, 2, 0);
    ops[1].returned = 5;
    expect_fault("the return is out of range or not after the invocation", ops, 2, 1);
    ops[1].returned = HISTORY_PENDING;
    expect_fault(NULL, ops, 2, 0);
    ops[1].result_count = 1;
    expect_fault("results where there are none, or none where there are some", ops, 2, 1);
    ops[1].result_count = 0;
    ops[1].kind = HISTORY_KINDS;
    expect_fault("no such kind or answer", ops, 2, 1);
}

static void two_initial_entries_of_one_key_are_found_out(void **state)
{
    (void)state;
    struct history_result initial[2] = {{1, 1}, {1, 2}};
    size_t bad = SIZE_MAX;
    assert_non_null(history_fault(NULL, 0, initial, 2, &bad));
    initial[1] = (struct history_result){2, 0};
    assert_non_null(history_fault(NULL, 0, initial, 2, &bad));
    initial[1] = (struct history_result){2, 2};
    assert_null(history_fault(NULL, 0, initial, 2, &bad));
}

static void assert_same(const struct history *a, const struct history *b)
{
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->initial_count, b->initial_count);
    for (size_t i = 0; i < a->initial_count; i++) {
        assert_int_equal(a->initial[i].key, b->initial[i].key);
        assert_int_equal(a->initial[i].value, b->initial[i].value);
    }
    for (size_t i = 0; i < a->count; i++) {
        const struct history_op *const x = &a->ops[i];
        const struct history_op *const y = &b->ops[i];
        assert_true(x->invoked == y->invoked && x->returned == y->returned);
        assert_true(x->key == y->key && x->value == y->value && x->thread == y->thread);
        assert_true(x->kind == y->kind && x->result_count == y->result_count);
        assert_true(x->answer == y->answer || history_is_pending(x));
        for (size_t r = 0; r < x->result_count; r++) {
            assert_int_equal(x->results[r].key, y->results[r].key);
            assert_int_equal(x->results[r].value, y->results[r].value);
        }
    }
}

static void a_history_that_was_saved_is_loaded_as_it_was(void **state)
{
    (void)state;
    struct scratch scratch;
    struct history history;
    struct history loaded;
    struct history copy;
    struct history_file_error error;
    const struct history_sim sim = {.random = test_seed(),
                                    .threads = 8,
                                    .keys = 30,
                                    .ops = 5000,
                                    .initial = 10,
                                    .weights = {1, 1, 1, 1, 1, 1, 1, 1, 1},
                                    .crash_one_of = 800,
                                    .fail_one_of = 50,
                                    .search_k_max = 20};
    history_simulate(&sim, &history);
    scratch_make(&scratch);
    const char *const path = scratch_path(&scratch, "saved");
    assert_true(history_save(path, &history, &error));
    assert_true(history_load(path, &loaded, &error));
    assert_same(&history, &loaded);
    history_copy(&copy, history.ops, history.count, history.initial, history.initial_count);
    history_end(&history);
    assert_same(&copy, &loaded);
    history_end(&copy);
    history_end(&loaded);
    scratch_remove(&scratch);
}

struct wrong_file {
    const char *text;
    size_t line;
};

static void a_file_that_is_wrong_is_refused_with_its_line(void **state)
{
    (void)state;
    static const struct wrong_file files[] = {
        {"akin-history 2\n", 1},
        {"1 2 3\n", 1},
        {"akin-history 1\n0 1 2 insert 5 1 ok\n0 3 4 inert 5 2 ok\n", 3},
        {"akin-history 1\n\n", 2},
        {"akin-history 1\n# nothing\n0 1 2 get 5 0 not_found \n", 3},
        {"akin-history 1\n0 1 2 get 5 0\n", 2},
        {"akin-history 1\n0 1 2 get 5 0 maybe\n", 2},
        {"akin-history 1\n0 1 2 get 5 0 ok 5=1\n", 2},
        {"akin-history 1\n0 1 2 get 5 -1 ok\n", 2},
        {"akin-history 1\n0 1 2 get 5 99999999999999999999 ok\n", 2},
        {"akin-history 1\n0 1 2x get 5 1 ok\n", 2},
        {"akin-history 1\n0 2 2 get 5 1 ok\n", 2},
        {"akin-history 1\n0 1 - get 5 1 ok\n", 2},
        {"akin-history 1\n0 1 2 search below 5 ok 5:1\n", 2},
        {"akin-history 1\n0 1 2 search beside 5 ok\n", 2},
        {"akin-history 1\n0 1 2 insert 5 1 ok\ninitial 3 3\n", 3},
        {"akin-history 1\ninitial 3\n", 2},
        {"akin-history 1\n0 1 2 insert 5 1 ok\n1 1 2 insert 6 1 ok\n", 3},
        {"akin-history 1\n0 1 2 insert 5 1 ok", 2},
        {"akin-history 1\n99999999999 1 2 insert 5 1 ok\n", 2},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct history history;
        struct history_file_error error = {.reason = NULL};
        FILE *const file = fmemopen((char *)(uintptr_t)files[i].text, strlen(files[i].text), "r");
        assert_non_null(file);
        if (history_read(file, &history, &error)) {
            fail_msg("it was read: %s", files[i].text);
        }
        if (error.line != files[i].line) {
            fail_msg("line %zu (%s), expected %zu: %s", error.line, error.reason, files[i].line,
                     files[i].text);
        }
        assert_non_null(error.reason);
        assert_null(history.ops);
        (void)fclose(file);
    }
}

static void an_empty_file_and_one_that_is_not_there_are_refused(void **state)
{
    (void)state;
    struct history history;
    struct history_file_error error;
    FILE *const file = fopen("/dev/null", "r");
    assert_non_null(file);
    assert_false(history_read(file, &history, &error));
    assert_int_equal(error.line, 1);
    (void)fclose(file);
    assert_false(history_load("/nowhere/at/all", &history, &error));
    assert_int_equal(error.os_error, ENOENT);
    assert_false(history_save("/nowhere/at/all", &history, &error));
    assert_int_equal(error.os_error, ENOENT);
}

static void a_call_is_printed_as_a_sentence(void **state)
{
    (void)state;
    struct history history;
    char *text = NULL;
    size_t size = 0;
    FILE *const file = open_memstream(&text, &size);
    assert_non_null(file);
    history_of_text("3 17 29 insert 5 12 exists\n"
                    "3 30 31 get 5 12 ok\n"
                    "3 32 33 search above 2 ok 5=12 6=11\n"
                    "3 34 - clear 0 0 -\n",
                    &history);
    for (size_t i = 0; i < history.count; i++) {
        history_op_print(file, &history.ops[i]);
        fputc('\n', file);
    }
    assert_int_equal(fclose(file), 0);
    assert_string_equal(text, "t3 [17, 29] insert key 5 value 12: exists\n"
                              "t3 [30, 31] get key 5: ok 12\n"
                              "t3 [32, 33] search of 2 from above: ok 5=12 6=11\n"
                              "t3 [34, never] clear\n");
    free(text);
    history_end(&history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_history_that_cannot_be_judged_is_found_out),
        cmocka_unit_test(two_initial_entries_of_one_key_are_found_out),
        cmocka_unit_test(a_history_that_was_saved_is_loaded_as_it_was),
        cmocka_unit_test(a_file_that_is_wrong_is_refused_with_its_line),
        cmocka_unit_test(an_empty_file_and_one_that_is_not_there_are_refused),
        cmocka_unit_test(a_call_is_printed_as_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
