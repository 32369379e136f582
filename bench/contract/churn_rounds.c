/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A window slides over a set: the oldest entry is deleted, the next one inserted, while another
 * thread searches. After each round the index is drained, checked, and compared with one that is
 * built anew from the same entries.
 *
 * The window is half of the set, so that the same row is never in it twice when the set begins
 * again. The key of an entry is the number of its row.
 *
 * Room: bench; a part of akin-bench-churn.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "bench/contract/churn.h"
#include "bench/contract/contract_index.h"
#include "bench/contract/contract_points.h"
#include "cli/crew.h"
#include "cli/emit.h"
#include "cli/latency.h"
#include "cli/say.h"

#define EF_WHILE_REPLACING 40u
#define RECALL_AT          0.95

static const struct args_list ef_default = {.values = {20, 40, 80}, .count = 3};

enum { FRESH, CHURNED };

struct window {
    const struct contract_call *call;
    const struct contract_set *set;
    akin_index *index;
    uint64_t *rows; /* of the entries, the oldest first; made anew for each comparison */
    uint64_t size;
    uint64_t oldest; /* how many were deleted so far */
};

/* What both threads of a round see. */
struct round_job {
    struct window *window;
    pthread_mutex_t lock;
    bool is_over; /* under the lock */
    uint64_t writer_cpu_ns;
    uint64_t searcher_cpu_ns;
    uint64_t searches;
};

static bool is_over(struct round_job *job)
{
    pthread_mutex_lock(&job->lock);
    const bool is_over = job->is_over;
    pthread_mutex_unlock(&job->lock);
    return is_over;
}

static void end_round(struct round_job *job)
{
    pthread_mutex_lock(&job->lock);
    job->is_over = true;
    pthread_mutex_unlock(&job->lock);
}

static void replace_all(struct crew_member *member, struct round_job *job, void *scratch)
{
    struct window *const window = job->window;
    const struct vecs *const base = &window->set->base;
    const uint64_t begun_ns = time_thread_cpu_ns();
    for (uint64_t i = 0; i < window->size && crew_goes_on(member); i++) {
        const uint64_t oldest = window->oldest % base->row_count;
        const uint64_t next = (window->oldest + window->size) % base->row_count;
        struct akin_error error;
        enum akin_status status = akin_delete(window->index, oldest, &error);
        if (status == AKIN_OK) {
            status =
                contract_insert(window->index, base, next, window->call->type, scratch, &error);
        }
        if (status != AKIN_OK) {
            crew_fail_status(member, &error, i, "replacing an entry");
            return;
        }
        window->oldest++;
    }
    job->writer_cpu_ns = time_thread_cpu_ns() - begun_ns;
}

static void search_meanwhile(struct crew_member *member, struct round_job *job, void *scratch)
{
    const struct window *const window = job->window;
    const struct vecs *const query = &window->set->query;
    struct akin_neighbor *const found = malloc(window->call->k * sizeof *found);
    struct akin_search_options options;
    struct akin_error error;
    if (found == NULL) {
        crew_fail(member, CLI_MEMORY, 0, "out of memory: searching");
        return;
    }
    akin_search_options_init(&options);
    options.k = window->call->k;
    options.ef_search = EF_WHILE_REPLACING;
    const uint64_t begun_ns = time_thread_cpu_ns();
    while (!is_over(job) && crew_goes_on(member)) {
        const uint64_t row = job->searches % query->row_count;
        const struct akin_vector vector = {.data =
                                               vecs_row_as(query, row, window->call->type, scratch),
                                           .dim = query->dim,
                                           .type = window->call->type};
        uint32_t count = 0;
        if (akin_search(window->index, NULL, &vector, &options, found, &count, &error) != AKIN_OK) {
            crew_fail_status(member, &error, row, "searching beside replacements");
            break;
        }
        job->searches++;
    }
    job->searcher_cpu_ns = time_thread_cpu_ns() - begun_ns;
    free(found);
}

