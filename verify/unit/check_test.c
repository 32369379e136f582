/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of the check: it names each invariant that is broken, and only then.
 *
 * Goal   : a structure that was damaged on purpose is found out, by the invariant's name as in
 *          docs/CONCURRENCY.md section 6; a sound one passes at every stage of its life.
 * Method : an index with live, dead, free and replaced versions; one word of its inside is changed,
 *          the check is asked, the word is put back, and the check has to pass again. The cheap
 *          form is asked beside the deep one; its sample holds all slots of a small index, and of
 *          a larger one every slot is in one of so many samples. The graph: graph_check_test.
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
        assert_status(AKIN_OK, akin_check(fixture->index, AKIN_CHECK_DEEP, &fixture->error));
        for (uint64_t i = 0; i < 600; i++) {
            const uint64_t key = i * 7 % 50;
            assert_status(AKIN_OK, put_pattern(fixture, key, i, i % 5 * 300));
            if (i % 3 == 0) {
                assert_status(AKIN_OK, akin_delete(fixture->index, key, NULL));
            }
            if (i % 37 == 0) {
                assert_status(AKIN_OK,
                              akin_check(fixture->index, AKIN_CHECK_DEEP, &fixture->error));
            }
        }
        index_drain(fixture);
        assert_status(AKIN_OK, akin_check(fixture->index, AKIN_CHECK_DEEP, &fixture->error));
        assert_status(AKIN_OK, akin_clear(fixture->index, NULL));
        assert_status(AKIN_OK, akin_check(fixture->index, AKIN_CHECK_DEEP, NULL));
        index_close(fixture);
    }
}

static void no_index_is_named(void **state)
{
    struct index_fixture *const fixture = *state;
    assert_status(AKIN_BAD_ARGUMENT, akin_check(NULL, AKIN_CHECK_DEEP, &fixture->error));
    assert_error(&fixture->error, AKIN_BAD_ARGUMENT, "index");
}

static void a_depth_that_is_none_is_named(void **state)
{
    struct index_fixture *const fixture = *state;
    const int bad[] = {0, AKIN_CHECK_DEEP + 1, -1, INT32_MAX};
    index_open(fixture);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const enum akin_check_depth depth = (enum akin_check_depth)bad[i];
        assert_status(AKIN_BAD_ARGUMENT, akin_check(fixture->index, depth, &fixture->error));
        assert_error(&fixture->error, AKIN_BAD_ARGUMENT, "depth");
        assert_true(fixture->error.value == (double)depth);
        assert_true(fixture->error.bound_min == 1 && fixture->error.bound_max == 2);
        assert_status(AKIN_BAD_ARGUMENT, akin_check(fixture->index, depth, NULL));
    }
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
    assert_status(AKIN_OK, akin_check(fixture->index, AKIN_CHECK_DEEP, &fixture->error));
    index_drain(fixture);
    assert_status(AKIN_OK, akin_check(fixture->index, AKIN_CHECK_DEEP, &fixture->error));
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
    assert_status(AKIN_OK, akin_check(fixture->index, AKIN_CHECK_DEEP, &fixture->error));
}

/* Which forms look at what was damaged. */
enum finder { DEEP_ALONE, BOTH };

static void assert_sound(struct index_fixture *fixture)
{
    assert_status(AKIN_OK, akin_check(fixture->index, AKIN_CHECK_DEEP, &fixture->error));
    assert_status(AKIN_OK, akin_check(fixture->index, AKIN_CHECK_CHEAP, &fixture->error));
}

static void assert_broken_at(struct index_fixture *fixture, enum akin_check_depth depth,
                             const char *invariant)
{
    memset(&fixture->error, 0x55, sizeof fixture->error);
    assert_status(AKIN_CORRUPT, akin_check(fixture->index, depth, &fixture->error));
    assert_error(&fixture->error, AKIN_CORRUPT, invariant);
    assert_status(AKIN_CORRUPT, akin_check(fixture->index, depth, NULL));
}

