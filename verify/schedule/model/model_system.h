/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The models of threads, the clock and giving way: what model_system.c adds to what it stands for.
 */
#ifndef AKIN_VERIFY_SCHEDULE_MODEL_MODEL_SYSTEM_H
#define AKIN_VERIFY_SCHEDULE_MODEL_MODEL_SYSTEM_H

/* Begin a run: no fiber is inside a call. */
void model_system_begin(void);

#endif
