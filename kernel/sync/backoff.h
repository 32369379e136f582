/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pause that doubles, between rounds of a contended compare-and-swap loop: ck_backoff.
 *
 * Level   : sync (1).
 * Promises: bounded (at most about 4,000 spins a round), so that it delays and never blocks.
 */
#ifndef AKIN_SYNC_BACKOFF_H
#define AKIN_SYNC_BACKOFF_H

#define CK_BACKOFF_CEILING 4095
#include <ck_backoff.h>

#include "sync/sched_point.h"

struct backoff {
    ck_backoff_t spins;
};

static inline struct backoff backoff_start(void)
{
    return (struct backoff){.spins = 16};
}

/* One pause. Threads: OWNER. */
static inline void backoff_pause(struct backoff *backoff)
{
    sched_point(SCHED_RETRY, backoff);
    ck_backoff_eb(&backoff->spins);
}

#endif
