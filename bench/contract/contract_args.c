/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of the benchmarks of the contract: see contract_args.h.
 *
 * Room: bench.
 */
#include "bench/contract/contract_args.h"

#include "cli/emit.h"
#include "cli/say.h"

#define SEED_DEFAULT 20130u

static const struct argp_option contract_options[] = {
    {"base", ARGS_BASE, "FILE", 0, "Vectors: .fvecs or .bvecs; made up if it is not given", 0},
    {"query", ARGS_QUERY, "FILE", 0, "Queries: .fvecs or .bvecs", 0},
    {"metric", ARGS_METRIC, "l2|ip|cosine", 0, "What distance means (default l2)", 0},
    {"type", ARGS_TYPE, "f32|int8", 0, "Element type in the index (default f32)", 0},
    {"limit", ARGS_LIMIT, "N", 0, "Take only the first N rows of the base", 0},
    {"query-limit", ARGS_QUERY_LIMIT, "N", 0, "Take only the first N queries", 0},
    {"rows", CONTRACT_ROWS, "N", 0, "Rows to make up (default 20000)", 0},
    {"query-rows", CONTRACT_QUERY_ROWS, "N", 0, "Queries to make up (default 500)", 0},
    {"dim", CONTRACT_DIM, "N", 0, "Dimension of what is made up (default 64)", 0},
    {"seed", CONTRACT_SEED, "N", 0, "Of everything that is drawn (default 20130)", 0},
    {"m", ARGS_M, "N", 0, "Neighbors an entry chooses, 2 to 64 (default 16)", 0},
    {"ef-construction", ARGS_EF_CONSTRUCTION, "N", 0,
     "Candidates they are chosen from (default 200)", 0},
    {"k", ARGS_K, "K", 0, "Results for each query (default 10)", 0},
    {"ef", ARGS_EF, "LIST", 0, "Beam widths, from narrow to wide", 0},
    {"build-threads", ARGS_BUILD_THREADS, "N", 0, "Threads that fill (default: processors)", 0},
    {"repeats", ARGS_REPEATS, "N", 0, "Passes, or pairs of slices (default 5)", 0},
    {"small", CONTRACT_SMALL, NULL, 0, "Little of everything: does the program work?", 0},
    {"quiet", ARGS_QUIET, NULL, 0, "No summary for people", 0},
    {0},
};

static error_t parse_numbers(int key, char *text, struct argp_state *state)
{
    struct contract_call *const call = state->input;
    switch (key) {
    case ARGS_LIMIT:
        call->set.limit = args_count(state, "--limit", text, 1, INT32_MAX);
        return 0;
    case ARGS_QUERY_LIMIT:
        call->set.query_limit = args_count(state, "--query-limit", text, 1, INT32_MAX);
        return 0;
    case CONTRACT_ROWS:
        call->set.rows = args_count(state, "--rows", text, 1, INT32_MAX);
        return 0;
    case CONTRACT_QUERY_ROWS:
        call->set.query_rows = args_count(state, "--query-rows", text, 1, INT32_MAX);
        return 0;
    case CONTRACT_DIM:
        call->set.dim = (uint32_t)args_count(state, "--dim", text, 1, AKIN_DIM_MAX);
        return 0;
    case CONTRACT_SEED:
        call->set.seed = args_count(state, "--seed", text, 1, INT64_MAX);
        return 0;
    case ARGS_K:
        call->k = (uint32_t)args_count(state, "--k", text, 1, AKIN_K_MAX);
        return 0;
    case ARGS_EF:
        args_list(state, "--ef", text, &call->ef, AKIN_K_MAX);
        return 0;
    case ARGS_BUILD_THREADS:
        call->build_threads =
            (uint32_t)args_count(state, "--build-threads", text, 1, AKIN_THREADS_MAX);
        return 0;
    case ARGS_REPEATS:
        call->repeats = (uint32_t)args_count(state, "--repeats", text, 1, 1000);
        return 0;
    default:
        return args_graph(state, key, text, &call->m, &call->ef_construction);
    }
}

