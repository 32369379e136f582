/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tests of the kernel's inside start from.
 */
#include "support/store_fixture.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "sync/rcu.h"

struct memory account_of(struct tracking_allocator *tracking, uint64_t budget_bytes)
{
    struct memory memory;
    const struct akin_allocator hooks = tracking_hooks(tracking);
    memory_init(&memory, &hooks, budget_bytes, (uint64_t)1 << 40);
    return memory;
}

int store_setup(void **state)
{
    struct store_fixture *const fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    tracking_init(&fixture->tracking);
    fixture->store =
        aligned_alloc(_Alignof(struct store), sizeof(struct store)); /* with its own alignment */
    fixture->maintainer = aligned_alloc(_Alignof(struct maintainer), sizeof(struct maintainer));
    assert_non_null(fixture->store);
    assert_non_null(fixture->maintainer);
    const struct memory memory = account_of(&fixture->tracking, 0);
    const struct akin_logger silence = {.log = NULL};
    assert_status(AKIN_OK, store_init(fixture->store, &memory, STORE_ROW_BYTES, 16));
    maintain_init(fixture->maintainer, fixture->store, &silence, AKIN_MAINTENANCE_CALLER);
    *state = fixture;
    return 0;
}

int store_teardown(void **state)
{
    struct store_fixture *const fixture = *state;
    tracking_fail_stop(&fixture->tracking);
    maintain_end(fixture->maintainer);
    store_end(fixture->store);
    tracking_end(&fixture->tracking);
    free(fixture->store);
    free(fixture->maintainer);
    free(fixture);
    return 0;
}

enum akin_status store_write(struct store_fixture *fixture, uint64_t key, uint64_t value,
                             size_t payload_size, enum commit_want want)
{
    const uint64_t row[STORE_ROW_BYTES / sizeof(uint64_t)] = {value, ~value};
    unsigned char *const bytes = malloc(payload_size + 1);
    assert_non_null(bytes);
    pattern_bytes(key, value, bytes, payload_size);
    const struct akin_bytes payload = {.data = bytes, .size = payload_size};
    const struct write_request request = {
        .key = key, .row = row, .payload = &payload, .want = want};
    const enum akin_status status = write_entry(fixture->store, NULL, &request);
    free(bytes);
    return status;
}

enum akin_status store_erase(struct store_fixture *fixture, uint64_t key)
{
    const struct erase_request request = {.key = key};
    return erase_entry(fixture->store, NULL, &request);
}

uint32_t store_slot_at(struct store_fixture *fixture, uint64_t key, uint64_t stamp)
{
    struct store *const store = fixture->store;
    rcu_enter();
    const struct key_record *const record = key_map_lookup(&store->keys, key);
    const uint64_t at = stamp != 0 ? stamp : frontier_stamp(store);
    const uint32_t slot = record != NULL ? version_at(store, record, at) : SLOT_NONE;
    rcu_leave();
    return slot;
}

uint64_t store_value_at(struct store_fixture *fixture, uint64_t key, uint64_t stamp)
{
    const struct slots *const slots = &fixture->store->slots;
    const uint32_t slot = store_slot_at(fixture, key, stamp);
    uint64_t row[2] = {UINT64_MAX, 0};
    if (slot != SLOT_NONE) {
        memcpy(row, slot_row(slots, slot_chunk_of(slots, slot), slot & slots->chunk_mask),
               sizeof row);
        assert_true(row[1] == ~row[0]);
    }
    return row[0];
}

struct key_record *store_record(struct store_fixture *fixture, uint64_t key)
{
    rcu_enter();
    struct key_record *const record = key_map_lookup(&fixture->store->keys, key);
    rcu_leave();
    return record;
}

uint64_t store_frontier(struct store_fixture *fixture)
{
    rcu_enter();
    const uint64_t stamp = frontier_stamp(fixture->store);
    rcu_leave();
    return stamp;
}

uint64_t store_count(struct store_fixture *fixture)
{
    rcu_enter();
    const uint64_t count = frontier_count(fixture->store);
    rcu_leave();
    return count;
}

enum slot_state store_state(struct store_fixture *fixture, uint32_t slot)
{
    const struct slots *const slots = &fixture->store->slots;
    return slot_state_of(slot_state_acquire(slot_chunk_of(slots, slot), slot & slots->chunk_mask));
}

uint64_t store_round(struct store_fixture *fixture)
{
    uint64_t reclaimed = 0;
    assert_true(maintain_claim(fixture->maintainer));
    assert_true(maintain_round(fixture->maintainer, MAINTAIN_MAY_WAIT, &reclaimed));
    maintain_release(fixture->maintainer);
    return reclaimed;
}

struct errand {
    void (*work)(void *argument);
    void *argument;
};

static void *run_errand(void *context)
{
    const struct errand *const errand = context;
    errand->work(errand->argument);
    return NULL;
}

void in_a_thread(void (*work)(void *argument), void *argument)
{
    struct errand errand = {.work = work, .argument = argument};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run_errand, &errand), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}
