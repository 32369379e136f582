/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of the commit point: verdicts, stamps, counts, chains, helping.
 *
 * Goal   : every want gets the right verdict in every state of a key, a refusal changes nothing,
 *          stamps are dense, the count is exact, old stamps read old versions.
 * Method : records prepared by hand, on one thread. A committer that stopped in the middle is a
 *          record that was appended and not finished: the next one has to bring it to its end.
 */
#include <stdlib.h>
#include <string.h>

#include "store/commit.h"
#include "support/store_fixture.h"
#include "sync/rcu.h"

/* ---- the hands ---- */

static struct commit_record *take_record(struct store *store)
{
    void *memory = NULL;
    assert_status(AKIN_OK, pool_take(&store->commit_records, &memory));
    return memory;
}

/* A key record in the map, without a version. */
static struct key_record *make_key(struct store *store, uint64_t key)
{
    void *memory = NULL;
    rcu_enter();
    assert_status(AKIN_OK, pool_take(&store->key_records, &memory));
    struct key_record *const record = memory;
    record->key = key;
    atomic_u32_store_relaxed(&record->head, SLOT_NONE);
    assert_ptr_equal(key_map_add(&store->keys, record), record);
    rcu_leave();
    return record;
}

/* A slot that is ready to be committed. */
static uint32_t make_slot(struct store *store, uint64_t key)
{
    uint32_t slot = SLOT_NONE;
    assert_status(AKIN_OK, slot_claim(&store->slots, &slot));
    slot_chunk_of(&store->slots, slot)->key[slot & store->slots.chunk_mask] = key;
    slot_link(&store->slots, slot);
    return slot;
}

/* Commit one operation; a new slot that was refused is abandoned, as a writer does. */
static struct commit_result commit_one(struct store *store, struct key_record *record,
                                       enum commit_want want, uint64_t want_version, uint32_t slot)
{
    rcu_enter();
    struct commit_record *const commit = take_record(store);
    commit_prepare(commit, record, want, slot);
    commit->single.want_version = want_version;
    const struct commit_result result = commit_run(store, commit);
    if (result.verdict != COMMIT_DONE && want != WANT_REMOVE && slot != SLOT_NONE) {
        store_abandon(store, slot);
    }
    rcu_leave();
    return result;
}

static uint64_t put(struct store *store, struct key_record *record)
{
    rcu_enter();
    const uint32_t slot = make_slot(store, record->key);
    rcu_leave();
    const struct commit_result result = commit_one(store, record, WANT_ANY, 0, slot);
    assert_int_equal(result.verdict, COMMIT_DONE);
    return result.stamp;
}

static uint64_t drop(struct store *store, struct key_record *record)
{
    const struct commit_result result = commit_one(store, record, WANT_PRESENT, 0, SLOT_NONE);
    assert_int_equal(result.verdict, COMMIT_DONE);
    return result.stamp;
}

static uint32_t head_of(const struct key_record *record)
{
    return atomic_u32_load_acquire(&record->head);
}

static uint64_t born(const struct store *store, uint32_t slot)
{
    return atomic_u64_load_relaxed(
        &slot_chunk_of(&store->slots, slot)->born[slot & store->slots.chunk_mask]);
}

static uint64_t died(const struct store *store, uint32_t slot)
{
    return atomic_u64_load_relaxed(
        &slot_chunk_of(&store->slots, slot)->died[slot & store->slots.chunk_mask]);
}

static uint32_t prev(const struct store *store, uint32_t slot)
{
    return atomic_u32_load_relaxed(
        &slot_chunk_of(&store->slots, slot)->prev[slot & store->slots.chunk_mask]);
}

/* ---- verdicts ---- */

enum key_state { KEY_EMPTY, KEY_LIVE, KEY_DEAD, KEY_GONE, KEY_STATES };

