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

/* What one turn came to. */
struct turn {
    double qps_one;
    double qps_all;
    double burn_one;
    double burn_all;
    double cpu_share; /* of the thread that had least of its processor */
};

/* One slice: what all threads of it did together in a second. */
static int measure_slice(struct beside_index *subject, struct beside_worker *const *workers,
                         uint32_t count, enum beside_work work, double *rate, double *cpu_share)
{
    for (uint32_t i = 0; i < count; i++) {
        workers[i]->work = work;
    }
    const int code = slice_run(subject, subject->call->slice_seconds, workers, count);
    *rate = 0.0;
    for (uint32_t i = 0; i < count; i++) {
        *rate += worker_rate(workers[i]);
        const double share = worker_cpu_share(workers[i]);
        *cpu_share = share < *cpu_share ? share : *cpu_share;
    }
    return code;
}

static int measure_turn(struct beside_index *subject, struct beside_worker *const *workers,
                        struct turn *turn)
{
    const uint32_t all = subject->call->readers;
    double *const share = &turn->cpu_share;
    *share = 1.0;
    int code = measure_slice(subject, workers, 1, BESIDE_SEARCH, &turn->qps_one, share);
    if (code == CLI_OK) {
        code = measure_slice(subject, workers, all, BESIDE_SEARCH, &turn->qps_all, share);
    }
    if (code == CLI_OK) {
        code = measure_slice(subject, workers, 1, BESIDE_BURN, &turn->burn_one, share);
    }
    return code == CLI_OK
               ? measure_slice(subject, workers, all, BESIDE_BURN, &turn->burn_all, share)
               : code;
}

static int report(const struct beside_index *subject, const struct turn *turns, double *values)
{
    const struct beside_call *const call = subject->call;
    const uint32_t count = call->common.repeats;
    double medians[5];
    for (uint32_t field = 0; field < 5; field++) {
        for (uint32_t i = 0; i < count; i++) {
            const struct turn *const turn = &turns[i];
            const double all[] = {turn->qps_one, turn->qps_all, turn->qps_all / turn->qps_one,
                                  turn->burn_all / turn->burn_one, turn->cpu_share};
            values[i] = all[field];
        }
        medians[field] = points_median(values, count);
    }
    for (uint32_t i = 0; i < count; i++) {
        values[i] = turns[i].qps_all / turns[i].qps_one / (turns[i].burn_all / turns[i].burn_one);
    }
    const double to_limit = points_median(values, count);
    const bool is_pinned = slice_is_pinned(call->readers);
    say_note("searches on %u threads%s: %.3f times those on one; arithmetic: %.3f times; %.3f of "
             "that limit (a thread had %.2f of a processor at least)",
             call->readers, is_pinned ? ", each on a processor of its own" : "", medians[2],
             medians[3], to_limit, medians[4]);
    return emit_json(json_pack("{s:s,s:I,s:b,s:I,s:I,s:I,s:f,s:f,s:f,s:f,s:f,s:f,s:I,s:f}", "phase",
                               "scaling", "threads", (json_int_t)call->readers, "is_pinned",
                               is_pinned, "ef", (json_int_t)call->ef, "k",
                               (json_int_t)call->common.k, "vectors", (json_int_t)subject->live,
                               "qps", medians[1], "qps_one_thread", medians[0], "qps_ratio",
                               medians[2], "arithmetic_ratio", medians[3], "ratio_to_arithmetic",
                               to_limit, "cpu_share", medians[4], "pairs", (json_int_t)count,
                               "slice_seconds", call->slice_seconds),
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
