/* SPDX-License-Identifier: Apache-2.0 */
/*
 * akin bench: build an index and search it, and print what it took, one JSON object a line on
 * request. The form of the lines is stable (docs/cli.md); fields are only added.
 *
 * Room: cli. Measuring is in bench_run.c.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "akin/akin.h"
#include "cli/args.h"
#include "cli/bench_run.h"
#include "cli/commands.h"
#include "cli/emit.h"
#include "cli/fill.h"
#include "cli/say.h"
#include "cli/truth.h"

/* The beam of a graph when --ef names none: the library's default. */
#define EF_DEFAULT 64u

struct bench_call {
    const char *base;
    const char *query;
    const char *truth;
    enum akin_metric metric;
    enum akin_kind kind;
    enum akin_codes codes;
    enum akin_type type;
    uint64_t limit;
    uint64_t query_limit;
    uint64_t budget_bytes;
    uint32_t m;
    uint32_t ef_construction;
    uint32_t k;
    uint32_t build_threads;
    uint32_t repeats;
    uint32_t warmup;
    struct args_list threads;
    struct args_list ef;
    bool is_json;
};

static const struct argp_option bench_options[] = {
    {"base", ARGS_BASE, "FILE", 0, "Vectors: .fvecs or .bvecs", 0},
    {"query", ARGS_QUERY, "FILE", 0, "Queries: .fvecs or .bvecs", 0},
    {"truth", ARGS_TRUTH, "FILE", 0, "Exact answers (.ivecs); computed if it is not given", 0},
    {"metric", ARGS_METRIC, "l2|ip|cosine", 0, "What distance means", 0},
    {"index", ARGS_INDEX, "flat|hnsw", 0, "Kind of index (default flat: exact)", 0},
    {"m", ARGS_M, "N", 0, "hnsw: neighbors an entry chooses, 2 to 64 (default 16)", 0},
    {"ef-construction", ARGS_EF_CONSTRUCTION, "N", 0,
     "hnsw: candidates they are chosen from, up to 10000 (default 200)", 0},
    {"codes", ARGS_CODES, "sq8|none", 0, "hnsw: what it goes by (default sq8 for floats)", 0},
    {"type", ARGS_TYPE, "f32|int8", 0,
     "Element type in the index (default f32). int8 shifts bytes by -128; l2 only", 0},
    {"k", ARGS_K, "K", 0, "Results for each query, 1 to 10000 (default 10)", 0},
    {"ef", ARGS_EF, "LIST", 0, "hnsw: beam widths, up to 10000, one line each", 0},
    {"threads", ARGS_THREADS, "LIST", 0, "Threads that search, one line each (default 1)", 0},
    {"build-threads", ARGS_BUILD_THREADS, "N", 0, "Threads that insert (default: processors)", 0},
    {"limit", ARGS_LIMIT, "N", 0, "Take only the first N rows of the base", 0},
    {"query-limit", ARGS_QUERY_LIMIT, "N", 0, "Take only the first N queries", 0},
    {"repeats", ARGS_REPEATS, "N", 0, "Measured passes over the queries (default 1)", 0},
    {"warmup", ARGS_WARMUP, "N", 0, "Searches of each thread before measuring (default 10)", 0},
    {"budget", ARGS_BUDGET, "BYTES", 0, "Most memory the index may take (K, M, G, T behind it)", 0},
    {"json", ARGS_JSON, NULL, 0, "Print one JSON object a line", 0},
    {"quiet", ARGS_QUIET, NULL, 0, "No progress bar, no notes", 0},
    {0},
};

