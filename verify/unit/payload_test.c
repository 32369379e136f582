/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of the payload arena.
 *
 * Goal   : byte ranges are disjoint and have one owner; a chunk is given back when it is closed and
 *          empty before and after a grace period, and not otherwise.
 * Method : an arena of its own; every byte of every range is written and read back. One thread.
 */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "store/payload.h"
#include "support/store_fixture.h"
#include "sync/rcu.h"

struct arena_world {
    struct tracking_allocator tracking;
    struct memory memory;
    struct payload_arena arena;
};

static struct arena_world world;

static int arena_setup(void **state)
{
    tracking_init(&world.tracking);
    world.memory = account_of(&world.tracking, 0);
    payload_init(&world.arena, &world.memory);
    *state = &world;
    return 0;
}

static int arena_teardown(void **state)
{
    (void)state;
    payload_end(&world.arena);
    assert_int_equal(atomic_u64_load_relaxed(&world.memory.total), 0);
    tracking_end(&world.tracking);
    return 0;
}

#define ARENA_TEST(test) cmocka_unit_test_setup_teardown(test, arena_setup, arena_teardown)

static enum akin_status try_reserve(uint64_t size, struct payload_block **block)
{
    rcu_enter();
    const enum akin_status status = payload_reserve(&world.arena, size, block);
    rcu_leave();
    return status;
}

static struct payload_block *reserve(uint64_t size)
{
    struct payload_block *block = NULL;
    assert_status(AKIN_OK, try_reserve(size, &block));
    assert_non_null(block);
    assert_int_equal(block->size, size);
    return block;
}

/* Give back what is empty, as maintenance does. */
static bool collect(void)
{
    const bool found = payload_mark(&world.arena);
    rcu_wait();
    if (found) {
        payload_sweep(&world.arena);
    }
    return found;
}

static uint64_t chunks_held(void)
{
    return tracking_live_blocks(&world.tracking);
}

/* Blocks of this size fill a shared chunk exactly. */
#define EIGHTH (PAYLOAD_SHARED_BYTES_MAX - sizeof(struct payload_block))

static void ranges_of_all_sizes_are_disjoint_and_keep_their_bytes(void **state)
{
    enum { COUNT = 2000 };
    static struct payload_block *blocks[COUNT];
    uint64_t random = test_seed();
    uint64_t live = 0;
    (void)state;
    for (uint64_t i = 0; i < COUNT; i++) {
        const uint64_t size = i < 40 ? i : random_below(&random, i % 100 == 0 ? 300000 : 4000);
        blocks[i] = reserve(size);
        assert_int_equal((uintptr_t)payload_bytes(blocks[i]) % PAYLOAD_ALIGNMENT_BYTES, 0);
        pattern_bytes(i, size, payload_bytes(blocks[i]), size);
        live += payload_block_bytes(size);
    }
    for (uint64_t i = 0; i < COUNT; i++) {
        assert_true(
            pattern_bytes_are(i, blocks[i]->size, payload_bytes(blocks[i]), blocks[i]->size));
    }
    assert_int_equal(payload_live_bytes(&world.arena), live);
    assert_int_equal(atomic_u64_load_relaxed(&world.arena.live), live);
    for (uint64_t i = 0; i < COUNT; i++) {
        payload_release(&world.arena, blocks[i]);
    }
    assert_int_equal(payload_live_bytes(&world.arena), 0);
    assert_int_equal(atomic_u64_load_relaxed(&world.arena.live), 0);
}

static void a_block_takes_its_head_and_is_rounded_up(void **state)
{
    (void)state;
    assert_int_equal(payload_block_bytes(0), 16);
    assert_int_equal(payload_block_bytes(1), 24);
    assert_int_equal(payload_block_bytes(8), 24);
    assert_int_equal(payload_block_bytes(9), 32);
    assert_int_equal(payload_block_bytes(AKIN_PAYLOAD_BYTES_MAX), AKIN_PAYLOAD_BYTES_MAX + 16);
}

static void small_ones_share_a_chunk_up_to_its_last_byte(void **state)
{
    (void)state;
    const struct payload_block *const first = reserve(EIGHTH);
    for (int i = 1; i < 8; i++) {
        assert_ptr_equal(reserve(EIGHTH)->chunk, first->chunk);
    }
    assert_int_equal(chunks_held(), 1);
    assert_ptr_not_equal(reserve(1)->chunk, first->chunk);
    assert_int_equal(chunks_held(), 2);
}