static void assert_broken(struct index_fixture *fixture, enum finder finder, const char *invariant)
{
    if (finder == BOTH) {
        assert_broken_at(fixture, AKIN_CHECK_CHEAP, invariant);
    } else {
        assert_status(AKIN_OK, akin_check(fixture->index, AKIN_CHECK_CHEAP, &fixture->error));
    }
    assert_broken_at(fixture, AKIN_CHECK_DEEP, invariant);
}

/* Set a word, expect the invariant to be named, put the word back. */
static void with_u64(struct index_fixture *fixture, struct atomic_u64 *word, uint64_t value,
                     enum finder finder, const char *invariant)
{
    const uint64_t sound = atomic_u64_load_relaxed(word);
    atomic_u64_store_relaxed(word, value);
    assert_broken(fixture, finder, invariant);
    atomic_u64_store_relaxed(word, sound);
    assert_sound(fixture);
}

static void with_u32(struct index_fixture *fixture, struct atomic_u32 *word, uint32_t value,
                     enum finder finder, const char *invariant)
{
    const uint32_t sound = atomic_u32_load_relaxed(word);
    atomic_u32_store_relaxed(word, value);
    assert_broken(fixture, finder, invariant);
    atomic_u32_store_relaxed(word, sound);
    assert_sound(fixture);
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
    with_u64(fixture, &chunk->born[offset], frontier + 1, BOTH, "I1 stamps");
    assert_int_equal(fixture->error.position, live);
    with_u64(fixture, &chunk->died[offset], frontier + 7, BOTH, "I1 stamps");
    with_u64(fixture, &chunk->died[offset], 1, BOTH, "I1 stamps");
    struct slot_chunk *const dead_chunk = chunk_of(fixture, dead);
    with_u64(fixture, &dead_chunk->born[offset_of(fixture, dead)], STAMP_NEVER, DEEP_ALONE,
             "I5 chains");
}

static void i2_a_state_that_is_none(void **state)
{
    struct index_fixture *const fixture = *state;
    make_scene(fixture);
    const uint32_t live = head_of(fixture, KEY_LIVE);
    struct atomic_u64 *const word = &chunk_of(fixture, live)->state[offset_of(fixture, live)];
    with_u64(fixture, word, atomic_u64_load_relaxed(word) | 0x40, BOTH, "I2 states");
    assert_int_equal(fixture->error.position, live);
}

static void i3_counts_that_differ_from_what_the_slots_say(void **state)
{
    struct index_fixture *const fixture = *state;
    make_scene(fixture);
    struct store *const store = store_of(fixture);
    const uint64_t free_count = atomic_u64_load_relaxed(&store->slots.free_count);
    with_u64(fixture, &store->slots.free_count, free_count + 1, DEEP_ALONE, "I3 conservation");
    with_u64(fixture, &store->memory.retired, 0, BOTH, "I3 conservation");
    struct commit_record *const newest = atomic_ptr_load_acquire(&store->last);
    newest->base++;
    assert_broken(fixture, DEEP_ALONE, "I3 conservation");
    newest->base--;
    /* Without looking at the slots: numbers that cannot be. */
    newest->base += 1000;
    assert_broken(fixture, BOTH, "I3 conservation");
    newest->base -= 1000;
    with_u64(fixture, &store->slots.free_count, free_count + 1000, BOTH, "I3 conservation");
    with_u64(fixture, &store->slots.free_count, 0, DEEP_ALONE, "I3 conservation");
    assert_sound(fixture);
}

