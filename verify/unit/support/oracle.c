/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The oracle.
 */
#include "support/oracle.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "support/vectors.h"

static size_t row_bytes_of(const struct oracle *oracle)
{
    return oracle->dim * element_bytes_of(oracle->type);
}

void oracle_init(struct oracle *oracle, enum akin_metric metric, enum akin_type type, uint32_t dim)
{
    *oracle = (struct oracle){.metric = metric, .type = type, .dim = dim};
}

void oracle_end(struct oracle *oracle)
{
    free(oracle->keys);
    free(oracle->rows);
    *oracle = (struct oracle){.count = 0};
}

static uint32_t place_of(const struct oracle *oracle, uint64_t key)
{
    uint32_t i = 0;
    if (key < oracle->count && oracle->keys[key] == key) {
        return (uint32_t)key; /* filled in the order of keys */
    }
    while (i < oracle->count && oracle->keys[i] != key) {
        i++;
    }
    return i;
}

bool oracle_put(struct oracle *oracle, uint64_t key, const void *row)
{
    const uint32_t place = place_of(oracle, key);
    const bool is_there = place < oracle->count;
    if (place == oracle->capacity) {
        oracle->capacity = oracle->capacity == 0 ? 64 : oracle->capacity * 2;
        uint64_t *const keys = realloc(oracle->keys, oracle->capacity * sizeof *oracle->keys);
        unsigned char *const rows = realloc(oracle->rows, oracle->capacity * row_bytes_of(oracle));
        assert_non_null(keys);
        assert_non_null(rows);
        oracle->keys = keys;
        oracle->rows = rows;
    }
    oracle->keys[place] = key;
    memcpy(oracle->rows + place * row_bytes_of(oracle), row, row_bytes_of(oracle));
    oracle->count += is_there ? 0 : 1;
    return is_there;
}

bool oracle_remove(struct oracle *oracle, uint64_t key)
{
    const size_t bytes = row_bytes_of(oracle);
    const uint32_t place = place_of(oracle, key);
    if (place == oracle->count) {
        return false;
    }
    oracle->count--;
    oracle->keys[place] = oracle->keys[oracle->count];
    memmove(oracle->rows + place * bytes, oracle->rows + oracle->count * bytes, bytes);
    return true;
}

const void *oracle_row(const struct oracle *oracle, uint64_t key)
{
    const uint32_t place = place_of(oracle, key);
    return place < oracle->count ? oracle->rows + place * row_bytes_of(oracle) : NULL;
}

static long double element_of(enum akin_type type, const void *vector, uint32_t i)
{
    if (type == AKIN_I8) {
        return (long double)((const int8_t *)vector)[i];
    }
    float value;
    memcpy(&value, (const unsigned char *)vector + (size_t)i * sizeof value, sizeof value);
    return (long double)value;
}

/* The sums that all metrics are made of. */
struct sums {
    long double square; /* of the difference */
    long double dot;
    long double dot_terms; /* of absolute values */
    long double a_square;
    long double b_square;
};

static struct sums sums_of(enum akin_type type, uint32_t dim, const void *a, const void *b)
{
    struct sums sums = {0};
    for (uint32_t i = 0; i < dim; i++) {
        const long double x = element_of(type, a, i);
        const long double y = element_of(type, b, i);
        sums.square += (x - y) * (x - y);
        sums.dot += x * y;
        sums.dot_terms += fabsl(x * y);
        sums.a_square += x * x;
        sums.b_square += y * y;
    }
    return sums;
}

long double oracle_distance(enum akin_metric metric, enum akin_type type, uint32_t dim,
                            const void *a, const void *b)
{
    const struct sums sums = sums_of(type, dim, a, b);
    switch (metric) {
    case AKIN_L2:
        return sums.square;
    case AKIN_INNER_PRODUCT:
        return 0 - sums.dot;
    case AKIN_COSINE:
        return 1 - sums.dot / (sqrtl(sums.a_square) * sqrtl(sums.b_square));
    }
    return NAN;
}

long double oracle_tolerance(enum akin_metric metric, enum akin_type type, uint32_t dim,
                             const void *a, const void *b)
{
    const long double unit = 0x1p-53L * ((long double)dim + 8);
    const struct sums sums = sums_of(type, dim, a, b);
    switch (metric) {
    case AKIN_L2:
        return 2 * unit * sums.square;
    case AKIN_INNER_PRODUCT:
        return 2 * unit * sums.dot_terms;
    case AKIN_COSINE:
        return 4 * unit;
    }
    return 0;
}

