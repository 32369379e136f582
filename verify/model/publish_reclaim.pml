/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a slot: claimed, written, published by a commit, dead, cut out of its chain,
 * recycled, and claimed anew, beside a reader.
 *
 * One key, with a live entry. Writers replace and delete it; they share the commit point with the
 * maintainer, which does its rounds (maintain/round.c, maintain/unlink.c) as long as something is
 * dead. A reader takes a stamp, pinned or not, and then either follows the key's chain or looks at
 * every slot. PROGRAM: bit n is set when call n of a writer writes an entry, and not when it
 * deletes it; without it either is tried.
 *
 * Not part of it: reuse of commit records and key records (each is taken once), orders weaker than
 * sequential consistency, more than one key, recovery of what a dead thread owned.
 *
 * run: reclaim_deleted -DCALLS=3 -DPROGRAM=6 -m9000 -E
 * run: reclaim_replaced -DCALLS=3 -DPROGRAM=7 -DSLOTS=3 -m9000 -E
 * run: reclaim_revived -DCALLS=3 -DPROGRAM=5 -m9000 -E
 * run: reclaim_two_writers -DWRITERS=2 -DCALLS=1 -DNO_READER -m9000 -E
 * run: reclaim_died -DSTOPS -DWRITERS=2 -DCALLS=1 -DNO_READER -DSLOTS=3 -m9000 -E
 *
 * twin: published_before_written as reclaim_replaced expects wrong_version
 * twin: published_half_written as reclaim_replaced expects torn_content
 * twin: batch_not_emptied as reclaim_revived expects recycled_twice
 * twin: no_grace_period as reclaim_deleted expects claimed_unclean
 * twin: one_grace_period as reclaim_replaced expects recycled_under_a_reader
 * twin: horizon_without_grace_period as reclaim_revived expects wrong_version
 * twin: horizon_ignores_pins as reclaim_replaced expects wrong_version
 * twin: reused_above_the_horizon as reclaim_replaced expects freed_while_reachable
 * twin: chain_not_cut as reclaim_deleted expects freed_while_reachable
 * twin: born_and_died_reset_together as reclaim_replaced expects recycled_under_a_reader
 * twin: key_removed_beside_the_commits as reclaim_deleted expects wrong_verdict
 * twin: claimed_by_a_store as reclaim_two_writers expects claimed_twice
 * twin: commit_left_unfinished as reclaim_died expects freed_while_reachable
 * twin: prev_stored as reclaim_deleted expects freed_while_reachable
 * twin: cut_stores_unset as reclaim_deleted expects freed_while_reachable
 *
 * equal: born_stored as reclaim_two_writers because every finisher stores the same stamp
 */
#ifndef WRITERS
#define WRITERS 1
#endif
#ifndef CALLS
#define CALLS 3 /* of each writer */
#endif
#ifndef SLOTS
#define SLOTS 2
#endif
#ifdef PROGRAM
#define MAY_WRITE(n)  ((PROGRAM >> (n)) & 1)
#define MAY_DELETE(n) (!MAY_WRITE(n))
#else
#define MAY_WRITE(n)  true
#define MAY_DELETE(n) true
#endif
#define KEYS    3 /* key records, one after the other those of the one key */
#define OPS     1
#define RECORDS 9
#define STAMPS  10

#ifdef TWIN_NO_GRACE_PERIOD
#define TWIN_HORIZON_WITHOUT_GRACE_PERIOD
#define TWIN_ONE_GRACE_PERIOD
#endif

#include "store_words.pml"

/* States of a slot: enum slot_state. */
#define FREE      0
#define PENDING   1
#define LINKED    2
#define UNLINKING 3
#define ABANDONED 4

#define TAG_OF(slot) tag[slot]
#define RETIRE(r)    skip

/* A slot's life ends when it becomes free. */
#define MEET(slot)                                                     \
    if                                                                 \
    :: IS_NUMBER(slot) ->                                              \
        PROPERTY(came_to_a_free_slot, state[slot] != FREE);            \
        life_met = life[slot]                                          \
    :: else                                                            \
    fi
#define TOUCH(slot) PROPERTY(recycled_under_a_reader, life[slot] == life_met)

