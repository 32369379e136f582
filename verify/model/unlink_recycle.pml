/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking a dead slot out of a graph and using it again.
 *
 *     docs/graph.md sections 2 and 4; kernel/update/link.c, kernel/search/edges.c,
 *     kernel/maintain/sweep.c
 *
 * Slot P is dead. HOLDER has an edge to it, and hangs below the root; CHILD hangs below P by an
 * anchor. An insert links slot NEW: it may choose P while P is alive. A second writer adds an edge
 * to HOLDER's list meanwhile, by copying it. A search walks over all lists from the root.
 * Maintenance marks P, waits, sweeps, waits, and gives P to another entry. Each access to a shared
 * word is a step. A list is a set of edges behind one handle; a handle is exchanged whole.
 *
 * run: graph_unlink -m3000
 * twin: no_grace_before_the_sweep as graph_unlink expects dangling
 * twin: watermark_before_the_mark as graph_unlink expects dangling
 * twin: no_grace_after_the_sweep as graph_unlink expects reused_under_a_reader
 * twin: chosen_without_a_look as graph_unlink expects dangling
 * twin: list_stored as graph_unlink expects dangling
 * twin: not_adopted as graph_unlink expects lost
 * twin: adopted_after_the_drop as graph_unlink expects lost
 */

/* Slots, and the root's list as another one. */
#define P      0
#define HOLDER 1
#define CHILD  2
#define NEW    3
#define OTHER  4
#define ROOT   5
#define LISTS  6

/* An edge to a slot is its bit, an anchor edge the bit eight places higher. */
#define EDGE(slot)   (1 << (slot))
#define ANCHOR(slot) (256 << (slot))
#define LEADS(list, slot) (((list) & (EDGE(slot) | ANCHOR(slot))) != 0)

#define ALIVE     1
#define UNLINKING 2
#define FREE      3

#define PROPERTY(name, holds) name = !(holds); assert(!(name))

hidden byte dangling;              /* a list leads to a slot that is being given away */
hidden byte reused_under_a_reader; /* a search has a slot in hand that becomes another entry's */
hidden byte lost;                  /* a live slot hangs nowhere */

short list[LISTS];
byte state[LISTS];
byte content[LISTS];
byte watermark_of_all = NEW; /* slots below it were claimed; NEW is the next */
byte ended;

byte inside;
byte waited_for;

#define ENTER d_step { inside = inside | (1 << _pid) }
#define LEAVE d_step { inside = inside & ~(1 << _pid); waited_for = waited_for & ~(1 << _pid) }

inline grace_period()
{
    d_step { waited_for = inside };
    (waited_for == 0)
}

init {
    d_step {
        list[ROOT] = ANCHOR(HOLDER);
        list[HOLDER] = ANCHOR(P) | EDGE(OTHER);
        list[P] = ANCHOR(CHILD) | EDGE(HOLDER);
        list[CHILD] = EDGE(P);
        list[OTHER] = EDGE(HOLDER);
        state[P] = ALIVE;
        state[HOLDER] = ALIVE;
        state[CHILD] = ALIVE;
        state[OTHER] = ALIVE;
        content[P] = 1;
        content[HOLDER] = 1;
        content[CHILD] = 1;
        content[OTHER] = 1
    };
    atomic {
        run inserter();
        run copier();
        run search();
        run maintenance()
    }
}

/* An insert that comes by P: claims the next slot, looks, publishes its list. */
proctype inserter()
{
    bool chosen;
    ENTER;
    d_step { watermark_of_all = watermark_of_all + 1; state[NEW] = 0 };
    d_step { content[NEW] = 1 };
#ifdef TWIN_CHOSEN_WITHOUT_A_LOOK
    chosen = true;
#else
    d_step { chosen = (state[P] == ALIVE) };
#endif
    d_step { list[NEW] = EDGE(HOLDER) | (chosen -> EDGE(P) : 0) };
    d_step { state[NEW] = ALIVE };
    LEAVE;
    d_step { chosen = false; ended++ }
}