/* The farthest of the results, with its tolerance: nothing that was left out may be nearer than
   this. */
static void check_left_out(const struct oracle *oracle, const void *query,
                           const struct akin_neighbor *worst, const bool *is_found,
                           oracle_passes_fn passes, void *context)
{
    for (uint32_t i = 0; i < oracle->count; i++) {
        const void *const row = oracle->rows + i * row_bytes_of(oracle);
        if (is_found[i] || (passes != NULL && !passes(context, oracle->keys[i]))) {
            continue;
        }
        const long double distance =
            oracle_distance(oracle->metric, oracle->type, oracle->dim, query, row);
        const long double tolerance =
            oracle_tolerance(oracle->metric, oracle->type, oracle->dim, query, row) +
            fabsl((long double)worst->distance) * 0x1p-50L;
        if (distance + tolerance < (long double)worst->distance) {
            fail_msg("key %llu at %.17Lg was left out; the last result is key %llu at %.17g",
                     (unsigned long long)oracle->keys[i], distance, (unsigned long long)worst->key,
                     worst->distance);
        }
    }
}

static void check_one(const struct oracle *oracle, const void *query,
                      const struct akin_neighbor *result, bool *is_found)
{
    const uint32_t place = place_of(oracle, result->key);
    if (place == oracle->count || is_found[place]) {
        fail_msg("key %llu is %s", (unsigned long long)result->key,
                 place == oracle->count ? "not live" : "there twice");
    }
    is_found[place] = true;
    const void *const row = oracle->rows + place * row_bytes_of(oracle);
    const long double distance =
        oracle_distance(oracle->metric, oracle->type, oracle->dim, query, row);
    const long double tolerance =
        oracle_tolerance(oracle->metric, oracle->type, oracle->dim, query, row);
    if (!(fabsl((long double)result->distance - distance) <= tolerance)) {
        fail_msg("key %llu has the distance %.17g instead of %.17Lg",
                 (unsigned long long)result->key, result->distance, distance);
    }
}

void oracle_check(const struct oracle *oracle, const void *query, uint32_t k,
                  oracle_passes_fn passes, void *context, const struct akin_neighbor *results,
                  uint32_t count)
{
    bool *const is_found = calloc(oracle->count + 1, sizeof *is_found);
    assert_non_null(is_found);
    uint32_t passing = 0;
    for (uint32_t i = 0; i < oracle->count; i++) {
        passing += passes == NULL || passes(context, oracle->keys[i]) ? 1 : 0;
    }
    assert_int_equal(count, passing < k ? passing : k);
    for (uint32_t i = 0; i < count; i++) {
        check_one(oracle, query, &results[i], is_found);
        if (passes != NULL) {
            assert_true(passes(context, results[i].key));
        }
        if (i > 0) {
            const struct akin_neighbor *const before = &results[i - 1];
            assert_true(before->distance < results[i].distance ||
                        (before->distance == results[i].distance && before->key < results[i].key));
        }
    }
    if (count > 0) {
        check_left_out(oracle, query, &results[count - 1], is_found, passes, context);
    }
    free(is_found);
}

static int compare_neighbors(const void *left, const void *right)
{
    const struct akin_neighbor *const a = left;
    const struct akin_neighbor *const b = right;
    if (a->distance != b->distance) {
        return a->distance < b->distance ? -1 : 1;
    }
    return a->key < b->key ? -1 : a->key > b->key;
}

uint32_t oracle_search(const struct oracle *oracle, const void *query, uint32_t k,
                       struct akin_neighbor *results)
{
    struct akin_neighbor *const all = calloc(oracle->count + 1, sizeof *all);
    assert_non_null(all);
    for (uint32_t i = 0; i < oracle->count; i++) {
        all[i].key = oracle->keys[i];
        all[i].distance = (double)oracle_distance(oracle->metric, oracle->type, oracle->dim, query,
                                                  oracle->rows + i * row_bytes_of(oracle));
    }
    qsort(all, oracle->count, sizeof *all, compare_neighbors);
    const uint32_t count = oracle->count < k ? oracle->count : k;
    memcpy(results, all, count * sizeof *all);
    free(all);
    return count;
}
