/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of changing lists of neighbors.
 *
 * Goal   : a list grows to its room and is pruned by the rule when one more comes; anchors and what
 *          is being taken out stay; an edge that is there only gains its anchor; who is being taken
 *          out gets no edge; without memory nothing changes; an anchor goes to who has room, or
 *          below the nearest child; the root has one child that is alive.
 * Method : rows in different directions, of which the rule of diversity drops none, for the
 *          numbers; random lists against the rule written down once more for the choice.
 */
#include "support/graph_fixture.h"

#include <string.h>

#include "sync/rcu.h"

/* room 10 = 8 + 8 / 3, room_above 5 = 4 + 4 / 3, two anchors before they are passed on. */
enum { M = 4, DEGREE = 8, ROOM = 10, ROOM_ABOVE = 5, ANCHORS = 2, STAR = 24 };

static const struct graph_plan STARRY = {
    .metric = AKIN_L2, .dim = STAR + 1, .m = M, .ef_construction = 16, .alpha = 1};

static struct edges edges_of(struct graph_fixture *fixture)
{
    assert_int_equal(fixture->graph.shape.room, ROOM);
    assert_int_equal(fixture->graph.shape.room_above, ROOM_ABOVE);
    assert_int_equal(fixture->graph.shape.degree_max, DEGREE);
    assert_int_equal(fixture->graph.shape.anchors_max, ANCHORS);
    return (struct edges){.graph = &fixture->graph, .metric = &fixture->metric};
}

static enum edge_result add(struct graph_fixture *fixture, uint32_t node, uint32_t level,
                            uint32_t id)
{
    const struct edges edges = edges_of(fixture);
    rcu_enter();
    const enum edge_result result = edge_add(&edges, node, level, id);
    rcu_leave();
    return result;
}

static enum akin_status anchor(struct graph_fixture *fixture, uint32_t start, uint32_t slot)
{
    const struct edges edges = edges_of(fixture);
    rcu_enter();
    const enum akin_status status = edge_anchor(&edges, start, slot);
    rcu_leave();
    return status;
}

static bool has_room(struct graph_fixture *fixture, uint32_t node)
{
    const struct edges edges = edges_of(fixture);
    rcu_enter();
    const bool has = edge_has_room(&edges, node);
    rcu_leave();
    return has;
}

/* Slot 0 in the middle; slot i at distance i + 10 along an axis of its own: each is nearer to the
   middle than to any other, so that none stands in another's way. All reach `level`. */
static void make_star(struct graph_fixture *fixture, uint32_t level)
{
    graph_begin(fixture, &STARRY);
    for (uint32_t slot = 0; slot <= STAR; slot++) {
        float row[STAR + 1] = {0};
        row[slot] = slot == 0 ? 0 : (float)(slot + 10);
        assert_int_equal(graph_row(fixture, slot, row), slot);
        graph_anchored(fixture, slot);
        if (level > 0) {
            graph_put_tower(fixture, slot, level);
        }
        for (uint32_t at = 0; at <= level; at++) {
            graph_put_list(fixture, slot, at, NULL, 0);
        }
    }
}

static uint64_t retired_bytes(const struct graph_fixture *fixture)
{
    return atomic_u64_load_relaxed(&fixture->memory.retired);
}

static void a_list_grows_to_its_room_and_is_pruned_when_one_more_comes(void **state)
{
    struct graph_fixture *const fixture = *state;
    for (uint32_t level = 0; level < 2; level++) {
        const uint32_t room = level == 0 ? ROOM : ROOM_ABOVE;
        const uint32_t kept = level == 0 ? DEGREE : M;
        make_star(fixture, 1);
        for (uint32_t i = 0; i < room; i++) { /* the farthest first */
            const uint64_t retired = retired_bytes(fixture);
            const uint32_t slot = STAR - i;
            assert_int_equal(add(fixture, 0, level, slot), EDGE_DONE);
            const struct block *const block = graph_list(fixture, 0, level);
            assert_int_equal(block->count, i + 1);
            assert_int_equal(block->ids[i], slot);
            /* The list before waits for its readers, and nothing else does. */
            assert_int_equal(retired_bytes(fixture) - retired, block_bytes(i));
        }
        const uint32_t last = STAR - room; /* nearer than all */
        assert_int_equal(add(fixture, 0, level, last), EDGE_DONE);
        const struct block *const block = graph_list(fixture, 0, level);
        assert_int_equal(block->count, kept);
        for (uint32_t i = 0; i < kept; i++) {
            assert_int_equal(block->ids[i], last + i); /* the nearest, in order */
        }
        /* Room again, until it is full once more. */
        for (uint32_t i = kept; i < room; i++) {
            assert_int_equal(add(fixture, 0, level, last - (i - kept) - 1), EDGE_DONE);
            assert_int_equal(graph_list(fixture, 0, level)->count, i + 1);
        }
        assert_int_equal(graph_list(fixture, 0, 1 - level)->count, 0);
        graph_finish(fixture);
    }
}

