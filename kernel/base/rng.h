/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A 64-bit mixing function and a generator on top of it (splitmix64, Steele, Lea and Flood, 2014).
 *
 * Level: base (0).
 */
#ifndef AKIN_BASE_RNG_H
#define AKIN_BASE_RNG_H

#include <stdint.h>

/* Spread the bits of a word; a bijection. Threads: PURE. */
static inline uint64_t rng_mix(uint64_t word)
{
    word ^= word >> 30;
    word *= 0xbf58476d1ce4e5b9ull;
    word ^= word >> 27;
    word *= 0x94d049bb133111ebull;
    word ^= word >> 31;
    return word;
}

/* The next word of a generator whose state is one word. Threads: OWNER of the state. */
static inline uint64_t rng_next(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15ull;
    return rng_mix(*state);
}

#endif