static void work(struct crew_member *member, void *context)
{
    struct round_job *const job = context;
    void *const scratch = malloc(job->window->set->base.dim * sizeof(float));
    if (scratch == NULL) {
        crew_fail(member, CLI_MEMORY, 0, "out of memory: replacing");
    } else if (member->number == 0) {
        replace_all(member, job, scratch);
    } else {
        search_meanwhile(member, job, scratch);
    }
    if (member->number == 0) {
        end_round(job);
    }
    free(scratch);
}

static int replace(struct window *window, struct round_job *job)
{
    const struct crew_job crew = {.run = work, .context = job, .threads = 2, .may_be_left = true};
    memset(job, 0, sizeof *job);
    job->window = window;
    pthread_mutex_init(&job->lock, NULL);
    const int code = crew_run(&crew);
    pthread_mutex_destroy(&job->lock);
    return code;
}

static double per_second(uint64_t count, uint64_t ns)
{
    return ns > 0 ? (double)count * 1e9 / (double)ns : 0.0;
}

/* Drain, check, and print what the index came to. */
static int report_state(const struct window *window, uint32_t round, const struct round_job *job,
                        const struct akin_stats *before)
{
    struct akin_stats stats;
    bool is_clean = false;
    double drain_seconds = 0.0;
    int code = contract_drain(window->index, &drain_seconds);
    if (code == CLI_OK) {
        code = contract_stats(window->index, &stats);
    }
    if (code == CLI_OK) {
        code = contract_check(window->index, &is_clean);
    }
    if (code != CLI_OK) {
        return code;
    }
    set_rest(window->set);
    const uint64_t rss_bytes = contract_resident_bytes();
    const double writer_seconds = (double)job->writer_cpu_ns * 1e-9;
    say_note("round %u: %.1f MiB by its account, %.1f MiB resident, %llu slots recycled, %s", round,
             (double)stats.memory.total_bytes / 1048576.0, (double)rss_bytes / 1048576.0,
             (unsigned long long)(stats.slots_recycled - before->slots_recycled),
             is_clean ? "sound" : "BROKEN");
    return emit_json(
        json_pack("{s:s,s:I,s:I,s:I,s:f,s:f,s:I,s:f,s:b,s:I,s:f,s:I,s:o,s:o}", "phase", "churn",
                  "round", (json_int_t)round, "vectors", (json_int_t)stats.count, "replaced",
                  (json_int_t)window->oldest, "cpu_seconds", writer_seconds, "drain_cpu_seconds",
                  drain_seconds, "searches", (json_int_t)job->searches, "qps_cpu",
                  per_second(job->searches, job->searcher_cpu_ns), "is_clean", is_clean,
                  "total_bytes", (json_int_t)stats.memory.total_bytes, "bytes_per_vector",
                  (double)stats.memory.total_bytes / (double)stats.count, "rss_bytes",
                  (json_int_t)rss_bytes, "slots", contract_emit_slots(&stats, before), "memory",
                  emit_memory(&stats.memory)),
        EMIT_MEASURED);
}

static int report_point(const struct window *window, uint32_t round, const struct points *points,
                        uint32_t place)
{
    const uint32_t ef = points->efs->values[place];
    const double recall = points_recall(points, CHURNED, place);
    const double recall_fresh = points_recall(points, FRESH, place);
    const double ratio = points_ratio(points, CHURNED, FRESH, place);
    say_note("round %u, ef %u: recall %.4f, built anew %.4f; queries a second %.3f of those of the "
             "one built anew",
             round, ef, recall, recall_fresh, ratio);
    return emit_json(
        json_pack("{s:s,s:I,s:I,s:I,s:I,s:f,s:f,s:f,s:f,s:f,s:s,s:I,s:I}", "phase", "search",
                  "round", (json_int_t)round, "threads", (json_int_t)1, "ef", (json_int_t)ef, "k",
                  (json_int_t)window->call->k, "recall", recall, "recall_fresh", recall_fresh,
                  "qps_cpu", points_qps(points, CHURNED, place), "qps_cpu_fresh",
                  points_qps(points, FRESH, place), "churned_to_fresh", ratio, "index",
                  args_kind_name(AKIN_HNSW), "queries", (json_int_t)window->set->query.row_count,
                  "repeats", (json_int_t)window->call->repeats),
        EMIT_MEASURED);
}

