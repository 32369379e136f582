/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of the check of a graph: it names each invariant that is broken, and only then.
 *
 * Goal   : a list, the root or the entry that was damaged on purpose is found out by both forms of
 *          the check, by the invariant's name and the slot; what leads to a slot from afar by the
 *          deep form alone.
 * Method : a graph with more slots than a sample of the cheap form holds, with free ones; one word
 *          of a list is changed, the check is asked, the word is put back, and the check has to
 *          pass again. The samples of a few calls have every slot once.
 */
#include <string.h>

#include "index/internal.h"
#include "search/edges.h"
#include "support/store_fixture.h"
#include "sync/rcu.h"

enum { ENTRIES = 600, DELETED = 60, SAMPLES = 3, M = 4 }; /* 600 / 256, rounded up */

static struct graph *graph_of(const struct index_fixture *fixture)
{
    return fixture->index->routing.graph;
}

static uint32_t watermark_of(const struct index_fixture *fixture)
{
    return slots_watermark(graph_of(fixture)->slots);
}

static enum slot_state state_of(const struct index_fixture *fixture, uint32_t slot)
{
    return edges_state(graph_of(fixture), slot);
}

/* A graph in which some slots are free: the last of those that were deleted. */
static void make_scene(struct index_fixture *fixture)
{
    fixture->options.kind = AKIN_HNSW;
    fixture->options.m = M;
    fixture->options.ef_construction = 40;
    fixture->options.maintenance = AKIN_MAINTENANCE_CALLER;
    index_open(fixture);
    for (uint64_t key = 0; key < ENTRIES; key++) {
        assert_status(AKIN_OK, insert_pattern(fixture, key, 1, 0));
    }
    for (uint64_t key = 0; key < DELETED; key++) {
        assert_status(AKIN_OK, akin_delete(fixture->index, key * 10, NULL));
    }
    index_drain(fixture);
    assert_int_equal(watermark_of(fixture), ENTRIES);
}

static void assert_sound(struct index_fixture *fixture)
{
    assert_status(AKIN_OK, akin_check(fixture->index, AKIN_CHECK_DEEP, &fixture->error));
    for (int i = 0; i < SAMPLES; i++) {
        assert_status(AKIN_OK, akin_check(fixture->index, AKIN_CHECK_CHEAP, &fixture->error));
    }
}

/* How many of the calls that look at every slot once find it. */
static int cheap_finds(struct index_fixture *fixture, const char *invariant, uint32_t slot)
{
    int found = 0;
    for (int i = 0; i < SAMPLES; i++) {
        if (akin_check(fixture->index, AKIN_CHECK_CHEAP, &fixture->error) == AKIN_CORRUPT) {
            assert_error(&fixture->error, AKIN_CORRUPT, invariant);
            assert_int_equal(fixture->error.position, slot);
            found++;
        }
    }
    return found;
}

/* Both forms find it; the cheap one in `times` of its samples. */
static void assert_broken(struct index_fixture *fixture, int times, const char *invariant,
                          uint32_t slot)
{
    assert_int_equal(cheap_finds(fixture, invariant, slot), times);
    assert_status(AKIN_CORRUPT, akin_check(fixture->index, AKIN_CHECK_DEEP, &fixture->error));
    assert_error(&fixture->error, AKIN_CORRUPT, invariant);
    assert_int_equal(fixture->error.position, slot);
}

/* The list of a slot, to be damaged: nobody else is at the index. */
static struct block *list_of(const struct index_fixture *fixture, uint32_t slot, uint32_t level)
{
    const struct atomic_ptr *const handle = graph_handle(graph_of(fixture), slot, level);
    assert_non_null(handle);
    return block_acquire(handle);
}

/* Set an id of a list, expect the invariant to be named at the slot, put the id back. */
static void with_id(struct index_fixture *fixture, uint32_t slot, uint32_t level, uint32_t at,
                    uint32_t id, const char *invariant)
{
    struct block *const block = list_of(fixture, slot, level);
    assert_true(at < block->count);
    const uint32_t sound = block->ids[at];
    block->ids[at] = id;
    assert_broken(fixture, 1, invariant, slot);
    block->ids[at] = sound;
    assert_sound(fixture);
}

