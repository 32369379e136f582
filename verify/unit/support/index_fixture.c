/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tests of the public interface start from.
 */
#include "support/index_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "sync/rcu.h"

int index_setup(void **state)
{
    struct index_fixture *const fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    while (rcu_is_inside()) {
        rcu_leave(); /* a test that failed in a callback left it so */
    }
    tracking_init(&fixture->tracking);
    akin_options_init(&fixture->options);
    fixture->options.dim = FIXTURE_DIM;
    fixture->options.capacity = FIXTURE_CAPACITY;
    fixture->options.threads = 2;
    fixture->options.allocator = tracking_hooks(&fixture->tracking);
    *state = fixture;
    return 0;
}

int index_teardown(void **state)
{
    struct index_fixture *const fixture = *state;
    tracking_fail_stop(&fixture->tracking);
    if (fixture->index != NULL) {
        index_close(fixture);
    }
    tracking_end(&fixture->tracking);
    free(fixture);
    return 0;
}

void index_open(struct index_fixture *fixture)
{
    assert_null(fixture->index);
    assert_status(AKIN_OK, akin_open(&fixture->options, &fixture->index, NULL));
}

void index_close(struct index_fixture *fixture)
{
    akin_index *const index = fixture->index;
    struct akin_error error = {.message = ""};
    enum akin_status status = akin_check(index, AKIN_CHECK_DEEP, &error);
    if (status == AKIN_OK) {
        status = akin_check(index, AKIN_CHECK_CHEAP, &error);
    }
    if (status != AKIN_OK) {
        print_error("akin_check: %s: %s: %s\n", akin_status_name(status),
                    error.field != NULL ? error.field : "-", error.message);
    }
    fixture->index = NULL;
    assert_status(AKIN_OK, akin_close(index));
    assert_int_equal(status, AKIN_OK);
}

void status_check(enum akin_status expected, enum akin_status got, int errno_after,
                  const char *call, const char *file, int line)
{
    if (got != expected) {
        print_error("%s answered %s instead of %s\n", call, akin_status_name(got),
                    akin_status_name(expected));
        _fail(file, line);
    }
    if (errno_after != ERRNO_SENTINEL) {
        print_error("%s changed errno to %d\n", call, errno_after);
        _fail(file, line);
    }
}

void assert_error(const struct akin_error *error, enum akin_status status, const char *field)
{
    assert_string_equal(akin_status_name(error->status), akin_status_name(status));
    assert_non_null(error->field);
    assert_string_equal(error->field, field);
    assert_non_null(memchr(error->message, '\0', sizeof error->message));
    assert_true(strlen(error->message) > 0);
}

typedef enum akin_status (*write_fn)(akin_index *index, uint64_t key,
                                     const struct akin_vector *vector,
                                     const struct akin_bytes *payload, struct akin_error *error);

static enum akin_status write_pattern(struct index_fixture *fixture, write_fn write, uint64_t key,
                                      uint64_t version, size_t payload_size)
{
    const enum akin_type type = fixture->options.type;
    const uint32_t dim = fixture->options.dim;
    unsigned char *const row = malloc(dim * element_bytes_of(type));
    unsigned char *const bytes = malloc(payload_size + 1);
    assert_non_null(row);
    assert_non_null(bytes);
    pattern_row(type, dim, key, version, row);
    pattern_bytes(key, version, bytes, payload_size);
    const struct akin_vector vector = vector_of(type, dim, row);
    const struct akin_bytes payload = {.data = bytes, .size = payload_size};
    errno = ERRNO_SENTINEL;
    const enum akin_status status =
        write(fixture->index, key, &vector, payload_size > 0 ? &payload : NULL, &fixture->error);
    const int errno_after = errno;
    /* Copied, not borrowed: what was handed in may go at once. */
    memset(row, 0xee, dim * element_bytes_of(type));
    memset(bytes, 0xee, payload_size);
    free(row);
    free(bytes);
    assert_int_equal(errno_after, ERRNO_SENTINEL);
    errno = errno_after;
    return status;
}

enum akin_status put_pattern(struct index_fixture *fixture, uint64_t key, uint64_t version,
                             size_t payload_size)
{
    return write_pattern(fixture, akin_upsert, key, version, payload_size);
}

enum akin_status insert_pattern(struct index_fixture *fixture, uint64_t key, uint64_t version,
                                size_t payload_size)
{
    return write_pattern(fixture, akin_insert, key, version, payload_size);
}

enum akin_status update_pattern(struct index_fixture *fixture, uint64_t key, uint64_t version,
                                size_t payload_size)
{
    return write_pattern(fixture, akin_update, key, version, payload_size);
}

void assert_pattern(struct index_fixture *fixture, uint64_t key, uint64_t version, size_t size)
{
    const enum akin_type type = fixture->options.type;
    const uint32_t dim = fixture->options.dim;
    struct akin_record record = akin_record_init();
    record.vector_capacity = dim * element_bytes_of(type);
    record.vector = malloc(record.vector_capacity);
    record.payload_capacity = size;
    record.payload = malloc(size + 1);
    assert_non_null(record.vector);
    assert_non_null(record.payload);
    assert_status(AKIN_OK, akin_get(fixture->index, key, &record, NULL));
    assert_status(AKIN_OK, akin_contains(fixture->index, key, NULL));
    assert_int_equal(record.key, key);
    assert_int_equal(record.vector_size, record.vector_capacity);
    assert_int_equal(record.payload_size, size);
    assert_true(pattern_row_is(type, dim, key, version, record.vector));
    assert_true(pattern_bytes_are(key, version, record.payload, size));
    free(record.vector);
    free(record.payload);
}

void assert_absent(struct index_fixture *fixture, uint64_t key)
{
    struct akin_record record = akin_record_init();
    assert_status(AKIN_NOT_FOUND, akin_get(fixture->index, key, &record, NULL));
    assert_status(AKIN_NOT_FOUND, akin_contains(fixture->index, key, NULL));
}

uint64_t index_count(struct index_fixture *fixture)
{
    uint64_t count = UINT64_MAX;
    assert_status(AKIN_OK, akin_count(fixture->index, &count, NULL));
    return count;
}

struct akin_stats index_stats(struct index_fixture *fixture)
{
    struct akin_stats stats = {.struct_size = sizeof stats};
    assert_status(AKIN_OK, akin_stats_get(fixture->index, &stats, NULL));
    return stats;
}

void index_drain(struct index_fixture *fixture)
{
    assert_status(AKIN_OK, akin_maintain(fixture->index, AKIN_MAINTAIN_DRAIN, NULL, NULL));
}

uint64_t index_version(struct index_fixture *fixture, uint64_t key)
{
    struct akin_record record = akin_record_init();
    assert_status(AKIN_OK, akin_get(fixture->index, key, &record, NULL));
    return record.version;
}
