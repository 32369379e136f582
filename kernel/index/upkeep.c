/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Upkeep: who runs maintenance when, and what a write does when memory waits or is short.
 *
 * Level: index (6).
 */
#include <errno.h>
#include <sched.h>

#include "base/limits.h"
#include "index/internal.h"
#include "sync/rcu.h"

/* How often a refused write looks again before it answers. Bounded, so it does not wait for
   anybody. */
#define RELIEF_TRIES 64
/* Bytes for which writes pause between two slices of a sweep: of what makes a round begin, one part
   in so many for GRAPH_SWEEP_SLOTS swept slots. */
#define SLICES_PER_ROUND 16u

static void note_stall(struct akin_index *index)
{
    (void)atomic_u64_fetch_add_relaxed(&index->maintainer.stalls, 1);
    maintain_log(&index->maintainer, MAINTAIN_EVENT_STALLED, AKIN_LOG_WARNING,
                 "retired memory reached its bound: a reader stalls, or nobody maintains");
}

/* One try at reclaiming without waiting for readers that may be long. */
static void relieve(struct akin_index *index)
{
    struct maintainer *const maintainer = &index->maintainer;
    if (index->options.maintenance == AKIN_MAINTENANCE_WORKER) {
        worker_wake(&index->worker);
    } else if (maintain_claim_from_dead(maintainer)) {
        uint64_t reclaimed = 0;
        maintainer->budget = budget_of(0, GRAPH_SWEEP_SLOTS);
        const bool ended = maintain_round(maintainer, MAINTAIN_IN_PASSING, &reclaimed);
        (void)ended; /* the caller looks at what it came to */
        maintainer->budget = budget_of(0, 0);
        maintain_release(maintainer);
    }
}

static bool may_relieve(const struct akin_index *index)
{
    return index->options.maintenance != AKIN_MAINTENANCE_CALLER && !rcu_is_inside();
}

enum akin_status upkeep_before_write(struct akin_index *index)
{
    const struct memory *const memory = &index->store.memory;
    if (!memory_is_stalled(memory)) {
        return AKIN_OK;
    }
    const int saved_errno = errno;
    contexts_recover(index); /* a dead thread's pin is what holds memory for ever */
    for (int i = 0; i < RELIEF_TRIES && may_relieve(index); i++) {
        relieve(index);
        if (!memory_is_stalled(memory)) {
            errno = saved_errno;
            return AKIN_OK;
        }
        (void)sched_yield();
    }
    errno = saved_errno;
    note_stall(index);
    return AKIN_RECLAIM_STALLED;
}

bool upkeep_make_room(struct akin_index *index)
{
    const struct memory *const memory = &index->store.memory;
    const uint64_t before = atomic_u64_load_relaxed(&memory->retired);
    const int saved_errno = errno;
    for (int i = 0; i < RELIEF_TRIES && before > 0 && may_relieve(index); i++) {
        relieve(index);
        if (atomic_u64_load_relaxed(&memory->retired) < before) {
            break;
        }
        (void)sched_yield();
    }
    errno = saved_errno;
    return atomic_u64_load_relaxed(&memory->retired) < before;
}

