/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A round of maintenance.
 *
 * Level: maintain (5). The steps are in maintain.h, their safety argument in docs/CONCURRENCY.md
 *        section 5.
 */
#include "maintain/maintain.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "base/invariant.h"
#include "maintain/unlink.h"
#include "sync/clock.h"
#include "sync/rcu.h"
#include "sync/thread.h"

/* Slots handled in one read section of the maintainer. */
#define SLOTS_PER_SECTION 128u
#define LOG_INTERVAL_NS   1000000000ull

void maintain_init(struct maintainer *maintainer, struct store *store,
                   const struct akin_logger *logger, enum akin_maintenance mode)
{
    memset(maintainer, 0, sizeof *maintainer);
    maintainer->store = store;
    maintainer->batch = maintainer->first_batch;
    maintainer->batch_capacity = MAINTAIN_BATCH_SLOTS;
    shrink_init(&maintainer->shrink, store);
    maintainer->logger = *logger;
    maintainer->mode = mode;
    maintainer->dead_fraction = GRAPH_DEAD_FRACTION;
    maintainer->budget = budget_of(0, 0);
    atomic_u64_store_relaxed(&maintainer->next_try, maintain_threshold(maintainer));
}

void maintain_set_graph(struct maintainer *maintainer, struct graph *graph,
                        const struct metric *metric)
{
    maintainer->shrink.graph = graph;
    sweep_init(&maintainer->sweep, graph, metric, &maintainer->store->memory);
}

static uint64_t office_of_this_thread(void)
{
    return process_generation() << 32 | thread_number();
}

/* Whether the holder of the office will never come back: its thread ended, or stayed in the parent
   of a fork. */
static bool is_vacant(uint64_t holder)
{
    return holder >> 32 != (process_generation() & 0xffffffffu) || thread_is_dead((uint32_t)holder);
}

static bool enter_office(struct maintainer *maintainer, uint64_t from)
{
    int cancel_state = 0;
    /* Grace periods, table growth and a logger have cancellation points. */
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    /* SYNC(maintain.busy): acquires what the last maintainer left. */
    if (!atomic_u64_cas(&maintainer->busy, from, office_of_this_thread())) {
        (void)pthread_setcancelstate(cancel_state, &cancel_state);
        return false;
    }
    maintainer->cancel_state = cancel_state;
    return true;
}

bool maintain_claim(struct maintainer *maintainer)
{
    return atomic_u64_load_relaxed(&maintainer->busy) == 0 && enter_office(maintainer, 0);
}

/* Begin anew where a dead maintainer may have been anywhere: slots in UNLINKING are found again by
   their hint bits; what it held of graveyards and moved payloads stays lost until the end. */
static void take_over(struct maintainer *maintainer)
{
    maintainer->step = MAINTAIN_GATHER;
    maintainer->batch_is_begun = false;
    maintainer->batch_count = 0;
    maintainer->batch_freed = 0;
    maintainer->budget = budget_of(0, 0);
    maintainer->dead_commits = NULL;
    maintainer->dead_keys = NULL;
    maintainer->dead_blocks = (struct blocks_dead){{NULL}};
    maintainer->payload_marked = false;
    maintainer->moved_count = 0;
    maintainer->moved_old_count = 0;
    sweep_forget(&maintainer->sweep);
    (void)atomic_u64_fetch_add_relaxed(&maintainer->takeovers, 1);
    maintain_log(maintainer, MAINTAIN_EVENT_TAKEOVER, AKIN_LOG_WARNING,
                 "a thread died while it maintained; its round begins anew");
}

bool maintain_claim_from_dead(struct maintainer *maintainer)
{
    const uint64_t holder = atomic_u64_load_relaxed(&maintainer->busy);
    if (holder == 0) {
        return enter_office(maintainer, 0);
    }
    if (!is_vacant(holder) || !enter_office(maintainer, holder)) {
        return false;
    }
    take_over(maintainer);
    return true;
}

