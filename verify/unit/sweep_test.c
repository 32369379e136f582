/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of taking dead slots out of the graph.
 *
 * Goal   : after a sweep no list, nor the root, nor the entry leads to the batch; what hung below
 *          it by anchors hangs elsewhere, at each instant on the way; lists keep what they had and
 *          are filled from the lists of what they lost; without memory a sweep stops where it is
 *          and goes on later; in pieces it does what it does in one go.
 * Method : graphs that link_slot made, a part of which dies; what has to be there afterwards is
 *          worked out from a copy of all lists; a memory of so many blocks, one more each time.
 */
#include "support/graph_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "maintain/sweep.h"
#include "sync/rcu.h"

enum { ROWS = 400, LEVELS = GRAPH_LEVELS_MAX, M = 4, DEGREE = 8 };

static const struct graph_plan PLANE = {
    .metric = AKIN_L2, .dim = 2, .m = M, .ef_construction = 60, .alpha = 1.2f};

/* All lists of a graph. */
struct picture {
    uint32_t count;
    uint32_t root_count;
    uint32_t root[BLOCK_IDS_MAX];
    uint32_t heights[ROWS];
    uint32_t lengths[ROWS][LEVELS + 1];
    uint32_t ids[ROWS][LEVELS + 1][BLOCK_IDS_MAX];
    uint32_t entry[2]; /* slot and level; no padding anywhere: pictures are compared as bytes */
};

struct batch {
    uint32_t count;
    uint32_t slots[ROWS];
    bool has[ROWS];
};

/* ---- making and killing ---- */

static void grow(struct graph_fixture *fixture, uint64_t seed, uint32_t count)
{
    uint64_t random = seed;
    graph_begin(fixture, &PLANE);
    for (uint32_t i = 0; i < count; i++) {
        const float row[2] = {(float)random_below(&random, 60), (float)random_below(&random, 60)};
        const uint32_t slot = graph_row(fixture, i + 1000 * seed, row);
        assert_int_equal(slot, i);
        assert_status(AKIN_OK, graph_link(fixture, slot, i + 1000 * seed, true));
    }
}

/* A slot dies and is being taken out. */
static void take(struct graph_fixture *fixture, struct batch *batch, uint32_t slot)
{
    if (!batch->has[slot]) {
        batch->has[slot] = true;
        batch->slots[batch->count++] = slot;
        graph_died(fixture, slot);
        graph_advance(fixture, slot, SLOT_ANCHORED, SLOT_UNLINKING);
    }
}

static void take_some(struct graph_fixture *fixture, struct batch *batch, uint64_t seed,
                      uint32_t count, uint32_t percent)
{
    uint64_t random = seed;
    *batch = (struct batch){0};
    for (uint32_t slot = 0; slot < count; slot++) {
        if (random_below(&random, 100) < percent) {
            take(fixture, batch, slot);
        }
    }
    if (batch->count == 0) {
        take(fixture, batch, 0);
    }
}

static void photograph(const struct graph_fixture *fixture, struct picture *picture)
{
    const struct block *const root = graph_list(fixture, EDGES_ROOT, 0);
    memset(picture, 0, sizeof *picture);
    picture->count = slots_watermark(&fixture->slots);
    picture->root_count = root->count;
    memcpy(picture->root, root->ids, root->count * sizeof root->ids[0]);
    const uint64_t entry = atomic_u64_load_relaxed(&fixture->graph.entry);
    picture->entry[0] = (uint32_t)entry;
    picture->entry[1] = (uint32_t)(entry >> 32);
    for (uint32_t slot = 0; slot < picture->count; slot++) {
        picture->heights[slot] = graph_height(fixture, slot);
        assert_true(picture->heights[slot] <= LEVELS);
        for (uint32_t level = 0; level <= picture->heights[slot]; level++) {
            const struct block *const block = graph_list(fixture, slot, level);
            picture->lengths[slot][level] = block->count;
            memcpy(picture->ids[slot][level], block->ids, block->count * sizeof block->ids[0]);
        }
    }
}

