/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filling struct akin_error: one function for each shape of complaint, all returning the status so
 * that a caller can write `return error_range(...)`.
 *
 * Level   : base (0).
 * Promises: `error` may be NULL; the status is returned all the same. Nothing allocates.
 */
#ifndef AKIN_BASE_ERROR_H
#define AKIN_BASE_ERROR_H

#include <stdint.h>

#include "akin/status.h"
#include "base/attributes.h"

/* A status without a field to blame; the message is akin_strerror's. Threads: PURE. */
enum akin_status error_plain(struct akin_error *error, enum akin_status status);

/* A field is wrong in a way that no number tells. `message` is one sentence. Threads: PURE. */
enum akin_status error_field(struct akin_error *error, enum akin_status status, const char *field,
                             const char *message);

/* A field's value is outside [bound_min, bound_max]. Threads: PURE. */
enum akin_status error_range(struct akin_error *error, enum akin_status status, const char *field,
                             double value, double bound_min, double bound_max);

/* Element `position` of a field is wrong. Threads: PURE. */
enum akin_status error_element(struct akin_error *error, enum akin_status status, const char *field,
                               double value, uint64_t position, const char *message);

/* A system call failed with `os_error` on `field`. Threads: PURE. */
enum akin_status error_system(struct akin_error *error, enum akin_status status, const char *field,
                              int os_error, const char *message);

#endif