static void an_edge_that_is_too_far_is_done_and_left_out(void **state)
{
    struct graph_fixture *const fixture = *state;
    make_star(fixture, 0);
    for (uint32_t slot = 1; slot <= ROOM; slot++) {
        assert_int_equal(add(fixture, 0, 0, slot), EDGE_DONE);
    }
    assert_int_equal(add(fixture, 0, 0, STAR), EDGE_DONE);
    assert_int_equal(graph_list(fixture, 0, 0)->count, DEGREE);
    assert_int_equal(graph_id_of(graph_list(fixture, 0, 0), STAR), GRAPH_NO_ID);
    /* An anchor is there for sure. */
    for (uint32_t slot = DEGREE + 1; slot <= ROOM; slot++) {
        assert_int_equal(add(fixture, 0, 0, slot), EDGE_DONE);
    }
    assert_int_equal(add(fixture, 0, 0, STAR | BLOCK_ANCHOR), EDGE_DONE);
    assert_int_equal(graph_list(fixture, 0, 0)->ids[0], STAR | BLOCK_ANCHOR);
    assert_int_equal(graph_list(fixture, 0, 0)->count, DEGREE);
}

static void what_is_there_is_not_added_but_gains_its_anchor(void **state)
{
    struct graph_fixture *const fixture = *state;
    make_star(fixture, 0);
    for (uint32_t slot = 1; slot <= ROOM; slot++) {
        assert_int_equal(add(fixture, 0, 0, slot), EDGE_DONE);
    }
    for (uint32_t slot = 1; slot <= ROOM; slot++) { /* the list is full: and not pruned for it */
        const struct block *before = graph_list(fixture, 0, 0);
        assert_int_equal(add(fixture, 0, 0, slot), EDGE_DONE);
        assert_ptr_equal(graph_list(fixture, 0, 0), before);
        assert_int_equal(add(fixture, 0, 0, slot | BLOCK_ANCHOR), EDGE_DONE);
        const struct block *const block = graph_list(fixture, 0, 0);
        assert_ptr_not_equal(block, before);
        assert_int_equal(block->count, ROOM);
        for (uint32_t i = 0; i < ROOM; i++) {
            assert_int_equal(block->ids[i], (i + 1) | (i < slot ? BLOCK_ANCHOR : 0));
        }
        assert_int_equal(before->ids[slot - 1], slot); /* who reads it still may */
        /* With the anchor it is there either way. */
        assert_int_equal(add(fixture, 0, 0, slot | BLOCK_ANCHOR), EDGE_DONE);
        assert_int_equal(add(fixture, 0, 0, slot), EDGE_DONE);
        assert_ptr_equal(graph_list(fixture, 0, 0), block);
    }
}

