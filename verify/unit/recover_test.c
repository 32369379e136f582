/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of recovery from threads that died inside a call.
 *
 * Goal   : what a dead thread had claimed comes back; what it had committed stays; nothing of a
 *          living one is touched.
 * Method : threads of the test do a part of a write by the kernel's own calls and then end, inside
 *          their read section.
 */
#include <pthread.h>
#include <sched.h>

#include "support/store_fixture.h"
#include "sync/rcu.h"

static void recover(struct store_fixture *fixture)
{
    assert_true(maintain_claim(fixture->maintainer));
    maintain_recover(fixture->maintainer);
    maintain_release(fixture->maintainer);
}

static uint64_t orphans(const struct store_fixture *fixture)
{
    return atomic_u64_load_relaxed(&fixture->maintainer->orphans);
}

/* Rounds until nothing is reclaimed any more. */
static void drain(struct store_fixture *fixture)
{
    while (store_round(fixture) > 0) {
    }
}

/* What a thread does before it dies, and with how many slots or keys. */
struct victim {
    struct store *store;
    uint64_t key;
    uint32_t count;
    uint32_t slot; /* the last it had */
};

static void die_with_pending_slots(void *argument)
{
    struct victim *const victim = argument;
    rcu_enter();
    for (uint32_t i = 0; i < victim->count; i++) {
        if (slot_claim(&victim->store->slots, &victim->slot) != AKIN_OK) {
            victim->slot = SLOT_NONE;
        }
    }
}

static void die_with_a_linked_slot(void *argument)
{
    struct victim *const victim = argument;
    struct payload_block *block = NULL;
    rcu_enter();
    if (slot_claim(&victim->store->slots, &victim->slot) == AKIN_OK &&
        payload_reserve(&victim->store->payload, 100, &block) == AKIN_OK) {
        struct slot_chunk *const chunk = slot_chunk_of(&victim->store->slots, victim->slot);
        const uint32_t offset = victim->slot & victim->store->slots.chunk_mask;
        chunk->key[offset] = victim->key;
        atomic_ptr_store_release(&chunk->payload[offset], block);
        slot_link(&victim->store->slots, victim->slot);
    }
}

static void die_with_empty_keys(void *argument)
{
    const struct victim *const victim = argument;
    rcu_enter();
    for (uint32_t i = 0; i < victim->count; i++) {
        void *memory = NULL;
        if (pool_take(&victim->store->key_records, &memory) == AKIN_OK) {
            struct key_record *const record = memory;
            record->key = victim->key + i;
            atomic_u32_store_relaxed(&record->head, SLOT_NONE);
            (void)key_map_add(&victim->store->keys, record);
        }
    }
}

static void die_after_the_append(void *argument)
{
    struct victim *const victim = argument;
    void *memory = NULL;
    struct store *const store = victim->store;
    die_with_empty_keys(argument);
    die_with_a_linked_slot(argument);
    if (pool_take(&store->commit_records, &memory) != AKIN_OK) {
        return;
    }
    struct commit_record *const commit = memory;
    struct commit_record *const newest = atomic_ptr_load_acquire(&store->last);
    commit_prepare(commit, key_map_lookup(&store->keys, victim->key), WANT_ABSENT, victim->slot);
    commit->stamp = newest->stamp + 1;
    commit->base = (int64_t)frontier_count(store);
    if (atomic_ptr_cas(&store->last, newest, commit)) {
        pool_retire(&store->commit_records, newest);
    }
}

static void a_slot_that_was_claimed_and_left_comes_back(void **state)
{
    struct store_fixture *const fixture = *state;
    struct victim victim = {.store = fixture->store, .count = 1};
    in_a_thread(die_with_pending_slots, &victim);
    assert_int_equal(victim.slot, 0);
    assert_int_equal(store_state(fixture, 0), SLOT_PENDING);
    drain(fixture);
    assert_int_equal(store_state(fixture, 0), SLOT_PENDING);
    recover(fixture);
    assert_int_equal(store_state(fixture, 0), SLOT_ABANDONED);
    assert_int_equal(orphans(fixture), 1);
    drain(fixture);
    assert_int_equal(store_state(fixture, 0), SLOT_FREE);
    assert_int_equal(atomic_u64_load_relaxed(&fixture->store->memory.retired), 0);
    assert_status(AKIN_OK, store_write(fixture, 1, 1, 0, WANT_ABSENT));
    assert_int_equal(store_slot_at(fixture, 1, 0), 0);
}

