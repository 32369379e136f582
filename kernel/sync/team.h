/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A team: threads that work off numbered pieces together, for the length of one call.
 *
 * Level   : sync (1).
 * Promises: the calling thread is one of them; the others are started by team_start, have all
 *           signals blocked, and have ended when team_end returns. Which thread does which piece is
 *           open. What the caller did before team_run is visible to all pieces, and what they did
 *           is visible after it.
 */
#ifndef AKIN_SYNC_TEAM_H
#define AKIN_SYNC_TEAM_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "sync/atomic.h"

/* Does piece `piece` as member `member` of the team, 0 for the calling thread. */
typedef void (*team_work_fn)(void *context, uint32_t member, uint32_t piece);

/* A thread of the team beside the calling one. */
struct team_member {
    struct team *team;
    uint32_t number;
    pthread_t thread;
};

struct team {
    struct team_member *members; /* of the caller; `size` - 1 of them are used */
    uint32_t size;               /* threads, the calling one included */
    pthread_mutex_t mutex;
    pthread_cond_t begun; /* `round` went up */
    pthread_cond_t ended; /* `busy` came to 0 */
    /* Under the mutex. */
    uint64_t round;
    uint32_t busy; /* members that are in this round */
    bool is_over;
    team_work_fn work;
    void *context;
    uint32_t pieces;
    struct atomic_u32 next CACHE_PAIR_ALIGNED; /* the next piece */
};

/* Start a team of `size` threads; whether they run. `members` has room for size - 1, and lives as
   long as the team. Threads: SETUP. */
MUST_CHECK bool team_start(struct team *team, struct team_member *members, uint32_t size);

/* Do all pieces; waits for all. Threads: who started the team. */
void team_run(struct team *team, team_work_fn work, void *context, uint32_t pieces);

/* End the other threads. Threads: who started the team. */
void team_end(struct team *team);

#endif