/* Whole numbers in a small cube: equal rows and equal distances among them. */
static void a_prune_is_what_the_rule_says_and_drops_no_anchor_nor_what_goes(void **state)
{
    enum { ROWS = 60, TRIALS = 300, ADDED = 40 };
    struct graph_fixture *const fixture = *state;
    uint32_t pruned = 0;
    uint32_t kept = 0;
    for (uint64_t seed = 1; seed <= TRIALS; seed++) {
        uint64_t random = seed;
        const float alphas[] = {1.0f, 1.25f, 2.0f};
        const struct graph_plan plan = {
            .metric = AKIN_L2, .dim = 3, .m = M, .ef_construction = 16, .alpha = alphas[seed % 3]};
        struct rule_candidate expected[ROWS];
        uint32_t count = 0;
        graph_begin(fixture, &plan);
        for (uint32_t slot = 0; slot < ROWS; slot++) {
            const float row[3] = {(float)random_below(&random, 6), (float)random_below(&random, 6),
                                  (float)random_below(&random, 6)};
            assert_int_equal(graph_row(fixture, slot, row), slot);
            graph_anchored(fixture, slot);
            graph_put_tower(fixture, slot, 1);
            graph_put_list(fixture, slot, 0, NULL, 0);
            graph_put_list(fixture, slot, 1, NULL, 0);
        }
        const uint32_t level = seed % 2 == 0 ? 0 : 1;
        for (uint32_t i = 0; i < ADDED; i++) {
            const uint32_t slot = 1 + (uint32_t)random_below(&random, ROWS - 1);
            const uint32_t bit = level == 0 && random_below(&random, 8) == 0 ? BLOCK_ANCHOR : 0;
            const uint32_t gone = 1 + (uint32_t)random_below(&random, ROWS - 1);
            uint32_t ids[ROWS];
            uint32_t at = 0;
            if (!slot_state_is_alive(graph_state(fixture, slot))) {
                continue; /* nobody adds an edge to it */
            }
            assert_int_equal(add(fixture, 0, level, slot | bit), EDGE_DONE);
            while (at < count && block_slot(expected[at].id) != slot) {
                at++;
            }
            const bool is_new = at == count;
            if (is_new) {
                expected[count++].id = slot | bit;
            } else {
                expected[at].id |= bit;
            }
            if (is_new && count > (level == 0 ? ROOM : ROOM_ABOVE)) {
                for (uint32_t j = 0; j < count; j++) {
                    expected[j].is_kept =
                        (expected[j].id & BLOCK_ANCHOR) != 0 ||
                        graph_state(fixture, block_slot(expected[j].id)) == SLOT_UNLINKING;
                    kept += expected[j].is_kept ? 1 : 0;
                }
                count = rule_choose(fixture, 0, expected, count, level == 0 ? DEGREE : M, ids);
                for (uint32_t j = 0; j < count; j++) {
                    expected[j].id = ids[j];
                }
                pruned++;
            }
            const struct block *const block = graph_list(fixture, 0, level);
            assert_int_equal(block->count, count);
            for (uint32_t j = 0; j < count; j++) {
                assert_int_equal(block->ids[j], expected[j].id);
            }
            if (random_below(&random, 6) == 0 && graph_state(fixture, gone) == SLOT_ANCHORED) {
                graph_advance(fixture, gone, SLOT_ANCHORED, SLOT_UNLINKING);
            }
        }
        graph_finish(fixture);
    }
    assert_true(pruned > 2 * TRIALS && kept > 2 * TRIALS);
}

static void who_is_being_taken_out_gets_no_edge(void **state)
{
    struct graph_fixture *const fixture = *state;
    make_star(fixture, 1);
    const struct block *const before = graph_list(fixture, 0, 0);
    graph_died(fixture, 0); /* dead and all the same in the graph */
    assert_int_equal(add(fixture, 0, 0, 1), EDGE_DONE);
    assert_ptr_not_equal(graph_list(fixture, 0, 0), before);
    assert_int_equal(add(fixture, 0, 2, 1), EDGE_REFUSED); /* it does not reach so high */
    graph_advance(fixture, 0, SLOT_ANCHORED, SLOT_LINKED);
    assert_int_equal(add(fixture, 0, 0, 2), EDGE_DONE);
    const enum slot_state going[] = {SLOT_UNLINKING, SLOT_ABANDONED, SLOT_PENDING, SLOT_FREE};
    enum slot_state from = SLOT_LINKED;
    const struct block *const list = graph_list(fixture, 0, 0);
    const struct block *const above = graph_list(fixture, 0, 1);
    const uint64_t retired = retired_bytes(fixture);
    for (size_t i = 0; i < sizeof going / sizeof going[0]; i++) {
        graph_advance(fixture, 0, from, going[i]);
        from = going[i];
        assert_int_equal(add(fixture, 0, 0, 3), EDGE_REFUSED);
        assert_int_equal(add(fixture, 0, 0, 3 | BLOCK_ANCHOR), EDGE_REFUSED);
        assert_int_equal(add(fixture, 0, 0, 1), EDGE_REFUSED); /* nor what it has */
        assert_int_equal(add(fixture, 0, 1, 3), EDGE_REFUSED);
        assert_ptr_equal(graph_list(fixture, 0, 0), list);
        assert_ptr_equal(graph_list(fixture, 0, 1), above);
    }
    assert_int_equal(retired_bytes(fixture), retired);
}

