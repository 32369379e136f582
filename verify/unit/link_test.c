/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of linking a slot into a graph.
 *
 * Goal   : a slot gets the neighbors that the rule chooses from all that are alive, dead ones only
 *          when the living are few; they get it; it has its lists at all its levels, an anchor, and
 *          becomes the entry when it is the highest; who is in flight at the same time is met; who
 *          is being taken out is left alone; a call that finds no memory, at any step, leaves a
 *          sound graph and a slot that maintenance takes out.
 * Method : rows in the plane, of which no two are as far from a third, against the rule written
 *          down once more; a beam that holds everybody, so that the search misses nobody; a memory
 *          of so many blocks.
 */
#include "support/graph_fixture.h"

#include <string.h>

#include "index/internal.h"
#include "sync/rcu.h"

enum { M = 4, ROOM = 10, ROOM_ABOVE = 5, ROWS = 120, SEEDS = 12 };

static const struct graph_plan PLANE = {
    .metric = AKIN_L2, .dim = 2, .m = M, .ef_construction = 200, .alpha = 1};

/* A row that is as far from no two others. */
static uint32_t next_row(struct graph_fixture *fixture, uint64_t key, uint64_t *random,
                         uint32_t count)
{
    for (;;) {
        const float row[2] = {(float)random_below(random, 2000), (float)random_below(random, 2000)};
        memcpy(fixture->rows[count], row, sizeof row);
        bool is_fit = true;
        for (uint32_t i = 0; i < count && is_fit; i++) {
            for (uint32_t j = 0; j < i && is_fit; j++) {
                is_fit = graph_distance(fixture, count, i) != graph_distance(fixture, count, j);
            }
        }
        if (is_fit) {
            const uint32_t slot = graph_row(fixture, key, row);
            assert_int_equal(slot, count);
            return slot;
        }
    }
}

/* Slots 0 .. count - 1, linked and committed. */
static void grow_as(struct graph_fixture *fixture, const struct graph_plan *plan, uint64_t *random,
                    uint32_t count)
{
    graph_begin(fixture, plan);
    for (uint32_t i = 0; i < count; i++) {
        assert_status(AKIN_OK, graph_link(fixture, next_row(fixture, i, random, i), i, true));
    }
}

static void grow(struct graph_fixture *fixture, uint64_t *random, uint32_t count)
{
    grow_as(fixture, &PLANE, random, count);
}

static bool is_dead(const struct graph_fixture *fixture, uint32_t slot)
{
    return edges_is_dead(&fixture->graph, slot);
}

/* What the rule chooses among the slots below `node` that are alive, and dead or not. */
static uint32_t expect_choice(const struct graph_fixture *fixture, uint32_t node, bool dead,
                              uint32_t wanted, uint32_t *ids)
{
    struct rule_candidate candidates[ROWS];
    uint32_t count = 0;
    for (uint32_t slot = 0; slot < node; slot++) {
        if (slot_state_is_alive(graph_state(fixture, slot)) && is_dead(fixture, slot) == dead) {
            candidates[count++] = (struct rule_candidate){.id = slot};
        }
    }
    return rule_choose(fixture, node, candidates, count, wanted, ids);
}

/* The list of a new slot: living neighbors, and when they are fewer than half of m, dead ones. */
static uint32_t expect_list(const struct graph_fixture *fixture, uint32_t node, uint32_t *ids)
{
    uint32_t count = expect_choice(fixture, node, false, M, ids);
    if (count < M / 2) {
        count += expect_choice(fixture, node, true, M - count, ids + count);
    }
    return count;
}

static void assert_list(const struct graph_fixture *fixture, uint32_t slot, const uint32_t *ids,
                        uint32_t count)
{
    const struct block *const block = graph_list(fixture, slot, 0);
    assert_int_equal(block->count, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(block->ids[i], ids[i]);
    }
}

static void the_first_slot_hangs_at_the_root(void **state)
{
    struct graph_fixture *const fixture = *state;
    uint64_t random = 1;
    grow(fixture, &random, 1);
    const uint32_t level = graph_level_of(&fixture->graph.shape, 0);
    assert_int_equal(graph_state(fixture, 0), SLOT_ANCHORED);
    assert_int_equal(graph_list(fixture, 0, 0)->count, 0);
    assert_int_equal(graph_list(fixture, EDGES_ROOT, 0)->count, 1);
    assert_int_equal(graph_list(fixture, EDGES_ROOT, 0)->ids[0], 0 | BLOCK_ANCHOR);
    assert_int_equal(atomic_u64_load_relaxed(&fixture->graph.entry), entry_word(0, level));
    graph_sound(fixture);
}

