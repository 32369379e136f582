/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of slots: numbers, chunks, states, recycling.
 *
 * Goal   : a slot has one owner; numbers are dense and never burnt; growth moves nothing; what is
 *          FREE comes back with a new generation.
 * Method : slots of their own over the tracking allocator, with chunks of 16; one thread. The
 *          bounds of the directory are far away, so they are held against the formula, and reached
 *          by setting the counter.
 */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "store/slots.h"
#include "support/store_fixture.h"
#include "sync/rcu.h"

#define CHUNK 16u

struct slot_world {
    struct tracking_allocator tracking;
    struct memory memory;
    struct slots *slots;
};

static struct slot_world world;

static int slots_setup(void **state)
{
    tracking_init(&world.tracking);
    world.memory = account_of(&world.tracking, 0);
    world.slots = aligned_alloc(_Alignof(struct slots), sizeof(struct slots));
    assert_non_null(world.slots);
    assert_status(AKIN_OK, slots_init(world.slots, &world.memory, 20, 1));
    assert_int_equal(world.slots->chunk_mask + 1, CHUNK);
    *state = &world;
    return 0;
}

static int slots_teardown(void **state)
{
    (void)state;
    slots_end(world.slots);
    free(world.slots);
    assert_int_equal(atomic_u64_load_relaxed(&world.memory.total), 0);
    tracking_end(&world.tracking);
    return 0;
}

#define SLOTS_TEST(test) cmocka_unit_test_setup_teardown(test, slots_setup, slots_teardown)

static enum akin_status try_claim(uint32_t *slot)
{
    rcu_enter();
    const enum akin_status status = slot_claim(world.slots, slot);
    rcu_leave();
    return status;
}

static uint32_t claim(void)
{
    uint32_t slot = SLOT_NONE;
    assert_status(AKIN_OK, try_claim(&slot));
    return slot;
}

static uint64_t word_of(uint32_t slot)
{
    return slot_state_acquire(slot_chunk_of(world.slots, slot), slot & world.slots->chunk_mask);
}

/* What maintenance does with a slot that was abandoned or died. */
static void recycle(uint32_t slot)
{
    struct slot_chunk *const chunk = slot_chunk_of(world.slots, slot);
    const uint32_t offset = slot & world.slots->chunk_mask;
    const enum slot_state from = slot_state_of(word_of(slot));
    assert_true(slot_advance(chunk, offset, from, SLOT_UNLINKING));
    slot_free(world.slots, slot, SLOT_UNLINKING);
}

static void numbers_are_dense_and_rows_lie_side_by_side_and_aligned(void **state)
{
    const unsigned char *before = NULL;
    (void)state;
    for (uint32_t i = 0; i < 3 * CHUNK; i++) {
        const uint32_t slot = claim();
        assert_int_equal(slot, i);
        assert_int_equal(slots_watermark(world.slots), i + 1);
        const uint32_t offset = slot & world.slots->chunk_mask;
        unsigned char *const row = slot_row(world.slots, slot_chunk_of(world.slots, slot), offset);
        assert_int_equal((uintptr_t)row % ROW_ALIGNMENT_BYTES, 0);
        if (offset != 0) {
            assert_true(row == before + world.slots->row_stride);
        }
        memset(row, 0xff, world.slots->row_bytes);
        before = row;
    }
    assert_int_equal(world.slots->row_stride, 32);
}

static void a_claimed_slot_is_pending_and_clean(void **state)
{
    const uint32_t slot = claim();
    const struct slot_chunk *const chunk = slot_chunk_of(world.slots, slot);
    (void)state;
    assert_int_equal(slot_state_of(word_of(slot)), SLOT_PENDING);
    assert_int_equal(slot_generation_of(word_of(slot)), 1);
    assert_int_equal(atomic_u64_load_relaxed(&chunk->born[0]), STAMP_NEVER);
    assert_int_equal(atomic_u64_load_relaxed(&chunk->died[0]), STAMP_NEVER);
    assert_int_equal(atomic_u32_load_relaxed(&chunk->prev[0]), SLOT_UNSET);
    assert_null(atomic_ptr_load_relaxed(&chunk->payload[0]));
    assert_false(slot_is_visible(chunk, 0, UINT64_MAX - 1));
}

