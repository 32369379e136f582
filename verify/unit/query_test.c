/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of get, contains and count.
 *
 * Goal   : what was written comes back bit for bit, in buffers that are large enough, and sizes
 *          tell what is needed in those that are not.
 * Method : numbers whose bits a conversion would change; buffers of every size around the right
 *          one.
 */
#include <stdlib.h>
#include <string.h>

#include "support/index_fixture.h"

/* Floats by their bits: both zeros, subnormals, the ends, and ordinary ones. */
static const uint32_t odd_bits[8] = {0x00000000, 0x80000000, 0x00000001, 0x807fffff,
                                     0x00800000, 0x7f7fffff, 0xff7fffff, 0x3f800001};

static void every_finite_bit_pattern_comes_back(void **state)
{
    struct index_fixture *const fixture = *state;
    uint32_t got[8];
    fixture->options.dim = 8;
    for (int metric = AKIN_L2; metric <= AKIN_COSINE; metric++) {
        fixture->options.metric = (enum akin_metric)metric;
        index_open(fixture);
        const struct akin_vector vector = vector_of(AKIN_F32, 8, odd_bits);
        assert_status(AKIN_OK, akin_insert(fixture->index, 1, &vector, NULL, NULL));
        struct akin_record record = akin_record_init();
        record.vector = got;
        record.vector_capacity = sizeof got;
        assert_status(AKIN_OK, akin_get(fixture->index, 1, &record, NULL));
        assert_memory_equal(got, odd_bits, sizeof got);
        index_close(fixture);
    }
}

static void every_byte_comes_back(void **state)
{
    struct index_fixture *const fixture = *state;
    int8_t row[256];
    int8_t got[256];
    fixture->options.dim = 256;
    fixture->options.type = AKIN_I8;
    for (int i = 0; i < 256; i++) {
        row[i] = (int8_t)(i - 128);
    }
    index_open(fixture);
    const struct akin_vector vector = akin_vector_i8(row, 256);
    assert_status(AKIN_OK, akin_insert(fixture->index, 1, &vector, NULL, NULL));
    struct akin_record record = akin_record_init();
    record.vector = got;
    record.vector_capacity = sizeof got;
    assert_status(AKIN_OK, akin_get(fixture->index, 1, &record, NULL));
    assert_int_equal(record.vector_size, 256);
    assert_memory_equal(got, row, sizeof row);
}

static void a_record_without_buffers_tells_sizes_version_and_key(void **state)
{
    struct index_fixture *const fixture = *state;
    struct akin_record record = akin_record_init();
    index_open(fixture);
    assert_status(AKIN_OK, insert_pattern(fixture, 42, 1, 4000));
    assert_status(AKIN_OK, akin_get(fixture->index, 42, &record, NULL));
    assert_int_equal(record.vector_size, FIXTURE_DIM * 4);
    assert_int_equal(record.payload_size, 4000);
    assert_int_equal(record.key, 42);
    assert_int_equal(record.version, index_stats(fixture).commits);
}

static void a_fresh_record_asks_for_nothing(void **state)
{
    const struct akin_record record = akin_record_init();
    (void)state;
    assert_int_equal(record.struct_size, sizeof record);
    assert_null(record.vector);
    assert_null(record.payload);
    assert_int_equal(record.vector_capacity + record.payload_capacity + record.vector_size +
                         record.payload_size + record.version + record.key,
                     0);
}

static void only_as_many_bytes_as_there_are_are_written(void **state)
{
    struct index_fixture *const fixture = *state;
    unsigned char vector[64];
    unsigned char payload[64];
    struct akin_record record = akin_record_init();
    index_open(fixture);
    assert_status(AKIN_OK, insert_pattern(fixture, 1, 1, 10));
    memset(vector, 0xcc, sizeof vector);
    memset(payload, 0xcc, sizeof payload);
    record.vector = vector;
    record.vector_capacity = sizeof vector;
    record.payload = payload;
    record.payload_capacity = sizeof payload;
    assert_status(AKIN_OK, akin_get(fixture->index, 1, &record, NULL));
    assert_int_equal(vector[FIXTURE_DIM * 4], 0xcc);
    assert_int_equal(payload[10], 0xcc);
    assert_true(pattern_bytes_are(1, 1, payload, 10));
}

/* One get with buffers of these sizes; the bytes behind `record` must be untouched when refused. */
static void try_buffers(struct index_fixture *fixture, size_t vector_capacity,
                        size_t payload_capacity, const char *field)
{
    unsigned char vector[FIXTURE_DIM * 4];
    unsigned char payload[10];
    struct akin_record record = akin_record_init();
    memset(vector, 0xcc, sizeof vector);
    memset(payload, 0xcc, sizeof payload);
    record.vector = vector;
    record.vector_capacity = vector_capacity;
    record.payload = payload;
    record.payload_capacity = payload_capacity;
    record.version = 4711;
    record.key = 4712;
    assert_status(AKIN_BUFFER_TOO_SMALL, akin_get(fixture->index, 1, &record, &fixture->error));
    assert_error(&fixture->error, AKIN_BUFFER_TOO_SMALL, field);
    assert_int_equal(record.vector_size, FIXTURE_DIM * 4);
    assert_int_equal(record.payload_size, 10);
    assert_int_equal(record.version, 4711);
    assert_int_equal(record.key, 4712);
    assert_true(vector[0] == 0xcc && payload[0] == 0xcc);
}

