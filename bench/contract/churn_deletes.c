/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A random half of a graph is deleted, then the rest: what searches cost before and after, what
 * memory comes back, and how long a deletion takes.
 *
 * Three indexes take turns at each beam width: the whole set, the half that is left in the index
 * that was deleted from, and an index built anew from the same half.
 *
 * Room: bench; a part of akin-bench-churn.
 */
#include <stdlib.h>
#include <string.h>

#include "bench/contract/churn.h"
#include "bench/contract/contract_index.h"
#include "bench/contract/contract_points.h"
#include "cli/emit.h"
#include "cli/latency.h"
#include "cli/say.h"

#define RECALL_AT      0.95
#define CLOCK_READINGS 1001u
#define MIB            1048576.0

static const struct args_list ef_default = {
    .values = {10, 15, 20, 30, 40, 60, 80, 120, 160, 240, 320, 480}, .count = 12};

enum { WHOLE, HALF, FRESH };

struct deletion {
    const struct contract_call *call;
    const struct contract_set *set;
    uint64_t *rows; /* of all entries: those that go first, then those that go last */
    uint64_t first_count;
    akin_index *whole;
    akin_index *half; /* the one that is deleted from */
    akin_index *fresh;
    struct set_part whole_part;
    struct set_part half_part;
    struct latency *wall;
    struct latency *cpu;
    uint64_t full_bytes; /* of the index before any deletion */
};

