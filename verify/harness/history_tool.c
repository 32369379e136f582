/* SPDX-License-Identifier: Apache-2.0 */
/*
 * akin-history: record histories of a real index, judge them, make wrong ones short, show them.
 *
 * Exit: 0 the history is correct as far as the checkers see, or the work is done; 1 it is wrong; 2
 *       it could not be judged, or the command or a file is at fault.
 */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "harness/count_check.h"
#include "harness/harness_alloc.h"
#include "harness/history_file.h"
#include "harness/history_mix.h"
#include "harness/history_recorder.h"
#include "harness/history_shrink.h"
#include "harness/interval_check.h"
#include "harness/linearize.h"
#include "harness/sizes.h"

enum { EXIT_WRONG = 1, EXIT_UNKNOWN = 2 };

/* ---- arguments ---- */

enum option_key {
    OPTION_THREADS = 't',
    OPTION_KEYS = 'k',
    OPTION_OPS = 'n',
    OPTION_DIM = 'd',
    OPTION_SEED = 's',
    OPTION_OUT = 'o',
    OPTION_WHOLE = 'w',
    OPTION_CLEARS = 0x100,
    OPTION_SEARCHES = 0x101,
    OPTION_CLOCK = 0x102,
    OPTION_VIOLATION = 0x103
};

struct arguments {
    const char *command;
    const char *file;
    const char *out;
    struct history_mix mix;
    uint64_t ops;
    enum history_clock clock;
    bool has_violation;
    bool is_whole;
};

static const struct argp_option options[] = {
    {"out", OPTION_OUT, "FILE", 0,
     "shrink, record: where the history goes; else the standard output", 0},
    {"whole", OPTION_WHOLE, NULL, 0, "check: by one model of the whole index (small histories)", 0},
    {"threads", OPTION_THREADS, "N", 0, "record: threads (8)", 1},
    {"keys", OPTION_KEYS, "N", 0, "record: keys (1024)", 1},
    {"ops", OPTION_OPS, "N", 0, "record: calls of all threads (1000000)", 1},
    {"dim", OPTION_DIM, "N", 0, "record: dimension, 1 to 4 (4)", 1},
    {"seed", OPTION_SEED, "N", 0, "record: seed of the random calls, not of the schedule (1)", 1},
    {"searches", OPTION_SEARCHES, "N", 0, "record: one of N calls is a search, 0 none (500)", 1},
    {"clears", OPTION_CLEARS, "N", 0, "record: one of N calls is a clear, 0 none (0)", 1},
    {"clock", OPTION_CLOCK, "WHICH", 0, "record: order by \"counter\" or \"monotonic\"", 1},
    {"seeded-violation", OPTION_VIOLATION, NULL, 0,
     "record: change the answer of one get into a value replaced before it", 1},
    {0}};

static const char arguments_doc[] = "check FILE\nshrink FILE\nshow FILE\nrecord";
static const char doc[] =
    "Record histories of calls on an index, judge them, make wrong ones short, show them."
    "\vcheck looks for an order of the calls of each key (linearizability), and whether every "
    "count "
    "and every search can have been. Exit 0: correct as far as that shows; 1: wrong; 2: not "
    "judged, "
    "or an error.";

static uint64_t to_number(const struct argp_state *state, const char *text, uint64_t low,
                          uint64_t high)
{
    char *end = NULL;
    errno = 0;
    const uint64_t number = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || number < low ||
        number > high) {
        argp_error(state, "\"%s\" is no number from %" PRIu64 " to %" PRIu64, text, low, high);
    }
    return number;
}

static enum history_clock to_clock(const struct argp_state *state, const char *text)
{
    if (strcmp(text, "counter") == 0) {
        return HISTORY_CLOCK_COUNTER;
    }
    if (strcmp(text, "monotonic") != 0) {
        argp_error(state, "there is no clock \"%s\"", text);
    }
    return HISTORY_CLOCK_MONOTONIC;
}