/* A writer that adds an edge to HOLDER's list: a copy with one more, exchanged for the original. */
proctype copier()
{
    short old;
    bool done;
    ENTER;
    do
    :: !done ->
        d_step { old = list[HOLDER] };
#ifdef TWIN_LIST_STORED
        d_step { list[HOLDER] = old | EDGE(CHILD); done = true };
#else
        d_step {
            if
            :: list[HOLDER] == old -> list[HOLDER] = old | EDGE(CHILD); done = true
            :: else
            fi
        };
#endif
        old = 0
    :: else -> break
    od;
    done = false;
    LEAVE;
    ended++
}

/* Walks from the root along any edge, six steps; looks at what it meets twice. */
proctype search()
{
    byte at = ROOT;
    short seen;
    byte found;
    byte steps;
    ENTER;
    do
    :: steps < 6 ->
        d_step { seen = list[at] };
        if
        :: LEADS(seen, P) -> at = P
        :: LEADS(seen, HOLDER) -> at = HOLDER
        :: LEADS(seen, CHILD) -> at = CHILD
        :: LEADS(seen, OTHER) -> at = OTHER
        :: else -> break
        fi;
        d_step { found = content[at] };
        d_step { PROPERTY(reused_under_a_reader, content[at] == found && found == 1) };
        steps++
    :: else -> break
    od;
    steps = 0;
    LEAVE;
    d_step { at = 0; seen = 0; found = 0; ended++ }
}

/* Put CHILD's anchor below HOLDER. */
inline adopt(old)
{
    do
    :: (list[HOLDER] & ANCHOR(CHILD)) == 0 ->
        d_step { old = list[HOLDER] };
        d_step {
            if
            :: list[HOLDER] == old -> list[HOLDER] = old | ANCHOR(CHILD)
            :: else
            fi
        };
        old = 0
    :: else -> break
    od;
    old = 0
}

/* No path over anchors from the root to CHILD, at this instant. */
#define CHILD_HANGS                                              \
    ((list[ROOT] & ANCHOR(HOLDER)) != 0 &&                       \
     ((list[HOLDER] & ANCHOR(CHILD)) != 0 ||                     \
      ((list[HOLDER] & ANCHOR(P)) != 0 && (list[P] & ANCHOR(CHILD)) != 0)))

/* Take P out of a list, however often somebody else is faster. */
inline clean(slot, old)
{
    do
    :: LEADS(list[slot], P) ->
        d_step { old = list[slot] };
#ifdef TWIN_ADOPTED_AFTER_THE_DROP
#elif !defined(TWIN_NOT_ADOPTED)
        if
        :: (old & ANCHOR(P)) != 0 -> adopt(old); d_step { old = list[slot] }
        :: else
        fi;
#endif
        d_step {
            if
            :: list[slot] == old -> list[slot] = old & ~(EDGE(P) | ANCHOR(P))
            :: else
            fi;
            PROPERTY(lost, CHILD_HANGS)
        };
        old = 0
    :: else -> break
    od
}

proctype maintenance()
{
    byte watermark;
    byte slot;
    short old;
#ifdef TWIN_WATERMARK_BEFORE_THE_MARK
    d_step { watermark = watermark_of_all };
#endif
    d_step { state[P] = UNLINKING };
#ifndef TWIN_NO_GRACE_BEFORE_THE_SWEEP
    grace_period();
#endif
#ifndef TWIN_WATERMARK_BEFORE_THE_MARK
    d_step { watermark = watermark_of_all };
#endif
    slot = HOLDER;
    do
    :: slot < LISTS ->
        if
        :: slot != NEW || watermark > NEW -> clean(slot, old)
        :: else
        fi;
        slot++
    :: else -> break
    od;
    slot = 0;
#ifdef TWIN_ADOPTED_AFTER_THE_DROP
    adopt(old);
#endif
#ifndef TWIN_NO_GRACE_AFTER_THE_SWEEP
    grace_period();
#endif
    d_step {
        PROPERTY(dangling, !LEADS(list[HOLDER], P) && !LEADS(list[CHILD], P) &&
                           !LEADS(list[NEW], P) && !LEADS(list[OTHER], P) && !LEADS(list[ROOT], P))
    };
    d_step { state[P] = FREE };
    d_step { content[P] = 2 };
    (ended == 3);
    d_step {
        PROPERTY(dangling, !LEADS(list[HOLDER], P) && !LEADS(list[CHILD], P) &&
                           !LEADS(list[NEW], P) && !LEADS(list[OTHER], P) && !LEADS(list[ROOT], P));
        PROPERTY(lost, CHILD_HANGS)
    }
}
