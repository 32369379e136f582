/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of insert, upsert, update, delete and clear.
 *
 * Goal   : every outcome of every write; what was refused changed nothing.
 * Method : patterns that say which key and version they are, read back bit for bit; a table of bad
 *          arguments that all three writes have to answer alike.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/index_fixture.h"

typedef enum akin_status (*write_fn)(akin_index *index, uint64_t key,
                                     const struct akin_vector *vector,
                                     const struct akin_bytes *payload, struct akin_error *error);

static const write_fn writes[] = {akin_insert, akin_upsert, akin_update};

enum { WRITE_COUNT = sizeof writes / sizeof writes[0] };

static void insert_wants_a_key_that_has_no_entry(void **state)
{
    struct index_fixture *const fixture = *state;
    index_open(fixture);
    assert_status(AKIN_OK, insert_pattern(fixture, 7, 1, 0));
    assert_status(AKIN_EXISTS, insert_pattern(fixture, 7, 2, 5));
    assert_error(&fixture->error, AKIN_EXISTS, "");
    assert_pattern(fixture, 7, 1, 0);
    assert_int_equal(index_count(fixture), 1);
}

static void update_wants_a_key_that_has_one(void **state)
{
    struct index_fixture *const fixture = *state;
    index_open(fixture);
    assert_status(AKIN_NOT_FOUND, update_pattern(fixture, 7, 1, 0));
    assert_error(&fixture->error, AKIN_NOT_FOUND, "");
    assert_absent(fixture, 7);
    assert_status(AKIN_OK, insert_pattern(fixture, 7, 1, 100));
    assert_status(AKIN_OK, update_pattern(fixture, 7, 2, 3));
    assert_pattern(fixture, 7, 2, 3);
    assert_int_equal(index_count(fixture), 1);
}

static void upsert_takes_every_key(void **state)
{
    struct index_fixture *const fixture = *state;
    index_open(fixture);
    assert_status(AKIN_OK, put_pattern(fixture, 7, 1, 100));
    assert_pattern(fixture, 7, 1, 100);
    assert_status(AKIN_OK, put_pattern(fixture, 7, 2, 0));
    assert_pattern(fixture, 7, 2, 0);
    assert_int_equal(index_count(fixture), 1);
}

static void a_deleted_key_is_gone_and_can_be_inserted_again(void **state)
{
    struct index_fixture *const fixture = *state;
    index_open(fixture);
    assert_status(AKIN_NOT_FOUND, akin_delete(fixture->index, 7, &fixture->error));
    assert_error(&fixture->error, AKIN_NOT_FOUND, "");
    for (uint64_t version = 1; version <= 5; version++) {
        assert_status(AKIN_OK, insert_pattern(fixture, 7, version, version * 10));
        assert_pattern(fixture, 7, version, version * 10);
        assert_status(AKIN_OK, akin_delete(fixture->index, 7, NULL));
        assert_absent(fixture, 7);
        assert_status(AKIN_NOT_FOUND, akin_delete(fixture->index, 7, NULL));
        assert_status(AKIN_NOT_FOUND, update_pattern(fixture, 7, 99, 0));
        assert_int_equal(index_count(fixture), 0);
    }
}

static void every_64_bit_number_is_a_key(void **state)
{
    struct index_fixture *const fixture = *state;
    static const uint64_t keys[] = {0,          1,           UINT32_MAX,     1ull << 32,
                                    1ull << 63, 0xfffffffdu, UINT64_MAX - 1, UINT64_MAX};
    index_open(fixture);
    for (size_t i = 0; i < 8; i++) {
        assert_status(AKIN_OK, insert_pattern(fixture, keys[i], i, 8));
    }
    assert_int_equal(index_count(fixture), 8);
    for (size_t i = 0; i < 8; i++) {
        assert_pattern(fixture, keys[i], i, 8);
        assert_status(AKIN_OK, akin_delete(fixture->index, keys[i], NULL));
        assert_absent(fixture, keys[i]);
    }
}

static void payloads_of_every_size_up_to_the_bound_are_kept_byte_for_byte(void **state)
{
    struct index_fixture *const fixture = *state;
    static const size_t sizes[] = {
        0, 1, 7, 8, 9, 4000, 131055, 131056, 131057, 1048576, 3000001, AKIN_PAYLOAD_BYTES_MAX};
    index_open(fixture);
    for (uint64_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_status(AKIN_OK, insert_pattern(fixture, i, 1, sizes[i]));
    }
    for (uint64_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_pattern(fixture, i, 1, sizes[i]);
    }
}

