/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One operating point of akin bench: see bench_run.h.
 *
 * Throughput is the number of queries divided by the time from the first start of a thread to the
 * last end, summed over the passes; starting threads and warming up are not in it. Latency is
 * measured round each call. Processor time is that of the searching threads alone.
 *
 * Room: cli.
 */
#include "cli/bench_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/args.h"
#include "cli/crew.h"
#include "cli/exact_distance.h"
#include "cli/latency.h"
#include "cli/say.h"

#define PORTIONS_A_THREAD 16u
#define PORTION_MAX       16u
#define NO_RESULT         UINT64_MAX
/* For the tests: "recall" forgets the first result of every query, "duplicate" gives the last
 * twice. */
#define FAULT_VARIABLE "AKIN_BENCH_FAULT"

/* What one member works with; its numbers are of the pass that is running. */
struct bench_desk {
    akin_context *context;
    struct latency *latency; /* of all passes */
    struct akin_neighbor *found;
    void *scratch;
    uint64_t begun_ns;
    uint64_t ended_ns;
    uint64_t cpu_ns;
};

struct bench_job {
    const struct bench_point *point;
    struct bench_desk *desks;
    uint64_t *keys; /* of the first pass: k for each query, NO_RESULT where there are fewer */
    uint64_t portion;
    bool is_first_pass;
};

static bool search_one(struct crew_member *member, const struct bench_job *job, uint64_t query,
                       uint32_t *count, uint64_t *duration_ns)
{
    const struct bench_point *const point = job->point;
    struct bench_desk *const desk = &job->desks[member->number];
    const struct akin_vector vector = {
        .data = vecs_row_as(point->query, query, point->type, desk->scratch),
        .dim = point->query->dim,
        .type = point->type};
    struct akin_search_options options;
    struct akin_error error;
    akin_search_options_init(&options);
    options.k = point->k;
    options.ef_search = point->ef;
    const uint64_t begun_ns = time_now_ns();
    const enum akin_status status =
        akin_search(point->index, desk->context, &vector, &options, desk->found, count, &error);
    *duration_ns = time_now_ns() - begun_ns;
    if (status != AKIN_OK) {
        char about[300];
        snprintf(about, sizeof about, "%s: row %llu", point->query->path,
                 (unsigned long long)query);
        crew_fail_status(member, &error, query, about);
    }
    return status == AKIN_OK;
}

static void warm_up(struct crew_member *member, void *context)
{
    const struct bench_job *const job = context;
    const uint64_t query_count = job->point->query->row_count;
    uint32_t count = 0;
    uint64_t duration_ns = 0;
    for (uint32_t i = 0; i < job->point->warmup && crew_goes_on(member); i++) {
        const uint64_t query = (member->number + (uint64_t)i * job->point->threads) % query_count;
        if (!search_one(member, job, query, &count, &duration_ns)) {
            return;
        }
    }
}

static void search_all(struct crew_member *member, void *context)
{
    const struct bench_job *const job = context;
    struct bench_desk *const desk = &job->desks[member->number];
    const uint32_t k = job->point->k;
    uint64_t first = 0;
    uint64_t count = 0;
    const uint64_t cpu_begun_ns = time_thread_cpu_ns();
    desk->begun_ns = time_now_ns();
    while (crew_take(member, job->portion, &first, &count)) {
        for (uint64_t query = first; query < first + count; query++) {
            uint32_t found = 0;
            uint64_t duration_ns = 0;
            if (!search_one(member, job, query, &found, &duration_ns)) {
                return;
            }
            latency_add(desk->latency, duration_ns);
            for (uint32_t i = 0; i < found && job->is_first_pass; i++) {
                job->keys[query * k + i] = desk->found[i].key;
            }
        }
    }
    desk->ended_ns = time_now_ns();
    desk->cpu_ns = time_thread_cpu_ns() - cpu_begun_ns;
}

