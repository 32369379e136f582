/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory hooks of the caller, or the C library behind the same two functions; sizes that cannot
 * overflow unnoticed.
 *
 * Level   : base (0).
 * Promises: the only file of the kernel that calls the C library's allocator.
 */
#ifndef AKIN_BASE_ALLOC_H
#define AKIN_BASE_ALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "akin/options.h"
#include "base/attributes.h"

/* The hooks to use for `wanted`: itself, or those of the C library when it is all NULL. */
struct akin_allocator alloc_hooks(const struct akin_allocator *wanted);

/*
 * Allocate bytes, zeroed or as they come; NULL when there are none.
 *
 * Input  : bytes > 0; alignment: a power of two >= 8. bytes is rounded up to the alignment.
 * Threads: any, as far as the hooks allow it. errno is kept.
 */
void *alloc_zeroed(const struct akin_allocator *hooks, size_t bytes, size_t alignment);
void *alloc_bytes(const struct akin_allocator *hooks, size_t bytes, size_t alignment);

/* Give back what one of them returned, with the same numbers. NULL is ignored. errno is kept. */
void alloc_release(const struct akin_allocator *hooks, void *pointer, size_t bytes,
                   size_t alignment);

/* a + b and a * b; SIZE_MAX when it does not fit, which no allocator grants. Threads: PURE. */
static inline size_t size_add(size_t a, size_t b)
{
    size_t sum;
    return __builtin_add_overflow(a, b, &sum) ? SIZE_MAX : sum;
}

static inline size_t size_multiply(size_t a, size_t b)
{
    size_t product;
    return __builtin_mul_overflow(a, b, &product) ? SIZE_MAX : product;
}

/* `bytes` rounded up to a multiple of `alignment`, a power of two; SIZE_MAX when it does not
   fit. */
static inline size_t size_align(size_t bytes, size_t alignment)
{
    const size_t sum = size_add(bytes, alignment - 1);
    return sum == SIZE_MAX ? SIZE_MAX : sum & ~(alignment - 1);
}

#endif