hidden byte came_to_a_free_slot;
hidden byte recycled_under_a_reader;
hidden byte torn_content;
hidden byte wrong_version;
hidden byte missed_or_doubled;
hidden byte claimed_twice;
hidden byte claimed_unclean;
hidden byte recycled_twice;
hidden byte freed_while_reachable;
hidden byte lost_slot;
hidden byte somebody_waits;
hidden byte bound_too_small;

byte state[SLOTS];
byte word[SLOTS];       /* the content: two words that one write makes equal */
byte other_word[SLOTS];
byte map;               /* the key's record, or NONE: the key map */
byte pin;               /* the stamp held by the reader */

byte tag[SLOTS];  /* ghost: what the owner of the slot means to write */
byte life[SLOTS]; /* ghost: how often the slot became free */
#ifdef STOPS
byte owner[SLOTS]; /* ghost: who claimed it last */
#endif
byte next_tag = 1;

#include "commit_steps.pml"

/* Pools: each record is taken once. */
byte next_record = 1;
byte next_key;

byte ended;     /* a bit for each writer and reader that came to its end */
bool finished;  /* so did the maintainer */

#define PIN_FREE 255
#define PIN_ALL  0

#define READER_ID     4
#define MAINTAINER_ID 5
#define ALL_ENDED     (((1 << WRITERS) - 1) | (1 << READER_ID))

/*
 * A thread that dies: it takes no further step, and its read section is over, as by the end of a
 * thread in liburcu-bp. The slot that it owned stays (maintain/recover.c is not part of this).
 */
#ifdef STOPS
#define ALL_HAVE_ENDED ((ended | (1 << stopped)) == (ALL_ENDED | (1 << stopped)))
#define IS_ORPHAN(s)   (stopped == owner[s] && state[s] != FREE && born[s] == NEVER)
#else
#define ALL_HAVE_ENDED (ended == ALL_ENDED)
#define IS_ORPHAN(s)   false
#endif

/* The entry at a stamp; at most one record of the key has a live version. */
#define EXPECTED(stamp) (ghost[stamp].tag[0] + ghost[stamp].tag[1] + ghost[stamp].tag[2])

#define PREPARE(r, krec, w, s)                             \
    r = next_record;                                       \
    PROPERTY(bound_too_small, next_record < RECORDS);      \
    next_record++;                                         \
    record[r].op_count = 1;                                \
    record[r].op[0].key = krec;                            \
    record[r].op[0].want = w;                              \
    record[r].op[0].slot = s;                              \
    record[r].op[0].old = UNSET

/* key_map_remove: of several that try one succeeds. */
#define UNMAP(krec)           \
    if                        \
    :: map == krec -> map = NONE \
    :: else                   \
    fi

#define CLAIM(s)                                                        \
    PROPERTY(claimed_twice, state[s] == FREE);                          \
    PROPERTY(claimed_unclean, born[s] == NEVER && died[s] == NEVER);    \
    SET_OWNER(s);                                                       \
    state[s] = PENDING;                                                 \
    prev[s] = UNSET;                                                    \
    tag[s] = next_tag;                                                  \
    next_tag++

#ifdef STOPS
#define SET_OWNER(s) owner[s] = me
#else
#define SET_OWNER(s) skip
#endif

#ifdef TWIN_PUBLISHED_BEFORE_WRITTEN
#define WRITE_BEFORE skip
#define WRITE_AFTER                \
    STEP(word[mine] = tag[mine]);  \
    STEP(other_word[mine] = tag[mine])
#elif defined(TWIN_PUBLISHED_HALF_WRITTEN)
#define WRITE_BEFORE STEP(word[mine] = tag[mine])
#define WRITE_AFTER  STEP(other_word[mine] = tag[mine])
#else
#define WRITE_BEFORE               \
    STEP(word[mine] = tag[mine]);  \
    STEP(other_word[mine] = tag[mine])
#endif

