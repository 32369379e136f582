/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking dead slots out of the graph, a batch at a time.
 *
 * Level   : maintain (5).
 * Promises: when a sweep is done no list below the watermark leads to a slot of the batch, at no
 *           level, nor does the entry, and everything that was anchored below one of them is
 *           anchored elsewhere. Lists that lost neighbors are filled again from the lists of what
 *           they lost. It goes in pieces, so that nobody has to do all of it in one call.
 * Protocol: docs/graph.md section 4. The slots of the batch are UNLINKING; a grace period lies
 *           between that and sweep_begin, and another one between the end of the sweep and their
 *           reuse.
 * Source  : the rule of filling is that of Singh et al., "FreshDiskANN", 2021.
 */
#ifndef AKIN_MAINTAIN_SWEEP_H
#define AKIN_MAINTAIN_SWEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "akin/status.h"
#include "base/attributes.h"
#include "graph/graph.h"
#include "maintain/budget.h"
#include "search/metric.h"
#include "search/trail.h"

enum sweep_step {
    SWEEP_IDLE = 0,   /* no batch */
    SWEEP_MARKED = 1, /* the batch is UNLINKING; waits for a grace period */
    SWEEP_GOING = 2,  /* after it */
    SWEEP_DONE = 3    /* nothing leads to the batch any more; waits for a grace period */
};

/* Belongs to the maintainer. */
struct sweep {
    struct graph *graph; /* NULL for a flat index, which has no sweeps */
    const struct metric *metric;
    struct memory *memory;
    enum sweep_step step;
    uint64_t *members; /* one bit a slot: it is of the batch */
    uint32_t member_slots;
    uint32_t *stack; /* room for the batch */
    uint32_t stack_capacity;
    uint32_t watermark; /* lists below it are looked at */
    uint32_t cursor;
    uint64_t entry; /* the highest that was met, as an entry word */
    struct trail trail;
    /* Sums, for statistics. */
    struct atomic_u64 sweeps;
    struct atomic_u64 pruned;  /* references to dead slots taken out */
    struct atomic_u64 filled;  /* lists that were filled again */
    struct atomic_u64 adopted; /* anchors put elsewhere */
};

/* Threads: SETUP. */
void sweep_init(struct sweep *sweep, struct graph *graph, const struct metric *metric,
                struct memory *memory);
void sweep_end(struct sweep *sweep);

/*
 * Note the batch, whose slots are UNLINKING: IDLE before, MARKED after.
 *
 * Status : AKIN_OK; AKIN_NO_MEMORY, AKIN_OVER_BUDGET: nothing is noted.
 * Threads: the maintainer.
 */
MUST_CHECK enum akin_status sweep_mark(struct sweep *sweep, const uint32_t *batch, uint32_t count);

/* Begin, a grace period after sweep_mark. Threads: the maintainer. */
void sweep_begin(struct sweep *sweep);

/* Go on with up to so many slots; DONE when that was all. Without memory it stops where it is.
   Threads: the maintainer, outside any read section; enters many short ones. */
void sweep_go(struct sweep *sweep, struct maintain_budget *budget);

/* The batch is free, or given up: IDLE again. Threads: the maintainer. */
void sweep_forget(struct sweep *sweep);

#endif
