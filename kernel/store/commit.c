/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commit: evaluate, decide, apply; helped by anybody.
 *
 * Level: store (2). docs/CONCURRENCY.md section 3 has the definitions and the safety argument. In
 *        short:
 *
 *   - While the newest record is undecided nobody but its finishers touches a head, so all of them
 *     evaluate the same heads; the compare-and-swap of `outcome` binds the first evaluation.
 *   - Every step of applying is a compare-and-swap from a value that never returns, so it takes
 *     effect once, whoever performs it, however late.
 *   - A record is appended only behind one that is done. So stamps are dense, heads settled, and a
 *     reader that loads `last` sees everything up to it, or up to the one before.
 *   - Records, slots and key records are reused only after a grace period, and every finisher is
 *     inside a read section, so "late" never means "on reused memory".
 */
#include "store/commit.h"

#include "base/invariant.h"
#include "store/store.h"
#include "sync/backoff.h"
#include "sync/rcu.h"

#define OUTCOME_VERDICT_SHIFT 56
#define OUTCOME_INDEX_SHIFT   32
#define OUTCOME_INDEX_MASK    0xffffffull

static uint64_t outcome_pack(enum commit_verdict verdict, uint32_t op_index, int32_t delta)
{
    return (uint64_t)verdict << OUTCOME_VERDICT_SHIFT | (uint64_t)op_index << OUTCOME_INDEX_SHIFT |
           (uint32_t)delta;
}

static enum commit_verdict outcome_verdict(uint64_t outcome)
{
    return (enum commit_verdict)(outcome >> OUTCOME_VERDICT_SHIFT);
}

static uint32_t outcome_index(uint64_t outcome)
{
    return (uint32_t)(outcome >> OUTCOME_INDEX_SHIFT & OUTCOME_INDEX_MASK);
}

static int32_t outcome_delta(uint64_t outcome)
{
    return (int32_t)(uint32_t)outcome;
}

static bool is_live(const struct store *store, uint32_t head)
{
    if (!slot_is_number(head)) {
        return false;
    }
    const struct slot_chunk *const chunk = slot_chunk_of(&store->slots, head);
    /* Relaxed: whoever killed it did so before the record in hand was appended.
       SYNC(slot.stamps) */
    return atomic_u64_load_relaxed(&chunk->died[head & store->slots.chunk_mask]) == STAMP_NEVER;
}

static bool want_holds(const struct store *store, const struct commit_op *op, uint32_t head)
{
    const bool live = is_live(store, head);
    switch (op->want) {
    case WANT_ANY:
        return true;
    case WANT_ABSENT:
        return !live;
    case WANT_PRESENT:
        return live;
    case WANT_EXACTLY: {
        if (!live) {
            return false;
        }
        const struct slot_chunk *const chunk = slot_chunk_of(&store->slots, head);
        return atomic_u64_load_relaxed(&chunk->born[head & store->slots.chunk_mask]) ==
               op->want_version;
    }
    case WANT_REMOVE:
        return head == op->slot && !live;
    }
    return false;
}

/* What the record comes to, with the heads as they are; binds nothing yet. */
static uint64_t evaluate(const struct store *store, struct commit_record *record)
{
    int32_t delta = 0;
    for (uint32_t i = 0; i < record->op_count; i++) {
        struct commit_op *const op = &record->ops[i];
        /* SYNC(key.head): pairs with the compare-and-swaps in apply. */
        const uint32_t head = atomic_u32_load_acquire(&op->record->head);
        if (head == SLOT_GONE) {
            return outcome_pack(COMMIT_GONE, i, 0);
        }
        if (!want_holds(store, op, head)) {
            return outcome_pack(COMMIT_REFUSED, i, 0);
        }
        /* SYNC(commit.old): pairs with the load in apply. The first evaluation's value stays. */
        (void)atomic_u32_cas(&op->old, SLOT_UNSET, head);
        if (op->want != WANT_REMOVE) {
            delta += (op->slot != SLOT_NONE ? 1 : 0) - (is_live(store, head) ? 1 : 0);
        }
    }
    return outcome_pack(COMMIT_DONE, 0, delta);
}

/* Stamp a version dead, unless it is; who does it counts its bytes as retired. */
static void kill_version(struct store *store, uint32_t slot, uint64_t stamp)
{
    struct slot_chunk *const chunk = slot_chunk_of(&store->slots, slot);
    const uint32_t offset = slot & store->slots.chunk_mask;
    /* SYNC(slot.stamps): published by `done`; pairs with slot_is_visible. */
    if (atomic_u64_load_relaxed(&chunk->died[offset]) == STAMP_NEVER &&
        atomic_u64_cas(&chunk->died[offset], STAMP_NEVER, stamp)) {
        memory_retire(&store->memory, store_slot_bytes(store, slot));
        bitmap_set(chunk->dead, offset);
    }
}

static void apply(struct store *store, struct commit_record *record)
{
    for (uint32_t i = 0; i < record->op_count; i++) {
        struct commit_op *const op = &record->ops[i];
        /* SYNC(commit.old): pairs with the compare-and-swap in evaluate. */
        const uint32_t old = atomic_u32_load_acquire(&op->old);
        if (op->want == WANT_REMOVE) {
            /* SYNC(key.head): pairs with the loads of heads. */
            (void)atomic_u32_cas(&op->record->head, old, SLOT_GONE);
            continue;
        }
        if (op->slot != SLOT_NONE) {
            struct slot_chunk *const chunk = slot_chunk_of(&store->slots, op->slot);
            const uint32_t offset = op->slot & store->slots.chunk_mask;
            /* SYNC(slot.prev): pairs with version_at. SYNC(slot.stamps): with slot_is_visible. */
            (void)atomic_u32_cas(&chunk->prev[offset], SLOT_UNSET, old);
            (void)atomic_u64_cas(&chunk->born[offset], STAMP_NEVER, record->stamp);
        }
        if (slot_is_number(old)) {
            kill_version(store, old, record->stamp);
        }
        if (op->slot != SLOT_NONE) {
            /* SYNC(key.head): pairs with the loads of heads. */
            (void)atomic_u32_cas(&op->record->head, old, op->slot);
        }
    }
}

