/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Distances in binary64: see exact_distance.h.
 *
 * Room: cli.
 */
#include "cli/exact_distance.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* What the metrics are made of. */
struct sums {
    double squares; /* of a - b */
    double dot;
    double a_square;
    double b_square;
};

static double distance_of(enum akin_metric metric, const struct sums *sums)
{
    switch (metric) {
    case AKIN_INNER_PRODUCT:
        return -sums->dot;
    case AKIN_COSINE:
        return 1.0 - sums->dot / (sqrt(sums->a_square) * sqrt(sums->b_square));
    default:
        return sums->squares;
    }
}

static inline void add(struct sums *sums, double a, double b)
{
    const double difference = a - b;
    sums->squares += difference * difference;
    sums->dot += a * b;
    sums->a_square += a * a;
    sums->b_square += b * b;
}

double exact_distance_f32(enum akin_metric metric, const float *a, const float *b, uint32_t dim)
{
    struct sums sums = {0};
    for (uint32_t i = 0; i < dim; i++) {
        add(&sums, (double)a[i], (double)b[i]);
    }
    return distance_of(metric, &sums);
}

static inline double element(const void *row, enum vecs_element type, uint32_t i)
{
    if (type == VECS_U8) {
        return (double)((const uint8_t *)row)[i];
    }
    return (double)((const float *)row)[i];
}

double exact_distance_rows(enum akin_metric metric, const struct vecs *a, uint64_t a_row,
                           const struct vecs *b, uint64_t b_row)
{
    const void *const left = vecs_row(a, a_row);
    const void *const right = vecs_row(b, b_row);
    struct sums sums = {0};
    for (uint32_t i = 0; i < a->dim; i++) {
        add(&sums, element(left, a->element, i), element(right, b->element, i));
    }
    return distance_of(metric, &sums);
}

double exact_row_length(const struct vecs *vecs, uint64_t row)
{
    const void *const elements = vecs_row(vecs, row);
    double square = 0.0;
    for (uint32_t i = 0; i < vecs->dim; i++) {
        const double value = element(elements, vecs->element, i);
        square += value * value;
    }
    return sqrt(square);
}

bool candidate_is_before(const struct candidate *first, const struct candidate *second)
{
    if (first->distance < second->distance) {
        return true;
    }
    return !(second->distance < first->distance) && first->row < second->row;
}

void nearest_offer(struct nearest *nearest, struct candidate candidate)
{
    if (nearest->count == nearest->capacity) {
        if (nearest->capacity == 0 ||
            !candidate_is_before(&candidate, &nearest->items[nearest->count - 1])) {
            return;
        }
        nearest->count--;
    }
    uint32_t low = 0;
    uint32_t high = nearest->count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (candidate_is_before(&nearest->items[middle], &candidate)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    memmove(&nearest->items[low + 1], &nearest->items[low],
            (nearest->count - low) * sizeof *nearest->items);
    nearest->items[low] = candidate;
    nearest->count++;
}

double exact_tie_width(enum akin_metric metric, uint32_t dim, double distance, double scale)
{
    /* Each of the two sums is off by less than (dim + 8) half ulps of the sum of its absolute
     * terms. */
    const double unit = ((double)dim + 8.0) * DBL_EPSILON;
    return metric == AKIN_L2 ? unit * distance : unit * scale;
}

double exact_float32_error(enum akin_metric metric, uint32_t dim, double distance, double scale)
{
    const double unit = ((double)dim + 8.0) * 0x1p-24;
    const double underflow = (double)dim * (double)FLT_MIN;
    switch (metric) {
    case AKIN_INNER_PRODUCT:
        return unit * scale + underflow;
    case AKIN_COSINE:
        return 3.0 * unit;
    default:
        return unit * distance + underflow;
    }
}
