/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Included by the models: the commit point, step by step as in kernel/store/commit.c. It is no
 * model by itself.
 *
 *     finish     : finish(): evaluate, compare-and-swap of `outcome`, apply, store of `done`
 *     commit_run : commit_run(): finish the newest, stamp and base, append, finish, retire
 *     frontier   : frontier_stamp(): two loads
 *     version_at : version_at(): the walk along a key's chain
 *
 * The model that includes it says how many SLOTS, KEYS (key records), RECORDS, STAMPS and OPS there
 * are, and defines TAG_OF(slot), RETIRE(record), and what a walk along a chain notes: MEET(slot) in
 * the step that comes by a slot's number, TOUCH(slot) in each step that uses it. A process that
 * takes these steps has a number `me`; one that commits declares COMMIT_LOCALS.
 *
 * Beside the words of the library there is a ghost: when a record is appended its place in the
 * order of commits is known, and with it what a single thread would have come to. The ghost is
 * computed in the step of the append and says for each stamp which version of each key is live and
 * how many there are. Nothing of the library's steps reads it.
 */

/* What an operation wants: enum commit_want. */
#define WANT_ANY     0
#define WANT_ABSENT  1
#define WANT_PRESENT 2
#define WANT_REMOVE  4

/* The outcome word: verdict, and for DONE the change of the count in the same word. */
#define UNDECIDED    0
#define REFUSED      1
#define OUT_OF_USE   2
#define DONE_BY(delta)   (8 + (delta))
#define IS_DONE(outcome) ((outcome) >= 4)
#define DELTA_OF(outcome) (IS_DONE(outcome) -> (outcome) - 8 : 0)

typedef Op {
    byte key;
    byte want;
    byte slot;
    byte old;
}

typedef Record {
    byte stamp;
    byte base;
    byte outcome;
    bit done;
    byte op_count;
    Op op[OPS];
    byte expected; /* ghost: the outcome that the order of appends gives */
}

typedef Instant {
    byte tag[KEYS]; /* the content that is live, 0 when none is */
    byte count;
}

Record record[RECORDS];
byte last;
byte head[KEYS];
byte born[SLOTS];
byte died[SLOTS];
byte prev[SLOTS];

/* The ghost. */
Instant ghost[STAMPS];
byte ghost_head[KEYS];
byte ghost_newest;

hidden byte append_behind_unfinished;
hidden byte stamps_not_dense;
hidden byte wrong_verdict;
hidden byte returned_before_done;

#define IS_LIVE(slot) (IS_NUMBER(slot) && died[slot] == NEVER)

#define WANT_HOLDS(o, h)                                     \
    (o.want == WANT_ANY ||                                 \
     (o.want == WANT_ABSENT && !IS_LIVE(h)) ||             \
     (o.want == WANT_PRESENT && IS_LIVE(h)) ||             \
     (o.want == WANT_REMOVE && (h) == o.slot && !IS_LIVE(h)))

/* The same questions to the ghost, about a key at the newest instant. */
#define GHOST_LIVE(k) (ghost[ghost_newest].tag[k] != 0)
#define GHOST_HOLDS(o)                                       \
    (o.want == WANT_ANY ||                                 \
     (o.want == WANT_ABSENT && !GHOST_LIVE(o.key)) ||    \
     (o.want == WANT_PRESENT && GHOST_LIVE(o.key)) ||    \
     (o.want == WANT_REMOVE && ghost_head[o.key] == o.slot && !GHOST_LIVE(o.key)))

#ifdef TWIN_COUNT_BY_THE_WISH
#define CHANGE_OF(o, h) ((o.slot != NONE -> 1 : 0) - (o.want == WANT_PRESENT -> 1 : 0))
#else
#define CHANGE_OF(o, h) ((o.slot != NONE -> 1 : 0) - (IS_LIVE(h) -> 1 : 0))
#endif

