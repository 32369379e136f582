/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commits that help each other, and one of them that stops for ever at any step.
 *
 * Two keys, the first with a live entry. Writer 0 commits a batch: a new version of either key.
 * Writer 1 deletes the first key; of two writers it also takes the key record out of use. Writer 2
 * inserts the second key. A reader asks, at one stamp, for a version or for the count. With STOPS
 * one writer stops between any two of its steps, and the others must come to their end.
 *
 * Not part of it: reuse of records and slots (publish_reclaim.pml has that of slots), orders weaker
 * than sequential consistency.
 *
 * run: help_three -m3000 -E
 * run: help_two_read -DWRITERS=2 -DREADERS=1 -m3000 -E
 * run: help_stopped -DWRITERS=2 -DREADERS=1 -DSTOPS -m3000 -E
 * run: help_three_stopped -DSTOPS -DBATCH=1 -m3000 -E
 * run: help_no_cycle -DWRITERS=2 -DSTOPS -DNP -l -m3000 -E
 *
 * twin: append_without_finish as help_two_read expects append_behind_unfinished
 * twin: wait_instead_of_help as help_stopped expects somebody_waits
 * twin: spin_instead_of_help as help_no_cycle expects non-progress-cycle
 * twin: outcome_stored as help_three expects wrong_verdict
 * twin: old_stored as help_three expects wrong_at_the_end
 * twin: old_read_again as help_three expects wrong_at_the_end
 * twin: head_stored as help_three expects wrong_at_the_end
 * twin: died_stored as help_two_read expects wrong_version
 * twin: done_before_apply as help_two_read expects wrong_verdict
 * twin: frontier_without_done as help_two_read expects wrong_version
 * twin: count_by_the_wish as help_three expects wrong_verdict
 * twin: count_without_done as help_two_read expects wrong_count
 * twin: returned_before_done as help_two_read expects returned_before_done
 * twin: retires_its_own as help_two_read expects retired_the_newest
 */
#define KEYS    2
#define SLOTS   4
#define OPS     2
#define RECORDS 5
#define STAMPS  6

#include "store_words.pml"

#define TAG_OF(slot) ((slot) + 1)
#define RETIRE(r)                                     \
    PROPERTY(retired_twice, !retired[r]);             \
    PROPERTY(retired_the_newest, last != (r));        \
    retired[r] = 1

#define MEET(slot)  skip
#define TOUCH(slot) skip

hidden byte retired_twice;
hidden byte retired_the_newest;
hidden byte wrong_version;
hidden byte wrong_count;
hidden byte frontier_behind_returned;
hidden byte somebody_waits;
hidden byte lost_at_the_end;
hidden byte wrong_at_the_end;

bit retired[RECORDS];

#include "commit_steps.pml"

byte returned; /* ghost: the newest stamp whose commit returned */
byte ended;    /* a bit for each process that came to its end */

#ifndef WRITERS
#define WRITERS 3
#endif
#ifndef READERS
#define READERS 0
#endif
#ifndef BATCH
#define BATCH 2 /* operations of the first commit */
#endif
#define READER_ID 3
#define ALL_ENDED (((1 << WRITERS) - 1) | (READERS << READER_ID))

#define SET_OP(r, i, k, w, s) \
    record[r].op[i].key = k;  \
    record[r].op[i].want = w; \
    record[r].op[i].slot = s; \
    record[r].op[i].old = UNSET

#define RETURN(r, verdict)                                                            \
    STEP(returned = (record[r].stamp > returned -> record[r].stamp : returned); verdict = 0)

proctype Writer(byte me; byte r)
{
    COMMIT_LOCALS;
    byte verdict;
    commit_run(r, verdict);
    RETURN(r, verdict);
    if
    :: WRITERS == 2 && r == 3 ->
        /* Then the key record goes out of use, as by maintenance: after a grace period. */
        grace_period();
        commit_run(4, verdict);
        RETURN(4, verdict)
    :: else
    fi;
    STEP(ended = ended | (1 << me))
}

proctype Reader(byte me)
{
    byte known, stamp, newest, slot, key, count;
    STEP(ENTER; known = returned);
    frontier(stamp, newest);
    STEP(PROPERTY(frontier_behind_returned, stamp >= known); known = 0);
    /* One of the questions, whichever; all of them at one stamp say no more to the ghost. */
    if
    :: key = 0
    :: key = 1
    :: goto count_them
    fi;
    version_at(key, stamp, slot);
    STEP(PROPERTY(wrong_version, (slot == NONE -> 0 : TAG_OF(slot)) == ghost[stamp].tag[key]);
         key = 0; stamp = 0; slot = 0);
    goto end_of_call;
count_them:
    stamp = 0;
    /* frontier_count */
    STEP(newest = last);
    STEP(slot = record[newest].done);
#ifdef TWIN_COUNT_WITHOUT_DONE
    STEP(count = record[newest].base + DELTA_OF(record[newest].outcome);
#else
    STEP(count = record[newest].base + (slot -> DELTA_OF(record[newest].outcome) : 0);
#endif
         PROPERTY(wrong_count, count == ghost[record[newest].stamp - (slot -> 0 : 1)].count);
         newest = 0; count = 0; slot = 0);
end_of_call:
    skip;
    STEP(LEAVE; ended = ended | (1 << me))
}

#ifdef STOPS
proctype Fate()
{
    if
    :: stopped = 0
    :: stopped = 1
    :: stopped = 2
    fi
}
#endif

init
{
    d_step {
        byte i;
        /* Key 0 has a live version in slot 0, key 1 has none. */
        record[0].stamp = 1;
        record[0].outcome = DONE_BY(1);
        record[0].expected = DONE_BY(1);
        record[0].done = 1;
        for (i : 0 .. SLOTS - 1) {
            prev[i] = UNSET
        }
        head[0] = 0;
        born[0] = 1;
        prev[0] = NONE;
        head[1] = NONE;
        ghost_head[0] = 0;
        ghost_head[1] = NONE;
        ghost_newest = 1;
        ghost[1].tag[0] = TAG_OF(0);
        ghost[1].count = 1;
        returned = 1;
        record[1].op_count = BATCH;
        SET_OP(1, 0, 0, WANT_ANY, 1);
        SET_OP(1, 1, 1, WANT_ANY, 2);
        record[2].op_count = 1;
        SET_OP(2, 0, 1, WANT_ABSENT, 3);
        record[3].op_count = 1;
        SET_OP(3, 0, 0, WANT_PRESENT, NONE);
        record[4].op_count = 1;
        SET_OP(4, 0, 0, WANT_REMOVE, 0);
        i = 0
    }
    atomic {
        run Writer(0, 1);
        run Writer(1, 3);
#if WRITERS > 2
        run Writer(2, 2);
#endif
#if READERS > 0
        run Reader(READER_ID);
#endif
#ifdef STOPS
        run Fate()
#endif
    }
    timeout;
    d_step {
#ifdef STOPS
        PROPERTY(somebody_waits, (ended | (1 << stopped)) == (ALL_ENDED | (1 << stopped)));
#else
        PROPERTY(somebody_waits, ended == ALL_ENDED);
        byte k;
        for (k : 0 .. RECORDS - 1) {
            PROPERTY(lost_at_the_end, record[k].stamp == 0 || retired[k] != (k == last))
        }
        for (k : 0 .. KEYS - 1) {
            PROPERTY(wrong_at_the_end, (IS_LIVE(head[k]) -> TAG_OF(head[k]) : 0) ==
                                           ghost[ghost_newest].tag[k])
        }
#endif
    }
}
