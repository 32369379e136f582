/* SPDX-License-Identifier: Apache-2.0 */
/*
 * akin-history as a program: its commands, its exit statuses, what it says about wrong files.
 *
 * HISTORY_TOOL is its path (CMakeLists.txt).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "harness/history_file.h"
#include "support/scratch.h"

struct run {
    struct scratch scratch;
    char path[320];
    char output[16384];
};

static int make(void **state)
{
    struct run *const run = calloc(1, sizeof *run);
    assert_non_null(run);
    scratch_make(&run->scratch);
    (void)snprintf(run->path, sizeof run->path, "%s", scratch_path(&run->scratch, "history"));
    *state = run;
    return 0;
}

static int drop(void **state)
{
    struct run *const run = *state;
    scratch_remove(&run->scratch);
    free(run);
    return 0;
}

/* Run it with these arguments, a %s among them is the path; its exit status. */
static int tool(struct run *run, const char *arguments)
{
    char with_path[512];
    char command[1024];
    const char *const hole = strstr(arguments, "%s");
    const int before = hole != NULL ? (int)(hole - arguments) : (int)strlen(arguments);
    (void)snprintf(with_path, sizeof with_path, "%.*s%s%s", before, arguments,
                   hole != NULL ? run->path : "", hole != NULL ? hole + 2 : "");
    (void)snprintf(command, sizeof command, "%s %s 2>&1 </dev/null", HISTORY_TOOL, with_path);
    /* The program's own name, and words of this test. NOLINTNEXTLINE(cert-env33-c) */
    FILE *const pipe = popen(command, "r");
    assert_non_null(pipe);
    const size_t length = fread(run->output, 1, sizeof run->output - 1, pipe);
    run->output[length] = '\0';
    const int status = pclose(pipe);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void expect(struct run *run, int status, const char *arguments, const char *said)
{
    const int got = tool(run, arguments);
    if (got != status || strstr(run->output, said) == NULL) {
        fail_msg("akin-history %s: exit %d, expected %d and \"%s\":\n%s", arguments, got, status,
                 said, run->output);
    }
}

static void write_text(const struct run *run, const char *text)
{
    scratch_write(run->path, text, strlen(text));
}

static void what_it_records_is_correct(void **state)
{
    struct run *const run = *state;
    expect(run, 0, "record -t 4 -k 30 -n 20000 --clears 500 --searches 50 -o %s",
           "20000 calls of 4 threads on 30 keys");
    expect(run, 0, "check %s", "linearizable: yes, 30 keys");
    expect(run, 0, "check %s", "counts possible: yes");
    expect(run, 0, "check %s", "searches possible: yes");
    expect(run, 0, "record -t 2 -k 3 -d 1 -n 2000 --clock monotonic -o %s", "2000 calls");
    expect(run, 0, "check %s", "linearizable: yes");
}

static void a_seeded_violation_is_found_and_shrunk(void **state)
{
    struct run *const run = *state;
    struct history history;
    struct history_file_error error;
    expect(run, 0, "record -t 4 -k 100 -n 20000 --seeded-violation -o %s", "seeded violation: t");
    expect(run, 1, "check %s", "linearizable: no");
    expect(run, 1, "shrink %s", "linearizability is wrong");
    char command[400];
    (void)snprintf(command, sizeof command, "shrink %%s -o %s.short", run->path);
    expect(run, 1, command, "of 20000 calls are left");
    (void)snprintf(command, sizeof command, "%s.short", run->path);
    assert_true(history_load(command, &history, &error));
    assert_true(history.count <= 6);
    history_end(&history);
    (void)snprintf(command, sizeof command, "check %s.short", run->path);
    expect(run, 1, command, "linearizable: no, 1 keys");
}

static void each_checker_makes_it_exit_with_1(void **state)
{
    struct run *const run = *state;
    write_text(run, "akin-history 1\n0 1 2 get 5 1 ok\n");
    expect(run, 1, "check %s", "linearizable: no");
    write_text(run, "akin-history 1\n0 1 2 count 0 1 ok\n");
    expect(run, 1, "check %s", "counts possible: no");
    expect(run, 1, "check --whole %s", "linearizable: no");
    expect(run, 1, "shrink %s", "a count is wrong: 1 of 1 calls are left");
    write_text(run, "akin-history 1\n0 1 2 search below 1 ok 5=5\n");
    expect(run, 1, "check %s", "searches possible: no");
    expect(run, 1, "shrink %s", "a search is wrong: 1 of 1 calls are left");
    write_text(run, "akin-history 1\n0 1 2 insert 5 1 ok\n");
    expect(run, 0, "check --whole %s", "linearizable: yes");
    expect(run, 0, "shrink %s", "nothing is wrong");
}

static void what_was_not_judged_makes_it_exit_with_2(void **state)
{
    struct run *const run = *state;
    expect(run, 0, "record -t 1 -k 20 -n 100 -o %s", "100 calls");
    expect(run, 2, "check --whole %s", "unknown");
}

static void show_prints_each_call(void **state)
{
    struct run *const run = *state;
    write_text(run, "akin-history 1\ninitial 5 1\n3 1 2 get 5 1 ok\n");
    expect(run, 0, "show %s", "initial key 5 value 1\n#0 t3 [1, 2] get key 5: ok 1\n");
}

static void a_wrong_file_is_refused_with_its_line(void **state)
{
    struct run *const run = *state;
    write_text(run, "akin-history 1\n0 1 2 get 5 1 ok\n0 3 4 got 5 1 ok\n");
    expect(run, 2, "check %s", ":3: no kind of call");
    expect(run, 2, "shrink %s", ":3: no kind of call");
    expect(run, 2, "show %s", ":3: no kind of call");
    expect(run, 2, "check /nowhere/at/all", "cannot be opened: No such file");
}

static void wrong_arguments_are_refused(void **state)
{
    struct run *const run = *state;
    expect(run, 2, "", "try --help");
    expect(run, 2, "check", "try --help");
    expect(run, 2, "cheque %s", "try --help");
    expect(run, 2, "record %s", "try --help");
    expect(run, 2, "check a b", "one argument too many");
    expect(run, 2, "record --threads 0", "no number from 1");
    expect(run, 2, "record --keys 1x", "no number from 1");
    expect(run, 2, "record --clock sun", "no clock");
    expect(run, 2, "record -t 1 -k 1 -n 1 --seeded-violation", "can be made wrong");
    expect(run, 2, "record -n 10 -o /nowhere/at/all", "cannot be made");
}

#define TOOL_TEST(test) cmocka_unit_test_setup_teardown(test, make, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TOOL_TEST(what_it_records_is_correct),
        TOOL_TEST(a_seeded_violation_is_found_and_shrunk),
        TOOL_TEST(each_checker_makes_it_exit_with_1),
        TOOL_TEST(what_was_not_judged_makes_it_exit_with_2),
        TOOL_TEST(show_prints_each_call),
        TOOL_TEST(a_wrong_file_is_refused_with_its_line),
        TOOL_TEST(wrong_arguments_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
