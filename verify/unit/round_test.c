/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of a round of maintenance.
 *
 * Goal   : what is dead for everybody is recycled after two grace periods, and nothing else; a
 *          round that must not wait stops before a grace period and goes on later.
 * Method : rounds called one by one on the store of the fixture; pins and marks set by the test.
 */
#include <string.h>

#include "base/limits.h"
#include "support/store_fixture.h"
#include "sync/clock.h"
#include "sync/rcu.h"

static uint64_t retired(const struct store_fixture *fixture)
{
    return atomic_u64_load_relaxed(&fixture->store->memory.retired);
}

static uint64_t grace_periods(const struct store_fixture *fixture)
{
    return atomic_u64_load_relaxed(&fixture->maintainer->grace_periods);
}

/* Go on with a round in passing; whether it ended. */
static bool round_in_passing(struct store_fixture *fixture)
{
    uint64_t reclaimed = 0;
    assert_true(maintain_claim(fixture->maintainer));
    const bool ended = maintain_round(fixture->maintainer, MAINTAIN_IN_PASSING, &reclaimed);
    maintain_release(fixture->maintainer);
    return ended;
}

static void a_dead_version_is_free_and_clean_after_one_round(void **state)
{
    struct store_fixture *const fixture = *state;
    assert_status(AKIN_OK, store_write(fixture, 1, 1, 100, WANT_ABSENT));
    assert_status(AKIN_OK, store_erase(fixture, 1));
    assert_int_equal(store_round(fixture), 3); /* the slot and two commit records */
    assert_int_equal(grace_periods(fixture), 2);
    const struct slot_chunk *const chunk = slot_chunk_of(&fixture->store->slots, 0);
    assert_int_equal(store_state(fixture, 0), SLOT_FREE);
    assert_int_equal(atomic_u64_load_relaxed(&chunk->born[0]), STAMP_NEVER);
    assert_int_equal(atomic_u64_load_relaxed(&chunk->died[0]), STAMP_NEVER);
    assert_null(atomic_ptr_load_acquire(&chunk->payload[0]));
    assert_int_equal(payload_live_bytes(&fixture->store->payload), 0);
    assert_null(store_record(fixture, 1));
    assert_int_equal(atomic_u64_load_relaxed(&fixture->maintainer->rounds), 1);
    /* The removal of the key was a commit and retired two records: for the next round. */
    assert_int_equal(store_round(fixture), 2);
    assert_int_equal(retired(fixture), 0);
    assert_int_equal(store_round(fixture), 0);
}

static void what_lives_is_left_alone(void **state)
{
    struct store_fixture *const fixture = *state;
    for (uint64_t key = 0; key < 50; key++) {
        assert_status(AKIN_OK, store_write(fixture, key, key, 20, WANT_ABSENT));
        assert_status(AKIN_OK, store_write(fixture, key, 100 + key, 20, WANT_PRESENT));
    }
    for (int i = 0; i < 3; i++) {
        (void)store_round(fixture);
    }
    assert_int_equal(retired(fixture), 0);
    assert_int_equal(store_count(fixture), 50);
    assert_int_equal(atomic_u64_load_relaxed(&fixture->store->slots.free_count), 50);
    for (uint64_t key = 0; key < 50; key++) {
        assert_int_equal(store_value_at(fixture, key, 0), 100 + key);
    }
}

static void a_pinned_stamp_keeps_its_versions_until_it_is_taken_off(void **state)
{
    struct store_fixture *const fixture = *state;
    struct reader reader = {.next = NULL};
    reader_add(&fixture->store->readers, &reader);
    assert_status(AKIN_OK, store_write(fixture, 1, 1, 0, WANT_ABSENT));
    assert_status(AKIN_OK, store_write(fixture, 2, 2, 0, WANT_ABSENT));
    assert_status(AKIN_OK, store_erase(fixture, 2)); /* dead before the pin: goes */
    rcu_enter();
    const uint64_t stamp = reader_pin(fixture->store, &reader);
    rcu_leave();
    assert_status(AKIN_OK, store_write(fixture, 1, 10, 0, WANT_PRESENT));
    assert_status(AKIN_OK, store_write(fixture, 1, 11, 0, WANT_PRESENT));
    assert_status(AKIN_OK, store_erase(fixture, 1));
    for (int i = 0; i < 3; i++) {
        (void)store_round(fixture);
        assert_int_equal(store_value_at(fixture, 1, stamp), 1);
        assert_int_equal(store_value_at(fixture, 2, 0), UINT64_MAX);
        assert_int_equal(store_state(fixture, 1), SLOT_FREE);
        assert_non_null(store_record(fixture, 1));
    }
    /* What came and went after the pin is kept too: only the oldest pin counts. */
    assert_int_equal(atomic_u64_load_relaxed(&fixture->store->slots.free_count), 1);
    reader_unpin(&reader);
    (void)store_round(fixture);
    assert_int_equal(atomic_u64_load_relaxed(&fixture->store->slots.free_count), 4);
    assert_null(store_record(fixture, 1));
    atomic_ptr_store_release(&fixture->store->readers.cells, NULL);
}

