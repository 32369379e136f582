/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filling struct akin_error.
 *
 * Level: base (0).
 */
#include "base/error.h"

#include <stdio.h>
#include <string.h>

static void fill(struct akin_error *error, enum akin_status status, const char *field)
{
    memset(error, 0, sizeof *error);
    error->status = status;
    error->field = field;
}

enum akin_status error_plain(struct akin_error *error, enum akin_status status)
{
    if (error != NULL) {
        fill(error, status, "");
        snprintf(error->message, sizeof error->message, "%s", akin_strerror(status));
    }
    return status;
}

enum akin_status error_field(struct akin_error *error, enum akin_status status, const char *field,
                             const char *message)
{
    if (error != NULL) {
        fill(error, status, field);
        snprintf(error->message, sizeof error->message, "%s: %s", field, message);
    }
    return status;
}

enum akin_status error_range(struct akin_error *error, enum akin_status status, const char *field,
                             double value, double bound_min, double bound_max)
{
    if (error != NULL) {
        fill(error, status, field);
        error->value = value;
        error->bound_min = bound_min;
        error->bound_max = bound_max;
        snprintf(error->message, sizeof error->message, "%s is %.17g, allowed are %.17g to %.17g",
                 field, value, bound_min, bound_max);
    }
    return status;
}

enum akin_status error_element(struct akin_error *error, enum akin_status status, const char *field,
                               double value, uint64_t position, const char *message)
{
    if (error != NULL) {
        fill(error, status, field);
        error->value = value;
        error->position = position;
        snprintf(error->message, sizeof error->message, "%s[%llu] is %g: %s", field,
                 (unsigned long long)position, value, message);
    }
    return status;
}

enum akin_status error_system(struct akin_error *error, enum akin_status status, const char *field,
                              int os_error, const char *message)
{
    if (error != NULL) {
        /* Static strings, in English: neither the locale nor a buffer of threads is involved. */
        const char *const text = os_error != 0 ? strerrordesc_np(os_error) : NULL;
        fill(error, status, field);
        error->os_error = os_error;
        snprintf(error->message, sizeof error->message, "%s: %s%s%s", field, message,
                 text != NULL ? ": " : "", text != NULL ? text : "");
    }
    return status;
}
