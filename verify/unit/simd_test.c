/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of the kernels of simd: every table that this machine can run.
 *
 * Goal      : the values and bounds that akin_simd.h promises, at every length and address.
 * Method    : an oracle in long double and 64-bit integers, which shares nothing with the kernels;
 *             exact small cases where no rounding excuses a difference; rows that end at a page
 *             which must not be touched.
 * Replay    : random inputs come from AKIN_TEST_SEED, printed when a test fails.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "simd/akin_simd.h"

#define ROWS_MAX 9

/* One; lanes - 1, lanes, lanes + 1 for 4, 8, 16, 32 and 64 lanes; then odd ones and the last. */
static const size_t all_dims[] = {1,  3,  4,  5,  7,   8,   9,   15,  16,  17,   31,    32,
                                  33, 63, 64, 65, 100, 127, 129, 300, 768, 1000, 16383, 16384};

enum { DIM_COUNT = sizeof all_dims / sizeof all_dims[0] };

static const enum simd_op all_ops[] = {SIMD_L2, SIMD_DOT, SIMD_COSINE};
static const enum simd_type all_types[] = {SIMD_F32, SIMD_I8};

/* ---- random numbers ---- */

static uint64_t random_seed;
static uint64_t random_state;

static uint64_t random_u64(void)
{
    random_state += 0x9e3779b97f4a7c15u;
    uint64_t word = random_state;
    word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9u;
    word = (word ^ (word >> 27)) * 0x94d049bb133111ebu;
    return word ^ (word >> 31);
}

/* Uniform in [0, 1). */
static double random_unit(void)
{
    return (double)(random_u64() >> 11) * 0x1p-53;
}

static int seed_each_test(void **state)
{
    (void)state;
    random_state = random_seed;
    return 0;
}

/* ---- memory between two pages that must not be touched ---- */

struct guarded {
    unsigned char *mapped;
    size_t mapped_bytes;
    unsigned char *first; /* the first byte that may be read */
    unsigned char *end;   /* behind the last one */
};