static void a_version_that_died_at_the_pinned_stamp_itself_goes(void **state)
{
    struct store_fixture *const fixture = *state;
    struct reader reader = {.next = NULL};
    reader_add(&fixture->store->readers, &reader);
    assert_status(AKIN_OK, store_write(fixture, 1, 1, 0, WANT_ABSENT));
    assert_status(AKIN_OK, store_write(fixture, 1, 2, 0, WANT_PRESENT));
    rcu_enter();
    const uint64_t stamp = reader_pin(fixture->store, &reader);
    rcu_leave();
    (void)store_round(fixture);
    assert_int_equal(store_state(fixture, 0), SLOT_FREE);
    assert_int_equal(store_value_at(fixture, 1, stamp), 2);
    reader_unpin(&reader);
    atomic_ptr_store_release(&fixture->store->readers.cells, NULL);
}

static void an_abandoned_slot_goes_whatever_is_pinned(void **state)
{
    struct store_fixture *const fixture = *state;
    struct reader reader = {.next = NULL};
    uint32_t slot = SLOT_NONE;
    reader_add(&fixture->store->readers, &reader);
    atomic_u64_store_release(&reader.pin, PIN_ALL);
    rcu_enter();
    assert_status(AKIN_OK, slot_claim(&fixture->store->slots, &slot));
    store_abandon(fixture->store, slot);
    rcu_leave();
    (void)store_round(fixture);
    assert_int_equal(store_state(fixture, slot), SLOT_FREE);
    assert_int_equal(retired(fixture), 0);
    reader_unpin(&reader);
    atomic_ptr_store_release(&fixture->store->readers.cells, NULL);
}

static void a_round_in_passing_stops_where_a_reader_stalls_and_goes_on_later(void **state)
{
    struct store_fixture *const fixture = *state;
    struct reader reader = {.next = NULL};
    reader_add(&fixture->store->readers, &reader);
    assert_status(AKIN_OK, store_write(fixture, 1, 1, 0, WANT_ABSENT));
    assert_status(AKIN_OK, store_erase(fixture, 1));
    /* A mark as of a reader that has been inside for long; its section is not real, so nothing
       hangs. */
    atomic_u64_store_relaxed(&reader.sequence, 1);
    atomic_u64_store_relaxed(&reader.since_ns, clock_coarse_ns() - READER_PATIENCE_NS - 1);
    assert_false(round_in_passing(fixture));
    assert_int_equal(fixture->maintainer->step, MAINTAIN_UNLINK);
    assert_int_equal(grace_periods(fixture), 0);
    assert_true(maintain_has_work(fixture->maintainer));
    /* What dies now is younger than the frontier of this round. */
    assert_status(AKIN_OK, store_write(fixture, 2, 2, 0, WANT_ABSENT));
    assert_status(AKIN_OK, store_erase(fixture, 2));
    assert_false(round_in_passing(fixture));
    atomic_u64_store_relaxed(&reader.sequence, 2);
    assert_true(round_in_passing(fixture));
    assert_int_equal(store_state(fixture, 0), SLOT_FREE);
    assert_int_equal(store_state(fixture, 1), SLOT_LINKED);
    assert_true(round_in_passing(fixture));
    assert_int_equal(store_state(fixture, 1), SLOT_FREE);
    atomic_ptr_store_release(&fixture->store->readers.cells, NULL);
}

