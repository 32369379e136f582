/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of choosing neighbors.
 *
 * Goal   : what is chosen is what the rule says, and in its order; what is kept is chosen whatever
 *          the rule says; of equal rows one is chosen, but under the inner product.
 * Method : rows of small whole numbers, whose distances are exact, against the rule written down
 *          once more over plain arrays.
 */
#include "support/index_fixture.h"

#include <math.h>

#include "index/internal.h"
#include "search/select.h"
#include "support/vectors.h"
#include "sync/rcu.h"

enum { ROWS = 40, TRIALS = 300, DIM = 3 };

static float rows[ROWS][DIM];

/* Rows of whole numbers in a small cube, many of them equal; slot i has row i. */
static void open_with_rows(struct index_fixture *fixture, enum akin_metric metric, uint64_t *random)
{
    fixture->options.metric = metric;
    fixture->options.dim = DIM;
    index_open(fixture);
    for (uint32_t slot = 0; slot < ROWS; slot++) {
        for (uint32_t i = 0; i < DIM; i++) {
            rows[slot][i] = (float)random_below(random, 3) + 1;
        }
        const struct akin_vector vector = vector_of(AKIN_F32, DIM, rows[slot]);
        assert_status(AKIN_OK, akin_insert(fixture->index, slot, &vector, NULL, NULL));
        const struct slots *const slots = &fixture->index->store.slots;
        const struct slot_chunk *const chunk = slot_chunk_of(slots, slot);
        assert_memory_equal(slot_row(slots, chunk, slot & slots->chunk_mask), rows[slot],
                            sizeof rows[slot]);
    }
}

static float distance(enum akin_metric metric, uint32_t a, uint32_t b)
{
    float sum = 0;
    for (uint32_t i = 0; i < DIM; i++) {
        const float difference = rows[a][i] - rows[b][i];
        sum += metric == AKIN_L2 ? difference * difference : -rows[a][i] * rows[b][i];
    }
    return sum;
}

/* The rule, once more: how many of the sorted candidates are chosen, marked in `is_chosen`. */
static uint32_t by_the_rule(enum akin_metric metric, float alpha,
                            const struct candidate *candidates, uint32_t count, uint32_t wanted,
                            bool *is_chosen)
{
    uint32_t chosen = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool takes = chosen < wanted;
        for (uint32_t j = 0; j < i && takes; j++) {
            const float between =
                distance(metric, block_slot(candidates[i].id), block_slot(candidates[j].id));
            const float scaled = metric == AKIN_L2 ? alpha * alpha * between : between;
            takes = !is_chosen[j] ||
                    (scaled >= candidates[i].distance && (metric != AKIN_L2 || between > 0));
        }
        is_chosen[i] = takes || candidates[i].is_kept;
        chosen += is_chosen[i] ? 1 : 0;
    }
    return chosen;
}

static uint32_t random_candidates(enum akin_metric metric, uint64_t *random, uint32_t node,
                                  bool with_kept, struct candidate *candidates)
{
    uint32_t count = 0;
    for (uint32_t slot = 0; slot < ROWS; slot++) {
        if (slot != node && random_below(random, 2) == 0) {
            const bool is_kept = with_kept && random_below(random, 6) == 0;
            candidates[count++] = (struct candidate){.distance = distance(metric, node, slot),
                                                     .id = slot | (is_kept ? BLOCK_ANCHOR : 0),
                                                     .is_kept = is_kept};
        }
    }
    return count;
}

static void expect_the_rule(struct index_fixture *fixture, enum akin_metric metric)
{
    uint64_t random = test_seed();
    uint32_t left_out = 0;
    open_with_rows(fixture, metric, &random);
    const struct slots *const slots = &fixture->index->store.slots;
    rcu_enter();
    for (int trial = 0; trial < TRIALS; trial++) {
        struct candidate candidates[ROWS];
        struct candidate sorted[ROWS];
        bool is_chosen[ROWS];
        const uint32_t node = (uint32_t)random_below(&random, ROWS);
        const float alpha = trial % 3 == 0 ? 1.0f : trial % 3 == 1 ? 1.25f : 2.0f;
        const uint32_t wanted = 1 + (uint32_t)random_below(&random, 10);
        const uint32_t count = random_candidates(metric, &random, node, trial % 2 == 0, candidates);
        select_sort(candidates, count);
        for (uint32_t i = 0; i < count; i++) {
            sorted[i] = candidates[i];
        }
        const uint32_t expected = by_the_rule(metric, alpha, sorted, count, wanted, is_chosen);
        assert_int_equal(select_neighbors(&fixture->index->routing.metric, slots, alpha, candidates,
                                          count, wanted),
                         expected);
        for (uint32_t i = 0, at = 0; i < count; i++) {
            if (is_chosen[i]) {
                assert_int_equal(candidates[at++].id, sorted[i].id);
            }
        }
        left_out += count - expected;
    }
    rcu_leave();
    assert_true(left_out > TRIALS); /* otherwise the rule had nothing to decide */
}

static void l2_follows_the_rule(void **state)
{
    expect_the_rule(*state, AKIN_L2);
}

static void inner_product_follows_the_rule_without_alpha(void **state)
{
    expect_the_rule(*state, AKIN_INNER_PRODUCT);
}

static void sorting_puts_the_kept_first_and_equal_ones_by_slot(void **state)
{
    uint64_t random = test_seed();
    (void)state;
    for (int trial = 0; trial < TRIALS; trial++) {
        struct candidate candidates[ROWS];
        const uint32_t count = (uint32_t)random_below(&random, ROWS + 1);
        uint64_t sum = 0;
        for (uint32_t i = 0; i < count; i++) {
            candidates[i] = (struct candidate){.distance = (float)random_below(&random, 5),
                                               .id = (uint32_t)random_below(&random, 100),
                                               .is_kept = random_below(&random, 3) == 0};
            sum += candidates[i].id;
        }
        select_sort(candidates, count);
        for (uint32_t i = 0; i < count; i++) {
            sum -= candidates[i].id;
        }
        assert_int_equal(sum, 0);
        for (uint32_t i = 1; i < count; i++) {
            const struct candidate *const a = &candidates[i - 1];
            const struct candidate *const b = &candidates[i];
            assert_true(a->is_kept >= b->is_kept);
            assert_true(a->is_kept != b->is_kept || a->distance < b->distance ||
                        (a->distance == b->distance && a->id <= b->id));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INDEX_TEST(l2_follows_the_rule),
        INDEX_TEST(inner_product_follows_the_rule_without_alpha),
        cmocka_unit_test(sorting_puts_the_kept_first_and_equal_ones_by_slot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