static error_t take_number(int key, const char *text, const struct argp_state *state)
{
    struct arguments *const arguments = state->input;
    struct history_mix *const mix = &arguments->mix;
    switch (key) {
    case OPTION_THREADS:
        mix->threads = (uint32_t)to_number(state, text, 1, HISTORY_TOOL_THREADS_MAX);
        return 0;
    case OPTION_KEYS:
        mix->keys = (uint32_t)to_number(state, text, 1, UINT32_MAX);
        return 0;
    case OPTION_OPS:
        arguments->ops = to_number(state, text, 1, MIX_VALUE_MAX);
        return 0;
    case OPTION_DIM:
        mix->dim = (uint32_t)to_number(state, text, 1, MIX_DIM_MAX);
        return 0;
    case OPTION_SEED:
        mix->seed = to_number(state, text, 0, UINT64_MAX);
        return 0;
    case OPTION_SEARCHES:
        mix->search_one_of = (uint32_t)to_number(state, text, 0, UINT32_MAX);
        return 0;
    case OPTION_CLEARS:
        mix->clear_one_of = (uint32_t)to_number(state, text, 0, UINT32_MAX);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t take(int key, char *text, struct argp_state *state)
{
    struct arguments *const arguments = state->input;
    switch (key) {
    case OPTION_OUT:
        arguments->out = text;
        return 0;
    case OPTION_WHOLE:
        arguments->is_whole = true;
        return 0;
    case OPTION_CLOCK:
        arguments->clock = to_clock(state, text);
        return 0;
    case OPTION_VIOLATION:
        arguments->has_violation = true;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num >= 2) {
            argp_error(state, "one argument too many: %s", text);
        }
        *(state->arg_num == 0 ? &arguments->command : &arguments->file) = text;
        return 0;
    default:
        return take_number(key, text, state);
    }
}

/* ---- files ---- */

static bool complain(const char *path, const struct history_file_error *error)
{
    fprintf(stderr, "akin-history: %s", path);
    if (error->line != 0) {
        fprintf(stderr, ":%zu", error->line);
    }
    fprintf(stderr, ": %s", error->reason);
    if (error->os_error != 0) {
        fprintf(stderr, ": %s", strerror(error->os_error));
    }
    fputc('\n', stderr);
    return false;
}

static bool load(const struct arguments *arguments, struct history *history)
{
    struct history_file_error error;
    return history_load(arguments->file, history, &error) || complain(arguments->file, &error);
}

static bool save(const struct arguments *arguments, const struct history *history)
{
    struct history_file_error error;
    const bool is_good = arguments->out != NULL ? history_save(arguments->out, history, &error)
                                                : history_write(stdout, history, &error);
    return is_good || complain(arguments->out != NULL ? arguments->out : "standard output", &error);
}

/* ---- check ---- */

static double seconds_since(const struct timespec *start)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start->tv_sec) + 1e-9 * (double)(now.tv_nsec - start->tv_nsec);
}

static int exit_of(enum linearize_verdict verdict)
{
    return verdict == LINEARIZE_YES  ? EXIT_SUCCESS
           : verdict == LINEARIZE_NO ? EXIT_WRONG
                                     : EXIT_UNKNOWN;
}

static int worse(int a, int b)
{
    if (a == EXIT_WRONG || b == EXIT_WRONG) {
        return EXIT_WRONG;
    }
    return a > b ? a : b;
}

static int check_whole(const struct history *history)
{
    const struct linearize_initial initial = {history->initial, history->initial_count};
    struct linearize_report report;
    const enum linearize_verdict verdict =
        linearize_whole(history->ops, history->count, &initial, &report);
    linearize_report_print(stdout, &report, history->ops);
    linearize_report_end(&report);
    return exit_of(verdict);
}

