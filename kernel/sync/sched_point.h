/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hook at every step that another thread could observe: atomic operations, the edges of read
 * sections, calls into liburcu and Concurrency Kit, rounds of lock-free loops. And marks, which are
 * no steps: from here on an object is out of reach, from here on it is used anew.
 *
 * Level   : sync (1).
 * Promises: nothing at all in normal builds. With AKIN_SCHEDULE the registered function is called
 *           before the step, so that a test can decide which thread takes the next one.
 */
#ifndef AKIN_SYNC_SCHED_POINT_H
#define AKIN_SYNC_SCHED_POINT_H

#include "base/attributes.h"

enum sched_step {
    SCHED_LOAD = 1,    /* atomic load */
    SCHED_STORE = 2,   /* atomic store */
    SCHED_MODIFY = 3,  /* read-modify-write, also a failing compare-and-swap */
    SCHED_ENTER = 4,   /* read section begins */
    SCHED_LEAVE = 5,   /* read section ends */
    SCHED_WAIT = 6,    /* grace period */
    SCHED_LIBRARY = 7, /* one call into liburcu's hash table or a ck structure */
    SCHED_RETRY = 8,   /* a lock-free loop goes round again */
    SCHED_LOOKUP = 9,  /* one call into them that changes nothing */
    /* Marks. Between the two lies a grace period, or somebody may still hold the object. */
    SCHED_RETIRED = 10, /* nobody new can come to the object from here on */
    SCHED_REUSED = 11   /* the object is about to become another one */
};

#if AKIN_SCHEDULE
typedef void (*sched_hook_fn)(enum sched_step step, const void *address);

/* Set the hook; NULL removes it. Threads: SETUP. */
void sched_hook_set(sched_hook_fn hook);
void sched_point(enum sched_step step, const void *address);
#else
static inline void sched_point(enum sched_step step, const void *address)
{
    (void)step;
    (void)address;
}
#endif

#endif