void upkeep_after_write(struct akin_index *index)
{
    struct maintainer *const maintainer = &index->maintainer;
    const uint64_t retired = atomic_u64_load_relaxed(&index->store.memory.retired);
    /* Relaxed: a stale bound makes one write try too early or too late. */
    if (retired < atomic_u64_load_relaxed(&maintainer->next_try) &&
        !key_map_wants_growth(&index->store.keys)) {
        return;
    }
    if (index->options.maintenance == AKIN_MAINTENANCE_WORKER) {
        worker_wake(&index->worker);
        return;
    }
    if (!may_relieve(index) || !maintain_claim(maintainer)) {
        return;
    }
    uint64_t reclaimed = 0;
    const uint32_t capacity = maintainer->batch_capacity;
    const uint64_t threshold = maintain_threshold(maintainer);
    maintainer->budget = budget_of(index->options.slice_ns, 0);
    const bool ended = maintain_round(maintainer, MAINTAIN_IN_PASSING, &reclaimed);
    const struct maintain_budget budget = maintainer->budget;
    const uint64_t left = atomic_u64_load_relaxed(&index->store.memory.retired);
    maintainer->budget = budget_of(0, 0);
    uint64_t pause = threshold; /* when there is enough again */
    if (budget.is_over || maintainer->sweep.step != SWEEP_IDLE) {
        /* Soon, the sooner the less was done: what is under way holds memory. */
        pause = threshold / SLICES_PER_ROUND * budget.used / GRAPH_SWEEP_SLOTS;
    } else if (!ended) {
        pause = threshold / 4; /* a reader stalls */
    }
    /* After a full batch the next write goes on at once. */
    const bool more = ended && reclaimed >= capacity;
    atomic_u64_store_relaxed(&maintainer->next_try, more ? threshold : left + pause);
    maintain_release(maintainer);
}

/* Rounds until one reclaims nothing; beside writers, who retire without end, as many as what waited
   at the start can need. */
static void drain(struct maintainer *maintainer)
{
    const uint32_t watermark = slots_watermark(&maintainer->store->slots);
    uint64_t rounds_left = 8 + 2 * (uint64_t)(watermark / MAINTAIN_BATCH_SLOTS);
    uint64_t reclaimed;
    bool was_whole;
    do {
        was_whole = maintainer->step == MAINTAIN_GATHER;
        reclaimed = 0;
        const bool ended = maintain_round(maintainer, MAINTAIN_MAY_WAIT, &reclaimed);
        (void)ended; /* when it may wait it ends, unless the budget is over */
    } while (!maintainer->budget.is_over &&
             (!was_whole || reclaimed > 0 || maintainer->moved_count > 0 ||
              maintainer->sweep.step != SWEEP_IDLE) &&
             --rounds_left > 0);
}

/* One round in which chunks of pools are given back. */
static void give_pools(struct maintainer *maintainer)
{
    uint64_t reclaimed = 0;
    maintainer->shrink.wants_pools = true;
    const bool ended = maintain_round(maintainer, MAINTAIN_MAY_WAIT, &reclaimed);
    (void)ended; /* it always ends when it may wait */
    maintainer->shrink.wants_pools = false;
}

/* What dead threads left, what that set free, and what is too large now. */
static void mend_and_shrink(struct akin_index *index)
{
    struct maintainer *const maintainer = &index->maintainer;
    maintain_recover(maintainer);
    if (index_had_deaths(index)) {
        slots_recount(&index->store.slots);
    }
    drain(maintainer);
    give_pools(maintainer);
    key_map_shrink(&index->store.keys);
    if (maintainer->step == MAINTAIN_GATHER && maintainer->sweep.step == SWEEP_IDLE) {
        maintain_shorten(maintainer);
    }
}

/* Whether the maintainer is in the middle of nothing. */
static bool is_idle(const struct maintainer *maintainer)
{
    return maintainer->step == MAINTAIN_GATHER && maintainer->sweep.step == SWEEP_IDLE;
}

/* Everything. */
static void maintain_fully(struct akin_index *index)
{
    struct maintainer *const maintainer = &index->maintainer;
    maintainer->gives_all = true;
    atomic_u64_store_relaxed(&index->store.keys.refused, 0);
    drain(maintainer);
    if (!maintainer->budget.is_over) {
        maintainer->budget =
            (struct maintain_budget){.slots_left = UINT64_MAX, .used = maintainer->budget.used};
        mend_and_shrink(index);
    }
    maintainer->gives_all = false;
}