static int check_all(const struct history *history)
{
    const struct linearize_initial initial = {history->initial, history->initial_count};
    struct linearize_report report;
    struct count_report counts;
    struct interval_report searches;
    struct timespec start;
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    int status = exit_of(linearize_by_key(history->ops, history->count, &initial, NULL, &report));
    linearize_report_print(stdout, &report, history->ops);
    linearize_report_end(&report);
    const double by_key = seconds_since(&start);
    if (!count_check(history->ops, history->count, &initial, &counts)) {
        status = worse(status, EXIT_WRONG);
    }
    count_report_print(stdout, &counts, history->ops);
    const double with_counts = seconds_since(&start);
    if (!interval_check(history->ops, history->count, &initial, NULL, NULL, &searches)) {
        status = worse(status, EXIT_WRONG);
    }
    interval_report_print(stdout, &searches, history->ops);
    printf("%zu calls judged: by key %.2f s, counts %.2f s, searches %.2f s\n", history->count,
           by_key, with_counts - by_key, seconds_since(&start) - with_counts);
    return status;
}

static int command_check(const struct arguments *arguments)
{
    struct history history;
    if (!load(arguments, &history)) {
        return EXIT_UNKNOWN;
    }
    const int status = arguments->is_whole ? check_whole(&history) : check_all(&history);
    history_end(&history);
    return status;
}

/* ---- show, shrink ---- */

static int command_show(const struct arguments *arguments)
{
    struct history history;
    if (!load(arguments, &history)) {
        return EXIT_UNKNOWN;
    }
    for (size_t i = 0; i < history.initial_count; i++) {
        printf("initial key %" PRIu64 " value %" PRIu64 "\n", history.initial[i].key,
               history.initial[i].value);
    }
    for (size_t i = 0; i < history.count; i++) {
        printf("#%zu ", i);
        history_op_print(stdout, &history.ops[i]);
        putchar('\n');
    }
    history_end(&history);
    return EXIT_SUCCESS;
}

static int command_shrink(const struct arguments *arguments)
{
    static const struct {
        const char *name;
        history_fails_fn fails;
    } kinds[] = {{"linearizability", history_fails_by_key},
                 {"a count", history_fails_count},
                 {"a search", history_fails_search}};
    struct history history;
    struct history shrunk;
    struct history_shrink_report report;
    int status = EXIT_SUCCESS;
    if (!load(arguments, &history)) {
        return EXIT_UNKNOWN;
    }
    size_t kind = 0;
    while (kind < sizeof kinds / sizeof kinds[0] &&
           !history_shrink(&history, kinds[kind].fails, NULL, &shrunk, &report)) {
        kind++;
    }
    if (kind == sizeof kinds / sizeof kinds[0]) {
        fprintf(stderr, "akin-history: %s: nothing is wrong with it\n", arguments->file);
    } else {
        fprintf(stderr, "%s is wrong: %zu of %zu calls are left, %zu tries\n", kinds[kind].name,
                report.after, report.before, report.tries);
        status = save(arguments, &shrunk) ? EXIT_WRONG : EXIT_UNKNOWN;
        history_end(&shrunk);
    }
    history_end(&history);
    return status;
}

/* ---- record ---- */

struct recording {
    struct history_caller caller;
    pthread_barrier_t *barrier;
    uint64_t calls;
    pthread_t thread;
};

static void *record_thread(void *argument)
{
    struct recording *const recording = argument;
    (void)pthread_barrier_wait(recording->barrier);
    for (uint64_t i = 0; i < recording->calls; i++) {
        history_caller_call(&recording->caller);
    }
    return NULL;
}

/* Run the threads to their end; the number of calls that were refused, UINT64_MAX if a thread could
   not be started. */
