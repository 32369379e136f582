/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults: every allocation of every public call is refused in turn.
 *
 * Goal   : the call answers AKIN_NO_MEMORY, or does without; nothing leaks; nothing changed; and
 *          the same call works as soon as there is memory. The same with the budget and
 *          AKIN_OVER_BUDGET.
 * Method : for each call and several fillings of the index: a fresh index, allocation n of the call
 *          refused once, then from n on for good, for n = 0, 1, 2, ... until a call asked for
 *          fewer. The budget is set that many bytes above what the index holds, in steps, until the
 *          call went through. What is live is known by heart: every entry is read back, the
 *          structure is checked, and at the end every byte has to be given back.
 * Beyond : memory that liburcu takes for itself does not go through the hooks, so it is not refused
 *          here; docs/CONCURRENCY.md section 8 lists it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/internal.h"
#include "support/index_fixture.h"
#include "support/scratch.h"

#define FRESH_KEY  1000u
#define STEP_BYTES 2048u
#define ROOM_MAX   (8u << 20)

/* The file that the calls on files use. */
static struct scratch scratch;
static char file_path[320];

/* A public call and what it is to come to. */
struct act {
    const char *name;
    enum akin_status (*call)(struct index_fixture *fixture);
    void (*after)(struct index_fixture *fixture,
                  uint64_t entries); /* the effect, beside the rest */
    enum akin_status when_empty;     /* the answer of an index without entries */
    bool changes;                    /* the effect is not "nothing" */
    bool in_parts;                   /* a refusal may leave a part of the effect */
    bool makes_index;                /* begins without an index */
};

/* ---- what is in the index ---- */

static size_t payload_of(uint64_t key)
{
    return key % 3 * 50;
}

static void fill(struct index_fixture *fixture, uint64_t entries)
{
    index_open(fixture);
    for (uint64_t key = 0; key < entries; key++) {
        assert_status(AKIN_OK, insert_pattern(fixture, key, 1, payload_of(key)));
    }
}

/* Assert that the entries from `first` on are as they were filled in. */
static void assert_entries(struct index_fixture *fixture, uint64_t first, uint64_t entries)
{
    for (uint64_t key = first; key < entries; key++) {
        assert_pattern(fixture, key, 1, payload_of(key));
    }
}

static void assert_untouched(struct index_fixture *fixture, uint64_t entries)
{
    assert_int_equal(index_count(fixture), entries);
    assert_entries(fixture, 0, entries);
    assert_absent(fixture, FRESH_KEY);
}

/* ---- the calls ---- */

static enum akin_status act_open(struct index_fixture *fixture)
{
    return akin_open(&fixture->options, &fixture->index, &fixture->error);
}

static enum akin_status act_load(struct index_fixture *fixture)
{
    return akin_load(file_path, &fixture->options, &fixture->index, &fixture->error);
}

static void after_load(struct index_fixture *fixture, uint64_t entries)
{
    (void)entries;
    assert_int_equal(index_count(fixture), 40);
    assert_entries(fixture, 0, 40);
}

static enum akin_status act_insert(struct index_fixture *fixture)
{
    return insert_pattern(fixture, FRESH_KEY, 2, 0);
}

static void after_insert(struct index_fixture *fixture, uint64_t entries)
{
    assert_int_equal(index_count(fixture), entries + 1);
    assert_pattern(fixture, FRESH_KEY, 2, 0);
    assert_entries(fixture, 0, entries);
}

static enum akin_status act_upsert(struct index_fixture *fixture)
{
    return put_pattern(fixture, FRESH_KEY, 2, 100);
}

static void after_upsert(struct index_fixture *fixture, uint64_t entries)
{
    assert_int_equal(index_count(fixture), entries + 1);
    assert_pattern(fixture, FRESH_KEY, 2, 100);
    assert_entries(fixture, 0, entries);
}

