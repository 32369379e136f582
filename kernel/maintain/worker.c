/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The maintenance thread.
 *
 * Level: maintain (5).
 */
#include "maintain/worker.h"

#include <errno.h>
#include <signal.h>

/* What dead threads left is looked for after so many rounds. */
#define ROUNDS_PER_RECOVERY 64u

static void work(struct maintainer *maintainer)
{
    uint64_t reclaimed = 0;
    if (!maintain_claim(maintainer)) {
        return; /* akin_maintain is at it */
    }
    const bool ended = maintain_round(maintainer, MAINTAIN_MAY_WAIT, &reclaimed);
    (void)ended; /* it always ends when it may wait */
    if (atomic_u64_load_relaxed(&maintainer->rounds) % ROUNDS_PER_RECOVERY == 0) {
        maintain_recover(maintainer);
    }
    maintain_release(maintainer);
}

static void *worker_main(void *argument)
{
    struct worker *const worker = argument;
    /* SYNC(worker.stopping): pairs with the store in worker_stop. */
    while (atomic_u32_load_acquire(&worker->stopping) == 0) {
        while (sem_wait(&worker->wake) != 0) {
            /* Interrupted: all signals are blocked, but debuggers do it. */
        }
        /* SYNC(worker.notified): pairs with the compare-and-swap in worker_wake. */
        atomic_u32_store_release(&worker->notified, 0);
        if (atomic_u32_load_acquire(&worker->stopping) == 0) {
            work(worker->maintainer);
        }
    }
    return NULL;
}

bool worker_start(struct worker *worker, struct maintainer *maintainer)
{
    const int saved_errno = errno;
    sigset_t all;
    sigset_t previous;
    *worker = (struct worker){.maintainer = maintainer};
    if (sem_init(&worker->wake, 0, 0) != 0) {
        errno = saved_errno;
        return false;
    }
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &previous);
    const int failed = pthread_create(&worker->thread, NULL, worker_main, worker);
    (void)pthread_sigmask(SIG_SETMASK, &previous, NULL);
    if (failed != 0) {
        (void)sem_destroy(&worker->wake);
    }
    errno = saved_errno;
    return failed == 0;
}

void worker_stop(struct worker *worker)
{
    const int saved_errno = errno;
    /* SYNC(worker.stopping): pairs with the loads in worker_main. */
    atomic_u32_store_release(&worker->stopping, 1);
    (void)sem_post(&worker->wake);
    (void)pthread_join(worker->thread, NULL);
    (void)sem_destroy(&worker->wake);
    errno = saved_errno;
}

void worker_wake(struct worker *worker)
{
    /* SYNC(worker.notified): a wake-up that is skipped here is followed by one that is on its
       way. */
    if (atomic_u32_load_relaxed(&worker->notified) == 0 &&
        atomic_u32_cas(&worker->notified, 0, 1)) {
        const int saved_errno = errno;
        (void)sem_post(&worker->wake);
        errno = saved_errno;
    }
}
