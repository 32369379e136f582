/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tests of the kernel's inside start from: a store with a tracking allocator and a maintainer,
 * and short ways to write, delete and look, by the kernel's own internal calls.
 */
#ifndef AKIN_VERIFY_UNIT_SUPPORT_STORE_FIXTURE_H
#define AKIN_VERIFY_UNIT_SUPPORT_STORE_FIXTURE_H

#include <stddef.h>
#include <stdint.h>

#include "maintain/maintain.h"
#include "store/store.h"
#include "support/index_fixture.h"
#include "update/write.h"

/* Rows of the stores of tests: one number, which says what the row is. */
#define STORE_ROW_BYTES 16u

struct store_fixture {
    struct tracking_allocator tracking;
    struct store *store;
    struct maintainer *maintainer;
    struct akin_error error;
};

/* For cmocka: `*state` is a struct store_fixture with a store that is ready. */
int store_setup(void **state);
int store_teardown(void **state);

#define STORE_TEST(test) cmocka_unit_test_setup_teardown(test, store_setup, store_teardown)

/* An account of unbounded memory, or of `budget_bytes`, over the tracker. */
struct memory account_of(struct tracking_allocator *tracking, uint64_t budget_bytes);

/* Write one version whose row begins with `value`, with `payload_size` pattern bytes. */
enum akin_status store_write(struct store_fixture *fixture, uint64_t key, uint64_t value,
                             size_t payload_size, enum commit_want want);

/* Delete the live version of a key. */
enum akin_status store_erase(struct store_fixture *fixture, uint64_t key);

/* The slot of a key that is visible at a stamp, or SLOT_NONE; 0 takes the frontier. */
uint32_t store_slot_at(struct store_fixture *fixture, uint64_t key, uint64_t stamp);

/* The number in the row that is visible at a stamp; UINT64_MAX when there is none. */
uint64_t store_value_at(struct store_fixture *fixture, uint64_t key, uint64_t stamp);

/* The key's record in the map, or NULL; its address means nothing once the maintainer ran. */
struct key_record *store_record(struct store_fixture *fixture, uint64_t key);

/* Frontier and count. */
uint64_t store_frontier(struct store_fixture *fixture);
uint64_t store_count(struct store_fixture *fixture);

/* The state of a slot. */
enum slot_state store_state(struct store_fixture *fixture, uint32_t slot);

/* One whole round of maintenance; how much it reclaimed. */
uint64_t store_round(struct store_fixture *fixture);

/* Run `work` in a thread of its own, which ends before this returns. */
void in_a_thread(void (*work)(void *argument), void *argument);

#endif
