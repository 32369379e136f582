/* SPDX-License-Identifier: Apache-2.0 */
/*
 * akin-bench-churn: what becomes of a graph whose entries are replaced and deleted.
 *
 * One JSON object a line; docs/benchmarks.md has the fields. A summary goes to standard error.
 *
 * Room: bench; public headers only.
 */
#include "bench/contract/churn.h"

#include "cli/interrupt.h"
#include "cli/say.h"

#define ROUNDS_MAX 1000u

enum churn_key { CHURN_ROUNDS = CONTRACT_OWN, CHURN_DELETE_HALF };

static const struct argp_option churn_options[] = {
    {"rounds", CHURN_ROUNDS, "R", 0, "Rounds of replacement (default 4; 0 for none)", 0},
    {"delete-half", CHURN_DELETE_HALF, NULL, 0, "Then delete a random half, then all", 0},
    {0},
};

static error_t parse_churn(int key, char *text, struct argp_state *state)
{
    struct churn_call *const call = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &call->common;
        return 0;
    case CHURN_ROUNDS:
        call->rounds = (uint32_t)args_count(state, "--rounds", text, 0, ROUNDS_MAX);
        return 0;
    case CHURN_DELETE_HALF:
        call->deletes_half = true;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "'%s' is not understood; files are named by options", text);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static int churn(const struct churn_call *call, const struct contract_set *set)
{
    int code = contract_emit_setup(&call->common, set, say_current_name(), set->base.row_count / 2);
    if (code == CLI_OK && call->rounds > 0) {
        code = churn_rounds(call, set);
    }
    if (code == CLI_OK && call->deletes_half) {
        code = churn_deletes(call, set);
    }
    return code;
}

int main(int argc, char **argv)
{
    static const struct argp_child children[] = {{&contract_parser, 0, NULL, 0}, {0}};
    static const struct argp parser = {
        .options = churn_options,
        .parser = parse_churn,
        .children = children,
        .doc = "Measure a graph whose entries are replaced and deleted: recall, speed, memory."};
    struct churn_call call = {.rounds = UINT32_MAX};
    struct contract_set set = {0};
    argp_err_exit_status = CLI_USAGE;
    interrupt_init();
    say_name("akin-bench-churn");
    args_parse(&parser, argc, argv, &call);
    contract_complete(&call.common);
    if (call.rounds == UINT32_MAX) {
        call.rounds = call.common.is_small ? 2 : 4;
    }
    int code = contract_open(&call.common, &set);
    if (code == CLI_OK) {
        code = churn(&call, &set);
    }
    set_close(&set);
    return say_end(code);
}
