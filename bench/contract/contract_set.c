/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vectors for the benchmarks of the contract: see contract_set.h.
 *
 * Made-up vectors are drawn from 64 clusters: centers with normal coordinates, and vectors about
 * them with half that deviation. Queries are further draws from the same clusters.
 *
 * Room: bench.
 */
#include "bench/contract/contract_set.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/fill.h"
#include "cli/say.h"

#define CLUSTERS  64u
#define DEVIATION 0.5
#define TWO_PI    6.283185307179586

uint64_t set_random(uint64_t *state)
{
    /* splitmix64 (Steele, Lea and Flood, 2014). */
    uint64_t word = *state += 0x9e3779b97f4a7c15u;
    word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9u;
    word = (word ^ (word >> 27)) * 0x94d049bb133111ebu;
    return word ^ (word >> 31);
}

/* A normal deviate (Box and Muller, 1958). */
static double normal(uint64_t *state)
{
    const double radius = (double)((set_random(state) >> 11) + 1) * 0x1p-53;
    const double angle = (double)(set_random(state) >> 11) * 0x1p-53;
    return sqrt(-2.0 * log(radius)) * cos(TWO_PI * angle);
}

/* An array in memory as if it were a file of floats. */
static void view(struct vecs *vecs, const char *name, const unsigned char *bytes, uint64_t rows,
                 uint32_t dim, enum vecs_element element)
{
    const size_t element_bytes = element == VECS_U8 ? 1 : sizeof(float);
    memset(vecs, 0, sizeof *vecs);
    vecs->path = name;
    vecs->bytes = bytes;
    vecs->row_bytes = sizeof(uint32_t) + dim * element_bytes;
    vecs->size_bytes = (size_t)rows * vecs->row_bytes;
    vecs->row_count = rows;
    vecs->file_rows = rows;
    vecs->dim = dim;
    vecs->element = element;
}

static void draw_rows(unsigned char *bytes, uint64_t rows, uint32_t dim, const float *centers,
                      uint64_t *state)
{
    for (uint64_t row = 0; row < rows; row++) {
        const float *const center = centers + set_random(state) % CLUSTERS * dim;
        memcpy(bytes, &dim, sizeof dim);
        bytes += sizeof dim;
        for (uint32_t i = 0; i < dim; i++) {
            const float value = center[i] + (float)(DEVIATION * normal(state));
            memcpy(bytes, &value, sizeof value);
            bytes += sizeof value;
        }
    }
}

static int make_up(const struct set_plan *plan, struct contract_set *set)
{
    const size_t row_bytes = sizeof(uint32_t) + plan->dim * sizeof(float);
    float *const centers = malloc((size_t)CLUSTERS * plan->dim * sizeof *centers);
    uint64_t state = plan->seed;
    set->base_bytes = malloc((size_t)plan->rows * row_bytes);
    set->query_bytes = malloc((size_t)plan->query_rows * row_bytes);
    if (centers == NULL || set->base_bytes == NULL || set->query_bytes == NULL) {
        free(centers);
        return say_no_memory("vectors");
    }
    for (size_t i = 0; i < (size_t)CLUSTERS * plan->dim; i++) {
        centers[i] = (float)normal(&state);
    }
    draw_rows(set->base_bytes, plan->rows, plan->dim, centers, &state);
    draw_rows(set->query_bytes, plan->query_rows, plan->dim, centers, &state);
    view(&set->base, "synthetic", set->base_bytes, plan->rows, plan->dim, VECS_F32);
    view(&set->query, "synthetic", set->query_bytes, plan->query_rows, plan->dim, VECS_F32);
    free(centers);
    return CLI_OK;
}

int set_open(const struct set_plan *plan, struct contract_set *set)
{
    memset(set, 0, sizeof *set);
    if (plan->base == NULL) {
        return make_up(plan, set);
    }
    const int code = vecs_open(&set->base, plan->base, VECS_VECTORS, plan->limit);
    return code != CLI_OK ? code
                          : vecs_open(&set->query, plan->query, VECS_VECTORS, plan->query_limit);
}

void set_close(struct contract_set *set)
{
    /* Vectors made up are no mapping. */
    if (set->base_bytes == NULL) {
        vecs_close(&set->base);
        vecs_close(&set->query);
    }
    free(set->query_bytes);
    free(set->base_bytes);
    memset(set, 0, sizeof *set);
}

void set_rest(const struct contract_set *set)
{
    if (set->base_bytes == NULL) {
        vecs_rest(&set->base);
    }
}

/* The same answers, with the rows numbered as in the whole base. */
static int number_as_whole(const struct part_plan *plan, struct set_part *part)
{
    const struct truth_plan whole = {
        .base = &plan->set->base, .query = &plan->set->query, .k = part->truth.k};
    const int code = truth_create(&whole, &part->in_whole);
    if (code != CLI_OK) {
        return code;
    }
    const uint64_t places = part->truth.query_count * part->truth.k;
    for (uint64_t i = 0; i < places; i++) {
        part->in_whole.rows[i] = (int32_t)plan->rows[part->truth.rows[i]];
        part->in_whole.distances[i] = part->truth.distances[i];
    }
    return CLI_OK;
}

static int find_truth(const struct part_plan *plan, struct set_part *part)
{
    const struct fill_plan fill = {.base = &part->vecs,
                                   .metric = plan->metric,
                                   .kind = AKIN_FLAT,
                                   .type = plan->type,
                                   .threads = plan->threads,
                                   .threads_later = plan->threads};
    const struct truth_plan truth = {.base = &part->vecs,
                                     .query = &plan->set->query,
                                     .metric = plan->metric,
                                     .type = plan->type,
                                     .k = plan->k,
                                     .threads = plan->threads};
    struct fill_cost cost;
    akin_index *index = NULL;
    int code = fill_index(&fill, &index, &cost);
    if (code == CLI_OK) {
        code = fill_close(index, truth_compute(&truth, index, &part->truth));
    }
    return code == CLI_OK ? number_as_whole(plan, part) : code;
}

int part_make(const struct part_plan *plan, struct set_part *part)
{
    const struct vecs *const base = &plan->set->base;
    memset(part, 0, sizeof *part);
    part->bytes = malloc((size_t)plan->count * base->row_bytes);
    if (part->bytes == NULL) {
        return say_no_memory("a part of the base");
    }
    for (uint64_t i = 0; i < plan->count; i++) {
        memcpy(part->bytes + i * base->row_bytes, base->bytes + plan->rows[i] * base->row_bytes,
               base->row_bytes);
    }
    view(&part->vecs, base->path, part->bytes, plan->count, base->dim, base->element);
    return find_truth(plan, part);
}

void part_free(struct set_part *part)
{
    truth_free(&part->in_whole);
    truth_free(&part->truth);
    free(part->bytes);
    memset(part, 0, sizeof *part);
}