static int compare_rows(const void *left, const void *right)
{
    const uint64_t a = *(const uint64_t *)left;
    const uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

/* Draw which half goes; each half in the order of the set. */
static void draw_half(struct deletion *deletion)
{
    const uint64_t count = deletion->set->base.row_count;
    uint64_t state = deletion->call->set.seed;
    for (uint64_t i = 0; i < count; i++) {
        deletion->rows[i] = i;
    }
    for (uint64_t i = 0; i < deletion->first_count; i++) {
        const uint64_t j = i + set_random(&state) % (count - i);
        const uint64_t row = deletion->rows[i];
        deletion->rows[i] = deletion->rows[j];
        deletion->rows[j] = row;
    }
    qsort(deletion->rows + deletion->first_count, (size_t)(count - deletion->first_count),
          sizeof *deletion->rows, compare_rows);
}

/* What the thread's clock shows when nothing is between two readings: the median. */
static double clock_us(void)
{
    static double readings[CLOCK_READINGS];
    for (uint32_t i = 0; i < CLOCK_READINGS; i++) {
        const uint64_t begun_ns = time_thread_cpu_ns();
        const uint64_t wall_ns = time_now_ns();
        readings[i] = time_now_ns() >= wall_ns ? (double)(time_thread_cpu_ns() - begun_ns) : 0.0;
    }
    return points_median(readings, CLOCK_READINGS) * 1e-3;
}

/* Delete rows one by one and print how long that took. */
static int delete_rows(struct deletion *deletion, const uint64_t *rows, uint64_t count,
                       const char *what)
{
    memset(deletion->wall, 0, sizeof *deletion->wall);
    memset(deletion->cpu, 0, sizeof *deletion->cpu);
    const uint64_t cpu_begun_ns = time_thread_cpu_ns();
    for (uint64_t i = 0; i < count; i++) {
        struct akin_error error;
        const uint64_t cpu_ns = time_thread_cpu_ns();
        const uint64_t wall_ns = time_now_ns();
        const enum akin_status status = akin_delete(deletion->half, rows[i], &error);
        latency_add(deletion->wall, time_now_ns() - wall_ns);
        latency_add(deletion->cpu, time_thread_cpu_ns() - cpu_ns);
        if (status != AKIN_OK) {
            return say_status(status, &error, "deleting an entry");
        }
    }
    const double seconds = (double)(time_thread_cpu_ns() - cpu_begun_ns) * 1e-9;
    const struct latency *const wall = deletion->wall;
    const struct latency *const cpu = deletion->cpu;
    say_note("delete, %s: median %.2f us, p99 %.1f us, p99.9 %.1f us, worst %.0f us (processor "
             "time %.2f, %.1f, %.1f, %.0f)",
             what, latency_percentile_us(wall, 50.0), latency_percentile_us(wall, 99.0),
             latency_percentile_us(wall, 99.9), (double)wall->max_ns * 1e-3,
             latency_percentile_us(cpu, 50.0), latency_percentile_us(cpu, 99.0),
             latency_percentile_us(cpu, 99.9), (double)cpu->max_ns * 1e-3);
    return emit_json(
        json_pack("{s:s,s:s,s:I,s:f,s:f,s:f,s:f,s:f,s:f,s:f,s:f,s:f,s:f}", "phase", "delete",
                  "part", what, "deleted", (json_int_t)count, "cpu_seconds", seconds, "p50_us",
                  latency_percentile_us(wall, 50.0), "p99_us", latency_percentile_us(wall, 99.0),
                  "p999_us", latency_percentile_us(wall, 99.9), "max_us",
                  (double)wall->max_ns * 1e-3, "cpu_p50_us", latency_percentile_us(cpu, 50.0),
                  "cpu_p99_us", latency_percentile_us(cpu, 99.0), "cpu_p999_us",
                  latency_percentile_us(cpu, 99.9), "cpu_max_us", (double)cpu->max_ns * 1e-3,
                  "clock_us", clock_us()),
        EMIT_MEASURED);
}

/* Reclaim what was deleted, check, and print what memory came back. */
static int reclaim(struct deletion *deletion, const char *phase, const struct akin_stats *start,
                   uint64_t deleted)
{
    struct akin_stats before;
    struct akin_stats after;
    bool is_clean = false;
    double drain_seconds = 0.0;
    int code = contract_stats(deletion->half, &before);
    const uint64_t rss_before = contract_resident_bytes();
    if (code == CLI_OK) {
        code = contract_drain(deletion->half, &drain_seconds);
    }
    const uint64_t rss_after = contract_resident_bytes();
    if (code == CLI_OK) {
        code = contract_stats(deletion->half, &after);
    }
    if (code == CLI_OK) {
        code = contract_check(deletion->half, &is_clean);
    }
    if (code != CLI_OK) {
        return code;
    }
    const double before_bytes = (double)before.memory.total_bytes;
    const double after_bytes = (double)after.memory.total_bytes;
    const double pruned = (double)(after.graph_pruned - start->graph_pruned);
    say_note("%s: %llu entries left, %s; %.1f MiB full, %.1f before DRAIN, %.1f after it (%.3f)",
             phase, (unsigned long long)after.count, is_clean ? "sound" : "BROKEN",
             (double)deletion->full_bytes / MIB, before_bytes / MIB, after_bytes / MIB,
             after_bytes / before_bytes);
    return emit_json(
        json_pack(
            "{s:s,s:I,s:I,s:b,s:f,s:f,s:f,s:I,s:I,s:I,s:f,s:f,s:I,s:I,s:o,s:o}", "phase", phase,
            "deleted", (json_int_t)deleted, "count", (json_int_t)after.count, "is_clean", is_clean,
            "drain_cpu_seconds", drain_seconds, "pruned_per_deleted", pruned / (double)deleted,
            "filled_per_deleted",
            (double)(after.graph_filled - start->graph_filled) / (double)deleted, "full_bytes",
            (json_int_t)deletion->full_bytes, "before_bytes", (json_int_t)before.memory.total_bytes,
            "after_bytes", (json_int_t)after.memory.total_bytes, "after_to_before",
            after_bytes / before_bytes, "after_to_full", after_bytes / (double)deletion->full_bytes,
            "rss_before_bytes", (json_int_t)rss_before, "rss_after_bytes", (json_int_t)rss_after,
            "slots", contract_emit_slots(&after, start), "memory", emit_memory(&after.memory)),
        EMIT_MEASURED);
}

static int report_point(const struct deletion *deletion, const struct points *points,
                        uint32_t place)
{
    return emit_json(
        json_pack("{s:s,s:I,s:I,s:I,s:f,s:f,s:f,s:f,s:f,s:f,s:f,s:f,s:s,s:I,s:I}", "phase",
                  "search_halved", "threads", (json_int_t)1, "ef",
                  (json_int_t)points->efs->values[place], "k", (json_int_t)deletion->call->k,
                  "recall", points_recall(points, HALF, place), "recall_full",
                  points_recall(points, WHOLE, place), "recall_fresh",
                  points_recall(points, FRESH, place), "qps_cpu", points_qps(points, HALF, place),
                  "qps_cpu_full", points_qps(points, WHOLE, place), "qps_cpu_fresh",
                  points_qps(points, FRESH, place), "half_to_full",
                  points_ratio(points, HALF, WHOLE, place), "half_to_fresh",
                  points_ratio(points, HALF, FRESH, place), "index", args_kind_name(AKIN_HNSW),
                  "queries", (json_int_t)deletion->set->query.row_count, "repeats",
                  (json_int_t)deletion->call->repeats),
        EMIT_MEASURED);
}

static int report_at_recall(const struct points *points)
{
    const double full = points_at_recall(points, WHOLE, RECALL_AT);
    const double half = points_at_recall(points, HALF, RECALL_AT);
    const double fresh = points_at_recall(points, FRESH, RECALL_AT);
    const double to_full = points_ratio_at_recall(points, HALF, WHOLE, RECALL_AT);
    const double to_fresh = points_ratio_at_recall(points, HALF, FRESH, RECALL_AT);
    say_note("at recall %.2f: %.0f queries a second of processor time with a random half deleted; "
             "%.0f with all entries (%.3f times), %.0f built anew from that half (%.3f times)",
             RECALL_AT, half, full, to_full, fresh, to_fresh);
    return emit_json(json_pack("{s:s,s:f,s:f,s:f,s:f,s:f,s:f}", "phase", "at_recall", "recall",
                               RECALL_AT, "qps_cpu", half, "qps_cpu_full", full, "qps_cpu_fresh",
                               fresh, "half_to_full", to_full, "half_to_fresh", to_fresh),
                     EMIT_MEASURED);
}

static int measure(const struct deletion *deletion)
{
    const struct contract_call *const call = deletion->call;
    const struct args_list *const efs = call->ef.count > 0 ? &call->ef : &ef_default;
    const struct vecs *const base = &deletion->set->base;
    const struct contender contenders[] = {
        [WHOLE] = {deletion->whole, base, &deletion->whole_part.in_whole},
        [HALF] = {deletion->half, base, &deletion->half_part.in_whole},
        [FRESH] = {deletion->fresh, &deletion->half_part.vecs, &deletion->half_part.truth}};
    struct points points;
    int code = points_measure(call, deletion->set, contenders, 3, efs, &points);
    for (uint32_t place = 0; code == CLI_OK && place < efs->count; place++) {
        code = report_point(deletion, &points, place);
    }
    if (code == CLI_OK) {
        code = report_at_recall(&points);
    }
    points_free(&points);
    return code;
}

static int make_indexes(struct deletion *deletion)
{
    const struct fill_plan whole = contract_fill(deletion->call, &deletion->set->base);
    const struct fill_plan half = contract_fill(deletion->call, &deletion->half_part.vecs);
    struct fill_cost cost;
    int code = fill_index(&whole, &deletion->whole, &cost);
    if (code == CLI_OK) {
        code = fill_index(&whole, &deletion->half, &cost);
    }
    return code == CLI_OK ? fill_index(&half, &deletion->fresh, &cost) : code;
}

static int make_parts(struct deletion *deletion)
{
    const uint64_t count = deletion->set->base.row_count;
    const struct part_plan whole =
        contract_part(deletion->call, deletion->set, deletion->rows, count);
    const struct part_plan half =
        contract_part(deletion->call, deletion->set, deletion->rows + deletion->first_count,
                      count - deletion->first_count);
    const int code = part_make(&whole, &deletion->whole_part);
    return code == CLI_OK ? part_make(&half, &deletion->half_part) : code;
}

/* Close an index before the end, so that it is not in the memory that is measured next. */
static int close_early(akin_index **index, int code)
{
    code = fill_close(*index, code);
    *index = NULL;
    return code;
}

static int delete_all(struct deletion *deletion)
{
    struct akin_stats start;
    int code = contract_stats(deletion->half, &start);
    deletion->full_bytes = start.memory.total_bytes;
    if (code == CLI_OK) {
        code = delete_rows(deletion, deletion->rows, deletion->first_count, "random half");
    }
    if (code == CLI_OK) {
        code = reclaim(deletion, "deleted_half", &start, deletion->first_count);
    }
    if (code == CLI_OK) {
        code = measure(deletion);
    }
    if (code == CLI_OK) {
        code = close_early(&deletion->whole, code);
    }
    if (code == CLI_OK) {
        code = close_early(&deletion->fresh, code);
    }
    if (code == CLI_OK) {
        code = contract_stats(deletion->half, &start);
    }
    const uint64_t left = deletion->set->base.row_count - deletion->first_count;
    if (code == CLI_OK) {
        code = delete_rows(deletion, deletion->rows + deletion->first_count, left, "rest");
    }
    return code == CLI_OK ? reclaim(deletion, "deleted_all", &start, left) : code;
}

int churn_deletes(const struct churn_call *call, const struct contract_set *set)
{
    struct deletion deletion = {
        .call = &call->common, .set = set, .first_count = set->base.row_count / 2};
    deletion.rows = malloc((size_t)set->base.row_count * sizeof *deletion.rows);
    deletion.wall = latency_create();
    deletion.cpu = latency_create();
    int code = CLI_OK;
    if (deletion.rows == NULL || deletion.wall == NULL || deletion.cpu == NULL) {
        code = say_no_memory("deleting");
    }
    if (code == CLI_OK) {
        draw_half(&deletion);
        code = make_parts(&deletion);
    }
    if (code == CLI_OK) {
        code = make_indexes(&deletion);
    }
    if (code == CLI_OK) {
        code = delete_all(&deletion);
    }
    code = fill_close(deletion.whole, code);
    code = fill_close(deletion.half, code);
    code = fill_close(deletion.fresh, code);
    part_free(&deletion.half_part);
    part_free(&deletion.whole_part);
    free(deletion.cpu);
    free(deletion.wall);
    free(deletion.rows);
    return code;
}
