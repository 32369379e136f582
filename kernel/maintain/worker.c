/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The maintenance thread.
 *
 * Level: maintain (5).
 */
#include "maintain/worker.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "sync/thread.h"

/* What dead threads left is looked for after so many rounds. */
#define ROUNDS_PER_RECOVERY 64u
#define NS_PER_SECOND       1000000000ull

/* Its share of a round, or all of it; whether there is more to do at once. */
static bool work(struct worker *worker)
{
    struct maintainer *const maintainer = worker->maintainer;
    uint64_t reclaimed = 0;
    if (!maintain_claim(maintainer)) {
        return false; /* akin_maintain is at it */
    }
    maintainer->budget = budget_of(0, worker->plan.slots);
    const uint32_t swept = maintainer->sweep.cursor;
    const bool ended = maintain_round(maintainer, MAINTAIN_MAY_WAIT, &reclaimed);
    /* A share was cut off, and not for want of memory; or what was swept can be freed. */
    const bool goes_on = maintainer->budget.is_over && (maintainer->sweep.step != SWEEP_GOING ||
                                                        maintainer->sweep.cursor != swept);
    const bool more = goes_on || maintainer->sweep.step == SWEEP_DONE;
    if (ended && atomic_u64_load_relaxed(&maintainer->rounds) % ROUNDS_PER_RECOVERY == 0) {
        maintain_recover(maintainer);
    }
    maintainer->budget = budget_of(0, 0);
    maintain_release(maintainer);
    return more;
}

static bool is_stopping(const struct worker *worker)
{
    /* SYNC(worker.stopping): pairs with the store in worker_stop. */
    return atomic_u32_load_acquire(&worker->stopping) != 0;
}

/* Work until there is no more, it pauses, or it is to stop. Others may maintain between shares. */
static void work_off(struct worker *worker)
{
    bool more = true;
    while (more && !is_stopping(worker)) {
        (void)pthread_mutex_lock(&worker->mutex);
        more = !worker->is_paused && work(worker);
        (void)pthread_mutex_unlock(&worker->mutex);
    }
}

/* Wait to be asked for a round, or for the interval. */
static void await(struct worker *worker)
{
    if (worker->plan.interval_ns == 0) {
        while (sem_wait(&worker->wake) != 0) {
            /* Interrupted: all signals are blocked, but debuggers do it. */
        }
        return;
    }
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    const uint64_t ns = (uint64_t)until.tv_nsec + worker->plan.interval_ns;
    until.tv_sec += (time_t)(ns / NS_PER_SECOND);
    until.tv_nsec = (long)(ns % NS_PER_SECOND);
    while (sem_timedwait(&worker->wake, &until) != 0 && errno == EINTR) {
    }
}

static void *worker_main(void *argument)
{
    struct worker *const worker = argument;
    while (!is_stopping(worker)) {
        await(worker);
        /* SYNC(worker.notified): pairs with the compare-and-swap in worker_wake. */
        atomic_u32_store_release(&worker->notified, 0);
        work_off(worker);
    }
    return NULL;
}

bool worker_start(struct worker *worker, struct maintainer *maintainer,
                  const struct worker_plan *plan)
{
    const int saved_errno = errno;
    sigset_t all;
    sigset_t previous;
    *worker = (struct worker){.maintainer = maintainer,
                              .plan = *plan,
                              .process = process_generation(),
                              .mutex = PTHREAD_MUTEX_INITIALIZER};
    if (sem_init(&worker->wake, 0, 0) != 0) {
        errno = saved_errno;
        return false;
    }
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &previous);
    const int failed = pthread_create(&worker->thread, NULL, worker_main, worker);
    (void)pthread_sigmask(SIG_SETMASK, &previous, NULL);
    if (failed != 0) {
        worker->process = 0; /* there is none to be stopped */
        (void)sem_destroy(&worker->wake);
    }
    errno = saved_errno;
    return failed == 0;
}

void worker_stop(struct worker *worker)
{
    const int saved_errno = errno;
    if (worker->process != process_generation()) {
        return; /* it stayed in the parent of a fork */
    }
    /* SYNC(worker.stopping): pairs with the loads in worker_main. */
    atomic_u32_store_release(&worker->stopping, 1);
    (void)sem_post(&worker->wake);
    (void)pthread_join(worker->thread, NULL);
    (void)sem_destroy(&worker->wake);
    (void)pthread_mutex_destroy(&worker->mutex);
    errno = saved_errno;
}

void worker_pause(struct worker *worker)
{
    if (worker->process != process_generation()) {
        return; /* the child of a fork has none */
    }
    (void)pthread_mutex_lock(&worker->mutex);
    worker->is_paused = true;
    (void)pthread_mutex_unlock(&worker->mutex);
}

bool worker_resume(struct worker *worker)
{
    bool runs = true;
    /* The office, so that of several only one starts it anew. */
    maintain_claim_surely(worker->maintainer);
    if (worker->process != process_generation()) {
        const struct worker_plan plan = worker->plan;
        runs = worker_start(worker, worker->maintainer, &plan);
    }
    maintain_release(worker->maintainer);
    if (runs) {
        (void)pthread_mutex_lock(&worker->mutex);
        worker->is_paused = false;
        (void)pthread_mutex_unlock(&worker->mutex);
        worker_wake(worker);
    }
    return runs;
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
