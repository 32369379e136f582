/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publishing, stamping and reclaiming the versions of one key, with slots that are used again.
 *
 *     docs/CONCURRENCY.md sections 3 to 5; kernel/update/write.c, kernel/store/commit.c,
 *     kernel/maintain/round.c, kernel/maintain/unlink.c
 *
 * A writer replaces the key WRITES times, in SLOTS slots. Readers get the key, scan all slots, or
 * hold an instant beyond their section. Maintenance goes through ROUNDS rounds, and one more when
 * the others have ended. Each access to a shared word is a step; between two any process may run.
 * With DELETES every second commit deletes the key.
 * Left out: helping (one writer), and taking a deleted key out of use: a slot that is the head
 * stays.
 *
 * Ghost: what the key's content is at each stamp. Nothing of the protocol reads it.
 *
 *     run: gets          -DREADERS=1 -DWRITES=4 -DROUNDS=2
 *     run: gets_deleted  -DREADERS=1 -DWRITES=5 -DROUNDS=2 -DDELETES
 *     run: scans         -DREADERS=2 -DWRITES=4 -DROUNDS=2
 *     run: scans_deleted -DREADERS=2 -DWRITES=5 -DROUNDS=2 -DDELETES
 *     run: holds         -DREADERS=4 -DWRITES=4 -DROUNDS=2
 *     run: gets_holds    -DREADERS=5 -DWRITES=2 -DROUNDS=1
 *     twin: publish_before_write         -DREADERS=1 -DWRITES=2 -DROUNDS=1  expects torn
 *     twin: frontier_without_done        -DREADERS=1 -DWRITES=2 -DROUNDS=1  expects lost
 *     twin: horizon_without_grace_period -DREADERS=1 -DWRITES=3 -DROUNDS=2  expects lost
 *     twin: horizon_ignores_pins         -DREADERS=4 -DWRITES=3 -DROUNDS=2  expects lost
 *     twin: reused_above_the_horizon     -DREADERS=1 -DWRITES=3 -DROUNDS=2  expects lost
 *     twin: chain_not_cut      -DREADERS=1 -DWRITES=5 -DROUNDS=2 -DDELETES  expects dangling
 *     twin: both_stamps_reset_late       -DREADERS=2 -DWRITES=3 -DROUNDS=2  expects lost
 *     twin: free_without_grace_period    -DREADERS=2 -DWRITES=3 -DROUNDS=2  expects lost
 */

#define SLOTS 3

/* Marks; slot numbers are below SLOTS. */
#define NONE  15
#define UNSET 14
#define NEVER 0

#define IS_NUMBER(word) ((word) < SLOTS)

/* States of a slot. */
#define FREE      0
#define USED      1
#define UNLINKING 2

/* Pins. */
#define PIN_FREE 15
#define PIN_ALL  0

/* A property has a name, which is in SPIN's message. */
#define PROPERTY(name, holds) name = !(holds); assert(!(name))

hidden byte torn;     /* what was read is not what one call wrote */
hidden byte lost;     /* at an instant no version is visible though there is one, or another's */
hidden byte dangling; /* a chain leads to a slot that is out of use */
hidden byte leaked;   /* in the end a slot is neither free nor live */

byte content[SLOTS];
byte born[SLOTS];
byte died[SLOTS];
byte prev[SLOTS];
byte state[SLOTS];
byte head = NONE;
byte last;                   /* the newest stamp */
bit is_done[WRITES + 1];     /* of the commit with that stamp */
byte pin = PIN_FREE;
byte ended;                  /* processes beside maintenance that have come to their end */
byte ghost[WRITES + 1];      /* the content at each stamp, 0 for none */

/* Read sections: one bit a process. A grace period waits for those that were inside. */
byte inside;
byte waited_for;

#define ENTER d_step { inside = inside | (1 << _pid) }
#define LEAVE d_step { inside = inside & ~(1 << _pid); waited_for = waited_for & ~(1 << _pid) }

inline grace_period()
{
    d_step { waited_for = inside };
    (waited_for == 0)
}

