/* SPDX-License-Identifier: Apache-2.0 */
/*
 * akin search: the nearest entries of a saved index.
 *
 * Queries are searched in blocks, by several threads, and printed in their order; a block bounds
 * the memory of the results.
 *
 * Room: cli.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "akin/akin.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/crew.h"
#include "cli/emit.h"
#include "cli/fill.h"
#include "cli/load_index.h"
#include "cli/outfile.h"
#include "cli/say.h"
#include "cli/vecs.h"

#define BLOCK_BYTES       (32u * 1024u * 1024u)
#define QUERIES_A_PORTION 16u

struct search_call {
    const char *path;
    const char *query;
    const char *output;
    uint64_t limit;
    uint64_t budget_bytes;
    uint32_t k;
    uint32_t ef;
    uint32_t threads;
    bool is_forced;
    bool is_json;
};

static const struct argp_option search_options[] = {
    {"query", ARGS_QUERY, "FILE", 0, "Queries: .fvecs or .bvecs", 0},
    {"k", ARGS_K, "K", 0, "Results for each query, 1 to 10000 (default 10)", 0},
    {"ef", ARGS_EF, "N", 0, "hnsw: candidates to look for, up to 10000 (default: the index's)", 0},
    {"output", ARGS_OUTPUT, "FILE", 0, "Write the keys to an .ivecs file instead of printing", 0},
    {"limit", ARGS_LIMIT, "N", 0, "Take only the first N queries", 0},
    {"threads", ARGS_THREADS, "N", 0, "Threads (default: processors)", 0},
    {"budget", ARGS_BUDGET, "BYTES", 0, "Most memory the index may take (K, M, G, T behind it)", 0},
    {"force", ARGS_FORCE, NULL, 0, "Replace an existing output file", 0},
    {"json", ARGS_JSON, NULL, 0, "Print one JSON object for each query", 0},
    {"quiet", ARGS_QUIET, NULL, 0, "No progress bar, no notes", 0},
    {0},
};

static error_t parse_search(int key, char *text, struct argp_state *state)
{
    struct search_call *const call = state->input;
    switch (key) {
    case ARGS_QUERY:
        call->query = text;
        return 0;
    case ARGS_K:
        call->k = (uint32_t)args_count(state, "--k", text, 1, AKIN_K_MAX);
        return 0;
    case ARGS_EF:
        call->ef = (uint32_t)args_count(state, "--ef", text, 1, AKIN_K_MAX);
        return 0;
    case ARGS_OUTPUT:
        call->output = text;
        return 0;
    case ARGS_LIMIT:
        call->limit = args_count(state, "--limit", text, 1, INT32_MAX);
        return 0;
    case ARGS_THREADS:
        call->threads = (uint32_t)args_count(state, "--threads", text, 1, AKIN_THREADS_MAX);
        return 0;
    case ARGS_BUDGET:
        call->budget_bytes = args_bytes(state, "--budget", text);
        return 0;
    case ARGS_FORCE:
        call->is_forced = true;
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
        args_require(state, "--query", call->query != NULL);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp search_parser = {
    .options = search_options,
    .parser = parse_search,
    .args_doc = "FILE",
    .doc = "Find the entries of a saved index that are nearest to each query."
           "\vResults are sorted by (distance, key); there are fewer than K when the index holds "
           "fewer entries."};

/* Everything a search works with. */
struct search_job {
    const struct search_call *call;
    const struct vecs *query;
    akin_index *index;
    enum akin_type type;
    uint64_t block_first; /* the query at the start of the buffers */
    struct akin_neighbor *found;
    uint32_t *counts;
    struct outfile *output; /* NULL to print */
};

static bool search_portion(struct crew_member *member, const struct search_job *job, uint64_t first,
                           uint64_t count, unsigned char *queries)
{
    const struct vecs *const query = job->query;
    const size_t vector_bytes = query->dim * vecs_type_bytes(job->type);
    for (uint64_t i = 0; i < count; i++) {
        unsigned char *const place = queries + i * vector_bytes;
        const void *const vector =
            vecs_row_as(query, job->block_first + first + i, job->type, place);
        if (vector != place) {
            memcpy(place, vector, vector_bytes);
        }
    }
    struct akin_search_options options;
    akin_search_options_init(&options);
    options.k = job->call->k;
    options.ef_search = job->call->ef;
    const struct akin_batch_search batch = {.struct_size = sizeof batch,
                                            .queries = queries,
                                            .query_count = (size_t)count,
                                            .dim = query->dim,
                                            .type = job->type,
                                            .results = job->found + first * options.k,
                                            .counts = job->counts + first};
    struct akin_error error;
    if (akin_search_batch(job->index, NULL, &batch, &options, &error) == AKIN_OK) {
        return true;
    }
    char about[300];
    const uint64_t row = job->block_first + first + error.position;
    snprintf(about, sizeof about, "%s: row %llu", query->path, (unsigned long long)row);
    crew_fail_status(member, &error, row, about);
    return false;
}

static void search_block(struct crew_member *member, void *context)
{
    const struct search_job *const job = context;
    unsigned char *const queries = malloc(sizeof(float) * job->query->dim * QUERIES_A_PORTION);
    uint64_t first = 0;
    uint64_t count = 0;
    if (queries == NULL) {
        crew_fail(member, CLI_MEMORY, 0, "out of memory: searching");
        return;
    }
    while (crew_take(member, QUERIES_A_PORTION, &first, &count) &&
           search_portion(member, job, first, count, queries)) {
    }
    free(queries);
}