static enum akin_status act_insert_large(struct index_fixture *fixture)
{
    return insert_pattern(fixture, FRESH_KEY, 2, 200000);
}

static void after_insert_large(struct index_fixture *fixture, uint64_t entries)
{
    assert_int_equal(index_count(fixture), entries + 1);
    assert_pattern(fixture, FRESH_KEY, 2, 200000);
    assert_entries(fixture, 0, entries);
}

static enum akin_status act_update(struct index_fixture *fixture)
{
    return update_pattern(fixture, 0, 2, 77);
}

static void after_update(struct index_fixture *fixture, uint64_t entries)
{
    assert_int_equal(index_count(fixture), entries);
    assert_entries(fixture, 1, entries);
    if (entries > 0) {
        assert_pattern(fixture, 0, 2, 77);
    }
}

static enum akin_status act_delete(struct index_fixture *fixture)
{
    return akin_delete(fixture->index, 0, &fixture->error);
}

static void after_delete(struct index_fixture *fixture, uint64_t entries)
{
    assert_int_equal(index_count(fixture), entries > 0 ? entries - 1 : 0);
    assert_absent(fixture, 0);
    assert_entries(fixture, 1, entries);
}

static enum akin_status act_clear(struct index_fixture *fixture)
{
    return akin_clear(fixture->index, &fixture->error);
}

static void after_clear(struct index_fixture *fixture, uint64_t entries)
{
    assert_int_equal(index_count(fixture), 0);
    for (uint64_t key = 0; key < entries; key++) {
        assert_absent(fixture, key);
    }
}

static enum akin_status act_get(struct index_fixture *fixture)
{
    struct akin_record record = akin_record_init();
    return akin_get(fixture->index, 0, &record, &fixture->error);
}

static enum akin_status act_contains(struct index_fixture *fixture)
{
    return akin_contains(fixture->index, 0, &fixture->error);
}

static enum akin_status act_count(struct index_fixture *fixture)
{
    uint64_t count = 0;
    return akin_count(fixture->index, &count, &fixture->error);
}

static int visit_nothing(void *context, const struct akin_record *record)
{
    (void)context;
    return record->vector_size == 0;
}

static enum akin_status act_iterate(struct index_fixture *fixture)
{
    return akin_iterate(fixture->index, visit_nothing, NULL, &fixture->error);
}

static enum akin_status act_search(struct index_fixture *fixture)
{
    const float row[FIXTURE_DIM] = {1};
    const struct akin_vector query = akin_vector_f32(row, FIXTURE_DIM);
    struct akin_neighbor results[10];
    uint32_t count = 0;
    return akin_search(fixture->index, NULL, &query, NULL, results, &count, &fixture->error);
}

static enum akin_status act_search_batch(struct index_fixture *fixture)
{
    const float rows[3][FIXTURE_DIM] = {{1}, {2}, {3}};
    struct akin_neighbor results[30];
    uint32_t counts[3];
    const struct akin_batch_search batch = {.struct_size = sizeof batch,
                                            .queries = rows,
                                            .query_count = 3,
                                            .dim = FIXTURE_DIM,
                                            .type = AKIN_F32,
                                            .results = results,
                                            .counts = counts};
    return akin_search_batch(fixture->index, NULL, &batch, NULL, &fixture->error);
}

static enum akin_status act_context(struct index_fixture *fixture)
{
    akin_context *context = NULL;
    const enum akin_status status =
        akin_context_create(fixture->index, 100, &context, &fixture->error);
    akin_context_destroy(context);
    return status;
}

static enum akin_status act_round(struct index_fixture *fixture)
{
    return akin_maintain(fixture->index, AKIN_MAINTAIN_ROUND, NULL, &fixture->error);
}

static enum akin_status act_drain(struct index_fixture *fixture)
{
    return akin_maintain(fixture->index, AKIN_MAINTAIN_DRAIN, NULL, &fixture->error);
}