static void a_slot_that_was_filled_and_left_comes_back_with_its_payload(void **state)
{
    struct store_fixture *const fixture = *state;
    struct victim victim = {.store = fixture->store, .key = 5};
    in_a_thread(die_with_a_linked_slot, &victim);
    assert_int_equal(store_state(fixture, victim.slot), SLOT_LINKED);
    assert_true(payload_live_bytes(&fixture->store->payload) > 0);
    recover(fixture);
    drain(fixture);
    assert_int_equal(store_state(fixture, victim.slot), SLOT_FREE);
    assert_int_equal(payload_live_bytes(&fixture->store->payload), 0);
    assert_int_equal(orphans(fixture), 1);
    assert_int_equal(store_count(fixture), 0);
}

static void more_orphans_than_one_look_holds_come_back_all(void **state)
{
    struct store_fixture *const fixture = *state;
    struct victim victim = {.store = fixture->store, .count = 1000};
    in_a_thread(die_with_pending_slots, &victim);
    recover(fixture);
    assert_int_equal(orphans(fixture), 1000);
    drain(fixture);
    assert_int_equal(atomic_u64_load_relaxed(&fixture->store->slots.free_count), 1000);
}

static void a_key_record_without_a_version_is_taken_out(void **state)
{
    struct store_fixture *const fixture = *state;
    struct victim victim = {.store = fixture->store, .key = 50, .count = 10};
    assert_status(AKIN_OK, store_write(fixture, 1, 1, 0, WANT_ABSENT));
    in_a_thread(die_with_empty_keys, &victim);
    assert_non_null(store_record(fixture, 50));
    recover(fixture);
    for (uint64_t key = 50; key < 60; key++) {
        assert_null(store_record(fixture, key));
    }
    assert_int_equal(store_value_at(fixture, 1, 0), 1);
    assert_int_equal(atomic_u64_load_relaxed(&fixture->store->keys.records), 1);
    drain(fixture);
    assert_int_equal(atomic_u64_load_relaxed(&fixture->store->memory.retired), 0);
}

static void more_empty_key_records_than_one_look_holds_are_taken_out_all(void **state)
{
    struct store_fixture *const fixture = *state;
    struct victim victim = {.store = fixture->store, .key = 50, .count = 700};
    in_a_thread(die_with_empty_keys, &victim);
    recover(fixture);
    assert_int_equal(atomic_u64_load_relaxed(&fixture->store->keys.records), 0);
}

static void what_a_dead_thread_had_appended_is_committed(void **state)
{
    struct store_fixture *const fixture = *state;
    struct victim victim = {.store = fixture->store, .key = 5, .count = 1};
    in_a_thread(die_after_the_append, &victim);
    assert_int_equal(store_count(fixture), 0);
    recover(fixture);
    assert_int_equal(store_count(fixture), 1);
    assert_int_equal(store_slot_at(fixture, 5, 0), victim.slot);
    assert_int_equal(orphans(fixture), 0);
    drain(fixture);
    assert_int_equal(store_slot_at(fixture, 5, 0), victim.slot);
}

static void living_and_dead_entries_are_no_orphans(void **state)
{
    struct store_fixture *const fixture = *state;
    for (uint64_t key = 0; key < 20; key++) {
        assert_status(AKIN_OK, store_write(fixture, key, key, 10, WANT_ABSENT));
    }
    for (uint64_t key = 0; key < 20; key += 2) {
        assert_status(AKIN_OK, store_erase(fixture, key));
    }
    recover(fixture);
    assert_int_equal(orphans(fixture), 0);
    drain(fixture);
    recover(fixture);
    assert_int_equal(orphans(fixture), 0);
    assert_int_equal(store_count(fixture), 10);
    for (uint64_t key = 1; key < 20; key += 2) {
        assert_int_equal(store_value_at(fixture, key, 0), key);
    }
}