/* ---- sweeping ---- */

static void begin_sweep(struct graph_fixture *fixture, struct sweep *sweep,
                        const struct batch *batch)
{
    sweep_init(sweep, &fixture->graph, &fixture->metric, &fixture->memory);
    assert_status(AKIN_OK, sweep_mark(sweep, batch->slots, batch->count));
    assert_int_equal(sweep->step, SWEEP_MARKED);
    rcu_wait();
    sweep_begin(sweep);
    assert_int_equal(sweep->step, SWEEP_GOING);
}

/* Go on with up to so many slots; whether that was all. The one place that knows how. */
static bool go(struct sweep *sweep, uint32_t slots)
{
    struct maintain_budget budget = budget_of(0, slots);
    sweep_go(sweep, &budget);
    return sweep->step == SWEEP_DONE;
}

static void sweep_all(struct graph_fixture *fixture, struct sweep *sweep, const struct batch *batch)
{
    begin_sweep(fixture, sweep, batch);
    assert_true(go(sweep, UINT32_MAX));
}

/* ---- what has to be so afterwards ---- */

static void assert_nothing_leads_to(const struct graph_fixture *fixture, const struct batch *batch)
{
    const uint32_t count = slots_watermark(&fixture->slots);
    const uint64_t entry = atomic_u64_load_relaxed(&fixture->graph.entry);
    const struct block *const root = graph_list(fixture, EDGES_ROOT, 0);
    for (uint32_t i = 0; i < root->count; i++) {
        assert_false(batch->has[block_slot(root->ids[i])]);
    }
    for (uint32_t slot = 0; slot < count; slot++) {
        for (uint32_t level = 0; !batch->has[slot] && level <= graph_height(fixture, slot);
             level++) {
            const struct block *const block = graph_list(fixture, slot, level);
            for (uint32_t i = 0; block != NULL && i < block->count; i++) {
                assert_false(batch->has[block_slot(block->ids[i])]);
            }
        }
    }
    assert_true(entry == GRAPH_NO_ENTRY || !batch->has[entry_slot(entry)]);
}

static uint32_t find(const uint32_t *ids, uint32_t count, uint32_t slot)
{
    uint32_t i = 0;
    while (i < count && block_slot(ids[i]) != slot) {
        i++;
    }
    return i;
}

/* References to the batch that a sweep has to take out. */
static uint64_t references(const struct picture *picture, const struct batch *batch)
{
    uint64_t found = 0;
    for (uint32_t i = 0; i < picture->root_count; i++) {
        found += batch->has[block_slot(picture->root[i])] ? 1 : 0;
    }
    for (uint32_t slot = 0; slot < picture->count; slot++) {
        for (uint32_t level = 0; !batch->has[slot] && level <= picture->heights[slot]; level++) {
            for (uint32_t i = 0; i < picture->lengths[slot][level]; i++) {
                found += batch->has[block_slot(picture->ids[slot][level][i])] ? 1 : 0;
            }
        }
    }
    return found;
}

/* What fills a list: the neighbors of those that it lost, which live and reach the level; how many
   of them it did not have. Marked in `is_offered`. */
static uint32_t offers(const struct picture *before, const struct batch *batch, uint32_t node,
                       uint32_t level, bool *is_offered)
{
    uint32_t count = 0;
    const uint32_t *const ids = before->ids[node][level];
    memset(is_offered, 0, ROWS * sizeof is_offered[0]);
    for (uint32_t i = 0; i < before->lengths[node][level]; i++) {
        const uint32_t lost = block_slot(ids[i]);
        for (uint32_t j = 0; batch->has[lost] && j < before->lengths[lost][level]; j++) {
            const uint32_t slot = block_slot(before->ids[lost][level][j]);
            if (slot != node && !batch->has[slot] && !is_offered[slot] &&
                before->heights[slot] >= level &&
                find(ids, before->lengths[node][level], slot) == before->lengths[node][level]) {
                is_offered[slot] = true;
                count++;
            }
        }
    }
    return count;
}