static enum akin_status act_stats(struct index_fixture *fixture)
{
    struct akin_stats stats = {.struct_size = sizeof stats};
    return akin_stats_get(fixture->index, &stats, &fixture->error);
}

static enum akin_status act_check(struct index_fixture *fixture)
{
    return akin_check(fixture->index, AKIN_CHECK_DEEP, &fixture->error);
}

static enum akin_status act_options_of(struct index_fixture *fixture)
{
    struct akin_options options = {.struct_size = sizeof options};
    return akin_options_of(fixture->index, &options, &fixture->error);
}

static enum akin_status act_estimate(struct index_fixture *fixture)
{
    struct akin_memory memory;
    return akin_estimate(&fixture->options, 1000, 100, &memory, &fixture->error);
}

static enum akin_status act_validate(struct index_fixture *fixture)
{
    return akin_options_validate(&fixture->options, &fixture->error);
}

static enum akin_status act_save(struct index_fixture *fixture)
{
    char path[400];
    struct akin_file_info info = {.struct_size = sizeof info};
    const uint32_t before = scratch_count(&scratch);
    snprintf(path, sizeof path, "%s-saved", file_path);
    const enum akin_status status = akin_save(fixture->index, path, &fixture->error);
    const int errno_after = errno;
    assert_int_equal(scratch_count(&scratch), before + (status == AKIN_OK ? 1 : 0));
    if (status == AKIN_OK) {
        assert_int_equal(akin_file_inspect(path, &info, NULL), AKIN_OK);
        assert_int_equal(remove(path), 0);
    }
    errno = errno_after;
    return status;
}

static enum akin_status act_inspect(struct index_fixture *fixture)
{
    struct akin_file_info info = {.struct_size = sizeof info};
    return akin_file_inspect(file_path, &info, &fixture->error);
}

static enum akin_status act_close(struct index_fixture *fixture)
{
    akin_index *const index = fixture->index;
    fixture->index = NULL;
    return akin_close(index);
}

static void after_nothing(struct index_fixture *fixture, uint64_t entries)
{
    if (fixture->index != NULL) {
        assert_untouched(fixture, entries);
    }
}

static const struct act acts[] = {
    {"akin_open", act_open, after_nothing, AKIN_OK, true, false, true},
    {"akin_load", act_load, after_load, AKIN_OK, true, false, true},
    {"akin_insert", act_insert, after_insert, AKIN_OK, true, false, false},
    {"akin_upsert", act_upsert, after_upsert, AKIN_OK, true, false, false},
    {"akin_insert, large", act_insert_large, after_insert_large, AKIN_OK, true, false, false},
    {"akin_update", act_update, after_update, AKIN_NOT_FOUND, true, false, false},
    {"akin_delete", act_delete, after_delete, AKIN_NOT_FOUND, true, false, false},
    {"akin_clear", act_clear, after_clear, AKIN_OK, true, true, false},
    {"akin_get", act_get, after_nothing, AKIN_NOT_FOUND, false, false, false},
    {"akin_contains", act_contains, after_nothing, AKIN_NOT_FOUND, false, false, false},
    {"akin_count", act_count, after_nothing, AKIN_OK, false, false, false},
    {"akin_iterate", act_iterate, after_nothing, AKIN_OK, false, false, false},
    {"akin_search", act_search, after_nothing, AKIN_OK, false, false, false},
    {"akin_search_batch", act_search_batch, after_nothing, AKIN_OK, false, false, false},
    {"akin_context_create", act_context, after_nothing, AKIN_OK, false, false, false},
    {"akin_maintain, round", act_round, after_nothing, AKIN_OK, false, false, false},
    {"akin_maintain, drain", act_drain, after_nothing, AKIN_OK, false, false, false},
    {"akin_stats_get", act_stats, after_nothing, AKIN_OK, false, false, false},
    {"akin_check", act_check, after_nothing, AKIN_OK, false, false, false},
    {"akin_options_of", act_options_of, after_nothing, AKIN_OK, false, false, false},
    {"akin_estimate", act_estimate, after_nothing, AKIN_OK, false, false, false},
    {"akin_options_validate", act_validate, after_nothing, AKIN_OK, false, false, false},
    {"akin_save", act_save, after_nothing, AKIN_OK, false, false, false},
    {"akin_file_inspect", act_inspect, after_nothing, AKIN_OK, false, false, false},
    {"akin_close", act_close, after_nothing, AKIN_OK, false, false, false},
};

