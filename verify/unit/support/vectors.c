/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contents for tests.
 */
#include "support/vectors.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

size_t element_bytes_of(enum akin_type type)
{
    return type == AKIN_F32 ? 4 : 1;
}

static uint64_t scramble(uint64_t word)
{
    word = (word ^ (word >> 32)) * 0xd6e8feb86659fd93ull;
    word = (word ^ (word >> 32)) * 0xd6e8feb86659fd93ull;
    return word ^ (word >> 32);
}

/* Element i: 1 .. 100 in the first place, -100 .. 100 elsewhere. */
static int pattern_element(uint64_t key, uint64_t version, uint64_t i)
{
    const uint64_t word =
        scramble(key * 0x9e3779b97f4a7c15ull + version * 0x2545f4914f6cdd1dull + scramble(i + 1));
    return i == 0 ? (int)(word % 100) + 1 : (int)(word % 201) - 100;
}

static void put_element(enum akin_type type, void *row, uint32_t i, double value)
{
    if (type == AKIN_F32) {
        const float narrow = (float)value;
        memcpy((unsigned char *)row + (size_t)i * sizeof narrow, &narrow, sizeof narrow);
    } else {
        ((int8_t *)row)[i] = (int8_t)value;
    }
}

void pattern_row(enum akin_type type, uint32_t dim, uint64_t key, uint64_t version, void *row)
{
    for (uint32_t i = 0; i < dim; i++) {
        put_element(type, row, i, pattern_element(key, version, i));
    }
}

bool pattern_row_is(enum akin_type type, uint32_t dim, uint64_t key, uint64_t version,
                    const void *row)
{
    const size_t bytes = element_bytes_of(type);
    for (uint32_t i = 0; i < dim; i++) {
        unsigned char element[4];
        put_element(type, element, 0, pattern_element(key, version, i));
        if (memcmp(element, (const unsigned char *)row + i * bytes, bytes) != 0) {
            return false;
        }
    }
    return true;
}

static unsigned char pattern_byte(uint64_t key, uint64_t version, size_t i)
{
    const uint64_t word = scramble(key * 0xff51afd7ed558ccdull + version + 17 + i / 8);
    return (unsigned char)(word >> (i % 8 * 8));
}

void pattern_bytes(uint64_t key, uint64_t version, void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        ((unsigned char *)bytes)[i] = pattern_byte(key, version, i);
    }
}

bool pattern_bytes_are(uint64_t key, uint64_t version, const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (((const unsigned char *)bytes)[i] != pattern_byte(key, version, i)) {
            return false;
        }
    }
    return true;
}

uint64_t test_seed(void)
{
    static uint64_t seed;
    static bool is_known;
    if (!is_known) {
        const char *const given = getenv("AKIN_TEST_SEED");
        seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
        is_known = true;
        fprintf(stderr, "replay with AKIN_TEST_SEED=%" PRIu64 "\n", seed);
    }
    return seed;
}

uint64_t random_word(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15ull;
    return scramble(*state);
}

uint64_t random_below(uint64_t *state, uint64_t bound)
{
    return random_word(state) % bound;
}

static double random_value(uint64_t *state, enum spread spread)
{
    const uint64_t word = random_word(state);
    const double fraction = (double)(word >> 11) * 0x1p-52 - 1;
    const int power = (int)(word % 40);
    switch (spread) {
    case SPREAD_WHOLE:
        return (double)(int)(word % 9) - 4;
    case SPREAD_EXPONENTS:
        return ldexp(fraction, power - 20);
    case SPREAD_TINY:
        return ldexp(fraction, power - 100);
    case SPREAD_SUBNORMAL:
        return ldexp(fraction, -127 - power / 2);
    case SPREAD_HUGE:
        return ldexp(fraction, power + 85);
    case SPREAD_UNIT:
    case SPREAD_COUNT:
        break;
    }
    return fraction;
}

static bool is_all_zero(enum akin_type type, uint32_t dim, const void *row)
{
    for (uint32_t i = 0; i < dim; i++) {
        float value = 0;
        if (type == AKIN_F32) {
            memcpy(&value, (const unsigned char *)row + (size_t)i * sizeof value, sizeof value);
        } else {
            value = ((const int8_t *)row)[i];
        }
        if (value != 0) {
            return false;
        }
    }
    return true;
}

void random_row(uint64_t *state, enum spread spread, enum akin_type type, uint32_t dim, void *row)
{
    do {
        for (uint32_t i = 0; i < dim; i++) {
            const bool any_byte = type == AKIN_I8 && spread != SPREAD_WHOLE;
            put_element(type, row, i,
                        any_byte ? (double)(int)(random_word(state) % 256) - 128
                                 : random_value(state, spread));
        }
    } while (is_all_zero(type, dim, row));
}

struct akin_vector vector_of(enum akin_type type, uint32_t dim, const void *row)
{
    return (struct akin_vector){.data = row, .dim = dim, .type = type};
}
