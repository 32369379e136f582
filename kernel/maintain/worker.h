/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The maintenance thread of an index that asked for one.
 *
 * Level   : maintain (5).
 * Promises: it exists only with AKIN_MAINTENANCE_WORKER, from akin_open to akin_close, with all
 *           signals blocked. After a fork the child has none: docs/CONCURRENCY.md section 7.
 */
#ifndef AKIN_MAINTAIN_WORKER_H
#define AKIN_MAINTAIN_WORKER_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>

#include "base/attributes.h"
#include "maintain/maintain.h"
#include "sync/atomic.h"

struct worker {
    struct maintainer *maintainer;
    pthread_t thread;
    sem_t wake;
    struct atomic_u32 notified; /* 1: a wake-up is on its way; keeps the semaphore small */
    struct atomic_u32 stopping; /* 1: end after this round */
};

/* Start the thread; whether it runs. Threads: SETUP. */
MUST_CHECK bool worker_start(struct worker *worker, struct maintainer *maintainer);

/* Stop and join it. Threads: SETUP, outside a read section; waits for its round. */
void worker_stop(struct worker *worker);

/* Ask for a round. Threads: any; wait-free. */
void worker_wake(struct worker *worker);

#endif