static int print_json(uint64_t query, const struct akin_neighbor *found, uint32_t count)
{
    json_t *const keys = json_array();
    json_t *const distances = json_array();
    for (uint32_t i = 0; i < count; i++) {
        json_array_append_new(keys, json_integer((json_int_t)found[i].key));
        json_array_append_new(distances, json_real(found[i].distance));
    }
    return emit_json(json_pack("{s:I,s:o,s:o}", "query", (json_int_t)query, "keys", keys,
                               "distances", distances),
                     EMIT_EXACT);
}

static int print_text(uint64_t query, const struct akin_neighbor *found, uint32_t count)
{
    errno = 0;
    for (uint32_t i = 0; i < count; i++) {
        printf("%llu %u %llu %.9g\n", (unsigned long long)query, i + 1,
               (unsigned long long)found[i].key, found[i].distance);
    }
    return say_output_code();
}

static int write_keys(struct outfile *output, uint64_t query, const struct akin_neighbor *found,
                      uint32_t count)
{
    int32_t numbers[AKIN_K_MAX];
    for (uint32_t i = 0; i < count; i++) {
        if (found[i].key > INT32_MAX) {
            return say_error(CLI_DATA,
                             "query %llu: key %llu does not fit in an .ivecs file; print "
                             "the results with --json",
                             (unsigned long long)query, (unsigned long long)found[i].key);
        }
        numbers[i] = (int32_t)found[i].key;
    }
    outfile_write_row(output, numbers, count);
    return CLI_OK;
}

static int give_out(const struct search_job *job, uint64_t count)
{
    int code = CLI_OK;
    for (uint64_t i = 0; code == CLI_OK && i < count; i++) {
        const uint64_t query = job->block_first + i;
        const struct akin_neighbor *const found = job->found + i * job->call->k;
        if (job->output != NULL) {
            code = write_keys(job->output, query, found, job->counts[i]);
        } else if (job->call->is_json) {
            code = print_json(query, found, job->counts[i]);
        } else {
            code = print_text(query, found, job->counts[i]);
        }
    }
    return code;
}

static int search_blocks(struct search_job *job)
{
    const uint64_t total = job->query->row_count;
    const uint64_t per_query = job->call->k * sizeof *job->found;
    const uint64_t block_max = BLOCK_BYTES / per_query > 0 ? BLOCK_BYTES / per_query : 1;
    const uint64_t block = total < block_max ? total : block_max;
    int code = CLI_OK;
    job->found = calloc(block, per_query);
    job->counts = calloc(block, sizeof *job->counts);
    if (job->found == NULL || job->counts == NULL) {
        code = say_no_memory("searching");
    } else if (job->output == NULL && !job->call->is_json) {
        printf("query rank key distance\n");
    }
    for (uint64_t first = 0; code == CLI_OK && first < total; first += block) {
        job->block_first = first;
        const struct crew_job crew = {.run = search_block,
                                      .context = job,
                                      .title = "searching",
                                      .total = total - first < block ? total - first : block,
                                      .threads = job->call->threads,
                                      .may_be_left = true};
        code = crew_run(&crew);
        if (code == CLI_OK) {
            code = give_out(job, crew.total);
        }
    }
    free(job->counts);
    free(job->found);
    return code;
}

/* An .ivecs file without a single number in its rows would be none. */
static int refuse_empty(const struct search_call *call, akin_index *index)
{
    uint64_t count = 0;
    struct akin_error error;
    const enum akin_status status = akin_count(index, &count, &error);
    if (status != AKIN_OK) {
        return say_status(status, &error, call->path);
    }
    if (count == 0 && call->output != NULL) {
        return say_error(CLI_DATA, "%s: holds no entries; there is nothing to write", call->path);
    }
    return CLI_OK;
}

static int search_index(const struct search_call *call, struct outfile *output)
{
    struct loaded loaded;
    struct vecs query = {0};
    int code = load_index(call->path, call->threads, call->budget_bytes, &loaded);
    if (code == CLI_OK && loaded.status != AKIN_OK) {
        code = say_status(loaded.status, &loaded.error, call->path);
    }
    if (code == CLI_OK) {
        code = vecs_open(&query, call->query, VECS_VECTORS, call->limit);
    }
    if (code == CLI_OK) {
        code = fill_accept_query(&query, loaded.options.dim, loaded.options.type);
    }
    if (code == CLI_OK) {
        code = refuse_empty(call, loaded.index);
    }
    if (code == CLI_OK) {
        struct search_job job = {.call = call,
                                 .query = &query,
                                 .index = loaded.index,
                                 .type = loaded.options.type,
                                 .output = output};
        code = search_blocks(&job);
    }
    vecs_close(&query);
    return loaded.index != NULL ? fill_close(loaded.index, code) : code;
}

int cmd_search(int argc, char **argv)
{
    struct search_call call = {.k = 10, .threads = args_threads_default()};
    struct outfile output = {.registered = -1};
    args_parse(&search_parser, argc, argv, &call);
    if (call.output == NULL) {
        return search_index(&call, NULL);
    }
    int code = outfile_begin(&output, call.output, call.is_forced);
    if (code == CLI_OK) {
        code = outfile_open(&output);
    }
    if (code == CLI_OK) {
        code = search_index(&call, &output);
    }
    if (code == CLI_OK) {
        code = outfile_commit(&output);
    }
    outfile_abandon(&output);
    return code;
}
