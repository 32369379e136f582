/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An index filled from a file of vectors: see fill.h.
 *
 * Room: cli.
 */
#include "cli/fill.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/crew.h"
#include "cli/latency.h"
#include "cli/say.h"

#define ROWS_A_PORTION 256u
#define ROWS_A_BUILD   4096u /* of a graph: several of its batches */
#define ABOUT_BYTES    300

struct fill_job {
    const struct fill_plan *plan;
    akin_index *index;
};

int fill_accept(const struct vecs *base, enum akin_metric metric, enum akin_type type)
{
    if (type != AKIN_I8) {
        return CLI_OK;
    }
    if (metric != AKIN_L2) {
        return say_error(CLI_USAGE,
                         "--type int8 shifts every byte by -128, which keeps only L2 distances; "
                         "--metric %s is refused",
                         metric == AKIN_COSINE ? "cosine" : "ip");
    }
    if (base->element != VECS_U8) {
        return say_error(CLI_DATA, "%s: holds %s; --type int8 wants bytes (.bvecs)", base->path,
                         vecs_element_name(base->element));
    }
    return CLI_OK;
}

int fill_accept_query(const struct vecs *query, uint32_t dim, enum akin_type type)
{
    if (query->dim != dim) {
        return say_error(CLI_DATA, "%s: the queries have dimension %u, the base has %u",
                         query->path, query->dim, dim);
    }
    if (type == AKIN_I8 && query->element != VECS_U8) {
        return say_error(CLI_DATA, "%s: holds %s; an index of int8 wants bytes (.bvecs)",
                         query->path, vecs_element_name(query->element));
    }
    return CLI_OK;
}

static void insert_rows(struct crew_member *member, void *context)
{
    const struct fill_job *const job = context;
    const struct fill_plan *const plan = job->plan;
    void *const scratch = malloc(sizeof(float) * plan->base->dim);
    if (scratch == NULL) {
        crew_fail(member, CLI_MEMORY, 0, "out of memory: inserting");
        return;
    }
    struct akin_vector vector = {.dim = plan->base->dim, .type = plan->type};
    struct akin_error error;
    uint64_t first = 0;
    uint64_t count = 0;
    enum akin_status status = AKIN_OK;
    while (status == AKIN_OK && crew_take(member, ROWS_A_PORTION, &first, &count)) {
        for (uint64_t row = first; row < first + count && status == AKIN_OK; row++) {
            vector.data = vecs_row_as(plan->base, row, plan->type, scratch);
            status = akin_insert(job->index, row, &vector, NULL, &error);
            if (status != AKIN_OK) {
                char about[ABOUT_BYTES];
                snprintf(about, sizeof about, "%s: row %llu", plan->base->path,
                         (unsigned long long)row);
                crew_fail_status(member, &error, row, about);
            }
        }
    }
    free(scratch);
}

/* Rows of the file, one after the other, as the index takes them. */
static void copy_rows(const struct fill_plan *plan, uint64_t first, uint64_t count, void *rows)
{
    const size_t row_bytes = plan->base->dim * vecs_type_bytes(plan->type);
    unsigned char *at = rows;
    for (uint64_t row = first; row < first + count; row++, at += row_bytes) {
        const void *const found = vecs_row_as(plan->base, row, plan->type, at);
        if (found != at) {
            memcpy(at, found, row_bytes);
        }
    }
}

/* A graph is built by the library's own threads: this one of the crew hands it the rows. */
static void build_rows(struct crew_member *member, void *context)
{
    const struct fill_job *const job = context;
    const struct fill_plan *const plan = job->plan;
    /* A row of bytes is made of floats in its place. */
    void *const rows = malloc(sizeof(float) * plan->base->dim * (size_t)ROWS_A_BUILD);
    uint64_t *const keys = malloc(sizeof *keys * ROWS_A_BUILD);
    struct akin_build_request request;
    struct akin_error error;
    uint64_t first = 0;
    uint64_t count = 0;
    enum akin_status status = AKIN_OK;
    if (rows == NULL || keys == NULL) {
        crew_fail(member, CLI_MEMORY, 0, "out of memory: building");
        status = AKIN_NO_MEMORY;
    }
    while (status == AKIN_OK && crew_take(member, ROWS_A_BUILD, &first, &count)) {
        copy_rows(plan, first, count, rows);
        for (uint64_t i = 0; i < count; i++) {
            keys[i] = first + i;
        }
        akin_build_request_init(&request);
        request.keys = keys;
        request.vectors = rows;
        request.dim = plan->base->dim;
        request.type = plan->type;
        request.count = count;
        request.threads = plan->threads;
        status = akin_build(job->index, &request, &error);
        if (status != AKIN_OK) {
            char about[ABOUT_BYTES];
            snprintf(about, sizeof about, "%s: row %llu", plan->base->path,
                     (unsigned long long)(first + request.done));
            crew_fail_status(member, &error, first + request.done, about);
        }
    }
    free(keys);
    free(rows);
}

static int open_index(const struct fill_plan *plan, akin_index **index)
{
    struct akin_options options;
    struct akin_error error;
    akin_options_init(&options);
    options.kind = plan->kind;
    options.m = plan->m;
    options.ef_construction = plan->ef_construction;
    options.codes = plan->codes;
    options.metric = plan->metric;
    options.type = plan->type;
    options.dim = plan->base->dim;
    options.threads = plan->threads > plan->threads_later ? plan->threads : plan->threads_later;
    options.capacity = plan->base->row_count;
    options.budget_bytes = plan->budget_bytes;
    const enum akin_status status = akin_open(&options, index, &error);
    return status == AKIN_OK ? CLI_OK : say_status(status, &error, "the index could not be made");
}

int fill_index(const struct fill_plan *plan, akin_index **index, struct fill_cost *cost)
{
    struct fill_job job = {.plan = plan};
    int code = open_index(plan, &job.index);
    if (code == CLI_OK) {
        const bool is_graph = plan->kind == AKIN_HNSW;
        const struct crew_job crew = {.run = is_graph ? build_rows : insert_rows,
                                      .context = &job,
                                      .title = "inserting",
                                      .total = plan->base->row_count,
                                      .threads = is_graph ? 1 : plan->threads,
                                      .may_be_left = true};
        const uint64_t begun_ns = time_now_ns();
        const uint64_t begun_cpu_ns = time_process_cpu_ns();
        code = crew_run(&crew);
        cost->seconds = (double)(time_now_ns() - begun_ns) * 1e-9;
        cost->cpu_seconds = (double)(time_process_cpu_ns() - begun_cpu_ns) * 1e-9;
        if (code == CLI_OK) {
            *index = job.index;
        } else {
            code = fill_close(job.index, code);
        }
    }
    return code;
}

int fill_close(akin_index *index, int code)
{
    if (akin_close(index) != AKIN_OK && code == CLI_OK) {
        return say_error(CLI_DATA, "the index could not be closed");
    }
    return code;
}
