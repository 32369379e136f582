/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several indexes, pass next to pass: see contract_points.h.
 *
 * Room: bench.
 */
#include "bench/contract/contract_points.h"

#include <stdlib.h>

#include "cli/say.h"

#define WARMUP 10u

static int compare_doubles(const void *left, const void *right)
{
    const double a = *(const double *)left;
    const double b = *(const double *)right;
    return (a > b) - (a < b);
}

double points_median(double *values, uint32_t count)
{
    if (count == 0) {
        return 0.0;
    }
    qsort(values, count, sizeof *values, compare_doubles);
    return (values[(count - 1) / 2] + values[count / 2]) / 2.0;
}

static int measure_passes(const struct contract_call *call, const struct contract_set *set,
                          const struct contender *contenders, uint32_t count, uint32_t ef,
                          struct point_result *results, double *qps)
{
    for (uint32_t pass = 0; pass < call->repeats; pass++) {
        /* Who begins changes, so that nobody always comes behind the same one. */
        for (uint32_t turn = 0; turn < count; turn++) {
            const uint32_t i = (turn + pass) % count;
            const struct bench_point point = {.index = contenders[i].index,
                                              .base = contenders[i].base,
                                              .query = &set->query,
                                              .truth = contenders[i].truth,
                                              .metric = call->metric,
                                              .type = call->type,
                                              .k = call->k,
                                              .ef = ef,
                                              .threads = 1,
                                              .repeats = 1,
                                              .warmup = WARMUP};
            struct bench_result result;
            const int code = bench_run(&point, &result);
            if (code != CLI_OK) {
                return code;
            }
            results[i].recall = result.recall;
            qps[i * call->repeats + pass] = result.qps_cpu;
        }
    }
    return CLI_OK;
}

int points_measure(const struct contract_call *call, const struct contract_set *set,
                   const struct contender *contenders, uint32_t count, uint32_t ef,
                   struct point_result *results)
{
    double *const qps = calloc((size_t)count * call->repeats, sizeof *qps);
    double *const ratios = calloc(call->repeats, sizeof *ratios);
    int code = qps != NULL && ratios != NULL ? CLI_OK : say_no_memory("measuring");
    if (code == CLI_OK) {
        code = measure_passes(call, set, contenders, count, ef, results, qps);
    }
    /* From the last to the first: the median sorts, and the ratios need the first as it came. */
    for (uint32_t i = count; code == CLI_OK && i-- > 0;) {
        for (uint32_t pass = 0; pass < call->repeats; pass++) {
            ratios[pass] = qps[i * call->repeats + pass] / qps[pass];
        }
        results[i].ratio = points_median(ratios, call->repeats);
        results[i].qps_cpu = points_median(&qps[i * call->repeats], call->repeats);
    }
    free(ratios);
    free(qps);
    return code;
}

double points_at_recall(const struct point_result *results, uint32_t count, double recall)
{
    if (count == 0 || results[0].recall >= recall) {
        return count == 0 ? 0.0 : results[0].qps_cpu;
    }
    for (uint32_t i = 1; i < count; i++) {
        const double below = results[i - 1].recall;
        if (results[i].recall >= recall && results[i].recall > below) {
            const double part = (recall - below) / (results[i].recall - below);
            return results[i - 1].qps_cpu + part * (results[i].qps_cpu - results[i - 1].qps_cpu);
        }
    }
    return 0.0;
}