void maintain_claim_surely(struct maintainer *maintainer)
{
    while (!maintain_claim_from_dead(maintainer)) {
        (void)sched_yield();
    }
}

void maintain_release(struct maintainer *maintainer)
{
    int cancel_state = maintainer->cancel_state;
    /* SYNC(maintain.busy): pairs with the compare-and-swap in enter_office. */
    atomic_u64_store_release(&maintainer->busy, 0);
    (void)pthread_setcancelstate(cancel_state, &cancel_state);
}

void maintain_log(struct maintainer *maintainer, enum maintain_event event,
                  enum akin_log_level level, const char *message)
{
    struct atomic_u64 *const logged = &maintainer->logged_ns[event];
    const uint64_t now = clock_coarse_ns();
    const uint64_t last = atomic_u64_load_relaxed(logged);
    if (maintainer->logger.log == NULL || (last != 0 && now - last < LOG_INTERVAL_NS) ||
        !atomic_u64_cas(logged, last, now)) {
        return; /* nobody listens, or somebody has just said it */
    }
    const int saved_errno = errno;
    maintainer->logger.log(maintainer->logger.context, level, message);
    errno = saved_errno;
}

void maintain_settle(struct store *store)
{
    rcu_enter();
    commit_settle(store);
    rcu_leave();
}

void maintain_wait(struct maintainer *maintainer)
{
    rcu_wait();
    (void)atomic_u64_fetch_add_relaxed(&maintainer->grace_periods, 1);
}

uint64_t maintain_threshold(const struct maintainer *maintainer)
{
    const struct memory *const memory = &maintainer->store->memory;
    const uint64_t share = atomic_u64_load_relaxed(&memory->total) / 16;
    const uint64_t least = share > 256 * 1024 ? share : 256 * 1024;
    const uint64_t most = memory->retired_bytes_max / 8;
    return least < most ? least : most;
}

bool maintain_has_work(const struct maintainer *maintainer)
{
    return maintainer->step != MAINTAIN_GATHER ||
           atomic_u64_load_relaxed(&maintainer->store->memory.retired) > 0 ||
           key_map_wants_growth(&maintainer->store->keys);
}

/* How much memory a round gives back. */
static enum shrink_extent extent_of(const struct maintainer *maintainer,
                                    enum maintain_patience patience)
{
    if (maintainer->gives_all) {
        return SHRINK_WHOLLY;
    }
    return patience == MAINTAIN_MAY_WAIT ? SHRINK_AT_LEISURE : SHRINK_IN_PASSING;
}

static void gather(struct maintainer *maintainer)
{
    struct store *const store = maintainer->store;
    shrink_begin(&maintainer->shrink);
    maintainer->retired = atomic_u64_load_relaxed(&store->memory.retired);
    maintainer->dead_commits = pool_collect(&store->commit_records);
    maintainer->dead_keys = pool_collect(&store->key_records);
    if (maintainer->sweep.graph != NULL) {
        blocks_collect(&maintainer->sweep.graph->blocks, &maintainer->dead_blocks);
    }
    maintainer->payload_marked = payload_mark(&store->payload);
    maintainer->moved_old_count = maintainer->moved_count;
    rcu_enter();
    maintainer->frontier = frontier_stamp(store);
    rcu_leave();
    maintainer->step = MAINTAIN_UNLINK;
}

/* What the graveyards held, and what was moved, when the round began: a grace period is over
   since. */
static uint64_t recycle_objects(struct maintainer *maintainer)
{
    struct store *const store = maintainer->store;
    uint64_t count = pool_recycle(&store->commit_records, maintainer->dead_commits);
    count += pool_recycle(&store->key_records, maintainer->dead_keys);
    if (maintainer->sweep.graph != NULL) {
        count += blocks_recycle(&maintainer->sweep.graph->blocks, &maintainer->dead_blocks);
    }
    count += evacuate_release(maintainer);
    maintainer->dead_commits = NULL;
    maintainer->dead_keys = NULL;
    if (maintainer->payload_marked) {
        payload_sweep(&store->payload);
    }
    return count;
}

