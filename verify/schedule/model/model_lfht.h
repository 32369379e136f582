/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model of liburcu's hash table: what model_lfht.c adds to the interface of
 * <urcu/rculfhash.h>, which it takes the place of.
 */
#ifndef AKIN_VERIFY_SCHEDULE_MODEL_MODEL_LFHT_H
#define AKIN_VERIFY_SCHEDULE_MODEL_MODEL_LFHT_H

#include <stddef.h>

/* Where the tables are kept, for who sets memory back; forget all tables, for a new program. */
void *model_lfht_memory(size_t *bytes);
void model_lfht_forget(void);

#endif
