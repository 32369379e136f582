/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a status of the library is as the answer of a recorded call.
 */
#ifndef AKIN_VERIFY_HARNESS_HISTORY_STATUS_H
#define AKIN_VERIFY_HARNESS_HISTORY_STATUS_H

#include "akin/status.h"
#include "harness/history.h"

/* HISTORY_FAILED for every status that says nothing about the entries. */
static inline enum history_answer history_answer_of(enum akin_status status)
{
    switch (status) {
    case AKIN_OK:
        return HISTORY_OK;
    case AKIN_EXISTS:
        return HISTORY_EXISTS;
    case AKIN_NOT_FOUND:
        return HISTORY_NOT_FOUND;
    default:
        return HISTORY_FAILED;
    }
}

#endif
