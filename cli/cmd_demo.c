/* SPDX-License-Identifier: Apache-2.0 */
/*
 * akin demo: see Akin work. It builds an index of words, finds the words nearest to misspelled
 * ones, lets threads write and read at once, and checks everything they read and everything that is
 * left.
 *
 * Room: cli. What is written is in demo_model.c, the threads in demo_mix.c, demo_write.c and
 *       demo_read.c, the last pass in demo_verify.c, the output in demo_report.c.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "akin/akin.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/crew.h"
#include "cli/demo_mix.h"
#include "cli/demo_model.h"
#include "cli/demo_report.h"
#include "cli/demo_verify.h"
#include "cli/fill.h"
#include "cli/say.h"

#define SECONDS_DEFAULT 5.0
#define SECONDS_MIN     0.1
#define SECONDS_MAX     86400.0
#define THREADS_LEAST   4u
#define THREADS_MOST    16u
#define LOOKED_UP       8u
#define SHOWN           4u
#define KEYS_A_PORTION  256u
/* Names a fault of enum demo_fault. For the tests of the demo's own checks. */
#define FAULT_VARIABLE "AKIN_DEMO_FAULT"

struct demo_call {
    const char *words;
    double seconds;
    uint32_t threads;
    bool is_json;
};

static const struct argp_option demo_options[] = {
    {"seconds", ARGS_SECONDS, "S", 0, "How long threads write and read (default 5)", 0},
    {"words", ARGS_WORDS, "FILE", 0, "A word a line (default: Debian's list, or a small own one)",
     0},
    {"threads", ARGS_THREADS, "N", 0,
     "Threads, at least 2; half of them write (default: processors, 4 to 16)", 0},
    {"json", ARGS_JSON, NULL, 0, "Print one JSON object at the end", 0},
    {"quiet", ARGS_QUIET, NULL, 0, "No progress bar, no notes", 0},
    {0},
};

static error_t parse_demo(int key, char *text, struct argp_state *state)
{
    struct demo_call *const call = state->input;
    switch (key) {
    case ARGS_SECONDS:
        call->seconds = args_seconds(state, "--seconds", text, SECONDS_MIN, SECONDS_MAX);
        return 0;
    case ARGS_WORDS:
        call->words = text;
        return 0;
    case ARGS_THREADS:
        call->threads = (uint32_t)args_count(state, "--threads", text, 2, AKIN_THREADS_MAX);
        return 0;
    case ARGS_JSON:
        call->is_json = true;
        return 0;
    case ARGS_QUIET:
        say_quiet(true);
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "'%s' is not understood; the words are named by --words", text);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp demo_parser = {
    .options = demo_options,
    .parser = parse_demo,
    .doc = "Build an index of words, find words nearest to misspelled ones, let threads insert, "
           "update, delete, get and search at once, and check all of it."
           "\vEnds with exit code 1 when anything read or left behind is not what was written."};

/* Read the fault that a test asks for. CLI_OK, or CLI_USAGE for an unknown one. */
static int read_fault(enum demo_fault *fault)
{
    static const char *const names[] = {"torn",      "lost",     "ghost",     "stale",
                                        "misplaced", "unsorted", "duplicate", "outcome",
                                        "recall",    "count",    "visit",     "structure"};
    const char *const wanted = getenv(FAULT_VARIABLE);
    *fault = DEMO_NO_FAULT;
    if (wanted == NULL || wanted[0] == '\0') {
        return CLI_OK;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], wanted) == 0) {
            *fault = (enum demo_fault)(i + 1);
            say_note("%s is '%s': a test asks the demo to fail", FAULT_VARIABLE, wanted);
            return CLI_OK;
        }
    }
    return say_error(CLI_USAGE, "%s is '%s', which names no fault", FAULT_VARIABLE, wanted);
}

struct build_job {
    akin_index *index;
    struct demo_model *model;
};

/* Every key of the list, first version. The states have one writer each: whoever took the key. */
static void insert_words(struct crew_member *member, void *context)
{
    const struct build_job *const job = context;
    struct demo_entry entry;
    struct akin_error error;
    uint64_t first = 0;
    uint64_t count = 0;
    while (crew_take(member, KEYS_A_PORTION, &first, &count)) {
        for (uint64_t key = first; key < first + count; key++) {
            demo_entry_make(job->model, key, 1, &entry);
            const struct akin_vector vector = akin_vector_f32(entry.vector, DEMO_DIM);
            const struct akin_bytes payload = {.data = entry.payload, .size = entry.payload_bytes};
            if (akin_insert(job->index, key, &vector, &payload, &error) != AKIN_OK) {
                crew_fail_status(member, &error, key, "a word could not be inserted");
                return;
            }
            job->model->states[key].version = 1;
            job->model->states[key].is_live = true;
        }
    }
}

static int build(struct demo_summary *summary, akin_index *index, struct demo_model *model)
{
    struct build_job job = {.index = index, .model = model};
    struct akin_stats stats = {.struct_size = sizeof stats};
    struct akin_error error;
    const struct crew_job crew = {.run = insert_words,
                                  .context = &job,
                                  .title = "inserting",
                                  .total = model->words.count,
                                  .threads = summary->threads,
                                  .may_be_left = true};
    const uint64_t begun_ns = time_now_ns();
    const int code = crew_run(&crew);
    if (code != CLI_OK) {
        return code;
    }
    summary->build_seconds = (double)(time_now_ns() - begun_ns) * 1e-9;
    const enum akin_status status = akin_stats_get(index, &stats, &error);
    if (status != AKIN_OK) {
        return say_status(status, &error, "the statistics");
    }
    summary->bytes_per_word = (double)stats.memory.total_bytes / (double)model->words.count;
    demo_report_build(summary);
    return CLI_OK;
}

