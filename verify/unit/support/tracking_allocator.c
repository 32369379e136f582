/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory hooks that watch.
 *
 * Layout of what the C library gave: padding, the head directly before the block, the block, a
 * tail. The padding keeps the block at its alignment, and at no higher one when that can be had, so
 * that code which asked for too little is found out by its aligned instructions.
 */
#include "support/tracking_allocator.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define HEAD_MAGIC    0x7472616b68656164ull
#define RELEASED      0x6465616464656164ull
#define TAIL_BYTES    16u
#define FRESH_BYTE    0xa5
#define RELEASED_BYTE 0xdb
#define TAIL_BYTE     0x5c
#define HOOK_ERRNO    EDOM

struct tracked_block {
    uint64_t magic;
    size_t bytes;
    size_t alignment;
    void *base; /* what the C library gave */
    struct tracked_block *before;
    struct tracked_block *after;
};

__attribute__((noreturn)) static void stop(const char *fault, const void *pointer, size_t bytes,
                                           size_t alignment)
{
    fprintf(stderr, "tracking allocator: %s: %p, %zu bytes, alignment %zu\n", fault, pointer, bytes,
            alignment);
    abort();
}

static bool is_refused(const struct tracking_allocator *tracking, uint64_t call)
{
    return call >= tracking->fail_first && call - tracking->fail_first < tracking->fail_count;
}

static void add_block(struct tracking_allocator *tracking, struct tracked_block *block)
{
    block->before = NULL;
    block->after = tracking->blocks;
    if (tracking->blocks != NULL) {
        tracking->blocks->before = block;
    }
    tracking->blocks = block;
    tracking->live_blocks++;
    tracking->live_bytes += block->bytes;
    if (tracking->live_bytes > tracking->peak_bytes) {
        tracking->peak_bytes = tracking->live_bytes;
    }
}

static void remove_block(struct tracking_allocator *tracking, struct tracked_block *block)
{
    if (block->before != NULL) {
        block->before->after = block->after;
    } else {
        tracking->blocks = block->after;
    }
    if (block->after != NULL) {
        block->after->before = block->before;
    }
    tracking->live_blocks--;
    tracking->live_bytes -= block->bytes;
}

static void *track_allocate(void *context, size_t bytes, size_t alignment)
{
    struct tracking_allocator *const tracking = context;
    if (bytes == 0 || alignment < 8 || (alignment & (alignment - 1)) != 0) {
        stop("an allocation that the interface does not promise", NULL, bytes, alignment);
    }
    pthread_mutex_lock(&tracking->mutex);
    const bool refused = is_refused(tracking, tracking->calls);
    tracking->calls++;
    tracking->refused += refused ? 1 : 0;
    pthread_mutex_unlock(&tracking->mutex);
    errno = HOOK_ERRNO;
    if (refused) {
        return NULL;
    }
    /* Room for the head at the next multiple of the alignment, which is no multiple of its double.
       */
    const size_t step = 2 * alignment;
    const size_t front = (sizeof(struct tracked_block) + step - 1) / step * step + alignment;
    unsigned char *const base =
        aligned_alloc(step, (front + bytes + TAIL_BYTES + step - 1) / step * step);
    if (base == NULL) {
        return NULL;
    }
    unsigned char *const pointer = base + front;
    struct tracked_block *const block = (struct tracked_block *)(void *)pointer - 1;
    memset(pointer, FRESH_BYTE, bytes);
    memset(pointer + bytes, TAIL_BYTE, TAIL_BYTES);
    *block = (struct tracked_block){
        .magic = HEAD_MAGIC, .bytes = bytes, .alignment = alignment, .base = base};
    pthread_mutex_lock(&tracking->mutex);
    add_block(tracking, block);
    pthread_mutex_unlock(&tracking->mutex);
    errno = HOOK_ERRNO;
    return pointer;
}

static void track_release(void *context, void *pointer, size_t bytes, size_t alignment)
{
    struct tracking_allocator *const tracking = context;
    if (pointer == NULL) {
        stop("release of NULL", pointer, bytes, alignment);
    }
    struct tracked_block *const block = (struct tracked_block *)pointer - 1;
    if (block->magic != HEAD_MAGIC) {
        stop("release of what is not live", pointer, bytes, alignment);
    }
    if (block->bytes != bytes || block->alignment != alignment) {
        stop("release with other numbers than the allocation had", pointer, bytes, alignment);
    }
    const unsigned char *const tail = (unsigned char *)pointer + bytes;
    for (size_t i = 0; i < TAIL_BYTES; i++) {
        if (tail[i] != TAIL_BYTE) {
            stop("somebody wrote beyond the end of a block", pointer, bytes, alignment);
        }
    }
    pthread_mutex_lock(&tracking->mutex);
    remove_block(tracking, block);
    pthread_mutex_unlock(&tracking->mutex);
    block->magic = RELEASED;
    memset(pointer, RELEASED_BYTE, bytes);
    free(block->base);
    errno = HOOK_ERRNO;
}

void tracking_init(struct tracking_allocator *tracking)
{
    *tracking = (struct tracking_allocator){.fail_first = UINT64_MAX};
    assert_int_equal(pthread_mutex_init(&tracking->mutex, NULL), 0);
}

void tracking_end(struct tracking_allocator *tracking)
{
    const uint64_t blocks = tracking_live_blocks(tracking);
    if (blocks != 0) {
        fail_msg("%llu blocks with %llu bytes were not given back, the last of %zu bytes",
                 (unsigned long long)blocks, (unsigned long long)tracking_live_bytes(tracking),
                 tracking->blocks->bytes);
    }
    assert_int_equal(pthread_mutex_destroy(&tracking->mutex), 0);
}

struct akin_allocator tracking_hooks(struct tracking_allocator *tracking)
{
    return (struct akin_allocator){
        .allocate = track_allocate, .release = track_release, .context = tracking};
}

void tracking_fail(struct tracking_allocator *tracking, uint64_t skip, uint64_t count)
{
    pthread_mutex_lock(&tracking->mutex);
    tracking->fail_first = tracking->calls + skip;
    tracking->fail_count = count;
    tracking->refused = 0;
    pthread_mutex_unlock(&tracking->mutex);
}

uint64_t tracking_fail_stop(struct tracking_allocator *tracking)
{
    pthread_mutex_lock(&tracking->mutex);
    tracking->fail_first = UINT64_MAX;
    tracking->fail_count = 0;
    const uint64_t refused = tracking->refused;
    tracking->refused = 0;
    pthread_mutex_unlock(&tracking->mutex);
    return refused;
}

static uint64_t read_locked(struct tracking_allocator *tracking, const uint64_t *number)
{
    pthread_mutex_lock(&tracking->mutex);
    const uint64_t value = *number;
    pthread_mutex_unlock(&tracking->mutex);
    return value;
}

uint64_t tracking_calls(struct tracking_allocator *tracking)
{
    return read_locked(tracking, &tracking->calls);
}

uint64_t tracking_live_blocks(struct tracking_allocator *tracking)
{
    return read_locked(tracking, &tracking->live_blocks);
}

uint64_t tracking_live_bytes(struct tracking_allocator *tracking)
{
    return read_locked(tracking, &tracking->live_bytes);
}
