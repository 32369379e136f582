/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread searches beside one that writes.
 *
 * A slice with the writer stands between two slices in which the other thread only burns processor
 * time; it is compared with the geometric mean of the two, so that what changes evenly, such as the
 * index that grows, cancels. For comparison the other thread also searches: what that costs is the
 * machine's, not the contract's.
 *
 * When an insert would soon find no row left, what was inserted is deleted and reclaimed between
 * two measurements.
 *
 * Room: bench; a part of akin-bench-beside.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/contract/beside.h"
#include "bench/contract/contract_index.h"
#include "bench/contract/contract_points.h"
#include "cli/emit.h"
#include "cli/say.h"

/* What one slice says of its searches. */
struct speed {
    double qps;
    double qps_cpu;
    double p99_us;
    double cpu_p50_us;
    double cpu_p99_us;
    double cpu_share; /* of the slice */
};

/* A measurement: a slice, relative to those round it. */
struct comparison {
    struct speed beside;
    struct speed alone;
    double writes_per_second; /* of wall time */
    double writes_per_cpu_second;
    bool ran_dry;
};

struct bench_beside {
    struct beside_index *subject;
    struct beside_worker searcher;
    struct beside_worker other;
    uint64_t start_live; /* entries before any insert */
    uint64_t inserted;   /* most of a slice so far */
};

static const char *name_of(enum beside_work work)
{
    switch (work) {
    case BESIDE_SEARCH:
        return "search";
    case BESIDE_INSERT:
        return "insert";
    case BESIDE_REPLACE:
        return "replace";
    default:
        return "burn";
    }
}

static int measure_slice(struct bench_beside *bench, enum beside_work work, struct speed *speed)
{
    struct beside_worker *const workers[] = {&bench->searcher, &bench->other};
    bench->searcher.work = BESIDE_SEARCH;
    bench->other.work = work;
    const int code = slice_run(bench->subject, bench->subject->call->slice_seconds, workers, 2);
    speed->qps = worker_rate(&bench->searcher);
    speed->qps_cpu = worker_cpu_rate(&bench->searcher);
    speed->p99_us = latency_percentile_us(bench->searcher.wall, 99.0);
    speed->cpu_p50_us = latency_percentile_us(bench->searcher.cpu, 50.0);
    speed->cpu_p99_us = latency_percentile_us(bench->searcher.cpu, 99.0);
    speed->cpu_share = worker_cpu_share(&bench->searcher);
    return code;
}

/* Take out again what was inserted, newest first. */
static int rewind_inserts(struct bench_beside *bench)
{
    struct beside_index *const subject = bench->subject;
    double seconds = 0.0;
    while (subject->live > bench->start_live) {
        struct akin_error error;
        const uint64_t newest =
            (subject->oldest + subject->live - 1) % subject->set->base.row_count;
        const enum akin_status status = akin_delete(subject->index, newest, &error);
        if (status != AKIN_OK) {
            return say_status(status, &error, "deleting an entry");
        }
        subject->live--;
    }
    return contract_drain(subject->index, &seconds);
}

static struct speed mean_of(const struct speed *a, const struct speed *b)
{
    const struct speed mean = {.qps = sqrt(a->qps * b->qps),
                               .qps_cpu = sqrt(a->qps_cpu * b->qps_cpu),
                               .p99_us = sqrt(a->p99_us * b->p99_us),
                               .cpu_p50_us = sqrt(a->cpu_p50_us * b->cpu_p50_us),
                               .cpu_p99_us = sqrt(a->cpu_p99_us * b->cpu_p99_us),
                               .cpu_share = sqrt(a->cpu_share * b->cpu_share)};
    return mean;
}