/* A slot from `from` on that is anchored and has an edge at a level that is no anchor; its place.
 */
static uint32_t slot_with_edge(const struct index_fixture *fixture, uint32_t from, uint32_t level,
                               uint32_t *at)
{
    for (uint32_t slot = from; slot < ENTRIES; slot++) {
        const struct atomic_ptr *const handle = state_of(fixture, slot) == SLOT_ANCHORED
                                                    ? graph_handle(graph_of(fixture), slot, level)
                                                    : NULL;
        const struct block *const block = handle != NULL ? block_acquire(handle) : NULL;
        for (uint32_t i = 0; block != NULL && block->count >= 2 && i < block->count; i++) {
            if ((block->ids[i] & BLOCK_ANCHOR) == 0) {
                *at = i;
                return slot;
            }
        }
    }
    fail_msg("no slot has an edge at level %u", level);
    return 0;
}

/* A slot in a state, or of a level: the first from `from` on. */
static uint32_t slot_in(const struct index_fixture *fixture, enum slot_state state, uint32_t from)
{
    uint32_t slot = from;
    while (slot < ENTRIES && state_of(fixture, slot) != state) {
        slot++;
    }
    assert_true(slot < ENTRIES);
    return slot;
}

static uint32_t slot_without_tower(const struct index_fixture *fixture)
{
    uint32_t slot = 0;
    while (graph_tower(graph_of(fixture), slot) != NULL ||
           state_of(fixture, slot) != SLOT_ANCHORED) {
        slot++;
        assert_true(slot < ENTRIES);
    }
    return slot;
}

static void a_sound_graph_passes(void **state)
{
    struct index_fixture *const fixture = *state;
    make_scene(fixture);
    assert_sound(fixture);
    (void)slot_in(fixture, SLOT_FREE, 0); /* there is one */
}

static void i10_edges_that_lead_to_nothing_to_itself_or_twice(void **state)
{
    struct index_fixture *const fixture = *state;
    make_scene(fixture);
    const uint32_t free_slot = slot_in(fixture, SLOT_FREE, 0);
    for (uint32_t from = 0; from < ENTRIES / 2; from += 61) {
        for (uint32_t level = 0; level < 2; level++) {
            uint32_t at = 0;
            const uint32_t slot = slot_with_edge(fixture, from, level, &at);
            const struct block *const block = list_of(fixture, slot, level);
            const uint32_t other = block->ids[at == 0 ? 1 : 0];
            with_id(fixture, slot, level, at, slot, "I10 edges");
            with_id(fixture, slot, level, at, free_slot, "I10 edges");
            with_id(fixture, slot, level, at, block_slot(other), "I10 edges");
            with_id(fixture, slot, level, at, ENTRIES, "I10 edges");
            with_id(fixture, slot, level, at, GRAPH_SLOTS_MAX - 1, "I10 edges");
        }
    }
}