/* Twins of single steps. */
#ifdef TWIN_OUTCOME_STORED
#define DECIDE(r, out) record[r].outcome = out
#else
#define DECIDE(r, out) CAS(record[r].outcome, UNDECIDED, out)
#endif
#ifdef TWIN_OLD_STORED
#define REMEMBER(o, h) o.old = h
#else
#define REMEMBER(o, h) CAS(o.old, UNSET, h)
#endif
#ifdef TWIN_OLD_READ_AGAIN
#define OLD_OF(o) head[o.key]
#else
#define OLD_OF(o) o.old
#endif
#ifdef TWIN_HEAD_STORED
#define SET_HEAD(k, from, to) head[k] = to
#else
#define SET_HEAD(k, from, to) CAS(head[k], from, to)
#endif
#ifdef TWIN_PREV_STORED
#define SET_PREV(s, to) prev[s] = to
#else
#define SET_PREV(s, to) CAS(prev[s], UNSET, to)
#endif
#ifdef TWIN_BORN_STORED
#define SET_BORN(s, to) born[s] = to
#else
#define SET_BORN(s, to) CAS(born[s], NEVER, to)
#endif
#ifdef TWIN_DIED_STORED
#define SET_DIED(s, to) died[s] = to
#else
#define SET_DIED(s, to) CAS(died[s], NEVER, to)
#endif

/* Locals of whoever finishes records. They are 0 between calls, or there would be more states. */
#define COMMIT_LOCALS byte newest, at, ops, want, seen, out, new

#define OP(r) record[r].op[at]

inline evaluate(r)
{
    at = 0;
    out = DONE_BY(0);
    do
    :: at < ops ->
        STEP(seen = head[OP(r).key];
             want = OP(r).want;
             if
             :: seen == GONE -> out = OUT_OF_USE
             :: else
             fi);
        if
        :: out == OUT_OF_USE -> break
        :: else
        fi;
        /* The loads of `died` of one look; one word, so one step. */
        STEP(if
             :: WANT_HOLDS(OP(r), seen)
             :: else -> out = REFUSED
             fi);
        if
        :: out == REFUSED -> break
        :: else
        fi;
        STEP(REMEMBER(OP(r), seen));
        if
        :: want != WANT_REMOVE -> STEP(out = out + CHANGE_OF(OP(r), seen))
        :: else
        fi;
        at++
    :: else -> break
    od;
    skip
}

inline apply(r)
{
    at = 0;
    do
    :: at < ops ->
        STEP(seen = OLD_OF(OP(r)); new = OP(r).slot; want = OP(r).want);
        if
        :: want == WANT_REMOVE -> STEP(SET_HEAD(OP(r).key, seen, GONE))
        :: else ->
            if
            :: new != NONE ->
                STEP(SET_PREV(new, seen));
                STEP(SET_BORN(new, record[r].stamp))
            :: else
            fi;
            if
            :: IS_NUMBER(seen) -> STEP(SET_DIED(seen, record[r].stamp))
            :: else
            fi;
            if
            :: new != NONE -> STEP(SET_HEAD(OP(r).key, seen, new))
            :: else
            fi
        fi;
        at++
    :: else -> break
    od;
    skip
}

inline finish(r)
{
    if
    :: d_step { RUNS(me) && record[r].done != 0 -> skip }
    :: d_step { RUNS(me) && record[r].done == 0 -> ops = record[r].op_count };
        STEP(out = record[r].outcome);
        if
        :: out == UNDECIDED ->
            evaluate(r);
            STEP(DECIDE(r, out);
                 PROPERTY(wrong_verdict, record[r].outcome == record[r].expected));
            STEP(out = record[r].outcome)
        :: else
        fi;
#ifdef TWIN_DONE_BEFORE_APPLY
        STEP(record[r].done = 1);
#endif
        if
        :: IS_DONE(out) -> apply(r)
        :: else
        fi;
        STEP(record[r].done = 1; at = 0; ops = 0; want = 0; seen = 0; out = 0; new = 0)
    fi
}