static struct guarded guarded_make(size_t bytes)
{
    const size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    const size_t inner_bytes = (bytes + page_bytes - 1) / page_bytes * page_bytes;
    struct guarded block = {.mapped_bytes = inner_bytes + 2 * page_bytes};
    block.mapped = mmap(NULL, block.mapped_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(block.mapped != MAP_FAILED);
    block.first = block.mapped + page_bytes;
    block.end = block.first + inner_bytes;
    assert_int_equal(mprotect(block.first, inner_bytes, PROT_READ | PROT_WRITE), 0);
    return block;
}

static void guarded_drop(struct guarded *block)
{
    assert_int_equal(munmap(block->mapped, block->mapped_bytes), 0);
}

/* ---- vectors ---- */

static size_t element_bytes(enum simd_type type)
{
    return type == SIMD_F32 ? sizeof(float) : sizeof(int8_t);
}

static void put_f32(unsigned char *vector, size_t index, float value)
{
    memcpy(vector + index * sizeof value, &value, sizeof value);
}

static float get_f32(const unsigned char *vector, size_t index)
{
    float value;
    memcpy(&value, vector + index * sizeof value, sizeof value);
    return value;
}

static void put(enum simd_type type, unsigned char *vector, size_t index, int value)
{
    if (type == SIMD_F32) {
        put_f32(vector, index, (float)value);
    } else {
        vector[index] = (unsigned char)(int8_t)value;
    }
}

static void fill(enum simd_type type, unsigned char *vector, size_t dim, int value)
{
    for (size_t i = 0; i < dim; ++i) {
        put(type, vector, i, value);
    }
}

/* Floats of one vector share a flavour: around zero, all positive, or of very different sizes. */
static void fill_random(enum simd_type type, unsigned char *vector, size_t dim)
{
    const uint64_t flavour = random_u64() % 3;
    for (size_t i = 0; i < dim; ++i) {
        if (type == SIMD_I8) {
            vector[i] = (unsigned char)random_u64();
        } else if (flavour == 0) {
            put_f32(vector, i, (float)(2.0 * random_unit() - 1.0));
        } else if (flavour == 1) {
            put_f32(vector, i, (float)(1.0 + random_unit()));
        } else {
            put_f32(vector, i,
                    (float)ldexp(2.0 * random_unit() - 1.0, (int)(random_u64() % 60) - 30));
        }
    }
}

/* ---- the oracle ---- */

struct expected {
    long double value;
    long double bound; /* how far a result may be off; 0 where it must be the value itself */
};

static long double element_of(enum simd_type type, const unsigned char *vector, size_t index)
{
    return type == SIMD_F32 ? (long double)get_f32(vector, index)
                            : (long double)(int8_t)vector[index];
}

static struct expected expect_sum(enum simd_type type, enum simd_op op, const unsigned char *a,
                                  const unsigned char *b, size_t dim)
{
    long double sum = 0.0L;
    long double absolute = 0.0L;
    for (size_t i = 0; i < dim; ++i) {
        const long double left = element_of(type, a, i);
        const long double right = element_of(type, b, i);
        const long double term = op == SIMD_L2 ? (left - right) * (left - right) : left * right;
        sum += term;
        absolute += fabsl(term);
    }
    if (type == SIMD_I8) {
        /* Below 2^31, so the long double is the exact sum. */
        return (struct expected){(float)(int64_t)sum, 0.0L};
    }
    const long double factor = ((long double)dim / 16.0L + 10.0L) * 0x1p-24L;
    return (struct expected){sum, factor * absolute + (long double)dim * 0x1p-149L};
}

static struct expected expect_cosine(enum simd_type type, const unsigned char *a,
                                     const unsigned char *b, size_t dim)
{
    long double dot = 0.0L;
    long double a_square = 0.0L;
    long double b_square = 0.0L;
    for (size_t i = 0; i < dim; ++i) {
        const long double left = element_of(type, a, i);
        const long double right = element_of(type, b, i);
        dot += left * right;
        a_square += left * left;
        b_square += right * right;
    }
    if (a_square == 0.0L || b_square == 0.0L) {
        return (struct expected){1.0L, 0.0L};
    }
    const long double value = 1.0L - dot / (sqrtl(a_square) * sqrtl(b_square));
    return (struct expected){value, fabsl(value) * 0x1p-24L + 0x1p-37L};
}

static struct expected expect(enum simd_type type, enum simd_op op, const unsigned char *a,
                              const unsigned char *b, size_t dim)
{
    return op == SIMD_COSINE ? expect_cosine(type, a, b, dim) : expect_sum(type, op, a, b, dim);
}

/* ---- what is looked at, and how a difference is told ---- */

struct subject {
    const struct simd_table *table;
    enum simd_type type;
    enum simd_op op;
    size_t dim;
};

static simd_pair_fn pair_of(const struct subject *subject)
{
    return simd_ops_of(subject->table, subject->type)->pair[subject->op];
}

static simd_many_fn many_of(const struct subject *subject)
{
    return simd_ops_of(subject->table, subject->type)->many[subject->op];
}

static _Noreturn void fail_at(const struct subject *subject, const char *what, double got,
                              double wanted)
{
    static const char *const op_names[] = {"L2", "DOT", "COSINE"};
    print_error("%s %s %s, dim %zu, %s: got %.9g (%a), expected %.9g (%a)\n", subject->table->name,
                subject->type == SIMD_F32 ? "f32" : "i8", op_names[subject->op], subject->dim, what,
                got, got, wanted, wanted);
    print_error("replay: AKIN_TEST_SEED=%" PRIu64 "\n", random_seed);
    fail();
    abort();
}

static void check_near(const struct subject *subject, const char *what, float got,
                       struct expected expected)
{
    if (!(fabsl((long double)got - expected.value) <= expected.bound)) {
        fail_at(subject, what, (double)got, (double)expected.value);
    }
}

static void check_same(const struct subject *subject, const char *what, float got, float wanted)
{
    /* Bit for bit. NOLINTNEXTLINE(bugprone-suspicious-memory-comparison) */
    if (memcmp(&got, &wanted, sizeof got) != 0) {
        fail_at(subject, what, (double)got, (double)wanted);
    }
}

/* Calls `body` for every table, element type, operation and dim. */
static void for_each_subject(void (*body)(const struct subject *subject))
{
    for (size_t table = 0; table < simd_table_count(); ++table) {
        for (size_t type = 0; type < 2; ++type) {
            for (size_t op = 0; op < SIMD_OP_COUNT; ++op) {
                for (size_t i = 0; i < DIM_COUNT; ++i) {
                    const struct subject subject = {simd_table_at(table), all_types[type],
                                                    all_ops[op], all_dims[i]};
                    body(&subject);
                }
            }
        }
    }
}

/*
 * Runs both forms over `count` rows that lie `stride_bytes` apart. Compares `many` with `pair` bit
 * for bit, `pair` with the oracle, and looks at what surrounds the output.
 */
static void check_scan(const struct subject *subject, const unsigned char *query,
                       const unsigned char *rows, size_t stride_bytes, size_t count)
{
    float out[ROWS_MAX + 2];
    for (size_t i = 0; i < ROWS_MAX + 2; ++i) {
        out[i] = -12345.0f;
    }
    many_of(subject)(query, rows, stride_bytes, count, subject->dim, out + 1);
    for (size_t i = 0; i < count; ++i) {
        const unsigned char *row = rows + i * stride_bytes;
        const float distance = pair_of(subject)(query, row, subject->dim);
        check_near(subject, "pair", distance,
                   expect(subject->type, subject->op, query, row, subject->dim));
        check_same(subject, "pair with arguments exchanged",
                   pair_of(subject)(row, query, subject->dim), distance);
        check_same(subject, "many", out[i + 1], distance);
    }
    check_same(subject, "before the output", out[0], -12345.0f);
    for (size_t i = count + 1; i < ROWS_MAX + 2; ++i) {
        check_same(subject, "behind the output", out[i], -12345.0f);
    }
}

/* ---- tests ---- */

static void agree_with_oracle(const struct subject *subject)
{
    const size_t row_bytes = subject->dim * element_bytes(subject->type);
    struct guarded query = guarded_make(row_bytes);
    struct guarded rows = guarded_make(ROWS_MAX * row_bytes);
    fill_random(subject->type, query.end - row_bytes, subject->dim);
    for (size_t count = 0; count <= ROWS_MAX; ++count) {
        unsigned char *first = rows.end - count * row_bytes;
        for (size_t i = 0; i < count; ++i) {
            fill_random(subject->type, first + i * row_bytes, subject->dim);
        }
        check_scan(subject, query.end - row_bytes, first, row_bytes, count);
    }
    guarded_drop(&rows);
    guarded_drop(&query);
}

static void every_table_agrees_with_the_oracle_and_stops_at_the_last_row(void **state)
{
    (void)state;
    for_each_subject(agree_with_oracle);
}

static void agree_unaligned(const struct subject *subject)
{
    static const size_t offsets[] = {1, 2, 3, 4, 7, 12, 31, 63};
    static const size_t gaps[] = {0, 1, 2, 3, 5, 24, 61, 130};
    const size_t row_bytes = subject->dim * element_bytes(subject->type);
    struct guarded query = guarded_make(row_bytes + 64);
    struct guarded rows = guarded_make(5 * (row_bytes + 256));
    for (size_t k = 0; k < sizeof offsets / sizeof offsets[0]; ++k) {
        /* Bytes between the rows are all ones, which is NaN to a float kernel that took them. */
        memset(rows.first, 0xff, (size_t)(rows.end - rows.first));
        unsigned char *query_at = query.first + offsets[sizeof offsets / sizeof offsets[0] - 1 - k];
        unsigned char *rows_at = rows.first + offsets[k];
        const size_t stride_bytes = row_bytes + gaps[k];
        fill_random(subject->type, query_at, subject->dim);
        for (size_t i = 0; i < 5; ++i) {
            fill_random(subject->type, rows_at + i * stride_bytes, subject->dim);
        }
        check_scan(subject, query_at, rows_at, stride_bytes, 5);
    }
    guarded_drop(&rows);
    guarded_drop(&query);
}

static void rows_and_queries_may_lie_at_any_address(void **state)
{
    (void)state;
    for_each_subject(agree_unaligned);
}

/* Scans beyond 64 KiB take a path of their own, which hints at rows before it reads them. */
static void scan_many_rows(const struct subject *subject)
{
    const size_t row_bytes = subject->dim * element_bytes(subject->type);
    const size_t stride_bytes = row_bytes + subject->dim % 3;
    const size_t count = (size_t)150 * 1024 / stride_bytes + 3;
    if (subject->dim < 15) {
        return;
    }
    struct guarded query = guarded_make(row_bytes);
    struct guarded rows = guarded_make(count * stride_bytes);
    unsigned char *query_at = query.end - row_bytes;
    unsigned char *rows_at = rows.end - ((count - 1) * stride_bytes + row_bytes);
    float *out = malloc(count * sizeof *out);
    assert_non_null(out);
    fill_random(subject->type, query_at, subject->dim);
    for (size_t i = 0; i < count; ++i) {
        fill_random(subject->type, rows_at + i * stride_bytes, subject->dim);
    }
    many_of(subject)(query_at, rows_at, stride_bytes, count, subject->dim, out);
    for (size_t i = 0; i < count; ++i) {
        check_same(subject, "many, in a long scan", out[i],
                   pair_of(subject)(query_at, rows_at + i * stride_bytes, subject->dim));
    }
    free(out);
    guarded_drop(&rows);
    guarded_drop(&query);
}

static void a_long_scan_returns_bit_for_bit_what_pairs_return(void **state)
{
    (void)state;
    for_each_subject(scan_many_rows);
}

/* One number among zeros, met by zeros (L2) or by twos (DOT): no other element can help out. */
static void count_each_element(const struct subject *subject)
{
    const size_t dim = subject->dim;
    const size_t row_bytes = dim * element_bytes(subject->type);
    if (dim > 1000 || subject->op == SIMD_COSINE) {
        return;
    }
    unsigned char *vectors = calloc(ROWS_MAX, row_bytes);
    assert_non_null(vectors);
    unsigned char *query = vectors + 8 * row_bytes;
    fill(subject->type, query, dim, subject->op == SIMD_L2 ? 0 : 2);
    for (size_t i = 0; i < dim; ++i) {
        float out[8];
        for (size_t row = 0; row < 8; ++row) {
            put(subject->type, vectors + row * row_bytes, i, (int)row + 1);
        }
        many_of(subject)(query, vectors, row_bytes, 8, dim, out);
        for (size_t row = 0; row < 8; ++row) {
            const size_t value = row + 1;
            const size_t wanted = subject->op == SIMD_L2 ? value * value : 2 * value;
            check_same(subject, "one element", out[row], (float)wanted);
            put(subject->type, vectors + row * row_bytes, i, 0);
        }
    }
    free(vectors);
}

static void every_element_counts_once(void **state)
{
    (void)state;
    for_each_subject(count_each_element);
}

/* Small whole numbers: every partial sum is a whole number below 2^24, in whatever order. */
static void sum_whole_numbers(const struct subject *subject)
{
    if (subject->type != SIMD_F32 || subject->op == SIMD_COSINE) {
        return;
    }
    unsigned char *vectors = malloc(2 * subject->dim * sizeof(float));
    assert_non_null(vectors);
    unsigned char *other = vectors + subject->dim * sizeof(float);
    for (size_t i = 0; i < 2 * subject->dim; ++i) {
        put_f32(vectors, i, (float)(random_u64() % 17) - 8.0f);
    }
    const struct expected sum = expect_sum(SIMD_F32, subject->op, vectors, other, subject->dim);
    check_same(subject, "whole numbers", pair_of(subject)(vectors, other, subject->dim),
               (float)sum.value);
    free(vectors);
}

static void float_sums_that_need_no_rounding_are_exact(void **state)
{
    (void)state;
    for_each_subject(sum_whole_numbers);
}

static void sum_extremes(const struct subject *subject)
{
    static const int extremes[][2] = {{-128, -128}, {-128, 127}, {127, 127}, {127, -128}};
    if (subject->type != SIMD_I8) {
        return;
    }
    unsigned char *vectors = malloc(2 * subject->dim);
    assert_non_null(vectors);
    unsigned char *other = vectors + subject->dim;
    for (size_t i = 0; i < 4; ++i) {
        const int64_t a = extremes[i][0];
        const int64_t b = extremes[i][1];
        fill(SIMD_I8, vectors, subject->dim, (int)a);
        fill(SIMD_I8, other, subject->dim, (int)b);
        const int64_t term = subject->op == SIMD_L2 ? (a - b) * (a - b) : a * b;
        const float wanted = subject->op == SIMD_COSINE ? (term > 0 ? 0.0f : 2.0f)
                                                        : (float)(term * (int64_t)subject->dim);
        float distance = 0.0f;
        many_of(subject)(vectors, other, subject->dim, 1, subject->dim, &distance);
        check_same(subject, "extreme bytes, many", distance, wanted);
        check_same(subject, "extreme bytes, pair", pair_of(subject)(vectors, other, subject->dim),
                   wanted);
    }
    free(vectors);
}

static void extreme_bytes_neither_overflow_nor_saturate(void **state)
{
    (void)state;
    for_each_subject(sum_extremes);
}

static void repeat_portable(const struct subject *subject)
{
    if (subject->type != SIMD_I8) {
        return;
    }
    struct subject specification = *subject;
    specification.table = simd_select(SIMD_PORTABLE);
    unsigned char *vectors = malloc(2 * subject->dim);
    assert_non_null(vectors);
    for (size_t i = 0; i < 10; ++i) {
        fill_random(SIMD_I8, vectors, 2 * subject->dim);
        const unsigned char *other = vectors + subject->dim;
        check_same(subject, "against the portable table",
                   pair_of(subject)(vectors, other, subject->dim),
                   pair_of(&specification)(vectors, other, subject->dim));
    }
    free(vectors);
}

static void byte_distances_are_the_same_bits_on_every_table(void **state)
{
    (void)state;
    for_each_subject(repeat_portable);
}

static void point_somewhere(const struct subject *subject)
{
    static const float lengths[] = {1.0f, FLT_TRUE_MIN, 1e-30f, 1e20f, FLT_MAX};
    const size_t dim = subject->dim;
    if (subject->op != SIMD_COSINE || subject->type != SIMD_F32) {
        return;
    }
    unsigned char *zero = calloc(3 * dim, sizeof(float));
    assert_non_null(zero);
    unsigned char *one = zero + dim * sizeof(float);
    unsigned char *opposite = one + dim * sizeof(float);
    for (size_t k = 0; k < sizeof lengths / sizeof lengths[0]; ++k) {
        for (size_t i = 0; i < dim; ++i) {
            put_f32(one, i, lengths[k]);
            put_f32(opposite, i, -lengths[k]);
            put_f32(zero, i, i % 2 == 0 ? 0.0f : -0.0f);
        }
        check_same(subject, "nothing and something", pair_of(subject)(zero, one, dim), 1.0f);
        check_same(subject, "something and nothing", pair_of(subject)(one, zero, dim), 1.0f);
        check_same(subject, "nothing twice", pair_of(subject)(zero, zero, dim), 1.0f);
        check_same(subject, "itself", pair_of(subject)(one, one, dim), 0.0f);
        check_same(subject, "its opposite", pair_of(subject)(one, opposite, dim), 2.0f);
    }
    for (size_t i = 0; i < 20; ++i) {
        fill_random(SIMD_F32, one, dim);
        check_same(subject, "a random vector itself", pair_of(subject)(one, one, dim), 0.0f);
        for (size_t k = 0; k < dim; ++k) {
            put_f32(opposite, k, 3.0f * get_f32(one, k));
        }
        const float parallel = pair_of(subject)(one, opposite, dim);
        if (!(parallel >= 0.0f && parallel < 1e-6f)) {
            fail_at(subject, "a parallel vector", (double)parallel, 0.0);
        }
    }
    free(zero);
}

static void cosine_is_one_without_a_direction_and_exact_at_both_ends(void **state)
{
    (void)state;
    for_each_subject(point_somewhere);
}

/* What one bad element at each place does to a vector of ones; `other` is met by ones. */
static void poison(const struct subject *subject)
{
    if (subject->type != SIMD_F32 || subject->dim > 300) {
        return;
    }
    float a[300];
    float b[300];
    for (size_t i = 0; i < subject->dim; ++i) {
        a[i] = b[i] = 1.0f;
    }
    for (size_t i = 0; i < subject->dim; ++i) {
        a[i] = NAN;
        float distance = pair_of(subject)(a, b, subject->dim);
        if (!isnan(distance)) {
            fail_at(subject, "a NaN went unnoticed", (double)distance, (double)NAN);
        }
        a[i] = INFINITY;
        distance = pair_of(subject)(a, b, subject->dim);
        if (subject->op == SIMD_COSINE ? !isnan(distance) : distance != INFINITY) {
            fail_at(subject, "an infinity went unnoticed", (double)distance, (double)INFINITY);
        }
        many_of(subject)(b, a, sizeof a, 1, subject->dim, &distance);
        if (isfinite(distance)) {
            fail_at(subject, "an infinity went unnoticed", (double)distance, (double)INFINITY);
        }
        a[i] = 1.0f;
    }
}

static void nan_and_infinity_reach_the_result_from_every_place(void **state)
{
    (void)state;
    for_each_subject(poison);
}

int main(void)
{
    const char *seed = getenv("AKIN_TEST_SEED");
    random_seed = seed == NULL ? (uint64_t)time(NULL) : strtoull(seed, NULL, 10);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_table_agrees_with_the_oracle_and_stops_at_the_last_row,
                               seed_each_test),
        cmocka_unit_test_setup(rows_and_queries_may_lie_at_any_address, seed_each_test),
        cmocka_unit_test_setup(a_long_scan_returns_bit_for_bit_what_pairs_return, seed_each_test),
        cmocka_unit_test_setup(float_sums_that_need_no_rounding_are_exact, seed_each_test),
        cmocka_unit_test_setup(byte_distances_are_the_same_bits_on_every_table, seed_each_test),
        cmocka_unit_test_setup(cosine_is_one_without_a_direction_and_exact_at_both_ends,
                               seed_each_test),
        cmocka_unit_test(every_element_counts_once),
        cmocka_unit_test(extreme_bytes_neither_overflow_nor_saturate),
        cmocka_unit_test(nan_and_infinity_reach_the_result_from_every_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
