/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mixture of calls on a real index, recorded: what `akin-history record` and the race test run.
 *
 * Entries name the value that their write has in the history, by all they consist of: the payload
 * is (key, value), the first element of the vector MIX_ORIGIN + value, which a float holds exactly,
 * the others follow from it and are so small that they never change which whole number the root of
 * the distance to a query begins with. So a get that returns parts of two writes, or another key's
 * entry, is told at once (HISTORY_TORN), and the value of a neighbor can be had from its distance,
 * which must be right to the last bit.
 */
#ifndef AKIN_VERIFY_HARNESS_HISTORY_MIX_H
#define AKIN_VERIFY_HARNESS_HISTORY_MIX_H

#include <stddef.h>
#include <stdint.h>

#include "akin/akin.h"
#include "harness/history_recorder.h"

#define MIX_ORIGIN    8388608u  /* 2^23 */
#define MIX_VALUE_MAX 8388607u  /* values, and the calls of all threads together, at most */
#define MIX_FAR       25165824u /* 3 * 2^23: where queries from above lie */
#define MIX_DIM_MAX   4u

/* Of so many calls one is a search, or a clear; 0: none. */
struct history_mix {
    uint32_t threads;
    uint32_t keys;
    uint32_t dim; /* 1 .. MIX_DIM_MAX */
    uint32_t search_one_of;
    uint32_t clear_one_of;
    uint64_t seed;
};

/* One thread of it. */
struct history_caller {
    const struct history_mix *mix;
    akin_index *index;
    struct history_lane *lane;
    uint64_t random;
    uint64_t next_value;
    uint64_t failures; /* calls that were refused */
};

/* Options of the index for a mixture, ready to be changed. */
void history_mix_options(const struct history_mix *mix, struct akin_options *options);

/* Get a thread ready, and let it do one call. */
void history_caller_init(struct history_caller *caller, const struct history_mix *mix,
                         akin_index *index, struct history_recorder *recorder, uint32_t thread);
void history_caller_call(struct history_caller *caller);

/* The vector of a value; the value of an entry that was found at a distance, or HISTORY_TORN. */
void mix_vector(uint64_t value, uint32_t dim, float *vector);
uint64_t mix_value(uint32_t dim, uint64_t query, double distance);

/*
 * Change one get of a history, in its second half, into one that returns a value replaced before it
 * was invoked. Its number; SIZE_MAX when there is none to change.
 */
size_t history_seed_stale_read(struct history *history);

#endif
