/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of giving memory back.
 *
 * Goal   : what nothing uses goes back to the allocator, what is in use stays as it is; numbers and
 *          room are had again.
 * Method : indexes of both kinds that are filled, emptied and filled again, memory as the hooks see
 *          it; chunks with one slot in use, or with one that is claimed just then.
 */
#include <stdlib.h>
#include <string.h>

#include "index/internal.h"
#include "store/slots.h"
#include "support/index_fixture.h"
#include "sync/rcu.h"

enum { DIM = 32, COUNT = 12000 };

static void open_kind(struct index_fixture *fixture, enum akin_kind kind)
{
    fixture->options.kind = kind;
    fixture->options.dim = DIM;
    fixture->options.m = 8;
    fixture->options.ef_construction = 40;
    fixture->options.capacity = 0;
    index_open(fixture);
}

static void row_of(uint64_t key, float *row)
{
    uint64_t random = key * 0x9e3779b97f4a7c15u + 1;
    for (uint32_t i = 0; i < DIM; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        row[i] = (float)(random >> 40) / 0x1p24f;
    }
}

static void insert(struct index_fixture *fixture, uint64_t first, uint64_t end, size_t payload_size)
{
    unsigned char payload[512];
    for (uint64_t key = first; key < end; key++) {
        float row[DIM];
        row_of(key, row);
        memset(payload, (int)(key & 0xff), sizeof payload);
        const struct akin_vector vector = vector_of(AKIN_F32, DIM, row);
        const struct akin_bytes bytes = {.data = payload, .size = payload_size};
        assert_status(AKIN_OK, akin_insert(fixture->index, key, &vector, &bytes, NULL));
    }
}

static void erase(struct index_fixture *fixture, uint64_t first, uint64_t end)
{
    for (uint64_t key = first; key < end; key++) {
        assert_status(AKIN_OK, akin_delete(fixture->index, key, NULL));
    }
}

/* Every seventh entry has its row, and nearly all of them are found by it. */
static void assert_there(struct index_fixture *fixture, uint64_t first, uint64_t end)
{
    uint64_t asked = 0;
    uint64_t found = 0;
    for (uint64_t key = first; key < end; key += 7) {
        float row[DIM];
        float got[DIM];
        struct akin_neighbor nearest;
        uint32_t count = 0;
        struct akin_search_options options;
        struct akin_record record = akin_record_init();
        record.vector = got;
        record.vector_capacity = sizeof got;
        row_of(key, row);
        const struct akin_vector vector = vector_of(AKIN_F32, DIM, row);
        akin_search_options_init(&options);
        options.k = 1;
        options.ef_search = 100;
        assert_status(AKIN_OK, akin_get(fixture->index, key, &record, NULL));
        assert_memory_equal(got, row, sizeof row);
        assert_status(AKIN_OK,
                      akin_search(fixture->index, NULL, &vector, &options, &nearest, &count, NULL));
        assert_int_equal(count, 1);
        found += nearest.key == key ? 1 : 0;
        asked++;
    }
    assert_true(found * 100 >= asked * 95);
}

static uint64_t total_bytes(struct index_fixture *fixture)
{
    return index_stats(fixture).memory.total_bytes;
}

static void deleting_all_returns_nine_tenths(struct index_fixture *fixture, enum akin_kind kind)
{
    open_kind(fixture, kind);
    const uint64_t empty = total_bytes(fixture);
    insert(fixture, 0, COUNT, 100);
    const uint64_t full = total_bytes(fixture);
    erase(fixture, 0, COUNT);
    index_drain(fixture);
    const uint64_t left = total_bytes(fixture);
    assert_true(left < full / 10);
    const struct akin_stats stats = index_stats(fixture);
    assert_int_equal(stats.count, 0);
    assert_int_equal(stats.slots_absent, stats.slots_free);
    assert_int_equal(stats.memory.rows_bytes, 0);
    assert_true(stats.slots_free == stats.slots && stats.slots >= COUNT);
    /* All of it can be had again, and goes back again; no number is lost. */
    for (int again = 0; again < 3; again++) {
        insert(fixture, 0, COUNT, 100);
        assert_there(fixture, 0, COUNT);
        assert_true(total_bytes(fixture) <= full + full / 8);
        assert_int_equal(index_stats(fixture).slots, stats.slots);
        erase(fixture, 0, COUNT);
        index_drain(fixture);
        assert_true(total_bytes(fixture) <= left + empty);
    }
}

