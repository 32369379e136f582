/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of maintenance in pieces, and of the maintenance thread as the interface shows it.
 *
 * Goal   : a budget ends a call and not the work: the next call goes on, and many small calls come
 *          to the same end as a large one; a thread that pauses does nothing, one with an interval
 *          looks by itself.
 * Method : counters; akin_check in the middle of rounds. Waits are for counters, never for time.
 */
#include <sched.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <math.h>

#include "base/attributes.h"
#include "support/index_fixture.h"

enum { DIM = 8 };

static void open_index(struct index_fixture *fixture, enum akin_kind kind,
                       enum akin_maintenance maintenance)
{
    fixture->options.kind = kind;
    fixture->options.dim = DIM;
    fixture->options.m = 4;
    fixture->options.ef_construction = 16;
    fixture->options.maintenance = maintenance;
    index_open(fixture);
}

static void insert(struct index_fixture *fixture, uint64_t first, uint64_t end)
{
    uint64_t random = first + 1;
    for (uint64_t key = first; key < end; key++) {
        float row[DIM];
        random_row(&random, SPREAD_UNIT, AKIN_F32, DIM, row);
        const struct akin_vector vector = vector_of(AKIN_F32, DIM, row);
        assert_status(AKIN_OK, akin_insert(fixture->index, key, &vector, NULL, NULL));
    }
}

static void erase(struct index_fixture *fixture, uint64_t first, uint64_t end)
{
    for (uint64_t key = first; key < end; key++) {
        assert_status(AKIN_OK, akin_delete(fixture->index, key, NULL));
    }
}

static void check(struct index_fixture *fixture)
{
    if (akin_check(fixture->index, AKIN_CHECK_DEEP, &fixture->error) != AKIN_OK) {
        fail_msg("%s at %llu: %s", fixture->error.field,
                 (unsigned long long)fixture->error.position, fixture->error.message);
    }
}

/* Maintain with so many slots a call until it says that it is done; how many calls it took. */
static uint64_t maintain_in_pieces(struct index_fixture *fixture, enum akin_maintain_mode mode,
                                   uint64_t slots, uint64_t *used)
{
    struct akin_maintain_budget budget;
    uint64_t calls = 0;
    *used = 0;
    akin_maintain_budget_init(&budget);
    do {
        budget.slots = slots;
        assert_status(AKIN_OK, akin_maintain(fixture->index, mode, &budget, NULL));
        assert_true(budget.used_slots <= slots);
        *used += budget.used_slots;
        calls++;
        if (calls % 16 == 0) {
            check(fixture);
        }
        assert_true(calls < 2000);
    } while (budget.is_done == 0);
    /* Done is done. */
    assert_status(AKIN_OK, akin_maintain(fixture->index, mode, &budget, NULL));
    assert_int_equal(budget.used_slots, 0);
    assert_true(budget.is_done != 0);
    return calls;
}

static void come_to_the_same_end(struct index_fixture *fixture, enum akin_kind kind,
                                 enum akin_maintain_mode mode)
{
    uint64_t used = 0;
    open_index(fixture, kind, AKIN_MAINTENANCE_CALLER);
    insert(fixture, 0, 600);
    erase(fixture, 100, 400);
    assert_true(maintain_in_pieces(fixture, mode, 7, &used) >= 600 / 7);
    assert_true(used >= 600);
    const struct akin_stats stats = index_stats(fixture);
    assert_int_equal(stats.slots_dead, 0);
    assert_int_equal(stats.slots_unlinking, 0);
    assert_int_equal(stats.slots_recycled, 300);
    assert_int_equal(stats.count, 300);
    check(fixture);
    insert(fixture, 1000, 1300);
    assert_int_equal(index_stats(fixture).slots, stats.slots);
    check(fixture);
}

static void a_flat_index_is_drained_in_pieces(void **state)
{
    come_to_the_same_end(*state, AKIN_FLAT, AKIN_MAINTAIN_DRAIN);
}

static void a_graph_is_drained_in_pieces(void **state)
{
    come_to_the_same_end(*state, AKIN_HNSW, AKIN_MAINTAIN_DRAIN);
}

static void a_round_of_a_flat_index_is_done_in_pieces(void **state)
{
    come_to_the_same_end(*state, AKIN_FLAT, AKIN_MAINTAIN_ROUND);
}