static int look_up(struct demo_summary *summary, akin_index *index)
{
    struct akin_search_options options;
    akin_search_options_init(&options);
    options.k = SHOWN;
    for (uint32_t i = 0; i < LOOKED_UP && demo_misspelled[i] != NULL; i++) {
        float query[DEMO_DIM];
        struct akin_neighbor found[SHOWN];
        struct akin_error error;
        uint32_t count = 0;
        demo_vector_of(demo_misspelled[i], query);
        const struct akin_vector vector = akin_vector_f32(query, DEMO_DIM);
        const enum akin_status status =
            akin_search(index, NULL, &vector, &options, found, &count, &error);
        if (status != AKIN_OK) {
            return say_status(status, &error, demo_misspelled[i]);
        }
        if (!demo_report_lookup(summary, demo_misspelled[i], found, count)) {
            return say_no_memory("the demo");
        }
    }
    return CLI_OK;
}

static int run_mix(const struct demo_call *call, struct demo_summary *summary, akin_index *index,
                   struct demo_model *model, struct demo_tally *tally)
{
    struct demo_mix mix = {.index = index,
                           .model = model,
                           .writer_count = summary->writer_count,
                           .reader_count = summary->reader_count,
                           .seconds = call->seconds};
    const uint32_t threads = mix.writer_count + mix.reader_count;
    int code = CLI_OK;
    mix.tallies = calloc(threads, sizeof *mix.tallies);
    for (uint32_t i = 0; i < threads && mix.tallies != NULL; i++) {
        if (!demo_tally_open(&mix.tallies[i])) {
            code = CLI_MEMORY;
        }
    }
    if (mix.tallies == NULL || code != CLI_OK) {
        code = say_no_memory("the demo");
    } else {
        const uint64_t begun_ns = time_now_ns();
        code = demo_mix_run(&mix);
        summary->mix_seconds = (double)(time_now_ns() - begun_ns) * 1e-9;
    }
    for (uint32_t i = 0; i < threads && mix.tallies != NULL; i++) {
        if (code == CLI_OK) {
            demo_tally_merge(tally, &mix.tallies[i]);
        }
        demo_tally_close(&mix.tallies[i]);
    }
    free(mix.tallies);
    return code;
}

static int verify_and_report(struct demo_summary *summary, akin_index *index,
                             struct demo_model *model, struct demo_tally *tally)
{
    struct demo_verdict verdict;
    const uint64_t begun_ns = time_now_ns();
    int code = demo_verify(index, model, summary->threads, tally, &verdict);
    if (code != CLI_OK) {
        return code;
    }
    summary->verify_seconds = (double)(time_now_ns() - begun_ns) * 1e-9;
    summary->verdict = &verdict;
    code = demo_report_end(summary);
    return code == CLI_OK && !demo_is_right(tally, &verdict) ? CLI_DATA : code;
}

static int run_demo(const struct demo_call *call, akin_index *index, struct demo_model *model)
{
    struct demo_tally tally = {0};
    struct demo_summary summary = {.model = model,
                                   .tally = &tally,
                                   .threads = call->threads,
                                   .writer_count = call->threads / 2,
                                   .reader_count = call->threads - call->threads / 2,
                                   .is_json = call->is_json};
    int code = demo_tally_open(&tally) ? CLI_OK : say_no_memory("the demo");
    if (code == CLI_OK) {
        code = build(&summary, index, model);
    }
    if (code == CLI_OK) {
        code = look_up(&summary, index);
    }
    if (code == CLI_OK) {
        code = run_mix(call, &summary, index, model, &tally);
    }
    if (code == CLI_OK) {
        code = verify_and_report(&summary, index, model, &tally);
    }
    json_decref(summary.looked_up);
    demo_tally_close(&tally);
    return code;
}

static int demo(const struct demo_call *call, struct demo_model *model)
{
    struct akin_options options;
    struct akin_error error;
    akin_index *index = NULL;
    akin_options_init(&options);
    options.metric = AKIN_COSINE;
    options.dim = DEMO_DIM;
    options.threads = call->threads;
    options.capacity = model->key_count;
    const enum akin_status status = akin_open(&options, &index, &error);
    if (status != AKIN_OK) {
        return say_status(status, &error, "the index could not be made");
    }
    return fill_close(index, run_demo(call, index, model));
}

int cmd_demo(int argc, char **argv)
{
    struct demo_call call = {.seconds = SECONDS_DEFAULT, .threads = args_threads_default()};
    struct demo_model model = {0};
    call.threads = call.threads < THREADS_LEAST ? THREADS_LEAST : call.threads;
    call.threads = call.threads > THREADS_MOST ? THREADS_MOST : call.threads;
    args_parse(&demo_parser, argc, argv, &call);
    int code = read_fault(&model.fault);
    if (code == CLI_OK) {
        code = demo_model_open(&model, call.words);
    }
    if (code == CLI_OK) {
        code = demo(&call, &model);
    }
    demo_model_close(&model);
    return code;
}
