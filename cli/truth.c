/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exact answers: see truth.h.
 *
 * The flat index gives k candidates and some more. Their distances are computed again in binary64
 * from the rows of the files, and sorted by (distance, row). That the true k nearest are among them
 * is proved for each query: the index promises its order only up to the error of float32 arithmetic
 * here, so every row that is not a candidate is at least as far as the last candidate less that
 * error. When this lower bound exceeds the k-th distance, no row is missing, not even an equal one.
 * Otherwise more candidates are asked for, and in the end every row is compared.
 *
 * The bound of float32, for any order of summation, with u = 2^-24:
 *     L2             (dim + 8) u distance
 *     inner product  (dim + 8) u |query| max |row|
 *     cosine         3 (dim + 8) u
 * and dim times the smallest normal number for what underflows. The index in fact decides in
 * binary64 (akin/types.h); the proof does not rely on it.
 *
 * Room: cli. Reading a truth from a file is in truth_file.c.
 */
#include "cli/truth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/crew.h"
#include "cli/exact_distance.h"
#include "cli/say.h"

#define QUERIES_A_PORTION 16u
#define SLACK_MIN         32u
#define WIDENED_TIMES     4u
#define ABOUT_BYTES       300

struct truth_job {
    const struct truth_plan *plan;
    akin_index *index;
    struct truth *truth;
    double *length_max;    /* of each member */
    uint64_t *widened;     /* of each member */
    uint64_t *scanned;     /* of each member */
    double row_length_max; /* for the inner product, else 0 */
    uint32_t candidates;   /* asked for at first */
    uint32_t candidates_max;
};

/* What one member works with. */
struct truth_desk {
    struct crew_member *member;
    const struct truth_job *job;
    akin_context *context;
    unsigned char *queries; /* QUERIES_A_PORTION vectors as the index takes them */
    struct akin_neighbor *found;
    uint32_t counts[QUERIES_A_PORTION];
    struct candidate *items;
};

static double error_of(const struct truth_job *job, uint64_t query, double distance)
{
    const struct truth_plan *const plan = job->plan;
    double scale = 1.0;
    if (plan->metric == AKIN_INNER_PRODUCT) {
        scale = exact_row_length(plan->query, query) * job->row_length_max;
    }
    return exact_float32_error(plan->metric, plan->base->dim, distance, scale);
}

static void store(const struct truth_job *job, uint64_t query, const struct nearest *nearest)
{
    const uint64_t place = query * job->truth->k;
    for (uint32_t i = 0; i < job->truth->k; i++) {
        job->truth->rows[place + i] = (int32_t)nearest->items[i].row;
        job->truth->distances[place + i] = nearest->items[i].distance;
    }
}

/*
 * Rank the candidates of a query in binary64, and store the answer if it is proved complete.
 *
 * Output: false when the candidates do not suffice.
 */
static bool settle(struct truth_desk *desk, uint64_t query, const struct akin_neighbor *found,
                   uint32_t count)
{
    const struct truth_job *const job = desk->job;
    const struct truth_plan *const plan = job->plan;
    struct nearest nearest = {.items = desk->items, .capacity = job->truth->k};
    if (count < job->truth->k) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct candidate candidate = {
            .distance =
                exact_distance_rows(plan->metric, plan->base, found[i].key, plan->query, query),
            .row = found[i].key};
        nearest_offer(&nearest, candidate);
    }
    if (count < plan->base->row_count) {
        const double last = found[count - 1].distance;
        const double lower = last - error_of(job, query, last);
        if (!(lower > nearest.items[job->truth->k - 1].distance)) {
            return false;
        }
    }
    store(job, query, &nearest);
    return true;
}

/* Compare every row in binary64. */
static void scan(struct truth_desk *desk, uint64_t query)
{
    const struct truth_job *const job = desk->job;
    const struct truth_plan *const plan = job->plan;
    struct nearest nearest = {.items = desk->items, .capacity = job->truth->k};
    for (uint64_t row = 0; row < plan->base->row_count; row++) {
        const struct candidate candidate = {
            .distance = exact_distance_rows(plan->metric, plan->base, row, plan->query, query),
            .row = row};
        nearest_offer(&nearest, candidate);
    }
    store(job, query, &nearest);
    job->scanned[desk->member->number]++;
}

/* Search for `count` queries from `first` on, `k` candidates each. */
static bool search(struct truth_desk *desk, uint64_t first, uint64_t count, uint32_t k)
{
    const struct truth_plan *const plan = desk->job->plan;
    const size_t vector_bytes = plan->base->dim * vecs_type_bytes(plan->type);
    for (uint64_t i = 0; i < count; i++) {
        unsigned char *const place = desk->queries + i * vector_bytes;
        const void *const vector = vecs_row_as(plan->query, first + i, plan->type, place);
        if (vector != place) {
            memcpy(place, vector, vector_bytes);
        }
    }
    struct akin_search_options options;
    akin_search_options_init(&options);
    options.k = k;
    const struct akin_batch_search batch = {.struct_size = sizeof batch,
                                            .queries = desk->queries,
                                            .query_count = (size_t)count,
                                            .dim = plan->base->dim,
                                            .type = plan->type,
                                            .results = desk->found,
                                            .counts = desk->counts};
    struct akin_error error;
    const enum akin_status status =
        akin_search_batch(desk->job->index, desk->context, &batch, &options, &error);
    if (status != AKIN_OK) {
        char about[ABOUT_BYTES];
        snprintf(about, sizeof about, "%s: query %llu", plan->query->path,
                 (unsigned long long)(first + error.position));
        crew_fail_status(desk->member, &error, first + error.position, about);
    }
    return status == AKIN_OK;
}

