/* SPDX-License-Identifier: Apache-2.0 */
/*
 * akin-bench-beside: what searches lose beside a writer, and gain from a second thread.
 *
 * One JSON object a line; docs/benchmarks.md has the fields. A summary goes to standard error.
 *
 * Room: bench; public headers only.
 */
#include "bench/contract/beside.h"

#include "cli/interrupt.h"
#include "cli/say.h"

#define SECONDS_MIN 0.001
#define SECONDS_MAX 3600.0
#define EF_DEFAULT  64u

enum beside_key { BESIDE_SLICE = CONTRACT_OWN, BESIDE_READERS };

static const struct argp_option beside_options[] = {
    {"slice", BESIDE_SLICE, "SECONDS", 0, "Length of a slice (default 2)", 0},
    {"readers", BESIDE_READERS, "N", 0, "Threads of the scaling of searches (default 2)", 0},
    {0},
};

static error_t parse_beside(int key, char *text, struct argp_state *state)
{
    struct beside_call *const call = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &call->common;
        return 0;
    case BESIDE_SLICE:
        call->slice_seconds = args_seconds(state, "--slice", text, SECONDS_MIN, SECONDS_MAX);
        return 0;
    case BESIDE_READERS:
        call->readers = (uint32_t)args_count(state, "--readers", text, 2, BESIDE_THREADS_MAX);
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "'%s' is not understood; files are named by options", text);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* Fill an index with the first half of the set, and measure with it. */
static int beside(const struct beside_call *call, const struct contract_set *set)
{
    struct beside_index subject = {.call = call, .set = set, .live = set->base.row_count / 2};
    struct vecs first = set->base;
    struct fill_cost cost;
    first.row_count = subject.live;
    struct fill_plan plan = contract_fill(&call->common, &first);
    plan.threads_later += call->readers;
    int code = contract_emit_setup(&call->common, set, say_current_name(), subject.live);
    if (code == CLI_OK) {
        code = fill_index(&plan, &subject.index, &cost);
    }
    if (code == CLI_OK) {
        code = beside_scaling(&subject);
    }
    if (code == CLI_OK) {
        code = beside_writes(&subject);
    }
    return fill_close(subject.index, code);
}

int main(int argc, char **argv)
{
    static const struct argp_child children[] = {{&contract_parser, 0, NULL, 0}, {0}};
    static const struct argp parser = {
        .options = beside_options,
        .parser = parse_beside,
        .children = children,
        .doc = "Measure what searches lose beside a writer, and gain from more threads."};
    struct beside_call call = {.readers = 2};
    struct contract_set set = {0};
    argp_err_exit_status = CLI_USAGE;
    interrupt_init();
    say_name("akin-bench-beside");
    args_parse(&parser, argc, argv, &call);
    contract_complete(&call.common);
    if (call.slice_seconds == 0.0) {
        call.slice_seconds = call.common.is_small ? 0.05 : 2.0;
    }
    call.ef = call.common.ef.count > 0 ? call.common.ef.values[0] : EF_DEFAULT;
    int code = contract_open(&call.common, &set);
    if (code == CLI_OK) {
        code = beside(&call, &set);
    }
    set_close(&set);
    return say_end(code);
}