static void without_memory_nothing_changes(void **state)
{
    struct graph_fixture *const fixture = *state;
    make_star(fixture, 1);
    for (uint32_t slot = 1; slot <= ROOM; slot++) {
        assert_int_equal(add(fixture, 0, 0, slot), EDGE_DONE);
        assert_int_equal(add(fixture, 0, 1, slot), EDGE_DONE);
    }
    assert_int_equal(anchor(fixture, EDGES_ROOT, 0), AKIN_OK);
    graph_allow(fixture, ALL_SIZES, 0, 0);
    const struct block *const list = graph_list(fixture, 0, 0);
    const struct block *const above = graph_list(fixture, 0, 1);
    const struct block *const leaf = graph_list(fixture, 1, 0);
    const struct block *const root = graph_list(fixture, EDGES_ROOT, 0);
    const uint64_t retired = retired_bytes(fixture);
    assert_int_equal(add(fixture, 0, 0, STAR), EDGE_NO_MEMORY); /* a prune */
    assert_int_equal(add(fixture, 0, 0, 1 | BLOCK_ANCHOR), EDGE_NO_MEMORY);
    assert_int_equal(add(fixture, 0, 1, STAR), EDGE_NO_MEMORY);
    assert_int_equal(add(fixture, 1, 0, STAR), EDGE_NO_MEMORY);
    assert_int_equal(anchor(fixture, 0, STAR), AKIN_NO_MEMORY);
    assert_int_equal(anchor(fixture, EDGES_ROOT, STAR), AKIN_NO_MEMORY);
    assert_int_equal(add(fixture, 0, 0, 1), EDGE_DONE); /* it is there: nothing is needed */
    assert_ptr_equal(graph_list(fixture, 0, 0), list);
    assert_ptr_equal(graph_list(fixture, 0, 1), above);
    assert_ptr_equal(graph_list(fixture, 1, 0), leaf);
    assert_ptr_equal(graph_list(fixture, EDGES_ROOT, 0), root);
    assert_int_equal(retired_bytes(fixture), retired);
    assert_int_equal(list->count, ROOM);
    graph_allow_all(fixture);
    assert_int_equal(add(fixture, 0, 0, STAR), EDGE_DONE);
    assert_int_equal(graph_list(fixture, 0, 0)->count, DEGREE);
    assert_int_equal(anchor(fixture, EDGES_ROOT, STAR), AKIN_OK);
}

/* ---- when somebody else comes in between ---- */

struct intruder {
    struct graph_fixture *fixture;
    uint32_t node;
    uint32_t id;
};

static void add_in_between(void *context)
{
    const struct intruder *const intruder = context;
    assert_int_equal(add(intruder->fixture, intruder->node, 0, intruder->id), EDGE_DONE);
}

static void anchor_in_between(void *context)
{
    const struct intruder *const intruder = context;
    assert_int_equal(anchor(intruder->fixture, intruder->node, intruder->id), AKIN_OK);
}

static void a_list_that_changed_is_added_to_as_it_is_then(void **state)
{
    struct graph_fixture *const fixture = *state;
    struct intruder intruder = {.fixture = fixture, .node = 0, .id = 2};
    make_star(fixture, 0);
    graph_interrupt(fixture, add_in_between, &intruder);
    const uint64_t retired = retired_bytes(fixture);
    assert_int_equal(add(fixture, 0, 0, 1), EDGE_DONE);
    const struct block *block = graph_list(fixture, 0, 0);
    assert_int_equal(block->count, 2);
    assert_int_equal(block->ids[0], 2);
    assert_int_equal(block->ids[1], 1);
    /* Both lists that were there, and the one that nobody saw. */
    assert_int_equal(retired_bytes(fixture) - retired, block_bytes(0) + 2 * block_bytes(1));
    /* The same edge: it is there, once. */
    intruder.id = 5;
    graph_interrupt(fixture, add_in_between, &intruder);
    assert_int_equal(add(fixture, 0, 0, 5), EDGE_DONE);
    block = graph_list(fixture, 0, 0);
    assert_int_equal(block->count, 3);
    assert_int_equal(block->ids[2], 5);
    /* An anchor is for who has counted: it is not added to what was not looked at. */
    intruder.id = 6;
    graph_interrupt(fixture, add_in_between, &intruder);
    assert_int_equal(add(fixture, 0, 0, 7 | BLOCK_ANCHOR), EDGE_REFUSED);
    assert_int_equal(graph_list(fixture, 0, 0)->count, 4);
    assert_int_equal(graph_id_of(graph_list(fixture, 0, 0), 7), GRAPH_NO_ID);
}