/* One round, with the sweep that belongs to it. */
static void maintain_once(struct maintainer *maintainer)
{
    uint64_t reclaimed = 0;
    bool ended = maintain_round(maintainer, MAINTAIN_MAY_WAIT, &reclaimed);
    if (maintainer->sweep.step == SWEEP_DONE && !maintainer->budget.is_over) {
        /* What was swept is free after one more grace period. */
        ended = maintain_round(maintainer, MAINTAIN_MAY_WAIT, &reclaimed);
    }
    (void)ended; /* the step says how far it came */
}

static enum akin_status maintain(struct akin_index *index, enum akin_maintain_mode mode,
                                 struct akin_maintain_budget *budget)
{
    struct maintainer *const maintainer = &index->maintainer;
    if (mode == AKIN_MAINTAIN_DRAIN) {
        contexts_recover(index);
        maintain_claim_surely(maintainer);
    } else if (!maintain_claim_from_dead(maintainer)) {
        return AKIN_BUSY;
    }
    maintainer->budget =
        budget != NULL ? budget_of(budget->time_ns, budget->slots) : budget_of(0, 0);
    maintainer->is_thorough = true;
    if (mode == AKIN_MAINTAIN_DRAIN) {
        maintain_fully(index);
    } else {
        maintain_once(maintainer);
    }
    maintainer->is_thorough = false;
    if (budget != NULL) {
        budget->used_slots = maintainer->budget.used;
        budget->is_done = !maintainer->budget.is_over && is_idle(maintainer) ? 1 : 0;
    }
    maintainer->budget = budget_of(0, 0);
    atomic_u64_store_relaxed(&maintainer->next_try, maintain_threshold(maintainer));
    maintain_release(maintainer);
    return AKIN_OK;
}

void upkeep_alone(struct akin_index *index)
{
    struct maintainer *const maintainer = &index->maintainer;
    const uint64_t retired = atomic_u64_load_relaxed(&index->store.memory.retired);
    if ((retired >= maintain_threshold(maintainer) || key_map_wants_growth(&index->store.keys)) &&
        maintain_claim(maintainer)) {
        uint64_t reclaimed = 0;
        const bool ended = maintain_round(maintainer, MAINTAIN_MAY_WAIT, &reclaimed);
        (void)ended; /* it always ends when it may wait */
        maintain_release(maintainer);
    }
}

enum akin_status akin_maintain(akin_index *index, enum akin_maintain_mode mode,
                               struct akin_maintain_budget *budget, struct akin_error *error)
{
    if (index == NULL) {
        return error_field(error, AKIN_BAD_ARGUMENT, "index", "is NULL");
    }
    if (mode != AKIN_MAINTAIN_ROUND && mode != AKIN_MAINTAIN_DRAIN) {
        return error_range(error, AKIN_BAD_ARGUMENT, "mode", (double)mode, AKIN_MAINTAIN_ROUND,
                           AKIN_MAINTAIN_DRAIN);
    }
    if (budget != NULL && budget->struct_size != sizeof *budget) {
        return error_range(error, AKIN_BAD_STRUCT_SIZE, "budget.struct_size",
                           (double)budget->struct_size, (double)sizeof *budget,
                           (double)sizeof *budget);
    }
    if (rcu_is_inside()) {
        return error_plain(error, AKIN_IN_CALLBACK);
    }
    const int saved_errno = errno;
    struct call call;
    enum akin_status status = call_begin(index, NULL, false, &call);
    if (status == AKIN_OK) {
        status = maintain(index, mode, budget);
        call_end(&call);
    }
    errno = saved_errno;
    return status == AKIN_OK ? AKIN_OK : error_plain(error, status);
}

static enum akin_status control_worker(struct akin_index *index, enum akin_worker_action action)
{
    switch (action) {
    case AKIN_WORKER_START:
        return worker_resume(&index->worker) ? AKIN_OK : AKIN_THREAD_FAILED;
    case AKIN_WORKER_PAUSE:
        worker_pause(&index->worker);
        return AKIN_OK;
    case AKIN_WORKER_DRAIN:
        break;
    }
    return maintain(index, AKIN_MAINTAIN_DRAIN, NULL);
}