/* Fillings: nothing; a full chunk of slots; just below and at full pools of records. */
static const uint64_t fillings[] = {0, 16, 255, 256};

/* ---- one trial ---- */

static void begin(struct index_fixture *fixture, const struct act *act, uint64_t entries)
{
    if (!act->makes_index) {
        fill(fixture, entries);
    }
}

static enum akin_status call(struct index_fixture *fixture, const struct act *act)
{
    errno = ERRNO_SENTINEL;
    memset(&fixture->error, 0x55, sizeof fixture->error);
    const enum akin_status status = act->call(fixture);
    if (errno != ERRNO_SENTINEL) {
        fail_msg("%s changed errno to %d", act->name, errno);
    }
    return status;
}

static enum akin_status expected_of(const struct act *act, uint64_t entries)
{
    return entries == 0 ? act->when_empty : AKIN_OK;
}

/* After a call that was refused with `refusal`: nothing changed, and now it works. */
static void assert_refusal(struct index_fixture *fixture, const struct act *act, uint64_t entries,
                           enum akin_status refusal)
{
    assert_error(&fixture->error, refusal, "");
    if (act->makes_index) {
        assert_null(fixture->index);
        assert_int_equal(tracking_live_blocks(&fixture->tracking), 0);
    } else {
        if (!act->in_parts) {
            assert_untouched(fixture, entries);
        }
        assert_status(AKIN_OK, akin_check(fixture->index, AKIN_CHECK_DEEP, &fixture->error));
    }
}

static void finish(struct index_fixture *fixture, const struct act *act, uint64_t entries)
{
    act->after(fixture, entries);
    if (fixture->index != NULL) {
        index_close(fixture);
    }
    assert_int_equal(tracking_live_blocks(&fixture->tracking), 0);
}

/* Refuse `count` allocations of the call from number `skip` on; whether there were so many. */
static bool try_refusal(struct index_fixture *fixture, const struct act *act, uint64_t entries,
                        uint64_t skip, uint64_t count)
{
    begin(fixture, act, entries);
    tracking_fail(&fixture->tracking, skip, count);
    const enum akin_status status = call(fixture, act);
    const bool was_refused = tracking_fail_stop(&fixture->tracking) > 0;
    if (status == AKIN_NO_MEMORY && was_refused) {
        assert_refusal(fixture, act, entries, AKIN_NO_MEMORY);
        assert_string_equal(akin_status_name(call(fixture, act)),
                            akin_status_name(expected_of(act, entries)));
    } else if (status != expected_of(act, entries)) {
        fail_msg("%s with %llu entries, allocation %llu refused: %s", act->name,
                 (unsigned long long)entries, (unsigned long long)skip, akin_status_name(status));
    }
    finish(fixture, act, entries);
    return was_refused;
}

static void refuse_in_turn(struct index_fixture *fixture, enum akin_maintenance mode,
                           uint64_t count)
{
    uint64_t refusals = 0;
    fixture->options.maintenance = mode;
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
        for (size_t f = 0; f < sizeof fillings / sizeof fillings[0]; f++) {
            uint64_t skip = 0;
            while (try_refusal(fixture, &acts[i], fillings[f], skip, count)) {
                skip++;
                assert_true(skip < 1000);
            }
            refusals += skip;
            if (acts[i].makes_index) {
                assert_true(skip > 0);
                break; /* the filling does not matter */
            }
        }
    }
    assert_true(refusals > 50);
}