/* Answer one query with as many candidates as it takes. Returns false when a search failed. */
static bool widen(struct truth_desk *desk, uint64_t query)
{
    const struct truth_job *const job = desk->job;
    uint32_t k = job->candidates;
    job->widened[desk->member->number]++;
    while (k < job->candidates_max) {
        k = k > job->candidates_max / WIDENED_TIMES ? job->candidates_max : k * WIDENED_TIMES;
        if (!search(desk, query, 1, k)) {
            return false;
        }
        if (settle(desk, query, desk->found, desk->counts[0])) {
            return true;
        }
    }
    scan(desk, query);
    return true;
}

/* Answer queries [first, first + count). Returns false when a search failed. */
static bool answer(struct truth_desk *desk, uint64_t first, uint64_t count)
{
    const uint32_t k = desk->job->candidates;
    bool is_settled[QUERIES_A_PORTION];
    if (!search(desk, first, count, k)) {
        return false;
    }
    for (uint64_t i = 0; i < count; i++) {
        is_settled[i] = settle(desk, first + i, desk->found + i * k, desk->counts[i]);
    }
    for (uint64_t i = 0; i < count; i++) {
        if (!is_settled[i] && !widen(desk, first + i)) {
            return false;
        }
    }
    return true;
}

static bool desk_open(struct truth_desk *desk, struct crew_member *member,
                      const struct truth_job *job)
{
    const size_t portion = (size_t)job->candidates * QUERIES_A_PORTION;
    const size_t found_max = portion > job->candidates_max ? portion : job->candidates_max;
    memset(desk, 0, sizeof *desk);
    desk->member = member;
    desk->job = job;
    desk->queries = malloc(sizeof(float) * job->plan->base->dim * QUERIES_A_PORTION);
    desk->found = malloc(found_max * sizeof *desk->found);
    desk->items = malloc((size_t)job->truth->k * sizeof *desk->items);
    if (desk->queries == NULL || desk->found == NULL || desk->items == NULL) {
        crew_fail(member, CLI_MEMORY, 0, "out of memory: searching");
        return false;
    }
    struct akin_error error;
    if (akin_context_create(job->index, job->candidates, &desk->context, &error) != AKIN_OK) {
        crew_fail_status(member, &error, 0, "no context for searches");
        return false;
    }
    return true;
}

static void desk_close(struct truth_desk *desk)
{
    akin_context_destroy(desk->context);
    free(desk->items);
    free(desk->found);
    free(desk->queries);
}

static void answer_queries(struct crew_member *member, void *context)
{
    struct truth_desk desk;
    uint64_t first = 0;
    uint64_t count = 0;
    bool goes_on = desk_open(&desk, member, context);
    while (goes_on && crew_take(member, QUERIES_A_PORTION, &first, &count)) {
        goes_on = answer(&desk, first, count);
    }
    desk_close(&desk);
}

static void measure_rows(struct crew_member *member, void *context)
{
    const struct truth_job *const job = context;
    double length_max = 0.0;
    uint64_t first = 0;
    uint64_t count = 0;
    while (crew_take(member, 1024, &first, &count)) {
        for (uint64_t row = first; row < first + count; row++) {
            const double length = exact_row_length(job->plan->base, row);
            length_max = length > length_max ? length : length_max;
        }
    }
    job->length_max[member->number] = length_max;
}

static int run_job(struct truth_job *job)
{
    struct crew_job crew = {.context = job, .threads = job->plan->threads, .may_be_left = true};
    if (job->plan->metric == AKIN_INNER_PRODUCT) {
        crew.run = measure_rows;
        crew.total = job->plan->base->row_count;
        crew.title = "measuring";
        const int code = crew_run(&crew);
        if (code != CLI_OK) {
            return code;
        }
        for (uint32_t i = 0; i < job->plan->threads; i++) {
            if (job->length_max[i] > job->row_length_max) {
                job->row_length_max = job->length_max[i];
            }
        }
    }
    crew.run = answer_queries;
    crew.total = job->plan->query->row_count;
    crew.title = "exact answers";
    return crew_run(&crew);
}

int truth_compute(const struct truth_plan *plan, akin_index *index, struct truth *truth)
{
    int code = truth_create(plan, truth);
    struct truth_job job = {.plan = plan, .index = index, .truth = truth};
    const uint64_t row_count = plan->base->row_count;
    const uint32_t slack = truth->k / 4 > SLACK_MIN ? truth->k / 4 : SLACK_MIN;
    job.candidates_max = row_count < AKIN_K_MAX ? (uint32_t)row_count : AKIN_K_MAX;
    job.candidates = truth->k + slack < job.candidates_max ? truth->k + slack : job.candidates_max;
    job.length_max = calloc(plan->threads, sizeof *job.length_max);
    job.widened = calloc(plan->threads, sizeof *job.widened);
    job.scanned = calloc(plan->threads, sizeof *job.scanned);
    if (job.length_max == NULL || job.widened == NULL || job.scanned == NULL) {
        code = say_no_memory("exact answers");
    }
    if (code == CLI_OK) {
        code = run_job(&job);
        for (uint32_t i = 0; i < plan->threads; i++) {
            truth->widened_count += job.widened[i];
            truth->scanned_count += job.scanned[i];
        }
    }
    free(job.scanned);
    free(job.widened);
    free(job.length_max);
    return code;
}
