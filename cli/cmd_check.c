/* SPDX-License-Identifier: Apache-2.0 */
/*
 * akin check: is a saved index whole, and does it answer?
 *
 * Three steps, each only if the one before went well: the file is loaded, which compares every
 * checksum; the structure of the loaded index is checked; a sample of its entries is searched for,
 * and each must find itself. An entry finds itself when a search for its vector that admits only
 * its key returns it and, unless the metric is the inner product, when nothing stands nearer than
 * itself without that filter, at a distance of about 0.
 *
 * Room: cli.
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "akin/akin.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/crew.h"
#include "cli/emit.h"
#include "cli/fill.h"
#include "cli/load_index.h"
#include "cli/say.h"

#define SAMPLE_DEFAULT 100u
#define SAMPLE_MAX     100000u
/* A cosine distance to itself is computed from one division and one root. */
#define COSINE_ZERO 1e-6

struct check_call {
    const char *path;
    uint32_t sample;
    bool is_json;
};

static const struct argp_option check_options[] = {
    {"sample", ARGS_SAMPLE, "N", 0, "Entries that must find themselves, 0 to 100000 (default 100)",
     0},
    {"json", ARGS_JSON, NULL, 0, "Print one JSON object", 0},
    {"quiet", ARGS_QUIET, NULL, 0, "No progress bar, no notes", 0},
    {0},
};

