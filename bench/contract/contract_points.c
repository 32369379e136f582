/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several indexes, pass next to pass: see contract_points.h.
 *
 * Room: bench.
 */
#include "bench/contract/contract_points.h"

#include <stdlib.h>
#include <string.h>

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

static double *recall_at(const struct points *points, uint32_t contender, uint32_t place)
{
    return &points->recalls[contender * points->efs->count + place];
}

static double *qps_at(const struct points *points, uint32_t contender, uint32_t place,
                      uint32_t pass)
{
    return &points->qps[((size_t)contender * points->efs->count + place) * points->passes + pass];
}

/* All contenders at one beam width, once. */
static int measure_turn(const struct contract_call *call, const struct contract_set *set,
                        const struct contender *contenders, const struct points *points,
                        uint32_t place, uint32_t pass)
{
    for (uint32_t turn = 0; turn < points->count; turn++) {
        /* Who begins changes, so that nobody always comes behind the same one. */
        const uint32_t i = (turn + pass + place) % points->count;
        const struct bench_point point = {.index = contenders[i].index,
                                          .base = contenders[i].base,
                                          .query = &set->query,
                                          .truth = contenders[i].truth,
                                          .metric = call->metric,
                                          .type = call->type,
                                          .k = call->k,
                                          .ef = points->efs->values[place],
                                          .threads = 1,
                                          .repeats = 1,
                                          .warmup = WARMUP};
        struct bench_result result;
        const int code = bench_run(&point, &result);
        if (code != CLI_OK) {
            return code;
        }
        *recall_at(points, i, place) = result.recall;
        *qps_at(points, i, place, pass) = result.qps_cpu;
    }
    return CLI_OK;
}

int points_measure(const struct contract_call *call, const struct contract_set *set,
                   const struct contender *contenders, uint32_t count, const struct args_list *efs,
                   struct points *points)
{
    const size_t places = (size_t)count * efs->count;
    memset(points, 0, sizeof *points);
    points->efs = efs;
    points->count = count;
    points->passes = call->repeats;
    points->recalls = calloc(places, sizeof *points->recalls);
    points->qps = calloc(places * call->repeats, sizeof *points->qps);
    points->scratch = calloc(call->repeats, sizeof *points->scratch);
    if (points->recalls == NULL || points->qps == NULL || points->scratch == NULL) {
        return say_no_memory("measuring");
    }
    int code = CLI_OK;
    for (uint32_t i = 0; code == CLI_OK && i < call->repeats * efs->count; i++) {
        code = measure_turn(call, set, contenders, points, i % efs->count, i / efs->count);
    }
    return code;
}

void points_free(struct points *points)
{
    free(points->scratch);
    free(points->qps);
    free(points->recalls);
    memset(points, 0, sizeof *points);
}

double points_recall(const struct points *points, uint32_t contender, uint32_t place)
{
    return *recall_at(points, contender, place);
}

double points_qps(const struct points *points, uint32_t contender, uint32_t place)
{
    for (uint32_t pass = 0; pass < points->passes; pass++) {
        points->scratch[pass] = *qps_at(points, contender, place, pass);
    }
    return points_median(points->scratch, points->passes);
}

double points_ratio(const struct points *points, uint32_t contender, uint32_t to, uint32_t place)
{
    for (uint32_t pass = 0; pass < points->passes; pass++) {
        points->scratch[pass] =
            *qps_at(points, contender, place, pass) / *qps_at(points, to, place, pass);
    }
    return points_median(points->scratch, points->passes);
}

/* Interpolate in one pass; 0 when the recall is not reached. */
static double interpolate(const struct points *points, uint32_t contender, uint32_t pass,
                          double recall)
{
    if (points_recall(points, contender, 0) >= recall) {
        return *qps_at(points, contender, 0, pass);
    }
    for (uint32_t place = 1; place < points->efs->count; place++) {
        const double below = points_recall(points, contender, place - 1);
        const double above = points_recall(points, contender, place);
        if (above >= recall && above > below) {
            const double slow = *qps_at(points, contender, place, pass);
            const double fast = *qps_at(points, contender, place - 1, pass);
            return fast + (recall - below) / (above - below) * (slow - fast);
        }
    }
    return 0.0;
}

double points_at_recall(const struct points *points, uint32_t contender, double recall)
{
    for (uint32_t pass = 0; pass < points->passes; pass++) {
        points->scratch[pass] = interpolate(points, contender, pass, recall);
    }
    return points_median(points->scratch, points->passes);
}

double points_ratio_at_recall(const struct points *points, uint32_t contender, uint32_t to,
                              double recall)
{
    for (uint32_t pass = 0; pass < points->passes; pass++) {
        const double divisor = interpolate(points, to, pass, recall);
        points->scratch[pass] =
            divisor > 0.0 ? interpolate(points, contender, pass, recall) / divisor : 0.0;
    }
    return points_median(points->scratch, points->passes);
}