static void deleting_all_of_a_flat_index_returns_its_memory(void **state)
{
    deleting_all_returns_nine_tenths(*state, AKIN_FLAT);
}

static void deleting_all_of_a_graph_returns_its_memory(void **state)
{
    deleting_all_returns_nine_tenths(*state, AKIN_HNSW);
}

static void chunks_in_use_stay(void **state)
{
    struct index_fixture *const fixture = *state;
    fixture->options.capacity = 64; /* small chunks */
    fixture->options.kind = AKIN_HNSW;
    fixture->options.dim = DIM;
    index_open(fixture);
    const uint32_t chunk = fixture->index->store.slots.chunk_mask + 1;
    assert_int_equal(chunk, 64);
    insert(fixture, 0, 20 * chunk, 0);
    const uint64_t rows = index_stats(fixture).memory.rows_bytes;
    /* Of the first half one in each chunk is kept, of the second none. */
    for (uint64_t key = 0; key < 20 * chunk; key++) {
        if (key >= 10 * chunk || key % chunk != 13) {
            erase(fixture, key, key + 1);
        }
    }
    index_drain(fixture);
    const struct akin_stats stats = index_stats(fixture);
    assert_int_equal(stats.slots_absent, 10 * chunk);
    assert_int_equal(stats.memory.rows_bytes, rows / 2);
    assert_int_equal(stats.count, 10);
    for (uint64_t key = 13; key < 10 * chunk; key += chunk) {
        assert_there(fixture, key, key + 1);
    }
    /* Free slots of chunks that are there come first. */
    insert(fixture, 10000, 10000 + 10 * (chunk - 1), 0);
    assert_int_equal(index_stats(fixture).slots_absent, 10 * chunk);
    insert(fixture, 20000, 20001, 0);
    assert_int_equal(index_stats(fixture).slots_absent, 9 * chunk);
    assert_int_equal(index_stats(fixture).slots, 20 * chunk);
}

static void a_chunk_of_which_a_slot_is_claimed_is_left_as_it_was(void **state)
{
    struct index_fixture *const fixture = *state;
    uint32_t held = 0;
    fixture->options.capacity = 64;
    fixture->options.dim = DIM;
    index_open(fixture);
    struct slots *const slots = &fixture->index->store.slots;
    insert(fixture, 0, 100, 0);
    erase(fixture, 0, 100);
    assert_status(AKIN_OK, akin_maintain(fixture->index, AKIN_MAINTAIN_ROUND, NULL, NULL));
    assert_int_equal(index_stats(fixture).slots_free, 100);
    rcu_enter();
    assert_status(AKIN_OK, slot_claim(slots, &held));
    assert_true(held < 64);
    assert_false(slots_take_chunk(slots, 0));
    for (uint32_t slot = 0; slot < 64; slot++) {
        assert_int_equal(slot_state(slots, slot), slot == held ? SLOT_PENDING : SLOT_FREE);
    }
    /* The second one is taken whole, with the numbers above the watermark. */
    assert_true(slots_take_chunk(slots, 1));
    assert_int_equal(slots_watermark(slots), 128);
    struct slot_chunk *const chunk = slots_remove_chunk(slots, 1);
    assert_null(slots_chunk(slots, 1));
    assert_int_equal(slot_state(slots, 64), SLOT_FREE);
    assert_int_equal(slots_absent(slots), 64);
    rcu_leave();
    rcu_wait();
    slots_give_chunk(slots, chunk);
    assert_int_equal(index_stats(fixture).slots_free, 127);
    store_abandon(&fixture->index->store, held);
    index_drain(fixture);
}

static int count_entry(void *context, const struct akin_record *record)
{
    assert_true(record->key < 128 || record->key >= 512);
    *(uint64_t *)context += 1;
    return 0;
}

