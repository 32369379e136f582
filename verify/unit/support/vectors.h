/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contents for tests: rows and payloads that say whose they are, random ones, and the seed they
 * come from.
 *
 * A pattern row follows from key and version alone, element by element; so whoever reads one back
 * can tell whether each element is what was written, and a mixture of two rows is found out.
 */
#ifndef AKIN_VERIFY_UNIT_SUPPORT_VECTORS_H
#define AKIN_VERIFY_UNIT_SUPPORT_VECTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "akin/types.h"

/* Bytes of an element, counted here and not by the library. */
size_t element_bytes_of(enum akin_type type);

/* Write the row of (key, version): dim elements, whole numbers of at most 100, never all zero. */
void pattern_row(enum akin_type type, uint32_t dim, uint64_t key, uint64_t version, void *row);

/* Whether `row` is that row, bit for bit. */
bool pattern_row_is(enum akin_type type, uint32_t dim, uint64_t key, uint64_t version,
                    const void *row);

/* The same for bytes. */
void pattern_bytes(uint64_t key, uint64_t version, void *bytes, size_t size);
bool pattern_bytes_are(uint64_t key, uint64_t version, const void *bytes, size_t size);

/* The seed: AKIN_TEST_SEED, or the time; printed once, so that ctest shows it with a failure. */
uint64_t test_seed(void);

/* Random numbers from a state of one word. */
uint64_t random_word(uint64_t *state);
uint64_t random_below(uint64_t *state, uint64_t bound);

/* How the values of a random row are spread. */
enum spread {
    SPREAD_WHOLE,     /* whole numbers -4..4: many ties, sums without rounding */
    SPREAD_UNIT,      /* -1..1 */
    SPREAD_EXPONENTS, /* over 40 powers of two */
    SPREAD_TINY,      /* squares underflow */
    SPREAD_SUBNORMAL,
    SPREAD_HUGE, /* squares overflow */
    SPREAD_COUNT
};

/* Write a random row that is not all zero. Bytes ignore the spread, but for SPREAD_WHOLE. */
void random_row(uint64_t *state, enum spread spread, enum akin_type type, uint32_t dim, void *row);

/* A vector of any type over `row`. */
struct akin_vector vector_of(enum akin_type type, uint32_t dim, const void *row);

#endif
