/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of the scheduling points, in schedule builds only.
 *
 * Goal   : nothing that another thread could observe happens without the hook being asked first.
 * Method : the hook writes down step and address, and what the variable held at that moment: the
 *          old value, because the step has not been taken yet.
 */
#include <string.h>

#include "store/key_map.h"
#include "store/slots.h"
#include "support/store_fixture.h"
#include "sync/backoff.h"
#include "sync/bitmap.h"
#include "sync/rcu.h"
#include "sync/ring.h"
#include "sync/stack.h"

#define STEPS_MAX 100000

struct noted {
    enum sched_step step;
    const void *address;
};

static struct noted steps[STEPS_MAX];
static size_t step_count;
static const struct atomic_u64 *watched;
static uint64_t watched_value;

static void note(enum sched_step step, const void *address)
{
    if (step_count < STEPS_MAX) {
        steps[step_count++] = (struct noted){.step = step, .address = address};
    }
    if (watched != NULL) {
        watched_value = ((struct atomic_u64 *)(uintptr_t)watched)->value;
    }
}

static void begin(void)
{
    step_count = 0;
    watched = NULL;
    sched_hook_set(note);
}

/* Assert that exactly one step was noted since begin(). */
static void assert_one(enum sched_step step, const void *address)
{
    sched_hook_set(NULL);
    assert_int_equal(step_count, 1);
    assert_int_equal(steps[0].step, step);
    assert_ptr_equal(steps[0].address, address);
    begin();
}

static void every_operation_on_words_of_32_bits_asks_first(void **state)
{
    struct atomic_u32 word = {0};
    (void)state;
    begin();
    (void)atomic_u32_load_relaxed(&word);
    assert_one(SCHED_LOAD, &word);
    (void)atomic_u32_load_acquire(&word);
    assert_one(SCHED_LOAD, &word);
    atomic_u32_store_relaxed(&word, 1);
    assert_one(SCHED_STORE, &word);
    atomic_u32_store_release(&word, 2);
    assert_one(SCHED_STORE, &word);
    (void)atomic_u32_cas(&word, 2, 3);
    assert_one(SCHED_MODIFY, &word);
    (void)atomic_u32_cas(&word, 2, 3);
    assert_one(SCHED_MODIFY, &word);
    (void)atomic_u32_fetch_add_relaxed(&word, 1);
    assert_one(SCHED_MODIFY, &word);
    (void)atomic_u32_fetch_sub_relaxed(&word, 1);
    assert_one(SCHED_MODIFY, &word);
    (void)atomic_u32_fetch_add_acq_rel(&word, 1);
    assert_one(SCHED_MODIFY, &word);
    (void)atomic_u32_fetch_sub_acq_rel(&word, 1);
    assert_one(SCHED_MODIFY, &word);
    sched_hook_set(NULL);
}

static void every_operation_on_words_of_64_bits_asks_first(void **state)
{
    struct atomic_u64 word = {0};
    (void)state;
    begin();
    (void)atomic_u64_load_relaxed(&word);
    assert_one(SCHED_LOAD, &word);
    (void)atomic_u64_load_acquire(&word);
    assert_one(SCHED_LOAD, &word);
    atomic_u64_store_relaxed(&word, 1);
    assert_one(SCHED_STORE, &word);
    atomic_u64_store_release(&word, 2);
    assert_one(SCHED_STORE, &word);
    (void)atomic_u64_cas(&word, 2, 3);
    assert_one(SCHED_MODIFY, &word);
    (void)atomic_u64_fetch_add_relaxed(&word, 1);
    assert_one(SCHED_MODIFY, &word);
    (void)atomic_u64_fetch_sub_relaxed(&word, 1);
    assert_one(SCHED_MODIFY, &word);
    (void)atomic_u64_fetch_add_acq_rel(&word, 1);
    assert_one(SCHED_MODIFY, &word);
    (void)atomic_u64_fetch_sub_acq_rel(&word, 1);
    assert_one(SCHED_MODIFY, &word);
    sched_hook_set(NULL);
}

static void every_operation_on_pointers_asks_first(void **state)
{
    struct atomic_ptr pointer = {NULL};
    (void)state;
    begin();
    (void)atomic_ptr_load_relaxed(&pointer);
    assert_one(SCHED_LOAD, &pointer);
    (void)atomic_ptr_load_acquire(&pointer);
    assert_one(SCHED_LOAD, &pointer);
    atomic_ptr_store_relaxed(&pointer, &pointer);
    assert_one(SCHED_STORE, &pointer);
    atomic_ptr_store_release(&pointer, NULL);
    assert_one(SCHED_STORE, &pointer);
    (void)atomic_ptr_cas(&pointer, NULL, &pointer);
    assert_one(SCHED_MODIFY, &pointer);
    sched_hook_set(NULL);
}