static void a_payload_above_the_bound_is_refused_by_its_size(void **state)
{
    struct index_fixture *const fixture = *state;
    float row[FIXTURE_DIM] = {1};
    const struct akin_vector vector = akin_vector_f32(row, FIXTURE_DIM);
    /* Never read: only the size is judged. */
    const struct akin_bytes payload = {.data = row, .size = (size_t)AKIN_PAYLOAD_BYTES_MAX + 1};
    index_open(fixture);
    for (int i = 0; i < WRITE_COUNT; i++) {
        assert_status(AKIN_PAYLOAD_TOO_LARGE,
                      writes[i](fixture->index, 1, &vector, &payload, &fixture->error));
        assert_error(&fixture->error, AKIN_PAYLOAD_TOO_LARGE, "payload.size");
        assert_true(fixture->error.value == 16777217 && fixture->error.bound_max == 16777216);
    }
    assert_int_equal(index_count(fixture), 0);
}

static void no_payload_and_an_empty_one_are_the_same(void **state)
{
    struct index_fixture *const fixture = *state;
    const float row[FIXTURE_DIM] = {1};
    const struct akin_vector vector = akin_vector_f32(row, FIXTURE_DIM);
    const struct akin_bytes empty = {.data = NULL, .size = 0};
    struct akin_record record = akin_record_init();
    index_open(fixture);
    assert_status(AKIN_OK, akin_insert(fixture->index, 1, &vector, NULL, NULL));
    assert_status(AKIN_OK, akin_insert(fixture->index, 2, &vector, &empty, NULL));
    for (uint64_t key = 1; key <= 2; key++) {
        assert_status(AKIN_OK, akin_get(fixture->index, key, &record, NULL));
        assert_int_equal(record.payload_size, 0);
    }
    assert_int_equal(index_stats(fixture).payload_live_bytes, 0);
}

static void vectors_may_lie_at_any_address(void **state)
{
    struct index_fixture *const fixture = *state;
    unsigned char bytes[FIXTURE_DIM * 4 + 8];
    index_open(fixture);
    for (uint64_t offset = 0; offset < 8; offset++) {
        pattern_row(AKIN_F32, FIXTURE_DIM, offset, 0, bytes + offset);
        const struct akin_vector vector = vector_of(AKIN_F32, FIXTURE_DIM, bytes + offset);
        assert_status(AKIN_OK, akin_insert(fixture->index, offset, &vector, NULL, NULL));
        assert_pattern(fixture, offset, 0, 0);
    }
}

/* ---- what is refused ---- */

struct bad_write {
    struct akin_vector vector;
    struct akin_bytes payload;
    bool no_vector;
    enum akin_status status;
    const char *field;
    uint64_t position;
};

static void assert_all_refuse(struct index_fixture *fixture, const struct bad_write *bad)
{
    for (int i = 0; i < WRITE_COUNT; i++) {
        memset(&fixture->error, 0x55, sizeof fixture->error);
        assert_status(bad->status,
                      writes[i](fixture->index, 1, bad->no_vector ? NULL : &bad->vector,
                                &bad->payload, &fixture->error));
        assert_error(&fixture->error, bad->status, bad->field);
        assert_int_equal(fixture->error.position, bad->position);
        assert_status(bad->status,
                      writes[i](fixture->index, 1, bad->no_vector ? NULL : &bad->vector,
                                &bad->payload, NULL));
    }
}