/* A key in a state; the stamp at which its head was born, 0 without one. */
static struct key_record *make_key_in(struct store *store, enum key_state in, uint64_t key,
                                      uint64_t *version)
{
    struct key_record *const record = make_key(store, key);
    *version = 0;
    if (in == KEY_EMPTY) {
        return record;
    }
    *version = put(store, record);
    if (in == KEY_LIVE) {
        return record;
    }
    (void)drop(store, record);
    if (in == KEY_GONE) {
        assert_int_equal(commit_one(store, record, WANT_REMOVE, 0, head_of(record)).verdict,
                         COMMIT_DONE);
        assert_int_equal(head_of(record), SLOT_GONE);
    }
    return record;
}

struct verdict_row {
    enum commit_want want;
    bool is_right_version;
    enum commit_verdict verdicts[KEY_STATES];
};

static const struct verdict_row verdict_rows[] = {
    {WANT_ANY, true, {COMMIT_DONE, COMMIT_DONE, COMMIT_DONE, COMMIT_GONE}},
    {WANT_ABSENT, true, {COMMIT_DONE, COMMIT_REFUSED, COMMIT_DONE, COMMIT_GONE}},
    {WANT_PRESENT, true, {COMMIT_REFUSED, COMMIT_DONE, COMMIT_REFUSED, COMMIT_GONE}},
    {WANT_EXACTLY, true, {COMMIT_REFUSED, COMMIT_DONE, COMMIT_REFUSED, COMMIT_GONE}},
    {WANT_EXACTLY, false, {COMMIT_REFUSED, COMMIT_REFUSED, COMMIT_REFUSED, COMMIT_GONE}},
};

/* One want in one state, with a new version or as a delete. */
static void try_verdict(struct store_fixture *fixture, const struct verdict_row *row,
                        enum key_state in, bool is_delete, uint64_t key)
{
    struct store *const store = fixture->store;
    uint64_t version;
    struct key_record *const record = make_key_in(store, in, key, &version);
    const uint32_t head = head_of(record);
    const uint64_t stamp = store_frontier(fixture);
    const uint64_t count = store_count(fixture);
    rcu_enter();
    const uint32_t slot = is_delete ? SLOT_NONE : make_slot(store, key);
    rcu_leave();
    const struct commit_result result =
        commit_one(store, record, row->want, version + (row->is_right_version ? 0 : 1), slot);
    assert_int_equal(result.verdict, row->verdicts[in]);
    assert_int_equal(result.op_index, 0);
    assert_int_equal(result.stamp, stamp + 1); /* dense, refused or not */
    assert_int_equal(store_frontier(fixture), stamp + 1);
    if (result.verdict != COMMIT_DONE) {
        assert_int_equal(store_count(fixture), count);
        assert_int_equal(head_of(record), head);
        assert_true(is_delete || (born(store, slot) == 0 && prev(store, slot) == SLOT_UNSET));
        assert_true(in != KEY_LIVE || died(store, head) == 0);
        return;
    }
    assert_int_equal(store_count(fixture), count + (is_delete ? 0 : 1) - (in == KEY_LIVE ? 1 : 0));
    assert_int_equal(head_of(record), is_delete ? head : slot);
    if (!is_delete) {
        assert_int_equal(born(store, slot), result.stamp);
        assert_int_equal(died(store, slot), 0);
        assert_int_equal(prev(store, slot), head);
    }
    if (in == KEY_LIVE) {
        assert_int_equal(died(store, head), result.stamp);
    }
}

static void every_want_has_its_verdict_in_every_state(void **state)
{
    uint64_t key = 0;
    for (size_t i = 0; i < sizeof verdict_rows / sizeof verdict_rows[0]; i++) {
        for (int in = 0; in < KEY_STATES; in++) {
            try_verdict(*state, &verdict_rows[i], (enum key_state)in, false, key++);
            try_verdict(*state, &verdict_rows[i], (enum key_state)in, true, key++);
        }
    }
}