/* What a list has that it did not have: the anchors among it are children that were put there. */
struct gain {
    uint32_t anchors;
    uint32_t others;
};

static struct gain gain_of(const struct picture *before, const struct picture *after, uint32_t node,
                           uint32_t level)
{
    struct gain gain = {0};
    const uint32_t had = before->lengths[node][level];
    for (uint32_t i = 0; i < after->lengths[node][level]; i++) {
        const uint32_t id = after->ids[node][level][i];
        const uint32_t is_new = find(before->ids[node][level], had, block_slot(id)) == had ? 1 : 0;
        gain.anchors += (id & BLOCK_ANCHOR) != 0 ? is_new : 0;
        gain.others += (id & BLOCK_ANCHOR) == 0 ? is_new : 0;
    }
    return gain;
}

/* What came into lists. */
struct arrivals {
    uint32_t filled;   /* lists */
    uint32_t returned; /* edges back, in lists that lost nothing */
    uint32_t cut;      /* lists that are shorter than filling leaves them: pruned since */
    uint32_t fallen;   /* edges that a list had, was not to lose, and lost when it was pruned */
};

/* Whatever it lost, a list has the others, with their anchors. When something was put into a list
   that was full, the rule of pruning chose among the rest: only anchors stay for sure. */
static uint32_t assert_rest_kept(const struct picture *before, const struct picture *after,
                                 const struct batch *batch, uint32_t node, uint32_t level,
                                 bool may_be_pruned, uint32_t *fallen)
{
    uint32_t rest = 0;
    for (uint32_t i = 0; i < before->lengths[node][level]; i++) {
        const uint32_t id = before->ids[node][level][i];
        const uint32_t has = after->lengths[node][level];
        if (!batch->has[block_slot(id)]) {
            const uint32_t at = find(after->ids[node][level], has, block_slot(id));
            const bool is_anchor = (id & BLOCK_ANCHOR) != 0;
            assert_true(at < has || (may_be_pruned && !is_anchor));
            *fallen += at == has ? 1 : 0;
            assert_true(!is_anchor || after->ids[node][level][at] == id);
            rest++;
        }
    }
    return rest;
}

/*
 * A list keeps what it had and was not lost. What is new is an anchor that was put elsewhere, or
 * was chosen, from what was offered or at the lowest level from a search, or chose the node: then
 * each knows of the other. And the list is as long as what was offered allows, up to what it had or
 * three quarters of what is wanted, unless it was pruned.
 */
static void assert_list_filled(const struct picture *before, const struct picture *after,
                               const struct batch *batch, uint32_t node, uint32_t level,
                               struct arrivals *arrivals)
{
    const uint32_t wanted = level == 0 ? DEGREE : M;
    const uint32_t room = wanted + wanted / 3;
    const uint32_t had = before->lengths[node][level];
    const uint32_t has = after->lengths[node][level];
    bool is_offered[ROWS];
    const uint32_t offered = offers(before, batch, node, level, is_offered);
    const struct gain gain = gain_of(before, after, node, level);
    /* Also when what came in fell out again. */
    const bool may_be_pruned = gain.anchors + gain.others > 0 || had >= wanted;
    const uint32_t rest =
        assert_rest_kept(before, after, batch, node, level, may_be_pruned, &arrivals->fallen);
    for (uint32_t i = 0; i < has; i++) {
        const uint32_t id = after->ids[node][level][i];
        const uint32_t slot = block_slot(id);
        if (find(before->ids[node][level], had, slot) < had || (id & BLOCK_ANCHOR) != 0) {
            continue;
        }
        const uint32_t its = after->lengths[slot][level];
        const bool is_mutual = find(after->ids[slot][level], its, node) < its;
        bool is_offered_it[ROWS];
        (void)offers(before, batch, slot, level, is_offered_it);
        assert_true(is_mutual || (rest < had && (level == 0 || is_offered[slot])));
        assert_true(level == 0 || is_offered[slot] || is_offered_it[node]);
        arrivals->returned += is_mutual && rest == had ? 1 : 0;
    }
    if (rest < had && gain.anchors == 0) {
        const uint32_t least = wanted - wanted / 4;
        const uint32_t goal = had < least ? had : least;
        const uint32_t possible = rest + offered;
        const bool is_short = has < (goal < possible ? goal : possible);
        assert_true(!is_short || may_be_pruned);
        arrivals->cut += is_short ? 1 : 0;
        assert_true(has <= (room > rest ? room : rest));
    }
    arrivals->filled += rest < had && gain.others > 0 ? 1 : 0;
}