enum akin_status akin_worker(akin_index *index, enum akin_worker_action action,
                             struct akin_error *error)
{
    if (index == NULL) {
        return error_field(error, AKIN_BAD_ARGUMENT, "index", "is NULL");
    }
    if (action < AKIN_WORKER_START || action > AKIN_WORKER_DRAIN) {
        return error_range(error, AKIN_BAD_ARGUMENT, "action", (double)action, AKIN_WORKER_START,
                           AKIN_WORKER_DRAIN);
    }
    if (index->options.maintenance != AKIN_MAINTENANCE_WORKER) {
        return error_range(error, AKIN_BAD_ARGUMENT, "options.maintenance",
                           (double)index->options.maintenance, AKIN_MAINTENANCE_WORKER,
                           AKIN_MAINTENANCE_WORKER);
    }
    if (rcu_is_inside()) {
        return error_plain(error, AKIN_IN_CALLBACK);
    }
    const int saved_errno = errno;
    struct call call;
    enum akin_status status = call_begin(index, NULL, false, &call);
    if (status == AKIN_OK) {
        status = control_worker(index, action);
        call_end(&call);
    }
    errno = saved_errno;
    return status == AKIN_OK ? AKIN_OK : error_plain(error, status);
}

enum akin_status akin_stats_get(akin_index *index, struct akin_stats *stats,
                                struct akin_error *error)
{
    if (index == NULL || stats == NULL) {
        return error_field(error, AKIN_BAD_ARGUMENT, index == NULL ? "index" : "stats", "is NULL");
    }
    if (stats->struct_size < sizeof *stats) {
        return error_range(error, AKIN_BAD_STRUCT_SIZE, "stats.struct_size",
                           (double)stats->struct_size, (double)sizeof *stats,
                           (double)sizeof *stats);
    }
    const struct store *const store = &index->store;
    const struct maintainer *const maintainer = &index->maintainer;
    struct call call;
    const enum akin_status status = call_begin(index, NULL, false, &call);
    if (status != AKIN_OK) {
        return error_plain(error, status);
    }
    const struct readers_report readers = readers_describe(&store->readers);
    struct akin_stats report = {.struct_size = stats->struct_size};
    rcu_enter();
    report.count = frontier_count(store);
    report.commits = frontier_stamp(store);
    report.slots = slots_watermark(&store->slots);
    report.slots_dead = store_dead_slots(store, (uint32_t)report.slots);
    rcu_leave();
    report.slots_free = atomic_u64_load_relaxed(&store->slots.free_count);
    report.slots_absent = slots_absent(&store->slots);
    report.payload_live_bytes = atomic_u64_load_relaxed(&store->payload.live);
    report.maintenance_rounds = atomic_u64_load_relaxed(&maintainer->rounds);
    report.grace_periods = atomic_u64_load_relaxed(&maintainer->grace_periods);
    report.slots_unlinking = atomic_u64_load_relaxed(&maintainer->unlinking);
    report.slots_recycled = atomic_u64_load_relaxed(&maintainer->recycled);
    report.graph_sweeps = atomic_u64_load_relaxed(&maintainer->sweep.sweeps);
    report.graph_pruned = atomic_u64_load_relaxed(&maintainer->sweep.pruned);
    report.graph_filled = atomic_u64_load_relaxed(&maintainer->sweep.filled);
    report.graph_adopted = atomic_u64_load_relaxed(&maintainer->sweep.adopted);
    report.orphans = atomic_u64_load_relaxed(&maintainer->orphans);
    report.reclaim_stalls = atomic_u64_load_relaxed(&maintainer->stalls);
    report.readers_active = readers.active;
    report.reader_oldest_ns = readers.oldest_ns;
    report.allocations = atomic_u64_load_relaxed(&store->memory.allocations);
    memory_report(&store->memory, &report.memory);
    *stats = report;
    call_end(&call);
    return AKIN_OK;
}