static int measure_one(struct bench_beside *bench, enum beside_work work,
                       struct comparison *comparison)
{
    const struct beside_index *const subject = bench->subject;
    struct speed before;
    struct speed after;
    int code = CLI_OK;
    const uint64_t left = subject->set->base.row_count - subject->live;
    if (work == BESIDE_INSERT && left < bench->inserted + bench->inserted / 2) {
        code = rewind_inserts(bench);
    }
    if (code == CLI_OK) {
        code = measure_slice(bench, BESIDE_BURN, &before);
    }
    if (code == CLI_OK) {
        code = measure_slice(bench, work, &comparison->beside);
        comparison->writes_per_second = worker_rate(&bench->other);
        comparison->writes_per_cpu_second = worker_cpu_rate(&bench->other);
        comparison->ran_dry = bench->other.ran_dry;
        if (work == BESIDE_INSERT && bench->other.done > bench->inserted) {
            bench->inserted = bench->other.done;
        }
    }
    if (code == CLI_OK) {
        code = measure_slice(bench, BESIDE_BURN, &after);
    }
    if (code == CLI_OK) {
        comparison->alone = mean_of(&before, &after);
    }
    return code;
}

static double ratio_of(double number, double to)
{
    return to > 0.0 ? number / to : 0.0;
}

static json_t *json_of_speed(const struct speed *speed)
{
    return json_pack("{s:f,s:f,s:f,s:f,s:f,s:f}", "qps", speed->qps, "qps_cpu", speed->qps_cpu,
                     "p99_us", speed->p99_us, "cpu_p50_us", speed->cpu_p50_us, "cpu_p99_us",
                     speed->cpu_p99_us, "cpu_share", speed->cpu_share);
}

static int report_pair(const struct bench_beside *bench, enum beside_work work, uint32_t pair,
                       const struct comparison *one)
{
    return emit_json(json_pack("{s:s,s:s,s:I,s:I,s:o,s:o,s:f,s:f,s:f,s:f,s:f,s:b}", "phase",
                               "beside_pair", "other", name_of(work), "pair", (json_int_t)pair,
                               "vectors", (json_int_t)bench->subject->live, "beside",
                               json_of_speed(&one->beside), "alone", json_of_speed(&one->alone),
                               "qps_cpu_ratio", ratio_of(one->beside.qps_cpu, one->alone.qps_cpu),
                               "cpu_p99_ratio",
                               ratio_of(one->beside.cpu_p99_us, one->alone.cpu_p99_us), "p99_ratio",
                               ratio_of(one->beside.p99_us, one->alone.p99_us), "other_per_second",
                               one->writes_per_second, "other_per_cpu_second",
                               one->writes_per_cpu_second, "ran_dry", one->ran_dry),
                     EMIT_MEASURED);
}

/* The median over all measurements of one field of theirs, or of a ratio of two. */
static double median_of(const struct comparison *all, uint32_t count, double *values,
                        double (*value_of)(const struct comparison *one))
{
    for (uint32_t i = 0; i < count; i++) {
        values[i] = value_of(&all[i]);
    }
    return points_median(values, count);
}

static double throughput_of(const struct comparison *one)
{
    return ratio_of(one->beside.qps_cpu, one->alone.qps_cpu);
}

static double cpu_p50_of(const struct comparison *one)
{
    return ratio_of(one->beside.cpu_p50_us, one->alone.cpu_p50_us);
}

static double cpu_p99_of(const struct comparison *one)
{
    return ratio_of(one->beside.cpu_p99_us, one->alone.cpu_p99_us);
}

static double p99_of(const struct comparison *one)
{
    return ratio_of(one->beside.p99_us, one->alone.p99_us);
}

static double qps_cpu_of(const struct comparison *one)
{
    return one->beside.qps_cpu;
}

static double cpu_share_of(const struct comparison *one)
{
    return one->beside.cpu_share < one->alone.cpu_share ? one->beside.cpu_share
                                                        : one->alone.cpu_share;
}

static double writes_of(const struct comparison *one)
{
    return one->writes_per_cpu_second;
}