/* The newest instant at which everything is applied: two loads. */
inline frontier(stamp)
{
    d_step { stamp = last };
#ifndef TWIN_frontier_without_done
    d_step {
        if
        :: stamp > 0 && is_done[stamp] == 0 -> stamp = stamp - 1
        :: else
        fi
    }
#endif
}

#define VISIBLE(b, d, stamp) ((b) != NEVER && (b) <= (stamp) && ((d) == NEVER || (d) > (stamp)))

/* Two looks at a content, as of a row that takes more than one load. */
inline read_content(slot, stamp, seen)
{
    d_step { seen = content[slot] };
    d_step { PROPERTY(torn, seen == content[slot] && seen != 0) };
    d_step { PROPERTY(lost, seen == ghost[stamp]); seen = 0 }
}

/* version_at, then the content. */
inline get_at(stamp, slot, seen)
{
    d_step { slot = head };
    do
    :: IS_NUMBER(slot) ->
        d_step { PROPERTY(dangling, state[slot] != FREE); seen = born[slot] };
        if
        :: seen != NEVER && seen <= stamp -> break
        :: else -> d_step { slot = prev[slot] }
        fi
    :: else -> break
    od;
    seen = 0;
    if
    :: IS_NUMBER(slot) ->
        d_step { seen = died[slot] };
        if
        :: seen == NEVER || seen > stamp -> read_content(slot, stamp, seen)
        :: else -> PROPERTY(lost, ghost[stamp] == 0)
        fi
    :: else -> PROPERTY(lost, ghost[stamp] == 0)
    fi;
    slot = 0;
    seen = 0
}

active proctype writer()
{
    byte version = 1;
    byte slot;
    byte old;
    do
    :: version <= WRITES ->
#ifdef DELETES
        if
        :: version % 2 == 0 ->
            ENTER;
            d_step { old = head; last = last + 1; ghost[last] = 0 };
            d_step { died[old] = last };
            d_step { is_done[last] = 1 };
            LEAVE;
            version++
        :: else
        fi;
#endif
        /* Without a free slot it comes again later. */
        (state[0] == FREE || state[1] == FREE || state[2] == FREE);
        ENTER;
        if
        :: state[0] == FREE -> d_step { slot = 0; state[0] = USED; prev[0] = UNSET }
        :: state[1] == FREE -> d_step { slot = 1; state[1] = USED; prev[1] = UNSET }
        :: state[2] == FREE -> d_step { slot = 2; state[2] = USED; prev[2] = UNSET }
        fi;
        assert(born[slot] == NEVER && died[slot] == NEVER);
        d_step { content[slot] = 0 };
#ifndef TWIN_publish_before_write
        d_step { content[slot] = version };
#endif
        /* The append: from here on its place in the order is known. */
        d_step { old = head; last = last + 1; ghost[last] = version };
        d_step { prev[slot] = old };
        d_step { born[slot] = last };
        if
        :: IS_NUMBER(old) && died[old] == NEVER -> d_step { died[old] = last }
        :: else
        fi;
        d_step { head = slot };
        d_step { is_done[last] = 1 };
#ifdef TWIN_publish_before_write
        d_step { content[slot] = version };
#endif
        LEAVE;
        d_step { version++; slot = 0; old = 0 }
    :: else -> break
    od;
    ended++
}

/* Which readers there are is a sum: 1 gets, 2 scans, 4 holds an instant. */
#if READERS & 1
active proctype getter()
{
    byte stamp;
    byte slot;
    byte seen;
    ENTER;
    frontier(stamp);
    get_at(stamp, slot, seen);
    LEAVE;
    d_step { stamp = 0; ended++ }
}

#endif

#if READERS & 2
/* A search that compares all rows: one version is visible when the key is there, else none. */
active proctype scanner()
{
    byte stamp;
    byte slot;
    byte b;
    byte d;
    byte found;
    ENTER;
    frontier(stamp);
    do
    :: slot < SLOTS ->
        d_step { b = born[slot] };
        d_step { d = died[slot] };
        if
        :: VISIBLE(b, d, stamp) -> found++; read_content(slot, stamp, b)
        :: else
        fi;
        slot++
    :: else -> break
    od;
    slot = 0;
    d_step { PROPERTY(lost, found == (ghost[stamp] != 0 -> 1 : 0)) };
    LEAVE;
    d_step { stamp = 0; b = 0; d = 0; found = 0; ended++ }
}