static void growth_moves_nothing(void **state)
{
    uint32_t slot = claim();
    const struct slot_chunk *const first = slot_chunk_of(world.slots, 0);
    const unsigned char *const row = slot_row(world.slots, first, 0);
    (void)state;
    while (slot < 10 * CHUNK) {
        slot = claim();
    }
    assert_ptr_equal(slot_chunk_of(world.slots, 0), first);
    assert_ptr_equal(slot_row(world.slots, first, 0), row);
    assert_int_equal(slots_chunk_count(world.slots, slots_watermark(world.slots)), 11);
    assert_int_equal(slots_chunk_count(world.slots, 0), 0);
    assert_int_equal(slots_chunk_count(world.slots, 1), 1);
    assert_int_equal(slots_chunk_count(world.slots, CHUNK), 1);
    assert_int_equal(slots_chunk_count(world.slots, UINT32_MAX), 1u << 28);
}

static void the_directory_grows_by_a_leaf_where_one_is_full(void **state)
{
    const uint32_t leaf_slots = SLOT_DIRECTORY_LEAF * CHUNK;
    (void)state;
    for (uint32_t i = 0; i < leaf_slots; i++) {
        assert_int_equal(claim(), i);
    }
    const struct slot_chunk *const last = slot_chunk_of(world.slots, leaf_slots - 1);
    assert_null(atomic_ptr_load_acquire(&world.slots->directory.leaves[1]));
    assert_int_equal(claim(), leaf_slots);
    assert_non_null(atomic_ptr_load_acquire(&world.slots->directory.leaves[1]));
    assert_ptr_equal(slot_chunk_of(world.slots, leaf_slots - 1), last);
    assert_ptr_not_equal(slot_chunk_of(world.slots, leaf_slots), last);
}

static void a_number_is_not_burnt_when_its_chunk_cannot_be_had(void **state)
{
    uint32_t slot = SLOT_NONE;
    (void)state;
    /* Leaf, chunk, rows: the first claim makes three allocations, each of which may be refused. */
    for (uint64_t i = 0; i < 3; i++) {
        tracking_fail(&world.tracking, i == 0 ? 0 : 1, 1);
        assert_status(AKIN_NO_MEMORY, try_claim(&slot));
        assert_int_equal(tracking_fail_stop(&world.tracking), 1);
        assert_int_equal(slots_watermark(world.slots), 0);
    }
    for (uint32_t i = 0; i < CHUNK; i++) {
        assert_int_equal(claim(), i);
    }
    world.memory.budget_bytes = atomic_u64_load_relaxed(&world.memory.total);
    assert_status(AKIN_OVER_BUDGET, try_claim(&slot));
    world.memory.budget_bytes += slots_chunk_meta_bytes(world.slots->chunk_shift);
    assert_status(AKIN_OVER_BUDGET, try_claim(&slot));
    assert_int_equal(slots_watermark(world.slots), CHUNK);
    world.memory.budget_bytes += (uint64_t)world.slots->row_stride * CHUNK;
    assert_int_equal(claim(), CHUNK);
}

static void states_change_only_from_where_they_should(void **state)
{
    const uint32_t slot = claim();
    struct slot_chunk *const chunk = slot_chunk_of(world.slots, slot);
    (void)state;
    assert_false(slot_advance(chunk, slot, SLOT_LINKED, SLOT_UNLINKING));
    slot_link(world.slots, slot);
    assert_int_equal(slot_state_of(word_of(slot)), SLOT_LINKED);
    assert_false(slot_advance(chunk, slot, SLOT_PENDING, SLOT_LINKED));
    assert_true(slot_advance(chunk, slot, SLOT_LINKED, SLOT_UNLINKING));
    assert_false(slot_advance(chunk, slot, SLOT_LINKED, SLOT_UNLINKING));
    slot_free(world.slots, slot, SLOT_UNLINKING);
    assert_int_equal(slot_state_of(word_of(slot)), SLOT_FREE);
    assert_int_equal(slot_generation_of(word_of(slot)), 1);
}