static void bad_arguments_are_named_and_change_nothing(void **state)
{
    struct index_fixture *const fixture = *state;
    static const float good[4] = {1, 2, 3, 4};
    static const float nan_at_2[4] = {1, 2, NAN, 4};
    static const float inf_at_0[4] = {-INFINITY, 2, NAN, 4};
    static const float inf_at_3[4] = {1, 2, 3, INFINITY};
    const struct bad_write bad[] = {
        {{good, 4, AKIN_F32}, {NULL, 0}, true, AKIN_BAD_ARGUMENT, "vector", 0},
        {{NULL, 4, AKIN_F32}, {NULL, 0}, false, AKIN_BAD_ARGUMENT, "vector", 0},
        {{good, 3, AKIN_F32}, {NULL, 0}, false, AKIN_BAD_DIM, "vector", 0},
        {{good, 5, AKIN_F32}, {NULL, 0}, false, AKIN_BAD_DIM, "vector", 0},
        {{good, 0, AKIN_F32}, {NULL, 0}, false, AKIN_BAD_DIM, "vector", 0},
        {{good, 4, AKIN_I8}, {NULL, 0}, false, AKIN_BAD_TYPE, "vector", 0},
        {{good, 4, (enum akin_type)9}, {NULL, 0}, false, AKIN_BAD_TYPE, "vector", 0},
        {{nan_at_2, 4, AKIN_F32}, {NULL, 0}, false, AKIN_NOT_FINITE, "vector", 2},
        {{inf_at_0, 4, AKIN_F32}, {NULL, 0}, false, AKIN_NOT_FINITE, "vector", 0},
        {{inf_at_3, 4, AKIN_F32}, {NULL, 0}, false, AKIN_NOT_FINITE, "vector", 3},
        {{good, 4, AKIN_F32}, {NULL, 1}, false, AKIN_BAD_ARGUMENT, "payload.data", 0},
    };
    index_open(fixture);
    assert_status(AKIN_OK, insert_pattern(fixture, 1, 1, 3));
    const uint64_t version = index_version(fixture, 1);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_all_refuse(fixture, &bad[i]);
    }
    assert_pattern(fixture, 1, 1, 3);
    assert_int_equal(index_version(fixture, 1), version);
    assert_int_equal(index_stats(fixture).commits, version);
}

static void the_expected_dimension_is_told(void **state)
{
    struct index_fixture *const fixture = *state;
    const float row[5] = {1};
    const struct akin_vector vector = akin_vector_f32(row, 5);
    index_open(fixture);
    assert_status(AKIN_BAD_DIM, akin_insert(fixture->index, 1, &vector, NULL, &fixture->error));
    assert_true(fixture->error.value == 5);
    assert_true(fixture->error.bound_min == 4 && fixture->error.bound_max == 4);
}

static void no_index_is_named(void **state)
{
    struct index_fixture *const fixture = *state;
    const float row[FIXTURE_DIM] = {1};
    const struct akin_vector vector = akin_vector_f32(row, FIXTURE_DIM);
    for (int i = 0; i < WRITE_COUNT; i++) {
        assert_status(AKIN_BAD_ARGUMENT, writes[i](NULL, 1, &vector, NULL, &fixture->error));
        assert_error(&fixture->error, AKIN_BAD_ARGUMENT, "index");
    }
    assert_status(AKIN_BAD_ARGUMENT, akin_delete(NULL, 1, &fixture->error));
    assert_error(&fixture->error, AKIN_BAD_ARGUMENT, "index");
    assert_status(AKIN_BAD_ARGUMENT, akin_clear(NULL, &fixture->error));
    assert_error(&fixture->error, AKIN_BAD_ARGUMENT, "index");
}

static void a_vector_without_direction_is_refused_under_cosine_only(void **state)
{
    struct index_fixture *const fixture = *state;
    const float zero[2] = {0.0f, -0.0f};
    const int8_t none[2] = {0, 0};
    for (int metric = AKIN_L2; metric <= AKIN_COSINE; metric++) {
        for (int type = AKIN_F32; type <= AKIN_I8; type++) {
            fixture->options.metric = (enum akin_metric)metric;
            fixture->options.type = (enum akin_type)type;
            fixture->options.dim = 2;
            index_open(fixture);
            const struct akin_vector vector =
                type == AKIN_F32 ? akin_vector_f32(zero, 2) : akin_vector_i8(none, 2);
            for (int i = 0; i < WRITE_COUNT; i++) {
                enum akin_status expected = AKIN_OK; /* insert, upsert, update work in this order */
                if (metric == AKIN_COSINE) {
                    expected = AKIN_ZERO_VECTOR;
                }
                assert_status(expected,
                              writes[i](fixture->index, 1, &vector, NULL, &fixture->error));
                if (metric == AKIN_COSINE) {
                    assert_error(&fixture->error, AKIN_ZERO_VECTOR, "vector");
                }
            }
            index_close(fixture);
        }
    }
}

