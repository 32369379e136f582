/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of accounted memory.
 *
 * Goal   : every byte is counted by its kind, the kinds add up to the total, and the total never
 *          passes the budget, not by one byte.
 * Method : one account on one thread, tried at both sides of each bound.
 */
#include "support/store_fixture.h"

struct account {
    struct tracking_allocator tracking;
    struct memory memory;
};

static struct account account;

static int account_setup(void **state)
{
    tracking_init(&account.tracking);
    account.memory = account_of(&account.tracking, 10000);
    *state = &account;
    return 0;
}

static int account_teardown(void **state)
{
    (void)state;
    tracking_end(&account.tracking);
    return 0;
}

#define ACCOUNT_TEST(test) cmocka_unit_test_setup_teardown(test, account_setup, account_teardown)

static uint64_t total_of(const struct memory *memory)
{
    struct akin_memory report;
    memory_report(memory, &report);
    assert_true(report.rows_bytes + report.slots_bytes + report.links_bytes + report.codes_bytes +
                    report.map_bytes + report.payload_bytes + report.commits_bytes +
                    report.contexts_bytes + report.other_bytes ==
                report.total_bytes);
    return report.total_bytes;
}

static void the_budget_is_exact(void **state)
{
    struct memory *const memory = &account.memory;
    (void)state;
    assert_status(AKIN_OVER_BUDGET, memory_charge(memory, MEMORY_MAP, 10001));
    assert_int_equal(total_of(memory), 0);
    assert_status(AKIN_OK, memory_charge(memory, MEMORY_MAP, 9999));
    assert_status(AKIN_OVER_BUDGET, memory_charge(memory, MEMORY_ROWS, 2));
    assert_status(AKIN_OK, memory_charge(memory, MEMORY_ROWS, 1));
    assert_status(AKIN_OVER_BUDGET, memory_charge(memory, MEMORY_ROWS, 1));
    assert_status(AKIN_OK, memory_charge(memory, MEMORY_ROWS, 0));
    assert_int_equal(total_of(memory), 10000);
    memory_uncharge(memory, MEMORY_MAP, 9999);
    assert_status(AKIN_OVER_BUDGET, memory_charge(memory, MEMORY_ROWS, UINT64_MAX));
    assert_int_equal(total_of(memory), 1);
    memory_uncharge(memory, MEMORY_ROWS, 1);
    assert_int_equal(total_of(memory), 0);
}

static void no_budget_is_no_bound(void **state)
{
    struct memory memory = account_of(&account.tracking, 0);
    (void)state;
    assert_status(AKIN_OK, memory_charge(&memory, MEMORY_MAP, 1ull << 62));
    assert_int_equal(total_of(&memory), 1ull << 62);
    memory_uncharge(&memory, MEMORY_MAP, 1ull << 62);
}

static void each_kind_is_reported_in_its_own_field(void **state)
{
    struct memory *const memory = &account.memory;
    struct akin_memory report;
    (void)state;
    for (int kind = 0; kind < MEMORY_KIND_COUNT; kind++) {
        assert_status(AKIN_OK,
                      memory_charge(memory, (enum memory_kind)kind, 1ull << (unsigned)kind));
    }
    memory_report(memory, &report);
    assert_int_equal(report.rows_bytes, 1u << MEMORY_ROWS);
    assert_int_equal(report.slots_bytes, 1u << MEMORY_SLOTS);
    assert_int_equal(report.map_bytes, 1u << MEMORY_MAP);
    assert_int_equal(report.payload_bytes, 1u << MEMORY_PAYLOAD);
    assert_int_equal(report.commits_bytes, 1u << MEMORY_COMMITS);
    assert_int_equal(report.contexts_bytes, 1u << MEMORY_CONTEXTS);
    assert_int_equal(report.other_bytes, 1u << MEMORY_OTHER);
    assert_int_equal(report.links_bytes, 1u << MEMORY_LINKS);
    assert_int_equal(report.codes_bytes, 1u << MEMORY_CODES);
    assert_int_equal(total_of(memory), (1u << MEMORY_KIND_COUNT) - 1);
}