proctype Writer(byte me)
{
    COMMIT_LOCALS;
    byte left = CALLS, mine, krec, r, verdict;
    do
    :: left > 0 ->
        if
        :: MAY_DELETE(CALLS - left) -> STEP(ENTER; mine = NONE)
        :: MAY_WRITE(CALLS - left) -> atomic {
            /* The number of a free slot, from a hint or a look. */
            if
            :: RUNS(me) && state[0] == FREE -> mine = 0
            :: RUNS(me) && state[1] == FREE -> mine = 1
#if SLOTS > 2
            :: RUNS(me) && state[2] == FREE -> mine = 2
#endif
            fi;
            ENTER
           }
        fi;
        if
        :: mine != NONE ->
#ifdef TWIN_CLAIMED_BY_A_STORE
            if
            :: d_step { RUNS(me) && state[mine] == FREE -> skip }
            :: d_step { RUNS(me) && state[mine] != FREE -> LEAVE; mine = 0 } -> goto next_call
            fi;
            STEP(CLAIM(mine));
#else
            if
            :: d_step { RUNS(me) && state[mine] == FREE -> CLAIM(mine) }
            :: d_step { RUNS(me) && state[mine] != FREE -> LEAVE; mine = 0 } -> goto next_call
            fi;
#endif
            WRITE_BEFORE;
            STEP(state[mine] = LINKED)
        :: else
        fi;
look_up:
        skip;
        STEP(krec = map);
        if
        :: krec == NONE && mine == NONE -> goto leave /* nothing to delete */
        :: krec == NONE && mine != NONE ->
            /* key_map_add_unique */
            STEP(if
                 :: map == NONE ->
                    PROPERTY(bound_too_small, next_key < KEYS);
                    map = next_key;
                    next_key++
                 :: else
                 fi;
                 krec = map)
        :: else
        fi;
        STEP(PREPARE(r, krec, (mine == NONE -> WANT_PRESENT : WANT_ANY), mine));
        commit_run(r, verdict);
        if
        :: verdict == OUT_OF_USE ->
            STEP(UNMAP(krec); verdict = 0; r = 0);
            goto look_up
        :: else
        fi;
#if defined(TWIN_PUBLISHED_BEFORE_WRITTEN) || defined(TWIN_PUBLISHED_HALF_WRITTEN)
        if
        :: mine != NONE -> WRITE_AFTER
        :: else
        fi;
#endif
leave:
        skip;
        STEP(LEAVE; mine = 0; krec = 0; r = 0; verdict = 0);
next_call:
        left--
    :: else -> break
    od;
    skip;
    STEP(ended = ended | (1 << me))
}

inline read_content(slot, stamp)
{
    STEP(TOUCH(slot); first = word[slot]);
    STEP(TOUCH(slot);
         PROPERTY(torn_content, first == other_word[slot]);
         PROPERTY(wrong_version, first == EXPECTED(stamp));
         first = 0)
}

proctype Reader(byte me)
{
    byte stamp, newest, slot, life_met, first, krec, found;
    STEP(ENTER);
    if
    :: skip;
        STEP(pin = PIN_ALL);
        frontier(stamp, newest);
        STEP(pin = stamp);
        STEP(LEAVE);
        STEP(ENTER)
    :: frontier(stamp, newest)
    fi;
    if
    :: STEP(krec = map);
        if
        :: krec == NONE -> slot = NONE
        :: else -> version_at(krec, stamp, slot)
        fi;
        if
        :: slot == NONE -> STEP(PROPERTY(wrong_version, EXPECTED(stamp) == 0))
        :: else -> read_content(slot, stamp)
        fi
    :: skip;
        do
        :: slot < SLOTS ->
            if
            :: d_step { born[slot] != NEVER && born[slot] <= stamp -> life_met = life[slot] };
                if
                :: d_step { died[slot] == NEVER || died[slot] > stamp -> found++ };
                    read_content(slot, stamp)
                :: d_step { died[slot] != NEVER && died[slot] <= stamp -> skip }
                fi
            :: d_step { born[slot] == NEVER || born[slot] > stamp -> skip }
            fi;
            slot++
        :: else -> break
        od;
        skip;
        STEP(PROPERTY(missed_or_doubled, found == (EXPECTED(stamp) != 0 -> 1 : 0)); found = 0)
    fi;
    STEP(LEAVE; pin = PIN_FREE; stamp = 0; slot = 0; life_met = 0; krec = 0; first = 0;
         ended = ended | (1 << me))
}

