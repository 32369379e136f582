/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of thread numbers: which thread this is, and whether another one still exists.
 *
 * Goal   : a living thread is never said to be dead; one that was joined is.
 * Method : numbers taken by threads of the test, judged while they live and after they ended.
 */
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/store_fixture.h"
#include "sync/atomic.h"
#include "sync/thread.h"

static void a_thread_has_one_number_that_is_not_zero_and_lives(void **state)
{
    const uint32_t number = thread_number();
    (void)state;
    assert_int_not_equal(number, 0);
    assert_int_equal(thread_number(), number);
    errno = ERRNO_SENTINEL;
    assert_false(thread_is_dead(number));
    assert_false(thread_is_dead(0));
    assert_int_equal(errno, ERRNO_SENTINEL);
    assert_int_not_equal(process_generation(), 0);
    assert_int_equal(process_generation(), process_generation());
}

static void a_child_of_a_fork_has_another_generation_and_asks_for_its_number_anew(void **state)
{
    const uint64_t generation = process_generation();
    const uint32_t number = thread_number();
    int status = 0;
    (void)state;
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const uint64_t of_child = process_generation();
        const bool anew = of_child != generation && thread_number() != number &&
                          !thread_is_dead(thread_number()) && process_generation() == of_child;
        _exit(anew ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(process_generation(), generation);
    assert_int_equal(thread_number(), number);
}

struct guest {
    struct atomic_u32 number;
    pthread_barrier_t arrived;
    pthread_barrier_t judged;
};

static void *visit(void *context)
{
    struct guest *const guest = context;
    atomic_u32_store_release(&guest->number, thread_number());
    (void)pthread_barrier_wait(&guest->arrived);
    (void)pthread_barrier_wait(&guest->judged);
    return NULL;
}

static void another_thread_has_another_number_and_is_dead_once_it_was_joined(void **state)
{
    static struct guest guest;
    pthread_t thread;
    (void)state;
    assert_int_equal(pthread_barrier_init(&guest.arrived, NULL, 2), 0);
    assert_int_equal(pthread_barrier_init(&guest.judged, NULL, 2), 0);
    assert_int_equal(pthread_create(&thread, NULL, visit, &guest), 0);
    (void)pthread_barrier_wait(&guest.arrived);
    const uint32_t number = atomic_u32_load_acquire(&guest.number);
    assert_int_not_equal(number, thread_number());
    assert_false(thread_is_dead(number));
    (void)pthread_barrier_wait(&guest.judged);
    assert_int_equal(pthread_join(thread, NULL), 0);
    errno = ERRNO_SENTINEL;
    /* The join is answered when the kernel has cleared the thread's number, a moment before the
       number is free. */
    while (!thread_is_dead(number)) {
    }
    assert_int_equal(errno, ERRNO_SENTINEL);
    pthread_barrier_destroy(&guest.arrived);
    pthread_barrier_destroy(&guest.judged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_has_one_number_that_is_not_zero_and_lives),
        cmocka_unit_test(a_child_of_a_fork_has_another_generation_and_asks_for_its_number_anew),
        cmocka_unit_test(another_thread_has_another_number_and_is_dead_once_it_was_joined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