/*
 * Whether a slot may be recycled at this horizon. If so it is UNLINKING on return.
 *
 * An abandoned slot was never visible and is in no chain; a dead one must have died at or before
 * the horizon, so that neither a pin nor a reader inside can see it. A slot that is UNLINKING
 * already was left by a round that could not finish it.
 */
static bool take_dead(struct store *store, uint32_t slot, uint64_t horizon)
{
    struct slot_chunk *const chunk = slot_chunk_of(&store->slots, slot);
    const uint32_t offset = slot & store->slots.chunk_mask;
    const uint64_t died = atomic_u64_load_relaxed(&chunk->died[offset]);
    switch (slot_state_of(slot_state_acquire(chunk, offset))) {
    case SLOT_ABANDONED:
        return slot_advance(chunk, offset, SLOT_ABANDONED, SLOT_UNLINKING);
    case SLOT_LINKED:
    case SLOT_ANCHORED:
        return died != STAMP_NEVER && died <= horizon &&
               slot_advance(chunk, offset, slot_state_of(slot_state_acquire(chunk, offset)),
                            SLOT_UNLINKING);
    case SLOT_UNLINKING:
        return true;
    case SLOT_PENDING:
    case SLOT_FREE:
        break;
    }
    return false;
}

/* Fill the batch from the hint bits, from the chunk at the cursor on; at most once round. */
static void find_dead(struct maintainer *maintainer, uint64_t horizon)
{
    struct store *const store = maintainer->store;
    const uint32_t chunks = slots_chunk_count(&store->slots, slots_watermark(&store->slots));
    for (uint32_t seen = 0; seen < chunks; seen++) {
        if (maintainer->cursor_chunk >= chunks) {
            maintainer->cursor_chunk = 0;
        }
        const uint32_t index = maintainer->cursor_chunk;
        const struct slot_chunk *const chunk = slots_chunk(&store->slots, index);
        maintainer->cursor_chunk = index + 1;
        if (chunk == NULL) {
            continue;
        }
        struct bitmap_cursor cursor = bitmap_walk(chunk->dead);
        uint32_t offset;
        while (bitmap_next(chunk->dead, &cursor, &offset)) {
            if (maintainer->batch_count == maintainer->batch_capacity) {
                maintainer->cursor_chunk = index; /* again next time */
                return;
            }
            const uint32_t slot = (index << store->slots.chunk_shift) + offset;
            if (take_dead(store, slot, horizon)) {
                maintainer->batch[maintainer->batch_count++] = slot;
            }
        }
    }
}

/* Cut one slot of the batch out of everything that leads to it; false when it has to wait. */
static bool unlink_slot(struct store *store, uint32_t slot, uint64_t horizon)
{
    struct slot_chunk *const chunk = slot_chunk_of(&store->slots, slot);
    const uint32_t offset = slot & store->slots.chunk_mask;
    const bool was_visible = atomic_u64_load_relaxed(&chunk->died[offset]) != STAMP_NEVER;
    if (was_visible && !unlink_version(store, slot, horizon)) {
        const bool returned = slot_advance(chunk, offset, SLOT_UNLINKING, SLOT_LINKED);
        ENSURE(returned);
        (void)returned;
        return false;
    }
    return true;
}

