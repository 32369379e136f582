/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of the walk through a graph.
 *
 * Goal   : a walk finds what a best-first search over plain arrays finds, in the same order and
 *          with as much work, whatever passes, whatever the limit, the capacity and the patience;
 *          routers take no place of results; a descent stops where no neighbor is nearer; the
 *          seeds are the descent's end and the root's children.
 * Method : random graphs whose rows lie on a line, at distances from the query that are whole and
 *          all different, against the search written down once more; then small graphs in which
 *          one thing happens.
 */
#include "support/graph_fixture.h"

#include "search/beam.h"
#include "sync/rcu.h"

enum { SLOTS = 60, TRIALS = 400, DEGREE_MAX = 9, LEVELS = 3 };

static const float ORIGIN = 0;
static const struct graph_plan LINE = {
    .metric = AKIN_L2, .dim = 1, .m = 8, .ef_construction = 32, .alpha = 1};

/* Who passes, for the walk and for the search that it is compared with. */
struct gate {
    bool passes[SLOTS];
    uint32_t asked[SLOTS];
};

static bool admit(void *context, uint32_t slot)
{
    struct gate *const gate = context;
    gate->asked[slot]++;
    return gate->passes[slot];
}

static float far(const struct graph_fixture *fixture, uint32_t slot)
{
    return fixture->rows[slot][0] * fixture->rows[slot][0];
}

/* A beam for the query at the origin; everything passes, nothing bounds it. */
static struct beam beam_of(struct graph_fixture *fixture, uint32_t ef, uint32_t capacity)
{
    /* One more than the capacity: what lies behind it is not to be written. */
    assert_status(AKIN_OK, trail_reserve(&fixture->trail, &fixture->memory, SLOTS, capacity + 1,
                                         graph_lanes(&fixture->graph)));
    const struct query query = metric_query(&fixture->metric, &ORIGIN);
    return (struct beam){
        .graph = &fixture->graph,
        .rank = rank_of_query(&fixture->metric, &fixture->slots, &query),
        .trail = &fixture->trail,
        .limit = SLOTS,
        .ef = ef,
        .capacity = capacity,
    };
}

/* ---- the search once more ---- */

struct found {
    uint32_t slot;
    bool passes;
    bool is_expanded;
};

struct reference {
    const struct graph_fixture *fixture;
    const struct gate *gate; /* NULL: everything passes */
    uint32_t limit;
    uint32_t ef;
    uint32_t capacity;
    uint64_t hops_max;
    uint32_t patience;
    uint32_t patience_of;
    bool was_met[SLOTS];
    struct found entries[SLOTS]; /* in no order */
    uint32_t count;
    uint32_t idle;
    struct beam_counts counts;
};

static uint32_t passing_of(const struct reference *reference)
{
    uint32_t passing = 0;
    for (uint32_t i = 0; i < reference->count; i++) {
        passing += reference->entries[i].passes ? 1 : 0;
    }
    return passing;
}

/* The place of the farthest entry; of those that pass alone, or of all. */
static uint32_t farthest_of(const struct reference *reference, bool passing_alone)
{
    uint32_t farthest = SLOTS;
    for (uint32_t i = 0; i < reference->count; i++) {
        if ((reference->entries[i].passes || !passing_alone) &&
            (farthest == SLOTS || far(reference->fixture, reference->entries[i].slot) >
                                      far(reference->fixture, reference->entries[farthest].slot))) {
            farthest = i;
        }
    }
    return farthest;
}

static void remove_at(struct reference *reference, uint32_t at)
{
    reference->entries[at] = reference->entries[--reference->count];
}