static void of_two_anchors_for_one_place_the_later_is_passed_on(void **state)
{
    struct graph_fixture *const fixture = *state;
    struct intruder intruder = {.fixture = fixture, .node = EDGES_ROOT, .id = 2};
    make_star(fixture, 0);
    graph_interrupt(fixture, anchor_in_between, &intruder);
    assert_int_equal(anchor(fixture, EDGES_ROOT, 1), AKIN_OK);
    assert_int_equal(graph_list(fixture, EDGES_ROOT, 0)->count, 1);
    assert_int_equal(graph_list(fixture, EDGES_ROOT, 0)->ids[0], 2 | BLOCK_ANCHOR);
    assert_int_equal(graph_id_of(graph_list(fixture, 2, 0), 1), 1 | BLOCK_ANCHOR);
    /* The last place of a node. */
    intruder = (struct intruder){.fixture = fixture, .node = 2, .id = 3};
    assert_true(has_room(fixture, 2));
    graph_interrupt(fixture, anchor_in_between, &intruder);
    assert_int_equal(anchor(fixture, 2, 4), AKIN_OK);
    assert_false(has_room(fixture, 2));
    assert_int_equal(graph_list(fixture, 2, 0)->count, ANCHORS);
    assert_int_equal(graph_id_of(graph_list(fixture, 1, 0), 4), 4 | BLOCK_ANCHOR);
}

/* ---- anchors ---- */

static void a_node_has_room_below_the_bound_on_anchors(void **state)
{
    struct graph_fixture *const fixture = *state;
    make_star(fixture, 0);
    for (uint32_t slot = 1; slot <= 5; slot++) {
        assert_int_equal(add(fixture, 0, 0, slot), EDGE_DONE);
    }
    for (uint32_t anchors = 0; anchors < ANCHORS; anchors++) {
        assert_true(has_room(fixture, 0));
        assert_int_equal(add(fixture, 0, 0, (anchors + 3) | BLOCK_ANCHOR), EDGE_DONE);
    }
    assert_false(has_room(fixture, 0));
}

static void an_anchor_goes_below_the_nearest_child_of_a_full_node(void **state)
{
    struct graph_fixture *const fixture = *state;
    const struct graph_plan plan = {
        .metric = AKIN_L2, .dim = 1, .m = M, .ef_construction = 16, .alpha = 1};
    /* The node, its two children, one that is to come, and what hangs below its nearer child. */
    const float places[] = {0, 100, 200, 190, 180, 210, 195};
    graph_begin(fixture, &plan);
    for (uint32_t slot = 0; slot < 7; slot++) {
        assert_int_equal(graph_row(fixture, slot, &places[slot]), slot);
        graph_linked(fixture, slot);
        graph_put_list(fixture, slot, 0, NULL, 0);
    }
    graph_advance(fixture, 0, SLOT_LINKED, SLOT_ANCHORED);
    assert_int_equal(anchor(fixture, 0, 1), AKIN_OK);
    assert_int_equal(anchor(fixture, 0, 2), AKIN_OK);
    assert_int_equal(graph_list(fixture, 0, 0)->ids[0], 1 | BLOCK_ANCHOR);
    assert_int_equal(graph_list(fixture, 0, 0)->ids[1], 2 | BLOCK_ANCHOR);
    /* Whoever puts an anchor edge in place says so itself; who sees it says so for it. */
    assert_int_equal(graph_state(fixture, 2), SLOT_LINKED);
    const struct block *const full = graph_list(fixture, 0, 0);
    assert_int_equal(anchor(fixture, 0, 3), AKIN_OK);
    assert_int_equal(graph_state(fixture, 1), SLOT_ANCHORED);
    assert_int_equal(graph_state(fixture, 2), SLOT_ANCHORED);
    assert_ptr_equal(graph_list(fixture, 0, 0), full);
    assert_int_equal(graph_id_of(graph_list(fixture, 2, 0), 3), 3 | BLOCK_ANCHOR);
    assert_int_equal(graph_list(fixture, 1, 0)->count, 0);
    /* And below that one when it is full too. */
    assert_int_equal(anchor(fixture, 0, 4), AKIN_OK);
    assert_int_equal(graph_id_of(graph_list(fixture, 2, 0), 4), 4 | BLOCK_ANCHOR);
    assert_int_equal(anchor(fixture, 0, 6), AKIN_OK);
    assert_int_equal(graph_id_of(graph_list(fixture, 3, 0), 6), 6 | BLOCK_ANCHOR);
    /* A child that goes takes no place, and nothing comes below it. */
    graph_advance(fixture, 2, SLOT_ANCHORED, SLOT_UNLINKING);
    assert_int_equal(anchor(fixture, 0, 5), AKIN_OK);
    assert_int_equal(graph_id_of(graph_list(fixture, 0, 0), 5), 5 | BLOCK_ANCHOR);
    assert_int_equal(graph_list(fixture, 0, 0)->count, 3);
}

