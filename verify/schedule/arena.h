/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of a program under exploration: one piece, so that it can be set back to what it was
 * after the set-up in one copy.
 *
 * Promises: an address is handed out once in a run, so an access to memory that was given back is
 *           always found out, however long ago that was.
 */
#ifndef AKIN_VERIFY_SCHEDULE_ARENA_H
#define AKIN_VERIFY_SCHEDULE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "akin/options.h"

/* Empty it, for a new program. */
void arena_clear(void);

/* Memory hooks that take from it. */
struct akin_allocator arena_hooks(void);

/* Refuse the allocation with this number from now on, counted from 1, and all after it; 0: none. */
void arena_refuse_from(uint64_t number);

/* Remember the content, also of memory elsewhere that belongs to it; set everything back. */
void arena_also(void *memory, size_t bytes);
void arena_remember(void);
void arena_restore(void);

/* Whether the address lies in memory that was given back. */
bool arena_is_released(const void *address);

/* Bytes that are neither given back nor were before the program. */
uint64_t arena_live_bytes(void);

#endif