static void the_smallest_and_the_largest_numbers_have_a_direction(void **state)
{
    struct index_fixture *const fixture = *state;
    const float rows[3][4] = {{1e-45f, 0, 0, 0}, {3e38f, 3e38f, 3e38f, 3e38f}, {1e-30f, 0, 1, 0}};
    fixture->options.metric = AKIN_COSINE;
    index_open(fixture);
    for (uint64_t key = 0; key < 3; key++) {
        const struct akin_vector vector = akin_vector_f32(rows[key], 4);
        assert_status(AKIN_OK, akin_insert(fixture->index, key, &vector, NULL, NULL));
    }
}

/* ---- clear ---- */

static void clear_leaves_nothing_and_the_index_works_on(void **state)
{
    struct index_fixture *const fixture = *state;
    index_open(fixture);
    assert_status(AKIN_OK, akin_clear(fixture->index, &fixture->error));
    for (uint64_t turn = 1; turn <= 3; turn++) {
        for (uint64_t key = 0; key < 200; key++) {
            assert_status(AKIN_OK, insert_pattern(fixture, key, turn, key));
        }
        assert_status(AKIN_OK, akin_delete(fixture->index, 5, NULL));
        assert_int_equal(index_count(fixture), 199);
        assert_status(AKIN_OK, akin_clear(fixture->index, &fixture->error));
        assert_int_equal(index_count(fixture), 0);
        for (uint64_t key = 0; key < 200; key++) {
            assert_absent(fixture, key);
        }
    }
    index_drain(fixture);
    const struct akin_stats stats = index_stats(fixture);
    assert_int_equal(stats.slots_free, stats.slots);
    assert_int_equal(stats.payload_live_bytes, 0);
    assert_int_equal(stats.memory.retired_bytes, 0);
}

/* ---- stamps ---- */

static void versions_grow_with_every_commit_and_count_follows(void **state)
{
    struct index_fixture *const fixture = *state;
    uint64_t before = 0;
    index_open(fixture);
    for (uint64_t key = 1; key <= 20; key++) {
        assert_status(AKIN_OK, insert_pattern(fixture, key, 1, 0));
        assert_true(index_version(fixture, key) > before);
        before = index_version(fixture, key);
        assert_int_equal(index_stats(fixture).commits, before);
        assert_int_equal(index_count(fixture), key);
    }
    assert_status(AKIN_OK, update_pattern(fixture, 3, 2, 0));
    assert_true(index_version(fixture, 3) > before);
    assert_int_equal(index_version(fixture, 20), before); /* others stay as they are */
    assert_int_equal(index_count(fixture), 20);
}

static void memory_of_deleted_entries_is_used_again(void **state)
{
    struct index_fixture *const fixture = *state;
    index_open(fixture);
    for (uint64_t i = 0; i < 20000; i++) {
        assert_status(AKIN_OK, put_pattern(fixture, i % 10, i, 500));
    }
    const struct akin_stats stats = index_stats(fixture);
    /* 20,000 versions of 512 bytes and more went through; only a part of them can be waiting. */
    assert_true(stats.slots < 2000);
    assert_true(stats.memory.payload_bytes <= 4u << 20);
    assert_true(stats.maintenance_rounds > 0);
    for (uint64_t key = 0; key < 10; key++) {
        assert_pattern(fixture, key, 19990 + key, 500);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INDEX_TEST(insert_wants_a_key_that_has_no_entry),
        INDEX_TEST(update_wants_a_key_that_has_one),
        INDEX_TEST(upsert_takes_every_key),
        INDEX_TEST(a_deleted_key_is_gone_and_can_be_inserted_again),
        INDEX_TEST(every_64_bit_number_is_a_key),
        INDEX_TEST(payloads_of_every_size_up_to_the_bound_are_kept_byte_for_byte),
        INDEX_TEST(a_payload_above_the_bound_is_refused_by_its_size),
        INDEX_TEST(no_payload_and_an_empty_one_are_the_same),
        INDEX_TEST(vectors_may_lie_at_any_address),
        INDEX_TEST(bad_arguments_are_named_and_change_nothing),
        INDEX_TEST(the_expected_dimension_is_told),
        INDEX_TEST(no_index_is_named),
        INDEX_TEST(a_vector_without_direction_is_refused_under_cosine_only),
        INDEX_TEST(the_smallest_and_the_largest_numbers_have_a_direction),
        INDEX_TEST(clear_leaves_nothing_and_the_index_works_on),
        INDEX_TEST(versions_grow_with_every_commit_and_count_follows),
        INDEX_TEST(memory_of_deleted_entries_is_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
