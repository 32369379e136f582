/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of evacuation: payloads leave chunks that are mostly waste.
 *
 * Goal   : one survivor does not hold a chunk for ever; nobody can tell that its bytes were moved.
 * Method : chunks filled with payloads of an eighth, of which all but one are deleted; rounds until
 *          the chunks are given back; every byte compared.
 */
#include "base/limits.h"
#include "support/store_fixture.h"
#include "sync/rcu.h"

/* Eight of these fill a chunk. */
#define EIGHTH (PAYLOAD_SHARED_BYTES_MAX - sizeof(struct payload_block))
#define CHUNKS 6u

static struct payload_block *payload_of(const struct store_fixture *fixture, uint32_t slot)
{
    const struct slots *const slots = &fixture->store->slots;
    return atomic_ptr_load_acquire(&slot_chunk_of(slots, slot)->payload[slot & slots->chunk_mask]);
}

static uint64_t held(const struct store_fixture *fixture)
{
    return atomic_u64_load_relaxed(&fixture->store->memory.kinds[MEMORY_PAYLOAD]);
}

/* Fill chunks, then delete all entries but those whose key is a multiple of 8. */
static void make_waste(struct store_fixture *fixture)
{
    for (uint64_t key = 0; key < CHUNKS * 8; key++) {
        assert_status(AKIN_OK, store_write(fixture, key, key, EIGHTH, WANT_ABSENT));
    }
    assert_status(AKIN_OK, store_write(fixture, 1000, 1000, 1, WANT_ABSENT));
    for (uint64_t key = 0; key < CHUNKS * 8; key++) {
        if (key % 8 != 0) {
            assert_status(AKIN_OK, store_erase(fixture, key));
        }
    }
    assert_true(held(fixture) > CHUNKS * PAYLOAD_CHUNK_BYTES);
}

static void assert_survivors(struct store_fixture *fixture)
{
    for (uint64_t key = 0; key < CHUNKS * 8; key += 8) {
        const uint32_t slot = store_slot_at(fixture, key, 0);
        assert_int_not_equal(slot, SLOT_NONE);
        struct payload_block *const block = payload_of(fixture, slot);
        assert_int_equal(block->size, EIGHTH);
        assert_true(pattern_bytes_are(key, key, payload_bytes(block), EIGHTH));
    }
}

static void survivors_move_together_and_the_chunks_are_given_back(void **state)
{
    struct store_fixture *const fixture = *state;
    make_waste(fixture);
    const uint32_t slot = store_slot_at(fixture, 0, 0);
    const struct payload_block *const before = payload_of(fixture, slot);
    while (store_round(fixture) > 0 || fixture->maintainer->moved_count > 0) {
        assert_survivors(fixture);
    }
    assert_int_equal(store_slot_at(fixture, 0, 0), slot);
    assert_ptr_not_equal(payload_of(fixture, slot), before);
    assert_true(held(fixture) < 3 * PAYLOAD_CHUNK_BYTES);
    assert_int_equal(payload_live_bytes(&fixture->store->payload),
                     CHUNKS * payload_block_bytes(EIGHTH) + payload_block_bytes(1));
    assert_int_equal(atomic_u64_load_relaxed(&fixture->store->payload.live),
                     payload_live_bytes(&fixture->store->payload));
    assert_int_equal(atomic_u64_load_relaxed(&fixture->store->memory.retired), 0);
}

static void the_old_bytes_stay_for_a_grace_period(void **state)
{
    struct store_fixture *const fixture = *state;
    make_waste(fixture);
    uint32_t slot = store_slot_at(fixture, 8, 0);
    struct payload_block *const before = payload_of(fixture, slot);
    while (payload_of(fixture, slot) == before) {
        (void)store_round(fixture);
    }
    assert_true(fixture->maintainer->moved_count > 0);
    /* As a reader that took the block before it was moved. */
    assert_true(pattern_bytes_are(8, 8, payload_bytes(before), EIGHTH));
    assert_int_equal(before->size, EIGHTH);
}

static void without_memory_nothing_moves_and_nothing_is_lost(void **state)
{
    struct store_fixture *const fixture = *state;
    make_waste(fixture);
    /* The current chunk has room for seven more; fill it, so that a copy needs a chunk. */
    for (uint64_t key = 2000; key < 2007; key++) {
        assert_status(AKIN_OK, store_write(fixture, key, key, EIGHTH, WANT_ABSENT));
    }
    tracking_fail(&fixture->tracking, 0, UINT64_MAX);
    for (int i = 0; i < 4; i++) {
        (void)store_round(fixture);
        assert_survivors(fixture);
    }
    assert_int_equal(fixture->maintainer->moved_count, 0);
    assert_true(tracking_fail_stop(&fixture->tracking) > 0);
    while (store_round(fixture) > 0 || fixture->maintainer->moved_count > 0) {
    }
    assert_survivors(fixture);
    assert_true(held(fixture) < 4 * PAYLOAD_CHUNK_BYTES);
}

static void versions_under_a_pin_move_too_and_are_read_at_their_stamp(void **state)
{
    struct store_fixture *const fixture = *state;
    struct reader reader = {.next = NULL};
    reader_add(&fixture->store->readers, &reader);
    make_waste(fixture);
    rcu_enter();
    const uint64_t stamp = reader_pin(fixture->store, &reader);
    rcu_leave();
    assert_status(AKIN_OK, store_erase(fixture, 16));
    while (store_round(fixture) > 0 || fixture->maintainer->moved_count > 0) {
    }
    const uint32_t slot = store_slot_at(fixture, 16, stamp);
    assert_int_not_equal(slot, SLOT_NONE);
    struct payload_block *const block = payload_of(fixture, slot);
    assert_true(pattern_bytes_are(16, 16, payload_bytes(block), EIGHTH));
    assert_true(held(fixture) < 3 * PAYLOAD_CHUNK_BYTES);
    reader_unpin(&reader);
    while (store_round(fixture) > 0) {
    }
    assert_int_equal(atomic_u64_load_relaxed(&fixture->store->memory.retired), 0);
    atomic_ptr_store_release(&fixture->store->readers.cells, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(survivors_move_together_and_the_chunks_are_given_back),
        STORE_TEST(the_old_bytes_stay_for_a_grace_period),
        STORE_TEST(without_memory_nothing_moves_and_nothing_is_lost),
        STORE_TEST(versions_under_a_pin_move_too_and_are_read_at_their_stamp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
