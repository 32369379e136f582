/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of taking dead versions out of the chains of their keys.
 *
 * Goal   : after unlink_version nobody comes to the slot any more, and everybody else still comes
 *          to what they could reach before.
 * Method : chains of one key, written by the kernel, cut at each place; one thread.
 */
#include "maintain/unlink.h"
#include "support/store_fixture.h"
#include "sync/rcu.h"

/* With the horizon at the death of the slot: what is younger must stay. */
static bool unlink_at(struct store_fixture *fixture, uint32_t slot)
{
    const struct slots *const slots = &fixture->store->slots;
    const struct slot_chunk *const chunk = slot_chunk_of(slots, slot);
    const uint64_t died = atomic_u64_load_relaxed(&chunk->died[slot & slots->chunk_mask]);
    rcu_enter();
    const bool done = unlink_version(fixture->store, slot, died);
    rcu_leave();
    return done;
}

/* Write versions 1 .. count of key 1; their slots, oldest first. */
static void write_chain(struct store_fixture *fixture, uint32_t *slots, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        assert_status(AKIN_OK, store_write(fixture, 1, i + 1, 0, WANT_ANY));
        slots[i] = store_slot_at(fixture, 1, 0);
    }
}

static uint32_t prev_of(const struct store_fixture *fixture, uint32_t slot)
{
    const struct slots *const slots = &fixture->store->slots;
    return atomic_u32_load_acquire(&slot_chunk_of(slots, slot)->prev[slot & slots->chunk_mask]);
}

static void the_record_of_a_dead_key_goes_with_its_head(void **state)
{
    struct store_fixture *const fixture = *state;
    uint32_t slot;
    write_chain(fixture, &slot, 1);
    assert_status(AKIN_OK, store_erase(fixture, 1));
    const struct key_record *const record = store_record(fixture, 1);
    const uint64_t stamp = store_frontier(fixture);
    assert_true(unlink_at(fixture, slot));
    assert_null(store_record(fixture, 1));
    assert_int_equal(atomic_u32_load_acquire(&record->head), SLOT_GONE);
    assert_int_equal(store_frontier(fixture), stamp + 1); /* by a commit, not behind its back */
    assert_int_equal(store_count(fixture), 0);
    assert_true(unlink_at(fixture, slot)); /* nothing is left to do */
}

static void an_older_version_is_cut_off_behind_the_newer_one(void **state)
{
    struct store_fixture *const fixture = *state;
    uint32_t slots[4];
    write_chain(fixture, slots, 4);
    assert_true(unlink_at(fixture, slots[2]));
    assert_int_equal(prev_of(fixture, slots[3]), SLOT_NONE);
    assert_int_equal(store_value_at(fixture, 1, 0), 4);
    assert_int_equal(store_slot_at(fixture, 1, 0), slots[3]);
    /* What is behind a cut was cut off with it. */
    assert_true(unlink_at(fixture, slots[1]));
    assert_true(unlink_at(fixture, slots[0]));
    assert_int_equal(store_value_at(fixture, 1, 0), 4);
}

static void the_oldest_is_cut_off_and_the_others_stay(void **state)
{
    struct store_fixture *const fixture = *state;
    uint32_t slots[3];
    write_chain(fixture, slots, 3);
    const uint64_t second = store_frontier(fixture) - 1;
    assert_true(unlink_at(fixture, slots[0]));
    assert_int_equal(prev_of(fixture, slots[1]), SLOT_NONE);
    assert_int_equal(prev_of(fixture, slots[2]), slots[1]);
    assert_int_equal(store_value_at(fixture, 1, second), 2);
    assert_int_equal(store_value_at(fixture, 1, second - 1), UINT64_MAX);
}