static void consider(struct reference *reference, uint32_t slot)
{
    const float distance = far(reference->fixture, slot);
    if (slot >= reference->limit || reference->was_met[slot]) {
        return;
    }
    reference->was_met[slot] = true;
    reference->counts.distances++;
    if (passing_of(reference) == reference->ef &&
        distance >=
            far(reference->fixture, reference->entries[farthest_of(reference, true)].slot)) {
        return;
    }
    if (reference->count == reference->capacity) {
        const uint32_t last = farthest_of(reference, false);
        if (distance >= far(reference->fixture, reference->entries[last].slot)) {
            return;
        }
        remove_at(reference, last);
    }
    uint32_t nearer = 0;
    for (uint32_t i = 0; i < reference->count; i++) {
        nearer += far(reference->fixture, reference->entries[i].slot) <= distance ? 1 : 0;
    }
    reference->idle = nearer < reference->patience_of ? 0 : reference->idle;
    const bool passes = reference->gate == NULL || reference->gate->passes[slot];
    reference->counts.routers += passes ? 0 : 1;
    reference->entries[reference->count++] = (struct found){.slot = slot, .passes = passes};
    if (passing_of(reference) > reference->ef) {
        remove_at(reference, farthest_of(reference, true));
    }
    /* Behind the ef-th that passes nothing is of use. */
    while (passing_of(reference) == reference->ef &&
           !reference->entries[farthest_of(reference, false)].passes) {
        remove_at(reference, farthest_of(reference, false));
    }
}

static void run_reference(struct reference *reference, uint32_t level)
{
    for (uint64_t hops = 0;; hops++) {
        uint32_t next = SLOTS;
        for (uint32_t i = 0; i < reference->count; i++) {
            if (!reference->entries[i].is_expanded &&
                (next == SLOTS || far(reference->fixture, reference->entries[i].slot) <
                                      far(reference->fixture, reference->entries[next].slot))) {
                next = i;
            }
        }
        if (next == SLOTS || (reference->hops_max != 0 && hops == reference->hops_max) ||
            (reference->patience != 0 && reference->idle >= reference->patience)) {
            return;
        }
        const struct block *const block =
            graph_list(reference->fixture, reference->entries[next].slot, level);
        reference->entries[next].is_expanded = true;
        reference->idle++;
        reference->counts.hops++;
        reference->counts.blocks += block != NULL ? 1 : 0;
        for (uint32_t i = 0; block != NULL && i < block->count; i++) {
            consider(reference, block_slot(block->ids[i]));
        }
    }
}

static void assert_same(const struct reference *reference, const struct beam *beam)
{
    struct reference rest = *reference;
    const struct beam_entry *const entries = beam->trail->entries;
    assert_int_equal(beam->count, reference->count);
    assert_int_equal(beam->passing, passing_of(reference));
    for (uint32_t i = beam->count; i-- > 0;) { /* from the farthest */
        const uint32_t last = farthest_of(&rest, false);
        assert_int_equal(beam_slot(&entries[i]), rest.entries[last].slot);
        assert_int_equal((entries[i].word & BEAM_ROUTER) == 0, rest.entries[last].passes);
        assert_true(entries[i].distance == far(reference->fixture, rest.entries[last].slot));
        remove_at(&rest, last);
    }
    assert_int_equal(beam->counts.hops, reference->counts.hops);
    assert_int_equal(beam->counts.distances, reference->counts.distances);
    assert_int_equal(beam->counts.blocks, reference->counts.blocks);
    assert_int_equal(beam->counts.routers, reference->counts.routers);
}

/* ---- random graphs ---- */

static void random_list(struct graph_fixture *fixture, uint64_t *random, uint32_t slot,
                        uint32_t level)
{
    uint32_t ids[DEGREE_MAX];
    bool has[SLOTS] = {false};
    uint32_t count = 0;
    for (uint64_t i = random_below(random, DEGREE_MAX + 1); i > 0; i--) {
        const uint32_t target = (uint32_t)random_below(random, SLOTS);
        if (target != slot && !has[target]) {
            has[target] = true;
            ids[count++] = target | (random_below(random, 4) == 0 ? BLOCK_ANCHOR : 0);
        }
    }
    graph_put_list(fixture, slot, level, ids, count);
}