static void a_walk_passes_over_what_was_given_back(void **state)
{
    struct index_fixture *const fixture = *state;
    fixture->options.capacity = 64;
    fixture->options.dim = DIM;
    index_open(fixture);
    insert(fixture, 0, 640, 8);
    erase(fixture, 128, 512);
    index_drain(fixture);
    assert_int_equal(index_stats(fixture).slots_absent, 384);
    uint64_t count = 0;
    assert_status(AKIN_OK, akin_iterate(fixture->index, count_entry, &count, NULL));
    assert_int_equal(count, 256);
    assert_there(fixture, 0, 128);
    assert_there(fixture, 512, 640);
}

static void the_key_table_shrinks_to_what_it_was_made_with(void **state)
{
    struct index_fixture *const fixture = *state;
    open_kind(fixture, AKIN_FLAT);
    const uint64_t made_with = index_stats(fixture).memory.map_bytes;
    insert(fixture, 0, 20000, 0);
    index_drain(fixture);
    const uint64_t buckets = atomic_u64_load_relaxed(&fixture->index->store.keys.buckets);
    assert_true(buckets >= 10000);
    erase(fixture, 0, 19990);
    index_drain(fixture);
    assert_int_equal(atomic_u64_load_relaxed(&fixture->index->store.keys.buckets), KEY_BUCKETS_MIN);
    assert_there(fixture, 19990, 20000);
    erase(fixture, 19990, 20000);
    index_drain(fixture);
    assert_true(index_stats(fixture).memory.map_bytes <= made_with);
    insert(fixture, 0, 20000, 0);
    index_drain(fixture);
    assert_int_equal(atomic_u64_load_relaxed(&fixture->index->store.keys.buckets), buckets);
}

static void a_round_gives_back_what_is_much_more_than_needed_and_keeps_some(void **state)
{
    struct index_fixture *const fixture = *state;
    fixture->options.dim = 1024;
    fixture->options.capacity = 256;
    fixture->options.maintenance = AKIN_MAINTENANCE_CALLER;
    index_open(fixture);
    float row[1024] = {0};
    const struct akin_vector vector = vector_of(AKIN_F32, 1024, row);
    const uint64_t count = 8192; /* 32 MiB of rows in chunks of 1 MiB */
    for (uint64_t key = 0; key < count; key++) {
        row[0] = (float)key;
        assert_status(AKIN_OK, akin_insert(fixture->index, key, &vector, NULL, NULL));
    }
    erase(fixture, 0, count - 100);
    for (int round = 0; round < 6; round++) {
        assert_status(AKIN_OK, akin_maintain(fixture->index, AKIN_MAINTAIN_ROUND, NULL, NULL));
    }
    const struct akin_stats stats = index_stats(fixture);
    assert_true(stats.memory.rows_bytes <= 2ull * SLOT_CHUNK_ROWS_GOAL + (1u << 20) * 2);
    assert_true(stats.memory.rows_bytes >= 2ull * SLOT_CHUNK_ROWS_GOAL);
    assert_int_equal(stats.slots, count);
}

static void payloads_of_a_graph_leave_sparse_chunks(void **state)
{
    struct index_fixture *const fixture = *state;
    open_kind(fixture, AKIN_HNSW);
    insert(fixture, 0, COUNT, 500);
    const uint64_t full = index_stats(fixture).memory.payload_bytes;
    for (uint64_t key = 0; key < COUNT; key++) {
        if (key % 100 != 0) {
            erase(fixture, key, key + 1);
        }
    }
    index_drain(fixture);
    index_drain(fixture);
    /* One in a hundred lives: less than a megabyte; chunks are of one, and four are kept. */
    assert_true(full > 5u << 20);
    assert_true(index_stats(fixture).memory.payload_bytes <= 5u << 20);
    assert_there(fixture, 0, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INDEX_TEST(deleting_all_of_a_flat_index_returns_its_memory),
        INDEX_TEST(deleting_all_of_a_graph_returns_its_memory),
        INDEX_TEST(chunks_in_use_stay),
        INDEX_TEST(a_chunk_of_which_a_slot_is_claimed_is_left_as_it_was),
        INDEX_TEST(a_walk_passes_over_what_was_given_back),
        INDEX_TEST(the_key_table_shrinks_to_what_it_was_made_with),
        INDEX_TEST(a_round_gives_back_what_is_much_more_than_needed_and_keeps_some),
        INDEX_TEST(payloads_of_a_graph_leave_sparse_chunks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