static struct arrivals assert_swept(const struct graph_fixture *fixture,
                                    const struct picture *before, const struct batch *batch,
                                    const struct sweep *sweep)
{
    static struct picture after;
    struct arrivals arrivals = {0};
    assert_int_equal(sweep->step, SWEEP_DONE);
    photograph(fixture, &after);
    assert_nothing_leads_to(fixture, batch);
    graph_sound(fixture); /* what is ANCHORED is reached over anchors */
    for (uint32_t slot = 0; slot < before->count; slot++) {
        for (uint32_t level = 0; !batch->has[slot] && level <= before->heights[slot]; level++) {
            assert_list_filled(before, &after, batch, slot, level, &arrivals);
        }
    }
    assert_true(arrivals.filled > 0);
    /* Edges back overflow a list now and then, no more. */
    assert_true(arrivals.cut * 25 <= arrivals.filled);
    assert_true(arrivals.fallen * 2 <= arrivals.filled);
    assert_int_equal(atomic_u64_load_relaxed(&sweep->pruned), references(before, batch));
    return arrivals;
}

static void after_a_sweep_nothing_leads_to_the_batch_and_lists_are_filled(void **state)
{
    static struct picture before;
    static struct batch batch;
    struct graph_fixture *const fixture = *state;
    uint32_t returned = 0;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct sweep sweep;
        grow(fixture, seed, ROWS);
        take_some(fixture, &batch, seed, ROWS, (uint32_t)seed * 7);
        photograph(fixture, &before);
        sweep_all(fixture, &sweep, &batch);
        const struct arrivals arrivals = assert_swept(fixture, &before, &batch, &sweep);
        returned += arrivals.returned;
        assert_int_equal(atomic_u64_load_relaxed(&sweep.sweeps), 1);
        assert_true(atomic_u64_load_relaxed(&sweep.filled) > 0);
        assert_true(atomic_u64_load_relaxed(&sweep.adopted) > 0);
        sweep_forget(&sweep);
        assert_int_equal(sweep.step, SWEEP_IDLE);
        graph_finish(fixture);
    }
    assert_true(returned > 0);
}

/* Whoever dies and is of no batch is a neighbor as before, but none that a list is filled with. */
static void lists_are_not_filled_with_the_dead(void **state)
{
    static struct picture before;
    static struct picture after;
    static struct batch batch;
    struct graph_fixture *const fixture = *state;
    for (uint64_t seed = 20; seed < 24; seed++) {
        struct sweep sweep;
        uint64_t random = seed;
        grow(fixture, seed, ROWS);
        take_some(fixture, &batch, seed, ROWS, 30);
        for (uint32_t slot = 0; slot < ROWS; slot++) {
            if (!batch.has[slot] && random_below(&random, 3) == 0) {
                graph_died(fixture, slot);
            }
        }
        photograph(fixture, &before);
        sweep_all(fixture, &sweep, &batch);
        assert_nothing_leads_to(fixture, &batch);
        photograph(fixture, &after);
        for (uint32_t slot = 0; slot < ROWS; slot++) {
            for (uint32_t level = 0; !batch.has[slot] && level <= after.heights[slot]; level++) {
                for (uint32_t i = 0; i < after.lengths[slot][level]; i++) {
                    const uint32_t id = after.ids[slot][level][i];
                    const bool is_old = find(before.ids[slot][level], before.lengths[slot][level],
                                             block_slot(id)) < before.lengths[slot][level];
                    assert_true(is_old || (id & BLOCK_ANCHOR) != 0 ||
                                !edges_is_dead(&fixture->graph, block_slot(id)));
                }
            }
        }
        graph_sound(fixture);
        sweep_forget(&sweep);
        graph_finish(fixture);
    }
}

