/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of the deep check: it names each invariant that is broken, and only then.
 *
 * Goal   : a structure that was damaged on purpose is found out, by the invariant's name as in
 *          docs/CONCURRENCY.md section 6; a sound one passes at every stage of its life.
 * Method : an index with live, dead, free and replaced versions; one word of its inside is changed,
 *          the check is asked, the word is put back, and the check has to pass again.
 */
#include <math.h>
#include <string.h>

#include "index/internal.h"
#include "support/store_fixture.h"
#include "sync/rcu.h"

/* Keys of the damaged index, by what became of them. */
enum { KEY_LIVE = 1, KEY_REPLACED = 2, KEY_DEAD = 3, KEY_OTHER = 4 };

static struct store *store_of(const struct index_fixture *fixture)
{
    return &fixture->index->store;
}

static struct key_record *record_of(const struct index_fixture *fixture, uint64_t key)
{
    rcu_enter();
    struct key_record *const record = key_map_lookup(&store_of(fixture)->keys, key);
    rcu_leave();
    assert_non_null(record);
    return record;
}

static uint32_t head_of(const struct index_fixture *fixture, uint64_t key)
{
    return atomic_u32_load_acquire(&record_of(fixture, key)->head);
}

static struct slot_chunk *chunk_of(const struct index_fixture *fixture, uint32_t slot)
{
    return slot_chunk_of(&store_of(fixture)->slots, slot);
}

static uint32_t offset_of(const struct index_fixture *fixture, uint32_t slot)
{
    return slot & store_of(fixture)->slots.chunk_mask;
}

/* A free slot of the index. */
static uint32_t free_slot(const struct index_fixture *fixture)
{
    const uint32_t watermark = slots_watermark(&store_of(fixture)->slots);
    for (uint32_t slot = 0; slot < watermark; slot++) {
        const uint64_t word = slot_state_acquire(chunk_of(fixture, slot), offset_of(fixture, slot));
        if (slot_state_of(word) == SLOT_FREE) {
            return slot;
        }
    }
    fail_msg("%s", "there is no free slot");
    return 0;
}

/* ---- a sound index ---- */

static void a_sound_index_passes_at_every_stage(void **state)
{
    struct index_fixture *const fixture = *state;
    for (int mode = AKIN_MAINTENANCE_INLINE; mode <= AKIN_MAINTENANCE_WORKER; mode++) {
        fixture->options.maintenance = (enum akin_maintenance)mode;
        index_open(fixture);
        assert_status(AKIN_OK, akin_check(fixture->index, &fixture->error));
        for (uint64_t i = 0; i < 600; i++) {
            const uint64_t key = i * 7 % 50;
            assert_status(AKIN_OK, put_pattern(fixture, key, i, i % 5 * 300));
            if (i % 3 == 0) {
                assert_status(AKIN_OK, akin_delete(fixture->index, key, NULL));
            }
            if (i % 37 == 0) {
                assert_status(AKIN_OK, akin_check(fixture->index, &fixture->error));
            }
        }
        index_drain(fixture);
        assert_status(AKIN_OK, akin_check(fixture->index, &fixture->error));
        assert_status(AKIN_OK, akin_clear(fixture->index, NULL));
        assert_status(AKIN_OK, akin_check(fixture->index, NULL));
        index_close(fixture);
    }
}

static void no_index_is_named(void **state)
{
    struct index_fixture *const fixture = *state;
    assert_status(AKIN_BAD_ARGUMENT, akin_check(NULL, &fixture->error));
    assert_error(&fixture->error, AKIN_BAD_ARGUMENT, "index");
}

/* Between two steps of a round: slots are UNLINKING, which is sound. */
static void a_round_that_stopped_halfway_is_sound(void **state)
{
    struct index_fixture *const fixture = *state;
    fixture->options.maintenance = AKIN_MAINTENANCE_CALLER;
    index_open(fixture);
    assert_status(AKIN_OK, insert_pattern(fixture, 1, 1, 100));
    assert_status(AKIN_OK, akin_delete(fixture->index, 1, NULL));
    struct slot_chunk *const chunk = chunk_of(fixture, 0);
    assert_true(slot_advance(chunk, 0, SLOT_LINKED, SLOT_UNLINKING));
    assert_status(AKIN_OK, akin_check(fixture->index, &fixture->error));
    index_drain(fixture);
    assert_status(AKIN_OK, akin_check(fixture->index, &fixture->error));
}