static void a_key_record_is_removed_only_with_the_head_that_was_seen_and_only_dead(void **state)
{
    struct store *const store = ((struct store_fixture *)*state)->store;
    struct key_record *const record = make_key(store, 1);
    (void)put(store, record);
    const uint32_t first = head_of(record);
    assert_int_equal(commit_one(store, record, WANT_REMOVE, 0, first).verdict, COMMIT_REFUSED);
    assert_int_equal(commit_one(store, record, WANT_REMOVE, 0, SLOT_NONE).verdict, COMMIT_REFUSED);
    (void)drop(store, record);
    (void)put(store, record);
    (void)drop(store, record);
    assert_int_equal(commit_one(store, record, WANT_REMOVE, 0, first).verdict, COMMIT_REFUSED);
    const uint64_t count = store_count(*state);
    assert_int_equal(commit_one(store, record, WANT_REMOVE, 0, head_of(record)).verdict,
                     COMMIT_DONE);
    assert_int_equal(head_of(record), SLOT_GONE);
    assert_int_equal(store_count(*state), count);
    assert_int_equal(commit_one(store, record, WANT_REMOVE, 0, SLOT_GONE).verdict, COMMIT_GONE);
}

static void an_empty_key_record_is_removed_too(void **state)
{
    struct store *const store = ((struct store_fixture *)*state)->store;
    struct key_record *const record = make_key(store, 1);
    assert_int_equal(commit_one(store, record, WANT_REMOVE, 0, SLOT_NONE).verdict, COMMIT_DONE);
    assert_int_equal(head_of(record), SLOT_GONE);
}

/* ---- several operations ---- */

/* Insert key 1, delete key 2, and write key 3 as `last` wants it: three operations, one commit. */
static struct commit_result commit_three(struct store *store, struct key_record *const *keys,
                                         enum commit_want last, struct commit_op *ops)
{
    rcu_enter();
    struct commit_record *const commit = take_record(store);
    commit_prepare(commit, NULL, WANT_ANY, SLOT_NONE);
    for (int i = 0; i < 3; i++) {
        ops[i] = (struct commit_op){.record = keys[i], .slot = SLOT_NONE};
        atomic_u32_store_relaxed(&ops[i].old, SLOT_UNSET);
    }
    ops[0].want = WANT_ABSENT;
    ops[0].slot = make_slot(store, 1);
    ops[1].want = WANT_PRESENT;
    ops[2].want = last;
    ops[2].slot = make_slot(store, 3);
    commit->ops = ops;
    commit->op_count = 3;
    const struct commit_result result = commit_run(store, commit);
    rcu_leave();
    return result;
}

static void several_operations_are_applied_at_one_stamp_or_not_at_all(void **state)
{
    struct store *const store = ((struct store_fixture *)*state)->store;
    struct key_record *const keys[3] = {make_key(store, 1), make_key(store, 2), make_key(store, 3)};
    struct commit_op refused[3];
    struct commit_op done[3];
    (void)put(store, keys[1]);
    const uint32_t old = head_of(keys[1]);
    struct commit_result result = commit_three(store, keys, WANT_PRESENT, refused);
    assert_int_equal(result.verdict, COMMIT_REFUSED);
    assert_int_equal(result.op_index, 2); /* key 3 is not there */
    assert_int_equal(store_count(*state), 1);
    assert_int_equal(head_of(keys[0]), SLOT_NONE);
    assert_int_equal(head_of(keys[2]), SLOT_NONE);
    assert_int_equal(died(store, old), 0);
    store_abandon(store, refused[0].slot);
    store_abandon(store, refused[2].slot);
    result = commit_three(store, keys, WANT_ANY, done);
    assert_int_equal(result.verdict, COMMIT_DONE);
    assert_int_equal(store_count(*state), 2);
    assert_int_equal(head_of(keys[0]), done[0].slot);
    assert_int_equal(born(store, done[0].slot), result.stamp);
    assert_int_equal(died(store, old), result.stamp);
    assert_int_equal(head_of(keys[1]), old);
    assert_int_equal(born(store, done[2].slot), result.stamp);
}

/* ---- stamps and chains ---- */

static void a_fresh_sequence_stands_at_stamp_one_with_nothing(void **state)
{
    assert_int_equal(store_frontier(*state), 1);
    assert_int_equal(store_count(*state), 0);
}

