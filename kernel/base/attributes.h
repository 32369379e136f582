/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the C language cannot say: attributes, branch hints, the enclosing structure of a member.
 *
 * Level: base (0).
 */
#ifndef AKIN_BASE_ATTRIBUTES_H
#define AKIN_BASE_ATTRIBUTES_H

#include <stddef.h>

#define LIKELY(condition)   __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

#define MUST_CHECK __attribute__((warn_unused_result))
#define NO_INLINE  __attribute__((noinline))

/* Bytes that two cores may write without disturbing each other: two lines, for the line
   prefetcher. */
#define CACHE_LINE_BYTES   64u
#define CACHE_PAIR_BYTES   128u
#define CACHE_LINE_ALIGNED __attribute__((aligned(64)))
#define CACHE_PAIR_ALIGNED __attribute__((aligned(128)))

/* The structure of `type` whose `member` is at `pointer`. */
#define CONTAINER_OF(pointer, type, member)                                                        \
    ((type *)(void *)((unsigned char *)(pointer)-offsetof(type, member)))

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#if defined(__SANITIZE_THREAD__)
#define AKIN_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define AKIN_TSAN 1
#endif
#endif
#ifndef AKIN_TSAN
#define AKIN_TSAN 0
#endif

#ifndef AKIN_CHECKED
#define AKIN_CHECKED 0
#endif
#ifndef AKIN_SCHEDULE
#define AKIN_SCHEDULE 0
#endif

#endif