static void neighbors_are_those_of_the_rule_and_know_of_it(void **state)
{
    struct graph_fixture *const fixture = *state;
    uint32_t full = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        uint64_t random = seed;
        graph_begin(fixture, &PLANE);
        for (uint32_t node = 0; node < ROWS; node++) {
            uint32_t ids[ROWS];
            uint32_t lengths[ROWS] = {0};
            (void)next_row(fixture, node, &random, node);
            const uint32_t count = expect_list(fixture, node, ids);
            for (uint32_t slot = 0; slot < node; slot++) {
                lengths[slot] = graph_list(fixture, slot, 0)->count;
            }
            assert_status(AKIN_OK, graph_link(fixture, node, node, true));
            assert_list(fixture, node, ids, count);
            for (uint32_t i = 0; i < count; i++) {
                const uint32_t id = graph_id_of(graph_list(fixture, ids[i], 0), node);
                /* Only a prune may have left it out. */
                assert_true(id != GRAPH_NO_ID || lengths[ids[i]] >= ROOM);
                full += lengths[ids[i]] >= ROOM ? 1 : 0;
            }
        }
        assert_int_equal(graph_sound(fixture).reachable, ROWS);
        graph_finish(fixture);
    }
    assert_true(full > SEEDS); /* lists were full, too */
}

static void upper_levels_are_linked_both_ways_by_slots_that_reach_them(void **state)
{
    struct graph_fixture *const fixture = *state;
    uint32_t above = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        uint64_t random = seed;
        uint32_t top = 0;
        graph_begin(fixture, &PLANE);
        for (uint32_t node = 0; node < ROWS; node++) {
            uint32_t lengths[ROWS][GRAPH_LEVELS_MAX + 1] = {0};
            const uint64_t key = node + seed * 1000;
            const uint32_t level = graph_level_of(&fixture->graph.shape, key);
            (void)next_row(fixture, key, &random, node);
            for (uint32_t slot = 0; slot < node; slot++) {
                for (uint32_t at = 1; at <= graph_height(fixture, slot); at++) {
                    lengths[slot][at] = graph_list(fixture, slot, at)->count;
                }
            }
            assert_status(AKIN_OK, graph_link(fixture, node, key, true));
            assert_int_equal(graph_height(fixture, node), level);
            for (uint32_t at = 1; at <= level; at++) {
                const struct block *const block = graph_list(fixture, node, at);
                assert_non_null(block);
                /* The first at a level has nobody there; the others have. */
                assert_int_equal(block->count > 0, at <= top && node > 0);
                assert_true(block->count <= M);
                for (uint32_t i = 0; i < block->count; i++) {
                    const uint32_t other = block->ids[i];
                    assert_true(other < node && graph_height(fixture, other) >= at);
                    assert_true(graph_id_of(graph_list(fixture, other, at), node) == node ||
                                lengths[other][at] >= ROOM_ABOVE);
                    above++;
                }
            }
            /* The entry is the first that reached the highest level. */
            const uint64_t entry = atomic_u64_load_relaxed(&fixture->graph.entry);
            if (node == 0 || level > top) {
                assert_int_equal(entry, entry_word(node, level));
                top = level;
            }
            assert_int_equal(entry_level(entry), top);
        }
        graph_sound(fixture);
        graph_finish(fixture);
    }
    assert_true(above > 10 * SEEDS);
}