static void a_round_of_a_graph_is_done_in_pieces(void **state)
{
    come_to_the_same_end(*state, AKIN_HNSW, AKIN_MAINTAIN_ROUND);
}

static void writes_and_searches_go_on_between_the_pieces(void **state)
{
    struct index_fixture *const fixture = *state;
    struct akin_maintain_budget budget;
    uint64_t key = 1000;
    open_index(fixture, AKIN_HNSW, AKIN_MAINTENANCE_CALLER);
    insert(fixture, 0, 500);
    erase(fixture, 0, 200);
    akin_maintain_budget_init(&budget);
    for (int i = 0; i < 300; i++, key++) {
        budget.slots = 5;
        assert_status(AKIN_OK, akin_maintain(fixture->index, AKIN_MAINTAIN_ROUND, &budget, NULL));
        insert(fixture, key, key + 1);
        if (i % 2 == 0) {
            erase(fixture, 200 + (uint64_t)i / 2, 201 + (uint64_t)i / 2);
        }
    }
    check(fixture);
    index_drain(fixture);
    check(fixture);
    assert_int_equal(index_stats(fixture).slots_dead, 0);
    assert_int_equal(index_count(fixture), 500 - 200 + 300 - 150);
}

static void a_time_that_is_over_at_once_makes_progress_all_the_same(void **state)
{
    struct index_fixture *const fixture = *state;
    struct akin_maintain_budget budget;
    uint64_t calls = 0;
    open_index(fixture, AKIN_HNSW, AKIN_MAINTENANCE_CALLER);
    insert(fixture, 0, 600);
    erase(fixture, 0, 300);
    akin_maintain_budget_init(&budget);
    do {
        budget.time_ns = 1;
        assert_status(AKIN_OK, akin_maintain(fixture->index, AKIN_MAINTAIN_DRAIN, &budget, NULL));
        assert_true(budget.used_slots > 0 || budget.is_done != 0);
        calls++;
    } while (budget.is_done == 0);
    /* In schedule builds time does not decide. */
    assert_true(AKIN_SCHEDULE ? calls >= 1 : calls > 600 / 16);
    assert_int_equal(index_stats(fixture).slots_dead, 0);
}

/* Between two pieces of a sweep nobody needs to be waited for, as long as little was retired. */
static void a_sweep_in_pieces_waits_for_no_grace_periods(void **state)
{
    struct index_fixture *const fixture = *state;
    uint64_t used = 0;
    open_index(fixture, AKIN_HNSW, AKIN_MAINTENANCE_CALLER);
    insert(fixture, 0, 600);
    erase(fixture, 0, 300);
    const uint64_t before = index_stats(fixture).grace_periods;
    const uint64_t calls = maintain_in_pieces(fixture, AKIN_MAINTAIN_ROUND, 7, &used);
    assert_true(calls >= 600 / 7);
    assert_true(index_stats(fixture).grace_periods - before < 12);
}

/* And when much was, the sweep lets a round end, which gives it back. */
static void a_sweep_in_pieces_does_not_hoard_what_it_replaced(void **state)
{
    struct index_fixture *const fixture = *state;
    struct akin_maintain_budget budget;
    uint64_t most = 0;
    uint64_t swept = 0;
    open_index(fixture, AKIN_HNSW, AKIN_MAINTENANCE_CALLER);
    insert(fixture, 0, 8000);
    index_drain(fixture);
    erase(fixture, 0, 2000);
    const uint64_t dead = index_stats(fixture).memory.retired_bytes;
    akin_maintain_budget_init(&budget);
    do {
        budget.slots = 50;
        assert_status(AKIN_OK, akin_maintain(fixture->index, AKIN_MAINTAIN_ROUND, &budget, NULL));
        const uint64_t retired = index_stats(fixture).memory.retired_bytes;
        most = retired > most ? retired : most;
        swept++;
    } while (budget.is_done == 0);
    /* What makes a round begin, half of it from this round and half from the one before; and what
       one piece adds to that. */
    const uint64_t share = index_stats(fixture).memory.total_bytes / 16;
    const uint64_t enough = share > 256 * 1024 ? share : 256 * 1024;
    print_message("%llu bytes dead, at most %llu retired in %llu pieces, %llu begin a round\n",
                  (unsigned long long)dead, (unsigned long long)most, (unsigned long long)swept,
                  (unsigned long long)enough);
    assert_true(most < dead + enough + enough / 4);
}

