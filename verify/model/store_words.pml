/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Included by the models: read sections, grace periods, steps, compare-and-swap, named properties.
 * It is no model by itself.
 *
 * A step is what the hardware does at once: one access to a shared word, with the computing on
 * local words that belongs to it. Between two steps any other process may run, for any time.
 */

/* Marks, as in store/slots.h; slot numbers are below SLOTS. */
#define NONE  15
#define UNSET 14
#define GONE  13
#define NEVER 0

#define IS_NUMBER(word) ((word) < SLOTS)

/*
 * A property has a name, and SPIN's message is "assertion violated !(name)". The words are hidden:
 * they are no part of the state.
 */
#define PROPERTY(name, holds) name = !(holds); assert(!(name))

/* The process that was stopped for ever, between two of its steps; NOBODY while all run. */
#ifdef STOPS
#define NOBODY 15
byte stopped = NOBODY;
#define RUNS(me) (stopped != (me))
#else
#define RUNS(me) true
#endif

#define STEP(body) d_step { RUNS(me) -> body }

#define CAS(word, from, to)     \
    if                          \
    :: (word) == (from) -> word = (to) \
    :: else                     \
    fi

/*
 * Read sections (sync/rcu.h). `inside` has a bit for each process that is inside. A grace period
 * waits for those that were inside when it began, and for nobody who enters later: liburcu may wait
 * for more of them, never for fewer.
 */
byte inside;
byte waited_for;

#define ENTER inside = inside | (1 << (me))
#define LEAVE inside = inside & ~(1 << (me)); waited_for = waited_for & ~(1 << (me))

/* rcu_wait. Only one process of a model waits. */
inline grace_period()
{
    STEP(waited_for = inside);
    d_step { RUNS(me) && waited_for == 0 -> skip }
}
