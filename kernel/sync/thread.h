/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which thread this is, in which process, and whether another thread still exists.
 *
 * Level   : sync (1).
 * Promises: a thread that is said to be dead will never run again. One that is said to live may be
 *           a new thread with the number of a dead one; then the truth comes out when that one
 *           ends. A main thread that ended before its process counts as alive. Numbers mean
 *           something only in the process in which they were taken: process_generation tells.
 */
#ifndef AKIN_SYNC_THREAD_H
#define AKIN_SYNC_THREAD_H

#include <stdbool.h>
#include <stdint.h>

/* The number of this thread, never 0. Threads: any; a system call the first time, and after a
   fork. */
uint32_t thread_number(void);

/* A number that the child of a fork does not share with its parent. Threads: any; one load, but for
   the first call in a process. */
uint64_t process_generation(void);

/* Whether no thread of this process has the number; false for 0. Threads: any; errno is kept. */
bool thread_is_dead(uint32_t number);

/* How many calls of the library this thread is inside of: callbacks nest. The number is the
   caller's to change. Threads: PURE; the address is this thread's alone. */
uint32_t *thread_calls_inside(void);

#endif