/* Half of a list goes, and its lists lead nowhere: what is near is found by a search alone. */
static void a_list_that_lost_half_is_filled_from_a_search(void **state)
{
    static const uint32_t near_all[] = {
        1 | BLOCK_ANCHOR, 2 | BLOCK_ANCHOR, 3 | BLOCK_ANCHOR, 4 | BLOCK_ANCHOR, 5, 6, 7, 8};
    static const uint32_t going[] = {5 | BLOCK_ANCHOR, 6 | BLOCK_ANCHOR, 7 | BLOCK_ANCHOR,
                                     8 | BLOCK_ANCHOR};
    static const uint32_t root[] = {0 | BLOCK_ANCHOR};
    static const uint32_t nearest[] = {9 | BLOCK_ANCHOR};
    static struct batch batch;
    struct graph_fixture *const fixture = *state;
    graph_begin(fixture, &PLANE);
    for (uint32_t slot = 0; slot < 10; slot++) {
        const float row[2] = {slot == 9 ? 1 : slot == 0 ? 0 : 10 + (float)slot, 0};
        assert_int_equal(graph_row(fixture, slot, row), slot);
        graph_anchored(fixture, slot);
        graph_put_list(fixture, slot, 0, NULL, 0);
    }
    graph_put_list(fixture, EDGES_ROOT, 0, root, 1);
    graph_put_list(fixture, 0, 0, near_all, 8);
    graph_put_list(fixture, 1, 0, going, 4);
    graph_put_list(fixture, 2, 0, nearest, 1);
    graph_sound(fixture);
    batch = (struct batch){0};
    for (uint32_t slot = 5; slot < 9; slot++) {
        take(fixture, &batch, slot);
    }
    struct sweep sweep;
    sweep_all(fixture, &sweep, &batch);
    assert_nothing_leads_to(fixture, &batch);
    assert_int_equal(graph_id_of(graph_list(fixture, 0, 0), 9), 9);
    assert_int_equal(graph_id_of(graph_list(fixture, 9, 0), 0), 0); /* and knows */
    sweep_forget(&sweep);
}

static void what_hangs_below_members_of_members_is_adopted(void **state)
{
    static struct batch batch;
    struct graph_fixture *const fixture = *state;
    /* A chain of anchors: the root, 0, 1, ... 9; those in the middle go. */
    graph_begin(fixture, &PLANE);
    for (uint32_t slot = 0; slot < 10; slot++) {
        const float row[2] = {(float)slot, 0};
        const uint32_t next = (slot + 1) | BLOCK_ANCHOR;
        assert_int_equal(graph_row(fixture, slot, row), slot);
        graph_anchored(fixture, slot);
        graph_put_list(fixture, slot, 0, &next, slot < 9 ? 1 : 0);
    }
    const uint32_t first = 0 | BLOCK_ANCHOR;
    graph_put_list(fixture, EDGES_ROOT, 0, &first, 1);
    graph_sound(fixture);
    batch = (struct batch){0};
    for (uint32_t slot = 2; slot < 8; slot++) {
        take(fixture, &batch, slot);
    }
    struct sweep sweep;
    sweep_all(fixture, &sweep, &batch);
    assert_nothing_leads_to(fixture, &batch);
    assert_int_equal(graph_id_of(graph_list(fixture, 1, 0), 8), 8 | BLOCK_ANCHOR);
    assert_int_equal(graph_id_of(graph_list(fixture, 8, 0), 9), 9 | BLOCK_ANCHOR);
    assert_true(atomic_u64_load_relaxed(&sweep.adopted) > 0);
    assert_int_equal(graph_sound(fixture).reachable, 4);
    sweep_forget(&sweep);
}