static void i11_lists_that_are_too_long(void **state)
{
    struct index_fixture *const fixture = *state;
    make_scene(fixture);
    struct graph *const graph = graph_of(fixture);
    for (uint32_t level = 0; level < 2; level++) {
        uint32_t at = 0;
        const uint32_t slot = slot_with_edge(fixture, 100, level, &at);
        struct atomic_ptr *const handle = graph_handle(graph, slot, level);
        struct block *const sound = block_acquire(handle);
        const uint32_t room = level == 0 ? graph->shape.room : graph->shape.room_above;
        /* As many others as there may be, and one more. */
        for (uint32_t more = 0; more < 2; more++) {
            struct block *longer = NULL;
            uint32_t count = 0;
            rcu_enter();
            assert_status(AKIN_OK, block_take(&graph->blocks, BLOCK_IDS_MAX, &longer));
            for (uint32_t i = 0; i < sound->count; i++) { /* anchors are not counted */
                if ((sound->ids[i] & BLOCK_ANCHOR) != 0) {
                    longer->ids[count++] = sound->ids[i];
                }
            }
            const uint32_t anchors = count;
            for (uint32_t target = 0; count < anchors + room + more; target++) {
                bool has = target == slot || state_of(fixture, target) != SLOT_ANCHORED ||
                           graph_handle(graph, target, level) == NULL;
                for (uint32_t i = 0; i < anchors; i++) {
                    has = has || block_slot(longer->ids[i]) == target;
                }
                if (!has) {
                    longer->ids[count++] = target;
                }
            }
            longer->count = count;
            atomic_ptr_store_release(handle, longer);
            rcu_leave();
            if (more == 0) {
                assert_int_equal(cheap_finds(fixture, "none", 0), 0);
            } else {
                assert_broken(fixture, 1, "I11 degrees", slot);
            }
            longer->count = BLOCK_IDS_MAX + 1; /* nothing behind its end is read */
            assert_broken(fixture, 1, "I11 degrees", slot);
            longer->count = BLOCK_IDS_MAX;
            atomic_ptr_store_release(handle, sound);
            rcu_enter();
            block_retire(&graph->blocks, longer);
            rcu_leave();
            assert_sound(fixture);
        }
    }
}

static void i12_slots_without_lists_and_edges_above_a_level(void **state)
{
    struct index_fixture *const fixture = *state;
    make_scene(fixture);
    struct graph *const graph = graph_of(fixture);
    const uint32_t low = slot_without_tower(fixture);
    uint32_t at = 0;
    const uint32_t slot = slot_with_edge(fixture, low + 1, 1, &at);
    with_id(fixture, slot, 1, at, low, "I12 levels");
    /* An anchor above the lowest level is none. */
    with_id(fixture, slot, 1, at, list_of(fixture, slot, 1)->ids[at] | BLOCK_ANCHOR, "I13 anchors");
    /* A slot in use without a list. Others lead to it: they are found as well, in any sample. */
    struct atomic_ptr *const handle = graph_base(graph, low);
    struct block *const list = block_acquire(handle);
    int found = 0;
    atomic_ptr_store_release(handle, NULL);
    for (int i = 0; i < SAMPLES; i++) {
        if (akin_check(fixture->index, AKIN_CHECK_CHEAP, &fixture->error) == AKIN_CORRUPT) {
            assert_error(&fixture->error, AKIN_CORRUPT, "I12 levels");
            found++;
        }
    }
    assert_true(found > 0);
    assert_status(AKIN_CORRUPT, akin_check(fixture->index, AKIN_CHECK_DEEP, &fixture->error));
    assert_error(&fixture->error, AKIN_CORRUPT, "I12 levels");
    /* A free slot with one. */
    const uint32_t free_slot = slot_in(fixture, SLOT_FREE, 0);
    atomic_ptr_store_release(handle, list);
    atomic_ptr_store_release(graph_base(graph, free_slot), list);
    assert_broken(fixture, 1, "I7 clean slots", free_slot);
    atomic_ptr_store_release(graph_base(graph, free_slot), NULL);
    assert_sound(fixture);
}

