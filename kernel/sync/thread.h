/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which thread this is, and whether another one still exists.
 *
 * Level   : sync (1).
 * Promises: a thread that is said to be dead will never run again. One that is said to live may be
 *           a new thread with the number of a dead one; then the truth comes out when that one
 *           ends. Numbers mean something only in the process in which they were taken:
 *           process_number tells.
 */
#ifndef AKIN_SYNC_THREAD_H
#define AKIN_SYNC_THREAD_H

#include <stdbool.h>
#include <stdint.h>

/* The number of this thread, never 0. Threads: any; a system call the first time. */
uint32_t thread_number(void);

/* The number of this process. Threads: any; a system call. */
uint32_t process_number(void);

/* Whether no thread of this process has the number; false for 0. Threads: any; errno is kept. */
bool thread_is_dead(uint32_t number);

#endif