static void a_buffer_that_is_too_small_is_named_and_gets_nothing(void **state)
{
    struct index_fixture *const fixture = *state;
    index_open(fixture);
    assert_status(AKIN_OK, insert_pattern(fixture, 1, 1, 10));
    try_buffers(fixture, FIXTURE_DIM * 4 - 1, 10, "record.vector_capacity");
    try_buffers(fixture, 0, 10, "record.vector_capacity");
    try_buffers(fixture, 0, 0, "record.vector_capacity");
    try_buffers(fixture, FIXTURE_DIM * 4, 9, "record.payload_capacity");
    assert_true(fixture->error.value == 9 && fixture->error.bound_min == 10);
    try_buffers(fixture, FIXTURE_DIM * 4, 0, "record.payload_capacity");
}

static void an_entry_without_payload_fits_every_payload_buffer(void **state)
{
    struct index_fixture *const fixture = *state;
    unsigned char byte = 0xcc;
    struct akin_record record = akin_record_init();
    index_open(fixture);
    assert_status(AKIN_OK, insert_pattern(fixture, 1, 1, 0));
    record.payload = &byte;
    assert_status(AKIN_OK, akin_get(fixture->index, 1, &record, NULL));
    assert_int_equal(record.payload_size, 0);
    assert_int_equal(byte, 0xcc);
}

static void a_key_that_is_not_there_leaves_the_record_alone(void **state)
{
    struct index_fixture *const fixture = *state;
    struct akin_record record = akin_record_init();
    record.version = 4711;
    record.vector_size = 4712;
    index_open(fixture);
    assert_status(AKIN_NOT_FOUND, akin_get(fixture->index, 1, &record, &fixture->error));
    assert_error(&fixture->error, AKIN_NOT_FOUND, "");
    assert_int_equal(record.version, 4711);
    assert_int_equal(record.vector_size, 4712);
    assert_status(AKIN_NOT_FOUND, akin_contains(fixture->index, 1, &fixture->error));
    assert_error(&fixture->error, AKIN_NOT_FOUND, "");
}

static void bad_arguments_are_named(void **state)
{
    struct index_fixture *const fixture = *state;
    struct akin_error *const error = &fixture->error;
    struct akin_record record = akin_record_init();
    uint64_t count = 4711;
    index_open(fixture);
    assert_status(AKIN_BAD_ARGUMENT, akin_get(NULL, 1, &record, error));
    assert_error(error, AKIN_BAD_ARGUMENT, "index");
    assert_status(AKIN_BAD_ARGUMENT, akin_get(fixture->index, 1, NULL, error));
    assert_error(error, AKIN_BAD_ARGUMENT, "record");
    record.struct_size = sizeof record - 1;
    assert_status(AKIN_BAD_STRUCT_SIZE, akin_get(fixture->index, 1, &record, error));
    assert_error(error, AKIN_BAD_STRUCT_SIZE, "record.struct_size");
    assert_status(AKIN_BAD_ARGUMENT, akin_contains(NULL, 1, error));
    assert_error(error, AKIN_BAD_ARGUMENT, "index");
    assert_status(AKIN_BAD_ARGUMENT, akin_count(NULL, &count, error));
    assert_error(error, AKIN_BAD_ARGUMENT, "index");
    assert_status(AKIN_BAD_ARGUMENT, akin_count(fixture->index, NULL, error));
    assert_error(error, AKIN_BAD_ARGUMENT, "count");
    assert_int_equal(count, 4711);
}

static void reading_allocates_nothing_after_the_first_call(void **state)
{
    struct index_fixture *const fixture = *state;
    index_open(fixture);
    for (uint64_t key = 0; key < 50; key++) {
        assert_status(AKIN_OK, insert_pattern(fixture, key, 1, 10));
    }
    assert_pattern(fixture, 1, 1, 10);
    const uint64_t calls = tracking_calls(&fixture->tracking);
    for (uint64_t key = 0; key < 50; key++) {
        assert_pattern(fixture, key, 1, 10);
        assert_absent(fixture, 100 + key);
        assert_int_equal(index_count(fixture), 50);
    }
    assert_int_equal(tracking_calls(&fixture->tracking), calls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INDEX_TEST(every_finite_bit_pattern_comes_back),
        INDEX_TEST(every_byte_comes_back),
        INDEX_TEST(a_record_without_buffers_tells_sizes_version_and_key),
        INDEX_TEST(a_fresh_record_asks_for_nothing),
        INDEX_TEST(only_as_many_bytes_as_there_are_are_written),
        INDEX_TEST(a_buffer_that_is_too_small_is_named_and_gets_nothing),
        INDEX_TEST(an_entry_without_payload_fits_every_payload_buffer),
        INDEX_TEST(a_key_that_is_not_there_leaves_the_record_alone),
        INDEX_TEST(bad_arguments_are_named),
        INDEX_TEST(reading_allocates_nothing_after_the_first_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
