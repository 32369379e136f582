/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The maintenance thread of an index that asked for one.
 *
 * Level   : maintain (5).
 * Promises: it exists only with AKIN_MAINTENANCE_WORKER, from akin_open to akin_close, with all
 *           signals blocked. After a fork the child has none until it asks for one:
 *           docs/CONCURRENCY.md section 7. While it pauses it is in no round.
 */
#ifndef AKIN_MAINTAIN_WORKER_H
#define AKIN_MAINTAIN_WORKER_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "maintain/maintain.h"
#include "sync/atomic.h"

/* How it goes about its work; never changes. */
struct worker_plan {
    uint64_t interval_ns; /* it looks for work by itself so often; 0: never */
    uint64_t slots;       /* of a round, before it lets others maintain; 0: all */
};

struct worker {
    struct maintainer *maintainer;
    struct worker_plan plan;
    uint64_t process; /* generation in which the thread was started */
    pthread_t thread;
    sem_t wake;
    pthread_mutex_t mutex;      /* held for a share of a round; and to pause, which waits for it */
    bool is_paused;             /* under the mutex */
    struct atomic_u32 notified; /* 1: a wake-up is on its way; keeps the semaphore small */
    struct atomic_u32 stopping; /* 1: end after this share */
};

/* Start the thread; whether it runs. Threads: SETUP. */
MUST_CHECK bool worker_start(struct worker *worker, struct maintainer *maintainer,
                             const struct worker_plan *plan);

/* Stop and join it, if it is this process's. Threads: SETUP, outside a read section; waits for its
   share of a round. */
void worker_stop(struct worker *worker);

/* Let it do nothing until worker_resume; it is in no round on return. Threads: any, outside a read
   section; waits for its share of a round. */
void worker_pause(struct worker *worker);

/* Let it go on; in the child of a fork start it anew. Whether it runs. Threads: as worker_pause. */
MUST_CHECK bool worker_resume(struct worker *worker);

/* Ask for a round. Threads: any; wait-free. */
void worker_wake(struct worker *worker);

#endif
