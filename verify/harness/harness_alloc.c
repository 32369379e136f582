/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of the harness.
 */
#include "harness/harness_alloc.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/sizes.h"

static void *must(void *block, size_t count, size_t bytes)
{
    if (block == NULL) {
        fprintf(stderr, "harness: no memory for %zu elements of %zu bytes\n", count, bytes);
        abort();
    }
    return block;
}

void *harness_alloc(size_t count, size_t bytes)
{
    return must(calloc(count == 0 ? 1 : count, bytes), count, bytes);
}

void *harness_alloc_lines(size_t bytes)
{
    const size_t rounded = (bytes + HARNESS_LINE_BYTES - 1) / HARNESS_LINE_BYTES;
    void *const block =
        must(aligned_alloc(HARNESS_LINE_BYTES, rounded * HARNESS_LINE_BYTES), 1, bytes);
    memset(block, 0, bytes);
    return block;
}

void *harness_realloc(void *block, size_t count, size_t bytes)
{
    if (bytes != 0 && count > SIZE_MAX / bytes) {
        return must(NULL, count, bytes);
    }
    return must(realloc(block, count * bytes == 0 ? 1 : count * bytes), count, bytes);
}

void *harness_copy(const void *source, size_t count, size_t bytes)
{
    void *const copy = harness_alloc(count, bytes);
    if (count != 0) {
        memcpy(copy, source, count * bytes);
    }
    return copy;
}
