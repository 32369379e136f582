/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Validation of vectors at the public edge.
 *
 * Level: index (6).
 */
#include <math.h>
#include <string.h>

#include "index/internal.h"

/* The exponent bits of a float: all ones means infinity or NaN. */
#define EXPONENT_MASK 0x7f800000u

/* Vectors of the caller's may have any alignment: elements are copied out. */
static bool all_finite(const unsigned char *data, uint32_t dim)
{
    uint32_t bad = 0;
    for (uint32_t i = 0; i < dim; i++) {
        uint32_t bits;
        memcpy(&bits, data + (size_t)i * sizeof bits, sizeof bits);
        bad |= (uint32_t)((bits & EXPONENT_MASK) == EXPONENT_MASK);
    }
    return bad == 0;
}

static enum akin_status report_not_finite(const unsigned char *data, uint32_t dim,
                                          const char *field, struct akin_error *error)
{
    for (uint32_t i = 0; i < dim; i++) {
        float value;
        memcpy(&value, data + (size_t)i * sizeof value, sizeof value);
        if (!isfinite(value)) {
            return error_element(error, AKIN_NOT_FINITE, field, (double)value, i, "must be finite");
        }
    }
    return error_plain(error, AKIN_NOT_FINITE);
}

enum akin_status vector_check(const struct metric *metric, const struct akin_vector *vector,
                              const char *field, struct akin_error *error)
{
    if (vector == NULL || vector->data == NULL) {
        return error_field(error, AKIN_BAD_ARGUMENT, field, "is NULL");
    }
    if (vector->dim != metric->dim) {
        return error_range(error, AKIN_BAD_DIM, field, vector->dim, metric->dim, metric->dim);
    }
    if (vector->type != metric->type) {
        return error_range(error, AKIN_BAD_TYPE, field, (double)vector->type, (double)metric->type,
                           (double)metric->type);
    }
    if (metric->type == AKIN_F32 && !all_finite(vector->data, vector->dim)) {
        return report_not_finite(vector->data, vector->dim, field, error);
    }
    if (metric->kind == AKIN_COSINE && !(metric_length(metric, vector->data) > 0)) {
        return error_field(error, AKIN_ZERO_VECTOR, field,
                           "has no direction, which the cosine needs");
    }
    return AKIN_OK;
}