/* Slots at different distances from the origin, with lists that lead anywhere, at some levels. */
static void random_graph(struct graph_fixture *fixture, uint64_t *random)
{
    bool is_taken[2000] = {false};
    graph_begin(fixture, &LINE);
    for (uint32_t i = 0; i < SLOTS; i++) {
        uint32_t at = 0;
        do {
            at = (uint32_t)random_below(random, 2000);
        } while (is_taken[at]);
        is_taken[at] = true;
        const float row = (float)at * (i % 2 == 0 ? 1.0f : -1.0f);
        assert_int_equal(graph_row(fixture, i, &row), i);
        graph_anchored(fixture, i);
    }
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        const uint32_t height = (uint32_t)random_below(random, LEVELS + 1);
        if (height > 0) {
            graph_put_tower(fixture, slot, height);
        }
        for (uint32_t level = 0; level <= height; level++) {
            if (level == 0 || random_below(random, 8) > 0) { /* a call may have failed there */
                random_list(fixture, random, slot, level);
            }
        }
    }
}

static void random_gate(struct gate *gate, uint64_t *random)
{
    const uint64_t one_in = 1 + random_below(random, 5);
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        gate->asked[slot] = 0;
        gate->passes[slot] = random_below(random, one_in) == 0;
    }
}

static void seed_both(struct reference *reference, struct beam *beam, uint64_t *random)
{
    for (uint64_t i = random_below(random, 5); i > 0; i--) {
        const uint32_t slot = (uint32_t)random_below(random, SLOTS);
        beam_seed(beam, slot);
        consider(reference, slot);
    }
}

/* Walk at an upper level, and from what was found there at the lowest. */
static void one_walk(struct graph_fixture *fixture, uint64_t *random)
{
    static struct gate gate;
    const struct beam_entry mark = {.distance = -7, .word = 0x12345678};
    const uint32_t ef = 1 + (uint32_t)random_below(random, 20);
    const bool is_gated = random_below(random, 2) == 0;
    const uint32_t capacity = is_gated ? ef + (uint32_t)random_below(random, SLOTS) : ef;
    struct beam beam = beam_of(fixture, ef, capacity);
    random_gate(&gate, random);
    beam.limit = random_below(random, 3) == 0 ? (uint32_t)random_below(random, SLOTS) : SLOTS;
    beam.admit = is_gated ? admit : NULL;
    beam.context = &gate;
    beam.hops_max = random_below(random, 4) == 0 ? 1 + random_below(random, 10) : 0;
    beam.patience = random_below(random, 3) == 0 ? 1 + (uint32_t)random_below(random, 6) : 0;
    beam.patience_of = 1 + (uint32_t)random_below(random, ef);
    struct reference reference = {.fixture = fixture,
                                  .gate = is_gated ? &gate : NULL,
                                  .limit = beam.limit,
                                  .ef = ef,
                                  .capacity = capacity,
                                  .hops_max = beam.hops_max,
                                  .patience = beam.patience,
                                  .patience_of = beam.patience_of};
    beam_begin(&beam);
    fixture->trail.entries[capacity] = mark;
    seed_both(&reference, &beam, random);
    assert_same(&reference, &beam);
    beam_run(&beam, 1);
    run_reference(&reference, 1);
    assert_same(&reference, &beam);

    beam_again(&beam);
    reference.idle = 0;
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        reference.was_met[slot] = false;
    }
    for (uint32_t i = 0; i < reference.count; i++) {
        reference.entries[i].is_expanded = false;
        reference.was_met[reference.entries[i].slot] = true;
    }
    beam_run(&beam, 0);
    run_reference(&reference, 0);
    assert_same(&reference, &beam);
    assert_memory_equal(&fixture->trail.entries[capacity], &mark, sizeof mark);
    beam_end(&beam);
}

static void a_walk_is_a_best_first_search(void **state)
{
    struct graph_fixture *const fixture = *state;
    for (uint64_t seed = 1; seed <= TRIALS; seed++) {
        uint64_t random = seed;
        random_graph(fixture, &random);
        rcu_enter();
        one_walk(fixture, &random);
        one_walk(fixture, &random); /* the one before left nothing */
        rcu_leave();
        graph_finish(fixture);
    }
}

