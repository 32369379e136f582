/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memo: open addressing over entries that lie one behind the other.
 */
#include "harness/linearize_memo.h"

#include <stdlib.h>
#include <string.h>

#include "harness/harness_alloc.h"
#include "harness/sizes.h"

void linearize_memo_init(struct linearize_memo *memo)
{
    *memo = (struct linearize_memo){.word_capacity = LINEARIZE_MEMO_WORDS_FIRST,
                                    .slot_capacity = LINEARIZE_MEMO_SLOTS_FIRST,
                                    .round = 1};
    memo->words = harness_alloc(memo->word_capacity, sizeof *memo->words);
    memo->slots = harness_alloc(memo->slot_capacity, sizeof *memo->slots);
}

void linearize_memo_end(struct linearize_memo *memo)
{
    free(memo->words);
    free(memo->slots);
    *memo = (struct linearize_memo){.words = NULL};
}

void linearize_memo_reset(struct linearize_memo *memo)
{
    memo->word_count = 0;
    memo->slot_count = 0;
    memo->round++;
    if (memo->round == 0) {
        memset(memo->slots, 0, memo->slot_capacity * sizeof *memo->slots);
        memo->round = 1;
    }
}

static uint64_t hash_of(const uint64_t *words, uint32_t count)
{
    uint64_t hash = count;
    for (uint32_t i = 0; i < count; i++) {
        hash = (hash ^ words[i]) * 0x9e3779b97f4a7c15ull;
        hash ^= hash >> 29;
    }
    return hash * 0xd6e8feb86659fd93ull ^ hash >> 32;
}

static bool is_same(const struct linearize_memo *memo, const struct linearize_memo_slot *slot,
                    const uint64_t *words, uint32_t count)
{
    return slot->words == count &&
           memcmp(memo->words + slot->offset, words, count * sizeof *words) == 0;
}

static void grow_slots(struct linearize_memo *memo)
{
    struct linearize_memo_slot *const old = memo->slots;
    const size_t old_capacity = memo->slot_capacity;
    memo->slot_capacity *= 2;
    memo->slots = harness_alloc(memo->slot_capacity, sizeof *memo->slots);
    for (size_t i = 0; i < old_capacity; i++) {
        if (old[i].round != memo->round) {
            continue;
        }
        size_t place = old[i].hash & (memo->slot_capacity - 1);
        while (memo->slots[place].round == memo->round) {
            place = (place + 1) & (memo->slot_capacity - 1);
        }
        memo->slots[place] = old[i];
    }
    free(old);
}

bool linearize_memo_add(struct linearize_memo *memo, const uint64_t *words, uint32_t count)
{
    const uint64_t hash = hash_of(words, count);
    if ((memo->slot_count + 1) * 2 > memo->slot_capacity) {
        grow_slots(memo);
    }
    size_t place = hash & (memo->slot_capacity - 1);
    for (; memo->slots[place].round == memo->round;
         place = (place + 1) & (memo->slot_capacity - 1)) {
        if (memo->slots[place].hash == hash && is_same(memo, &memo->slots[place], words, count)) {
            return false;
        }
    }
    while (memo->word_count + count > memo->word_capacity) {
        memo->word_capacity *= 2;
        memo->words = harness_realloc(memo->words, memo->word_capacity, sizeof *memo->words);
    }
    memcpy(memo->words + memo->word_count, words, count * sizeof *words);
    memo->slots[place] = (struct linearize_memo_slot){
        .hash = hash, .offset = memo->word_count, .words = count, .round = memo->round};
    memo->word_count += count;
    memo->slot_count++;
    return true;
}

uint64_t linearize_memo_bytes(const struct linearize_memo *memo)
{
    return memo->word_count * sizeof *memo->words +
           memo->slot_count * 2 * sizeof(struct linearize_memo_slot);
}
