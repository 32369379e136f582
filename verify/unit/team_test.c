/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of teams of threads.
 *
 * Goal   : every item is done once, by a member that there is; a run begins when the one before it
 *          has ended; the caller alone is a team too.
 * Method : items that note who did them, in plain memory: the thread sanitizer sees whether a run
 *          orders them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "sync/team.h"

enum { ITEMS = 2000, RUNS = 20, MEMBERS_MAX = 5 };

struct work {
    uint32_t done[ITEMS];
    uint32_t member[ITEMS];
    pthread_t thread[ITEMS];
};

static void note(void *context, uint32_t member, uint32_t item)
{
    struct work *const work = context;
    work->done[item]++;
    work->member[item] = member;
    work->thread[item] = pthread_self();
}

static void every_item_is_done_once_in_each_run(void **state)
{
    static struct work work;
    (void)state;
    for (uint32_t wanted = 1; wanted <= MEMBERS_MAX; wanted++) {
        struct team team;
        struct team_member members[MEMBERS_MAX];
        memset(&work, 0, sizeof work);
        errno = 4711;
        assert_true(team_start(&team, members, wanted));
        assert_int_equal(team.size, wanted);
        for (uint32_t run = 1; run <= RUNS; run++) {
            team_run(&team, note, &work, ITEMS);
            for (uint32_t item = 0; item < ITEMS; item++) {
                assert_int_equal(work.done[item], run);
                assert_in_range(work.member[item], 0, team.size - 1);
                assert_int_equal(pthread_equal(work.thread[item], pthread_self()) != 0,
                                 work.member[item] == 0);
            }
        }
        team_run(&team, note, &work, 0);
        team_run(&team, note, &work, 1);
        assert_int_equal(work.done[0], RUNS + 1);
        assert_int_equal(work.done[1], RUNS);
        team_end(&team);
        assert_int_equal(errno, 4711);
    }
}

/* Two items that wait for each other: two members are at it at the same time. */
struct meeting {
    pthread_barrier_t barrier;
    uint32_t open_signals[2]; /* signals that are not blocked, of each member */
};

static void meet(void *context, uint32_t member, uint32_t item)
{
    struct meeting *const meeting = context;
    sigset_t blocked;
    (void)item;
    (void)pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    meeting->open_signals[member] = sigismember(&blocked, SIGTERM) == 1 ? 0 : 1;
    (void)pthread_barrier_wait(&meeting->barrier);
}

static void members_work_at_the_same_time_and_take_no_signals(void **state)
{
    struct team team;
    struct team_member members[2];
    struct meeting meeting = {.open_signals = {2, 2}};
    (void)state;
    assert_int_equal(pthread_barrier_init(&meeting.barrier, NULL, 2), 0);
    assert_true(team_start(&team, members, 2));
    assert_int_equal(team.size, 2);
    team_run(&team, meet, &meeting, 2);
    team_end(&team);
    assert_int_equal(meeting.open_signals[0], 1);
    assert_int_equal(meeting.open_signals[1], 0);
    assert_int_equal(pthread_barrier_destroy(&meeting.barrier), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_item_is_done_once_in_each_run),
        cmocka_unit_test(members_work_at_the_same_time_and_take_no_signals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
