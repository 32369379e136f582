/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of writing and deleting one entry, below the public edge.
 *
 * Goal   : each want has its answer; a refused write leaves nothing but what maintenance takes
 *          back; a delete commits when there is no memory at all.
 * Method : the store of the fixture, whose hooks and budget are switched off at chosen moments.
 */
#include <string.h>

#include "base/limits.h"
#include "support/store_fixture.h"
#include "sync/rcu.h"

static uint64_t retired(const struct store_fixture *fixture)
{
    return atomic_u64_load_relaxed(&fixture->store->memory.retired);
}

static void insert_update_and_upsert_answer_by_what_is_there(void **state)
{
    struct store_fixture *const fixture = *state;
    assert_status(AKIN_NOT_FOUND, store_write(fixture, 1, 10, 0, WANT_PRESENT));
    assert_status(AKIN_OK, store_write(fixture, 1, 11, 5, WANT_ABSENT));
    assert_status(AKIN_EXISTS, store_write(fixture, 1, 12, 5, WANT_ABSENT));
    assert_int_equal(store_value_at(fixture, 1, 0), 11);
    assert_status(AKIN_OK, store_write(fixture, 1, 13, 5, WANT_PRESENT));
    assert_status(AKIN_OK, store_write(fixture, 1, 14, 5, WANT_ANY));
    assert_status(AKIN_OK, store_write(fixture, 2, 20, 5, WANT_ANY));
    assert_int_equal(store_value_at(fixture, 1, 0), 14);
    assert_int_equal(store_count(fixture), 2);
    assert_status(AKIN_OK, store_erase(fixture, 1));
    assert_status(AKIN_NOT_FOUND, store_erase(fixture, 1));
    assert_status(AKIN_NOT_FOUND, store_erase(fixture, 3));
    assert_status(AKIN_NOT_FOUND, store_write(fixture, 1, 15, 5, WANT_PRESENT));
    assert_status(AKIN_OK, store_write(fixture, 1, 16, 5, WANT_ABSENT));
    assert_int_equal(store_value_at(fixture, 1, 0), 16);
    assert_int_equal(store_count(fixture), 2);
}

static void each_write_is_one_stamp_and_old_stamps_still_read(void **state)
{
    struct store_fixture *const fixture = *state;
    const uint64_t first = store_frontier(fixture);
    for (uint64_t i = 1; i <= 10; i++) {
        assert_status(AKIN_OK, store_write(fixture, 1, i, 0, WANT_ANY));
        assert_int_equal(store_frontier(fixture), first + i);
    }
    for (uint64_t i = 1; i <= 10; i++) {
        assert_int_equal(store_value_at(fixture, 1, first + i), i);
    }
    assert_int_equal(store_value_at(fixture, 1, first), UINT64_MAX);
}

static void what_is_refused_at_once_takes_nothing(void **state)
{
    struct store_fixture *const fixture = *state;
    assert_status(AKIN_OK, store_write(fixture, 1, 1, 5, WANT_ABSENT));
    const uint64_t stamp = store_frontier(fixture);
    const uint64_t waiting = retired(fixture);
    const uint64_t calls = tracking_calls(&fixture->tracking);
    assert_status(AKIN_EXISTS, store_write(fixture, 1, 2, 5, WANT_ABSENT));
    assert_status(AKIN_NOT_FOUND, store_write(fixture, 2, 2, 5, WANT_PRESENT));
    assert_int_equal(store_frontier(fixture), stamp);
    assert_int_equal(retired(fixture), waiting);
    assert_int_equal(slots_watermark(&fixture->store->slots), 1);
    assert_int_equal(tracking_calls(&fixture->tracking), calls);
    assert_null(store_record(fixture, 2));
}

/* A write under a key whose record is out of use, as maintenance leaves it for a moment. */
static void a_key_record_out_of_use_is_replaced_on_the_way(void **state)
{
    struct store_fixture *const fixture = *state;
    struct store *const store = fixture->store;
    assert_status(AKIN_OK, store_write(fixture, 1, 1, 0, WANT_ABSENT));
    assert_status(AKIN_OK, store_erase(fixture, 1));
    struct key_record *const record = store_record(fixture, 1);
    void *memory = NULL;
    rcu_enter();
    assert_status(AKIN_OK, pool_take(&store->commit_records, &memory));
    commit_prepare(memory, record, WANT_REMOVE, atomic_u32_load_acquire(&record->head));
    assert_int_equal(commit_run(store, memory).verdict, COMMIT_DONE);
    rcu_leave();
    assert_ptr_equal(store_record(fixture, 1), record);
    assert_status(AKIN_NOT_FOUND, store_erase(fixture, 1));
    assert_status(AKIN_OK, store_write(fixture, 1, 2, 0, WANT_ABSENT));
    assert_ptr_not_equal(store_record(fixture, 1), record);
    assert_int_equal(store_value_at(fixture, 1, 0), 2);
    assert_int_equal(store_count(fixture), 1);
}