static void a_start_that_goes_is_replaced_by_the_root(void **state)
{
    struct graph_fixture *const fixture = *state;
    const enum slot_state others[] = {SLOT_UNLINKING, SLOT_ABANDONED, SLOT_LINKED};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        make_star(fixture, 0);
        assert_int_equal(anchor(fixture, EDGES_ROOT, 0), AKIN_OK);
        graph_advance(fixture, 5, SLOT_ANCHORED, others[i]);
        assert_int_equal(anchor(fixture, 5, 6), AKIN_OK);
        assert_int_equal(graph_list(fixture, 5, 0)->count, 0);
        assert_int_equal(graph_id_of(graph_list(fixture, 0, 0), 6), 6 | BLOCK_ANCHOR);
        graph_finish(fixture);
    }
}

static void the_root_takes_a_child_when_none_of_its_children_is_alive(void **state)
{
    struct graph_fixture *const fixture = *state;
    make_star(fixture, 0);
    assert_int_equal(anchor(fixture, EDGES_ROOT, 1), AKIN_OK);
    assert_int_equal(anchor(fixture, EDGES_ROOT, 2), AKIN_OK);
    assert_int_equal(graph_list(fixture, EDGES_ROOT, 0)->count, 1);
    assert_int_equal(graph_id_of(graph_list(fixture, 1, 0), 2), 2 | BLOCK_ANCHOR);
    graph_died(fixture, 1); /* dead, not yet going: its children are reached through it */
    assert_int_equal(anchor(fixture, EDGES_ROOT, 3), AKIN_OK);
    assert_int_equal(graph_list(fixture, EDGES_ROOT, 0)->count, 1);
    graph_advance(fixture, 1, SLOT_ANCHORED, SLOT_UNLINKING);
    assert_int_equal(anchor(fixture, EDGES_ROOT, 4), AKIN_OK);
    const struct block *const root = graph_list(fixture, EDGES_ROOT, 0);
    assert_int_equal(root->count, 2);
    assert_int_equal(root->ids[0], 1 | BLOCK_ANCHOR);
    assert_int_equal(root->ids[1], 4 | BLOCK_ANCHOR);
    assert_int_equal(anchor(fixture, EDGES_ROOT, 5), AKIN_OK);
    assert_ptr_equal(graph_list(fixture, EDGES_ROOT, 0), root);
    assert_int_equal(graph_id_of(graph_list(fixture, 4, 0), 5), 5 | BLOCK_ANCHOR);
    /* A child that is LINKED counts: who sees its edge makes it ANCHORED. */
    graph_advance(fixture, 4, SLOT_ANCHORED, SLOT_LINKED);
    assert_int_equal(anchor(fixture, EDGES_ROOT, 6), AKIN_OK);
    assert_int_equal(graph_state(fixture, 4), SLOT_ANCHORED);
    assert_ptr_equal(graph_list(fixture, EDGES_ROOT, 0), root);
}