static void a_range_that_would_pass_the_end_opens_a_new_chunk_and_is_not_counted(void **state)
{
    (void)state;
    const struct payload_block *const first = reserve(EIGHTH - 8);
    for (int i = 1; i < 7; i++) {
        (void)reserve(EIGHTH);
    }
    assert_int_equal(chunks_held(), 1);
    const uint64_t live = payload_live_bytes(&world.arena);
    const struct payload_block *const other = reserve(EIGHTH); /* 8 bytes would be left */
    assert_ptr_equal(other->chunk, first->chunk);
    const struct payload_block *const third = reserve(EIGHTH);
    assert_ptr_not_equal(third->chunk, first->chunk);
    assert_int_equal(payload_live_bytes(&world.arena), live + 2 * PAYLOAD_SHARED_BYTES_MAX);
    assert_int_equal(atomic_u64_load_relaxed(&third->chunk->live), PAYLOAD_SHARED_BYTES_MAX);
}

static void a_large_one_is_alone_and_goes_as_soon_as_it_is_empty(void **state)
{
    (void)state;
    const struct payload_block *const small = reserve(10);
    struct payload_block *const large = reserve(EIGHTH + 1);
    struct payload_block *const huge = reserve(AKIN_PAYLOAD_BYTES_MAX);
    assert_ptr_not_equal(large->chunk, small->chunk);
    assert_ptr_not_equal(large->chunk, huge->chunk);
    assert_ptr_equal(reserve(10)->chunk, small->chunk);
    assert_int_equal(large->chunk->capacity, payload_block_bytes(EIGHTH + 1));
    pattern_bytes(1, 1, payload_bytes(huge), AKIN_PAYLOAD_BYTES_MAX);
    assert_int_equal(chunks_held(), 3);
    assert_false(collect());
    payload_release(&world.arena, huge);
    assert_true(collect());
    assert_int_equal(chunks_held(), 2);
    payload_release(&world.arena, large);
    assert_true(collect());
    assert_int_equal(chunks_held(), 1);
}

static void the_chunk_that_is_being_filled_stays_though_it_is_empty(void **state)
{
    (void)state;
    payload_release(&world.arena, reserve(100));
    assert_int_equal(payload_live_bytes(&world.arena), 0);
    assert_false(collect());
    assert_int_equal(chunks_held(), 1);
}

/* Fill a shared chunk with eight blocks. */
static void fill_chunk(struct payload_block **blocks)
{
    for (int i = 0; i < 8; i++) {
        blocks[i] = reserve(EIGHTH);
        assert_ptr_equal(blocks[i]->chunk, blocks[0]->chunk);
    }
}

static void a_closed_chunk_goes_with_its_last_payload_wherever_it_is_in_the_list(void **state)
{
    struct payload_block *blocks[3][8];
    static const int order[] = {1, 0, 2};
    (void)state;
    for (int i = 0; i < 3; i++) {
        fill_chunk(blocks[i]);
    }
    (void)reserve(1);
    assert_int_equal(chunks_held(), 4);
    for (uint64_t i = 0; i < 3; i++) {
        for (int k = 0; k < 7; k++) {
            payload_release(&world.arena, blocks[order[i]][k]);
        }
        assert_false(collect());
        payload_release(&world.arena, blocks[order[i]][7]);
        assert_true(collect());
        assert_int_equal(chunks_held(), 3 - i);
    }
}

static void several_empty_chunks_go_in_one_sweep(void **state)
{
    struct payload_block *blocks[3][8];
    (void)state;
    for (int i = 0; i < 3; i++) {
        fill_chunk(blocks[i]);
    }
    struct payload_block *const last = reserve(1);
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 8; k++) {
            payload_release(&world.arena, blocks[i][k]);
        }
    }
    assert_true(collect());
    assert_int_equal(chunks_held(), 1);
    payload_release(&world.arena, last);
}

static void a_chunk_that_became_empty_only_after_the_mark_waits_for_the_next(void **state)
{
    struct payload_block *blocks[2][8];
    (void)state;
    fill_chunk(blocks[0]);
    fill_chunk(blocks[1]);
    (void)reserve(1);
    for (int k = 0; k < 8; k++) {
        payload_release(&world.arena, blocks[0][k]);
    }
    assert_true(payload_mark(&world.arena));
    for (int k = 0; k < 8; k++) {
        payload_release(&world.arena, blocks[1][k]);
    }
    rcu_wait();
    payload_sweep(&world.arena);
    assert_int_equal(chunks_held(), 2);
    assert_true(collect());
    assert_int_equal(chunks_held(), 1);
}

