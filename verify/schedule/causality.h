/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happened before what: which addresses fibers share, and a fingerprint of a run so far.
 *
 * Two reductions rest on it, both exact for the checks that are made:
 *   - A fiber is only interrupted before a step on an address that two fibers use in one run, at
 *     least one of them writing. Any schedule has an equivalent one with no more preemptions that
 *     interrupts nowhere else. Which addresses are shared is learned; a search during which one was
 *     learned is begun anew.
 *   - Two runs whose dependent steps have the same order are in the same state. The fingerprint
 *     hashes, for each step, the fiber's last step and the last dependent steps on its address.
 * Dependent are: a write with everything on its address; entering or leaving a read section with a
 * grace period and with retiring and reusing; the end of a call with the beginning of another.
 */
#ifndef AKIN_VERIFY_SCHEDULE_CAUSALITY_H
#define AKIN_VERIFY_SCHEDULE_CAUSALITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sync/sched_point.h"

/* Events that are not steps of the library. */
enum causality_call { CAUSALITY_INVOKED = 1, CAUSALITY_RETURNED = 2 };

/* Forget everything, for a new program. */
void causality_forget(void);

/* Begin a run: only what is shared stays known. */
void causality_begin(void);

/* Accesses in this memory are a fiber's own. */
void causality_ignore(const void *memory, size_t bytes);

/* Whether fibers may disturb each other at this step. */
bool causality_is_shared(enum sched_step step, const void *address);

/* The step is taken. */
void causality_step(uint32_t fiber, enum sched_step step, const void *address);
void causality_call(uint32_t fiber, enum causality_call call);

/* The state that the steps so far have led to. */
uint64_t causality_state(void);

/* Whether an address became shared since the last question. */
bool causality_learned(void);
uint32_t causality_shared_count(void);

#endif