static void a_child_of_the_root_that_goes_leaves_its_own_to_it(void **state)
{
    static struct batch batch;
    struct graph_fixture *const fixture = *state;
    for (uint32_t count = 1; count < 40; count += 6) {
        struct sweep sweep;
        grow(fixture, count, count);
        batch = (struct batch){0};
        take(fixture, &batch, block_slot(graph_list(fixture, EDGES_ROOT, 0)->ids[0]));
        sweep_all(fixture, &sweep, &batch);
        assert_nothing_leads_to(fixture, &batch);
        assert_int_equal(graph_list(fixture, EDGES_ROOT, 0)->count, count > 1 ? 1 : 0);
        assert_int_equal(graph_sound(fixture).reachable, count - 1);
        sweep_forget(&sweep);
        graph_finish(fixture);
    }
}

static void the_entry_moves_to_the_highest_that_stays(void **state)
{
    static struct batch batch;
    struct graph_fixture *const fixture = *state;
    for (uint64_t seed = 30; seed < 40; seed++) {
        struct sweep sweep;
        uint32_t top = 0;
        grow(fixture, seed, 150);
        const uint64_t entry = atomic_u64_load_relaxed(&fixture->graph.entry);
        batch = (struct batch){0};
        if (seed % 2 == 0) {
            take(fixture, &batch, entry_slot(entry));
        } else {
            take(fixture, &batch, (entry_slot(entry) + 1) % 150);
        }
        for (uint32_t slot = 0; slot < 150; slot++) {
            const uint32_t height = graph_height(fixture, slot);
            if (slot % 3 == 0 && slot != entry_slot(entry) && !batch.has[slot]) {
                graph_died(fixture, slot); /* of a later batch: no entry */
            } else if (!batch.has[slot] && height > top) {
                top = height;
            }
        }
        sweep_all(fixture, &sweep, &batch);
        const uint64_t now = atomic_u64_load_relaxed(&fixture->graph.entry);
        if (seed % 2 == 0) {
            assert_false(edges_is_dead(&fixture->graph, entry_slot(now)));
            assert_int_equal(entry_level(now), top);
            assert_int_equal(graph_height(fixture, entry_slot(now)), top);
        } else {
            assert_int_equal(now, entry); /* it did not go */
        }
        graph_sound(fixture);
        sweep_forget(&sweep);
        graph_finish(fixture);
    }
}

static void when_all_go_nothing_is_left(void **state)
{
    static struct batch batch;
    struct graph_fixture *const fixture = *state;
    struct sweep sweep;
    grow(fixture, 50, 100);
    take_some(fixture, &batch, 50, 100, 100);
    assert_int_equal(batch.count, 100);
    sweep_all(fixture, &sweep, &batch);
    assert_int_equal(graph_list(fixture, EDGES_ROOT, 0)->count, 0);
    assert_int_equal(atomic_u64_load_relaxed(&fixture->graph.entry), GRAPH_NO_ENTRY);
    assert_int_equal(atomic_u64_load_relaxed(&sweep.adopted), 0);
    sweep_forget(&sweep);
    graph_sound(fixture);
}