static void old_stamps_read_old_versions(void **state)
{
    struct store *const store = ((struct store_fixture *)*state)->store;
    struct key_record *const record = make_key(store, 1);
    uint64_t stamps[6];
    uint32_t slots[6];
    for (int i = 0; i < 6; i++) {
        /* The third is a delete. */
        stamps[i] = i == 3 ? drop(store, record) : put(store, record);
        slots[i] = i == 3 ? SLOT_NONE : head_of(record);
    }
    rcu_enter();
    assert_int_equal(version_at(store, record, stamps[0] - 1), SLOT_NONE);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(version_at(store, record, stamps[i]), slots[i]);
        assert_true(i == 0 || stamps[i] == stamps[i - 1] + 1);
    }
    assert_int_equal(version_at(store, record, stamps[5] + 100), slots[5]);
    rcu_leave();
}

static void a_chain_that_was_cut_ends_there(void **state)
{
    struct store *const store = ((struct store_fixture *)*state)->store;
    struct key_record *const record = make_key(store, 1);
    const uint64_t first = put(store, record);
    const uint64_t second = put(store, record);
    const uint32_t slot = head_of(record);
    struct slot_chunk *const chunk = slot_chunk_of(&store->slots, slot);
    atomic_u32_store_release(&chunk->prev[slot & store->slots.chunk_mask], SLOT_NONE);
    rcu_enter();
    assert_int_equal(version_at(store, record, first), SLOT_NONE);
    assert_int_equal(version_at(store, record, second), slot);
    rcu_leave();
}

static void a_killed_version_is_retired_and_hinted_once(void **state)
{
    struct store_fixture *const fixture = *state;
    struct store *const store = fixture->store;
    struct key_record *const record = make_key(store, 1);
    (void)put(store, record);
    const uint32_t slot = head_of(record);
    const uint64_t before = atomic_u64_load_relaxed(&store->memory.retired);
    (void)drop(store, record);
    const struct slot_chunk *const chunk = slot_chunk_of(&store->slots, slot);
    struct bitmap_cursor cursor = bitmap_walk(chunk->dead);
    uint32_t bit = UINT32_MAX;
    assert_true(bitmap_next(chunk->dead, &cursor, &bit));
    assert_int_equal(bit, slot & store->slots.chunk_mask);
    assert_false(bitmap_next(chunk->dead, &cursor, &bit));
    assert_int_equal(atomic_u64_load_relaxed(&store->memory.retired) - before,
                     store_slot_bytes(store, slot) + store->commit_records.object_bytes);
}

/* ---- helping ---- */

/* Append a record as a committer does that stops right after it. */
static struct commit_record *append_and_stop(struct store *store, struct key_record *record,
                                             enum commit_want want, uint32_t slot)
{
    struct commit_record *const commit = take_record(store);
    struct commit_record *const newest = atomic_ptr_load_acquire(&store->last);
    assert_int_equal(atomic_u32_load_acquire(&newest->done), 1);
    commit_prepare(commit, record, want, slot);
    commit->stamp = newest->stamp + 1;
    commit->base = (int64_t)frontier_count(store);
    assert_true(atomic_ptr_cas(&store->last, newest, commit));
    pool_retire(&store->commit_records, newest);
    return commit;
}

static void what_is_not_done_is_not_visible_and_settling_brings_it_to_its_end(void **state)
{
    struct store *const store = ((struct store_fixture *)*state)->store;
    struct key_record *const record = make_key(store, 1);
    rcu_enter();
    const uint64_t before = frontier_stamp(store);
    const uint32_t slot = make_slot(store, 1);
    struct commit_record *const commit = append_and_stop(store, record, WANT_ABSENT, slot);
    assert_int_equal(frontier_stamp(store), before);
    assert_int_equal(frontier_count(store), 0);
    assert_int_equal(version_at(store, record, frontier_stamp(store)), SLOT_NONE);
    commit_settle(store);
    assert_int_equal(atomic_u32_load_acquire(&commit->done), 1);
    assert_int_equal(frontier_stamp(store), before + 1);
    assert_int_equal(frontier_count(store), 1);
    assert_int_equal(version_at(store, record, before + 1), slot);
    commit_settle(store); /* once more changes nothing */
    assert_int_equal(frontier_stamp(store), before + 1);
    assert_int_equal(frontier_count(store), 1);
    assert_int_equal(prev(store, slot), SLOT_NONE);
    rcu_leave();
}

