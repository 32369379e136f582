/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scalar quantization to eight bits.
 *
 * Level: quant (2).
 *
 * What is rounded here, and how it is paid for: sums of squares are formed in double from exact
 * integers. With M = sqrt(dim) * (|base| + 255 step), which is above every length and product of
 * lengths of interest, their rounding is below 2^-46 M^2, and so is that of the expression in
 * sq8_look with the M of the query; 2^-40 M^2 comes off each square. Lengths of differences are
 * raised by 2^-20 of themselves.
 */
#include "quant/sq8.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/float.h"

#define LEVELS         255
#define STEP_LANES     32u /* of the kernels */
#define ALIGNMENT      32u
#define SQUARE_SLACK   0x1p-40
#define LENGTH_SLACK   0x1p-20
#define DEVIATIONS     6.0     /* of dim roundings that know nothing of each other */
#define DIRECTION_LESS 0x1p-20 /* |x|^2 of a direction that floats hold is off 1 by less */

struct sq8 sq8_make(enum akin_metric metric, enum akin_type type, uint32_t dim)
{
    struct sq8 codec = {.metric = metric, .dim = dim};
    codec.lanes = (uint32_t)size_align(dim, STEP_LANES);
    codec.slack = ((double)dim + 16) * 0x1p-24;
    if (type == AKIN_F32) {
        codec.stride_bytes = (uint32_t)size_align(codec.lanes + sizeof(struct sq8_tail), ALIGNMENT);
    }
    return codec;
}

static float element(const void *vector, uint32_t i)
{
    float value;
    memcpy(&value, (const unsigned char *)vector + (size_t)i * sizeof value, sizeof value);
    return value;
}

/* A code that tells nothing. */
static void encode_nothing(const struct sq8 *codec, unsigned char *code)
{
    const struct sq8_tail tail = {.error = INFINITY};
    memset(code, 0, codec->stride_bytes);
    memcpy(code + codec->lanes, &tail, sizeof tail);
}

/* Sums over the elements of a code. */
struct sums {
    double levels;  /* u */
    double squares; /* u^2 */
    double errors;  /* (x - x')^2 */
};

static struct sums quantize(const struct sq8 *codec, const float *row, float scale,
                            const struct sq8_tail *tail, unsigned char *code)
{
    const float inverse = tail->step > 0 ? 1 / tail->step : 0;
    uint64_t levels = 0;
    uint64_t squares = 0;
    double errors = 0;
    for (uint32_t i = 0; i < codec->dim; i++) {
        const double value = (double)row[i] * (double)scale;
        const double at = (value - (double)tail->base) * (double)inverse + 0.5;
        const uint32_t level = at >= LEVELS ? LEVELS : at > 0 ? (uint32_t)at : 0;
        const double error = value - ((double)tail->base + (double)tail->step * level);
        code[i] = (unsigned char)level;
        levels += level;
        squares += level * level;
        errors += error * error;
    }
    return (struct sums){(double)levels, (double)squares, errors};
}

void sq8_encode(const struct sq8 *codec, const float *row, float scale, unsigned char *code)
{
    const double dim = codec->dim;
    double least = INFINITY;
    double greatest = -INFINITY;
    for (uint32_t i = 0; i < codec->dim; i++) {
        const double value = (double)row[i] * (double)scale;
        least = value < least ? value : least;
        greatest = value > greatest ? value : greatest;
    }
    struct sq8_tail tail = {.base = (float)least, .step = (float)((greatest - least) / LEVELS)};
    const double base = (double)tail.base;
    const double step = (double)tail.step;
    memset(code, 0, codec->stride_bytes);
    const struct sums sums = quantize(codec, row, scale, &tail, code);
    const double square =
        dim * base * base + 2 * base * step * sums.levels + step * step * sums.squares;
    const double most = sqrt(dim) * (fabs(base) + LEVELS * step);
    const double error = sqrt(sums.errors) * (1 + LENGTH_SLACK) + most * SQUARE_SLACK;
    if (codec->metric == AKIN_INNER_PRODUCT) {
        tail.square = sqrt(square > 0 ? square : 0) * (1 + LENGTH_SLACK) + most * SQUARE_SLACK;
        tail.error = float_up(error + codec->slack * (tail.square + error));
    } else {
        tail.square = square - most * most * SQUARE_SLACK;
        tail.error = float_up(error);
    }
    /* Infinite or not a number as well: nothing is known of such a row. */
    if (!(most < (double)FLT_MAX) || !(most > (double)FLT_MIN) || !(tail.error < FLT_MAX) ||
        !(tail.square < (double)FLT_MAX)) {
        encode_nothing(codec, code);
        return;
    }
    memcpy(code + codec->lanes, &tail, sizeof tail);
}