static void inline_slices_come_to_an_end(void **state)
{
    struct index_fixture *const fixture = *state;
    fixture->options.slice_ns = 1;
    fixture->options.retired_bytes_max = 1024 * 1024;
    open_index(fixture, AKIN_HNSW, AKIN_MAINTENANCE_INLINE);
    insert(fixture, 0, 2000);
    /* Many times what the bound on retired memory holds. */
    for (uint64_t key = 2000; key < 40000; key++) {
        insert(fixture, key, key + 1);
        erase(fixture, key - 2000, key - 1999);
    }
    const struct akin_stats stats = index_stats(fixture);
    assert_int_equal(stats.count, 2000);
    assert_true(stats.graph_sweeps > 2);
    assert_int_equal(stats.reclaim_stalls, 0);
    assert_true(stats.slots < 10000);
    check(fixture);
}

static uint64_t rounds(struct index_fixture *fixture)
{
    return index_stats(fixture).maintenance_rounds;
}

static void await_dead(struct index_fixture *fixture, uint64_t dead)
{
    while (index_stats(fixture).slots_dead > dead) {
        (void)sched_yield();
    }
}

static void a_thread_that_pauses_does_nothing(void **state)
{
    struct index_fixture *const fixture = *state;
    fixture->options.retired_bytes_max = 1024 * 1024;
    fixture->options.worker_interval_ns = 100000;
    open_index(fixture, AKIN_FLAT, AKIN_MAINTENANCE_WORKER);
    insert(fixture, 0, 5000);
    assert_status(AKIN_OK, akin_worker(fixture->index, AKIN_WORKER_PAUSE, NULL));
    const uint64_t before = rounds(fixture);
    erase(fixture, 0, 4000); /* enough to wake it */
    for (int i = 0; i < 1000; i++) {
        (void)sched_yield();
    }
    assert_int_equal(rounds(fixture), before);
    assert_int_equal(index_stats(fixture).slots_dead, 4000);
    assert_status(AKIN_OK, akin_worker(fixture->index, AKIN_WORKER_PAUSE, NULL));
    assert_status(AKIN_OK, akin_worker(fixture->index, AKIN_WORKER_DRAIN, NULL));
    assert_int_equal(index_stats(fixture).slots_dead, 0);
    const uint64_t drained = rounds(fixture);
    erase(fixture, 4000, 5000);
    assert_int_equal(rounds(fixture), drained);
    assert_status(AKIN_OK, akin_worker(fixture->index, AKIN_WORKER_START, NULL));
    await_dead(fixture, 0);
    assert_status(AKIN_OK, akin_worker(fixture->index, AKIN_WORKER_START, NULL));
}

static void a_thread_with_an_interval_looks_by_itself(void **state)
{
    struct index_fixture *const fixture = *state;
    fixture->options.worker_interval_ns = 1000000;
    open_index(fixture, AKIN_FLAT, AKIN_MAINTENANCE_WORKER);
    insert(fixture, 0, 20);
    erase(fixture, 0, 5); /* too few to wake it */
    await_dead(fixture, 0);
    /* Counted at the end of the round that freed them. */
    while (rounds(fixture) == 0) {
        (void)sched_yield();
    }
}

static void a_thread_that_works_in_shares_comes_to_the_end(void **state)
{
    struct index_fixture *const fixture = *state;
    fixture->options.worker_slots = 3;
    fixture->options.worker_interval_ns = 1000000;
    fixture->options.dead_fraction = 0.5f;
    open_index(fixture, AKIN_HNSW, AKIN_MAINTENANCE_WORKER);
    insert(fixture, 0, 400);
    erase(fixture, 0, 100); /* a quarter: too few */
    const uint64_t before = rounds(fixture);
    while (rounds(fixture) < before + 3) {
        (void)sched_yield();
    }
    assert_int_equal(index_stats(fixture).slots_dead, 100);
    assert_int_equal(index_stats(fixture).slots_unlinking, 0);
    /* All in one batch: what is deleted after it was begun would again be too few. */
    assert_status(AKIN_OK, akin_worker(fixture->index, AKIN_WORKER_PAUSE, NULL));
    erase(fixture, 100, 250);
    assert_status(AKIN_OK, akin_worker(fixture->index, AKIN_WORKER_START, NULL));
    await_dead(fixture, 0);
    /* Counted after it is free. */
    while (index_stats(fixture).slots_recycled < 250) {
        (void)sched_yield();
    }
    assert_int_equal(index_stats(fixture).slots_recycled, 250);
}