/* Calls that failed one after the other, and no maintenance. */
static void a_root_and_a_list_that_are_full_of_what_goes_refuse(void **state)
{
    struct graph_fixture *const fixture = *state;
    const struct graph_plan plan = {
        .metric = AKIN_L2, .dim = 1, .m = M, .ef_construction = 16, .alpha = 1};
    graph_begin(fixture, &plan);
    for (uint32_t slot = 0; slot <= BLOCK_IDS_MAX + 1; slot++) {
        const float row = (float)slot;
        assert_int_equal(graph_row(fixture, slot, &row), slot);
        graph_linked(fixture, slot);
        graph_put_list(fixture, slot, 0, NULL, 0);
    }
    const uint32_t node = BLOCK_IDS_MAX + 1;
    for (uint32_t slot = 0; slot < BLOCK_IDS_MAX; slot++) {
        assert_int_equal(anchor(fixture, EDGES_ROOT, slot), AKIN_OK);
        assert_int_equal(graph_list(fixture, EDGES_ROOT, 0)->count, slot + 1);
        assert_int_equal(add(fixture, node, 0, slot | BLOCK_ANCHOR), EDGE_DONE);
        assert_int_equal(graph_list(fixture, node, 0)->count, slot + 1);
        graph_advance(fixture, slot, SLOT_LINKED, SLOT_ABANDONED);
    }
    const struct block *const list = graph_list(fixture, node, 0);
    const struct block *const root = graph_list(fixture, EDGES_ROOT, 0);
    assert_int_equal(anchor(fixture, EDGES_ROOT, node), AKIN_NO_MEMORY);
    assert_int_equal(add(fixture, node, 0, BLOCK_IDS_MAX), EDGE_DONE); /* the rule leaves it out */
    assert_int_equal(graph_list(fixture, node, 0)->count, list->count);
    assert_int_equal(add(fixture, node, 0, BLOCK_IDS_MAX | BLOCK_ANCHOR), EDGE_REFUSED);
    assert_ptr_equal(graph_list(fixture, EDGES_ROOT, 0), root);
}

/* A tree of anchors that grows by itself holds everybody, and no node has more than it may. */
static void anchors_are_a_tree_below_the_root(void **state)
{
    enum { ROWS = 300 };
    struct graph_fixture *const fixture = *state;
    const struct graph_plan plan = {
        .metric = AKIN_L2, .dim = 2, .m = M, .ef_construction = 16, .alpha = 1};
    for (uint64_t seed = 1; seed <= 5; seed++) {
        uint64_t random = seed;
        uint32_t parents[ROWS] = {0};
        graph_begin(fixture, &plan);
        for (uint32_t slot = 0; slot < ROWS; slot++) {
            const float row[2] = {(float)random_below(&random, 20),
                                  (float)random_below(&random, 20)};
            const uint32_t start = random_below(&random, 2) == 0 || slot == 0
                                       ? EDGES_ROOT
                                       : (uint32_t)random_below(&random, slot);
            assert_int_equal(graph_row(fixture, slot, row), slot);
            graph_linked(fixture, slot);
            graph_put_list(fixture, slot, 0, NULL, 0);
            assert_int_equal(anchor(fixture, start, slot), AKIN_OK);
            graph_advance(fixture, slot, SLOT_LINKED, SLOT_ANCHORED);
            graph_born(fixture, slot);
        }
        for (uint32_t slot = 0; slot < ROWS; slot++) {
            const struct block *const block = graph_list(fixture, slot, 0);
            assert_true(block->count <= ANCHORS);
            for (uint32_t i = 0; i < block->count; i++) {
                parents[block_slot(block->ids[i])]++;
            }
        }
        parents[block_slot(graph_list(fixture, EDGES_ROOT, 0)->ids[0])]++;
        for (uint32_t slot = 0; slot < ROWS; slot++) {
            assert_int_equal(parents[slot], 1);
        }
        assert_int_equal(graph_sound(fixture).reachable, ROWS);
        graph_finish(fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        GRAPH_TEST(a_list_grows_to_its_room_and_is_pruned_when_one_more_comes),
        GRAPH_TEST(an_edge_that_is_too_far_is_done_and_left_out),
        GRAPH_TEST(what_is_there_is_not_added_but_gains_its_anchor),
        GRAPH_TEST(a_prune_is_what_the_rule_says_and_drops_no_anchor_nor_what_goes),
        GRAPH_TEST(who_is_being_taken_out_gets_no_edge),
        GRAPH_TEST(without_memory_nothing_changes),
        GRAPH_TEST(a_list_that_changed_is_added_to_as_it_is_then),
        GRAPH_TEST(of_two_anchors_for_one_place_the_later_is_passed_on),
        GRAPH_TEST(a_node_has_room_below_the_bound_on_anchors),
        GRAPH_TEST(an_anchor_goes_below_the_nearest_child_of_a_full_node),
        GRAPH_TEST(a_start_that_goes_is_replaced_by_the_root),
        GRAPH_TEST(the_root_takes_a_child_when_none_of_its_children_is_alive),
        GRAPH_TEST(a_root_and_a_list_that_are_full_of_what_goes_refuse),
        GRAPH_TEST(anchors_are_a_tree_below_the_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
