/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Searches on one thread and on several, by wall time, each next to arithmetic in registers on as
 * many threads: what the machine itself gains from them is the limit.
 *
 * Room: bench; a part of akin-bench-beside.
 */
#include <stdlib.h>
#include <string.h>

#include "bench/contract/beside.h"
#include "bench/contract/contract_points.h"
#include "cli/emit.h"
#include "cli/say.h"

/* What all threads of a slice did together in a second. */
struct rate {
    double wall;
    double cpu;       /* the sum of what each did in a second of its processor time */
    double cpu_share; /* of the thread that had least of its processor */
};

enum { SEARCH_ONE, SEARCH_ALL, BURN_ONE, BURN_ALL, SLICES };

/* What one turn came to. */
struct turn {
    struct rate slices[SLICES];
};

static int measure_slice(struct beside_index *subject, struct beside_worker *const *workers,
                         uint32_t count, enum beside_work work, struct rate *rate)
{
    for (uint32_t i = 0; i < count; i++) {
        workers[i]->work = work;
    }
    const int code = slice_run(subject, subject->call->slice_seconds, workers, count);
    *rate = (struct rate){.cpu_share = 1.0};
    for (uint32_t i = 0; i < count; i++) {
        const double share = worker_cpu_share(workers[i]);
        rate->wall += worker_rate(workers[i]);
        rate->cpu += worker_cpu_rate(workers[i]);
        rate->cpu_share = share < rate->cpu_share ? share : rate->cpu_share;
    }
    return code;
}

static int measure_turn(struct beside_index *subject, struct beside_worker *const *workers,
                        struct turn *turn)
{
    const uint32_t all = subject->call->readers;
    int code = CLI_OK;
    for (uint32_t slice = 0; code == CLI_OK && slice < SLICES; slice++) {
        const bool is_one = slice == SEARCH_ONE || slice == BURN_ONE;
        const bool is_search = slice == SEARCH_ONE || slice == SEARCH_ALL;
        code = measure_slice(subject, workers, is_one ? 1 : all,
                             is_search ? BESIDE_SEARCH : BESIDE_BURN, &turn->slices[slice]);
    }
    return code;
}

/* Numbers that a turn gives. */
enum {
    QPS_ONE,
    QPS_ALL,
    QPS_RATIO,
    BURN_RATIO,
    TO_LIMIT,
    QPS_CPU_RATIO,
    BURN_CPU_RATIO,
    CPU_SHARE,
    NUMBERS
};

static double number_of(const struct turn *turn, uint32_t number)
{
    const struct rate *const of = turn->slices;
    const double qps_ratio = of[SEARCH_ALL].wall / of[SEARCH_ONE].wall;
    const double burn_ratio = of[BURN_ALL].wall / of[BURN_ONE].wall;
    switch (number) {
    case QPS_ONE:
        return of[SEARCH_ONE].wall;
    case QPS_ALL:
        return of[SEARCH_ALL].wall;
    case QPS_RATIO:
        return qps_ratio;
    case BURN_RATIO:
        return burn_ratio;
    case TO_LIMIT:
        return qps_ratio / burn_ratio;
    case QPS_CPU_RATIO:
        return of[SEARCH_ALL].cpu / of[SEARCH_ONE].cpu;
    case BURN_CPU_RATIO:
        return of[BURN_ALL].cpu / of[BURN_ONE].cpu;
    default:
        return of[SEARCH_ALL].cpu_share < of[BURN_ALL].cpu_share ? of[SEARCH_ALL].cpu_share
                                                                 : of[BURN_ALL].cpu_share;
    }
}

static int report(const struct beside_index *subject, const struct turn *turns, double *values)
{
    const struct beside_call *const call = subject->call;
    const uint32_t count = call->common.repeats;
    double of[NUMBERS];
    for (uint32_t number = 0; number < NUMBERS; number++) {
        for (uint32_t i = 0; i < count; i++) {
            values[i] = number_of(&turns[i], number);
        }
        of[number] = points_median(values, count);
    }
    const bool is_pinned = slice_is_pinned(call->readers);
    say_note("searches on %u threads%s: %.3f times those on one; arithmetic: %.3f times; %.3f of "
             "that limit; by processor time %.3f and %.3f (a thread had %.2f of a processor)",
             call->readers, is_pinned ? ", each on a processor of its own" : "", of[QPS_RATIO],
             of[BURN_RATIO], of[TO_LIMIT], of[QPS_CPU_RATIO], of[BURN_CPU_RATIO], of[CPU_SHARE]);
    return emit_json(
        json_pack("{s:s,s:I,s:b,s:I,s:I,s:I,s:f,s:f,s:f,s:f,s:f,s:f,s:f,s:f,s:I,s:f}", "phase",
                  "scaling", "threads", (json_int_t)call->readers, "is_pinned", is_pinned, "ef",
                  (json_int_t)call->ef, "k", (json_int_t)call->common.k, "vectors",
                  (json_int_t)subject->live, "qps", of[QPS_ALL], "qps_one_thread", of[QPS_ONE],
                  "qps_ratio", of[QPS_RATIO], "arithmetic_ratio", of[BURN_RATIO],
                  "ratio_to_arithmetic", of[TO_LIMIT], "qps_cpu_ratio", of[QPS_CPU_RATIO],
                  "arithmetic_cpu_ratio", of[BURN_CPU_RATIO], "cpu_share", of[CPU_SHARE], "pairs",
                  (json_int_t)count, "slice_seconds", call->slice_seconds),
        EMIT_MEASURED);
}

int beside_scaling(struct beside_index *subject)
{
    static struct beside_worker workers[BESIDE_THREADS_MAX];
    struct beside_worker *places[BESIDE_THREADS_MAX];
    const uint32_t count = subject->call->common.repeats;
    struct turn *const turns = calloc(count, sizeof *turns);
    double *const values = calloc(count, sizeof *values);
    int code = turns != NULL && values != NULL ? CLI_OK : say_no_memory("measuring");
    for (uint32_t i = 0; i < subject->call->readers; i++) {
        places[i] = &workers[i];
        if (code == CLI_OK) {
            code = worker_open(subject, &workers[i]);
        }
        /* Not all of them search for the same query at the same time. */
        workers[i].query = i * subject->set->query.row_count / subject->call->readers;
    }
    for (uint32_t i = 0; code == CLI_OK && i < count; i++) {
        code = measure_turn(subject, places, &turns[i]);
    }
    if (code == CLI_OK) {
        code = report(subject, turns, values);
    }
    for (uint32_t i = 0; i < subject->call->readers; i++) {
        worker_close(&workers[i]);
    }
    free(values);
    free(turns);
    return code;
}
