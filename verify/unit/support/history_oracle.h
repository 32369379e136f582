/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The oracle for linearizability: tries every order. It shares nothing with the checkers but the
 * records, and is for histories of few calls.
 */
#ifndef AKIN_VERIFY_UNIT_SUPPORT_HISTORY_ORACLE_H
#define AKIN_VERIFY_UNIT_SUPPORT_HISTORY_ORACLE_H

#include <stdbool.h>
#include <stddef.h>

#include "harness/history.h"

#define HISTORY_ORACLE_OPS_MAX  16u
#define HISTORY_ORACLE_KEYS_MAX 4u

/* Whether some order of the calls explains all their answers. */
bool history_oracle(const struct history *history);

/* The same for the calls of one key and the clears only. */
bool history_oracle_of_key(const struct history *history, uint64_t key);

#endif