static void dead_neighbors_are_chosen_when_the_living_are_few(void **state)
{
    struct graph_fixture *const fixture = *state;
    uint32_t with_dead = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        uint64_t random = seed;
        const uint32_t count = 2 + (uint32_t)random_below(&random, 20);
        const uint32_t living = (uint32_t)random_below(&random, 5);
        uint32_t ids[ROWS];
        grow(fixture, &random, count);
        for (uint32_t slot = living; slot < count; slot++) {
            graph_died(fixture, slot);
        }
        const uint32_t node = next_row(fixture, count, &random, count);
        const uint32_t expected = expect_list(fixture, node, ids);
        assert_status(AKIN_OK, graph_link(fixture, node, count, true));
        assert_list(fixture, node, ids, expected);
        for (uint32_t i = 0; i < expected; i++) {
            with_dead += is_dead(fixture, ids[i]) ? 1 : 0;
        }
        assert_true(expected > 0);
        graph_sound(fixture);
        graph_finish(fixture);
    }
    assert_true(with_dead > 20);
}

static void who_is_being_taken_out_is_left_alone(void **state)
{
    enum { GROWN = 60, GOING = 20, NEW = 30 };
    struct graph_fixture *const fixture = *state;
    const struct block *lists[GOING];
    uint64_t random = 5;
    grow(fixture, &random, GROWN);
    for (uint32_t slot = 0; slot < GOING; slot++) { /* with the root's only child among them */
        if (slot % 2 == 0) {
            graph_died(fixture, slot);
        }
        /* Dead ones, and ones whose commit was refused. */
        graph_advance(fixture, slot, SLOT_ANCHORED,
                      slot % 2 == 0 ? SLOT_UNLINKING : SLOT_ABANDONED);
        lists[slot] = graph_list(fixture, slot, 0);
    }
    for (uint32_t node = GROWN; node < GROWN + NEW; node++) {
        uint32_t ids[ROWS];
        (void)next_row(fixture, node, &random, node);
        const uint32_t count = expect_list(fixture, node, ids);
        assert_status(AKIN_OK, graph_link(fixture, node, node, true));
        assert_list(fixture, node, ids, count);
        for (uint32_t slot = 0; slot < GOING; slot++) {
            assert_int_equal(graph_id_of(graph_list(fixture, node, 0), slot), GRAPH_NO_ID);
            assert_ptr_equal(graph_list(fixture, slot, 0), lists[slot]);
        }
    }
    graph_sound(fixture);
}

/* Far from everybody, beside others: the rule would choose it for nobody. */
static uint32_t far_row(struct graph_fixture *fixture, uint64_t key, float x, float y)
{
    const float row[2] = {x, y};
    return graph_row(fixture, key, row);
}

static void who_is_in_flight_is_met_both_ways(void **state)
{
    enum { GROWN = 60 };
    struct graph_fixture *const fixture = *state;
    for (int is_committed = 0; is_committed < 2; is_committed++) {
        uint64_t random = 6;
        grow(fixture, &random, GROWN);
        const uint32_t early = far_row(fixture, 1000, -50000, 0);
        assert_status(AKIN_OK, graph_link(fixture, early, 1000, is_committed == 1));
        const uint32_t late = far_row(fixture, 1001, 50000, 0);
        assert_status(AKIN_OK, graph_link(fixture, late, 1001, true));
        const bool there = graph_id_of(graph_list(fixture, late, 0), early) != GRAPH_NO_ID;
        const bool back = graph_id_of(graph_list(fixture, early, 0), late) != GRAPH_NO_ID;
        /* One that had ended is found by the search, and left out by the rule. */
        assert_int_equal(there, is_committed == 0);
        assert_int_equal(back, is_committed == 0);
        graph_born(fixture, early);
        graph_sound(fixture);
        graph_finish(fixture);
    }
}

static void who_is_in_flight_and_not_alive_is_not_met(void **state)
{
    struct graph_fixture *const fixture = *state;
    const enum slot_state others[] = {SLOT_PENDING, SLOT_UNLINKING, SLOT_ABANDONED};
    uint64_t random = 7;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        grow(fixture, &random, 20);
        const uint32_t early = far_row(fixture, 1000, -5000, 0);
        graph_put_list(fixture, early, 0, NULL, 0);
        if (others[i] != SLOT_PENDING) {
            graph_advance(fixture, early, SLOT_PENDING, others[i]);
        }
        rcu_enter();
        inflight_append(&fixture->graph.inflight, early);
        rcu_leave();
        const uint32_t late = far_row(fixture, 1001, -5001, 0);
        assert_status(AKIN_OK, graph_link(fixture, late, 1001, true));
        assert_int_equal(graph_id_of(graph_list(fixture, late, 0), early), GRAPH_NO_ID);
        assert_int_equal(graph_list(fixture, early, 0)->count, 0);
        graph_sound(fixture);
        graph_finish(fixture);
    }
}