/* An ANCHORED slot that only says LINKED; a child of the root that is none. */
static void i13_anchors_that_are_missing_or_too_many(void **state)
{
    struct index_fixture *const fixture = *state;
    make_scene(fixture);
    struct graph *const graph = graph_of(fixture);
    const uint32_t slot = slot_in(fixture, SLOT_ANCHORED, 300);
    struct slot_chunk *const chunk = slot_chunk_of(graph->slots, slot);
    const uint32_t offset = slot & graph->slots->chunk_mask;
    assert_true(slot_advance(chunk, offset, SLOT_ANCHORED, SLOT_LINKED));
    assert_broken(fixture, 1, "I13 anchors", slot);
    assert_true(slot_advance(chunk, offset, SLOT_LINKED, SLOT_ANCHORED));
    assert_sound(fixture);

    /* The root is in every sample. */
    struct block *const root = block_acquire(&graph->root);
    assert_int_equal(root->count, 1);
    const uint32_t child = root->ids[0];
    root->ids[0] = block_slot(child);
    assert_broken(fixture, SAMPLES, "I13 anchors", block_slot(child));
    root->ids[0] = slot_in(fixture, SLOT_FREE, 0) | BLOCK_ANCHOR;
    assert_broken(fixture, SAMPLES, "I10 edges", GRAPH_SLOTS_MAX);
    root->ids[0] = child;
    root->count = 2; /* a line has room */
    root->ids[1] = slot | BLOCK_ANCHOR;
    assert_int_not_equal(block_slot(child), slot);
    assert_broken(fixture, SAMPLES, "I13 anchors", slot);
    root->count = 0;
    for (int i = 0; i < SAMPLES; i++) {
        assert_status(AKIN_CORRUPT, akin_check(fixture->index, AKIN_CHECK_CHEAP, &fixture->error));
        assert_error(&fixture->error, AKIN_CORRUPT, "I13 anchors");
    }
    assert_status(AKIN_CORRUPT, akin_check(fixture->index, AKIN_CHECK_DEEP, &fixture->error));
    assert_error(&fixture->error, AKIN_CORRUPT, "I13 anchors");
    root->count = 1;
    assert_sound(fixture);
}

/* An anchor edge that is an edge only: what it held is not led to, which no list says of itself. */
static void i13_an_anchor_that_was_lost_is_found_by_the_deep_form(void **state)
{
    struct index_fixture *const fixture = *state;
    make_scene(fixture);
    for (uint32_t slot = 0, lost = 0; slot < ENTRIES && lost < 5; slot++) {
        struct block *const block =
            state_of(fixture, slot) == SLOT_ANCHORED ? list_of(fixture, slot, 0) : NULL;
        for (uint32_t i = 0; block != NULL && i < block->count; i++) {
            if ((block->ids[i] & BLOCK_ANCHOR) != 0) {
                block->ids[i] &= ~BLOCK_ANCHOR;
                assert_status(AKIN_CORRUPT,
                              akin_check(fixture->index, AKIN_CHECK_DEEP, &fixture->error));
                assert_error(&fixture->error, AKIN_CORRUPT, "I13 anchors");
                block->ids[i] |= BLOCK_ANCHOR;
                lost++;
                break;
            }
        }
    }
    assert_sound(fixture);
}

static void i15_an_entry_that_is_none(void **state)
{
    struct index_fixture *const fixture = *state;
    make_scene(fixture);
    struct graph *const graph = graph_of(fixture);
    const uint64_t sound = atomic_u64_load_relaxed(&graph->entry);
    const uint32_t top = entry_level(sound);
    const uint32_t free_slot = slot_in(fixture, SLOT_FREE, 0);
    const uint32_t low = slot_without_tower(fixture);
    const struct {
        uint64_t word;
        uint32_t named;
    } bad[] = {
        {entry_word(ENTRIES, 0), 0},
        {entry_word(free_slot, 0), free_slot},
        {entry_word(low, 1), low},
        {entry_word(entry_slot(sound), top + 1), entry_slot(sound)},
        {entry_word(entry_slot(sound), top - 1), entry_slot(sound)},
    };
    assert_true(top > 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        atomic_u64_store_relaxed(&graph->entry, bad[i].word);
        assert_broken(fixture, SAMPLES, "I15 entry", bad[i].named);
    }
    atomic_u64_store_relaxed(&graph->entry, sound);
    assert_sound(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INDEX_TEST(a_sound_graph_passes),
        INDEX_TEST(i10_edges_that_lead_to_nothing_to_itself_or_twice),
        INDEX_TEST(i11_lists_that_are_too_long),
        INDEX_TEST(i12_slots_without_lists_and_edges_above_a_level),
        INDEX_TEST(i13_anchors_that_are_missing_or_too_many),
        INDEX_TEST(i13_an_anchor_that_was_lost_is_found_by_the_deep_form),
        INDEX_TEST(i15_an_entry_that_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
