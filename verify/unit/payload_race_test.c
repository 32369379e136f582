/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Twenty threads insert entries with payloads of 1 to 4,000 bytes at once (G1, G2).
 *
 * Goal  : a range of the payload arena has one owner. The classic fault is an offset that is read
 *         and then added to: two threads write into the same bytes. verify/mutants has it
 *         (payload_offset_read_then_add), and this test catches it.
 * Method: threads start together, and each burst in pairs. Content follows from the key, so each
 *         reader can tell whose it is: the writer reads its own back at once, and at the end
 *         everybody reads all. Then the ranges themselves are taken from the slots and shown to be
 *         disjoint.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "akin/akin.h"
#include "base/rng.h"
#include "index/internal.h"
#include "support/described.h"
#include "support/race.h"
#include "support/tracking_allocator.h"

enum { THREADS = 20, ENTRIES = 10000, BURSTS = 25, PER_BURST = ENTRIES / THREADS / BURSTS };

_Static_assert(THREADS *BURSTS *PER_BURST == ENTRIES, "every entry is inserted once");

static size_t size_of_payload(uint64_t key)
{
    return (size_t)(1 + rng_mix(key + 1) % DESCRIBED_PAYLOAD_MAX);
}

static void read_one(struct race_worker *worker, akin_index *index, uint64_t key)
{
    struct described found;
    uint64_t version;
    const char *fault = NULL;
    const enum akin_status status = described_read(index, key, &found, &version, &fault);
    if (status != AKIN_OK) {
        race_error(worker, "key %" PRIu64 ": get answered %s", key, akin_status_name(status));
    } else if (fault != NULL) {
        race_error(worker, "key %" PRIu64 ": %s", key, fault);
    } else if (found.size != size_of_payload(key)) {
        race_error(worker, "key %" PRIu64 ": %zu payload bytes", key, found.size);
    }
}

static void insert_and_read(struct race_worker *worker)
{
    akin_index *const index = worker->shared;
    uint64_t key = worker->number;
    for (int burst = 0; burst < BURSTS; burst++) {
        race_pair(worker);
        for (int i = 0; i < PER_BURST; i++, key += THREADS) {
            const struct described what = {
                .key = key, .writer = worker->number, .size = size_of_payload(key)};
            race_begin(worker);
            const enum akin_status status = described_write(index, akin_insert, &what);
            if (status != AKIN_OK) {
                race_error(worker, "key %" PRIu64 ": insert answered %s", key,
                           akin_status_name(status));
            }
            read_one(worker, index, key);
            race_end(worker);
        }
    }
    race_meet(worker);
    for (uint64_t i = 0; i < ENTRIES; i++) {
        read_one(worker, index, (worker->number * (ENTRIES / THREADS) + i) % ENTRIES);
    }
}

/* Where a payload lies. */
struct range {
    uintptr_t first;
    uintptr_t end;
};

static int by_first(const void *a, const void *b)
{
    const struct range *const left = a;
    const struct range *const right = b;
    return left->first < right->first ? -1 : left->first > right->first;
}

/* The ranges of all payloads, each inside its chunk; the bytes they take together. */
static uint64_t collect_ranges(struct store *store, struct range *ranges, size_t *count)
{
    uint64_t bytes = 0;
    *count = 0;
    for (uint32_t slot = 0; slot < slots_watermark(&store->slots); slot++) {
        const struct slot_chunk *const chunk = slot_chunk_of(&store->slots, slot);
        struct payload_block *const block =
            atomic_ptr_load_acquire(&chunk->payload[slot & store->slots.chunk_mask]);
        assert_non_null(block);
        const uintptr_t content = (uintptr_t)(block->chunk + 1);
        struct range *const range = &ranges[(*count)++];
        assert_true(*count <= ENTRIES);
        range->first = (uintptr_t)block;
        range->end = range->first + payload_block_bytes(block->size);
        assert_true(range->first >= content);
        assert_true(range->end <= content + block->chunk->capacity);
        bytes += range->end - range->first;
    }
    return bytes;
}

static void ranges_are_disjoint(akin_index *index)
{
    struct range *const ranges = calloc(ENTRIES, sizeof *ranges);
    size_t count = 0;
    assert_non_null(ranges);
    const uint64_t bytes = collect_ranges(&index->store, ranges, &count);
    assert_int_equal(count, ENTRIES);
    qsort(ranges, count, sizeof *ranges, by_first);
    for (size_t i = 1; i < count; i++) {
        if (ranges[i - 1].end > ranges[i].first) {
            fail_msg("two payloads own the same bytes: %zu of them overlap",
                     (size_t)(ranges[i - 1].end - ranges[i].first));
        }
    }
    assert_int_equal(payload_live_bytes(&index->store.payload), bytes);
    printf("payload ranges: %zu disjoint ranges, %" PRIu64 " bytes\n", count, bytes);
    free(ranges);
}

/* One round on a new index; whether the threads overlapped. */
static bool insert_all(void *context)
{
    struct akin_options options;
    struct akin_error error = {.message = ""};
    akin_index *index = NULL;
    uint64_t count = 0;
    akin_options_init(&options);
    options.dim = DESCRIBED_DIM;
    options.allocator = tracking_hooks(context);
    assert_int_equal(akin_open(&options, &index, NULL), AKIN_OK);
    const struct race_role roles[] = {
        {.name = "writers", .threads = THREADS, .body = insert_and_read}};
    const bool overlapped = race_try("payload", roles, 1, index);
    assert_int_equal(akin_count(index, &count, NULL), AKIN_OK);
    assert_int_equal(count, ENTRIES);
    ranges_are_disjoint(index);
    if (akin_check(index, AKIN_CHECK_DEEP, &error) != AKIN_OK) {
        fail_msg("%s: %s", error.field, error.message);
    }
    assert_int_equal(akin_close(index), AKIN_OK);
    return overlapped;
}

static void twenty_threads_read_back_what_they_wrote(void **state)
{
    struct tracking_allocator tracking;
    (void)state;
    tracking_init(&tracking);
    race_until_overlap(insert_all, &tracking);
    tracking_end(&tracking);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(twenty_threads_read_back_what_they_wrote),
    };
    race_program(150);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