static int report(const struct bench_beside *bench, enum beside_work work,
                  const struct comparison *all, uint32_t count, double *values)
{
    const struct beside_call *const call = bench->subject->call;
    const double throughput = median_of(all, count, values, throughput_of);
    const double cpu_p50 = median_of(all, count, values, cpu_p50_of);
    const double cpu_p99 = median_of(all, count, values, cpu_p99_of);
    const double p99 = median_of(all, count, values, p99_of);
    const double qps_cpu = median_of(all, count, values, qps_cpu_of);
    const double writes = median_of(all, count, values, writes_of);
    const double share = median_of(all, count, values, cpu_share_of);
    say_note("beside %s: %.3f of the searches in a second of processor time beside a thread that "
             "only burns it; processor time of a search: median %.3f times, p99 %.3f times; wall "
             "p99 %.3f times (the other thread: %.0f in a second of its processor time; the "
             "searching one had %.2f of a processor)",
             name_of(work), throughput, cpu_p50, cpu_p99, p99, writes, share);
    return emit_json(json_pack("{s:s,s:s,s:I,s:I,s:f,s:f,s:f,s:f,s:f,s:f,s:f,s:I,s:f}", "phase",
                               "beside", "other", name_of(work), "ef", (json_int_t)call->ef, "k",
                               (json_int_t)call->common.k, "qps_cpu", qps_cpu, "qps_cpu_ratio",
                               throughput, "cpu_p50_ratio", cpu_p50, "cpu_p99_ratio", cpu_p99,
                               "p99_ratio", p99, "other_per_cpu_second", writes, "cpu_share", share,
                               "pairs", (json_int_t)count, "slice_seconds", call->slice_seconds),
                     EMIT_MEASURED);
}

static int measure_work(struct bench_beside *bench, enum beside_work work)
{
    const uint32_t count = bench->subject->call->common.repeats;
    struct comparison *const all = calloc(count, sizeof *all);
    double *const values = calloc(count, sizeof *values);
    int code = all != NULL && values != NULL ? CLI_OK : say_no_memory("measuring");
    for (uint32_t pair = 0; code == CLI_OK && pair < count; pair++) {
        code = measure_one(bench, work, &all[pair]);
        if (code == CLI_OK) {
            code = report_pair(bench, work, pair, &all[pair]);
        }
    }
    if (code == CLI_OK) {
        code = report(bench, work, all, count, values);
    }
    free(values);
    free(all);
    return code;
}

static int check_sound(const struct bench_beside *bench)
{
    struct akin_stats stats;
    bool is_clean = false;
    int code = contract_check(bench->subject->index, &is_clean);
    if (code == CLI_OK) {
        code = contract_stats(bench->subject->index, &stats);
    }
    if (code != CLI_OK) {
        return code;
    }
    return emit_json(json_pack("{s:s,s:b,s:b,s:I}", "phase", "check", "is_clean", is_clean,
                               "is_count_right", stats.count == bench->subject->live, "vectors",
                               (json_int_t)stats.count),
                     EMIT_MEASURED);
}

int beside_writes(struct beside_index *subject)
{
    static const enum beside_work works[] = {BESIDE_SEARCH, BESIDE_INSERT, BESIDE_REPLACE};
    struct bench_beside bench = {.subject = subject, .start_live = subject->live};
    struct speed warm;
    int code = worker_open(subject, &bench.searcher);
    if (code == CLI_OK) {
        code = worker_open(subject, &bench.other);
    }
    if (code == CLI_OK) {
        code = measure_slice(&bench, BESIDE_BURN, &warm);
    }
    for (uint32_t i = 0; code == CLI_OK && i < sizeof works / sizeof works[0]; i++) {
        code = measure_work(&bench, works[i]);
        if (code == CLI_OK && works[i] == BESIDE_INSERT) {
            code = rewind_inserts(&bench);
        }
    }
    if (code == CLI_OK) {
        code = check_sound(&bench);
    }
    worker_close(&bench.other);
    worker_close(&bench.searcher);
    return code;
}
