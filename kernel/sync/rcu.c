/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Read sections and grace periods by liburcu-bp.
 *
 * Level: sync (1).
 */
#include "sync/rcu.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <urcu/urcu-bp.h>

#include "base/invariant.h"
#include "base/attributes.h"
#include "sync/sched_point.h"

#if AKIN_TSAN
void __tsan_acquire(void *address);
void __tsan_release(void *address);
/* Stands for all read sections: each releases to it when left, a grace period acquires from it. The
   acquire side of entering a section is deliberately absent: it would hide missing publishes. */
static char section_token;
#define TELL_LEAVE()  __tsan_release(&section_token)
#define TELL_WAITED() __tsan_acquire(&section_token)
#else
#define TELL_LEAVE()  ((void)0)
#define TELL_WAITED() ((void)0)
#endif

void rcu_enter(void)
{
    sched_point(SCHED_ENTER, NULL);
    const int saved_errno = errno; /* a thread's first section maps memory */
    urcu_bp_read_lock();
    errno = saved_errno;
}

void rcu_leave(void)
{
    REQUIRE(rcu_is_inside());
    sched_point(SCHED_LEAVE, NULL);
    TELL_LEAVE();
    urcu_bp_read_unlock();
}

bool rcu_is_inside(void)
{
    return urcu_bp_read_ongoing() != 0;
}

void rcu_wait(void)
{
    REQUIRE(!rcu_is_inside());
    sched_point(SCHED_WAIT, NULL);
    const int saved_errno = errno;
    int cancel_state = 0;
    /* liburcu waits in poll(), a cancellation point, with its mutex held. */
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    urcu_bp_synchronize_rcu();
    (void)pthread_setcancelstate(cancel_state, &cancel_state);
    TELL_WAITED();
    errno = saved_errno;
}

const char *rcu_description(void)
{
    return "liburcu-bp, called out of line";
}
