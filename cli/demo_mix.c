/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The threads of the busy part of akin demo, and their tallies: see demo_mix.h.
 *
 * Room: cli.
 */
#include "cli/demo_mix.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/say.h"

/* Descriptions printed for each kind and thread; the rest is only counted. */
#define DESCRIBED_MAX 2u
/* Writes between two looks at the crew. */
#define WRITES_A_ROUND 64u

static const char *const wrong_names[DEMO_WRONGS] = {"torn read", "lost write", "ghost",
                                                     "misplaced result", "wrong outcome"};

void demo_found_wrong(struct demo_tally *tally, enum demo_wrong wrong, const char *format, ...)
{
    char text[300];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (tally->wrong[wrong]++ < DESCRIBED_MAX) {
        say_error(CLI_DATA, "%s: %s", wrong_names[wrong], text);
    }
}

void demo_stop(struct demo_worker *worker, const struct akin_error *error, const char *what)
{
    crew_fail_status(worker->member, error, worker->member->number, what);
}

bool demo_tally_open(struct demo_tally *tally)
{
    bool is_good = true;
    for (int i = 0; i < DEMO_OPERATIONS; i++) {
        tally->latency[i] = latency_create();
        is_good = is_good && tally->latency[i] != NULL;
    }
    return is_good;
}

void demo_tally_close(struct demo_tally *tally)
{
    for (int i = 0; i < DEMO_OPERATIONS; i++) {
        free(tally->latency[i]);
        tally->latency[i] = NULL;
    }
}

void demo_tally_merge(struct demo_tally *tally, const struct demo_tally *other)
{
    for (int i = 0; i < DEMO_OPERATIONS; i++) {
        latency_merge(tally->latency[i], other->latency[i]);
    }
    for (int i = 0; i < DEMO_WRONGS; i++) {
        tally->wrong[i] += other->wrong[i];
    }
    tally->read_back += other->read_back;
    tally->results += other->results;
    tally->unchecked += other->unchecked;
    tally->retries += other->retries;
}

static void read_until_told(struct demo_worker *worker)
{
    struct akin_error error;
    worker->seen = calloc(worker->model->key_count, sizeof *worker->seen);
    if (worker->seen == NULL) {
        crew_fail(worker->member, CLI_MEMORY, 0, "out of memory: the demo");
    } else if (akin_context_create(worker->index, DEMO_K, &worker->context, &error) != AKIN_OK) {
        demo_stop(worker, &error, "no context for searches");
    } else {
        while (crew_goes_on(worker->member)) {
            demo_read_once(worker);
        }
        akin_context_destroy(worker->context);
    }
    free(worker->seen);
}

static void run_member(struct crew_member *member, void *context)
{
    const struct demo_mix *const mix = context;
    struct demo_worker worker = {.index = mix->index,
                                 .model = mix->model,
                                 .tally = &mix->tallies[member->number],
                                 .member = member,
                                 .random = 0x9e3779b97f4a7c15u * (member->number + 1),
                                 .writer_count = mix->writer_count,
                                 .number = member->number};
    if (member->number >= mix->writer_count) {
        read_until_told(&worker);
        return;
    }
    /* A list of fewer words than writers leaves some of them without a key. */
    if (worker.number >= mix->model->key_count) {
        return;
    }
    while (crew_goes_on(member)) {
        for (uint32_t i = 0; i < WRITES_A_ROUND; i++) {
            demo_write_once(&worker);
        }
    }
}

int demo_mix_run(const struct demo_mix *mix)
{
    struct demo_mix copy = *mix;
    const struct crew_job crew = {.run = run_member,
                                  .context = &copy,
                                  .title = "reading and writing",
                                  .seconds = mix->seconds,
                                  .threads = mix->writer_count + mix->reader_count,
                                  .may_be_left = true};
    return crew_run(&crew);
}
