/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vectors that the benchmarks of the contract work with: from files, or made up.
 *
 * Room     : bench; on top of what the command shares.
 * Promises : made-up vectors depend on the plan alone. The key of an entry is the number of its row
 *            in the base, whatever part of the base an index holds.
 */
#ifndef AKIN_BENCH_CONTRACT_CONTRACT_SET_H
#define AKIN_BENCH_CONTRACT_CONTRACT_SET_H

#include <stdint.h>

#include "cli/truth.h"
#include "cli/vecs.h"

/* Where vectors come from. Without a base they are made up. */
struct set_plan {
    const char *base;
    const char *query;
    uint64_t limit; /* rows of the files to take at most; 0 for all */
    uint64_t query_limit;
    uint64_t rows; /* to make up */
    uint64_t query_rows;
    uint32_t dim;
    uint64_t seed;
};

struct contract_set {
    struct vecs base;
    struct vecs query;
    unsigned char *base_bytes; /* of vectors made up, else NULL */
    unsigned char *query_bytes;
};

/* Some rows of a base as a base of their own, with the exact answers among them. */
struct set_part {
    struct vecs vecs;
    struct truth truth;    /* rows as the part numbers them */
    struct truth in_whole; /* rows as the whole base numbers them */
    unsigned char *bytes;
};

/* What answers are wanted of a part. */
struct part_plan {
    const struct contract_set *set;
    const uint64_t *rows; /* of the base, each once */
    uint64_t count;
    enum akin_metric metric;
    enum akin_type type;
    uint32_t k;
    uint32_t threads;
};

/* Open the files, or make the vectors up. CLI_OK, or an exit code after a message. */
int set_open(const struct set_plan *plan, struct contract_set *set);

/* Give everything back. Right for a struct of zeros too. */
void set_close(struct contract_set *set);

/* Let the pages of the files go, so that the memory of the process can be told without them. */
void set_rest(const struct contract_set *set);

/*
 * Copy the rows, and find the exact answers by a flat index and the proof of truth.h.
 *
 * Output    : CLI_OK, or an exit code after a message.
 * Ownership : the caller frees the part by part_free, also after failure.
 */
int part_make(const struct part_plan *plan, struct set_part *part);

/* Give the memory back. Right for a struct of zeros too. */
void part_free(struct set_part *part);

/* The next number of a sequence that the seed starts. */
uint64_t set_random(uint64_t *state);

#endif