/* Inserts that run while another one is between its search and its meeting. */
struct crowd {
    struct graph_fixture *fixture;
    struct trail trail;
    uint32_t count;
    uint32_t first;
    bool is_committed;
};

static void insert_crowd(void *context)
{
    struct crowd *const crowd = context;
    struct graph_fixture *const fixture = crowd->fixture;
    const struct linker linker = {
        .graph = &fixture->graph, .metric = &fixture->metric, .trail = &crowd->trail};
    for (uint32_t i = 0; i < crowd->count; i++) {
        /* The first is near to who was interrupted, the others lie on the way to everybody else. */
        const uint32_t slot =
            far_row(fixture, 5000 + i, i == 0 ? 50001 : 40000 - 100 * (float)i, 1);
        crowd->first = i == 0 ? slot : crowd->first;
        rcu_enter();
        assert_status(AKIN_OK, link_slot(&linker, slot, 5000 + i));
        rcu_leave();
        if (crowd->is_committed) {
            graph_born(fixture, slot);
        }
    }
}

static void more_inserts_than_the_ring_holds_are_found_by_another_search(void **state)
{
    const uint32_t counts[] = {1, GRAPH_RING_CELLS - 1, GRAPH_RING_CELLS, GRAPH_RING_CELLS + 1,
                               2 * GRAPH_RING_CELLS};
    struct graph_fixture *const fixture = *state;
    for (size_t i = 0; i < 2 * sizeof counts / sizeof counts[0]; i++) {
        uint64_t random = 11;
        struct crowd crowd = {
            .fixture = fixture, .count = counts[i / 2], .is_committed = i % 2 == 0};
        grow(fixture, &random, 60);
        const uint32_t node = far_row(fixture, 4000, 50000, 0);
        assert_status(AKIN_OK, trail_reserve(&fixture->trail, &fixture->memory, GRAPH_ROWS_MAX, 200,
                                             graph_lanes(&fixture->graph)));
        graph_interrupt(fixture, insert_crowd, &crowd);
        assert_status(AKIN_OK, graph_link(fixture, node, 4000, true));
        assert_true(crowd.first > node); /* it did come in between */
        /* That one could not find the node, which was not linked: the node has to find it. */
        assert_int_equal(block_slot(graph_id_of(graph_list(fixture, node, 0), crowd.first)),
                         crowd.first);
        assert_int_equal(block_slot(graph_id_of(graph_list(fixture, crowd.first, 0), node)), node);
        for (uint32_t j = 0; j < crowd.count && !crowd.is_committed; j++) {
            graph_born(fixture, crowd.first + j);
        }
        assert_int_equal(graph_sound(fixture).reachable, 61 + crowd.count);
        trail_end(&crowd.trail, &fixture->memory);
        graph_finish(fixture);
    }
}

static void an_anchor_is_not_begun_below_who_has_none_yet(void **state)
{
    struct graph_fixture *const fixture = *state;
    uint64_t random = 12;
    grow(fixture, &random, 60);
    const uint32_t early = far_row(fixture, 1000, 50000, 0);
    assert_status(AKIN_OK, graph_link(fixture, early, 1000, false));
    graph_advance(fixture, early, SLOT_ANCHORED, SLOT_LINKED);
    const uint32_t late = far_row(fixture, 1001, 50000, 1);
    assert_status(AKIN_OK, graph_link(fixture, late, 1001, true));
    assert_int_equal(graph_list(fixture, late, 0)->ids[0], early); /* chosen all the same */
    assert_int_equal(graph_id_of(graph_list(fixture, early, 0), late), late);
    assert_int_equal(graph_state(fixture, late), SLOT_ANCHORED);
    graph_sound(fixture);
}

