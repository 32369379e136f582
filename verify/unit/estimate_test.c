/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of the estimate of memory.
 *
 * Goal   : the estimate is what an index really holds, by kind, and allocates nothing.
 * Method : indexes are filled, drained, and compared. Rows, slots, payload and the fixed part have
 *          to be equal; the key table may be of the size before its last growth; contexts and
 *          commit records are counted by how many were used.
 */
#include <stdlib.h>

#include "support/index_fixture.h"

static struct akin_memory estimate(struct index_fixture *fixture, uint64_t entries, uint64_t mean)
{
    struct akin_memory memory;
    const uint64_t calls = tracking_calls(&fixture->tracking);
    assert_status(AKIN_OK, akin_estimate(&fixture->options, entries, mean, &memory, NULL));
    assert_int_equal(tracking_calls(&fixture->tracking), calls);
    assert_int_equal(memory.rows_bytes + memory.slots_bytes + memory.links_bytes +
                         memory.codes_bytes + memory.map_bytes + memory.payload_bytes +
                         memory.commits_bytes + memory.contexts_bytes + memory.other_bytes,
                     memory.total_bytes);
    assert_int_equal(memory.retired_bytes, 0);
    return memory;
}

static void an_empty_index_holds_what_was_estimated_to_the_byte(void **state)
{
    struct index_fixture *const fixture = *state;
    static const uint32_t threads[] = {1, 7, 64, 4096};
    static const uint64_t capacities[] = {0, 1, 5000, 100000};
    for (int i = 0; i < 4; i++) {
        fixture->options.threads = threads[i];
        fixture->options.capacity = capacities[i];
        const struct akin_memory expected = estimate(fixture, 0, 0);
        index_open(fixture);
        const struct akin_memory held = index_stats(fixture).memory;
        /* The statistics took a context, which is the only one. */
        assert_int_equal(held.rows_bytes, expected.rows_bytes);
        assert_int_equal(held.slots_bytes, expected.slots_bytes);
        assert_int_equal(held.map_bytes, expected.map_bytes);
        assert_int_equal(held.payload_bytes, expected.payload_bytes);
        assert_int_equal(held.commits_bytes, expected.commits_bytes);
        assert_int_equal(held.other_bytes, expected.other_bytes);
        assert_int_equal(held.total_bytes - held.contexts_bytes, expected.total_bytes);
        index_close(fixture);
    }
}

/* Fill an index with `entries` entries of `payload` bytes and hold it against its estimate. */
static void compare_filled(struct index_fixture *fixture, uint64_t entries, size_t payload)
{
    const struct akin_memory expected = estimate(fixture, entries, payload);
    index_open(fixture);
    for (uint64_t key = 0; key < entries; key++) {
        assert_status(AKIN_OK, insert_pattern(fixture, key, 0, payload));
    }
    index_drain(fixture);
    const struct akin_memory held = index_stats(fixture).memory;
    assert_int_equal(held.rows_bytes, expected.rows_bytes);
    assert_int_equal(held.slots_bytes, expected.slots_bytes);
    assert_int_equal(held.other_bytes, expected.other_bytes);
    assert_int_equal(held.links_bytes + held.codes_bytes, 0);
    assert_int_equal(held.payload_bytes, expected.payload_bytes);
    /* The table doubles late: it has between half a bucket and one bucket a key. */
    assert_true(held.map_bytes <= expected.map_bytes);
    assert_true(held.map_bytes >= expected.map_bytes / 2);
    /* Displaced commit records wait until they are a sixteenth of all, or 256 KiB. */
    const uint64_t waiting =
        held.total_bytes / 16 > 256 * 1024 ? held.total_bytes / 16 : 256 * 1024;
    assert_true(held.commits_bytes >= expected.commits_bytes);
    assert_true(held.commits_bytes <= 2 * expected.commits_bytes + waiting);
    /* One thread filled it, so one context is there. */
    assert_int_equal(held.contexts_bytes * fixture->options.threads, expected.contexts_bytes);
    index_close(fixture);
}

static void a_filled_index_holds_what_was_estimated_by_kind(void **state)
{
    struct index_fixture *const fixture = *state;
    fixture->options.capacity = 0;
    compare_filled(fixture, 1, 0);
    compare_filled(fixture, 3000, 0);
    fixture->options.dim = 129;
    compare_filled(fixture, 5000, 0);
    fixture->options.capacity = 100;
    compare_filled(fixture, 3000, 0);
    fixture->options.type = AKIN_I8;
    compare_filled(fixture, 3000, 0);
}

static void payloads_that_divide_a_chunk_are_estimated_to_the_byte(void **state)
{
    struct index_fixture *const fixture = *state;
    /* With its head of 16 bytes a payload takes 1,024 or 4,096 bytes of a chunk of 2^20. */
    compare_filled(fixture, 3000, 1008);
    compare_filled(fixture, 600, 4080);
}