static void the_child_of_a_fork_starts_its_own(void **state)
{
    struct index_fixture *const fixture = *state;
    if (AKIN_TSAN) {
        print_message("ThreadSanitizer allows no threads in the child of a program with threads\n");
        skip();
    }
    fixture->options.worker_interval_ns = 1000000;
    open_index(fixture, AKIN_FLAT, AKIN_MAINTENANCE_WORKER);
    insert(fixture, 0, 50);
    assert_status(AKIN_OK, akin_worker(fixture->index, AKIN_WORKER_PAUSE, NULL));
    const pid_t child = fork();
    if (child == 0) {
        struct akin_stats stats = {.struct_size = sizeof stats};
        bool worked = akin_worker(fixture->index, AKIN_WORKER_PAUSE, NULL) == AKIN_OK &&
                      akin_worker(fixture->index, AKIN_WORKER_START, NULL) == AKIN_OK;
        worked = worked && akin_delete(fixture->index, 1, NULL) == AKIN_OK;
        do {
            worked = worked && akin_stats_get(fixture->index, &stats, NULL) == AKIN_OK;
        } while (worked && stats.slots_dead > 0);
        worked = worked && akin_close(fixture->index) == AKIN_OK;
        _exit(worked ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_status(AKIN_OK, akin_worker(fixture->index, AKIN_WORKER_START, NULL));
}

static void bad_arguments_are_named(void **state)
{
    struct index_fixture *const fixture = *state;
    struct akin_error *const error = &fixture->error;
    struct akin_maintain_budget budget;
    struct akin_options options = fixture->options;
    open_index(fixture, AKIN_FLAT, AKIN_MAINTENANCE_INLINE);
    akin_maintain_budget_init(&budget);
    budget.struct_size = 5;
    assert_status(AKIN_BAD_STRUCT_SIZE,
                  akin_maintain(fixture->index, AKIN_MAINTAIN_ROUND, &budget, error));
    assert_error(error, AKIN_BAD_STRUCT_SIZE, "budget.struct_size");
    assert_status(AKIN_BAD_ARGUMENT, akin_worker(NULL, AKIN_WORKER_START, error));
    assert_error(error, AKIN_BAD_ARGUMENT, "index");
    assert_status(AKIN_BAD_ARGUMENT,
                  akin_worker(fixture->index, (enum akin_worker_action)4, error));
    assert_error(error, AKIN_BAD_ARGUMENT, "action");
    assert_status(AKIN_BAD_ARGUMENT, akin_worker(fixture->index, AKIN_WORKER_PAUSE, error));
    assert_error(error, AKIN_BAD_ARGUMENT, "options.maintenance");
    options.dim = DIM;
    const float bad[] = {-0.1f, 1.5f, NAN};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        options.dead_fraction = bad[i];
        assert_status(AKIN_BAD_ARGUMENT, akin_options_validate(&options, error));
        assert_error(error, AKIN_BAD_ARGUMENT, "dead_fraction");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INDEX_TEST(a_flat_index_is_drained_in_pieces),
        INDEX_TEST(a_graph_is_drained_in_pieces),
        INDEX_TEST(a_round_of_a_flat_index_is_done_in_pieces),
        INDEX_TEST(a_round_of_a_graph_is_done_in_pieces),
        INDEX_TEST(writes_and_searches_go_on_between_the_pieces),
        INDEX_TEST(a_time_that_is_over_at_once_makes_progress_all_the_same),
        INDEX_TEST(a_sweep_in_pieces_waits_for_no_grace_periods),
        INDEX_TEST(a_sweep_in_pieces_does_not_hoard_what_it_replaced),
        INDEX_TEST(inline_slices_come_to_an_end),
        INDEX_TEST(a_thread_that_pauses_does_nothing),
        INDEX_TEST(a_thread_with_an_interval_looks_by_itself),
        INDEX_TEST(a_thread_that_works_in_shares_comes_to_the_end),
        INDEX_TEST(the_child_of_a_fork_starts_its_own),
        INDEX_TEST(bad_arguments_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
