/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The oracle for linearizability: tries every order. It shares nothing with the checkers but the
 * records, and is for histories of few calls.
 */
#ifndef AKIN_VERIFY_UNIT_SUPPORT_HISTORY_ORACLE_H
#define AKIN_VERIFY_UNIT_SUPPORT_HISTORY_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/history.h"

#define HISTORY_ORACLE_OPS_MAX  16u
#define HISTORY_ORACLE_KEYS_MAX 4u

/* Whether some order of the calls explains all their answers. */
bool history_oracle(const struct history *history);

/* The same for the calls of one key and the clears only. */
bool history_oracle_of_key(const struct history *history, uint64_t key);

/* What a checker made of histories that were spoiled. */
struct history_tally {
    uint32_t wrong;  /* of them, those that cannot be */
    uint32_t caught; /* those that it refused */
};

/* Judge a history that was spoiled: by the oracle, and by the checker's answer. A checker that
   refuses what can be fails the test, which names `what` and the trial. */
void history_tally_add(struct history_tally *tally, const struct history *history, bool is_fine,
                       const char *what, int trial);

#endif