static error_t parse_check(int key, char *text, struct argp_state *state)
{
    struct check_call *const call = state->input;
    switch (key) {
    case ARGS_SAMPLE:
        call->sample = (uint32_t)args_count(state, "--sample", text, 0, SAMPLE_MAX);
        return 0;
    case ARGS_JSON:
        call->is_json = true;
        return 0;
    case ARGS_QUIET:
        say_quiet(true);
        return 0;
    case ARGP_KEY_ARG:
        if (call->path != NULL) {
            argp_error(state, "'%s' is one file too many", text);
        }
        call->path = text;
        return 0;
    case ARGP_KEY_END:
        args_require(state, "FILE", call->path != NULL);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp check_parser = {
    .options = check_options,
    .parser = parse_check,
    .args_doc = "FILE",
    .doc = "Check a saved index: checksums, structure, and searches for a sample of its entries."};

/* What was found, and the step at which it ended. */
struct check_result {
    const char *failed_step; /* "load", "structure", "count", "search"; NULL when all is well */
    enum akin_status status;
    struct akin_error error; /* when status is not AKIN_OK */
    uint64_t entries;
    uint64_t visited; /* entries that the iteration gave */
    uint32_t sampled;
    uint32_t found;    /* of the sampled, how many found themselves */
    uint64_t lost_key; /* the first that did not */
};

struct sample_job {
    akin_index *index;
    const struct akin_options *options;
    struct check_result *result;
    struct crew_member *member;
    uint64_t step; /* every so many entries one is taken */
    uint32_t wanted;
};

static int accepts_key(void *context, uint64_t key)
{
    return *(const uint64_t *)context == key;
}

/* One search for one result. Fails with AKIN_NOT_FOUND when there is none. */
static enum akin_status nearest_of(const struct sample_job *job, const struct akin_vector *vector,
                                   const struct akin_filter *filter, struct akin_neighbor *found)
{
    struct akin_search_options options;
    uint32_t count = 0;
    akin_search_options_init(&options);
    options.k = 1;
    options.filter = filter;
    const enum akin_status status =
        akin_search(job->index, NULL, vector, &options, found, &count, &job->result->error);
    return status == AKIN_OK && count == 0 ? AKIN_NOT_FOUND : status;
}

static bool finds_itself(const struct sample_job *job, const struct akin_record *record)
{
    struct akin_neighbor itself = {0};
    struct akin_neighbor first = {0};
    uint64_t key = record->key;
    const struct akin_vector vector = {
        .data = record->vector, .dim = job->options->dim, .type = job->options->type};
    const struct akin_filter filter = {
        .struct_size = sizeof filter, .accept = accepts_key, .context = &key};
    if (nearest_of(job, &vector, &filter, &itself) != AKIN_OK || itself.key != record->key) {
        return false;
    }
    if (job->options->metric == AKIN_INNER_PRODUCT) {
        return true;
    }
    if (nearest_of(job, &vector, NULL, &first) != AKIN_OK || first.distance < itself.distance) {
        return false;
    }
    return fabs(itself.distance) <= (job->options->metric == AKIN_COSINE ? COSINE_ZERO : 0.0);
}

static int visit(void *context, const struct akin_record *record)
{
    struct sample_job *const job = context;
    struct check_result *const result = job->result;
    const uint64_t number = result->visited++;
    if (number % 64 == 0 && !crew_goes_on(job->member)) {
        return 1;
    }
    if (result->sampled == job->wanted || number % job->step != 0) {
        return 0;
    }
    result->sampled++;
    if (finds_itself(job, record)) {
        result->found++;
    } else if (result->found + 1 == result->sampled) {
        result->lost_key = record->key;
    }
    return 0;
}

/* The steps after loading. */
static void check_index(struct crew_member *member, void *context)
{
    struct sample_job *const job = context;
    struct check_result *const result = job->result;
    job->member = member;
    result->status = akin_check(job->index, AKIN_CHECK_DEEP, &result->error);
    if (result->status != AKIN_OK) {
        result->failed_step = "structure";
        return;
    }
    result->status = akin_count(job->index, &result->entries, &result->error);
    if (result->status == AKIN_OK) {
        job->step = job->wanted > 0 ? result->entries / job->wanted : 1;
        job->step = job->step > 0 ? job->step : 1;
        result->status = akin_iterate(job->index, visit, job, &result->error);
    }
    if (result->status != AKIN_OK || result->visited != result->entries) {
        result->failed_step = "count";
    } else if (result->found != result->sampled) {
        result->failed_step = "search";
    }
}

static json_t *error_json(const struct check_result *result)
{
    if (result->failed_step == NULL) {
        return json_null();
    }
    if (result->status != AKIN_OK) {
        return json_pack("{s:s,s:s,s:s,s:I,s:s}", "step", result->failed_step, "status",
                         akin_status_name(result->status), "field", result->error.field, "position",
                         (json_int_t)result->error.position, "message", result->error.message);
    }
    return json_pack("{s:s,s:I}", "step", result->failed_step, "key", (json_int_t)result->lost_key);
}

static int print_json(const struct check_call *call, const struct check_result *result)
{
    return emit_json(json_pack("{s:s,s:b,s:I,s:I,s:I,s:o}", "file", call->path, "ok",
                               result->failed_step == NULL, "entries", (json_int_t)result->entries,
                               "sampled", (json_int_t)result->sampled, "found",
                               (json_int_t)result->found, "error", error_json(result)),
                     EMIT_EXACT);
}

static int report(const struct check_call *call, const struct check_result *result)
{
    int code = CLI_OK;
    if (result->failed_step != NULL && result->status != AKIN_OK) {
        code = say_status(result->status, &result->error, call->path);
    } else if (result->failed_step != NULL && result->visited != result->entries) {
        code = say_error(CLI_DATA, "%s: %llu entries are counted, but %llu are there", call->path,
                         (unsigned long long)result->entries, (unsigned long long)result->visited);
    } else if (result->failed_step != NULL) {
        code = say_error(CLI_DATA,
                         "%s: %u of %u sampled entries do not find themselves, key %llu "
                         "first",
                         call->path, result->sampled - result->found, result->sampled,
                         (unsigned long long)result->lost_key);
    }
    if (call->is_json) {
        const int print_code = print_json(call, result);
        return code != CLI_OK ? code : print_code;
    }
    if (code == CLI_OK && !say_is_quiet()) {
        printf("%s: checksums, structure and %llu entries are right; %u of %u sampled entries find "
               "themselves\n",
               call->path, (unsigned long long)result->entries, result->found, result->sampled);
    }
    return code;
}

int cmd_check(int argc, char **argv)
{
    struct check_call call = {.sample = SAMPLE_DEFAULT};
    struct check_result result = {0};
    struct loaded loaded;
    args_parse(&check_parser, argc, argv, &call);
    int code = load_index(call.path, 1, 0, &loaded);
    if (code != CLI_OK) {
        return loaded.index != NULL ? fill_close(loaded.index, code) : code;
    }
    if (loaded.status != AKIN_OK) {
        result.failed_step = "load";
        result.status = loaded.status;
        result.error = loaded.error;
        code = report(&call, &result);
        return loaded.index != NULL ? fill_close(loaded.index, code) : code;
    }
    struct sample_job job = {.index = loaded.index,
                             .options = &loaded.options,
                             .result = &result,
                             .wanted = call.sample};
    const struct crew_job crew = {.run = check_index,
                                  .context = &job,
                                  .title = "checking",
                                  .threads = 1,
                                  .may_be_left = true};
    code = crew_run(&crew);
    if (code == CLI_OK) {
        code = report(&call, &result);
    }
    return fill_close(loaded.index, code);
}
