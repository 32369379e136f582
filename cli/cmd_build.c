/* SPDX-License-Identifier: Apache-2.0 */
/*
 * akin build: an index from a file of vectors, saved to a file.
 *
 * Room: cli.
 */
#include <stdbool.h>
#include <stdio.h>

#include "akin/akin.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/crew.h"
#include "cli/emit.h"
#include "cli/fill.h"
#include "cli/outfile.h"
#include "cli/say.h"

struct build_call {
    const char *base;
    const char *output;
    enum akin_metric metric;
    enum akin_kind kind;
    enum akin_type type;
    uint32_t m;
    uint32_t ef_construction;
    uint64_t limit;
    uint64_t budget_bytes;
    uint32_t threads;
    bool is_forced;
    bool is_json;
};

static const struct argp_option build_options[] = {
    {"base", ARGS_BASE, "FILE", 0, "Vectors: .fvecs or .bvecs. The key of a row is its number", 0},
    {"metric", ARGS_METRIC, "l2|ip|cosine", 0, "What distance means", 0},
    {"index", ARGS_INDEX, "flat|hnsw", 0, "Kind of index (default flat: exact)", 0},
    {"m", ARGS_M, "N", 0, "hnsw: neighbors an entry chooses, 2 to 64 (default 16)", 0},
    {"ef-construction", ARGS_EF_CONSTRUCTION, "N", 0,
     "hnsw: candidates they are chosen from, up to 10000 (default 200)", 0},
    {"output", ARGS_OUTPUT, "FILE", 0, "Where the index goes", 0},
    {"limit", ARGS_LIMIT, "N", 0, "Take only the first N rows", 0},
    {"type", ARGS_TYPE, "f32|int8", 0,
     "Element type in the index (default f32). int8 shifts bytes by -128; l2 only", 0},
    {"threads", ARGS_THREADS, "N", 0, "Threads that insert (default: processors)", 0},
    {"budget", ARGS_BUDGET, "BYTES", 0, "Most memory the index may take (K, M, G, T behind it)", 0},
    {"force", ARGS_FORCE, NULL, 0, "Replace an existing output file", 0},
    {"json", ARGS_JSON, NULL, 0, "Print one JSON object", 0},
    {"quiet", ARGS_QUIET, NULL, 0, "No progress bar, no notes", 0},
    {0},
};

static error_t parse_build(int key, char *text, struct argp_state *state)
{
    struct build_call *const call = state->input;
    switch (key) {
    case ARGS_BASE:
        call->base = text;
        return 0;
    case ARGS_METRIC:
        call->metric = args_metric(state, text);
        return 0;
    case ARGS_INDEX:
        call->kind = args_kind(state, text);
        return 0;
    case ARGS_OUTPUT:
        call->output = text;
        return 0;
    case ARGS_M:
    case ARGS_EF_CONSTRUCTION:
        return args_graph(state, key, text, &call->m, &call->ef_construction);
    case ARGS_LIMIT:
        call->limit = args_count(state, "--limit", text, 1, INT32_MAX);
        return 0;
    case ARGS_TYPE:
        call->type = args_type(state, text);
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
        argp_error(state, "'%s' is not understood; files are named by options", text);
        return 0;
    case ARGP_KEY_END:
        args_require(state, "--base", call->base != NULL);
        args_require(state, "--metric", call->metric != 0);
        args_require(state, "--output", call->output != NULL);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp build_parser = {.options = build_options,
                                         .parser = parse_build,
                                         .doc =
                                             "Build an index from a file of vectors and save it."};

struct save_job {
    akin_index *index;
    const char *path;
};

static void save(struct crew_member *member, void *context)
{
    const struct save_job *const job = context;
    struct akin_error error;
    if (akin_save(job->index, job->path, &error) != AKIN_OK) {
        crew_fail_status(member, &error, 0, "the index could not be saved");
    }
}

static int report(const struct build_call *call, akin_index *index, const struct fill_cost *cost)
{
    struct akin_stats stats = {.struct_size = sizeof stats};
    struct akin_error error;
    const enum akin_status status = akin_stats_get(index, &stats, &error);
    if (status != AKIN_OK) {
        return say_status(status, &error, "the statistics");
    }
    if (call->is_json) {
        return emit_json(
            json_pack("{s:s,s:s,s:s,s:s,s:I,s:I,s:f,s:f,s:I}", "file", call->output, "index",
                      args_kind_name(call->kind), "metric", args_metric_name(call->metric), "type",
                      args_type_name(call->type), "entries", (json_int_t)stats.count, "threads",
                      (json_int_t)call->threads, "seconds", cost->seconds, "cpu_seconds",
                      cost->cpu_seconds, "memory_bytes", (json_int_t)stats.memory.total_bytes),
            EMIT_MEASURED);
    }
    if (!say_is_quiet()) {
        printf("%s: %llu entries in %.2f s by %u thread%s\n", call->output,
               (unsigned long long)stats.count, cost->seconds, call->threads,
               call->threads == 1 ? "" : "s");
    }
    return CLI_OK;
}

static int build(const struct build_call *call, const struct vecs *base, struct outfile *output)
{
    const struct fill_plan plan = {.base = base,
                                   .metric = call->metric,
                                   .kind = call->kind,
                                   .type = call->type,
                                   .m = call->m,
                                   .ef_construction = call->ef_construction,
                                   .budget_bytes = call->budget_bytes,
                                   .threads = call->threads,
                                   .threads_later = 1};
    struct fill_cost cost;
    akin_index *index = NULL;
    int code = fill_index(&plan, &index, &cost);
    if (code != CLI_OK) {
        return code;
    }
    /* Not left on a signal: the library's own temporary file would stay behind. */
    struct save_job job = {.index = index, .path = output->temporary};
    const struct crew_job crew = {.run = save, .context = &job, .title = "saving", .threads = 1};
    code = crew_run(&crew);
    if (code == CLI_OK) {
        code = outfile_commit(output);
    }
    if (code == CLI_OK) {
        code = report(call, index, &cost);
    }
    return fill_close(index, code);
}

int cmd_build(int argc, char **argv)
{
    struct build_call call = {
        .kind = AKIN_FLAT, .type = AKIN_F32, .threads = args_threads_default()};
    struct vecs base = {0};
    struct outfile output;
    args_parse(&build_parser, argc, argv, &call);
    int code = outfile_begin(&output, call.output, call.is_forced);
    if (code != CLI_OK) {
        return code;
    }
    code = vecs_open(&base, call.base, VECS_VECTORS, call.limit);
    if (code == CLI_OK) {
        code = fill_accept(&base, call.metric, call.type);
    }
    if (code == CLI_OK) {
        code = build(&call, &base, &output);
    }
    outfile_abandon(&output);
    vecs_close(&base);
    return code;
}
