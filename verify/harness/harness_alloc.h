/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of the harness. It comes from the C library and not from the hooks under test; when there
 * is none the program ends with a message, since a checker without memory has no verdict.
 */
#ifndef AKIN_VERIFY_HARNESS_HARNESS_ALLOC_H
#define AKIN_VERIFY_HARNESS_HARNESS_ALLOC_H

#include <stddef.h>

/* `count` elements of `bytes` each, zeroed; never NULL, also for 0. Give back with free. */
void *harness_alloc(size_t count, size_t bytes);

/* `bytes` zeroed bytes that begin at a line of the cache. */
void *harness_alloc_lines(size_t bytes);

/* The same block with room for `count` elements; what is new is not zeroed. */
void *harness_realloc(void *block, size_t count, size_t bytes);

/* A copy of `count` elements. */
void *harness_copy(const void *source, size_t count, size_t bytes);

#endif
