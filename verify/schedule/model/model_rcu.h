/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model of liburcu-bp's read sections and grace periods: what model_rcu.c adds to the interface
 * of <urcu/urcu-bp.h>, which it takes the place of.
 */
#ifndef AKIN_VERIFY_SCHEDULE_MODEL_MODEL_RCU_H
#define AKIN_VERIFY_SCHEDULE_MODEL_MODEL_RCU_H

#include <stdint.h>

/* Begin a run: nobody is inside. */
void model_rcu_begin(void);

/* The step before which the fiber entered its section; 0 when it is in none. */
uint64_t model_rcu_inside_since(uint32_t fiber);

#endif
