/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registered hook of schedule builds.
 *
 * Level: sync (1). Empty in normal builds.
 */
#include "sync/sched_point.h"

#include <stddef.h>

#if AKIN_SCHEDULE
static sched_hook_fn registered;

void sched_hook_set(sched_hook_fn hook)
{
    registered = hook;
}

void sched_point(enum sched_step step, const void *address)
{
    if (registered != NULL) {
        registered(step, address);
    }
}
#else
typedef int sched_point_is_inline;
#endif
