/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clocks, and a histogram of durations.
 *
 * Room     : cli. A histogram belongs to one thread; merge them when the threads are done.
 * Promises : durations below 256 ns are counted exactly, longer ones in 128 buckets for each
 *            doubling. A percentile is the upper bound of its bucket, hence at most 0.8 % too
 *            large, never too small, and never above the largest duration that was recorded.
 */
#ifndef AKIN_CLI_LATENCY_H
#define AKIN_CLI_LATENCY_H

#include <stdint.h>

#define LATENCY_BUCKETS (58u * 128u)

struct latency {
    uint64_t count;
    uint64_t max_ns;
    uint64_t buckets[LATENCY_BUCKETS];
};

/* Return the monotonic clock. */
uint64_t time_now_ns(void);

/* Return the processor time of the calling thread. */
uint64_t time_thread_cpu_ns(void);

/* Return the processor time of all threads of the program. */
uint64_t time_process_cpu_ns(void);

/* Return a histogram without entries, or NULL. The caller frees it. */
struct latency *latency_create(void);

/* Record one duration. */
void latency_add(struct latency *latency, uint64_t duration_ns);

/* Add everything that `other` recorded. */
void latency_merge(struct latency *latency, const struct latency *other);

/* Return the duration in microseconds that `percent` of all durations do not exceed; 0 if none. */
double latency_percentile_us(const struct latency *latency, double percent);

#endif