static void a_key_that_was_inserted_again_keeps_its_record(void **state)
{
    struct store_fixture *const fixture = *state;
    uint32_t slot;
    write_chain(fixture, &slot, 1);
    assert_status(AKIN_OK, store_erase(fixture, 1));
    assert_status(AKIN_OK, store_write(fixture, 1, 7, 0, WANT_ABSENT));
    const struct key_record *const record = store_record(fixture, 1);
    assert_int_equal(prev_of(fixture, store_slot_at(fixture, 1, 0)), slot);
    assert_true(unlink_at(fixture, slot));
    assert_int_equal(prev_of(fixture, store_slot_at(fixture, 1, 0)), SLOT_NONE);
    assert_ptr_equal(store_record(fixture, 1), record);
    assert_int_equal(store_value_at(fixture, 1, 0), 7);
    assert_int_equal(store_count(fixture), 1);
}

static void without_memory_for_the_commit_the_slot_waits(void **state)
{
    struct store_fixture *const fixture = *state;
    struct store *const store = fixture->store;
    uint32_t slot;
    write_chain(fixture, &slot, 1);
    assert_status(AKIN_OK, store_erase(fixture, 1));
    rcu_enter();
    while (store->commit_records.free.head.head != NULL) {
        void *memory = NULL;
        assert_status(AKIN_OK, pool_take(&store->commit_records, &memory));
    }
    rcu_leave();
    tracking_fail(&fixture->tracking, 0, UINT64_MAX);
    assert_false(unlink_at(fixture, slot));
    assert_non_null(store_record(fixture, 1));
    assert_true(tracking_fail_stop(&fixture->tracking) > 0);
    assert_true(unlink_at(fixture, slot));
    assert_null(store_record(fixture, 1));
}

static void a_record_is_not_taken_out_under_a_newer_version(void **state)
{
    struct store_fixture *const fixture = *state;
    struct store *const store = fixture->store;
    uint32_t slots[2];
    write_chain(fixture, slots, 1);
    struct key_record *const record = store_record(fixture, 1);
    rcu_enter();
    /* Alive. */
    assert_true(unlink_key(store, record, slots[0]));
    rcu_leave();
    assert_ptr_equal(store_record(fixture, 1), record);
    assert_status(AKIN_OK, store_erase(fixture, 1));
    assert_status(AKIN_OK, store_write(fixture, 1, 2, 0, WANT_ABSENT));
    rcu_enter();
    /* Dead, but not the head any more. */
    assert_true(unlink_key(store, record, slots[0]));
    assert_true(unlink_key(store, record, SLOT_NONE));
    rcu_leave();
    assert_ptr_equal(store_record(fixture, 1), record);
    assert_int_equal(store_value_at(fixture, 1, 0), 2);
}

static void a_record_that_somebody_left_out_of_use_is_taken_out_of_the_map(void **state)
{
    struct store_fixture *const fixture = *state;
    struct store *const store = fixture->store;
    uint32_t slot;
    void *memory = NULL;
    write_chain(fixture, &slot, 1);
    assert_status(AKIN_OK, store_erase(fixture, 1));
    struct key_record *const record = store_record(fixture, 1);
    rcu_enter();
    assert_status(AKIN_OK, pool_take(&store->commit_records, &memory));
    commit_prepare(memory, record, WANT_REMOVE, slot);
    assert_int_equal(commit_run(store, memory).verdict, COMMIT_DONE);
    rcu_leave();
    assert_ptr_equal(store_record(fixture, 1), record);
    assert_true(unlink_at(fixture, slot));
    assert_null(store_record(fixture, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(the_record_of_a_dead_key_goes_with_its_head),
        STORE_TEST(an_older_version_is_cut_off_behind_the_newer_one),
        STORE_TEST(the_oldest_is_cut_off_and_the_others_stay),
        STORE_TEST(a_key_that_was_inserted_again_keeps_its_record),
        STORE_TEST(without_memory_for_the_commit_the_slot_waits),
        STORE_TEST(a_record_is_not_taken_out_under_a_newer_version),
        STORE_TEST(a_record_that_somebody_left_out_of_use_is_taken_out_of_the_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