/* mark_unlinked: this version and what is behind it are in no chain. */
inline mark_unlinked(from)
{
    slot = from;
    do
    :: IS_NUMBER(slot) ->
#ifndef TWIN_BORN_AND_DIED_RESET_TOGETHER
        if
        :: d_step { born[slot] != NEVER -> born[slot] = NEVER }
        :: d_step { born[slot] == NEVER -> skip } -> break
        fi;
#endif
        STEP(slot = prev[slot])
    :: else -> break
    od;
    slot = 0
}

#ifdef TWIN_CHAIN_NOT_CUT
#define CUT(slot, older) skip
#elif defined(TWIN_CUT_STORES_UNSET)
#define CUT(slot, older) CAS(prev[slot], older, UNSET)
#else
#define CUT(slot, older) CAS(prev[slot], older, NONE)
#endif

/* cut_chain: in front of the first version that died at or before the horizon. */
inline cut_chain(newer)
{
    slot = newer;
    do
    :: !IS_NUMBER(slot) -> break
    :: IS_NUMBER(slot) ->
        STEP(older = prev[slot]);
        if
        :: !IS_NUMBER(older) -> break
        :: IS_NUMBER(older) ->
            if
            :: d_step { died[older] <= horizon -> skip };
                STEP(CUT(slot, older));
                mark_unlinked(older);
                break
            :: d_step { died[older] > horizon -> slot = older }
            fi
        fi
    od;
    older = 0;
    slot = 0
}

inline unlink_version(dead)
{
    do
    :: d_step { born[dead] == NEVER -> skip } -> break
    :: d_step { born[dead] != NEVER -> krec = map };
        if
        :: krec == NONE -> mark_unlinked(dead); break
        :: else
        fi;
        STEP(top = head[krec]);
        if
        :: top == GONE ->
            STEP(UNMAP(krec));
            mark_unlinked(dead);
            break
        :: top != GONE && top != dead ->
            cut_chain(top);
            mark_unlinked(dead);
            break
        :: top == dead ->
#ifdef TWIN_KEY_REMOVED_BESIDE_THE_COMMITS
            STEP(CAS(head[krec], dead, GONE));
#else
            STEP(PREPARE(r, krec, WANT_REMOVE, dead));
            commit_run(r, verdict);
#endif
            STEP(if
                 :: verdict != REFUSED -> UNMAP(krec)
                 :: else
                 fi;
                 verdict = 0; r = 0)
        fi
    od;
    krec = 0;
    top = 0
}

/* commit_settle */
#ifdef TWIN_COMMIT_LEFT_UNFINISHED
#define SETTLE skip
#else
#define SETTLE           \
    STEP(newest = last); \
    finish(newest);      \
    newest = 0
#endif

#define IN_BATCH(slot) ((batch >> (slot)) & 1)

#ifdef TWIN_REUSED_ABOVE_THE_HORIZON
#define IS_BELOW(s) died[s] != NEVER
#else
#define IS_BELOW(s) (died[s] != NEVER && died[s] <= horizon)
#endif

#define WORK(s) (state[s] == UNLINKING || state[s] == ABANDONED || \
                 (state[s] == LINKED && died[s] != NEVER))
#if SLOTS > 2
#define ANY_WORK (WORK(0) || WORK(1) || WORK(2))
#else
#define ANY_WORK (WORK(0) || WORK(1))
#endif

/* No way leads to a slot that becomes free: no head, no chain, no unfinished commit. */
#define LEADS_TO(s) (head[0] == (s) || head[1] == (s) || head[2] == (s) ||       \
                     (prev[0] == (s) && state[0] == LINKED) ||                   \
                     (prev[1] == (s) && state[1] == LINKED) ||                   \
                     (record[last].done == 0 && (record[last].op[0].old == (s) || \
                                                 record[last].op[0].slot == (s))))