/* ---- damage ---- */

/* An index in which every kind of slot occurs. */
static void make_scene(struct index_fixture *fixture)
{
    fixture->options.maintenance = AKIN_MAINTENANCE_CALLER;
    fixture->options.metric = AKIN_COSINE;
    index_open(fixture);
    for (uint64_t key = 100; key < 105; key++) {
        assert_status(AKIN_OK, insert_pattern(fixture, key, 1, 10));
        assert_status(AKIN_OK, akin_delete(fixture->index, key, NULL));
    }
    assert_status(AKIN_OK, insert_pattern(fixture, KEY_LIVE, 1, 10));
    index_drain(fixture);
    assert_status(AKIN_OK, insert_pattern(fixture, KEY_REPLACED, 1, 10));
    assert_status(AKIN_OK, update_pattern(fixture, KEY_REPLACED, 2, 20));
    assert_status(AKIN_OK, insert_pattern(fixture, KEY_DEAD, 1, 10));
    assert_status(AKIN_OK, akin_delete(fixture->index, KEY_DEAD, NULL));
    assert_status(AKIN_OK, insert_pattern(fixture, KEY_OTHER, 1, 0));
    assert_status(AKIN_OK, akin_check(fixture->index, &fixture->error));
}

static void assert_broken(struct index_fixture *fixture, const char *invariant)
{
    memset(&fixture->error, 0x55, sizeof fixture->error);
    assert_status(AKIN_CORRUPT, akin_check(fixture->index, &fixture->error));
    assert_error(&fixture->error, AKIN_CORRUPT, invariant);
    assert_status(AKIN_CORRUPT, akin_check(fixture->index, NULL));
}

/* Set a word, expect the invariant to be named, put the word back. */
static void with_u64(struct index_fixture *fixture, struct atomic_u64 *word, uint64_t value,
                     const char *invariant)
{
    const uint64_t sound = atomic_u64_load_relaxed(word);
    atomic_u64_store_relaxed(word, value);
    assert_broken(fixture, invariant);
    atomic_u64_store_relaxed(word, sound);
    assert_status(AKIN_OK, akin_check(fixture->index, &fixture->error));
}

static void with_u32(struct index_fixture *fixture, struct atomic_u32 *word, uint32_t value,
                     const char *invariant)
{
    const uint32_t sound = atomic_u32_load_relaxed(word);
    atomic_u32_store_relaxed(word, value);
    assert_broken(fixture, invariant);
    atomic_u32_store_relaxed(word, sound);
    assert_status(AKIN_OK, akin_check(fixture->index, &fixture->error));
}

static void i1_stamps_beyond_the_frontier_or_out_of_order(void **state)
{
    struct index_fixture *const fixture = *state;
    make_scene(fixture);
    const uint64_t frontier = index_stats(fixture).commits;
    const uint32_t live = head_of(fixture, KEY_LIVE);
    const uint32_t dead = head_of(fixture, KEY_DEAD);
    struct slot_chunk *const chunk = chunk_of(fixture, live);
    const uint32_t offset = offset_of(fixture, live);
    with_u64(fixture, &chunk->born[offset], frontier + 1, "I1 stamps");
    assert_int_equal(fixture->error.position, live);
    with_u64(fixture, &chunk->died[offset], frontier + 7, "I1 stamps");
    with_u64(fixture, &chunk->died[offset], 1, "I1 stamps");
    struct slot_chunk *const dead_chunk = chunk_of(fixture, dead);
    with_u64(fixture, &dead_chunk->born[offset_of(fixture, dead)], STAMP_NEVER, "I5 chains");
}

