/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory hooks and their default.
 *
 * Level: base (0).
 */
#include "base/alloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/invariant.h"

/* Blocks of this size and more are aligned to it and advised for huge pages. */
#define HUGE_PAGE_BYTES ((size_t)2 * 1024 * 1024)

static void *default_allocate(void *context, size_t bytes, size_t alignment)
{
    (void)context;
    const size_t strong =
        bytes >= HUGE_PAGE_BYTES && alignment < HUGE_PAGE_BYTES ? HUGE_PAGE_BYTES : alignment;
    void *pointer = NULL;
    if (posix_memalign(&pointer, strong, bytes) != 0) {
        return NULL;
    }
    if (bytes >= HUGE_PAGE_BYTES) {
        /* Advice only: small pages work as well. */
        (void)madvise(pointer, bytes & ~(HUGE_PAGE_BYTES - 1), MADV_HUGEPAGE);
    }
    return pointer;
}

static void default_release(void *context, void *pointer, size_t bytes, size_t alignment)
{
    (void)context;
    (void)bytes;
    (void)alignment;
    free(pointer);
}

struct akin_allocator alloc_hooks(const struct akin_allocator *wanted)
{
    if (wanted->allocate != NULL) {
        return *wanted;
    }
    return (struct akin_allocator){.allocate = default_allocate, .release = default_release};
}

void *alloc_bytes(const struct akin_allocator *hooks, size_t bytes, size_t alignment)
{
    REQUIRE(bytes > 0);
    REQUIRE(alignment >= 8 && (alignment & (alignment - 1)) == 0);
    const int saved_errno = errno;
    const size_t rounded = size_align(bytes, alignment);
    void *pointer = NULL;
    if (rounded < SIZE_MAX / 2) {
        pointer = hooks->allocate(hooks->context, rounded, alignment);
    }
    errno = saved_errno;
    return pointer;
}

void *alloc_zeroed(const struct akin_allocator *hooks, size_t bytes, size_t alignment)
{
    void *const pointer = alloc_bytes(hooks, bytes, alignment);
    if (pointer != NULL) {
        memset(pointer, 0, size_align(bytes, alignment));
    }
    return pointer;
}

void alloc_release(const struct akin_allocator *hooks, void *pointer, size_t bytes,
                   size_t alignment)
{
    if (pointer == NULL) {
        return;
    }
    const int saved_errno = errno;
    hooks->release(hooks->context, pointer, size_align(bytes, alignment), alignment);
    errno = saved_errno;
}