static void a_free_slot_is_claimed_first_with_the_next_generation(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 5; i++) {
        (void)claim();
    }
    for (uint64_t generation = 2; generation <= 4; generation++) {
        slot_abandon(world.slots, 2);
        recycle(2);
        assert_int_equal(atomic_u64_load_relaxed(&world.slots->free_count), 1);
        assert_int_equal(claim(), 2);
        assert_int_equal(atomic_u64_load_relaxed(&world.slots->free_count), 0);
        assert_int_equal(slot_generation_of(word_of(2)), generation);
        assert_int_equal(slot_state_of(word_of(2)), SLOT_PENDING);
    }
    assert_int_equal(claim(), 5);
}

/* Whether maintenance has a hint that a slot died. */
static bool is_hinted_dead(uint32_t slot)
{
    const struct slot_chunk *const chunk = slot_chunk_of(world.slots, slot);
    struct bitmap_cursor cursor = bitmap_walk(chunk->dead);
    uint32_t bit;
    while (bitmap_next(chunk->dead, &cursor, &bit)) {
        if (bit == (slot & world.slots->chunk_mask)) {
            return true;
        }
    }
    return false;
}

static void an_abandoned_slot_is_left_to_maintenance(void **state)
{
    (void)state;
    const uint32_t pending = claim();
    const uint32_t linked = claim();
    slot_link(world.slots, linked);
    slot_abandon(world.slots, pending);
    slot_abandon(world.slots, linked);
    assert_int_equal(slot_state_of(word_of(pending)), SLOT_ABANDONED);
    assert_int_equal(slot_state_of(word_of(linked)), SLOT_ABANDONED);
    assert_true(is_hinted_dead(pending) && is_hinted_dead(linked));
    assert_int_equal(claim(), 2); /* not one of them */
    recycle(pending);
    assert_false(is_hinted_dead(pending));
}

static void a_hint_that_is_old_or_doubled_does_no_harm(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        (void)claim();
    }
    /* Slot 0 is hinted at though it is in use, slot 1 twice. */
    assert_true(ring_append(&world.slots->hints, 0));
    slot_abandon(world.slots, 1);
    recycle(1);
    assert_true(ring_append(&world.slots->hints, 1));
    assert_int_equal(claim(), 1);
    assert_int_equal(claim(), 4);
}

static void free_slots_without_a_hint_are_found_again(void **state)
{
    uint32_t cursor = 0;
    uint32_t lost;
    (void)state;
    for (uint32_t i = 0; i < 100; i++) {
        (void)claim();
    }
    for (uint32_t i = 0; i < 100; i += 10) {
        slot_abandon(world.slots, i);
        recycle(i);
    }
    while (ring_take(&world.slots->hints, &lost)) {
    }
    assert_int_equal(claim(), 0); /* a claim without hint looks itself */
    slots_refill_hints(world.slots, &cursor);
    for (uint32_t i = 10; i < 100; i += 10) {
        assert_int_equal(claim(), i);
    }
    assert_int_equal(claim(), 100);
}

static void more_free_slots_than_the_ring_holds_come_back_in_turns(void **state)
{
    const uint32_t count = 3 * SLOT_FREE_RING_ENTRIES;
    uint32_t cursor = 0;
    (void)state;
    for (uint32_t i = 0; i < count; i++) {
        (void)claim();
    }
    for (uint32_t i = 0; i < count; i++) {
        slot_abandon(world.slots, i);
        recycle(i);
    }
    assert_int_equal(atomic_u64_load_relaxed(&world.slots->free_count), count);
    assert_int_equal(ring_count(&world.slots->hints), SLOT_FREE_RING_ENTRIES - 1);
    for (uint32_t i = 0; i < count; i++) {
        if (ring_count(&world.slots->hints) == 0) {
            slots_refill_hints(world.slots, &cursor);
        }
        assert_true(claim() < count);
    }
    assert_int_equal(atomic_u64_load_relaxed(&world.slots->free_count), 0);
    assert_int_equal(claim(), count);
}

