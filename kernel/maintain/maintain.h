/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Maintenance: who runs it, in which steps, and what it keeps between them.
 *
 * Level   : maintain (5).
 * Promises: one maintainer at a time, elected by one compare-and-swap; nobody waits to be it but
 *           akin_maintain and akin_close. A maintainer is not cancelled, and one that dies all the
 *           same (in a hook of the program's) is replaced. A round has three steps with a grace
 *           period between each two:
 *
 *             gather   take the graveyards; remember the frontier F
 *             -- grace period A --
 *             unlink   recycle what the graveyards held; release payloads that were moved
 *                      horizon H = min(F, pins); take dead slots with died <= H; cut them out of
 *                      their key chains, remove key records whose head is dead; born := never
 *             -- grace period B --
 *             free     died := never, payload released, slot FREE and hinted at
 *
 *           Memory that nothing uses is given back in the same steps: shrink.h.
 *
 *           With a graph the slots of a batch are swept out of it between B and free, in pieces,
 *           which may take several rounds; free is then after the next grace period: sweep.h.
 *
 *           The state between steps lives here, so that an inline maintainer, who must not wait for
 *           a reader that stalls, can stop before a grace period and leave the rest to the next;
 *           and whoever has a budget can stop wherever slots are worked off one by one.
 *           Why two grace periods, and in this order: docs/CONCURRENCY.md section 5.
 */
#ifndef AKIN_MAINTAIN_MAINTAIN_H
#define AKIN_MAINTAIN_MAINTAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "akin/options.h"
#include "akin/status.h"
#include "base/limits.h"
#include "base/attributes.h"
#include "maintain/budget.h"
#include "maintain/shrink.h"
#include "maintain/sweep.h"
#include "store/store.h"
#include "sync/atomic.h"

enum maintain_step {
    MAINTAIN_GATHER = 0, /* a round may begin */
    MAINTAIN_UNLINK = 1, /* grace period A is next */
    MAINTAIN_TAKE = 2,   /* it is over: dead slots are being taken */
    MAINTAIN_FREE = 3,   /* grace period B is next */
    MAINTAIN_GIVE = 4    /* it is over: slots are being freed, or swept */
};

struct maintainer {
    struct store *store;
    struct sweep sweep; /* of the graph, if there is one */
    bool is_thorough;   /* this round takes every dead slot, however few there are */
    bool gives_all;     /* and gives back all memory that is not in use */
    struct shrink shrink;
    struct akin_logger logger;
    enum akin_maintenance mode;
    float dead_fraction; /* of all slots: from there on a graph is swept */
    /* Who is the maintainer: process generation and thread number, 0 for nobody. Everything down to
       the counters belongs to that one. */
    struct atomic_u64 busy CACHE_PAIR_ALIGNED;
    int cancel_state; /* of the maintainer's thread, to be restored */
    enum maintain_step step;
    struct maintain_budget budget;   /* of who holds the office; set before a round */
    uint64_t retired;                /* bytes that waited when the round began */
    uint64_t frontier;               /* F of this round */
    uint64_t horizon;                /* H of this round */
    struct stack_link *dead_commits; /* taken from the graveyards, free after grace period A */
    struct stack_link *dead_keys;
    struct blocks_dead dead_blocks; /* of the graph */
    bool payload_marked;
    bool batch_is_begun;  /* they were found, and are being cut out of their chains */
    uint32_t batch_count; /* slots of this round in state UNLINKING */
    uint32_t
        batch_unlinked;    /* the first of them, looked at; those that were cut out are in front */
    uint32_t batch_kept;   /* so many */
    uint32_t batch_freed;  /* the first of them, free already */
    uint32_t cursor_chunk; /* where the search for dead slots goes on */
    uint32_t cursor_hint;  /* where the refill of hints goes on */
    uint32_t cursor_move;  /* where the search for sparse payloads goes on */
    uint32_t moved_count;  /* payload blocks whose slots refer to a copy now */
    uint32_t moved_old_count; /* the first of them, moved before this round began */
    uint32_t batch_capacity;  /* room in `batch` */
    uint32_t *batch;          /* `first_batch`, or a larger block of the index's memory */
    uint32_t first_batch[MAINTAIN_BATCH_SLOTS];
    struct payload_block *moved[MAINTAIN_BATCH_SLOTS];
    /* Read by anybody, relaxed: they order nothing. */
    struct atomic_u64 rounds CACHE_PAIR_ALIGNED;
    struct atomic_u64 grace_periods;
    struct atomic_u64 unlinking; /* `batch_count` between rounds */
    struct atomic_u64 recycled;  /* slots that were freed */
    struct atomic_u64 orphans;
    struct atomic_u64 stalls;
    struct atomic_u64 takeovers;    /* maintainers that died and were replaced */
    struct atomic_u64 logged_ns[4]; /* when each kind of event was last reported */
    /* Retired bytes at which an inline writer tries to be maintainer again. */
    struct atomic_u64 next_try;
};

/* How a maintainer waits. */
enum maintain_patience {
    MAINTAIN_MAY_WAIT = 1, /* wait for grace periods, however long */
    MAINTAIN_IN_PASSING =
        2 /* not while a reader has been inside for READER_PATIENCE_NS or longer */
};

/* Threads: SETUP. */
void maintain_init(struct maintainer *maintainer, struct store *store,
                   const struct akin_logger *logger, enum akin_maintenance mode);

/* The graph over the store's slots. Threads: SETUP, after maintain_init. */
void maintain_set_graph(struct maintainer *maintainer, struct graph *graph,
                        const struct metric *metric);

/* Give back what it took. Threads: SETUP. */
void maintain_end(struct maintainer *maintainer);

/* Give back the memory of a long list of dead slots. Threads: the maintainer, between rounds. */
void maintain_shorten(struct maintainer *maintainer);

/* Become the maintainer, or not. Until maintain_release the thread is not cancelled. Threads: any;
   wait-free. */
MUST_CHECK bool maintain_claim(struct maintainer *maintainer);

/* The same, in the place of a maintainer that died if need be: a system call when somebody is at
   it. */
MUST_CHECK bool maintain_claim_from_dead(struct maintainer *maintainer);

/* Become the maintainer; waits for the one there is. Threads: any, outside a section. */
void maintain_claim_surely(struct maintainer *maintainer);

/* Stop being it. Threads: the maintainer. */
void maintain_release(struct maintainer *maintainer);

/*
 * Go on with the round as far as patience and maintainer->budget allow; whether it came to its end.
 * A sweep may take several rounds, and a round several budgets.
 *
 * Output : reclaimed: the slots, objects and payloads that became free are added to it.
 * Threads: the maintainer, outside any read section.
 */
bool maintain_round(struct maintainer *maintainer, enum maintain_patience patience,
                    uint64_t *reclaimed);

/* Recover what dead threads left: orphaned slots and key records. Threads: the maintainer, outside;
   waits. */
void maintain_recover(struct maintainer *maintainer);

/*
 * Copy payloads out of sparse chunks, as many as fit the list of this round, and later release the
 * old blocks: evacuate_release returns how many, for those that were moved before the round began.
 * Threads: the maintainer, outside any section; after grace period A.
 */
void evacuate_move(struct maintainer *maintainer);
uint64_t evacuate_release(struct maintainer *maintainer);

/* Whether anything is waiting that a round could reclaim. Threads: the maintainer. */
bool maintain_has_work(const struct maintainer *maintainer);

/* Retired bytes from which a round is worth its cost. Threads: any. */
uint64_t maintain_threshold(const struct maintainer *maintainer);

/* Finish the newest commit, whose thread may have died. Threads: any, outside any section. */
void maintain_settle(struct store *store);

/* One grace period, counted. Threads: the maintainer, outside any section; waits. */
void maintain_wait(struct maintainer *maintainer);

enum maintain_event {
    MAINTAIN_EVENT_STALLED = 0,
    MAINTAIN_EVENT_TABLE = 1,
    MAINTAIN_EVENT_ORPHANS = 2,
    MAINTAIN_EVENT_TAKEOVER = 3
};

/* Tell the logger, at most once a second for each kind. Threads: any; errno is kept. */
void maintain_log(struct maintainer *maintainer, enum maintain_event event,
                  enum akin_log_level level, const char *message);

#endif
