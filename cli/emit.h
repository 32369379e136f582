/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON on standard output, one object a line.
 *
 * Room: cli; on top of jansson.
 */
#ifndef AKIN_CLI_EMIT_H
#define AKIN_CLI_EMIT_H

#include <jansson.h>

#include "akin/types.h"

/* Significant digits of numbers that are not whole. */
enum emit_digits {
    EMIT_MEASURED = 9, /* for what was measured */
    EMIT_EXACT = 17    /* a double is read back as it was */
};

/*
 * Print one object on a line of its own and let go of it.
 *
 * Input : object: NULL, when there was no memory to make it, is allowed.
 * Output: CLI_OK, CLI_MEMORY, or what say_output_code answers.
 */
int emit_json(json_t *object, enum emit_digits digits);

/* The memory of an index, by kind, as an object; NULL when there is no memory. */
json_t *emit_memory(const struct akin_memory *memory);

#endif
