/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of blocks of neighbors.
 *
 * Goal   : a block of every count holds its ids and touches no other; a retired one, published or
 *          not, comes back only after it was recycled, and to a list of its size; what is retired
 *          and what is in use is on the account; a budget refuses and changes nothing.
 * Method : blocks of all counts at once over the tracking allocator, filled and read back.
 */
#include "support/store_fixture.h"

#include "graph/blocks.h"
#include "sync/rcu.h"

enum { ROUNDS = 3, COUNTS = GRAPH_BLOCK_LINES_MAX * CACHE_LINE_BYTES / 4 };

struct blocks_world {
    struct tracking_allocator tracking;
    struct memory memory;
    struct blocks blocks;
};

static struct blocks_world world;

static void begin(uint64_t budget_bytes)
{
    tracking_init(&world.tracking);
    world.memory = account_of(&world.tracking, budget_bytes);
    blocks_init(&world.blocks, &world.memory);
}

static void end(void)
{
    blocks_end(&world.blocks);
    assert_int_equal(atomic_u64_load_relaxed(&world.memory.total), 0);
    tracking_end(&world.tracking);
}

static struct block *take(uint32_t count)
{
    struct block *block = NULL;
    rcu_enter();
    assert_status(AKIN_OK, block_take(&world.blocks, count, &block));
    rcu_leave();
    assert_non_null(block);
    assert_int_equal(block->count, count);
    return block;
}

static void retire(struct block *block)
{
    rcu_enter();
    block_retire(&world.blocks, block);
    rcu_leave();
}

static uint64_t retired_bytes(void)
{
    return atomic_u64_load_relaxed(&world.memory.retired);
}

static uint64_t recycle_all(void)
{
    struct blocks_dead dead;
    blocks_collect(&world.blocks, &dead);
    rcu_wait();
    return blocks_recycle(&world.blocks, &dead);
}

static void every_count_has_room_for_its_ids_and_touches_no_other(void **state)
{
    static struct block *taken[ROUNDS][COUNTS];
    (void)state;
    begin(0);
    assert_true(BLOCK_IDS_MAX < COUNTS);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (uint32_t count = 0; count <= BLOCK_IDS_MAX; count++) {
            struct block *const block = take(count);
            assert_int_equal((uintptr_t)block % CACHE_LINE_BYTES, 0);
            for (uint32_t i = 0; i < count; i++) {
                block->ids[i] = round << 24 | count << 12 | i;
            }
            taken[round][count] = block;
        }
    }
    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (uint32_t count = 0; count <= BLOCK_IDS_MAX; count++) {
            const struct block *const block = taken[round][count];
            assert_int_equal(block->count, count);
            for (uint32_t i = 0; i < count; i++) {
                assert_int_equal(block->ids[i], round << 24 | count << 12 | i);
            }
        }
    }
    end();
}

static void bytes_are_whole_lines_and_no_more_than_are_needed(void **state)
{
    (void)state;
    for (uint32_t count = 0; count <= BLOCK_IDS_MAX; count++) {
        const size_t needed = offsetof(struct block, ids) + count * sizeof(uint32_t);
        assert_int_equal(block_bytes(count) % CACHE_LINE_BYTES, 0);
        assert_true(block_bytes(count) >= needed);
        assert_true(block_bytes(count) < needed + CACHE_LINE_BYTES);
    }
    assert_int_equal(block_bytes(BLOCK_IDS_MAX), GRAPH_BLOCK_LINES_MAX * CACHE_LINE_BYTES);
}

static void a_retired_block_comes_back_after_it_was_recycled_to_its_size(void **state)
{
    (void)state;
    begin(0);
    uint64_t bytes = 0;
    struct block *retired[COUNTS];
    for (uint32_t count = 0; count <= BLOCK_IDS_MAX; count++) {
        retired[count] = take(count);
    }
    for (uint32_t count = 0; count <= BLOCK_IDS_MAX; count++) {
        retire(retired[count]);
        bytes += block_bytes(count);
        assert_int_equal(retired_bytes(), bytes);
        assert_ptr_not_equal(take(count), retired[count]);
    }
    assert_int_equal(recycle_all(), BLOCK_IDS_MAX + 1);
    assert_int_equal(retired_bytes(), 0);
    assert_int_equal(recycle_all(), 0);
    const uint64_t calls = tracking_calls(&world.tracking);
    for (uint32_t count = 0; count <= BLOCK_IDS_MAX; count++) {
        const struct block *const block = take(count);
        bool was_retired = false;
        for (uint32_t i = 0; i <= BLOCK_IDS_MAX && !was_retired; i++) {
            was_retired = retired[i] == block && block_bytes(i) == block_bytes(count);
        }
        assert_true(was_retired);
    }
    assert_int_equal(tracking_calls(&world.tracking), calls);
    end();
}

static void nothing_is_retired_for_no_block(void **state)
{
    (void)state;
    begin(0);
    retire(NULL);
    assert_int_equal(retired_bytes(), 0);
    assert_int_equal(recycle_all(), 0);
    end();
}

static void a_budget_refuses_and_what_was_recycled_still_serves(void **state)
{
    struct block *last = NULL;
    struct block *block = NULL;
    enum akin_status status = AKIN_OK;
    (void)state;
    begin(256 * 1024);
    while (status == AKIN_OK) {
        last = block;
        rcu_enter();
        status = block_take(&world.blocks, 8, &block);
        rcu_leave();
    }
    assert_int_equal(status, AKIN_OVER_BUDGET);
    assert_true(atomic_u64_load_relaxed(&world.memory.total) <= 256 * 1024);
    assert_non_null(last);
    retire(last);
    assert_int_equal(recycle_all(), 1);
    assert_ptr_equal(take(8), last);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_count_has_room_for_its_ids_and_touches_no_other),
        cmocka_unit_test(bytes_are_whole_lines_and_no_more_than_are_needed),
        cmocka_unit_test(a_retired_block_comes_back_after_it_was_recycled_to_its_size),
        cmocka_unit_test(nothing_is_retired_for_no_block),
        cmocka_unit_test(a_budget_refuses_and_what_was_recycled_still_serves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