static void a_walk_with_room_for_all_finds_all_that_can_be_reached(void **state)
{
    struct graph_fixture *const fixture = *state;
    uint32_t missed = 0;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        uint64_t random = seed;
        bool is_reached[SLOTS] = {[0] = true};
        random_graph(fixture, &random);
        for (uint32_t round = 0; round < SLOTS; round++) {
            for (uint32_t slot = 0; slot < SLOTS; slot++) {
                const struct block *const block = graph_list(fixture, slot, 0);
                for (uint32_t i = 0; is_reached[slot] && i < block->count; i++) {
                    is_reached[block_slot(block->ids[i])] = true;
                }
            }
        }
        struct beam beam = beam_of(fixture, SLOTS, SLOTS);
        rcu_enter();
        beam_begin(&beam);
        beam_seed(&beam, 0);
        beam_run(&beam, 0);
        for (uint32_t i = 0; i < beam.count; i++) {
            assert_true(is_reached[beam_slot(&fixture->trail.entries[i])]);
        }
        for (uint32_t slot = 0; slot < SLOTS; slot++) {
            beam.count -= is_reached[slot] ? 1 : 0;
            missed += is_reached[slot] ? 0 : 1;
        }
        assert_int_equal(beam.count, 0); /* as many, none of them twice */
        beam_end(&beam);
        rcu_leave();
        graph_finish(fixture);
    }
    assert_true(missed > 0); /* otherwise anything finds all */
}

/* ---- descents ---- */

static uint32_t descend_once_more(const struct graph_fixture *fixture, uint32_t slot, uint32_t from,
                                  uint32_t to, struct beam_counts *counts)
{
    counts->distances++;
    for (uint32_t level = from; level > to; level--) {
        for (uint32_t before = SLOTS; before != slot;) {
            const struct block *const block = graph_list(fixture, slot, level);
            before = slot;
            counts->hops++;
            counts->blocks += block != NULL ? 1 : 0;
            counts->distances += block != NULL ? block->count : 0;
            for (uint32_t i = 0; block != NULL && i < block->count; i++) {
                if (far(fixture, block_slot(block->ids[i])) < far(fixture, slot)) {
                    slot = block_slot(block->ids[i]);
                }
            }
        }
    }
    return slot;
}

static void a_descent_goes_to_the_nearest_until_none_is_nearer(void **state)
{
    struct graph_fixture *const fixture = *state;
    uint32_t moved = 0;
    for (uint64_t seed = 1; seed <= TRIALS; seed++) {
        uint64_t random = seed;
        random_graph(fixture, &random);
        struct beam beam = beam_of(fixture, 1, 1);
        for (int i = 0; i < 20; i++) {
            struct beam_counts counts = {0};
            const uint32_t slot = (uint32_t)random_below(&random, SLOTS);
            const uint32_t from = (uint32_t)random_below(&random, LEVELS + 1);
            const uint32_t to = (uint32_t)random_below(&random, from + 1);
            const uint32_t expected = descend_once_more(fixture, slot, from, to, &counts);
            beam.counts = (struct beam_counts){0};
            rcu_enter();
            assert_int_equal(beam_descend(&beam, slot, from, to), expected);
            rcu_leave();
            assert_int_equal(beam.counts.hops, counts.hops);
            assert_int_equal(beam.counts.blocks, counts.blocks);
            assert_int_equal(beam.counts.distances, counts.distances);
            moved += expected != slot ? 1 : 0;
        }
        graph_finish(fixture);
    }
    assert_true(moved > TRIALS);
}

static void the_seeds_are_the_end_of_the_descent_and_the_children_of_the_root(void **state)
{
    struct graph_fixture *const fixture = *state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        uint64_t random = seed;
        struct reference reference = {
            .fixture = fixture, .limit = SLOTS, .ef = SLOTS, .capacity = SLOTS};
        struct beam_counts descent = {0};
        random_graph(fixture, &random);
        struct beam beam = beam_of(fixture, SLOTS, SLOTS);
        const uint32_t entry = (uint32_t)random_below(&random, SLOTS);
        const uint32_t level = graph_height(fixture, entry);
        rcu_enter();
        if (seed % 10 > 0) { /* sometimes nothing is the entry */
            graph_raise_entry(&fixture->graph, entry, level);
            consider(&reference, descend_once_more(fixture, entry, level, 0, &descent));
        }
        random_list(fixture, &random, EDGES_ROOT, 0);
        const struct block *const root = graph_list(fixture, EDGES_ROOT, 0);
        for (uint32_t i = 0; i < root->count; i++) {
            consider(&reference, block_slot(root->ids[i]));
        }
        beam_begin(&beam);
        beam_seed_all(&beam);
        beam.counts.hops -= descent.hops;
        beam.counts.distances -= descent.distances;
        beam.counts.blocks -= descent.blocks;
        assert_same(&reference, &beam);
        beam_end(&beam);
        rcu_leave();
        graph_finish(fixture);
    }
}