static void in_pieces_it_does_what_it_does_in_one_go(void **state)
{
    static struct picture whole;
    static struct picture pieces;
    static struct batch batch;
    struct graph_fixture *const fixture = *state;
    const uint32_t sizes[] = {UINT32_MAX, 1, 64, 65, 200};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct sweep sweep;
        uint32_t calls = 1;
        grow(fixture, 60, ROWS);
        take_some(fixture, &batch, 60, ROWS, 35);
        begin_sweep(fixture, &sweep, &batch);
        while (!go(&sweep, sizes[i])) {
            assert_int_equal(sweep.step, SWEEP_GOING);
            graph_sound(fixture); /* between the pieces too */
            calls++;
            assert_true(calls < 2 * ROWS);
        }
        assert_true(i == 0 ? calls == 1 : calls > 1);
        photograph(fixture, i == 0 ? &whole : &pieces);
        assert_true(i == 0 || memcmp(&whole, &pieces, sizeof whole) == 0);
        sweep_forget(&sweep);
        graph_finish(fixture);
    }
}

/* Slots that were handed out after the mark are looked at all the same. */
static void an_insert_between_mark_and_begin_is_swept(void **state)
{
    static struct batch batch;
    struct graph_fixture *const fixture = *state;
    struct sweep sweep;
    const float row[2] = {30, 30};
    grow(fixture, 70, 100);
    batch = (struct batch){0};
    take(fixture, &batch, 40);
    sweep_init(&sweep, &fixture->graph, &fixture->metric, &fixture->memory);
    assert_status(AKIN_OK, sweep_mark(&sweep, batch.slots, batch.count));
    const uint32_t slot = graph_row(fixture, 5, row);
    const uint32_t old = 40; /* its call had found it alive */
    assert_status(AKIN_OK, graph_link(fixture, slot, 5, true));
    rcu_enter();
    const struct edges edges = {.graph = &fixture->graph, .metric = &fixture->metric};
    assert_int_equal(edge_add(&edges, slot, 0, old), EDGE_DONE);
    rcu_leave();
    rcu_wait();
    sweep_begin(&sweep);
    assert_true(go(&sweep, UINT32_MAX));
    assert_int_equal(graph_id_of(graph_list(fixture, slot, 0), old), GRAPH_NO_ID);
    assert_nothing_leads_to(fixture, &batch);
    graph_sound(fixture);
    sweep_forget(&sweep);
}

struct intruder {
    struct graph_fixture *fixture;
    const struct sweep *sweep;
    uint32_t node;
    uint32_t id;
};

/* Somebody adds an edge to the list that is being cleaned. */
static void add_in_between(void *context)
{
    struct intruder *const intruder = context;
    struct graph_fixture *const fixture = intruder->fixture;
    const struct edges edges = {.graph = &fixture->graph, .metric = &fixture->metric};
    const struct block *const block = graph_list(fixture, intruder->sweep->cursor, 0);
    intruder->node = intruder->sweep->cursor;
    intruder->id = 0;
    while (graph_state(fixture, intruder->id) != SLOT_ANCHORED || intruder->id == intruder->node ||
           graph_id_of(block, intruder->id) != GRAPH_NO_ID) {
        intruder->id++;
    }
    assert_int_equal(edge_add(&edges, intruder->node, 0, intruder->id | BLOCK_ANCHOR), EDGE_DONE);
}

static void an_edge_that_comes_while_a_list_is_cleaned_stays(void **state)
{
    static struct batch batch;
    struct graph_fixture *const fixture = *state;
    for (uint64_t seed = 75; seed < 79; seed++) {
        struct sweep sweep;
        struct intruder intruder = {.fixture = fixture, .sweep = &sweep};
        grow(fixture, seed, 100);
        take_some(fixture, &batch, seed, 100, 20);
        begin_sweep(fixture, &sweep, &batch);
        graph_interrupt(fixture, add_in_between, &intruder);
        assert_true(go(&sweep, UINT32_MAX));
        assert_null(fixture->act); /* it did come in between */
        assert_int_equal(graph_id_of(graph_list(fixture, intruder.node, 0), intruder.id),
                         intruder.id | BLOCK_ANCHOR);
        assert_nothing_leads_to(fixture, &batch);
        graph_sound(fixture);
        sweep_forget(&sweep);
        graph_finish(fixture);
    }
}

