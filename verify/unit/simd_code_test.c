/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of what tables offer beside distances of pairs: codes, and sums in binary64.
 *
 * Goal   : the exact integer, and the same bits, on every table and at every address; nothing is
 *          read behind the last element.
 * Method : sums in 64-bit integers and long double; extremes; blocks of exact size, which the
 *          address sanitizer and memcheck watch.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "simd/akin_simd.h"
#include "support/vectors.h"

static const size_t counts[] = {32, 64, 96, 128, 160, 384, 800, 4096, 16384};
static const size_t dims[] = {1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 100, 384, 1000};

enum { ADDRESSES = 3 };

static void compare_codes(size_t count, const uint8_t *code, const int16_t *query)
{
    int64_t expected = 0;
    for (size_t i = 0; i < count; i++) {
        expected += (int64_t)code[i] * query[i];
    }
    assert_true(expected >= INT32_MIN && expected <= INT32_MAX);
    for (size_t table = 0; table < simd_table_count(); table++) {
        const struct simd_table *const kernels = simd_table_at(table);
        const int32_t sum = kernels->code_dot(code, query, count);
        if (sum != expected) {
            fail_msg("%s, %zu elements: %d instead of %lld", kernels->name, count, sum,
                     (long long)expected);
        }
    }
}

/* What a query may hold: 255 times its magnitudes fit an int32. */
static int32_t most_of(size_t count)
{
    const int64_t fit = INT32_MAX / (255 * (int64_t)count);
    return fit < INT16_MAX ? (int32_t)fit : INT16_MAX;
}

static void sums_of_codes_are_exact(void **state)
{
    uint64_t random = test_seed();
    (void)state;
    for (size_t n = 0; n < sizeof counts / sizeof counts[0]; n++) {
        const size_t count = counts[n];
        const int32_t most = most_of(count);
        for (size_t address = 0; address < ADDRESSES; address++) {
            uint8_t *const codes = malloc(count + address);
            int16_t *const queries = malloc((count + address) * sizeof queries[0]);
            assert_true(codes != NULL && queries != NULL);
            for (size_t i = 0; i < count; i++) {
                codes[address + i] = (uint8_t)random_word(&random);
                queries[address + i] =
                    (int16_t)((int32_t)random_below(&random, 2 * (uint64_t)most + 1) - most);
            }
            compare_codes(count, codes + address, queries + address);
            free(codes);
            free(queries);
        }
    }
}

static void extremes_do_not_overflow(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof counts / sizeof counts[0]; n++) {
        const size_t count = counts[n];
        uint8_t *const codes = malloc(count);
        int16_t *const queries = malloc(count * sizeof queries[0]);
        assert_true(codes != NULL && queries != NULL);
        memset(codes, 255, count);
        for (int sign = -1; sign <= 1; sign += 2) {
            for (size_t i = 0; i < count; i++) {
                queries[i] = (int16_t)(sign * most_of(count));
            }
            compare_codes(count, codes, queries);
        }
        free(codes);
        free(queries);
    }
}

static void each_element_of_a_code_counts_once(void **state)
{
    uint8_t code[160];
    int16_t query[160];
    (void)state;
    for (size_t i = 0; i < 160; i++) {
        memset(code, 0, sizeof code);
        memset(query, 0, sizeof query);
        code[i] = 3;
        query[i] = (int16_t)(i + 1);
        compare_codes(160, code, query);
    }
}

static void sums_in_binary64_are_the_same_bits(void **state)
{
    uint64_t random = test_seed();
    (void)state;
    for (size_t n = 0; n < 20 * sizeof dims / sizeof dims[0]; n++) {
        const uint32_t dim = (uint32_t)dims[n % (sizeof dims / sizeof dims[0])];
        float *const a = malloc(dim * sizeof a[0]);
        float *const b = malloc(dim * sizeof b[0]);
        long double l2 = 0;
        long double dot = 0;
        long double terms = 0;
        assert_true(a != NULL && b != NULL);
        random_row(&random, n % 2 == 0 ? SPREAD_UNIT : SPREAD_EXPONENTS, AKIN_F32, dim, a);
        random_row(&random, SPREAD_UNIT, AKIN_F32, dim, b);
        for (uint32_t i = 0; i < dim; i++) {
            const long double difference = (long double)a[i] - (long double)b[i];
            l2 += difference * difference;
            dot += (long double)a[i] * (long double)b[i];
            terms += fabsl((long double)a[i] * (long double)b[i]);
        }
        const struct simd_table *const portable = simd_table_at(0);
        const double first[] = {portable->exact[SIMD_L2](a, b, dim),
                                portable->exact[SIMD_DOT](a, b, dim)};
        assert_true(fabsl((long double)first[0] - l2) <= 1e-13L * l2);
        assert_true(fabsl((long double)first[1] - dot) <= 1e-13L * terms);
        for (size_t table = 1; table < simd_table_count(); table++) {
            const struct simd_table *const kernels = simd_table_at(table);
            const double sums[] = {kernels->exact[SIMD_L2](a, b, dim),
                                   kernels->exact[SIMD_DOT](a, b, dim)};
            assert_memory_equal(sums, first, sizeof sums);
        }
        free(a);
        free(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_of_codes_are_exact),
        cmocka_unit_test(extremes_do_not_overflow),
        cmocka_unit_test(each_element_of_a_code_counts_once),
        cmocka_unit_test(sums_in_binary64_are_the_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
