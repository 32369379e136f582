/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Assertions: REQUIRE (what a caller owes), ENSURE (what we owe), INVARIANT (what always holds).
 *
 * Level   : base (0).
 * Promises: in builds with AKIN_CHECKED a broken one stops the program with its text on standard
 *           error; in a release build they cost nothing and the library never stops the program.
 *           Where a release build can tell that its structure is damaged, it answers AKIN_CORRUPT
 *           instead.
 */
#ifndef AKIN_BASE_INVARIANT_H
#define AKIN_BASE_INVARIANT_H

#include "base/attributes.h"

#if AKIN_CHECKED
/* Write the text and trap. Threads: PURE. */
__attribute__((noreturn)) void invariant_failed(const char *kind, const char *text,
                                                const char *file, int line);
#define INVARIANT_TEST(kind, condition)                                                            \
    (LIKELY(condition) ? (void)0 : invariant_failed(kind, #condition, __FILE__, __LINE__))
#else
#define INVARIANT_TEST(kind, condition) ((void)sizeof((condition) ? 1 : 0))
#endif

#define REQUIRE(condition)   INVARIANT_TEST("REQUIRE", condition)
#define ENSURE(condition)    INVARIANT_TEST("ENSURE", condition)
#define INVARIANT(condition) INVARIANT_TEST("INVARIANT", condition)

#endif