static void i2_a_state_that_is_none(void **state)
{
    struct index_fixture *const fixture = *state;
    make_scene(fixture);
    const uint32_t live = head_of(fixture, KEY_LIVE);
    struct atomic_u64 *const word = &chunk_of(fixture, live)->state[offset_of(fixture, live)];
    with_u64(fixture, word, atomic_u64_load_relaxed(word) | 0x40, "I2 states");
    assert_int_equal(fixture->error.position, live);
}

static void i3_counts_that_differ_from_what_the_slots_say(void **state)
{
    struct index_fixture *const fixture = *state;
    make_scene(fixture);
    struct store *const store = store_of(fixture);
    const uint64_t free_count = atomic_u64_load_relaxed(&store->slots.free_count);
    with_u64(fixture, &store->slots.free_count, free_count + 1, "I3 conservation");
    with_u64(fixture, &store->memory.retired, 0, "I3 conservation");
    struct commit_record *const newest = atomic_ptr_load_acquire(&store->last);
    newest->base++;
    assert_broken(fixture, "I3 conservation");
    newest->base--;
    assert_status(AKIN_OK, akin_check(fixture->index, &fixture->error));
}

static void i4_a_live_entry_that_its_key_does_not_lead_to(void **state)
{
    struct index_fixture *const fixture = *state;
    make_scene(fixture);
    struct key_record *const record = record_of(fixture, KEY_LIVE);
    with_u32(fixture, &record->head, SLOT_NONE, "I4 keys");
    with_u32(fixture, &record->head, head_of(fixture, KEY_OTHER), "I4 keys");
    /* A head that is no slot at all: of a key that no live slot has. */
    with_u32(fixture, &record_of(fixture, KEY_DEAD)->head,
             slots_watermark(&store_of(fixture)->slots) + 100, "I4 keys");
    /* The map does not know a live key any more. */
    rcu_enter();
    assert_true(key_map_remove(&store_of(fixture)->keys, record));
    rcu_leave();
    assert_broken(fixture, "I4 keys");
    assert_int_equal(fixture->error.position, KEY_LIVE);
    rcu_wait();
    rcu_enter();
    assert_ptr_equal(key_map_add(&store_of(fixture)->keys, record), record);
    rcu_leave();
}

static void i5_a_chain_that_leads_astray_or_nowhere(void **state)
{
    struct index_fixture *const fixture = *state;
    make_scene(fixture);
    const uint32_t newer = head_of(fixture, KEY_REPLACED);
    const uint32_t other = head_of(fixture, KEY_OTHER);
    struct slot_chunk *const chunk = chunk_of(fixture, newer);
    struct atomic_u32 *const prev = &chunk->prev[offset_of(fixture, newer)];
    const uint32_t older = atomic_u32_load_relaxed(prev);
    assert_true(slot_is_number(older));
    with_u32(fixture, prev, newer, "I5 chains"); /* a circle */
    with_u32(fixture, prev, other, "I5 chains");
    with_u32(fixture, prev, SLOT_UNSET, "I5 chains");
    with_u32(fixture, prev, SLOT_GONE, "I5 chains");
    with_u32(fixture, prev, slots_watermark(&store_of(fixture)->slots), "I5 chains");
    with_u32(fixture, prev, SLOT_COUNT_MAX - 1, "I5 chains");
    struct slot_chunk *const older_chunk = chunk_of(fixture, older);
    uint64_t *const key = &older_chunk->key[offset_of(fixture, older)];
    *key = KEY_OTHER;
    assert_broken(fixture, "I5 chains");
    *key = KEY_REPLACED;
    assert_status(AKIN_OK, akin_check(fixture->index, &fixture->error));
}

static void i6_payload_bytes_that_do_not_add_up(void **state)
{
    struct index_fixture *const fixture = *state;
    make_scene(fixture);
    const uint32_t live = head_of(fixture, KEY_LIVE);
    const struct slot_chunk *const chunk = chunk_of(fixture, live);
    struct payload_block *const block =
        atomic_ptr_load_acquire(&chunk->payload[offset_of(fixture, live)]);
    const uint64_t bytes = atomic_u64_load_relaxed(&block->chunk->live);
    with_u64(fixture, &block->chunk->live, bytes + 8, "I6 payload");
    with_u64(fixture, &block->chunk->live, bytes - 8, "I6 payload");
    atomic_ptr_store_release(&chunk->payload[offset_of(fixture, live)], NULL);
    assert_broken(fixture, "I6 payload");
    atomic_ptr_store_release(&chunk->payload[offset_of(fixture, live)], block);
}