static void what_is_taken_is_charged_as_the_hook_sees_it(void **state)
{
    struct memory *const memory = &account.memory;
    void *block = NULL;
    (void)state;
    assert_status(AKIN_OK, memory_take(memory, MEMORY_SLOTS, 100, 64, &block));
    assert_non_null(block);
    assert_int_equal(total_of(memory), 128);
    assert_int_equal(tracking_live_bytes(&account.tracking), 128);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(((unsigned char *)block)[i], 0);
    }
    memory_give(memory, MEMORY_SLOTS, block, 100, 64);
    assert_int_equal(total_of(memory), 0);
    memory_give(memory, MEMORY_SLOTS, NULL, 100, 64);
    assert_int_equal(total_of(memory), 0);
    assert_status(AKIN_OK, memory_take_raw(memory, MEMORY_ROWS, 10000 - 16, 16, &block));
    memory_give(memory, MEMORY_ROWS, block, 10000 - 16, 16);
}

static void a_refused_take_leaves_account_and_pointer_alone(void **state)
{
    struct memory *const memory = &account.memory;
    int there;
    void *block = &there;
    (void)state;
    tracking_fail(&account.tracking, 0, 1);
    assert_status(AKIN_NO_MEMORY, memory_take(memory, MEMORY_ROWS, 100, 64, &block));
    assert_int_equal(tracking_fail_stop(&account.tracking), 1);
    assert_ptr_equal(block, &there);
    assert_int_equal(total_of(memory), 0);
    const uint64_t calls = tracking_calls(&account.tracking);
    assert_status(AKIN_OVER_BUDGET, memory_take_raw(memory, MEMORY_ROWS, 9985, 64, &block));
    assert_ptr_equal(block, &there);
    assert_int_equal(tracking_calls(&account.tracking), calls); /* the hook was not asked */
    assert_int_equal(total_of(memory), 0);
}

static void calls_of_the_hook_are_counted(void **state)
{
    struct memory *const memory = &account.memory;
    void *blocks[3];
    (void)state;
    for (uint64_t i = 0; i < 3; i++) {
        assert_int_equal(atomic_u64_load_relaxed(&memory->allocations), i);
        assert_status(AKIN_OK, memory_take(memory, MEMORY_OTHER, 64, 64, &blocks[i]));
    }
    for (int i = 0; i < 3; i++) {
        memory_give(memory, MEMORY_OTHER, blocks[i], 64, 64);
    }
    assert_int_equal(atomic_u64_load_relaxed(&memory->allocations), 3);
}

static void retired_bytes_stall_from_their_bound_on(void **state)
{
    const struct akin_allocator hooks = tracking_hooks(&account.tracking);
    struct memory memory;
    struct akin_memory report;
    (void)state;
    memory_init(&memory, &hooks, 0, 1000);
    assert_false(memory_is_stalled(&memory));
    memory_retire(&memory, 999);
    assert_false(memory_is_stalled(&memory));
    memory_retire(&memory, 1);
    assert_true(memory_is_stalled(&memory));
    memory_retire(&memory, 500);
    memory_report(&memory, &report);
    assert_int_equal(report.retired_bytes, 1500);
    assert_int_equal(report.total_bytes, 0);
    memory_reclaim(&memory, 501);
    assert_false(memory_is_stalled(&memory));
    memory_reclaim(&memory, 999);
    memory_report(&memory, &report);
    assert_int_equal(report.retired_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ACCOUNT_TEST(the_budget_is_exact),
        ACCOUNT_TEST(no_budget_is_no_bound),
        ACCOUNT_TEST(each_kind_is_reported_in_its_own_field),
        ACCOUNT_TEST(what_is_taken_is_charged_as_the_hook_sees_it),
        ACCOUNT_TEST(a_refused_take_leaves_account_and_pointer_alone),
        ACCOUNT_TEST(calls_of_the_hook_are_counted),
        ACCOUNT_TEST(retired_bytes_stall_from_their_bound_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
