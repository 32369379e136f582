/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random histories: some true, of a simulated index that does each call at one instant, some
 * spoiled afterwards.
 */
#ifndef AKIN_VERIFY_UNIT_SUPPORT_HISTORY_SIM_H
#define AKIN_VERIFY_UNIT_SUPPORT_HISTORY_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/history.h"

#define SIM_KEYS_MAX    4096u
#define SIM_THREADS_MAX 16u

/* What is simulated. */
struct history_sim {
    uint64_t random;  /* seed */
    uint32_t threads; /* each does one call after the other */
    uint32_t keys;
    size_t ops;
    uint32_t weights[HISTORY_KINDS]; /* how often each kind is called */
    uint32_t initial;                /* keys that are there from the beginning */
    uint32_t crash_one_of;           /* of so many calls one never returns; 0: all do */
    uint32_t fail_one_of;            /* of so many calls one fails; 0: none does */
    uint32_t ticks;                  /* events to one number of the clock; 0 and 1: all differ */
    uint32_t search_k_max;           /* results wanted; 0 means 3 */
};

/* Key number `k` of a simulation. */
static inline uint64_t sim_key(uint32_t k)
{
    return 10 + 3 * (uint64_t)k;
}

/* Make a history that is linearizable. The caller owns it. */
void history_simulate(const struct history_sim *sim, struct history *history);

/*
 * Change the answer of one call, or take one away. The result may be linearizable still. False when
 * the call that was drawn has nothing to change.
 */
bool history_spoil(struct history *history, uint64_t *random);

/* Change the results of call number `i`. False when it has none, or nothing came of it. */
bool history_spoil_search(struct history *history, size_t i, uint64_t *random);

/* Take call number `i` out. */
void history_remove(struct history *history, size_t i);

/* Read a history from the text of a file without its first line; assert that it is one. */
void history_of_text(const char *text, struct history *history);

/* Print a history to the standard error, for a test that fails. */
void history_show(const struct history *history);

#endif
