/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lives of objects.
 */
#include "schedule/lives.h"

#include <stdlib.h>

#include "schedule/explore.h"
#include "schedule/model/model_rcu.h"
#include "harness/sizes.h"

struct life {
    const void *object;
    uint64_t retired_at;
    uint32_t by;
};

static struct life lives[EXPLORE_LIVES_MAX];
static uint32_t life_count;

void lives_begin(void)
{
    life_count = 0;
}

static struct life *find(const void *object)
{
    for (uint32_t i = 0; i < life_count; i++) {
        if (lives[i].object == object) {
            return &lives[i];
        }
    }
    return NULL;
}

void lives_retired(const void *object, uint64_t step)
{
    const struct life *const before = find(object);
    if (before != NULL) {
        explore_fail("object %p is retired twice: by fiber %u at step %llu, and now by fiber %u",
                     object, before->by, (unsigned long long)before->retired_at, explore_self());
    }
    if (life_count == EXPLORE_LIVES_MAX) {
        abort(); /* EXPLORE_LIVES_MAX is too small */
    }
    lives[life_count++] = (struct life){.object = object, .retired_at = step, .by = explore_self()};
}

void lives_reused(const void *object)
{
    struct life *const life = find(object);
    if (life == NULL) {
        return; /* retired before the schedule began, when nobody was inside */
    }
    for (uint32_t fiber = 0; fiber < explore_fibers(); fiber++) {
        const uint64_t inside_since = model_rcu_inside_since(fiber);
        if (inside_since != 0 && inside_since <= life->retired_at) {
            explore_fail("object %p is used anew, retired at step %llu; fiber %u is inside since "
                         "step %llu and may hold it",
                         object, (unsigned long long)life->retired_at, fiber,
                         (unsigned long long)inside_since);
        }
    }
    *life = lives[--life_count];
}