static uint64_t run(const struct arguments *arguments, akin_index *index,
                    struct history_recorder *recorder)
{
    struct recording recordings[HISTORY_TOOL_THREADS_MAX];
    pthread_barrier_t barrier;
    uint64_t failures = 0;
    const uint32_t threads = arguments->mix.threads;
    if (pthread_barrier_init(&barrier, NULL, threads) != 0) {
        return UINT64_MAX;
    }
    for (uint32_t t = 0; t < threads; t++) {
        recordings[t].barrier = &barrier;
        recordings[t].calls = arguments->ops * (t + 1) / threads - arguments->ops * t / threads;
        history_caller_init(&recordings[t].caller, &arguments->mix, index, recorder, t);
        if (pthread_create(&recordings[t].thread, NULL, record_thread, &recordings[t]) != 0) {
            return UINT64_MAX;
        }
    }
    for (uint32_t t = 0; t < threads; t++) {
        (void)pthread_join(recordings[t].thread, NULL);
        failures += recordings[t].caller.failures;
    }
    (void)pthread_barrier_destroy(&barrier);
    return failures;
}

static bool seed_violation(struct history *history)
{
    const size_t get = history_seed_stale_read(history);
    if (get == SIZE_MAX) {
        fprintf(stderr, "akin-history: no get of this history can be made wrong\n");
        return false;
    }
    fprintf(stderr, "seeded violation: ");
    history_op_print(stderr, &history->ops[get]);
    fputc('\n', stderr);
    return true;
}

static int command_record(const struct arguments *arguments)
{
    const struct history_mix *const mix = &arguments->mix;
    struct akin_options index_options;
    akin_index *index = NULL;
    struct history history;
    history_mix_options(mix, &index_options);
    const enum akin_status status = akin_open(&index_options, &index, NULL);
    if (status != AKIN_OK) {
        fprintf(stderr, "akin-history: akin_open: %s\n", akin_strerror(status));
        return EXIT_UNKNOWN;
    }
    const size_t calls = arguments->ops / mix->threads + 1;
    const size_t results = mix->search_one_of != 0 ? calls / mix->search_one_of * MIX_K_MAX : 0;
    struct history_recorder *const recorder =
        history_recorder_make(mix->threads, calls, results, arguments->clock);
    const uint64_t failures = run(arguments, index, recorder);
    if (failures == UINT64_MAX) {
        fprintf(stderr, "akin-history: a thread could not be started\n");
        return EXIT_UNKNOWN;
    }
    history_collect(recorder, &history);
    history_recorder_end(recorder);
    fprintf(stderr, "%zu calls of %" PRIu32 " threads on %" PRIu32 " keys, %" PRIu64 " refused\n",
            history.count, mix->threads, mix->keys, failures);
    const bool is_closed = akin_close(index) == AKIN_OK;
    const bool is_saved = is_closed && (!arguments->has_violation || seed_violation(&history)) &&
                          save(arguments, &history);
    history_end(&history);
    return is_saved ? EXIT_SUCCESS : EXIT_UNKNOWN;
}

int main(int argc, char **argv)
{
    static const struct argp argp = {options, take, arguments_doc, doc, NULL, NULL, NULL};
    static const struct {
        const char *name;
        int (*run)(const struct arguments *arguments);
        bool has_file;
    } commands[] = {{"check", command_check, true},
                    {"shrink", command_shrink, true},
                    {"show", command_show, true},
                    {"record", command_record, false}};
    struct arguments arguments = {.mix = {.threads = 8,
                                          .keys = 1024,
                                          .dim = 4,
                                          .search_one_of = HISTORY_TOOL_SEARCH_ONE_OF,
                                          .seed = 1},
                                  .ops = 1000000,
                                  .clock = HISTORY_CLOCK_DEFAULT};
    argp_err_exit_status = EXIT_UNKNOWN;
    if (argp_parse(&argp, argc, argv, 0, NULL, &arguments) != 0) {
        return EXIT_UNKNOWN;
    }
    for (size_t i = 0; arguments.command != NULL && i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(arguments.command, commands[i].name) == 0 &&
            commands[i].has_file == (arguments.file != NULL)) {
            return commands[i].run(&arguments);
        }
    }
    fprintf(stderr, "akin-history: try --help\n");
    return EXIT_UNKNOWN;
}