static void equal_rows_choose_one_of_them_and_are_reached_over_anchors(void **state)
{
    enum { EQUAL = 300, OTHERS = 20 };
    struct graph_fixture *const fixture = *state;
    const float same[2] = {500, 500};
    uint64_t random = 8;
    grow(fixture, &random, OTHERS);
    for (uint32_t i = 0; i < EQUAL; i++) {
        uint32_t equal = 0;
        const uint32_t slot = graph_row(fixture, OTHERS + i, same);
        assert_status(AKIN_OK, graph_link(fixture, slot, OTHERS + i, true));
        const struct block *const block = graph_list(fixture, slot, 0);
        for (uint32_t j = 0; j < block->count; j++) {
            equal += block_slot(block->ids[j]) >= OTHERS ? 1 : 0;
        }
        assert_int_equal(equal, i > 0 ? 1 : 0);
    }
    assert_int_equal(graph_sound(fixture).reachable, OTHERS + EQUAL);
}

/* ---- without memory ---- */

/* A key of that level, from `from` on. */
static uint64_t key_of_level(const struct graph_shape *shape, uint32_t level, uint64_t from)
{
    while (graph_level_of(shape, from) != level) {
        from++;
    }
    return from;
}

/* One slot after the other is linked, with more memory each time, until it is enough; how many
   calls failed. */
static uint32_t link_until_memory_is_enough(struct graph_fixture *fixture, uint32_t size,
                                            uint64_t *random)
{
    enum { LEFT_MAX = 60 };
    for (uint32_t left = 0; left < LEFT_MAX; left++) {
        const uint32_t node = slots_watermark(&fixture->slots);
        const uint64_t key = key_of_level(&fixture->graph.shape, 1, 1000 * (left + 1));
        (void)next_row(fixture, key, random, node);
        graph_allow(fixture, size, left, LEFT_MAX);
        const enum akin_status status = graph_link(fixture, node, key, true);
        graph_allow_all(fixture);
        if (status == AKIN_OK) {
            return left;
        }
        assert_int_equal(status, AKIN_NO_MEMORY);
        rcu_enter();
        slot_abandon(&fixture->slots, node);
        rcu_leave();
        assert_int_equal(graph_state(fixture, node), SLOT_ABANDONED);
        graph_sound(fixture);
    }
    fail_msg("%s", "memory is never enough");
    return 0;
}

static void a_call_without_memory_leaves_a_sound_graph_at_each_step(void **state)
{
    enum { GROWN = 60 };
    struct graph_fixture *const fixture = *state;
    const struct graph_plan wide = {
        .metric = AKIN_L2, .dim = 2, .m = 12, .ef_construction = 200, .alpha = 2};
    for (int is_wide = 0; is_wide < 2; is_wide++) {
        uint32_t failed[ALL_SIZES + 1];
        for (uint32_t size = 0; size <= ALL_SIZES; size++) {
            uint64_t random = 9;
            grow_as(fixture, is_wide == 1 ? &wide : &PLANE, &random, GROWN);
            failed[size] = link_until_memory_is_enough(fixture, size, &random);
            graph_sound(fixture);
            /* What failed is to nobody's harm: more are linked beside it. */
            for (uint32_t i = 0; i < 10; i++) {
                const uint32_t node = slots_watermark(&fixture->slots);
                (void)next_row(fixture, 90000 + i, &random, node);
                assert_status(AKIN_OK, graph_link(fixture, node, 90000 + i, true));
            }
            graph_sound(fixture);
            graph_finish(fixture);
        }
        /* Two lists, a tower, an anchor, edges back; short lists take one line, long ones two. */
        assert_true(failed[0] >= (is_wide == 1 ? 2 : 7));
        assert_true(is_wide == 0 || failed[1] >= 2);
        assert_true(failed[ALL_SIZES] >= failed[0]);
    }
}

static void a_call_without_memory_to_search_is_refused_before_it_links(void **state)
{
    struct graph_fixture *const fixture = *state;
    uint64_t random = 10;
    grow(fixture, &random, 20);
    enum akin_status status = AKIN_NO_MEMORY;
    for (uint32_t skip = 0; status != AKIN_OK; skip++) {
        const uint32_t node = slots_watermark(&fixture->slots);
        (void)next_row(fixture, 100 + skip, &random, node);
        trail_end(&fixture->trail, &fixture->memory);
        tracking_fail(&fixture->tracking, skip, 1);
        status = graph_link(fixture, node, 100 + skip, true);
        const uint64_t refused = tracking_fail_stop(&fixture->tracking);
        assert_int_equal(refused, status == AKIN_OK ? 0 : 1);
        if (status != AKIN_OK) {
            assert_int_equal(status, AKIN_NO_MEMORY);
            assert_int_equal(graph_state(fixture, node), SLOT_PENDING);
            assert_null(graph_list(fixture, node, 0));
            rcu_enter();
            slot_abandon(&fixture->slots, node);
            rcu_leave();
        }
        graph_sound(fixture);
        assert_true(skip < 20);
    }
}