proctype Maintainer(byte me)
{
    COMMIT_LOCALS;
    byte F, horizon, batch, i, slot, older, krec, top, r, verdict;
    do
    :: d_step { ANY_WORK -> skip };
        /* gather */
        frontier(F, newest);
#ifndef TWIN_HORIZON_WITHOUT_GRACE_PERIOD
        grace_period();
#endif
        /* unlink */
#ifdef TWIN_HORIZON_IGNORES_PINS
        STEP(horizon = F; F = 0);
#else
        STEP(horizon = (pin < F -> pin : F); F = 0);
#endif
        SETTLE;
        i = 0;
        do
        :: i < SLOTS ->
            d_step {
                if
                :: (state[i] == LINKED && IS_BELOW(i)) || state[i] == ABANDONED ->
                    state[i] = UNLINKING;
                    batch = batch | (1 << i)
                :: else
                fi;
                i++
            }
        :: else -> break
        od;
        i = 0;
        do
        :: i < SLOTS ->
            if
            :: IN_BATCH(i) -> unlink_version(i)
            :: else
            fi;
            i++
        :: else -> break
        od;
        horizon = 0;
        i = 0;
        SETTLE;
#ifndef TWIN_ONE_GRACE_PERIOD
        grace_period();
#endif
        /* free */
        do
        :: i < SLOTS ->
            if
            :: IN_BATCH(i) ->
#ifdef TWIN_BORN_AND_DIED_RESET_TOGETHER
                STEP(born[i] = NEVER);
#endif
                STEP(died[i] = NEVER);
                STEP(PROPERTY(recycled_twice, state[i] == UNLINKING);
                     PROPERTY(freed_while_reachable, !LEADS_TO(i));
                     state[i] = FREE;
                     life[i]++)
            :: else
            fi;
            i++
        :: else -> break
        od;
#ifndef TWIN_BATCH_NOT_EMPTIED
        batch = 0;
#endif
        i = 0
#ifdef STOPS
    /* maintain_recover begins so: a thread that died may have left its commit unfinished. */
    :: d_step { ALL_HAVE_ENDED && record[last].done == 0 -> newest = last };
        finish(newest);
        newest = 0
#endif
    :: d_step { ALL_HAVE_ENDED && record[last].done == 1 && !ANY_WORK -> skip } -> break
    od;
    skip;
    /* Every slot is free, or holds the live version of the key. */
    d_step {
        i = 0;
        do
        :: i < SLOTS ->
            PROPERTY(lost_slot, IS_ORPHAN(i) ||
                                (state[i] == FREE && born[i] == NEVER && died[i] == NEVER) ||
                                (state[i] == LINKED && died[i] == NEVER && map != NONE &&
                                 head[map] == i && tag[i] == EXPECTED(ghost_newest)));
            i++
        :: else -> break
        od;
        finished = true
    }
}

#ifdef STOPS
proctype Fate()
{
    d_step {
        stopped = 0;
        inside = inside & ~1;
        waited_for = waited_for & ~1
    }
}
#endif

init
{
    d_step {
        byte n;
        record[0].stamp = 1;
        record[0].outcome = DONE_BY(1);
        record[0].expected = DONE_BY(1);
        record[0].done = 1;
        for (n : 0 .. SLOTS - 1) {
            prev[n] = UNSET
        }
        for (n : 0 .. KEYS - 1) {
            head[n] = NONE;
            ghost_head[n] = NONE
        }
        state[0] = LINKED;
        born[0] = 1;
        prev[0] = NONE;
        head[0] = 0;
        ghost_head[0] = 0;
        tag[0] = next_tag;
        word[0] = next_tag;
        other_word[0] = next_tag;
        next_tag++;
        next_key = 1;
        ghost_newest = 1;
        ghost[1].tag[0] = tag[0];
        ghost[1].count = 1;
        pin = PIN_FREE;
        n = 0
    }
    atomic {
        run Writer(0);
#if WRITERS > 1
        run Writer(1);
#endif
#ifdef NO_READER
        ended = 1 << READER_ID;
#else
        run Reader(READER_ID);
#endif
        run Maintainer(MAINTAINER_ID);
#ifdef STOPS
        run Fate()
#endif
    }
    timeout;
    PROPERTY(somebody_waits, finished)
}