static void payloads_of_any_size_are_estimated_within_a_tenth(void **state)
{
    struct index_fixture *const fixture = *state;
    static const size_t sizes[] = {1, 100, 4000, 50000, 131056, 131057, 300000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const uint64_t entries = sizes[i] < 5000 ? 2000 : 40;
        const struct akin_memory expected = estimate(fixture, entries, sizes[i]);
        index_open(fixture);
        for (uint64_t key = 0; key < entries; key++) {
            assert_status(AKIN_OK, insert_pattern(fixture, key, 0, sizes[i]));
        }
        const uint64_t held = index_stats(fixture).memory.payload_bytes;
        const uint64_t slack = expected.payload_bytes / 10 + (1u << 20) + 4096;
        assert_true(held <= expected.payload_bytes + slack);
        assert_true(expected.payload_bytes <= held + slack);
        index_close(fixture);
    }
}

static void more_entries_never_are_estimated_to_take_less(void **state)
{
    struct index_fixture *const fixture = *state;
    uint64_t before = 0;
    for (uint64_t entries = 0; entries < 1u << 24; entries = entries * 3 / 2 + 1) {
        const struct akin_memory memory = estimate(fixture, entries, 100);
        assert_true(memory.total_bytes >= before);
        before = memory.total_bytes;
    }
}

static void what_one_index_cannot_number_is_refused(void **state)
{
    struct index_fixture *const fixture = *state;
    struct akin_memory memory = {.total_bytes = 4711};
    struct akin_error *const error = &fixture->error;
    assert_status(AKIN_INDEX_FULL, akin_estimate(&fixture->options, UINT64_MAX, 0, &memory, error));
    assert_error(error, AKIN_INDEX_FULL, "entries");
    assert_true(error->bound_max < 4294967296.0);
    /* The bound that is told is one that is accepted, and the next is not. */
    const uint64_t most = (uint64_t)error->bound_max;
    assert_status(AKIN_OK, akin_estimate(&fixture->options, most, 0, &memory, NULL));
    assert_status(AKIN_INDEX_FULL, akin_estimate(&fixture->options, most + 1, 0, &memory, NULL));
    /* Long rows have small chunks, of which the directory has room for fewer slots. */
    fixture->options.dim = 16384;
    fixture->options.capacity = 0;
    assert_status(AKIN_INDEX_FULL, akin_estimate(&fixture->options, 1ull << 30, 0, &memory, error));
    assert_error(error, AKIN_INDEX_FULL, "entries");
    assert_status(AKIN_OK, akin_estimate(&fixture->options, 1ull << 28, 0, &memory, error));
}

static void bad_options_and_payloads_are_refused_as_elsewhere(void **state)
{
    struct index_fixture *const fixture = *state;
    struct akin_memory memory = {.total_bytes = 4711};
    struct akin_error *const error = &fixture->error;
    assert_status(AKIN_PAYLOAD_TOO_LARGE,
                  akin_estimate(&fixture->options, 1, (16u << 20) + 1, &memory, error));
    assert_error(error, AKIN_PAYLOAD_TOO_LARGE, "payload_bytes_mean");
    assert_true(error->bound_max == 16u << 20);
    fixture->options.dim = 0;
    assert_status(AKIN_BAD_DIM, akin_estimate(&fixture->options, 1, 0, &memory, error));
    assert_error(error, AKIN_BAD_DIM, "dim");
    fixture->options.dim = 1;
    fixture->options.threads = 0;
    assert_status(AKIN_BAD_THREADS, akin_estimate(&fixture->options, 1, 0, &memory, error));
    assert_error(error, AKIN_BAD_THREADS, "threads");
    fixture->options.threads = 1;
    fixture->options.metric = (enum akin_metric)9;
    assert_status(AKIN_BAD_METRIC, akin_estimate(&fixture->options, 1, 0, &memory, error));
    assert_error(error, AKIN_BAD_METRIC, "metric");
    assert_int_equal(memory.total_bytes, 4711);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INDEX_TEST(an_empty_index_holds_what_was_estimated_to_the_byte),
        INDEX_TEST(a_filled_index_holds_what_was_estimated_by_kind),
        INDEX_TEST(payloads_that_divide_a_chunk_are_estimated_to_the_byte),
        INDEX_TEST(payloads_of_any_size_are_estimated_within_a_tenth),
        INDEX_TEST(more_entries_never_are_estimated_to_take_less),
        INDEX_TEST(what_one_index_cannot_number_is_refused),
        INDEX_TEST(bad_options_and_payloads_are_refused_as_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