/* Bring a record to its end: decided, applied, done. */
static void finish(struct store *store, struct commit_record *record)
{
    /* SYNC(commit.done): pairs with the store below; every step of the record is visible. */
    if (atomic_u32_load_acquire(&record->done) != 0) {
        return;
    }
    /* SYNC(commit.outcome): pairs with the compare-and-swap below; `old` of every operation is
       visible. */
    if (atomic_u64_load_acquire(&record->outcome) == 0) {
        const uint64_t outcome = evaluate(store, record);
        /* SYNC(commit.outcome): pairs with the loads here and in commit_run. */
        (void)atomic_u64_cas(&record->outcome, 0, outcome);
    }
    if (outcome_verdict(atomic_u64_load_acquire(&record->outcome)) == COMMIT_DONE) {
        apply(store, record);
    }
    /* SYNC(commit.done): pairs with the loads above and in frontier_stamp. */
    atomic_u32_store_release(&record->done, 1);
}

static struct commit_record *last_acquire(const struct store *store)
{
    /* SYNC(commit.last): pairs with the compare-and-swap in commit_run; the record is visible. */
    return atomic_ptr_load_acquire(&store->last);
}

void commit_prepare(struct commit_record *record, struct key_record *key_record,
                    enum commit_want want, uint32_t slot)
{
    record->ops = &record->single;
    record->op_count = 1;
    record->single.record = key_record;
    record->single.want_version = 0;
    record->single.want = want;
    record->single.slot = slot;
    /* Relaxed: the record is not published before it is appended. */
    atomic_u32_store_relaxed(&record->single.old, SLOT_UNSET);
    atomic_u32_store_relaxed(&record->done, 0);
    atomic_u64_store_relaxed(&record->outcome, 0);
}

enum akin_status commit_init(struct store *store)
{
    void *memory = NULL;
    rcu_enter();
    const enum akin_status status = pool_take(&store->commit_records, &memory);
    rcu_leave();
    if (status != AKIN_OK) {
        return status;
    }
    struct commit_record *const record = memory;
    commit_prepare(record, NULL, WANT_ANY, SLOT_NONE);
    record->op_count = 0;
    record->stamp = 1;
    record->base = 0;
    atomic_u64_store_relaxed(&record->outcome, outcome_pack(COMMIT_DONE, 0, 0));
    atomic_u32_store_release(&record->done, 1);
    atomic_ptr_store_release(&store->last, record);
    return AKIN_OK;
}

struct commit_result commit_run(struct store *store, struct commit_record *record)
{
    struct backoff backoff = backoff_start();
    struct commit_record *newest;
    REQUIRE(rcu_is_inside());
    for (;;) {
        newest = last_acquire(store);
        finish(store, newest);
        /* SYNC(commit.outcome): pairs with finish. */
        const uint64_t before = atomic_u64_load_acquire(&newest->outcome);
        record->stamp = newest->stamp + 1;
        record->base = newest->base + outcome_delta(before);
        /* SYNC(commit.last): pairs with last_acquire. A failure means that another record got
           in. */
        if (atomic_ptr_cas(&store->last, newest, record)) {
            break;
        }
        backoff_pause(&backoff);
    }
    const uint64_t stamp = record->stamp;
    finish(store, record);
    const uint64_t outcome = atomic_u64_load_acquire(&record->outcome);
    /* Whoever displaced a record retires it, nobody else. */
    pool_retire(&store->commit_records, newest);
    return (struct commit_result){
        .verdict = outcome_verdict(outcome), .op_index = outcome_index(outcome), .stamp = stamp};
}

void commit_settle(struct store *store)
{
    REQUIRE(rcu_is_inside());
    finish(store, last_acquire(store));
}

uint64_t frontier_stamp(const struct store *store)
{
    REQUIRE(rcu_is_inside());
    const struct commit_record *const newest = last_acquire(store);
    /* SYNC(commit.done): pairs with finish. */
    return atomic_u32_load_acquire(&newest->done) != 0 ? newest->stamp : newest->stamp - 1;
}

uint64_t frontier_count(const struct store *store)
{
    REQUIRE(rcu_is_inside());
    const struct commit_record *const newest = last_acquire(store);
    int64_t count = newest->base;
    if (atomic_u32_load_acquire(&newest->done) != 0) {
        count += outcome_delta(atomic_u64_load_acquire(&newest->outcome));
    }
    INVARIANT(count >= 0);
    return (uint64_t)count;
}

uint32_t version_at(const struct store *store, const struct key_record *record, uint64_t stamp)
{
    /* SYNC(key.head): pairs with apply. */
    uint32_t slot = atomic_u32_load_acquire(&record->head);
    while (slot_is_number(slot)) {
        const struct slot_chunk *const chunk = slot_chunk_of(&store->slots, slot);
        const uint32_t offset = slot & store->slots.chunk_mask;
        if (atomic_u64_load_relaxed(&chunk->born[offset]) - 1 < stamp) {
            return slot_is_visible(chunk, offset, stamp) ? slot : SLOT_NONE;
        }
        /* SYNC(slot.prev): pairs with apply and with the cut of maintenance. */
        slot = atomic_u32_load_acquire(&chunk->prev[offset]);
    }
    return SLOT_NONE;
}