static int compare_keys(const void *left, const void *right)
{
    const uint64_t a = *(const uint64_t *)left;
    const uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static int compare_rows(const void *left, const void *right)
{
    const int32_t a = *(const int32_t *)left;
    const int32_t b = *(const int32_t *)right;
    return (a > b) - (a < b);
}

/* How a returned row compares with the exact answers. */
enum verdict { IS_HIT, IS_MISS, IS_BETTER };

/*
 * Judge a row: a hit is one of the exact answers, or as near as the last of them. A row that is
 * none of them and nearer, by more than float32 can err, shows that the answers are not exact.
 */
static enum verdict judge(const struct bench_point *point, uint64_t query, uint64_t key,
                          const int32_t *sorted_rows, double farthest)
{
    if (key >= point->base->row_count) {
        return IS_MISS;
    }
    const int32_t row = (int32_t)key;
    if (bsearch(&row, sorted_rows, point->truth->k, sizeof row, compare_rows) != NULL) {
        return IS_HIT;
    }
    const uint32_t dim = point->base->dim;
    double scale = 1.0;
    if (point->metric == AKIN_INNER_PRODUCT) {
        scale = exact_row_length(point->base, key) * exact_row_length(point->query, query);
    }
    const double distance =
        exact_distance_rows(point->metric, point->base, key, point->query, query);
    if (distance < farthest - exact_float32_error(point->metric, dim, farthest, scale)) {
        return IS_BETTER;
    }
    const double tie = exact_tie_width(point->metric, dim, farthest, scale);
    return distance <= farthest + tie ? IS_HIT : IS_MISS;
}

/*
 * Count the hits of one query. The keys are sorted on the way, so that none counts twice.
 *
 * Output: CLI_OK, or CLI_DATA after a message when the exact answers are none.
 */
static int count_hits(const struct bench_point *point, uint64_t query, uint64_t *keys,
                      int32_t *sorted_rows, uint64_t *hits)
{
    const struct truth *const truth = point->truth;
    const double *const distances = &truth->distances[query * truth->k];
    double farthest = distances[0];
    for (uint32_t i = 1; i < truth->k; i++) {
        farthest = distances[i] > farthest ? distances[i] : farthest;
    }
    memcpy(sorted_rows, &truth->rows[query * truth->k], truth->k * sizeof *sorted_rows);
    qsort(sorted_rows, truth->k, sizeof *sorted_rows, compare_rows);
    qsort(keys, point->k, sizeof *keys, compare_keys);
    for (uint32_t i = 0; i < point->k; i++) {
        if (i > 0 && keys[i] == keys[i - 1]) {
            continue;
        }
        const enum verdict verdict = judge(point, query, keys[i], sorted_rows, farthest);
        *hits += verdict == IS_HIT;
        if (verdict == IS_BETTER) {
            return say_error(CLI_DATA,
                             "the truth is not exact: row %llu is nearer to query %llu than the "
                             "farthest of its %u, by --metric %s",
                             (unsigned long long)keys[i], (unsigned long long)query, truth->k,
                             args_metric_name(point->metric));
        }
    }
    return CLI_OK;
}

static int measure_recall(struct bench_job *job, struct bench_result *result)
{
    const struct bench_point *const point = job->point;
    const uint64_t query_count = point->query->row_count;
    const char *const fault = getenv(FAULT_VARIABLE);
    int32_t *const sorted_rows = malloc(point->truth->k * sizeof *sorted_rows);
    int code = sorted_rows != NULL ? CLI_OK : say_no_memory("recall");
    uint64_t hits = 0;
    for (uint64_t query = 0; code == CLI_OK && query < query_count; query++) {
        uint64_t *const keys = &job->keys[query * point->k];
        if (fault != NULL && strcmp(fault, "recall") == 0) {
            keys[0] = NO_RESULT;
        } else if (fault != NULL && strcmp(fault, "duplicate") == 0) {
            keys[0] = keys[point->k - 1];
        }
        code = count_hits(point, query, keys, sorted_rows, &hits);
    }
    result->recall = (double)hits / ((double)query_count * (double)point->truth->k);
    free(sorted_rows);
    return code;
}

static int open_desks(struct bench_job *job)
{
    const struct bench_point *const point = job->point;
    for (uint32_t i = 0; i < point->threads; i++) {
        struct bench_desk *const desk = &job->desks[i];
        struct akin_error error;
        desk->latency = latency_create();
        desk->found = malloc(point->k * sizeof *desk->found);
        desk->scratch = malloc(point->query->dim * sizeof(float));
        if (desk->latency == NULL || desk->found == NULL || desk->scratch == NULL) {
            return say_no_memory("searching");
        }
        const enum akin_status status =
            akin_context_create(point->index, point->k, &desk->context, &error);
        if (status != AKIN_OK) {
            return say_status(status, &error, "no context for searches");
        }
    }
    return CLI_OK;
}

static void close_desks(struct bench_job *job)
{
    for (uint32_t i = 0; i < job->point->threads; i++) {
        akin_context_destroy(job->desks[i].context);
        free(job->desks[i].scratch);
        free(job->desks[i].found);
        free(job->desks[i].latency);
    }
}

/* The time from the first start of a member to the last end, in seconds. */
static double wall_seconds(const struct bench_job *job)
{
    uint64_t begun_ns = UINT64_MAX;
    uint64_t ended_ns = 0;
    for (uint32_t i = 0; i < job->point->threads; i++) {
        const struct bench_desk *const desk = &job->desks[i];
        begun_ns = desk->begun_ns < begun_ns ? desk->begun_ns : begun_ns;
        ended_ns = desk->ended_ns > ended_ns ? desk->ended_ns : ended_ns;
    }
    return (double)(ended_ns - begun_ns) * 1e-9;
}

static int run_passes(struct bench_job *job, struct bench_result *result)
{
    const struct bench_point *const point = job->point;
    struct crew_job crew = {
        .run = warm_up, .context = job, .threads = point->threads, .may_be_left = true};
    double seconds = 0.0;
    double cpu_seconds = 0.0;
    int code = point->warmup > 0 ? crew_run(&crew) : CLI_OK;
    crew.run = search_all;
    crew.total = point->query->row_count;
    crew.title = "searching";
    for (uint32_t pass = 0; code == CLI_OK && pass < point->repeats; pass++) {
        job->is_first_pass = pass == 0;
        code = crew_run(&crew);
        seconds += wall_seconds(job);
        for (uint32_t i = 0; i < point->threads; i++) {
            cpu_seconds += (double)job->desks[i].cpu_ns * 1e-9;
        }
    }
    result->searched = point->query->row_count * point->repeats;
    result->qps = seconds > 0.0 ? (double)result->searched / seconds : 0.0;
    result->qps_cpu = cpu_seconds > 0.0 ? (double)result->searched / cpu_seconds : 0.0;
    return code;
}

static void summarize(const struct bench_job *job, struct bench_result *result)
{
    struct latency *const all = job->desks[0].latency;
    for (uint32_t i = 1; i < job->point->threads; i++) {
        latency_merge(all, job->desks[i].latency);
    }
    result->p50_us = latency_percentile_us(all, 50.0);
    result->p95_us = latency_percentile_us(all, 95.0);
    result->p99_us = latency_percentile_us(all, 99.0);
}

int bench_run(const struct bench_point *point, struct bench_result *result)
{
    const uint64_t query_count = point->query->row_count;
    const uint64_t portion = query_count / ((uint64_t)point->threads * PORTIONS_A_THREAD);
    struct bench_job job = {.point = point};
    int code = CLI_OK;
    memset(result, 0, sizeof *result);
    job.portion = portion < 1 ? 1 : portion > PORTION_MAX ? PORTION_MAX : portion;
    job.desks = calloc(point->threads, sizeof *job.desks);
    job.keys = malloc(query_count * point->k * sizeof *job.keys);
    if (job.desks == NULL || job.keys == NULL) {
        code = say_no_memory("searching");
    } else {
        for (uint64_t i = 0; i < query_count * point->k; i++) {
            job.keys[i] = NO_RESULT;
        }
        code = open_desks(&job);
        if (code == CLI_OK) {
            code = run_passes(&job, result);
        }
        if (code == CLI_OK) {
            summarize(&job, result);
            code = measure_recall(&job, result);
        }
        close_desks(&job);
    }
    free(job.keys);
    free(job.desks);
    return code;
}
