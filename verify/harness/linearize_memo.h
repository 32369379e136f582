/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memo: which (calls placed, state) were visited before.
 *
 * Promises: entries are compared word for word; the hash only finds them. An entry costs its words
 *           and one slot. Forgetting all costs nothing.
 */
#ifndef AKIN_VERIFY_HARNESS_LINEARIZE_MEMO_H
#define AKIN_VERIFY_HARNESS_LINEARIZE_MEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct linearize_memo_slot {
    uint64_t hash;
    uint64_t offset; /* of the first word */
    uint32_t words;
    uint32_t round; /* the slot is in use if this is the memo's */
};

struct linearize_memo {
    uint64_t *words;
    size_t word_count;
    size_t word_capacity;
    struct linearize_memo_slot *slots;
    size_t slot_count; /* in use */
    size_t slot_capacity;
    uint32_t round;
};

void linearize_memo_init(struct linearize_memo *memo);
void linearize_memo_end(struct linearize_memo *memo);

/* Forget all entries. */
void linearize_memo_reset(struct linearize_memo *memo);

/* Remember an entry; whether it is new. */
bool linearize_memo_add(struct linearize_memo *memo, const uint64_t *words, uint32_t count);

/* Bytes that the entries of this round take. */
uint64_t linearize_memo_bytes(const struct linearize_memo *memo);

#endif