/* Cut the slots of the batch out of their chains; false when the budget was over before the end. */
static bool unlink_batch(struct maintainer *maintainer)
{
    struct store *const store = maintainer->store;
    bool goes_on = true;
    while (maintainer->batch_unlinked < maintainer->batch_count && goes_on) {
        rcu_enter();
        for (uint32_t i = 0; i < SLOTS_PER_SECTION && goes_on; i++) {
            if (maintainer->batch_unlinked == maintainer->batch_count) {
                break;
            }
            const uint32_t slot = maintainer->batch[maintainer->batch_unlinked++];
            if (unlink_slot(store, slot, maintainer->horizon)) {
                maintainer->batch[maintainer->batch_kept++] = slot;
            }
            goes_on = budget_spend(&maintainer->budget, 1);
        }
        rcu_leave();
    }
    return maintainer->batch_unlinked == maintainer->batch_count;
}

static void free_slot(struct store *store, uint32_t slot)
{
    struct slot_chunk *const chunk = slot_chunk_of(&store->slots, slot);
    const uint32_t offset = slot & store->slots.chunk_mask;
    const uint64_t bytes = store_slot_bytes(store, slot);
    struct payload_block *const block = atomic_ptr_load_acquire(&chunk->payload[offset]);
    if (block != NULL) {
        /* Relaxed: the state word publishes it to the next owner. */
        atomic_ptr_store_relaxed(&chunk->payload[offset], NULL);
        payload_release(&store->payload, block);
    }
    atomic_u64_store_relaxed(&chunk->died[offset], STAMP_NEVER);
    slot_free(&store->slots, slot, SLOT_UNLINKING);
    memory_reclaim(&store->memory, bytes);
}

static void give_batch(struct maintainer *maintainer)
{
    if (maintainer->batch != maintainer->first_batch) {
        memory_give(&maintainer->store->memory, MEMORY_OTHER, maintainer->batch,
                    maintainer->batch_capacity * sizeof maintainer->batch[0], CACHE_LINE_BYTES);
    }
}

void maintain_shorten(struct maintainer *maintainer)
{
    give_batch(maintainer);
    maintainer->batch_count = 0; /* what is in it is UNLINKING and found again */
    maintainer->batch = maintainer->first_batch;
    maintainer->batch_capacity = MAINTAIN_BATCH_SLOTS;
}

void maintain_end(struct maintainer *maintainer)
{
    sweep_forget(&maintainer->sweep);
    shrink_end(&maintainer->shrink);
    maintain_shorten(maintainer);
}

/* The list was full, and is empty now: a longer one for the next round, if there is memory. */
static void grow_batch(struct maintainer *maintainer)
{
    void *larger = NULL;
    const uint32_t capacity = 2 * maintainer->batch_capacity;
    if (capacity <= MAINTAIN_BATCH_SLOTS_MAX &&
        memory_take_raw(&maintainer->store->memory, MEMORY_OTHER,
                        capacity * sizeof maintainer->batch[0], CACHE_LINE_BYTES,
                        &larger) == AKIN_OK) {
        give_batch(maintainer);
        maintainer->batch = larger;
        maintainer->batch_capacity = capacity;
    }
}

/* For schedule builds: nothing leads to a slot from here on; its handles become another's. */
static void mark_lists(const struct maintainer *maintainer, uint32_t slot, enum sched_step mark)
{
    const struct graph *const graph = maintainer->sweep.graph;
    if (directory_find(&graph->chunks, slot >> graph->slots->chunk_shift) != NULL) {
        sched_point(mark, graph_base(graph, slot));
    }
}

/* Give the lists of a slot to the graveyard; nothing leads to them any more. */
static void drop_lists(const struct maintainer *maintainer, uint32_t slot)
{
    mark_lists(maintainer, slot, SCHED_REUSED);
    rcu_enter();
    graph_drop(maintainer->sweep.graph, slot);
    rcu_leave();
}

