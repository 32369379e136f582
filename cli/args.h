/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of options: read, checked against their bounds, and refused by name.
 *
 * Room     : cli; on top of argp of the C library.
 * Promises : a bad value is answered with the option, the value and what is allowed, and exit code
 *            2. The functions do not return then: argp_error ends the program, before anything was
 *            done.
 */
#ifndef AKIN_CLI_ARGS_H
#define AKIN_CLI_ARGS_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include "akin/options.h"
#include "akin/types.h"

#define ARGS_LIST_MAX 64

/* Keys of the long options; one number for each option of all commands. */
enum args_key {
    ARGS_BASE = 0x100,
    ARGS_QUERY,
    ARGS_TRUTH,
    ARGS_METRIC,
    ARGS_INDEX,
    ARGS_TYPE,
    ARGS_OUTPUT,
    ARGS_LIMIT,
    ARGS_QUERY_LIMIT,
    ARGS_K,
    ARGS_EF,
    ARGS_M,
    ARGS_EF_CONSTRUCTION,
    ARGS_CODES,
    ARGS_THREADS,
    ARGS_BUILD_THREADS,
    ARGS_BUDGET,
    ARGS_REPEATS,
    ARGS_WARMUP,
    ARGS_SAMPLE,
    ARGS_SECONDS,
    ARGS_WORDS,
    ARGS_JSON,
    ARGS_FORCE,
    ARGS_QUIET
};

/* A list of numbers, as in --ef 10,20,40. */
struct args_list {
    uint32_t values[ARGS_LIST_MAX];
    uint32_t count;
};

/* Read a whole number within bounds. */
uint64_t args_count(const struct argp_state *state, const char *option, const char *text,
                    uint64_t min, uint64_t max);

/* Read a size: a whole number of bytes with an optional K, M, G or T (powers of 1024). */
uint64_t args_bytes(const struct argp_state *state, const char *option, const char *text);

/* Read a number of seconds within bounds. */
double args_seconds(const struct argp_state *state, const char *option, const char *text,
                    double min, double max);

/* Read numbers separated by commas. */
void args_list(const struct argp_state *state, const char *option, const char *text,
               struct args_list *list, uint32_t max);

/* Read l2, ip or cosine. */
enum akin_metric args_metric(const struct argp_state *state, const char *text);

/* Read f32 or int8. */
enum akin_type args_type(const struct argp_state *state, const char *text);

/* Read flat or hnsw. */
enum akin_kind args_kind(const struct argp_state *state, const char *text);

/* Read sq8 or none. */
enum akin_codes args_codes(const struct argp_state *state, const char *text);

/* Read --m or --ef-construction, by its key: the shape of a graph. */
error_t args_graph(struct argp_state *state, int key, const char *text, uint32_t *m,
                   uint32_t *ef_construction);

/* Refuse the call unless the value is there. */
void args_require(const struct argp_state *state, const char *option, bool is_given);

/* Parse the arguments of one command. Ends the program on misuse. */
void args_parse(const struct argp *parser, int argc, char **argv, void *input);

/* Return how many threads to use when the user does not say: the processors this process may use.
 */
uint32_t args_threads_default(void);

/* The words of the options above, for output. */
const char *args_metric_name(enum akin_metric metric);
const char *args_type_name(enum akin_type type);
const char *args_kind_name(enum akin_kind kind);

#endif