static void i7_a_slot_out_of_use_that_is_not_clean(void **state)
{
    struct index_fixture *const fixture = *state;
    make_scene(fixture);
    const uint32_t slot = free_slot(fixture);
    const uint32_t live = head_of(fixture, KEY_LIVE);
    struct slot_chunk *const chunk = chunk_of(fixture, slot);
    const uint32_t offset = offset_of(fixture, slot);
    with_u64(fixture, &chunk->born[offset], 3, "I7 clean slots");
    with_u64(fixture, &chunk->died[offset], 3, "I7 clean slots");
    assert_int_equal(fixture->error.position, slot);
    atomic_ptr_store_release(
        &chunk->payload[offset],
        atomic_ptr_load_acquire(&chunk_of(fixture, live)->payload[offset_of(fixture, live)]));
    assert_broken(fixture, "I7 clean slots");
    atomic_ptr_store_release(&chunk->payload[offset], NULL);
}

static void i8_a_row_that_nobody_could_have_inserted(void **state)
{
    struct index_fixture *const fixture = *state;
    make_scene(fixture);
    const uint32_t live = head_of(fixture, KEY_LIVE);
    struct slot_chunk *const chunk = chunk_of(fixture, live);
    const uint32_t offset = offset_of(fixture, live);
    unsigned char *const row = slot_row(&store_of(fixture)->slots, chunk, offset);
    unsigned char sound[FIXTURE_DIM * 4];
    const float bad[3][FIXTURE_DIM] = {{NAN, 1, 1, 1}, {0, 0, 0, 0}, {1, 1, 1, INFINITY}};
    memcpy(sound, row, sizeof sound);
    for (int i = 0; i < 3; i++) {
        memcpy(row, bad[i], sizeof bad[i]);
        assert_broken(fixture, "I8 rows");
        assert_int_equal(fixture->error.position, live);
    }
    memcpy(row, sound, sizeof sound);
    chunk->norm[offset] *= 2;
    assert_broken(fixture, "I8 rows");
    chunk->norm[offset] /= 2;
}

static void i9_memory_that_does_not_add_up_or_passes_the_budget(void **state)
{
    struct index_fixture *const fixture = *state;
    make_scene(fixture);
    struct memory *const memory = &store_of(fixture)->memory;
    const uint64_t total = atomic_u64_load_relaxed(&memory->total);
    with_u64(fixture, &memory->total, total + 1, "I9 memory");
    with_u64(fixture, &memory->kinds[MEMORY_ROWS], 0, "I9 memory");
    memory->budget_bytes = total - 1;
    assert_broken(fixture, "I9 memory");
    memory->budget_bytes = total;
    assert_status(AKIN_OK, akin_check(fixture->index, &fixture->error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INDEX_TEST(a_sound_index_passes_at_every_stage),
        INDEX_TEST(no_index_is_named),
        INDEX_TEST(a_round_that_stopped_halfway_is_sound),
        INDEX_TEST(i1_stamps_beyond_the_frontier_or_out_of_order),
        INDEX_TEST(i2_a_state_that_is_none),
        INDEX_TEST(i3_counts_that_differ_from_what_the_slots_say),
        INDEX_TEST(i4_a_live_entry_that_its_key_does_not_lead_to),
        INDEX_TEST(i5_a_chain_that_leads_astray_or_nowhere),
        INDEX_TEST(i6_payload_bytes_that_do_not_add_up),
        INDEX_TEST(i7_a_slot_out_of_use_that_is_not_clean),
        INDEX_TEST(i8_a_row_that_nobody_could_have_inserted),
        INDEX_TEST(i9_memory_that_does_not_add_up_or_passes_the_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
