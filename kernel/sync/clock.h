/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clocks: for the age of read sections in reports, and for how long maintenance goes on. No
 * protocol depends on time.
 *
 * Level: sync (1).
 */
#ifndef AKIN_SYNC_CLOCK_H
#define AKIN_SYNC_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds of a monotonic clock with a resolution of some milliseconds; never 0. Threads:
   PURE. */
static inline uint64_t clock_coarse_ns(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC_COARSE, &now) != 0) {
        return 1;
    }
    return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec + 1;
}

/* The same with full resolution. */
static inline uint64_t clock_ns(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) {
        return 1;
    }
    return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec + 1;
}

#endif
