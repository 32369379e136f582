/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Floats that are certainly not below a value.
 *
 * Level: base (0).
 */
#ifndef AKIN_BASE_FLOAT_H
#define AKIN_BASE_FLOAT_H

#include <errno.h>
#include <math.h>

/* The next float above; nextafterf tells the ends of the range in errno. PURE. */
static inline float float_above(float value)
{
    const int saved_errno = errno;
    const float above = nextafterf(value, INFINITY);
    errno = saved_errno;
    return above;
}

/* The least float that is not below a value. PURE. */
static inline float float_up(double value)
{
    const float near = (float)value;
    return (double)near >= value ? near : float_above(near);
}

#endif