/* The greatest magnitude; not a number if there is one among them. */
static float greatest_of(const void *vector, uint32_t dim)
{
    /* Magnitudes are in the order of their bits. */
    int32_t most = 0;
    for (uint32_t i = 0; i < dim; i++) {
        int32_t bits;
        memcpy(&bits, (const unsigned char *)vector + (size_t)i * sizeof bits, sizeof bits);
        bits &= INT32_MAX;
        most = bits > most ? bits : most;
    }
    float greatest;
    memcpy(&greatest, &most, sizeof greatest);
    return greatest;
}

void sq8_query_make(const struct sq8 *codec, const void *vector, float scale, int16_t *lanes,
                    struct sq8_query *query)
{
    const float greatest = greatest_of(vector, codec->dim);
    /* The largest sum fits an int32. */
    const int32_t fit = (int32_t)(INT32_MAX / (LEVELS * codec->lanes));
    const int32_t most = fit < SQ8_LANE_MAX ? fit : SQ8_LANE_MAX;
    const double step = (double)greatest * (double)scale / most;
    const double length_max = step * most * sqrt((double)codec->dim);
    int32_t sum = 0;
    int64_t squares = 0;
    memset(lanes, 0, codec->lanes * sizeof lanes[0]);
    *query = (struct sq8_query){.codec = codec, .lanes = lanes, .error = INFINITY};
    if (!(greatest > FLT_MIN && length_max > (double)FLT_MIN &&
          length_max * length_max < (double)FLT_MAX)) {
        return;
    }
    const float per_level = (float)most / greatest;
    const float above_zero = (float)most + 1;
    for (uint32_t i = 0; i < codec->dim; i++) {
        /* Positive, so that it is rounded by being cut off. */
        const int32_t level = (int32_t)(element(vector, i) * per_level + above_zero + 0.5f);
        lanes[i] = (int16_t)(level - most - 1);
    }
    for (uint32_t i = 0; i < codec->dim; i++) {
        sum += lanes[i];
        squares += lanes[i] * lanes[i];
    }
    const double square = step * step * (double)squares;
    query->step = step;
    query->sum = (double)sum;
    query->square = square - length_max * length_max * SQUARE_SLACK;
    /* Half a step for each lane, and what floats add to that. */
    query->error = (0.5 + 0x1p-10) * step * sqrt((double)codec->dim);
    query->norm = sqrt(square) * (1 + LENGTH_SLACK) + query->error;
}

bool sq8_excludes(const struct sq8_query *query, const struct sq8_tail *tail, double square,
                  float farthest)
{
    const double slack = query->codec->slack;
    const double underflow = query->codec->dim * 0x1p-148;
    double reach = 0;
    switch (query->codec->metric) {
    case AKIN_INNER_PRODUCT:
        return square - (double)tail->error * query->norm - tail->square * query->error >
               (double)farthest + underflow;
    case AKIN_L2:
        reach = (double)farthest * (1 + 2 * slack) + underflow;
        break;
    case AKIN_COSINE:
        reach = 2 * ((double)farthest + slack + DIRECTION_LESS);
        break;
    }
    const double far =
        sqrt(reach > 0 ? reach : 0) * (1 + LENGTH_SLACK) + query->error + (double)tail->error;
    return square > far * far;
}

float sq8_farthest_estimate(const struct sq8 *codec, double distance, float error)
{
    const double scale = codec->metric == AKIN_COSINE ? 2 : 1;
    const double deviations = DEVIATIONS / sqrt((double)codec->dim);
    const double far = sqrt(distance > 0 ? distance * scale : 0) +
                       (double)error * (deviations < 1 ? deviations : 1);
    return (float)(far * far / scale * (1 + 0x1p-10));
}
