/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of read sections and grace periods.
 *
 * Goal   : sections nest, a thread knows whether it is inside, a grace period ends, and only after
 *          the sections that were there before it.
 * Method : one thread where one will do; two where somebody has to be waited for. What depends on
 *          the schedule can pass a broken library, but never fails a correct one.
 */
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <urcu/urcu-bp.h>

#include "support/store_fixture.h"
#include "sync/atomic.h"
#include "sync/rcu.h"

static void sections_nest_and_a_thread_knows_that_it_is_inside(void **state)
{
    (void)state;
    assert_false(rcu_is_inside());
    rcu_enter();
    rcu_enter();
    assert_true(rcu_is_inside());
    rcu_leave();
    assert_true(rcu_is_inside());
    rcu_leave();
    assert_false(rcu_is_inside());
}

static void a_section_of_the_program_counts_as_well(void **state)
{
    (void)state;
    urcu_bp_read_lock();
    assert_true(rcu_is_inside());
    rcu_enter();
    rcu_leave();
    assert_true(rcu_is_inside());
    urcu_bp_read_unlock();
    assert_false(rcu_is_inside());
}

static void look_inside(void *argument)
{
    *(bool *)argument = rcu_is_inside();
}

static void inside_is_a_matter_of_each_thread(void **state)
{
    bool is_inside = true;
    (void)state;
    rcu_enter();
    in_a_thread(look_inside, &is_inside);
    assert_false(is_inside);
    rcu_leave();
}

static void a_grace_period_without_readers_ends_and_keeps_errno(void **state)
{
    (void)state;
    errno = ERRNO_SENTINEL;
    for (int i = 0; i < 100; i++) {
        rcu_wait();
    }
    assert_int_equal(errno, ERRNO_SENTINEL);
}

static void enter_and_die(void *argument)
{
    (void)argument;
    rcu_enter();
}

static void a_thread_that_died_inside_does_not_hold_back_grace_periods(void **state)
{
    (void)state;
    in_a_thread(enter_and_die, NULL);
    rcu_wait();
}

struct waiter {
    struct atomic_u32 started;
    struct atomic_u32 left;
    uint32_t left_seen;
};

static void *wait_for_reader(void *context)
{
    struct waiter *const waiter = context;
    atomic_u32_store_release(&waiter->started, 1);
    rcu_wait();
    waiter->left_seen = atomic_u32_load_acquire(&waiter->left);
    return NULL;
}

static void a_grace_period_does_not_end_before_a_section_that_began_earlier(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct waiter waiter;
        pthread_t thread;
        memset(&waiter, 0, sizeof waiter);
        rcu_enter();
        assert_int_equal(pthread_create(&thread, NULL, wait_for_reader, &waiter), 0);
        while (atomic_u32_load_acquire(&waiter.started) == 0) {
            (void)sched_yield();
        }
        for (int turn = 0; turn < 100; turn++) {
            (void)sched_yield(); /* room for the waiter to return too early, if it does */
        }
        atomic_u32_store_release(&waiter.left, 1);
        rcu_leave();
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(waiter.left_seen, 1);
    }
}

static void *wait_while_cancelled(void *context)
{
    struct atomic_u32 *const survived = context;
    int before = -1;
    (void)pthread_cancel(pthread_self());
    rcu_wait();
    atomic_u32_store_release(survived, 1);
    /* The state is as it was: enabled. */
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    if (before == PTHREAD_CANCEL_ENABLE) {
        atomic_u32_store_release(survived, 2);
    }
    (void)pthread_setcancelstate(before, &before);
    pthread_testcancel();
    return NULL;
}

static void a_grace_period_is_no_cancellation_point(void **state)
{
    struct atomic_u32 survived = {0};
    pthread_t thread;
    void *result = NULL;
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, wait_while_cancelled, &survived), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_int_equal(atomic_u32_load_acquire(&survived), 2);
    assert_ptr_equal(result, PTHREAD_CANCELED);
}

static void the_flavour_is_named(void **state)
{
    (void)state;
    assert_non_null(strstr(rcu_description(), "liburcu-bp"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sections_nest_and_a_thread_knows_that_it_is_inside),
        cmocka_unit_test(a_section_of_the_program_counts_as_well),
        cmocka_unit_test(inside_is_a_matter_of_each_thread),
        cmocka_unit_test(a_grace_period_without_readers_ends_and_keeps_errno),
        cmocka_unit_test(a_thread_that_died_inside_does_not_hold_back_grace_periods),
        cmocka_unit_test(a_grace_period_does_not_end_before_a_section_that_began_earlier),
        cmocka_unit_test(a_grace_period_is_no_cancellation_point),
        cmocka_unit_test(the_flavour_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
