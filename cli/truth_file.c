/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exact answers read from a file, and the memory of answers: see truth.h.
 *
 * Room: cli.
 */
#include "cli/truth.h"

#include <stdlib.h>
#include <string.h>

#include "cli/exact_distance.h"
#include "cli/say.h"

int truth_create(const struct truth_plan *plan, struct truth *truth)
{
    const uint64_t row_count = plan->base->row_count;
    memset(truth, 0, sizeof *truth);
    truth->k = row_count < plan->k ? (uint32_t)row_count : plan->k;
    truth->query_count = plan->query->row_count;
    truth->rows = calloc(truth->query_count, truth->k * sizeof *truth->rows);
    truth->distances = calloc(truth->query_count, truth->k * sizeof *truth->distances);
    if (truth->rows == NULL || truth->distances == NULL) {
        return say_no_memory("exact answers");
    }
    return CLI_OK;
}

void truth_free(struct truth *truth)
{
    free(truth->distances);
    free(truth->rows);
    memset(truth, 0, sizeof *truth);
}

static int compare_numbers(const void *left, const void *right)
{
    const int32_t a = *(const int32_t *)left;
    const int32_t b = *(const int32_t *)right;
    return (a > b) - (a < b);
}

/* Say so when a number occurs twice. `sorted` is room for k numbers. */
static int refuse_twins(const struct vecs *file, uint64_t query, uint32_t k, int32_t *sorted)
{
    memcpy(sorted, vecs_row(file, query), k * sizeof *sorted);
    qsort(sorted, k, sizeof *sorted, compare_numbers);
    for (uint32_t i = 1; i < k; i++) {
        if (sorted[i] == sorted[i - 1]) {
            return say_error(CLI_DATA, "%s: row %llu names row %d of the base twice", file->path,
                             (unsigned long long)query, sorted[i]);
        }
    }
    return CLI_OK;
}

/* Check one row of the file, and compute its distances. */
static int read_row(const struct truth_plan *plan, const struct vecs *file, uint64_t query,
                    struct truth *truth)
{
    const int32_t *const numbers = vecs_row(file, query);
    const uint64_t place = query * truth->k;
    for (uint32_t i = 0; i < truth->k; i++) {
        const int32_t row = numbers[i];
        if (row < 0 || (uint64_t)row >= plan->base->row_count) {
            return say_error(CLI_DATA,
                             "%s: row %llu: element %u is %d, but the base has rows 0 to %llu",
                             file->path, (unsigned long long)query, i, row,
                             (unsigned long long)(plan->base->row_count - 1));
        }
        truth->distances[place + i] =
            exact_distance_rows(plan->metric, plan->base, (uint64_t)row, plan->query, query);
    }
    const int code = refuse_twins(file, query, truth->k, &truth->rows[place]);
    memcpy(&truth->rows[place], numbers, truth->k * sizeof *truth->rows);
    return code;
}

int truth_read(const struct truth_plan *plan, const char *path, struct truth *truth)
{
    struct vecs file;
    memset(truth, 0, sizeof *truth);
    int code = vecs_open(&file, path, VECS_NUMBERS, plan->query->row_count);
    if (code != CLI_OK) {
        return code;
    }
    code = truth_create(plan, truth);
    if (code == CLI_OK && file.row_count < plan->query->row_count) {
        code = say_error(CLI_DATA, "%s: has %llu rows, but there are %llu queries", path,
                         (unsigned long long)file.row_count,
                         (unsigned long long)plan->query->row_count);
    }
    if (code == CLI_OK && file.dim < truth->k) {
        code = say_error(CLI_DATA, "%s: names %u rows for each query, but k is %u", path, file.dim,
                         truth->k);
    }
    for (uint64_t query = 0; code == CLI_OK && query < truth->query_count; query++) {
        code = read_row(plan, &file, query, truth);
    }
    vecs_close(&file);
    return code;
}