/* Free the batch, after the last grace period; false when the budget was over before the end. */
static bool free_batch(struct maintainer *maintainer, uint64_t *reclaimed)
{
    const uint32_t count = maintainer->batch_count;
    bool goes_on = true;
    while (maintainer->batch_freed < count && goes_on) {
        const uint32_t slot = maintainer->batch[maintainer->batch_freed];
        if (maintainer->sweep.graph != NULL) {
            drop_lists(maintainer, slot);
        }
        free_slot(maintainer->store, slot);
        maintainer->batch_freed++;
        (*reclaimed)++;
        (void)atomic_u64_fetch_add_relaxed(&maintainer->recycled, 1);
        goes_on = budget_spend(&maintainer->budget, 1);
    }
    atomic_u64_store_relaxed(&maintainer->unlinking, count - maintainer->batch_freed);
    if (maintainer->batch_freed < count) {
        return false;
    }
    sweep_forget(&maintainer->sweep);
    maintainer->batch_count = 0;
    maintainer->batch_freed = 0;
    if (count == maintainer->batch_capacity) {
        grow_batch(maintainer);
    }
    return true;
}

/* Whether this round begins with another batch. Sweeping a graph costs a look at every list, so a
   few dead slots are left for later. */
static bool wants_batch(const struct maintainer *maintainer)
{
    const struct store *const store = maintainer->store;
    if (maintainer->sweep.graph == NULL || maintainer->is_thorough ||
        memory_is_stalled(&store->memory)) {
        return true;
    }
    const uint32_t watermark = slots_watermark(&store->slots);
    rcu_enter();
    const uint64_t dead = store_dead_slots(store, watermark);
    rcu_leave();
    return dead > 0 && (double)dead >= (double)maintainer->dead_fraction * watermark;
}

/* Begin with a batch: out of the chains of their keys, and for a graph noted for the sweep. False
   when the budget was over before the end. */
static bool take_batch(struct maintainer *maintainer)
{
    if (!maintainer->batch_is_begun) {
        find_dead(maintainer, maintainer->horizon);
        maintainer->batch_unlinked = 0;
        maintainer->batch_kept = 0;
        maintainer->batch_is_begun = true;
    }
    if (!unlink_batch(maintainer)) {
        return false;
    }
    maintainer->batch_count = maintainer->batch_kept;
    maintainer->batch_is_begun = false;
    /* Before the slots are free, as in after_first: a commit that replaced one of them and was left
       unfinished would stamp whatever is in the slot then as dead. Commits appended from here on
       cannot come to these slots, and who helps with earlier ones is waited for. */
    maintain_settle(maintainer->store);
    if (maintainer->sweep.graph != NULL && maintainer->batch_count > 0 &&
        sweep_mark(&maintainer->sweep, maintainer->batch, maintainer->batch_count) != AKIN_OK) {
        maintainer->batch_count = 0; /* they are UNLINKING and found again */
    }
    atomic_u64_store_relaxed(&maintainer->unlinking, maintainer->batch_count);
    return true;
}

/* Right after grace period A. */
static uint64_t after_first(struct maintainer *maintainer)
{
    const uint64_t pinned = readers_oldest_pin(&maintainer->store->readers);
    maintainer->horizon = pinned < maintainer->frontier ? pinned : maintainer->frontier;
    /* Who could still commit to a key record of the graveyard was waited for. One that died may
       have left its commit unfinished: finished now, it finds the record out of use. Finished when
       the record is another key's, it would commit to that one. */
    maintain_settle(maintainer->store);
    return recycle_objects(maintainer);
}

/* Between the grace periods: free what was swept before A, and take what is dead. False when the
   budget was over before the end. */
static bool take_dead_slots(struct maintainer *maintainer, enum maintain_patience patience,
                            uint64_t *reclaimed)
{
    if (maintainer->sweep.step == SWEEP_DONE && !free_batch(maintainer, reclaimed)) {
        return false;
    }
    if (maintainer->sweep.step == SWEEP_IDLE &&
        (maintainer->batch_is_begun || wants_batch(maintainer)) && !take_batch(maintainer)) {
        return false;
    }
    shrink_take(&maintainer->shrink, extent_of(maintainer, patience));
    return true;
}