/* The options with numbers. */
static error_t parse_numbers(int key, char *text, struct argp_state *state)
{
    struct bench_call *const call = state->input;
    switch (key) {
    case ARGS_K:
        call->k = (uint32_t)args_count(state, "--k", text, 1, AKIN_K_MAX);
        return 0;
    case ARGS_M:
    case ARGS_EF_CONSTRUCTION:
        return args_graph(state, key, text, &call->m, &call->ef_construction);
    case ARGS_EF:
        args_list(state, "--ef", text, &call->ef, AKIN_K_MAX);
        return 0;
    case ARGS_THREADS:
        args_list(state, "--threads", text, &call->threads, AKIN_THREADS_MAX);
        return 0;
    case ARGS_BUILD_THREADS:
        call->build_threads =
            (uint32_t)args_count(state, "--build-threads", text, 1, AKIN_THREADS_MAX);
        return 0;
    case ARGS_LIMIT:
        call->limit = args_count(state, "--limit", text, 1, INT32_MAX);
        return 0;
    case ARGS_QUERY_LIMIT:
        call->query_limit = args_count(state, "--query-limit", text, 1, INT32_MAX);
        return 0;
    case ARGS_REPEATS:
        call->repeats = (uint32_t)args_count(state, "--repeats", text, 1, 1000000);
        return 0;
    case ARGS_WARMUP:
        call->warmup = (uint32_t)args_count(state, "--warmup", text, 0, 1000000);
        return 0;
    case ARGS_BUDGET:
        call->budget_bytes = args_bytes(state, "--budget", text);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_bench(int key, char *text, struct argp_state *state)
{
    struct bench_call *const call = state->input;
    switch (key) {
    case ARGS_BASE:
        call->base = text;
        return 0;
    case ARGS_QUERY:
        call->query = text;
        return 0;
    case ARGS_TRUTH:
        call->truth = text;
        return 0;
    case ARGS_METRIC:
        call->metric = args_metric(state, text);
        return 0;
    case ARGS_INDEX:
        call->kind = args_kind(state, text);
        return 0;
    case ARGS_CODES:
        call->codes = args_codes(state, text);
        return 0;
    case ARGS_TYPE:
        call->type = args_type(state, text);
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
        return 0;
    default:
        return parse_numbers(key, text, state);
    }
}

static const struct argp bench_parser = {
    .options = bench_options,
    .parser = parse_bench,
    .doc =
        "Measure building an index and searching it: recall, throughput, latency."
        "\vA result counts as found when it is one of the exact K, or as near as the last of them. "
        "Without --truth the exact answers are computed first."};

/* Resident bytes of this process, or 0 where the system does not say. */
static uint64_t resident_bytes(void)
{
    FILE *const file = fopen("/proc/self/status", "re");
    unsigned long long kibibytes = 0;
    char line[256];
    if (file == NULL) {
        return 0;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "VmRSS:", 6) == 0) {
            kibibytes = strtoull(line + 6, NULL, 10);
            break;
        }
    }
    fclose(file);
    return kibibytes * 1024;
}

static int report_build(const struct bench_call *call, const struct vecs *base, akin_index *index,
                        const struct fill_cost *cost)
{
    struct akin_stats stats = {.struct_size = sizeof stats};
    struct akin_error error;
    const enum akin_status status = akin_stats_get(index, &stats, &error);
    if (status != AKIN_OK) {
        return say_status(status, &error, "the statistics");
    }
    vecs_rest(base);
    const uint64_t rss_bytes = resident_bytes();
    const double bytes_per_vector = (double)stats.memory.total_bytes / (double)stats.count;
    if (call->is_json) {
        return emit_json(
            json_pack("{s:s,s:s,s:s,s:s,s:I,s:I,s:f,s:f,s:I,s:f,s:I,s:o}", "phase", "build",
                      "index", args_kind_name(call->kind), "metric", args_metric_name(call->metric),
                      "type", args_type_name(call->type), "dim", (json_int_t)base->dim, "threads",
                      (json_int_t)call->build_threads, "seconds", cost->seconds, "cpu_seconds",
                      cost->cpu_seconds, "vectors", (json_int_t)stats.count, "bytes_per_vector",
                      bytes_per_vector, "rss_bytes", (json_int_t)rss_bytes, "memory",
                      emit_memory(&stats.memory)),
            EMIT_MEASURED);
    }
    printf("build   index %s, metric %s, type %s, dimension %u, threads %u\n"
           "        %llu vectors in %.3f s (%.3f s of processor time), %.1f bytes a vector, "
           "resident %.1f MiB\n",
           args_kind_name(call->kind), args_metric_name(call->metric), args_type_name(call->type),
           base->dim, call->build_threads, (unsigned long long)stats.count, cost->seconds,
           cost->cpu_seconds, bytes_per_vector, (double)rss_bytes / 1048576.0);
    printf("search  threads     ef      k  recall        qps    qps_cpu     p50_us     p95_us     "
           "p99_us\n");
    fflush(stdout);
    return CLI_OK;
}

/* A flat index has no beam: ef is null, and "-" in the table. */
static json_t *json_of_ef(const struct bench_call *call, const struct bench_point *point)
{
    return call->kind == AKIN_FLAT ? json_null() : json_integer((json_int_t)point->ef);
}

static int report_search(const struct bench_call *call, const struct bench_point *point,
                         const struct bench_result *result)
{
    if (call->is_json) {
        return emit_json(
            json_pack("{s:s,s:I,s:o,s:I,s:f,s:f,s:f,s:f,s:f,s:f,s:s,s:I,s:I}", "phase", "search",
                      "threads", (json_int_t)point->threads, "ef", json_of_ef(call, point), "k",
                      (json_int_t)point->k, "recall", result->recall, "qps", result->qps, "qps_cpu",
                      result->qps_cpu, "p50_us", result->p50_us, "p95_us", result->p95_us, "p99_us",
                      result->p99_us, "index", args_kind_name(call->kind), "queries",
                      (json_int_t)point->query->row_count, "repeats", (json_int_t)point->repeats),
            EMIT_MEASURED);
    }
    char ef[16] = "-";
    if (call->kind != AKIN_FLAT) {
        (void)snprintf(ef, sizeof ef, "%u", point->ef);
    }
    printf("        %7u %6s %6u %7.5f %10.1f %10.1f %10.1f %10.1f %10.1f\n", point->threads, ef,
           point->k, result->recall, result->qps, result->qps_cpu, result->p50_us, result->p95_us,
           result->p99_us);
    fflush(stdout);
    return CLI_OK;
}

