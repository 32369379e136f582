/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clocks and histograms: see latency.h.
 *
 * Room: cli.
 */
#include "cli/latency.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

/* Buckets for each doubling; values below twice as many are their own bucket. */
#define STEPS      128u
#define STEPS_LOG2 7

static uint64_t read_clock(clockid_t clock)
{
    struct timespec now;
    if (clock_gettime(clock, &now) != 0) {
        return 0;
    }
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t time_now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t time_thread_cpu_ns(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t time_process_cpu_ns(void)
{
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

struct latency *latency_create(void)
{
    return calloc(1, sizeof(struct latency));
}

/* A value of at least 2 * STEPS keeps its 8 leading bits; the shift that leaves them is the
 * doubling. */
static uint32_t bucket_of(uint64_t value)
{
    if (value < 2 * STEPS) {
        return (uint32_t)value;
    }
    const int shift = 63 - __builtin_clzll(value) - STEPS_LOG2;
    return (uint32_t)shift * STEPS + (uint32_t)(value >> shift);
}

/* The largest value of a bucket. */
static uint64_t bucket_top(uint32_t bucket)
{
    if (bucket < 2 * STEPS) {
        return bucket;
    }
    const uint32_t shift = bucket / STEPS - 1;
    const uint64_t leading = bucket - shift * STEPS;
    return ((leading + 1) << shift) - 1;
}

void latency_add(struct latency *latency, uint64_t duration_ns)
{
    latency->buckets[bucket_of(duration_ns)]++;
    latency->count++;
    if (duration_ns > latency->max_ns) {
        latency->max_ns = duration_ns;
    }
}

void latency_merge(struct latency *latency, const struct latency *other)
{
    for (uint32_t i = 0; i < LATENCY_BUCKETS; i++) {
        latency->buckets[i] += other->buckets[i];
    }
    latency->count += other->count;
    if (other->max_ns > latency->max_ns) {
        latency->max_ns = other->max_ns;
    }
}

double latency_percentile_us(const struct latency *latency, double percent)
{
    if (latency->count == 0) {
        return 0.0;
    }
    /* Nearest rank: the smallest duration with at least so many at or below it. */
    const double rank = ceil((double)latency->count * percent / 100.0);
    uint64_t seen = 0;
    for (uint32_t i = 0; i < LATENCY_BUCKETS; i++) {
        seen += latency->buckets[i];
        if (seen > 0 && (double)seen >= rank) {
            const uint64_t top = bucket_top(i);
            return (double)(top < latency->max_ns ? top : latency->max_ns) * 1e-3;
        }
    }
    return (double)latency->max_ns * 1e-3;
}