static void a_round_that_may_wait_takes_no_notice_of_marks(void **state)
{
    struct store_fixture *const fixture = *state;
    struct reader reader = {.next = NULL};
    reader_add(&fixture->store->readers, &reader);
    atomic_u64_store_relaxed(&reader.sequence, 1);
    assert_status(AKIN_OK, store_write(fixture, 1, 1, 0, WANT_ABSENT));
    assert_status(AKIN_OK, store_erase(fixture, 1));
    assert_true(store_round(fixture) > 0);
    assert_int_equal(store_state(fixture, 0), SLOT_FREE);
    atomic_ptr_store_release(&fixture->store->readers.cells, NULL);
}

static void one_round_takes_one_batch(void **state)
{
    struct store_fixture *const fixture = *state;
    const uint64_t count = MAINTAIN_BATCH_SLOTS + 1000;
    for (uint64_t i = 0; i < count; i++) {
        assert_status(AKIN_OK, store_write(fixture, i, i, 0, WANT_ABSENT));
    }
    for (uint64_t i = 0; i < count; i++) {
        assert_status(AKIN_OK, store_erase(fixture, i));
    }
    (void)store_round(fixture);
    assert_int_equal(atomic_u64_load_relaxed(&fixture->store->slots.free_count),
                     MAINTAIN_BATCH_SLOTS);
    (void)store_round(fixture);
    assert_int_equal(atomic_u64_load_relaxed(&fixture->store->slots.free_count), count);
    while (store_round(fixture) > 0) {
    }
    assert_int_equal(retired(fixture), 0);
    assert_int_equal(atomic_u64_load_relaxed(&fixture->store->keys.records), 0);
    /* More are free than the ring of hints holds; all are claimed again before a fresh one. */
    for (uint64_t i = 0; i < count; i++) {
        if (ring_count(&fixture->store->slots.hints) == 0) {
            (void)store_round(fixture);
        }
        assert_status(AKIN_OK, store_write(fixture, i, i, 0, WANT_ABSENT));
    }
    assert_int_equal(slots_watermark(&fixture->store->slots), count);
}

static void a_slot_that_cannot_be_unlinked_for_want_of_memory_waits_for_the_next_round(void **state)
{
    struct store_fixture *const fixture = *state;
    struct store *const store = fixture->store;
    assert_status(AKIN_OK, store_write(fixture, 1, 1, 0, WANT_ABSENT));
    assert_status(AKIN_OK, store_erase(fixture, 1));
    while (store_round(fixture) > 0 && store_state(fixture, 0) != SLOT_FREE) {
    }
    assert_status(AKIN_OK, store_write(fixture, 1, 1, 0, WANT_ABSENT));
    assert_status(AKIN_OK, store_erase(fixture, 1));
    /* No record is free, and those in the graveyard do not come back in this round. */
    rcu_enter();
    while (store->commit_records.free.head.head != NULL) {
        void *memory = NULL;
        assert_status(AKIN_OK, pool_take(&store->commit_records, &memory));
    }
    rcu_leave();
    struct stack_link *const held = pool_collect(&store->commit_records);
    tracking_fail(&fixture->tracking, 0, UINT64_MAX);
    (void)store_round(fixture);
    assert_int_equal(store_state(fixture, 0), SLOT_LINKED);
    assert_true(tracking_fail_stop(&fixture->tracking) > 0);
    (void)pool_recycle(&store->commit_records, held);
    (void)store_round(fixture);
    assert_int_equal(store_state(fixture, 0), SLOT_FREE);
}

static void the_key_table_grows_in_a_round(void **state)
{
    struct store_fixture *const fixture = *state;
    for (uint64_t key = 0; key <= 2 * KEY_BUCKETS_MIN; key++) {
        assert_status(AKIN_OK, store_write(fixture, key, key, 0, WANT_ABSENT));
    }
    assert_true(maintain_has_work(fixture->maintainer));
    (void)store_round(fixture);
    assert_int_equal(atomic_u64_load_relaxed(&fixture->store->keys.buckets), 4 * KEY_BUCKETS_MIN);
    for (uint64_t key = 0; key <= 2 * KEY_BUCKETS_MIN; key++) {
        assert_int_equal(store_value_at(fixture, key, 0), key);
    }
}

struct heard {
    int messages;
    enum akin_log_level level;
    char last[200];
};

static void hear(void *context, enum akin_log_level level, const char *message)
{
    struct heard *const heard = context;
    heard->messages++;
    heard->level = level;
    strncpy(heard->last, message, sizeof heard->last - 1);
}

