/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options that the benchmarks of the contract share.
 *
 * Room: bench; on top of args.h of the command.
 */
#ifndef AKIN_BENCH_CONTRACT_CONTRACT_ARGS_H
#define AKIN_BENCH_CONTRACT_CONTRACT_ARGS_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench/contract/contract_set.h"
#include "cli/args.h"
#include "cli/fill.h"

/* Keys of further options, behind those of the command. */
enum contract_key {
    CONTRACT_SEED = ARGS_QUIET + 1,
    CONTRACT_ROWS,
    CONTRACT_QUERY_ROWS,
    CONTRACT_DIM,
    CONTRACT_SMALL,
    CONTRACT_OWN /* the first key of a program's own options */
};

/* What was asked for. A number that is 0 was not given; contract_complete fills it in. */
struct contract_call {
    struct set_plan set;
    enum akin_metric metric;
    enum akin_type type;
    uint32_t m;
    uint32_t ef_construction;
    uint32_t k;
    uint32_t build_threads;
    uint32_t repeats;
    struct args_list ef;
    bool is_small; /* a few seconds, to see that the program works */
};

/* A child of the parser of a program; its input is a struct contract_call. */
extern const struct argp contract_parser;

/* Put defaults where nothing was given. */
void contract_complete(struct contract_call *call);

/* Open the set, and refuse what an index of it could not take. */
int contract_open(const struct contract_call *call, struct contract_set *set);

/* The plan of a graph over these rows. */
struct fill_plan contract_fill(const struct contract_call *call, const struct vecs *base);

/* The plan of a part of a set. */
struct part_plan contract_part(const struct contract_call *call, const struct contract_set *set,
                               const uint64_t *rows, uint64_t count);

/* Print the first line of a program: what it works with. */
int contract_emit_setup(const struct contract_call *call, const struct contract_set *set,
                        const char *program, uint64_t window);

#endif
