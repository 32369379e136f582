/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lives of objects that are used anew after a grace period.
 *
 * The library marks when an object is out of reach for newcomers and when it is about to become
 * another one. In between, everybody who was inside a read section at the first mark must have left
 * it. This is asked at the second mark, so a missing grace period is found in every schedule with a
 * section that spans both, whether or not its reader goes on to touch the object.
 */
#ifndef AKIN_VERIFY_SCHEDULE_LIVES_H
#define AKIN_VERIFY_SCHEDULE_LIVES_H

#include <stdint.h>

/* Begin a run: nothing is retired. */
void lives_begin(void);

/* The marks, at a step of the run. They fail the run where the rule is broken. */
void lives_retired(const void *object, uint64_t step);
void lives_reused(const void *object);

#endif
