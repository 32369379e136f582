/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The history of one run of a script.
 */
#ifndef AKIN_VERIFY_SCHEDULE_SCRIPT_HISTORY_H
#define AKIN_VERIFY_SCHEDULE_SCRIPT_HISTORY_H

#include "schedule/script_calls.h"

/* Write down that a call begins; `room` is for its results. Calls without an answer about entries
   are written down too, and left out of the check. */
struct history_op *script_history_begin(const struct script_call *call,
                                        struct history_result **room);

/* It has returned with what stands in `op`. */
void script_history_end(struct history_op *op);

#endif
