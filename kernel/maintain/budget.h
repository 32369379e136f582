/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much maintenance may do before it leaves the rest for later.
 *
 * Level   : maintain (5).
 * Promises: something is done before a budget is over, so whoever comes again and again gets to the
 *           end. In schedule builds time does not decide.
 */
#ifndef AKIN_MAINTAIN_BUDGET_H
#define AKIN_MAINTAIN_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "sync/clock.h"

/* Slots after which the clock is looked at. */
#define BUDGET_SLOTS_A_LOOK 8u

struct maintain_budget {
    uint64_t deadline_ns; /* 0: none */
    uint64_t slots_left;
    uint64_t used; /* slots looked at, unlinked, swept, freed */
    uint32_t since_look;
    bool is_over;
};

/* A budget of so many nanoseconds from now, and slots; 0 for no bound. */
static inline struct maintain_budget budget_of(uint64_t time_ns, uint64_t slots)
{
    struct maintain_budget budget = {.slots_left = slots != 0 ? slots : UINT64_MAX};
#if !AKIN_SCHEDULE
    budget.deadline_ns = time_ns != 0 ? clock_ns() + time_ns : 0;
#else
    (void)time_ns;
#endif
    return budget;
}

/* Something was done to so many slots; whether more may be done. */
static inline bool budget_spend(struct maintain_budget *budget, uint32_t slots)
{
    budget->used += slots;
    budget->slots_left -= budget->slots_left < slots ? budget->slots_left : slots;
    budget->since_look += slots;
    if (budget->deadline_ns != 0 && budget->since_look >= BUDGET_SLOTS_A_LOOK) {
        budget->since_look = 0;
        budget->is_over = budget->is_over || clock_ns() >= budget->deadline_ns;
    }
    budget->is_over = budget->is_over || budget->slots_left == 0;
    return !budget->is_over;
}

#endif