/* The same from outside: the call is refused, the check is content, maintenance takes it out. */
static void an_insert_without_memory_leaves_a_slot_to_maintenance(void **state)
{
    enum { ENTRIES = 40, OTHERS = 60 };
    struct index_fixture *const fixture = *state;
    struct hoard hoard = {0};
    uint32_t failed = 0;
    fixture->options.kind = AKIN_HNSW;
    fixture->options.m = M;
    fixture->options.maintenance = AKIN_MAINTENANCE_CALLER;
    index_open(fixture);
    for (uint64_t key = 0; key < ENTRIES; key++) {
        assert_status(AKIN_OK, insert_pattern(fixture, key, 1, 0));
    }
    struct graph *const graph = fixture->index->routing.graph;
    for (uint32_t size = 0; size < 2; size++) {
        enum akin_status status = AKIN_NO_MEMORY;
        for (uint32_t left = 0; status != AKIN_OK; left++) {
            uint32_t each[GRAPH_BLOCK_LINES_MAX];
            const uint64_t key = key_of_level(&graph->shape, 1, 1000 * (left + 1 + 100 * size));
            for (uint32_t i = 0; i < GRAPH_BLOCK_LINES_MAX; i++) {
                each[i] = i == size ? left : OTHERS;
            }
            const uint64_t count = index_count(fixture);
            blocks_allow(&graph->blocks, &fixture->tracking, &hoard, each);
            status = insert_pattern(fixture, key, 1, 0);
            tracking_fail_stop(&fixture->tracking);
            assert_status(AKIN_OK, akin_check(fixture->index, AKIN_CHECK_CHEAP, &fixture->error));
            assert_status(AKIN_OK, akin_check(fixture->index, AKIN_CHECK_DEEP, &fixture->error));
            assert_int_equal(index_count(fixture), count + (status == AKIN_OK ? 1 : 0));
            if (status != AKIN_OK) {
                uint32_t abandoned = 0;
                assert_int_equal(status, AKIN_NO_MEMORY);
                assert_absent(fixture, key);
                for (uint32_t slot = 0; slot < slots_watermark(graph->slots); slot++) {
                    abandoned += edges_state(graph, slot) == SLOT_ABANDONED ? 1 : 0;
                }
                assert_int_equal(abandoned, 1);
                index_drain(fixture);
                assert_status(AKIN_OK,
                              akin_check(fixture->index, AKIN_CHECK_DEEP, &fixture->error));
                for (uint32_t slot = 0; slot < slots_watermark(graph->slots); slot++) {
                    assert_int_not_equal(edges_state(graph, slot), SLOT_ABANDONED);
                }
                failed++;
            }
        }
    }
    assert_true(failed > 4);
    hoard_end(&hoard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        GRAPH_TEST(the_first_slot_hangs_at_the_root),
        GRAPH_TEST(neighbors_are_those_of_the_rule_and_know_of_it),
        GRAPH_TEST(upper_levels_are_linked_both_ways_by_slots_that_reach_them),
        GRAPH_TEST(dead_neighbors_are_chosen_when_the_living_are_few),
        GRAPH_TEST(who_is_being_taken_out_is_left_alone),
        GRAPH_TEST(who_is_in_flight_is_met_both_ways),
        GRAPH_TEST(who_is_in_flight_and_not_alive_is_not_met),
        GRAPH_TEST(more_inserts_than_the_ring_holds_are_found_by_another_search),
        GRAPH_TEST(an_anchor_is_not_begun_below_who_has_none_yet),
        GRAPH_TEST(equal_rows_choose_one_of_them_and_are_reached_over_anchors),
        GRAPH_TEST(a_call_without_memory_leaves_a_sound_graph_at_each_step),
        GRAPH_TEST(a_call_without_memory_to_search_is_refused_before_it_links),
        INDEX_TEST(an_insert_without_memory_leaves_a_slot_to_maintenance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