static void each_allocation_refused_once(void **state)
{
    refuse_in_turn(*state, AKIN_MAINTENANCE_INLINE, 1);
    refuse_in_turn(*state, AKIN_MAINTENANCE_CALLER, 1);
}

static void each_allocation_and_all_after_it_refused(void **state)
{
    refuse_in_turn(*state, AKIN_MAINTENANCE_INLINE, UINT64_MAX);
    refuse_in_turn(*state, AKIN_MAINTENANCE_CALLER, UINT64_MAX);
}

/* ---- the budget ---- */

/* Set the budget `room` above what there is; whether the call was refused. */
static bool try_budget(struct index_fixture *fixture, const struct act *act, uint64_t entries,
                       uint64_t room)
{
    struct akin_memory empty;
    fixture->options.budget_bytes = 0;
    begin(fixture, act, entries);
    if (act->makes_index) {
        struct akin_options options = fixture->options;
        options.capacity = 40; /* what the load will ask for */
        assert_status(AKIN_OK, akin_estimate(&options, 0, 0, &empty, NULL));
        fixture->options.budget_bytes = empty.total_bytes + room;
    } else {
        struct memory *const memory = &fixture->index->store.memory;
        memory->budget_bytes = atomic_u64_load_relaxed(&memory->total) + room;
    }
    const enum akin_status status = call(fixture, act);
    if (status == AKIN_OVER_BUDGET) {
        assert_refusal(fixture, act, entries, AKIN_OVER_BUDGET);
        if (act->makes_index) {
            fixture->options.budget_bytes = 0;
        } else {
            fixture->index->store.memory.budget_bytes = UINT64_MAX;
        }
        assert_string_equal(akin_status_name(call(fixture, act)),
                            akin_status_name(expected_of(act, entries)));
    } else if (status != expected_of(act, entries)) {
        fail_msg("%s with %llu entries and room for %llu bytes: %s", act->name,
                 (unsigned long long)entries, (unsigned long long)room, akin_status_name(status));
    }
    finish(fixture, act, entries);
    fixture->options.budget_bytes = 0;
    return status == AKIN_OVER_BUDGET;
}

static void each_budget_from_none_upwards(void **state)
{
    struct index_fixture *const fixture = *state;
    uint64_t refusals = 0;
    for (int mode = AKIN_MAINTENANCE_INLINE; mode <= AKIN_MAINTENANCE_CALLER; mode++) {
        fixture->options.maintenance = (enum akin_maintenance)mode;
        for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
            for (size_t f = 0; f < sizeof fillings / sizeof fillings[0]; f++) {
                /* Small steps where it is tight, then larger ones, until the call went through. */
                uint64_t room = 0;
                while (try_budget(fixture, &acts[i], fillings[f], room)) {
                    refusals++;
                    room += room < 100000 ? STEP_BYTES : room / 8;
                    assert_true(room < ROOM_MAX);
                }
                if (acts[i].makes_index) {
                    break; /* the filling does not matter */
                }
            }
        }
    }
    assert_true(refusals > 50);
}

/* ---- the file ---- */

static int make_file(void **state)
{
    void *fixture_state = NULL;
    (void)state;
    scratch_make(&scratch);
    snprintf(file_path, sizeof file_path, "%s", scratch_path(&scratch, "index"));
    (void)index_setup(&fixture_state);
    struct index_fixture *const fixture = fixture_state;
    fill(fixture, 40);
    assert_status(AKIN_OK, akin_save(fixture->index, file_path, NULL));
    return index_teardown(&fixture_state);
}

static int remove_file(void **state)
{
    (void)state;
    scratch_remove(&scratch);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INDEX_TEST(each_allocation_refused_once),
        INDEX_TEST(each_allocation_and_all_after_it_refused),
        INDEX_TEST(each_budget_from_none_upwards),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
