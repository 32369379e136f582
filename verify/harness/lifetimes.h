/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When each value of a history can have been live, and when it surely was. Instants are those of
 * history_keys.h.
 */
#ifndef AKIN_VERIFY_HARNESS_LIFETIMES_H
#define AKIN_VERIFY_HARNESS_LIFETIMES_H

#include <stddef.h>
#include <stdint.h>

#include "harness/history_keys.h"

/* One value of one key. */
struct lifetime {
    uint64_t value;
    uint64_t start;     /* of its write; 0 for an initial entry */
    uint64_t stop;      /* of its write, or of the first read that saw it if that is earlier */
    uint64_t gone;      /* it can have been live at [start, gone) */
    uint64_t sure_from; /* it surely was at [sure_from, sure_until), which may be empty */
    uint64_t sure_until;
};

/* Values of all keys. */
struct lifetimes {
    struct history_keys keys;
    struct lifetime *at; /* by key and start; within a key sure_until never falls */
    size_t *first;       /* key k: at[first[k] .. first[k + 1]) */
    size_t *by_value;    /* the same ranges of numbers into `at`, by value */
};

void lifetimes_make(struct lifetimes *lifetimes, const struct history_op *ops, size_t count,
                    const struct linearize_initial *initial);
void lifetimes_end(struct lifetimes *lifetimes);

/* The lifetime of a value of key number `k`; NULL when nobody wrote it. */
const struct lifetime *lifetimes_find(const struct lifetimes *lifetimes, size_t k, uint64_t value);

#endif