static void a_chunk_that_was_current_at_the_mark_is_not_swept(void **state)
{
    struct payload_block *blocks[8];
    (void)state;
    fill_chunk(blocks); /* full, but current until somebody needs the next */
    for (int k = 0; k < 8; k++) {
        payload_release(&world.arena, blocks[k]);
    }
    assert_false(payload_mark(&world.arena));
    (void)reserve(1);
    rcu_wait();
    payload_sweep(&world.arena);
    assert_int_equal(chunks_held(), 2);
    assert_true(collect());
    assert_int_equal(chunks_held(), 1);
}

static void sparse_is_a_closed_shared_chunk_with_less_than_a_quarter_alive(void **state)
{
    struct payload_block *blocks[8];
    (void)state;
    fill_chunk(blocks);
    struct payload_block *const large = reserve(EIGHTH + 1);
    for (int i = 0; i < 7; i++) {
        payload_release(&world.arena, blocks[i]);
    }
    assert_false(payload_is_sparse(blocks[7])); /* it is current */
    (void)reserve(1);
    assert_true(payload_is_sparse(blocks[7]));
    assert_false(payload_is_sparse(large));
}

static void a_quarter_alive_is_not_sparse(void **state)
{
    struct payload_block *blocks[8];
    (void)state;
    fill_chunk(blocks);
    (void)reserve(1);
    for (int i = 0; i < 6; i++) {
        payload_release(&world.arena, blocks[i]);
    }
    assert_false(payload_is_sparse(blocks[7]));
}

static void waste_counts_from_more_than_four_chunks_and_half_of_them_empty(void **state)
{
    struct payload_block *blocks[6][8];
    (void)state;
    for (int i = 0; i < 4; i++) {
        fill_chunk(blocks[i]);
        for (int k = 0; k < 8; k++) {
            payload_release(&world.arena, blocks[i][k]);
        }
        assert_int_equal(payload_is_wasteful(&world.arena), i == 3);
    }
    fill_chunk(blocks[4]);
    fill_chunk(blocks[5]);
    assert_true(payload_is_wasteful(&world.arena));
    assert_true(collect());
    assert_false(payload_is_wasteful(&world.arena));
}

static void without_memory_a_reservation_fails_and_nothing_is_counted(void **state)
{
    struct payload_block *block = NULL;
    (void)state;
    for (int alone = 0; alone <= 1; alone++) {
        tracking_fail(&world.tracking, 0, 1);
        assert_status(AKIN_NO_MEMORY, try_reserve(alone != 0 ? 1000000 : 10, &block));
        assert_int_equal(tracking_fail_stop(&world.tracking), 1);
    }
    assert_null(block);
    assert_int_equal(payload_live_bytes(&world.arena), 0);
    world.memory.budget_bytes = 1000;
    assert_status(AKIN_OVER_BUDGET, try_reserve(10, &block));
    assert_int_equal(atomic_u64_load_relaxed(&world.memory.total), 0);
    /* A chunk that is full is not lost when the next cannot be had. */
    world.memory.budget_bytes = PAYLOAD_CHUNK_BYTES + 4096;
    struct payload_block *blocks[8];
    fill_chunk(blocks);
    assert_status(AKIN_OVER_BUDGET, try_reserve(10, &block));
    assert_int_equal(payload_live_bytes(&world.arena), PAYLOAD_CHUNK_BYTES);
    assert_int_equal(chunks_held(), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ARENA_TEST(ranges_of_all_sizes_are_disjoint_and_keep_their_bytes),
        ARENA_TEST(a_block_takes_its_head_and_is_rounded_up),
        ARENA_TEST(small_ones_share_a_chunk_up_to_its_last_byte),
        ARENA_TEST(a_range_that_would_pass_the_end_opens_a_new_chunk_and_is_not_counted),
        ARENA_TEST(a_large_one_is_alone_and_goes_as_soon_as_it_is_empty),
        ARENA_TEST(the_chunk_that_is_being_filled_stays_though_it_is_empty),
        ARENA_TEST(a_closed_chunk_goes_with_its_last_payload_wherever_it_is_in_the_list),
        ARENA_TEST(several_empty_chunks_go_in_one_sweep),
        ARENA_TEST(a_chunk_that_became_empty_only_after_the_mark_waits_for_the_next),
        ARENA_TEST(a_chunk_that_was_current_at_the_mark_is_not_swept),
        ARENA_TEST(sparse_is_a_closed_shared_chunk_with_less_than_a_quarter_alive),
        ARENA_TEST(a_quarter_alive_is_not_sparse),
        ARENA_TEST(waste_counts_from_more_than_four_chunks_and_half_of_them_empty),
        ARENA_TEST(without_memory_a_reservation_fails_and_nothing_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
