/* SPDX-License-Identifier: Apache-2.0 */
/*
 * akin-bench-beside: slices of time in which threads do one thing each.
 *
 * Room: bench.
 */
#ifndef AKIN_BENCH_CONTRACT_BESIDE_H
#define AKIN_BENCH_CONTRACT_BESIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/contract/contract_args.h"
#include "cli/latency.h"

#define BESIDE_THREADS_MAX 64u

struct beside_call {
    struct contract_call common;
    uint32_t readers; /* threads of the scaling of searches */
    uint32_t ef;
    double slice_seconds;
};

/* The index that is searched, and which rows of the set it holds: `live` from `oldest` on, counted
   round the set. Only the thread that writes changes the two numbers. */
struct beside_index {
    const struct beside_call *call;
    const struct contract_set *set;
    akin_index *index;
    uint64_t oldest;
    uint64_t live;
};

/* What a thread does in a slice. */
enum beside_work {
    BESIDE_SEARCH,
    BESIDE_BURN,   /* arithmetic in registers */
    BESIDE_INSERT, /* rows that are not in the index, as fast as it goes */
    BESIDE_REPLACE /* delete the oldest, insert the next */
};

/* A thread of a slice, and what it came to. */
struct beside_worker {
    enum beside_work work;
    akin_context *context; /* of a thread that searches */
    struct latency *wall;  /* of a thread that searches: of each search */
    struct latency *cpu;
    uint64_t query;   /* the next one to search for */
    uint64_t done;    /* searches, entries written, or steps of arithmetic */
    uint64_t residue; /* of arithmetic: nobody wants it, but it has to be computed */
    uint64_t wall_ns;
    uint64_t cpu_ns;
    bool ran_dry; /* it had no rows left to insert */
};

/* Give a worker what searching takes. CLI_OK, or an exit code after a message. */
int worker_open(const struct beside_index *subject, struct beside_worker *worker);

/* Give it back. Right for a struct of zeros too. */
void worker_close(struct beside_worker *worker);

/*
 * Let workers work for the length of a slice, each on a thread of its own, pinned to a processor of
 * its own where that is possible.
 *
 * Output: CLI_OK, or an exit code after a message; in each worker what it did in this slice.
 */
int slice_run(struct beside_index *subject, double seconds, struct beside_worker *const *workers,
              uint32_t count);

/* What a worker did in a second of wall time, and of its processor time. */
double worker_rate(const struct beside_worker *worker);
double worker_cpu_rate(const struct beside_worker *worker);

/* The part of its wall time that a worker had a processor: less than 1 when others wanted it. */
double worker_cpu_share(const struct beside_worker *worker);

/* Say whether as many threads as this can have a processor each. */
bool slice_is_pinned(uint32_t threads);

/* Searches beside a thread that writes. */
int beside_writes(struct beside_index *subject);

/* Searches on one thread and on several. */
int beside_scaling(struct beside_index *subject);

#endif
