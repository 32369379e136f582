/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fibers: stacks that the main program switches between, by ucontext of the C library.
 *
 * In builds with the thread sanitizer each fiber is a thread of its own to it, and switching orders
 * nothing: so the happens-before of a run is that of the library's own orders alone. What the main
 * program does before a run happens before all fibers, and what they do before what it does
 * afterwards.
 */
#ifndef AKIN_VERIFY_SCHEDULE_FIBERS_H
#define AKIN_VERIFY_SCHEDULE_FIBERS_H

#include <stdbool.h>
#include <stdint.h>

/* Make a fiber ready to begin anew at `body(fiber)`; what it was at is dropped. */
void fiber_prepare(uint32_t fiber, void (*body)(uint32_t fiber));

/* Go on with another one; EXPLORE_MAIN is the main program. */
void fiber_switch(uint32_t from, uint32_t to);

/* Called by a body first and last. */
void fiber_begins(void);
void fiber_ends(void);

/* In the main program, when a run is over: whatever the fibers did happens before what follows.
   `ended`: whether the fiber came to its end. */
void fiber_join(uint32_t fiber, bool ended);

/* In the main program, before a run: what it did happens before all fibers. */
void fibers_release(void);

#endif