/* ---- one thing at a time ---- */

/* Slots 0 .. count - 1 at these places. */
static void place(struct graph_fixture *fixture, const float *places, uint32_t count)
{
    graph_begin(fixture, &LINE);
    for (uint32_t slot = 0; slot < count; slot++) {
        assert_int_equal(graph_row(fixture, slot, &places[slot]), slot);
        graph_anchored(fixture, slot);
        graph_put_list(fixture, slot, 0, NULL, 0);
    }
}

/* A chain that leads away from the query: each slot to the next, which is farther. */
static void away(struct graph_fixture *fixture, uint32_t count)
{
    float places[SLOTS] = {0};
    for (uint32_t slot = 0; slot < count; slot++) {
        places[slot] = (float)slot + 1;
    }
    place(fixture, places, count);
    for (uint32_t slot = 0; slot + 1 < count; slot++) {
        const uint32_t next = slot + 1;
        graph_put_list(fixture, slot, 0, &next, 1);
    }
}

static void walk_from(struct beam *beam, uint32_t slot)
{
    rcu_enter();
    beam_begin(beam);
    beam_seed(beam, slot);
    beam_run(beam, 0);
    beam_end(beam);
    rcu_leave();
}

static void patience_counts_from_the_last_change_among_the_nearest(void **state)
{
    struct graph_fixture *const fixture = *state;
    away(fixture, 40);
    struct beam beam = beam_of(fixture, 40, 40);
    beam.patience = 5;
    beam.patience_of = 3;
    walk_from(&beam, 0);
    /* Slots 1 and 2 come to places 1 and 2; from then on five expansions change nothing there. */
    assert_int_equal(beam.counts.hops, 2 + 5);
    assert_int_equal(beam.count, 8);
    beam.counts.hops = 0;
    beam.patience = 0;
    walk_from(&beam, 0);
    assert_int_equal(beam.counts.hops, 40);
    assert_int_equal(beam.count, 40);
}

static void a_bound_on_expansions_is_exact(void **state)
{
    struct graph_fixture *const fixture = *state;
    away(fixture, 40);
    for (uint32_t hops = 1; hops <= 41; hops++) {
        struct beam beam = beam_of(fixture, 40, 40);
        beam.hops_max = hops;
        walk_from(&beam, 0);
        assert_int_equal(beam.counts.hops, hops < 40 ? hops : 40);
        assert_int_equal(beam.count, hops < 40 ? hops + 1 : 40);
    }
}

static void what_is_beyond_the_front_is_kept_and_not_expanded(void **state)
{
    struct graph_fixture *const fixture = *state;
    away(fixture, 40);
    for (uint32_t front = 1; front <= 12; front++) {
        struct beam beam = beam_of(fixture, 10, 10);
        beam.front = front;
        walk_from(&beam, 0);
        assert_int_equal(beam.counts.hops, front < 10 ? front : 10);
        assert_int_equal(beam.count, front < 10 ? front + 1 : 10);
    }
}