/* Whether so much was retired since the round began that it should end: the lists that a sweep
   replaced wait for the next one's grace period. */
static bool holds_much(const struct maintainer *maintainer)
{
    const struct memory *const memory = &maintainer->store->memory;
    return memory_is_stalled(memory) ||
           atomic_u64_load_relaxed(&memory->retired) >=
               maintainer->retired + maintain_threshold(maintainer) / 2;
}

/* After grace period B: what a flat index unlinked is free; what a graph marked is swept, in this
   round and as many more as it takes. False when the budget was over before the end of a batch, or
   while another budget may go on with the sweep without the grace periods of another round. */
static bool free_or_sweep(struct maintainer *maintainer, uint64_t *reclaimed)
{
    struct sweep *const sweep = &maintainer->sweep;
    if (sweep->graph == NULL) {
        return free_batch(maintainer, reclaimed);
    }
    if (sweep->step == SWEEP_MARKED) {
        sweep_begin(sweep);
    }
    if (sweep->step == SWEEP_GOING) {
        sweep_go(sweep, &maintainer->budget);
        for (uint32_t i = 0; i < maintainer->batch_count && sweep->step == SWEEP_DONE; i++) {
            mark_lists(maintainer, maintainer->batch[i], SCHED_RETIRED);
        }
    }
    return sweep->step != SWEEP_GOING || !maintainer->budget.is_over || holds_much(maintainer);
}

/* Upkeep that is not part of the protocol: table growth, hints, sparse payload chunks. */
static void tidy(struct maintainer *maintainer)
{
    struct store *const store = maintainer->store;
    if (key_map_wants_growth(&store->keys) && key_map_grow(&store->keys) != AKIN_OK) {
        maintain_log(maintainer, MAINTAIN_EVENT_TABLE, AKIN_LOG_WARNING,
                     "the budget does not allow the key table to grow; lookups slow down");
    }
    if (ring_count(&store->slots.hints) < SLOT_FREE_RING_ENTRIES / 2 &&
        atomic_u64_load_relaxed(&store->slots.free_count) > ring_count(&store->slots.hints)) {
        slots_refill_hints(&store->slots, &maintainer->cursor_hint);
    }
    if (payload_is_wasteful(&store->payload)) {
        evacuate_move(maintainer);
    }
}

/* Whether the next grace period may be waited for. */
static bool may_wait(const struct maintainer *maintainer, enum maintain_patience patience)
{
    return patience == MAINTAIN_MAY_WAIT ||
           readers_describe(&maintainer->store->readers).oldest_ns < READER_PATIENCE_NS;
}

bool maintain_round(struct maintainer *maintainer, enum maintain_patience patience,
                    uint64_t *reclaimed)
{
    REQUIRE(!rcu_is_inside());
    if (maintainer->step == MAINTAIN_GATHER) {
        gather(maintainer);
    }
    if (maintainer->step == MAINTAIN_UNLINK) {
        if (!may_wait(maintainer, patience)) {
            return false;
        }
        maintain_wait(maintainer);
        *reclaimed += after_first(maintainer);
        maintainer->step = MAINTAIN_TAKE;
    }
    if (maintainer->step == MAINTAIN_TAKE) {
        if (!take_dead_slots(maintainer, patience, reclaimed)) {
            return false;
        }
        maintainer->step = MAINTAIN_FREE;
    }
    if (maintainer->step == MAINTAIN_FREE) {
        if (!may_wait(maintainer, patience)) {
            return false;
        }
        maintain_wait(maintainer);
        *reclaimed += shrink_give(&maintainer->shrink);
        maintainer->step = MAINTAIN_GIVE;
    }
    if (!free_or_sweep(maintainer, reclaimed)) {
        return false;
    }
    maintainer->step = MAINTAIN_GATHER;
    tidy(maintainer);
    (void)atomic_u64_fetch_add_relaxed(&maintainer->rounds, 1);
    return true;
}