static void a_delete_may_be_bound_to_a_version(void **state)
{
    struct store_fixture *const fixture = *state;
    assert_status(AKIN_OK, store_write(fixture, 1, 1, 0, WANT_ABSENT));
    const uint64_t version = store_frontier(fixture);
    assert_status(AKIN_OK, store_write(fixture, 1, 2, 0, WANT_PRESENT));
    struct erase_request request = {.key = 1, .version = version};
    assert_status(AKIN_NOT_FOUND, erase_entry(fixture->store, NULL, &request));
    assert_int_equal(store_value_at(fixture, 1, 0), 2);
    request.version = version + 1;
    assert_status(AKIN_OK, erase_entry(fixture->store, NULL, &request));
    assert_int_equal(store_count(fixture), 0);
}

static void the_reader_of_a_call_is_left_again_whatever_it_answers(void **state)
{
    struct store_fixture *const fixture = *state;
    struct reader reader = {.next = NULL};
    const uint64_t row[2] = {0};
    reader_add(&fixture->store->readers, &reader);
    const struct write_request write = {.key = 1, .row = row, .want = WANT_ABSENT};
    const struct erase_request erase = {.key = 2};
    assert_status(AKIN_OK, write_entry(fixture->store, &reader, &write));
    assert_status(AKIN_EXISTS, write_entry(fixture->store, &reader, &write));
    assert_status(AKIN_NOT_FOUND, erase_entry(fixture->store, &reader, &erase));
    assert_int_equal(atomic_u64_load_relaxed(&reader.sequence), 6);
    assert_false(rcu_is_inside());
}

/* Fill the pool of commit records up, so that the next one needs the hooks. */
static void use_up_commits(struct store_fixture *fixture)
{
    const struct stack *const free_ones = &fixture->store->commit_records.free;
    rcu_enter();
    while (free_ones->head.head != NULL) {
        void *memory = NULL;
        assert_status(AKIN_OK, pool_take(&fixture->store->commit_records, &memory));
    }
    rcu_leave();
}

static void a_delete_without_memory_commits_with_its_spare_record(void **state)
{
    struct store_fixture *const fixture = *state;
    void *memory = NULL;
    assert_status(AKIN_OK, store_write(fixture, 1, 1, 0, WANT_ABSENT));
    rcu_enter();
    assert_status(AKIN_OK, pool_take(&fixture->store->commit_records, &memory));
    rcu_leave();
    struct commit_record *spare = memory;
    const struct erase_request request = {.key = 1, .spare = &spare};
    use_up_commits(fixture);
    tracking_fail(&fixture->tracking, 0, UINT64_MAX);
    assert_status(AKIN_NO_MEMORY, store_erase(fixture, 1));
    assert_int_equal(store_count(fixture), 1);
    assert_status(AKIN_OK, erase_entry(fixture->store, NULL, &request));
    assert_null(spare);
    assert_int_equal(store_count(fixture), 0);
    assert_true(tracking_fail_stop(&fixture->tracking) > 0);
}

static void a_write_that_runs_out_of_memory_leaves_only_what_maintenance_takes_back(void **state)
{
    struct store_fixture *const fixture = *state;
    uint64_t refusals = 0;
    assert_status(AKIN_OK, store_write(fixture, 1, 1, 10, WANT_ABSENT));
    for (uint64_t skip = 0;; skip++) {
        use_up_commits(fixture);
        tracking_fail(&fixture->tracking, skip, 1);
        const uint64_t stamp = store_frontier(fixture);
        /* Large enough to be alone, so each try needs payload, and now and then slots and keys. */
        const enum akin_status status = store_write(fixture, 2 + skip, 2, 200000, WANT_ABSENT);
        if (tracking_fail_stop(&fixture->tracking) == 0) {
            assert_int_equal(status, AKIN_OK);
            break;
        }
        refusals++;
        assert_int_equal(status, AKIN_NO_MEMORY);
        assert_int_equal(store_frontier(fixture), stamp);
        assert_int_equal(store_count(fixture), 1);
        assert_null(store_record(fixture, 2 + skip));
    }
    assert_true(refusals >= 2);
    (void)store_round(fixture);
    (void)store_round(fixture);
    assert_int_equal(retired(fixture), 0);
    assert_int_equal(atomic_u64_load_relaxed(&fixture->store->payload.live),
                     payload_block_bytes(10) + payload_block_bytes(200000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(insert_update_and_upsert_answer_by_what_is_there),
        STORE_TEST(each_write_is_one_stamp_and_old_stamps_still_read),
        STORE_TEST(what_is_refused_at_once_takes_nothing),
        STORE_TEST(a_key_record_out_of_use_is_replaced_on_the_way),
        STORE_TEST(a_delete_may_be_bound_to_a_version),
        STORE_TEST(the_reader_of_a_call_is_left_again_whatever_it_answers),
        STORE_TEST(a_delete_without_memory_commits_with_its_spare_record),
        STORE_TEST(a_write_that_runs_out_of_memory_leaves_only_what_maintenance_takes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