static void i4_a_live_entry_that_its_key_does_not_lead_to(void **state)
{
    struct index_fixture *const fixture = *state;
    make_scene(fixture);
    struct key_record *const record = record_of(fixture, KEY_LIVE);
    with_u32(fixture, &record->head, SLOT_NONE, BOTH, "I4 keys");
    with_u32(fixture, &record->head, head_of(fixture, KEY_OTHER), BOTH, "I4 keys");
    /* A head that is no slot at all: of a key that no live slot has. */
    with_u32(fixture, &record_of(fixture, KEY_DEAD)->head,
             slots_watermark(&store_of(fixture)->slots) + 100, DEEP_ALONE, "I4 keys");
    /* The map does not know a live key any more. */
    rcu_enter();
    assert_true(key_map_remove(&store_of(fixture)->keys, record));
    rcu_leave();
    assert_broken(fixture, BOTH, "I4 keys");
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
    with_u32(fixture, prev, newer, BOTH, "I5 chains"); /* a circle */
    with_u32(fixture, prev, other, BOTH, "I5 chains");
    with_u32(fixture, prev, SLOT_UNSET, BOTH, "I5 chains");
    with_u32(fixture, prev, SLOT_GONE, BOTH, "I5 chains");
    with_u32(fixture, prev, slots_watermark(&store_of(fixture)->slots), BOTH, "I5 chains");
    with_u32(fixture, prev, SLOT_COUNT_MAX - 1, BOTH, "I5 chains");
    struct slot_chunk *const older_chunk = chunk_of(fixture, older);
    uint64_t *const key = &older_chunk->key[offset_of(fixture, older)];
    *key = KEY_OTHER;
    assert_broken(fixture, BOTH, "I5 chains");
    *key = KEY_REPLACED;
    assert_sound(fixture);
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
    with_u64(fixture, &block->chunk->live, bytes + 8, DEEP_ALONE, "I6 payload");
    with_u64(fixture, &block->chunk->live, bytes - 8, DEEP_ALONE, "I6 payload");
    with_u64(fixture, &block->chunk->live, 8, BOTH, "I6 payload");
    atomic_ptr_store_release(&chunk->payload[offset_of(fixture, live)], NULL);
    assert_broken(fixture, DEEP_ALONE, "I6 payload");
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
    with_u64(fixture, &chunk->born[offset], 3, BOTH, "I7 clean slots");
    with_u64(fixture, &chunk->died[offset], 3, BOTH, "I7 clean slots");
    assert_int_equal(fixture->error.position, slot);
    atomic_ptr_store_release(
        &chunk->payload[offset],
        atomic_ptr_load_acquire(&chunk_of(fixture, live)->payload[offset_of(fixture, live)]));
    assert_broken(fixture, BOTH, "I7 clean slots");
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
        assert_broken(fixture, BOTH, "I8 rows");
        assert_int_equal(fixture->error.position, live);
    }
    memcpy(row, sound, sizeof sound);
    chunk->norm[offset] *= 2;
    assert_broken(fixture, BOTH, "I8 rows");
    chunk->norm[offset] /= 2;
}

static void i9_memory_that_does_not_add_up_or_passes_the_budget(void **state)
{
    struct index_fixture *const fixture = *state;
    make_scene(fixture);
    struct memory *const memory = &store_of(fixture)->memory;
    const uint64_t total = atomic_u64_load_relaxed(&memory->total);
    with_u64(fixture, &memory->total, total + 1, BOTH, "I9 memory");
    with_u64(fixture, &memory->kinds[MEMORY_ROWS], 0, BOTH, "I9 memory");
    memory->budget_bytes = total - 1;
    assert_broken(fixture, BOTH, "I9 memory");
    memory->budget_bytes = total;
    assert_sound(fixture);
}

/* ---- what the cheap form looks at ---- */

static void i3_a_hint_at_no_slot(void **state)
{
    struct index_fixture *const fixture = *state;
    make_scene(fixture);
    struct slots *const slots = &store_of(fixture)->slots;
    const uint32_t count = ring_count(&slots->hints);
    uint32_t number = 0;
    assert_true(count > 0);
    assert_int_equal(ring_at(&slots->hints, 0), free_slot(fixture));
    assert_true(ring_append(&slots->hints, slots_watermark(slots)));
    assert_int_equal(ring_at(&slots->hints, count), slots_watermark(slots));
    assert_broken(fixture, BOTH, "I3 conservation");
    for (uint32_t i = 0; i <= count; i++) {
        assert_true(ring_take(&slots->hints, &number)); /* hints only: nothing is lost */
    }
    assert_int_equal(number, slots_watermark(slots));
    assert_sound(fixture);
}