#endif

#if READERS & 4
/* Holds an instant, leaves, comes back. */
active proctype holder()
{
    byte stamp;
    byte slot;
    byte seen;
    ENTER;
    d_step { pin = PIN_ALL };
    frontier(stamp);
    d_step { pin = stamp };
    LEAVE;
    ENTER;
    get_at(stamp, slot, seen);
    LEAVE;
    d_step { pin = PIN_FREE };
    d_step { stamp = 0; ended++ }
}

#endif

#define ENDS (1 + (READERS & 1) + (READERS / 2 & 1) + (READERS / 4 & 1))

#ifdef TWIN_both_stamps_reset_late
#define RESET_BORN(slot)
#else
#define RESET_BORN(slot) d_step { born[slot] = NEVER }
#endif

/* Cut the chain in front of the first version that died at or before the horizon. */
inline cut(horizon, newer, older)
{
    d_step { newer = head };
    do
    :: IS_NUMBER(newer) ->
        d_step { older = prev[newer] };
        if
        :: !IS_NUMBER(older) -> break
        :: IS_NUMBER(older) && died[older] != NEVER && died[older] <= horizon ->
#ifndef TWIN_chain_not_cut
            d_step { prev[newer] = NONE };
#endif
            break
        :: else -> newer = older
        fi
    :: else -> break
    od;
    older = 0;
    newer = 0
}

inline round(f, horizon, slot, newer)
{
    frontier(f);
#ifndef TWIN_horizon_without_grace_period
    grace_period();
#endif
    d_step { horizon = f };
#ifndef TWIN_horizon_ignores_pins
    d_step {
        if
        :: pin != PIN_FREE && pin < horizon -> horizon = pin
        :: else
        fi
    };
#endif
#ifdef TWIN_reused_above_the_horizon
    horizon = last;
#endif
    slot = 0;
    do
    :: slot < SLOTS ->
        d_step {
            if
            :: state[slot] == USED && died[slot] != NEVER && died[slot] <= horizon &&
               slot != head ->
                state[slot] = UNLINKING
            :: else
            fi
        };
        slot++
    :: else -> break
    od;
    cut(horizon, newer, slot);
    slot = 0;
    do
    :: slot < SLOTS ->
        if
        :: state[slot] == UNLINKING -> RESET_BORN(slot)
        :: else
        fi;
        slot++
    :: else -> break
    od;
#ifndef TWIN_free_without_grace_period
    grace_period();
#endif
    slot = 0;
    do
    :: slot < SLOTS ->
        if
        :: state[slot] == UNLINKING ->
#ifdef TWIN_both_stamps_reset_late
            d_step { born[slot] = NEVER };
#endif
            d_step { died[slot] = NEVER };
            d_step { state[slot] = FREE }
        :: else
        fi;
        slot++
    :: else -> break
    od;
    slot = 0;
    d_step { f = 0; horizon = 0 }
}

active proctype maintenance()
{
    byte rounds;
    byte f;
    byte horizon;
    byte slot;
    byte newer;
    do
    :: rounds < ROUNDS -> round(f, horizon, slot, newer); rounds++
    :: ended == ENDS -> break
    :: rounds == ROUNDS && ended < ENDS &&
       state[0] != FREE && state[1] != FREE && state[2] != FREE ->
        rounds-- /* the writer waits for a slot */
    od;
    round(f, horizon, slot, newer);
    d_step {
        PROPERTY(leaked, (state[0] == FREE -> 1 : 0) + (state[1] == FREE -> 1 : 0) +
                             (state[2] == FREE -> 1 : 0) == SLOTS - 1 &&
                             IS_NUMBER(head) && state[head] == USED && died[head] == NEVER)
    }
}