static void the_next_committer_finishes_who_stopped_before(void **state)
{
    struct store *const store = ((struct store_fixture *)*state)->store;
    struct key_record *const record = make_key(store, 1);
    rcu_enter();
    const uint32_t stopped = make_slot(store, 1);
    const uint32_t next = make_slot(store, 1);
    const struct commit_record *const commit = append_and_stop(store, record, WANT_ABSENT, stopped);
    const uint64_t stamp = commit->stamp;
    rcu_leave();
    /* It sees the key as the stopped one left it. */
    const struct commit_result result = commit_one(store, record, WANT_PRESENT, 0, next);
    assert_int_equal(result.verdict, COMMIT_DONE);
    assert_int_equal(result.stamp, stamp + 1);
    assert_int_equal(born(store, stopped), stamp);
    assert_int_equal(died(store, stopped), stamp + 1);
    assert_int_equal(prev(store, next), stopped);
    assert_int_equal(store_count(*state), 1);
}

static void a_decision_that_is_bound_is_applied_though_the_heads_say_otherwise_now(void **state)
{
    struct store *const store = ((struct store_fixture *)*state)->store;
    struct key_record *const record = make_key(store, 1);
    rcu_enter();
    const uint32_t slot = make_slot(store, 1);
    struct commit_record *const commit = append_and_stop(store, record, WANT_ABSENT, slot);
    commit_settle(store);
    /* Stopped between the last step and `done`: whoever helps finds every step performed. */
    atomic_u32_store_release(&commit->done, 0);
    const uint64_t retired = atomic_u64_load_relaxed(&store->memory.retired);
    commit_settle(store);
    assert_int_equal(head_of(record), slot);
    assert_int_equal(born(store, slot), commit->stamp);
    assert_int_equal(died(store, slot), 0);
    assert_int_equal(frontier_count(store), 1);
    assert_int_equal(atomic_u64_load_relaxed(&store->memory.retired), retired);
    rcu_leave();
}

static void a_helper_that_finds_the_old_version_killed_counts_it_once(void **state)
{
    struct store *const store = ((struct store_fixture *)*state)->store;
    struct key_record *const record = make_key(store, 1);
    (void)put(store, record);
    rcu_enter();
    struct commit_record *const commit = append_and_stop(store, record, WANT_PRESENT, SLOT_NONE);
    commit_settle(store);
    const uint64_t retired = atomic_u64_load_relaxed(&store->memory.retired);
    atomic_u32_store_release(&commit->done, 0);
    commit_settle(store);
    assert_int_equal(atomic_u64_load_relaxed(&store->memory.retired), retired);
    assert_int_equal(frontier_count(store), 0);
    rcu_leave();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(every_want_has_its_verdict_in_every_state),
        STORE_TEST(a_key_record_is_removed_only_with_the_head_that_was_seen_and_only_dead),
        STORE_TEST(an_empty_key_record_is_removed_too),
        STORE_TEST(several_operations_are_applied_at_one_stamp_or_not_at_all),
        STORE_TEST(a_fresh_sequence_stands_at_stamp_one_with_nothing),
        STORE_TEST(old_stamps_read_old_versions),
        STORE_TEST(a_chain_that_was_cut_ends_there),
        STORE_TEST(a_killed_version_is_retired_and_hinted_once),
        STORE_TEST(what_is_not_done_is_not_visible_and_settling_brings_it_to_its_end),
        STORE_TEST(the_next_committer_finishes_who_stopped_before),
        STORE_TEST(a_decision_that_is_bound_is_applied_though_the_heads_say_otherwise_now),
        STORE_TEST(a_helper_that_finds_the_old_version_killed_counts_it_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