/* What a single thread would have made of the record: runs in the step of the append. */
inline ghost_append(r, before)
{
    PROPERTY(stamps_not_dense, record[r].stamp == ghost_newest + 1);
    PROPERTY(append_behind_unfinished, record[before].done == 1);
    at = 0;
    out = DONE_BY(0);
    do
    :: at < record[r].op_count && IS_DONE(out) ->
        if
        :: ghost_head[OP(r).key] == GONE -> out = OUT_OF_USE
        :: ghost_head[OP(r).key] != GONE && !GHOST_HOLDS(OP(r)) -> out = REFUSED
        :: else
        fi;
        at++
    :: else -> break
    od;
    at = 0;
    do
    :: at < KEYS ->
        ghost[ghost_newest + 1].tag[at] = ghost[ghost_newest].tag[at];
        at++
    :: else -> break
    od;
    at = 0;
    do
    :: at < record[r].op_count && IS_DONE(out) ->
        if
        :: OP(r).want == WANT_REMOVE -> ghost_head[OP(r).key] = GONE
        :: else ->
            out = out + (OP(r).slot != NONE -> 1 : 0) - (GHOST_LIVE(OP(r).key) -> 1 : 0);
            if
            :: OP(r).slot != NONE ->
                ghost_head[OP(r).key] = OP(r).slot;
                ghost[ghost_newest + 1].tag[OP(r).key] = TAG_OF(OP(r).slot)
            :: else -> ghost[ghost_newest + 1].tag[OP(r).key] = 0
            fi
        fi;
        at++
    :: else -> break
    od;
    record[r].expected = out;
    ghost[ghost_newest + 1].count = ghost[ghost_newest].count + DELTA_OF(out);
    ghost_newest++;
    at = 0;
    out = 0
}

#ifdef TWIN_APPEND_WITHOUT_FINISH
#define FINISH_BEFORE(r) skip
#elif defined(TWIN_WAIT_INSTEAD_OF_HELP)
#define FINISH_BEFORE(r) d_step { RUNS(me) && record[r].done == 1 -> skip }
#elif defined(TWIN_SPIN_INSTEAD_OF_HELP)
#define FINISH_BEFORE(r) do :: d_step { RUNS(me) && record[r].done == 1 -> skip } -> break \
                            :: d_step { RUNS(me) && record[r].done == 0 -> skip } od; skip
#else
#define FINISH_BEFORE(r) finish(r)
#endif
#ifdef TWIN_RETURNED_BEFORE_DONE
#define FINISH_OWN(r) skip
#else
#define FINISH_OWN(r) finish(r)
#endif
#ifdef TWIN_RETIRES_ITS_OWN
#define DISPLACED(r) r
#else
#define DISPLACED(r) newest
#endif

/* commit_run: `verdict` is the outcome of record r. */
inline commit_run(r, verdict)
{
    do
    :: STEP(newest = last);
        FINISH_BEFORE(newest);
        /* Stamp and base of r are plain words that nobody else sees yet. */
        STEP(record[r].stamp = record[newest].stamp + 1;
             record[r].base = record[newest].base + DELTA_OF(record[newest].outcome));
        if
        :: d_step { RUNS(me) && last == newest -> last = r; ghost_append(r, newest) } -> break
        :: d_step { RUNS(me) && last != newest -> newest = 0 }
        fi
    od;
    skip;
    FINISH_OWN(r);
    STEP(verdict = record[r].outcome;
         PROPERTY(returned_before_done, record[r].done == 1);
         PROPERTY(wrong_verdict, verdict == record[r].expected));
    STEP(RETIRE(DISPLACED(r)); newest = 0)
}

/* frontier_stamp: `instant` is the newest instant at which everything is applied. */
inline frontier(instant, scratch)
{
    STEP(scratch = last);
#ifdef TWIN_FRONTIER_WITHOUT_DONE
    STEP(instant = record[scratch].stamp; scratch = 0)
#else
    STEP(instant = record[scratch].stamp - (record[scratch].done -> 0 : 1); scratch = 0)
#endif
}

/* version_at: `slot` is that of the version of a key that is visible at `stamp`, or NONE. */
inline version_at(key, stamp, slot)
{
    STEP(slot = head[key]; MEET(slot));
    do
    :: !IS_NUMBER(slot) -> slot = NONE; break
    :: IS_NUMBER(slot) ->
        if
        :: d_step { RUNS(me) && born[slot] != NEVER && born[slot] <= stamp -> TOUCH(slot) } ->
            /* slot_is_visible loads both stamps again. */
            STEP(if
                 :: born[slot] != NEVER && born[slot] <= stamp
                 :: else -> slot = NONE
                 fi);
            if
            :: slot != NONE ->
                STEP(if
                     :: died[slot] == NEVER || died[slot] > stamp
                     :: else -> slot = NONE
                     fi)
            :: else
            fi;
            break
        :: d_step { RUNS(me) && (born[slot] == NEVER || born[slot] > stamp) ->
            TOUCH(slot);
            slot = prev[slot];
            MEET(slot) }
        fi
    od;
    skip
}