/* Read the exact answers before the index is there, or compute them with it. */
static int find_truth(const struct bench_call *call, struct bench_point *point, struct truth *truth)
{
    const struct truth_plan plan = {.base = point->base,
                                    .query = point->query,
                                    .metric = point->metric,
                                    .type = point->type,
                                    .k = point->k,
                                    .threads = args_threads_default()};
    point->truth = truth;
    if (call->truth == NULL) {
        return point->index != NULL ? truth_compute(&plan, point->index, truth) : CLI_OK;
    }
    if (point->index != NULL) {
        return CLI_OK;
    }
    if (point->base->row_count < point->base->file_rows) {
        return say_error(CLI_USAGE,
                         "--truth is of the whole base, but --limit takes only %llu of "
                         "its %llu rows",
                         (unsigned long long)point->base->row_count,
                         (unsigned long long)point->base->file_rows);
    }
    return truth_read(&plan, call->truth, truth);
}

static int measure(const struct bench_call *call, struct bench_point *point)
{
    struct bench_result result;
    int code = CLI_OK;
    const bool is_flat = call->kind == AKIN_FLAT;
    const uint32_t points = is_flat || call->ef.count == 0 ? 1 : call->ef.count;
    if (is_flat && call->ef.count > 0) {
        say_note("--ef is left out: an index of kind flat compares every row");
    }
    for (uint32_t i = 0; code == CLI_OK && i < call->threads.count * points; i++) {
        point->threads = call->threads.values[i / points];
        point->ef = is_flat ? 0 : call->ef.count > 0 ? call->ef.values[i % points] : EF_DEFAULT;
        code = bench_run(point, &result);
        if (code == CLI_OK) {
            code = report_search(call, point, &result);
        }
    }
    return code;
}

/* The exact answers, from a flat index that is made for that. */
static int find_truth_exactly(const struct fill_plan *plan, const struct bench_call *call,
                              struct bench_point *point, struct truth *truth)
{
    struct fill_plan exact = *plan;
    struct fill_cost cost;
    exact.kind = AKIN_FLAT;
    exact.budget_bytes = 0;
    int code = fill_index(&exact, &point->index, &cost);
    if (code == CLI_OK) {
        code = find_truth(call, point, truth);
        code = fill_close(point->index, code);
    }
    point->index = NULL;
    return code;
}

static int bench(const struct bench_call *call, const struct vecs *base, const struct vecs *query)
{
    struct fill_plan plan = {.base = base,
                             .metric = call->metric,
                             .kind = call->kind,
                             .type = call->type,
                             .m = call->m,
                             .ef_construction = call->ef_construction,
                             .codes = call->codes,
                             .budget_bytes = call->budget_bytes,
                             .threads = call->build_threads,
                             .threads_later = 1};
    struct bench_point point = {.base = base,
                                .query = query,
                                .metric = call->metric,
                                .type = call->type,
                                .k = call->k,
                                .repeats = call->repeats,
                                .warmup = call->warmup};
    struct truth truth = {0};
    struct fill_cost cost;
    for (uint32_t i = 0; i < call->threads.count; i++) {
        if (call->threads.values[i] > plan.threads_later) {
            plan.threads_later = call->threads.values[i];
        }
    }
    int code = find_truth(call, &point, &truth);
    if (code == CLI_OK && call->kind != AKIN_FLAT && call->truth == NULL) {
        code = find_truth_exactly(&plan, call, &point, &truth);
    }
    if (code == CLI_OK) {
        code = fill_index(&plan, &point.index, &cost);
    }
    if (code == CLI_OK) {
        code = report_build(call, base, point.index, &cost);
        if (code == CLI_OK && call->kind == AKIN_FLAT) {
            code = find_truth(call, &point, &truth);
        }
        if (code == CLI_OK) {
            code = measure(call, &point);
        }
        code = fill_close(point.index, code);
    }
    truth_free(&truth);
    return code;
}

int cmd_bench(int argc, char **argv)
{
    struct bench_call call = {.kind = AKIN_FLAT,
                              .type = AKIN_F32,
                              .k = 10,
                              .build_threads = args_threads_default(),
                              .repeats = 1,
                              .warmup = 10,
                              .threads = {.values = {1}, .count = 1}};
    struct vecs base = {0};
    struct vecs query = {0};
    args_parse(&bench_parser, argc, argv, &call);
    int code = vecs_open(&base, call.base, VECS_VECTORS, call.limit);
    if (code == CLI_OK) {
        code = vecs_open(&query, call.query, VECS_VECTORS, call.query_limit);
    }
    if (code == CLI_OK) {
        code = fill_accept(&base, call.metric, call.type);
    }
    if (code == CLI_OK) {
        code = fill_accept_query(&query, base.dim, call.type);
    }
    if (code == CLI_OK) {
        code = bench(&call, &base, &query);
    }
    vecs_close(&query);
    vecs_close(&base);
    return code;
}