static void the_last_number_is_refused_and_nothing_is_allocated_for_it(void **state)
{
    uint32_t slot = SLOT_NONE;
    (void)state;
    assert_int_equal(world.slots->count_max,
                     SLOT_DIRECTORY_TOP * SLOT_DIRECTORY_LEAF * (uint64_t)CHUNK);
    (void)claim();
    slot_abandon(world.slots, 0);
    recycle(0);
    atomic_u32_store_relaxed(&world.slots->next, world.slots->count_max);
    /* As if all chunks were there: none was given back. */
    atomic_u32_store_relaxed(&world.slots->directory.present,
                             SLOT_DIRECTORY_TOP * SLOT_DIRECTORY_LEAF);
    const uint64_t calls = tracking_calls(&world.tracking);
    assert_int_equal(claim(), 0); /* a free one still is to be had */
    assert_status(AKIN_INDEX_FULL, try_claim(&slot));
    assert_int_equal(tracking_calls(&world.tracking), calls);
    assert_int_equal(atomic_u32_load_relaxed(&world.slots->next), world.slots->count_max);
    atomic_u32_store_relaxed(&world.slots->next, world.slots->count_max - 1);
    assert_int_equal(claim(), world.slots->count_max - 1);
    assert_status(AKIN_INDEX_FULL, try_claim(&slot));
}

static void chunks_suit_the_rows_and_the_capacity(void **state)
{
    (void)state;
    /* Rows reach 4 MiB, unless the slots reach 16,384 before. */
    assert_int_equal(slots_chunk_shift(16, 0), 14);
    assert_int_equal(slots_chunk_shift(256, 0), 14);
    assert_int_equal(slots_chunk_shift(512, 0), 13);
    assert_int_equal(slots_chunk_shift(3072, 0), 11);
    assert_int_equal(slots_chunk_shift(65536, 0), 6);
    /* A small index gets no more slots than it was said to need, rounded up. */
    assert_int_equal(slots_chunk_shift(16, 1), 4);
    assert_int_equal(slots_chunk_shift(16, 16), 4);
    assert_int_equal(slots_chunk_shift(16, 17), 5);
    assert_int_equal(slots_chunk_shift(512, 1000000), 13);
    assert_true(slots_chunk_meta_bytes(4) >= 16 * (4 * 8 + 8 + 4 + 4));
    assert_true(slots_chunk_meta_bytes(14) >= 16384 * (4 * 8 + 8 + 4 + 4) + 2048);
    assert_true(slots_chunk_meta_bytes(14) <= 16384 * (4 * 8 + 8 + 4 + 4) + 4096);
}

static void a_version_is_visible_from_its_birth_until_before_its_death(void **state)
{
    (void)state;
    assert_false(stamps_visible(STAMP_NEVER, STAMP_NEVER, 5));
    assert_false(stamps_visible(6, STAMP_NEVER, 5));
    assert_true(stamps_visible(5, STAMP_NEVER, 5));
    assert_true(stamps_visible(1, STAMP_NEVER, UINT64_MAX - 1));
    assert_true(stamps_visible(3, 6, 5));
    assert_false(stamps_visible(3, 5, 5));
    assert_false(stamps_visible(3, 4, 5));
    assert_false(stamps_visible(STAMP_NEVER, 4, 5));
    assert_true(stamps_visible(1, 3, 2));
    assert_true(stamps_visible(1, 3, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SLOTS_TEST(numbers_are_dense_and_rows_lie_side_by_side_and_aligned),
        SLOTS_TEST(a_claimed_slot_is_pending_and_clean),
        SLOTS_TEST(growth_moves_nothing),
        SLOTS_TEST(the_directory_grows_by_a_leaf_where_one_is_full),
        SLOTS_TEST(a_number_is_not_burnt_when_its_chunk_cannot_be_had),
        SLOTS_TEST(states_change_only_from_where_they_should),
        SLOTS_TEST(a_free_slot_is_claimed_first_with_the_next_generation),
        SLOTS_TEST(an_abandoned_slot_is_left_to_maintenance),
        SLOTS_TEST(a_hint_that_is_old_or_doubled_does_no_harm),
        SLOTS_TEST(free_slots_without_a_hint_are_found_again),
        SLOTS_TEST(more_free_slots_than_the_ring_holds_come_back_in_turns),
        SLOTS_TEST(the_last_number_is_refused_and_nothing_is_allocated_for_it),
        SLOTS_TEST(chunks_suit_the_rows_and_the_capacity),
        SLOTS_TEST(a_version_is_visible_from_its_birth_until_before_its_death),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