/* ---- without memory ---- */

static void without_memory_for_the_batch_nothing_is_noted(void **state)
{
    static struct batch batch;
    struct graph_fixture *const fixture = *state;
    struct sweep sweep;
    enum akin_status status = AKIN_NO_MEMORY;
    grow(fixture, 80, 100);
    take_some(fixture, &batch, 80, 100, 20);
    sweep_init(&sweep, &fixture->graph, &fixture->metric, &fixture->memory);
    for (uint32_t skip = 0; status != AKIN_OK; skip++) {
        const uint64_t bytes = atomic_u64_load_relaxed(&fixture->memory.total);
        tracking_fail(&fixture->tracking, skip, 1);
        status = sweep_mark(&sweep, batch.slots, batch.count);
        if (tracking_fail_stop(&fixture->tracking) > 0) {
            assert_int_equal(status, AKIN_NO_MEMORY);
            assert_int_equal(sweep.step, SWEEP_IDLE);
            assert_int_equal(atomic_u64_load_relaxed(&fixture->memory.total), bytes);
        }
        assert_true(skip < 20 && (skip >= 3 || status != AKIN_OK));
    }
    rcu_wait();
    sweep_begin(&sweep);
    assert_true(go(&sweep, UINT32_MAX));
    assert_nothing_leads_to(fixture, &batch);
    sweep_forget(&sweep);
}

/*
 * With one block more each time: wherever it stops the graph is whole, what is ANCHORED is reached
 * over anchors - so that an anchor is there before the old one goes -, and it goes on from there.
 */
static void without_memory_it_stops_in_a_whole_graph_and_goes_on_later(void **state)
{
    static struct picture before;
    static struct batch batch;
    struct graph_fixture *const fixture = *state;
    for (uint64_t seed = 90; seed < 94; seed++) {
        struct sweep sweep;
        uint32_t stops = 0;
        grow(fixture, seed, 120);
        take_some(fixture, &batch, seed, 120, 40);
        photograph(fixture, &before);
        begin_sweep(fixture, &sweep, &batch);
        for (uint32_t left = 0; sweep.step != SWEEP_DONE; left = stops % 4) {
            const uint32_t cursor = sweep.cursor;
            graph_allow(fixture, ALL_SIZES, left, left);
            (void)go(&sweep, UINT32_MAX);
            graph_allow_all(fixture);
            assert_true(sweep.cursor >= cursor);
            graph_sound(fixture);
            stops++;
            assert_true(stops < 2000);
        }
        assert_true(stops > 20);
        assert_swept(fixture, &before, &batch, &sweep);
        sweep_forget(&sweep);
        graph_finish(fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        GRAPH_TEST(after_a_sweep_nothing_leads_to_the_batch_and_lists_are_filled),
        GRAPH_TEST(lists_are_not_filled_with_the_dead),
        GRAPH_TEST(a_list_that_lost_half_is_filled_from_a_search),
        GRAPH_TEST(what_hangs_below_members_of_members_is_adopted),
        GRAPH_TEST(a_child_of_the_root_that_goes_leaves_its_own_to_it),
        GRAPH_TEST(the_entry_moves_to_the_highest_that_stays),
        GRAPH_TEST(when_all_go_nothing_is_left),
        GRAPH_TEST(in_pieces_it_does_what_it_does_in_one_go),
        GRAPH_TEST(an_insert_between_mark_and_begin_is_swept),
        GRAPH_TEST(an_edge_that_comes_while_a_list_is_cleaned_stays),
        GRAPH_TEST(without_memory_for_the_batch_nothing_is_noted),
        GRAPH_TEST(without_memory_it_stops_in_a_whole_graph_and_goes_on_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