static void the_hook_comes_before_the_step(void **state)
{
    struct atomic_u64 word = {7};
    (void)state;
    begin();
    watched = &word;
    atomic_u64_store_release(&word, 8);
    assert_int_equal(watched_value, 7);
    assert_true(atomic_u64_cas(&word, 8, 9));
    assert_int_equal(watched_value, 8);
    (void)atomic_u64_fetch_add_acq_rel(&word, 1);
    assert_int_equal(watched_value, 9);
    sched_hook_set(NULL);
    assert_int_equal(atomic_u64_load_relaxed(&word), 10);
}

static void sections_and_grace_periods_ask_first(void **state)
{
    (void)state;
    rcu_enter();
    rcu_leave();
    begin();
    rcu_enter();
    assert_one(SCHED_ENTER, NULL);
    rcu_leave();
    assert_one(SCHED_LEAVE, NULL);
    rcu_wait();
    assert_one(SCHED_WAIT, NULL);
    sched_hook_set(NULL);
}

static void structures_of_the_libraries_and_retries_ask_first(void **state)
{
    struct ck_ring_buffer cells[4];
    uint64_t bits[64];
    struct ring ring;
    struct stack stack;
    struct stack_link link;
    struct backoff backoff = backoff_start();
    uint32_t number;
    (void)state;
    memset(&stack, 0, sizeof stack);
    assert_true(bitmap_bytes(64) <= sizeof bits);
    struct ck_bitmap *const bitmap = bitmap_init(bits, 64);
    ring_init(&ring, cells, 4);
    begin();
    assert_true(ring_append(&ring, 1));
    assert_one(SCHED_LIBRARY, &ring);
    assert_true(ring_take(&ring, &number));
    assert_one(SCHED_LIBRARY, &ring);
    stack_push(&stack, &link);
    assert_one(SCHED_LIBRARY, &stack);
    (void)stack_pop(&stack);
    assert_one(SCHED_LIBRARY, &stack);
    (void)stack_take_all(&stack);
    assert_one(SCHED_LIBRARY, &stack);
    bitmap_set(bitmap, 3);
    assert_one(SCHED_LIBRARY, bitmap);
    bitmap_clear(bitmap, 3);
    assert_one(SCHED_LIBRARY, bitmap);
    backoff_pause(&backoff);
    assert_one(SCHED_RETRY, &backoff);
    sched_hook_set(NULL);
}

/* How often a step was noted at an address; NULL counts all addresses. */
static size_t count_of(enum sched_step step, const void *address)
{
    size_t count = 0;
    for (size_t i = 0; i < step_count; i++) {
        count += steps[i].step == step && (address == NULL || steps[i].address == address) ? 1 : 0;
    }
    return count;
}

static void a_write_asks_at_each_step_of_its_commit(void **state)
{
    struct store_fixture *const fixture = *state;
    struct store *const store = fixture->store;
    begin();
    assert_status(AKIN_OK, store_write(fixture, 1, 1, 8, WANT_ABSENT));
    sched_hook_set(NULL);
    assert_true(step_count < STEPS_MAX);
    assert_int_equal(count_of(SCHED_ENTER, NULL), 1);
    assert_int_equal(count_of(SCHED_LEAVE, NULL), 1);
    assert_true(count_of(SCHED_LOOKUP, &store->keys) >= 1);
    assert_true(count_of(SCHED_LIBRARY, &store->keys) >= 1);
    /* Appended once, and looked at before. */
    assert_int_equal(count_of(SCHED_MODIFY, &store->last), 1);
    assert_true(count_of(SCHED_LOAD, &store->last) >= 1);
    const uint32_t slot = store_slot_at(fixture, 1, 0);
    struct slot_chunk *const chunk = slot_chunk_of(&store->slots, slot);
    const uint32_t offset = slot & store->slots.chunk_mask;
    assert_int_equal(count_of(SCHED_MODIFY, &chunk->born[offset]), 1);
    assert_int_equal(count_of(SCHED_MODIFY, &chunk->prev[offset]), 1);
    assert_int_equal(count_of(SCHED_STORE, &chunk->payload[offset]), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operation_on_words_of_32_bits_asks_first),
        cmocka_unit_test(every_operation_on_words_of_64_bits_asks_first),
        cmocka_unit_test(every_operation_on_pointers_asks_first),
        cmocka_unit_test(the_hook_comes_before_the_step),
        cmocka_unit_test(sections_and_grace_periods_ask_first),
        cmocka_unit_test(structures_of_the_libraries_and_retries_ask_first),
        STORE_TEST(a_write_asks_at_each_step_of_its_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