static void each_slot_is_in_one_of_so_many_samples(void **state)
{
    enum { ENTRIES = 1500, SAMPLES = 6 }; /* 1500 / 256, rounded up */
    struct index_fixture *const fixture = *state;
    index_open(fixture);
    for (uint64_t key = 0; key < ENTRIES; key++) {
        assert_status(AKIN_OK, insert_pattern(fixture, key, 1, 0));
    }
    assert_int_equal(slots_watermark(&store_of(fixture)->slots), ENTRIES);
    for (uint32_t slot = 0; slot < ENTRIES; slot += slot < 10 || slot + 11 > ENTRIES ? 1 : 37) {
        struct atomic_u64 *const born = &chunk_of(fixture, slot)->born[offset_of(fixture, slot)];
        const uint64_t sound = atomic_u64_load_relaxed(born);
        uint32_t found = 0;
        atomic_u64_store_relaxed(born, UINT64_MAX);
        for (int i = 0; i < SAMPLES; i++) {
            if (akin_check(fixture->index, AKIN_CHECK_CHEAP, &fixture->error) == AKIN_CORRUPT) {
                assert_error(&fixture->error, AKIN_CORRUPT, "I1 stamps");
                assert_int_equal(fixture->error.position, slot);
                found++;
            }
        }
        assert_int_equal(found, 1);
        atomic_u64_store_relaxed(born, sound);
    }
    assert_sound(fixture);
}

/* A key that was replaced very often: the deep form follows its chain to the end, the cheap one as
   far as it says. */
static void a_long_chain_is_believed_after_some_versions(void **state)
{
    enum { VERSIONS = 100, LOOKED_AT = 64 };
    struct index_fixture *const fixture = *state;
    uint32_t slots[VERSIONS];
    fixture->options.maintenance = AKIN_MAINTENANCE_CALLER;
    index_open(fixture);
    for (uint32_t i = 0; i < VERSIONS; i++) {
        assert_status(AKIN_OK, put_pattern(fixture, 1, i, 0));
        slots[i] = head_of(fixture, 1);
    }
    for (uint32_t i = 1; i < VERSIONS; i++) { /* back from the newest; its link is to the next */
        const uint32_t slot = slots[VERSIONS - i];
        with_u32(fixture, &chunk_of(fixture, slot)->prev[offset_of(fixture, slot)], SLOT_GONE - 1,
                 i <= LOOKED_AT ? BOTH : DEEP_ALONE, "I5 chains");
    }
}

static void the_cheap_form_allocates_nothing(void **state)
{
    struct index_fixture *const fixture = *state;
    fixture->options.kind = AKIN_HNSW;
    index_open(fixture);
    for (uint64_t key = 0; key < 400; key++) {
        assert_status(AKIN_OK, insert_pattern(fixture, key, 1, 5));
    }
    tracking_fail(&fixture->tracking, 0, UINT64_MAX);
    assert_status(AKIN_OK, akin_check(fixture->index, AKIN_CHECK_CHEAP, &fixture->error));
    assert_int_equal(tracking_fail_stop(&fixture->tracking), 0);
    tracking_fail(&fixture->tracking, 0, UINT64_MAX);
    assert_status(AKIN_NO_MEMORY, akin_check(fixture->index, AKIN_CHECK_DEEP, &fixture->error));
    assert_true(tracking_fail_stop(&fixture->tracking) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INDEX_TEST(a_sound_index_passes_at_every_stage),
        INDEX_TEST(no_index_is_named),
        INDEX_TEST(a_depth_that_is_none_is_named),
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
        INDEX_TEST(i3_a_hint_at_no_slot),
        INDEX_TEST(each_slot_is_in_one_of_so_many_samples),
        INDEX_TEST(a_long_chain_is_believed_after_some_versions),
        INDEX_TEST(the_cheap_form_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
