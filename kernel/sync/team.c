/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Teams of threads.
 *
 * Level: sync (1).
 */
#include "sync/team.h"

#include <errno.h>
#include <signal.h>

static void work_off(struct team *team, uint32_t member)
{
    for (;;) {
        /* Relaxed: the mutex orders the rounds, and a number says only who does what. */
        const uint32_t piece = atomic_u32_fetch_add_relaxed(&team->next, 1);
        if (piece >= team->pieces) {
            return;
        }
        team->work(team->context, member, piece);
    }
}

static void *member_main(void *argument)
{
    const struct team_member *const member = argument;
    struct team *const team = member->team;
    uint64_t seen = 0;
    (void)pthread_mutex_lock(&team->mutex);
    for (;;) {
        while (team->round == seen && !team->is_over) {
            (void)pthread_cond_wait(&team->begun, &team->mutex);
        }
        if (team->is_over) {
            break;
        }
        seen = team->round;
        (void)pthread_mutex_unlock(&team->mutex);
        work_off(team, member->number);
        (void)pthread_mutex_lock(&team->mutex);
        if (--team->busy == 0) {
            (void)pthread_cond_signal(&team->ended);
        }
    }
    (void)pthread_mutex_unlock(&team->mutex);
    return NULL;
}

bool team_start(struct team *team, struct team_member *members, uint32_t size)
{
    const int saved_errno = errno;
    sigset_t all;
    sigset_t previous;
    bool runs = true;
    *team = (struct team){.members = members,
                          .size = 1,
                          .mutex = PTHREAD_MUTEX_INITIALIZER,
                          .begun = PTHREAD_COND_INITIALIZER,
                          .ended = PTHREAD_COND_INITIALIZER};
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &previous);
    while (runs && team->size < size) {
        struct team_member *const member = &members[team->size - 1];
        *member = (struct team_member){.team = team, .number = team->size};
        runs = pthread_create(&member->thread, NULL, member_main, member) == 0;
        team->size += runs ? 1 : 0;
    }
    (void)pthread_sigmask(SIG_SETMASK, &previous, NULL);
    if (!runs) {
        team_end(team);
    }
    errno = saved_errno;
    return runs;
}

void team_run(struct team *team, team_work_fn work, void *context, uint32_t pieces)
{
    if (team->size > 1) {
        (void)pthread_mutex_lock(&team->mutex);
    }
    team->work = work;
    team->context = context;
    team->pieces = pieces;
    atomic_u32_store_relaxed(&team->next, 0);
    if (team->size == 1) {
        work_off(team, 0);
        return;
    }
    team->busy = team->size - 1;
    team->round++;
    (void)pthread_cond_broadcast(&team->begun);
    (void)pthread_mutex_unlock(&team->mutex);
    work_off(team, 0);
    (void)pthread_mutex_lock(&team->mutex);
    while (team->busy > 0) {
        (void)pthread_cond_wait(&team->ended, &team->mutex);
    }
    (void)pthread_mutex_unlock(&team->mutex);
}

void team_end(struct team *team)
{
    if (team->size > 1) {
        (void)pthread_mutex_lock(&team->mutex);
        team->is_over = true;
        (void)pthread_cond_broadcast(&team->begun);
        (void)pthread_mutex_unlock(&team->mutex);
    }
    for (uint32_t i = 1; i < team->size; i++) {
        (void)pthread_join(team->members[i - 1].thread, NULL);
    }
    team->size = 1;
    (void)pthread_cond_destroy(&team->begun);
    (void)pthread_cond_destroy(&team->ended);
    (void)pthread_mutex_destroy(&team->mutex);
}
