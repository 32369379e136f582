/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of the k nearest so far.
 *
 * Goal   : whatever the order of candidates, the k first of a sort by (distance, key) remain.
 * Method : random candidates with many ties, against qsort; k from 1 to more than there are.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "search/topk.h"
#include "support/index_fixture.h"

#define CANDIDATES 400u

static int compare(const void *left, const void *right)
{
    const struct akin_neighbor *const a = left;
    const struct akin_neighbor *const b = right;
    if (a->distance != b->distance) {
        return a->distance < b->distance ? -1 : 1;
    }
    return a->key < b->key ? -1 : a->key > b->key;
}

/* Offer all candidates; every result that is not admitted must be beyond the bound. */
static void offer_all(struct topk *topk, const struct akin_neighbor *candidates, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const double bound = topk_bound(topk);
        assert_true(topk->count < topk->k ? isinf(bound) : bound == topk->items[0].distance);
        if (topk_admits(topk, &candidates[i])) {
            assert_true(candidates[i].distance <= bound);
            topk_add(topk, &candidates[i]);
        } else {
            assert_true(candidates[i].distance >= bound);
        }
        for (uint32_t k = 1; k < topk->count; k++) {
            assert_false(topk_before(&topk->items[(k - 1) / 2], &topk->items[k]));
        }
    }
}

static void check_random(uint64_t *random, uint32_t k, uint64_t distances)
{
    struct akin_neighbor candidates[CANDIDATES];
    struct akin_neighbor items[CANDIDATES + 10];
    for (uint32_t i = 0; i < CANDIDATES; i++) {
        candidates[i].key = i;
        candidates[i].distance = (double)random_below(random, distances) - 3;
    }
    for (uint32_t i = CANDIDATES - 1; i > 0; i--) {
        const uint64_t other = random_below(random, i + 1);
        const struct akin_neighbor kept = candidates[i];
        candidates[i] = candidates[other];
        candidates[other] = kept;
    }
    memset(items, 0xee, sizeof items);
    struct topk topk = {.items = items, .k = k};
    offer_all(&topk, candidates, CANDIDATES);
    topk_sort(&topk);
    qsort(candidates, CANDIDATES, sizeof candidates[0], compare);
    assert_int_equal(topk.count, k < CANDIDATES ? k : CANDIDATES);
    for (uint32_t i = 0; i < topk.count; i++) {
        assert_int_equal(items[i].key, candidates[i].key);
        assert_true(items[i].distance == candidates[i].distance);
    }
    /* Nothing behind what was asked for. */
    const unsigned char *const behind = (const unsigned char *)&items[topk.count];
    assert_int_equal(behind[0], 0xee);
}

static void the_first_of_a_sort_remain_for_every_k_and_any_number_of_ties(void **state)
{
    static const uint32_t ks[] = {1, 2, 3, 4, 5, 7, 8, 16, 31, 100, 399, 400, 401, 405};
    static const uint64_t spreads[] = {1, 2, 10, 1000000};
    uint64_t random = test_seed();
    (void)state;
    for (size_t i = 0; i < sizeof ks / sizeof ks[0]; i++) {
        for (size_t k = 0; k < sizeof spreads / sizeof spreads[0]; k++) {
            check_random(&random, ks[i], spreads[k]);
        }
    }
}

static void of_equal_distances_the_smaller_key_comes_first(void **state)
{
    const struct akin_neighbor low = {.key = 1, .distance = 2};
    const struct akin_neighbor high = {.key = UINT64_MAX, .distance = 2};
    const struct akin_neighbor near = {.key = UINT64_MAX, .distance = 1};
    (void)state;
    assert_true(topk_before(&low, &high));
    assert_false(topk_before(&high, &low));
    assert_false(topk_before(&low, &low));
    assert_true(topk_before(&near, &low));
    const struct akin_neighbor plus = {.key = 5, .distance = 0.0};
    const struct akin_neighbor minus = {.key = 4, .distance = -0.0};
    assert_true(topk_before(&minus, &plus)); /* by key: the zeros are equal */
}

static void a_full_heap_admits_only_what_is_before_its_worst(void **state)
{
    struct akin_neighbor items[2];
    struct topk topk = {.items = items, .k = 2};
    const struct akin_neighbor a = {.key = 5, .distance = 1};
    const struct akin_neighbor b = {.key = 7, .distance = 3};
    (void)state;
    topk_add(&topk, &a);
    topk_add(&topk, &b);
    assert_true(topk_bound(&topk) == 3);
    const struct akin_neighbor tie_before = {.key = 6, .distance = 3};
    const struct akin_neighbor tie_behind = {.key = 8, .distance = 3};
    const struct akin_neighbor far = {.key = 0, .distance = (double)INFINITY};
    assert_true(topk_admits(&topk, &tie_before));
    assert_false(topk_admits(&topk, &tie_behind));
    assert_false(topk_admits(&topk, &far));
    topk_add(&topk, &tie_before);
    topk_sort(&topk);
    assert_int_equal(items[0].key, 5);
    assert_int_equal(items[1].key, 6);
}

static void nothing_and_one_are_sorted_too(void **state)
{
    struct akin_neighbor items[1] = {{.key = 9, .distance = 9}};
    struct topk topk = {.items = items, .k = 1};
    (void)state;
    topk_sort(&topk);
    assert_int_equal(topk.count, 0);
    topk.count = 1;
    topk_sort(&topk);
    assert_int_equal(items[0].key, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_of_a_sort_remain_for_every_k_and_any_number_of_ties),
        cmocka_unit_test(of_equal_distances_the_smaller_key_comes_first),
        cmocka_unit_test(a_full_heap_admits_only_what_is_before_its_worst),
        cmocka_unit_test(nothing_and_one_are_sorted_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
