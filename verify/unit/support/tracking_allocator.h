/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory hooks that watch: every test hands them to the library and wants everything back.
 *
 * Promises: a block comes with its bounds written round it. A release with other numbers, of a
 *           pointer that is not live, or of a block somebody wrote beyond stops the program with a
 *           message. Fresh memory is full of rubbish and released memory is overwritten, so that
 *           neither is of use to anybody. Both hooks leave rubbish in errno, as hooks may.
 *           Any number of threads may use one tracker.
 */
#ifndef AKIN_VERIFY_UNIT_SUPPORT_TRACKING_ALLOCATOR_H
#define AKIN_VERIFY_UNIT_SUPPORT_TRACKING_ALLOCATOR_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "akin/options.h"

struct tracking_allocator {
    pthread_mutex_t mutex;
    struct tracked_block *blocks; /* all live ones */
    uint64_t live_blocks;
    uint64_t live_bytes;
    uint64_t peak_bytes;
    uint64_t calls;      /* of allocate, those that were refused too */
    uint64_t refused;    /* of these */
    uint64_t fail_first; /* calls fail_first .. fail_first + fail_count - 1 are refused */
    uint64_t fail_count;
};

void tracking_init(struct tracking_allocator *tracking);

/* Assert that nothing is live, then end. */
void tracking_end(struct tracking_allocator *tracking);

/* The hooks to put into options. They refer to the tracker. */
struct akin_allocator tracking_hooks(struct tracking_allocator *tracking);

/* Refuse `count` calls after the next `skip`; count UINT64_MAX refuses all of them from there on.
   */
void tracking_fail(struct tracking_allocator *tracking, uint64_t skip, uint64_t count);

/* Refuse nothing any more; how many calls were refused since the last tracking_fail. */
uint64_t tracking_fail_stop(struct tracking_allocator *tracking);

/* Numbers, each by itself. */
uint64_t tracking_calls(struct tracking_allocator *tracking);
uint64_t tracking_live_blocks(struct tracking_allocator *tracking);
uint64_t tracking_live_bytes(struct tracking_allocator *tracking);

#endif