static void growth_that_the_budget_refuses_is_told(void **state)
{
    struct store_fixture *const fixture = *state;
    struct heard heard = {.messages = 0};
    fixture->maintainer->logger = (struct akin_logger){.log = hear, .context = &heard};
    for (uint64_t key = 0; key <= 2 * KEY_BUCKETS_MIN; key++) {
        assert_status(AKIN_OK, store_write(fixture, key, key, 0, WANT_ABSENT));
    }
    fixture->store->memory.budget_bytes = atomic_u64_load_relaxed(&fixture->store->memory.total);
    (void)store_round(fixture);
    (void)store_round(fixture);
    assert_int_equal(heard.messages, 1);
    assert_int_equal(heard.level, AKIN_LOG_WARNING);
    assert_non_null(strstr(heard.last, "budget"));
}

static void each_kind_of_event_is_told_at_most_once_a_second(void **state)
{
    struct maintainer *const maintainer = ((struct store_fixture *)*state)->maintainer;
    struct heard heard = {.messages = 0};
    maintain_log(maintainer, MAINTAIN_EVENT_ORPHANS, AKIN_LOG_INFO, "nobody listens");
    maintainer->logger = (struct akin_logger){.log = hear, .context = &heard};
    maintain_log(maintainer, MAINTAIN_EVENT_ORPHANS, AKIN_LOG_INFO, "first");
    maintain_log(maintainer, MAINTAIN_EVENT_ORPHANS, AKIN_LOG_INFO, "too soon");
    assert_int_equal(heard.messages, 1);
    assert_string_equal(heard.last, "first");
    maintain_log(maintainer, MAINTAIN_EVENT_TABLE, AKIN_LOG_INFO, "of another kind");
    assert_int_equal(heard.messages, 2);
    /* As if the first had been told long ago. */
    atomic_u64_store_relaxed(&maintainer->logged_ns[MAINTAIN_EVENT_ORPHANS], 1);
    maintain_log(maintainer, MAINTAIN_EVENT_ORPHANS, AKIN_LOG_INFO, "again");
    assert_int_equal(heard.messages, 3);
    assert_string_equal(heard.last, "again");
}

static void one_at_a_time_is_the_maintainer(void **state)
{
    struct maintainer *const maintainer = ((struct store_fixture *)*state)->maintainer;
    assert_true(maintain_claim(maintainer));
    assert_false(maintain_claim(maintainer));
    maintain_release(maintainer);
    assert_true(maintain_claim(maintainer));
    maintain_release(maintainer);
}

static void a_round_is_worth_it_from_a_share_of_what_there_is(void **state)
{
    struct maintainer *const maintainer = ((struct store_fixture *)*state)->maintainer;
    struct memory *const memory = &maintainer->store->memory;
    memory->retired_bytes_max = 1024 * 1024;
    assert_int_equal(maintain_threshold(maintainer), 128 * 1024);
    memory->retired_bytes_max = 1024 * 1024 * 1024;
    assert_int_equal(maintain_threshold(maintainer), 256 * 1024);
    assert_status(AKIN_OK, memory_charge(memory, MEMORY_OTHER, 160u << 20));
    assert_true(maintain_threshold(maintainer) >= 10u << 20);
    assert_true(maintain_threshold(maintainer) < 11u << 20);
    memory_uncharge(memory, MEMORY_OTHER, 160u << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_dead_version_is_free_and_clean_after_one_round),
        STORE_TEST(what_lives_is_left_alone),
        STORE_TEST(a_pinned_stamp_keeps_its_versions_until_it_is_taken_off),
        STORE_TEST(a_version_that_died_at_the_pinned_stamp_itself_goes),
        STORE_TEST(an_abandoned_slot_goes_whatever_is_pinned),
        STORE_TEST(a_round_in_passing_stops_where_a_reader_stalls_and_goes_on_later),
        STORE_TEST(a_round_that_may_wait_takes_no_notice_of_marks),
        STORE_TEST(one_round_takes_one_batch),
        STORE_TEST(a_slot_that_cannot_be_unlinked_for_want_of_memory_waits_for_the_next_round),
        STORE_TEST(the_key_table_grows_in_a_round),
        STORE_TEST(growth_that_the_budget_refuses_is_told),
        STORE_TEST(each_kind_of_event_is_told_at_most_once_a_second),
        STORE_TEST(one_at_a_time_is_the_maintainer),
        STORE_TEST(a_round_is_worth_it_from_a_share_of_what_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
