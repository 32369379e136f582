/* SPDX-License-Identifier: Apache-2.0 */
/*
 * akin gt: the exact nearest rows of a base, written as .ivecs.
 *
 * Room: cli. The work is in truth.c.
 */
#include <stdbool.h>
#include <stdio.h>

#include "akin/akin.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/emit.h"
#include "cli/fill.h"
#include "cli/latency.h"
#include "cli/outfile.h"
#include "cli/say.h"
#include "cli/truth.h"

struct gt_call {
    const char *base;
    const char *query;
    const char *output;
    enum akin_metric metric;
    uint64_t limit;
    uint64_t query_limit;
    uint32_t k;
    uint32_t threads;
    bool is_forced;
    bool is_json;
};

static const struct argp_option gt_options[] = {
    {"base", ARGS_BASE, "FILE", 0, "Vectors: .fvecs or .bvecs", 0},
    {"query", ARGS_QUERY, "FILE", 0, "Queries: .fvecs or .bvecs", 0},
    {"metric", ARGS_METRIC, "l2|ip|cosine", 0, "What distance means", 0},
    {"k", ARGS_K, "K", 0, "Rows for each query, 1 to 10000 (default 100)", 0},
    {"output", ARGS_OUTPUT, "FILE", 0, "Where the row numbers go (.ivecs)", 0},
    {"limit", ARGS_LIMIT, "N", 0, "Take only the first N rows of the base", 0},
    {"query-limit", ARGS_QUERY_LIMIT, "N", 0, "Take only the first N queries", 0},
    {"threads", ARGS_THREADS, "N", 0, "Threads (default: processors)", 0},
    {"force", ARGS_FORCE, NULL, 0, "Replace an existing output file", 0},
    {"json", ARGS_JSON, NULL, 0, "Print one JSON object", 0},
    {"quiet", ARGS_QUIET, NULL, 0, "No progress bar, no notes", 0},
    {0},
};

static error_t parse_gt(int key, char *text, struct argp_state *state)
{
    struct gt_call *const call = state->input;
    switch (key) {
    case ARGS_BASE:
        call->base = text;
        return 0;
    case ARGS_QUERY:
        call->query = text;
        return 0;
    case ARGS_METRIC:
        call->metric = args_metric(state, text);
        return 0;
    case ARGS_K:
        call->k = (uint32_t)args_count(state, "--k", text, 1, AKIN_K_MAX);
        return 0;
    case ARGS_OUTPUT:
        call->output = text;
        return 0;
    case ARGS_LIMIT:
        call->limit = args_count(state, "--limit", text, 1, INT32_MAX);
        return 0;
    case ARGS_QUERY_LIMIT:
        call->query_limit = args_count(state, "--query-limit", text, 1, INT32_MAX);
        return 0;
    case ARGS_THREADS:
        call->threads = (uint32_t)args_count(state, "--threads", text, 1, AKIN_THREADS_MAX);
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
        args_require(state, "--query", call->query != NULL);
        args_require(state, "--metric", call->metric != 0);
        args_require(state, "--output", call->output != NULL);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp gt_parser = {
    .options = gt_options,
    .parser = parse_gt,
    .doc =
        "Compute the exact nearest rows of every query, and prove them complete."
        "\vDistances are compared in binary64; of equally distant rows the lower one comes first. "
        "When the base has fewer than K rows, all of them are written."};

static int write_rows(const struct gt_call *call, const struct truth *truth, struct outfile *output,
                      double seconds)
{
    int code = outfile_open(output);
    for (uint64_t query = 0; code == CLI_OK && query < truth->query_count; query++) {
        outfile_write_row(output, &truth->rows[query * truth->k], truth->k);
    }
    if (code == CLI_OK) {
        code = outfile_commit(output);
    }
    if (code != CLI_OK) {
        return code;
    }
    if (call->is_json) {
        return emit_json(json_pack("{s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:f}", "file", call->output,
                                   "metric", args_metric_name(call->metric), "k",
                                   (json_int_t)truth->k, "queries", (json_int_t)truth->query_count,
                                   "threads", (json_int_t)call->threads, "widened",
                                   (json_int_t)truth->widened_count, "scanned",
                                   (json_int_t)truth->scanned_count, "seconds", seconds),
                         EMIT_MEASURED);
    }
    if (!say_is_quiet()) {
        printf("%s: %u exact neighbors of %llu queries in %.2f s\n", call->output, truth->k,
               (unsigned long long)truth->query_count, seconds);
    }
    return CLI_OK;
}

static int compute(const struct gt_call *call, const struct vecs *base, const struct vecs *query,
                   struct outfile *output)
{
    const uint64_t begun_ns = time_now_ns();
    const struct fill_plan plan = {.base = base,
                                   .metric = call->metric,
                                   .kind = AKIN_FLAT,
                                   .type = AKIN_F32,
                                   .threads = call->threads,
                                   .threads_later = call->threads};
    const struct truth_plan question = {.base = base,
                                        .query = query,
                                        .metric = call->metric,
                                        .type = AKIN_F32,
                                        .k = call->k,
                                        .threads = call->threads};
    struct fill_cost cost;
    struct truth truth = {0};
    akin_index *index = NULL;
    int code = fill_index(&plan, &index, &cost);
    if (code != CLI_OK) {
        return code;
    }
    code = fill_close(index, truth_compute(&question, index, &truth));
    if (code == CLI_OK) {
        code = write_rows(call, &truth, output, (double)(time_now_ns() - begun_ns) * 1e-9);
    }
    truth_free(&truth);
    return code;
}

int cmd_gt(int argc, char **argv)
{
    struct gt_call call = {.k = 100, .threads = args_threads_default()};
    struct vecs base = {0};
    struct vecs query = {0};
    struct outfile output;
    args_parse(&gt_parser, argc, argv, &call);
    int code = outfile_begin(&output, call.output, call.is_forced);
    if (code != CLI_OK) {
        return code;
    }
    code = vecs_open(&base, call.base, VECS_VECTORS, call.limit);
    if (code == CLI_OK) {
        code = vecs_open(&query, call.query, VECS_VECTORS, call.query_limit);
    }
    if (code == CLI_OK) {
        code = fill_accept_query(&query, base.dim, AKIN_F32);
    }
    if (code == CLI_OK) {
        code = compute(&call, &base, &query, &output);
    }
    outfile_abandon(&output);
    vecs_close(&query);
    vecs_close(&base);
    return code;
}
