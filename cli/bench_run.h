/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One operating point of akin bench: the queries searched by some threads, measured, and compared
 * with the exact answers.
 *
 * Room: cli; a part of cmd_bench.c.
 */
#ifndef AKIN_CLI_BENCH_RUN_H
#define AKIN_CLI_BENCH_RUN_H

#include <stdint.h>

#include "akin/akin.h"
#include "cli/truth.h"
#include "cli/vecs.h"

/* What is measured. */
struct bench_point {
    akin_index *index;
    const struct vecs *base;
    const struct vecs *query;
    const struct truth *truth;
    enum akin_metric metric;
    enum akin_type type;
    uint32_t k;
    uint32_t ef; /* of a graph; 0 for its own */
    uint32_t threads;
    uint32_t repeats; /* passes over the queries that are measured */
    uint32_t warmup;  /* searches of each thread before */
};

/* What came out. */
struct bench_result {
    double recall;
    double qps;     /* queries a second */
    double qps_cpu; /* queries a second of processor time */
    double p50_us;
    double p95_us;
    double p99_us;
    uint64_t searched; /* queries in all passes */
};

/*
 * Measure one operating point. Every query is searched by a call of its own.
 *
 * Output : CLI_OK, or an exit code after a message.
 * Threads: main thread only.
 */
int bench_run(const struct bench_point *point, struct bench_result *result);

#endif
