/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model of ck_backoff.h in schedule builds: a pause is no step and takes no time.
 */
#ifndef AKIN_VERIFY_SCHEDULE_MODEL_CK_BACKOFF_H
#define AKIN_VERIFY_SCHEDULE_MODEL_CK_BACKOFF_H

#ifndef CK_BACKOFF_CEILING
#define CK_BACKOFF_CEILING 4095
#endif

typedef unsigned int ck_backoff_t;

static inline void ck_backoff_eb(ck_backoff_t *spins)
{
    if (*spins < CK_BACKOFF_CEILING) {
        *spins += *spins;
    }
}

#endif
