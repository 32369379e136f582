/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Read sections and grace periods: liburcu, flavour bp, called out of line.
 *
 * Level   : sync (1). rcu.c and store/key_map.c are the only files that see liburcu.
 * Promises: what was reachable when a section was entered is not freed before it is left. A thread
 *           needs no registration of its own (its first rcu_enter takes a mutex of liburcu and maps
 *           memory; if that fails liburcu aborts: docs/CONCURRENCY.md section 8). A thread that
 *           exits inside a section does not hold back grace periods. Sections nest.
 *
 * The release/acquire pair that ThreadSanitizer must know - everything before rcu_leave happens
 * before the end of a grace period that waited for it - is told to it in rcu.c.
 */
#ifndef AKIN_SYNC_RCU_H
#define AKIN_SYNC_RCU_H

#include <stdbool.h>

/* Begin a read section. Threads: any; wait-free after the thread's first call. */
void rcu_enter(void);

/* End the innermost read section. Threads: one that is inside. */
void rcu_leave(void);

/* Whether this thread is inside a section of the bp flavour, ours or the program's. PURE. */
bool rcu_is_inside(void);

/*
 * Wait for a grace period: every section that was entered before the call has been left on return.
 *
 * Threads: outside any section; blocks; not a cancellation point. errno is kept.
 * Order  : everything those sections did happens before the return.
 */
void rcu_wait(void);

/* How liburcu is linked and which version, for akin_build_info. */
const char *rcu_description(void);

#endif
