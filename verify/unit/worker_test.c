/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of the maintenance thread.
 *
 * Goal   : it runs a round when it is asked to, takes no signal of the program, ends when told, and
 *          says so when it cannot start.
 * Method : the worker on the store of the fixture; waiting is for what must come, not for time.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "maintain/worker.h"
#include "support/store_fixture.h"

static uint64_t rounds(const struct store_fixture *fixture)
{
    return atomic_u64_load_relaxed(&fixture->maintainer->rounds);
}

/* Ask for a round until one more has ended. */
static const struct worker_plan plain = {0};

static void await_round(struct store_fixture *fixture, struct worker *worker)
{
    const uint64_t before = rounds(fixture);
    while (rounds(fixture) == before) {
        worker_wake(worker);
        (void)sched_yield();
    }
}

static void a_round_comes_when_it_is_asked_for(void **state)
{
    struct store_fixture *const fixture = *state;
    struct worker worker;
    assert_status(AKIN_OK, store_write(fixture, 1, 1, 0, WANT_ABSENT));
    assert_status(AKIN_OK, store_erase(fixture, 1));
    assert_true(worker_start(&worker, fixture->maintainer, &plain));
    await_round(fixture, &worker);
    while (atomic_u64_load_relaxed(&fixture->store->slots.free_count) == 0) {
        await_round(fixture, &worker);
    }
    worker_stop(&worker);
    assert_int_equal(store_state(fixture, 0), SLOT_FREE);
}

static void it_ends_though_nobody_ever_asked(void **state)
{
    struct store_fixture *const fixture = *state;
    for (int i = 0; i < 20; i++) {
        struct worker worker;
        assert_true(worker_start(&worker, fixture->maintainer, &plain));
        worker_stop(&worker);
    }
    assert_int_equal(rounds(fixture), 0);
}

static void it_stands_back_while_somebody_else_maintains(void **state)
{
    struct store_fixture *const fixture = *state;
    struct worker worker;
    assert_true(maintain_claim(fixture->maintainer));
    assert_true(worker_start(&worker, fixture->maintainer, &plain));
    for (int i = 0; i < 100; i++) {
        worker_wake(&worker);
        (void)sched_yield();
    }
    assert_int_equal(rounds(fixture), 0);
    maintain_release(fixture->maintainer);
    await_round(fixture, &worker);
    worker_stop(&worker);
}

static void starting_asking_and_stopping_keep_errno_and_the_signal_mask(void **state)
{
    struct store_fixture *const fixture = *state;
    struct worker worker;
    sigset_t before;
    sigset_t after;
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &before), 0);
    errno = ERRNO_SENTINEL;
    assert_true(worker_start(&worker, fixture->maintainer, &plain));
    worker_wake(&worker);
    worker_stop(&worker);
    assert_int_equal(errno, ERRNO_SENTINEL);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
    for (int number = 1; number < 32; number++) {
        assert_int_equal(sigismember(&before, number), sigismember(&after, number));
    }
}

static volatile sig_atomic_t signals_here;
static pthread_t main_thread;

static void take_signal(int number)
{
    (void)number;
    signals_here += pthread_equal(pthread_self(), main_thread) ? 1 : 1000;
}

static void a_signal_of_the_program_is_not_taken_by_it(void **state)
{
    struct store_fixture *const fixture = *state;
    struct worker worker;
    struct sigaction action = {.sa_handler = take_signal};
    struct sigaction before;
    main_thread = pthread_self();
    signals_here = 0;
    assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
    assert_true(worker_start(&worker, fixture->maintainer, &plain));
    await_round(fixture, &worker);
    assert_int_equal(kill(getpid(), SIGUSR1), 0);
    while (signals_here == 0) {
    }
    worker_stop(&worker);
    assert_int_equal(signals_here, 1);
    assert_int_equal(sigaction(SIGUSR1, &before, NULL), 0);
}

static void a_thread_that_cannot_be_had_is_reported(void **state)
{
    struct store_fixture *const fixture = *state;
    struct worker worker;
    pthread_attr_t ordinary;
    pthread_attr_t huge;
    /* No address space has room for such a stack. */
    assert_int_equal(pthread_getattr_default_np(&ordinary), 0);
    assert_int_equal(pthread_attr_init(&huge), 0);
    assert_int_equal(pthread_attr_setstacksize(&huge, (size_t)1 << 47), 0);
    assert_int_equal(pthread_setattr_default_np(&huge), 0);
    errno = ERRNO_SENTINEL;
    const bool started = worker_start(&worker, fixture->maintainer, &plain);
    assert_int_equal(errno, ERRNO_SENTINEL);
    assert_int_equal(pthread_setattr_default_np(&ordinary), 0);
    assert_false(started);
    pthread_attr_destroy(&huge);
    pthread_attr_destroy(&ordinary);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_round_comes_when_it_is_asked_for),
        STORE_TEST(it_ends_though_nobody_ever_asked),
        STORE_TEST(it_stands_back_while_somebody_else_maintains),
        STORE_TEST(starting_asking_and_stopping_keep_errno_and_the_signal_mask),
        STORE_TEST(a_signal_of_the_program_is_not_taken_by_it),
        STORE_TEST(a_thread_that_cannot_be_had_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