static int report_at_recall(uint32_t round, const struct points *points)
{
    const double qps = points_at_recall(points, CHURNED, RECALL_AT);
    const double qps_fresh = points_at_recall(points, FRESH, RECALL_AT);
    const double ratio = points_ratio_at_recall(points, CHURNED, FRESH, RECALL_AT);
    say_note("round %u, at recall %.2f: %.0f queries a second of processor time, built anew %.0f "
             "(%.3f)",
             round, RECALL_AT, qps, qps_fresh, ratio);
    return emit_json(json_pack("{s:s,s:I,s:f,s:f,s:f,s:f}", "phase", "at_recall", "round",
                               (json_int_t)round, "recall", RECALL_AT, "qps_cpu", qps,
                               "qps_cpu_fresh", qps_fresh, "churned_to_fresh", ratio),
                     EMIT_MEASURED);
}

/* Compare with an index that is built from the part. */
static int compare_with_fresh(const struct window *window, uint32_t round,
                              const struct set_part *part)
{
    const struct contract_call *const call = window->call;
    const struct args_list *const efs = call->ef.count > 0 ? &call->ef : &ef_default;
    const struct fill_plan plan = contract_fill(call, &part->vecs);
    akin_index *fresh = NULL;
    struct points points;
    struct fill_cost cost;
    int code = fill_index(&plan, &fresh, &cost);
    if (code != CLI_OK) {
        return code;
    }
    const struct contender contenders[] = {
        [FRESH] = {fresh, &part->vecs, &part->truth},
        [CHURNED] = {window->index, &window->set->base, &part->in_whole}};
    code = points_measure(call, window->set, contenders, 2, efs, &points);
    for (uint32_t place = 0; code == CLI_OK && place < efs->count; place++) {
        code = report_point(window, round, &points, place);
    }
    if (code == CLI_OK) {
        code = report_at_recall(round, &points);
    }
    points_free(&points);
    return fill_close(fresh, code);
}

static int compare(const struct window *window, uint32_t round)
{
    struct set_part part = {0};
    for (uint64_t i = 0; i < window->size; i++) {
        window->rows[i] = (window->oldest + i) % window->set->base.row_count;
    }
    const struct part_plan plan =
        contract_part(window->call, window->set, window->rows, window->size);
    int code = part_make(&plan, &part);
    if (code == CLI_OK) {
        code = compare_with_fresh(window, round, &part);
    }
    part_free(&part);
    return code;
}

static int run_rounds(struct window *window, uint32_t rounds)
{
    struct round_job job = {0};
    struct akin_stats before;
    int code = contract_stats(window->index, &before);
    for (uint32_t round = 0; code == CLI_OK && round <= rounds; round++) {
        if (round > 0) {
            code = replace(window, &job);
        }
        if (code == CLI_OK) {
            code = report_state(window, round, &job, &before);
        }
        if (code == CLI_OK) {
            code = compare(window, round);
        }
        if (code == CLI_OK) {
            code = contract_stats(window->index, &before);
        }
    }
    return code;
}

int churn_rounds(const struct churn_call *call, const struct contract_set *set)
{
    struct window window = {.call = &call->common, .set = set, .size = set->base.row_count / 2};
    struct vecs first = set->base;
    struct fill_cost cost;
    first.row_count = window.size;
    const struct fill_plan plan = contract_fill(&call->common, &first);
    window.rows = malloc((size_t)window.size * sizeof *window.rows);
    int code = window.rows != NULL ? CLI_OK : say_no_memory("the window");
    if (code == CLI_OK) {
        code = fill_index(&plan, &window.index, &cost);
    }
    if (code == CLI_OK) {
        code = fill_close(window.index, run_rounds(&window, call->rounds));
    }
    free(window.rows);
    return code;
}
