/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model of liburcu-bp: sections are counters, a grace period waits for those that were open.
 *
 * Takes the place of liburcu-bp when the program is linked. It has no steps of its own: the library
 * asks the explorer before it calls. model_test holds it against the real one.
 */
#include "schedule/model/model_rcu.h"

#include <stddef.h>
#include <string.h>
#include <urcu/urcu-bp.h>

#include "schedule/explore.h"
#include "harness/sizes.h"

struct section {
    uint32_t depth;
    uint64_t number; /* of sections so far: tells one from the next */
    uint64_t since;  /* step */
};

/* The last one is the main program's. */
static struct section sections[EXPLORE_FIBERS_MAX + 1];

static struct section *own(void)
{
    const uint32_t self = explore_self();
    return &sections[self == EXPLORE_MAIN ? EXPLORE_FIBERS_MAX : self];
}

void model_rcu_begin(void)
{
    memset(sections, 0, sizeof sections);
}

uint64_t model_rcu_inside_since(uint32_t fiber)
{
    return sections[fiber].depth > 0 ? sections[fiber].since : 0;
}

void urcu_bp_read_lock(void)
{
    struct section *const section = own();
    if (section->depth++ == 0) {
        section->number++;
        section->since = explore_steps();
    }
}

void urcu_bp_read_unlock(void)
{
    own()->depth--;
}

int urcu_bp_read_ongoing(void)
{
    return own()->depth > 0;
}

/* Which sections a grace period waits for. */
struct grace_period {
    uint64_t number[EXPLORE_FIBERS_MAX];
    bool waits_for[EXPLORE_FIBERS_MAX];
};

static bool is_over(const void *context)
{
    const struct grace_period *const grace = context;
    for (uint32_t i = 0; i < EXPLORE_FIBERS_MAX; i++) {
        if (grace->waits_for[i] && sections[i].depth > 0 &&
            sections[i].number == grace->number[i]) {
            return false;
        }
    }
    return true;
}

void urcu_bp_synchronize_rcu(void)
{
    struct grace_period grace;
    for (uint32_t i = 0; i < EXPLORE_FIBERS_MAX; i++) {
        grace.waits_for[i] = sections[i].depth > 0 && i != explore_self();
        grace.number[i] = sections[i].number;
    }
    explore_wait(is_over, &grace);
}

/* Named by key_map.c; the model of the table has no use for it. */
const struct rcu_flavor_struct urcu_bp_flavor = {0};