/* The results lie behind routers that are nearer than all of them. */
static void routers_take_no_place_of_results(void **state)
{
    enum { ROUTERS = 10, RESULTS = 6 };
    struct graph_fixture *const fixture = *state;
    static struct gate gate;
    away(fixture, ROUTERS + RESULTS);
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        gate.asked[slot] = 0;
        gate.passes[slot] = slot >= ROUTERS;
    }
    struct beam beam = beam_of(fixture, 4, SLOTS);
    beam.admit = admit;
    beam.context = &gate;
    walk_from(&beam, 0);
    uint32_t results = 0;
    for (uint32_t i = 0; i < beam.count; i++) {
        const struct beam_entry *const entry = &fixture->trail.entries[i];
        assert_int_equal(beam_slot(entry), i);
        results += (entry->word & BEAM_ROUTER) == 0 ? 1 : 0;
    }
    assert_int_equal(results, 4);
    assert_int_equal(beam.count, ROUTERS + 4);
    assert_int_equal(beam.counts.routers, ROUTERS);
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        assert_true(gate.asked[slot] <= 1);
    }
    /* With a capacity that routers fill, the nearest of them stay. */
    beam = beam_of(fixture, 4, ROUTERS);
    beam.admit = admit;
    beam.context = &gate;
    walk_from(&beam, 0);
    assert_int_equal(beam.count, ROUTERS);
    assert_int_equal(beam.passing, 0);
}

static void slots_at_or_beyond_the_limit_are_not_met(void **state)
{
    struct graph_fixture *const fixture = *state;
    const uint32_t ids[] = {1, 2 | BLOCK_ANCHOR, 3, 4};
    const float places[] = {9, 5, 4, 3, 2};
    place(fixture, places, 5);
    graph_put_list(fixture, 0, 0, ids, 4);
    for (uint32_t limit = 0; limit <= 5; limit++) {
        struct beam beam = beam_of(fixture, 10, 10);
        beam.limit = limit;
        rcu_enter();
        beam_begin(&beam);
        beam_seed(&beam, limit);
        assert_int_equal(beam.count, 0);
        beam_seed(&beam, 0);
        beam_seed(&beam, 0); /* once */
        beam_run(&beam, 0);
        assert_int_equal(beam.count, limit);
        for (uint32_t i = 0; i < beam.count; i++) {
            assert_true(beam_slot(&fixture->trail.entries[i]) < limit);
        }
        assert_int_equal(beam.counts.distances, limit);
        beam_end(&beam);
        rcu_leave();
    }
}

/* Of equal distances the first that was found stays in front, and ef bounds them all the same. */
static void equal_distances_keep_the_order_in_which_they_were_found(void **state)
{
    struct graph_fixture *const fixture = *state;
    const float places[] = {1, 2, -2, 2, -2, 2, 2};
    const uint32_t ids[] = {5, 3, 1, 6, 2, 4};
    place(fixture, places, 7);
    graph_put_list(fixture, 0, 0, ids, 6);
    struct beam beam = beam_of(fixture, 4, 4);
    walk_from(&beam, 0);
    const uint32_t expected[] = {0, 5, 3, 1};
    assert_int_equal(beam.count, 4);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(beam_slot(&fixture->trail.entries[i]), expected[i]);
    }
}

static void an_empty_graph_has_no_seeds(void **state)
{
    struct graph_fixture *const fixture = *state;
    graph_begin(fixture, &LINE);
    struct beam beam = beam_of(fixture, 4, 4);
    rcu_enter();
    beam_begin(&beam);
    beam_seed_all(&beam);
    beam_run(&beam, 0);
    assert_int_equal(beam.count, 0);
    assert_int_equal(beam.counts.hops, 0);
    beam_end(&beam);
    rcu_leave();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        GRAPH_TEST(a_walk_is_a_best_first_search),
        GRAPH_TEST(a_walk_with_room_for_all_finds_all_that_can_be_reached),
        GRAPH_TEST(a_descent_goes_to_the_nearest_until_none_is_nearer),
        GRAPH_TEST(the_seeds_are_the_end_of_the_descent_and_the_children_of_the_root),
        GRAPH_TEST(patience_counts_from_the_last_change_among_the_nearest),
        GRAPH_TEST(a_bound_on_expansions_is_exact),
        GRAPH_TEST(what_is_beyond_the_front_is_kept_and_not_expanded),
        GRAPH_TEST(routers_take_no_place_of_results),
        GRAPH_TEST(slots_at_or_beyond_the_limit_are_not_met),
        GRAPH_TEST(equal_distances_keep_the_order_in_which_they_were_found),
        GRAPH_TEST(an_empty_graph_has_no_seeds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
