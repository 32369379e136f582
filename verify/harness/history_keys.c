/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A history sorted by keys.
 */
#include "harness/history_keys.h"

#include <stdlib.h>

#include "harness/harness_alloc.h"

static int by_key_and_time(const void *a, const void *b)
{
    const struct history_turn *const x = a;
    const struct history_turn *const y = b;
    if (x->key != y->key) {
        return x->key < y->key ? -1 : 1;
    }
    if (x->invoked != y->invoked) {
        return x->invoked < y->invoked ? -1 : 1;
    }
    return (x->op > y->op) - (x->op < y->op);
}

static int by_entry_key(const void *a, const void *b)
{
    const struct history_result *const x = a;
    const struct history_result *const y = b;
    return (x->key > y->key) - (x->key < y->key);
}

/* Calls that failed did nothing, and reads that never returned say nothing. */
static bool matters(const struct history_op *op)
{
    return history_is_pending(op) ? history_has_effect(op) : op->answer != HISTORY_FAILED;
}

static void collect(struct history_keys *keys, const struct history_op *ops, size_t count)
{
    keys->turns = harness_alloc(count, sizeof *keys->turns);
    keys->clears = harness_alloc(count, sizeof *keys->clears);
    for (size_t i = 0; i < count; i++) {
        if (ops[i].kind == HISTORY_CLEAR) {
            keys->clears[keys->clear_count++] = (struct history_turn){0, ops[i].invoked, i};
        } else if (ops[i].kind <= HISTORY_CONTAINS && matters(&ops[i])) {
            keys->turns[keys->turn_count++] = (struct history_turn){ops[i].key, ops[i].invoked, i};
        }
    }
    qsort(keys->turns, keys->turn_count, sizeof *keys->turns, by_key_and_time);
    qsort(keys->clears, keys->clear_count, sizeof *keys->clears, by_key_and_time);
}

void history_keys_make(struct history_keys *keys, const struct history_op *ops, size_t count,
                       const struct linearize_initial *initial)
{
    const size_t entry_count = initial != NULL ? initial->count : 0;
    struct history_result *const entries =
        harness_copy(initial != NULL ? initial->entries : NULL, entry_count, sizeof *entries);
    *keys = (struct history_keys){.turns = NULL};
    collect(keys, ops, count);
    qsort(entries, entry_count, sizeof *entries, by_entry_key);
    keys->keys = harness_alloc(keys->turn_count + entry_count, sizeof *keys->keys);
    size_t t = 0;
    size_t e = 0;
    while (t < keys->turn_count || e < entry_count) {
        struct history_key *const key = &keys->keys[keys->key_count++];
        const bool is_called =
            t < keys->turn_count && (e == entry_count || keys->turns[t].key <= entries[e].key);
        key->key = is_called ? keys->turns[t].key : entries[e].key;
        key->first = t;
        while (t < keys->turn_count && keys->turns[t].key == key->key) {
            t++;
        }
        key->end = t;
        if (e < entry_count && entries[e].key == key->key) {
            key->initial = entries[e++].value;
        }
    }
    free(entries);
}

void history_keys_end(struct history_keys *keys)
{
    free(keys->turns);
    free(keys->clears);
    free(keys->keys);
    *keys = (struct history_keys){.turns = NULL};
}

size_t history_keys_find(const struct history_keys *keys, uint64_t key)
{
    size_t low = 0;
    size_t high = keys->key_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (keys->keys[middle].key < key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < keys->key_count && keys->keys[low].key == key ? low : SIZE_MAX;
}