/* A call that is slow and alive: it holds a slot until recovery ended, or for a while. */
struct slow_call {
    struct store *store;
    struct atomic_u32 claimed;
    struct atomic_u32 recovered;
    bool recovered_early;
};

enum { SLOW_YIELDS = 20000 };

static void *hold_a_slot(void *argument)
{
    struct slow_call *const call = argument;
    uint32_t slot = SLOT_NONE;
    rcu_enter();
    const enum akin_status status = slot_claim(&call->store->slots, &slot);
    atomic_u32_store_release(&call->claimed, 1);
    for (int i = 0; i < SLOW_YIELDS && atomic_u32_load_acquire(&call->recovered) == 0; i++) {
        (void)sched_yield();
    }
    call->recovered_early = atomic_u32_load_acquire(&call->recovered) != 0;
    if (status == AKIN_OK) {
        store_abandon(call->store, slot);
    }
    rcu_leave();
    return NULL;
}

static void a_slot_of_a_slow_call_is_not_judged_by_one_look(void **state)
{
    struct store_fixture *const fixture = *state;
    struct slow_call call = {.store = fixture->store};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, hold_a_slot, &call), 0);
    while (atomic_u32_load_acquire(&call.claimed) == 0) {
        (void)sched_yield();
    }
    recover(fixture);
    atomic_u32_store_release(&call.recovered, 1);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_false(call.recovered_early); /* it waited for the call's section */
    assert_int_equal(orphans(fixture), 0);
    drain(fixture);
}

static void a_dead_slot_whose_hint_was_lost_is_hinted_again(void **state)
{
    struct store_fixture *const fixture = *state;
    assert_status(AKIN_OK, store_write(fixture, 1, 1, 0, WANT_ABSENT));
    assert_status(AKIN_OK, store_erase(fixture, 1));
    /* As by a thread that died between the stamp and the hint. */
    bitmap_clear(slot_chunk_of(&fixture->store->slots, 0)->dead, 0);
    drain(fixture);
    assert_int_equal(store_state(fixture, 0), SLOT_LINKED);
    recover(fixture);
    drain(fixture);
    assert_int_equal(store_state(fixture, 0), SLOT_FREE);
}

static void slots_that_are_free_but_not_hinted_are_hinted_again(void **state)
{
    struct store_fixture *const fixture = *state;
    uint32_t slot;
    assert_status(AKIN_OK, store_write(fixture, 1, 1, 0, WANT_ABSENT));
    assert_status(AKIN_OK, store_erase(fixture, 1));
    drain(fixture);
    /* As by a thread that died with the hint in its hand. */
    assert_true(ring_take(&fixture->store->slots.hints, &slot));
    assert_int_equal(ring_count(&fixture->store->slots.hints), 0);
    recover(fixture);
    assert_int_equal(ring_count(&fixture->store->slots.hints), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_slot_that_was_claimed_and_left_comes_back),
        STORE_TEST(a_slot_that_was_filled_and_left_comes_back_with_its_payload),
        STORE_TEST(more_orphans_than_one_look_holds_come_back_all),
        STORE_TEST(a_key_record_without_a_version_is_taken_out),
        STORE_TEST(more_empty_key_records_than_one_look_holds_are_taken_out_all),
        STORE_TEST(what_a_dead_thread_had_appended_is_committed),
        STORE_TEST(living_and_dead_entries_are_no_orphans),
        STORE_TEST(a_slot_of_a_slow_call_is_not_judged_by_one_look),
        STORE_TEST(a_dead_slot_whose_hint_was_lost_is_hinted_again),
        STORE_TEST(slots_that_are_free_but_not_hinted_are_hinted_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
