/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recorder.
 */
#include "harness/history_recorder.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "harness/harness_alloc.h"
#include "harness/sizes.h"

struct chunk {
    struct chunk *next;
    size_t count;
    size_t capacity;
    struct history_op ops[];
};

struct result_chunk {
    struct result_chunk *next;
    size_t count;
    size_t capacity;
    struct history_result results[];
};

/* All of one thread, but for the counter. */
struct history_lane {
    alignas(HARNESS_LINE_BYTES) struct history_recorder *recorder;
    struct chunk *first;
    struct chunk *last;
    struct result_chunk *first_results;
    struct result_chunk *last_results;
    struct history_op *op; /* the newest */
    uint64_t last_returned;
    uint32_t thread;
    _Atomic uint64_t barrier; /* exchanged by its thread only */
};

struct history_recorder {
    alignas(HARNESS_LINE_BYTES) _Atomic uint64_t counter;
    alignas(HARNESS_LINE_BYTES) enum history_clock clock;
    uint32_t threads;
    struct history_lane lanes[];
};

static struct chunk *make_chunk(size_t capacity)
{
    struct chunk *const chunk = harness_alloc(1, sizeof *chunk + capacity * sizeof chunk->ops[0]);
    chunk->capacity = capacity;
    return chunk;
}

static struct result_chunk *make_result_chunk(size_t capacity)
{
    struct result_chunk *const chunk =
        harness_alloc(1, sizeof *chunk + capacity * sizeof chunk->results[0]);
    chunk->capacity = capacity;
    return chunk;
}

struct history_recorder *history_recorder_make(uint32_t threads, size_t ops, size_t results,
                                               enum history_clock clock)
{
    const size_t bytes = sizeof(struct history_recorder) + threads * sizeof(struct history_lane);
    struct history_recorder *const recorder = harness_alloc_lines(bytes);
    recorder->clock = clock;
    recorder->threads = threads;
    for (uint32_t t = 0; t < threads; t++) {
        struct history_lane *const lane = &recorder->lanes[t];
        lane->recorder = recorder;
        lane->thread = t;
        lane->first = make_chunk(ops + 1);
        lane->last = lane->first;
        lane->first_results = make_result_chunk(results + 1);
        lane->last_results = lane->first_results;
        /* The pages are there before the race. */
        memset(lane->first->ops, 0, (ops + 1) * sizeof lane->first->ops[0]);
    }
    return recorder;
}

void history_recorder_end(struct history_recorder *recorder)
{
    for (uint32_t t = 0; t < recorder->threads; t++) {
        struct history_lane *const lane = &recorder->lanes[t];
        for (struct chunk *chunk = lane->first; chunk != NULL;) {
            struct chunk *const next = chunk->next;
            free(chunk);
            chunk = next;
        }
        for (struct result_chunk *chunk = lane->first_results; chunk != NULL;) {
            struct result_chunk *const next = chunk->next;
            free(chunk);
            chunk = next;
        }
    }
    free(recorder);
}

struct history_lane *history_recorder_lane(struct history_recorder *recorder, uint32_t thread)
{
    return &recorder->lanes[thread];
}

static uint64_t clock_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t count_up(struct history_recorder *recorder)
{
    return atomic_fetch_add_explicit(&recorder->counter, 1, memory_order_acq_rel);
}

/* No later read of this thread is done before the clock was read: the barrier needs its value. */
static uint64_t stamp_invocation(struct history_lane *lane)
{
    if (lane->recorder->clock == HISTORY_CLOCK_COUNTER) {
        return count_up(lane->recorder);
    }
    uint64_t now = clock_ns();
    /* A return was stamped with one more than its invocation when the clock stood still. */
    while (now < lane->last_returned) {
        now = clock_ns();
    }
    (void)atomic_exchange_explicit(&lane->barrier, now, memory_order_seq_cst);
    return now;
}

/* All writes of this thread are out before the clock is read. */
static uint64_t stamp_return(struct history_lane *lane)
{
    if (lane->recorder->clock == HISTORY_CLOCK_COUNTER) {
        return count_up(lane->recorder);
    }
    (void)atomic_exchange_explicit(&lane->barrier, 0, memory_order_seq_cst);
    const uint64_t now = clock_ns();
    return now > lane->op->invoked ? now : lane->op->invoked + 1;
}

void history_invoke(struct history_lane *lane, enum history_kind kind, uint64_t key, uint64_t value)
{
    if (lane->last->count == lane->last->capacity) {
        lane->last->next = make_chunk(HISTORY_CHUNK_OPS);
        lane->last = lane->last->next;
    }
    struct history_op *const op = &lane->last->ops[lane->last->count];
    *op = (struct history_op){.returned = HISTORY_PENDING,
                              .key = key,
                              .value = value,
                              .thread = lane->thread,
                              .kind = (uint8_t)kind};
    lane->op = op;
    op->invoked = stamp_invocation(lane);
    lane->last->count++;
}

void history_return(struct history_lane *lane)
{
    lane->op->returned = stamp_return(lane);
    lane->last_returned = lane->op->returned;
}

void history_answer(struct history_lane *lane, enum history_answer answer, uint64_t value)
{
    lane->op->answer = (uint8_t)answer;
    if (lane->op->kind == HISTORY_GET || lane->op->kind == HISTORY_COUNT) {
        lane->op->value = value;
    }
}

void history_found(struct history_lane *lane, const struct history_result *results, uint32_t count)
{
    if (count == 0) {
        return;
    }
    if (lane->last_results->capacity - lane->last_results->count < count) {
        const size_t capacity = count > HISTORY_CHUNK_OPS ? count : HISTORY_CHUNK_OPS;
        lane->last_results->next = make_result_chunk(capacity);
        lane->last_results = lane->last_results->next;
    }
    struct history_result *const to = lane->last_results->results + lane->last_results->count;
    memcpy(to, results, count * sizeof *to);
    lane->last_results->count += count;
    lane->op->results = to;
    lane->op->result_count = (uint16_t)count;
}

void history_collect(const struct history_recorder *recorder, struct history *history)
{
    size_t count = 0;
    uint64_t first = UINT64_MAX;
    for (uint32_t t = 0; t < recorder->threads; t++) {
        for (const struct chunk *c = recorder->lanes[t].first; c != NULL; c = c->next) {
            count += c->count;
            if (c->count != 0 && c->ops[0].invoked < first) {
                first = c->ops[0].invoked;
            }
        }
    }
    struct history_op *const ops = harness_alloc(count, sizeof *ops);
    size_t used = 0;
    for (uint32_t t = 0; t < recorder->threads; t++) {
        for (const struct chunk *c = recorder->lanes[t].first; c != NULL; c = c->next) {
            for (size_t i = 0; i < c->count; i++) {
                struct history_op *const op = &ops[used++];
                *op = c->ops[i];
                op->invoked -= first;
                op->returned -= history_is_pending(op) ? 0 : first;
            }
        }
    }
    history_copy(history, ops, count, NULL, 0);
    free(ops);
}
