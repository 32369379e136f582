/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Version of the header a program was compiled with, and of the library it runs with.
 */
#ifndef AKIN_VERSION_H
#define AKIN_VERSION_H

#include <stdint.h>

#include "akin/macros.h"

#define AKIN_VERSION_MAJOR  0
#define AKIN_VERSION_MINOR  1
#define AKIN_VERSION_PATCH  0
#define AKIN_VERSION_STRING "0.1.0"
/* major * 10000 + minor * 100 + patch: for comparisons in #if. */
#define AKIN_VERSION_NUMBER                                                                        \
    (AKIN_VERSION_MAJOR * 10000 + AKIN_VERSION_MINOR * 100 + AKIN_VERSION_PATCH)

AKIN_BEGIN_DECLS

/*
 * Return the AKIN_VERSION_NUMBER of the library at run time.
 *
 * Input     : none.
 * Output    : the number.
 * Ownership : none.
 * Threads   : PURE; wait-free.
 * Order     : none.
 * Linearizes: none.
 * Status    : cannot fail.
 * Cost      : constant; allocates nothing.
 * Source    : ours.
 */
AKIN_API uint32_t akin_version(void);

/*
 * Return one line that says how the library was built and what it chose on this machine: version,
 * compiler, build type, instruction set, RCU flavour and ways of linking it.
 *
 * Input     : none.
 * Output    : a string of the library's.
 * Ownership : the library's; lives as long as the program.
 * Threads   : any; wait-free after the first call. Reads the environment variable AKIN_SIMD.
 * Order     : none.
 * Linearizes: none.
 * Status    : cannot fail.
 * Cost      : constant; allocates nothing.
 * Source    : ours.
 */
AKIN_API const char *akin_build_info(void);

AKIN_END_DECLS

#endif