static error_t parse_contract(int key, char *text, struct argp_state *state)
{
    struct contract_call *const call = state->input;
    switch (key) {
    case ARGS_BASE:
        call->set.base = text;
        return 0;
    case ARGS_QUERY:
        call->set.query = text;
        return 0;
    case ARGS_METRIC:
        call->metric = args_metric(state, text);
        return 0;
    case ARGS_TYPE:
        call->type = args_type(state, text);
        return 0;
    case CONTRACT_SMALL:
        call->is_small = true;
        return 0;
    case ARGS_QUIET:
        say_quiet(true);
        return 0;
    case ARGP_KEY_END:
        if (call->set.base != NULL || call->set.query != NULL) {
            args_require(state, "--base", call->set.base != NULL);
            args_require(state, "--query", call->set.query != NULL);
            args_require(state, "--metric", call->metric != 0);
        }
        return 0;
    default:
        return parse_numbers(key, text, state);
    }
}

const struct argp contract_parser = {.options = contract_options, .parser = parse_contract};

static void complete(uint64_t *number, uint64_t value)
{
    *number = *number != 0 ? *number : value;
}

static void complete_u32(uint32_t *number, uint32_t value)
{
    *number = *number != 0 ? *number : value;
}

void contract_complete(struct contract_call *call)
{
    const bool is_small = call->is_small;
    complete(&call->set.rows, is_small ? 2000 : 20000);
    complete(&call->set.query_rows, is_small ? 50 : 500);
    complete_u32(&call->set.dim, is_small ? 16 : 64);
    complete(&call->set.seed, SEED_DEFAULT);
    complete_u32(&call->k, 10);
    complete_u32(&call->build_threads, args_threads_default());
    complete_u32(&call->repeats, is_small ? 2 : 5);
    call->metric = call->metric != 0 ? call->metric : AKIN_L2;
    call->type = call->type != 0 ? call->type : AKIN_F32;
}

int contract_open(const struct contract_call *call, struct contract_set *set)
{
    int code = set_open(&call->set, set);
    if (code == CLI_OK) {
        code = fill_accept(&set->base, call->metric, call->type);
    }
    if (code == CLI_OK) {
        code = fill_accept_query(&set->query, set->base.dim, call->type);
    }
    if (code == CLI_OK && set->base.row_count < 2 * (uint64_t)call->k) {
        code = say_error(CLI_DATA, "%s: has %llu rows; at least twice --k are wanted, %llu",
                         set->base.path, (unsigned long long)set->base.row_count,
                         2 * (unsigned long long)call->k);
    }
    return code;
}

struct fill_plan contract_fill(const struct contract_call *call, const struct vecs *base)
{
    const struct fill_plan plan = {.base = base,
                                   .metric = call->metric,
                                   .kind = AKIN_HNSW,
                                   .type = call->type,
                                   .m = call->m,
                                   .ef_construction = call->ef_construction,
                                   .threads = call->build_threads,
                                   .threads_later = 4};
    return plan;
}

struct part_plan contract_part(const struct contract_call *call, const struct contract_set *set,
                               const uint64_t *rows, uint64_t count)
{
    const struct part_plan plan = {.set = set,
                                   .rows = rows,
                                   .count = count,
                                   .metric = call->metric,
                                   .type = call->type,
                                   .k = call->k,
                                   .threads = args_threads_default()};
    return plan;
}

int contract_emit_setup(const struct contract_call *call, const struct contract_set *set,
                        const char *program, uint64_t window)
{
    return emit_json(
        json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "phase", "setup",
                  "bench", program, "base", set->base.path, "index", args_kind_name(AKIN_HNSW),
                  "metric", args_metric_name(call->metric), "type", args_type_name(call->type),
                  "dim", (json_int_t)set->base.dim, "rows", (json_int_t)set->base.row_count,
                  "vectors", (json_int_t)window, "queries", (json_int_t)set->query.row_count, "k",
                  (json_int_t)call->k, "m", (json_int_t)(call->m != 0 ? call->m : 16),
                  "ef_construction",
                  (json_int_t)(call->ef_construction != 0 ? call->ef_construction : 200), "repeats",
                  (json_int_t)call->repeats, "seed", (json_int_t)call->set.seed),
        EMIT_MEASURED);
}
