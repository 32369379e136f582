/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many keys are present, for sure and at most.
 */
#include "harness/presence.h"

#include <stdlib.h>

#include "harness/harness_alloc.h"
#include "harness/history_keys.h"

/* Instants [from, until). */
struct span {
    uint64_t from;
    uint64_t until;
};

struct spans {
    struct span *at;
    size_t count;
    size_t capacity;
};

struct presence_maker {
    const struct history_op *ops;
    struct history_keys keys;
    struct spans witnesses; /* calls of one key that show what is looked for ... */
    struct spans enders;    /* ... and those that may end it; both by start */
    struct spans sure;      /* of one key */
    struct presence *to;
    size_t capacity; /* of its changes */
};

static void add_span(struct spans *spans, uint64_t from, uint64_t until)
{
    if (spans->count == spans->capacity) {
        spans->capacity = spans->capacity != 0 ? 2 * spans->capacity : 64;
        spans->at = harness_realloc(spans->at, spans->capacity, sizeof *spans->at);
    }
    spans->at[spans->count++] = (struct span){from, until};
}

static int by_from(const void *a, const void *b)
{
    const struct span *const x = a;
    const struct span *const y = b;
    return (x->from > y->from) - (x->from < y->from);
}

static void sort_spans(struct spans *spans)
{
    if (spans->count > 1) {
        qsort(spans->at, spans->count, sizeof *spans->at, by_from);
    }
}

/* Whether the call shows that the key was there at an instant of it, or was made to be. */
static bool shows_present(const struct history_op *op)
{
    if (history_is_pending(op)) {
        return false;
    }
    return op->kind == HISTORY_INSERT || (op->answer == HISTORY_OK && op->kind != HISTORY_DELETE);
}

static bool shows_absent(const struct history_op *op)
{
    if (history_is_pending(op)) {
        return false;
    }
    return op->answer == HISTORY_NOT_FOUND || op->kind == HISTORY_DELETE;
}

static bool may_make(const struct history_op *op)
{
    return history_has_effect(op) && (op->kind == HISTORY_INSERT || op->kind == HISTORY_UPSERT);
}

/*
 * Each witness holds from its stop to the first start of an ender that does not stop before the
 * witness starts. Those that stop before are passed over for good, since witnesses come by start.
 */
static void add_sure(struct presence_maker *maker)
{
    size_t e = 0;
    sort_spans(&maker->witnesses);
    sort_spans(&maker->enders);
    for (size_t w = 0; w < maker->witnesses.count; w++) {
        const struct span witness = maker->witnesses.at[w];
        while (e < maker->enders.count && maker->enders.at[e].until <= witness.from) {
            e++;
        }
        const uint64_t until = e < maker->enders.count ? maker->enders.at[e].from : UINT64_MAX;
        if (witness.until < until) {
            add_span(&maker->sure, witness.until, until);
        }
    }
    maker->witnesses.count = 0;
    maker->enders.count = 0;
}

static void add_change(struct presence_maker *maker, uint64_t time, int32_t low, int32_t high)
{
    struct presence *const to = maker->to;
    if (to->count == maker->capacity) {
        maker->capacity *= 2;
        to->changes = harness_realloc(to->changes, maker->capacity, sizeof *to->changes);
    }
    to->changes[to->count++] = (struct presence_change){time, low, high};
}

/* Add what is sure about one key to a bound: `low` or `high` says by how much. */
static void add_to_bound(struct presence_maker *maker, int32_t low, int32_t high)
{
    struct spans *const sure = &maker->sure;
    sort_spans(sure);
    for (size_t s = 0; s < sure->count;) {
        struct span merged = sure->at[s++];
        while (s < sure->count && sure->at[s].from <= merged.until) {
            merged.until = sure->at[s].until > merged.until ? sure->at[s].until : merged.until;
            s++;
        }
        add_change(maker, merged.from, low, high);
        add_change(maker, merged.until, -low, -high);
    }
    sure->count = 0;
}

static void add_present(struct presence_maker *maker, const struct history_key *key)
{
    if (key->initial != 0) {
        add_span(&maker->witnesses, 0, 0);
    }
    for (size_t t = key->first; t < key->end; t++) {
        const struct history_op *const op = &maker->ops[maker->keys.turns[t].op];
        if (shows_present(op)) {
            add_span(&maker->witnesses, history_start(op), history_stop(op));
        }
        if (op->kind == HISTORY_DELETE && history_has_effect(op)) {
            add_span(&maker->enders, history_start(op), history_stop(op));
        }
    }
    for (size_t c = 0; c < maker->keys.clear_count; c++) {
        const struct history_op *const op = &maker->ops[maker->keys.clears[c].op];
        add_span(&maker->enders, history_start(op), history_stop(op));
    }
    add_sure(maker);
    add_to_bound(maker, 1, 0);
}

/* After a clear the key is absent unless a write that it may not have seen put something there. */
static void add_absent_after_clears(struct presence_maker *maker, const struct history_key *key)
{
    for (size_t c = 0; c < maker->keys.clear_count; c++) {
        const struct history_op *const op = &maker->ops[maker->keys.clears[c].op];
        if (!history_is_pending(op) && op->answer == HISTORY_OK) {
            add_span(&maker->witnesses, history_start(op), history_stop(op));
        }
    }
    for (size_t t = key->first; t < key->end; t++) {
        const struct history_op *const op = &maker->ops[maker->keys.turns[t].op];
        if (history_is_write(op) && history_has_effect(op)) {
            add_span(&maker->enders, history_start(op), history_stop(op));
        }
    }
    add_sure(maker);
}

static void add_absent(struct presence_maker *maker, const struct history_key *key)
{
    if (key->initial == 0) {
        add_span(&maker->witnesses, 0, 0);
    }
    for (size_t t = key->first; t < key->end; t++) {
        const struct history_op *const op = &maker->ops[maker->keys.turns[t].op];
        if (shows_absent(op)) {
            add_span(&maker->witnesses, history_start(op), history_stop(op));
        }
        if (may_make(op)) {
            add_span(&maker->enders, history_start(op), history_stop(op));
        }
    }
    add_sure(maker);
    add_absent_after_clears(maker, key);
    add_to_bound(maker, 0, -1);
}

static int by_change_time(const void *a, const void *b)
{
    const struct presence_change *const x = a;
    const struct presence_change *const y = b;
    return (x->time > y->time) - (x->time < y->time);
}

/* Sort the changes, one for each time, and sum them up: the bounds from each time on. */
static void sum_up(struct presence *presence)
{
    struct presence_change *const changes = presence->changes;
    size_t used = 0;
    qsort(changes, presence->count, sizeof *changes, by_change_time);
    for (size_t i = 1; i < presence->count; i++) {
        const struct presence_change last = changes[used];
        used += changes[i].time != last.time;
        changes[used] = (struct presence_change){changes[i].time, last.low + changes[i].low,
                                                 last.high + changes[i].high};
    }
    presence->count = used + 1;
}

void presence_make(struct presence *presence, const struct history_op *ops, size_t count,
                   const struct linearize_initial *initial)
{
    struct presence_maker maker = {.ops = ops, .to = presence, .capacity = 1024};
    history_keys_make(&maker.keys, ops, count, initial);
    presence->count = 0;
    presence->changes = harness_alloc(maker.capacity, sizeof *presence->changes);
    add_change(&maker, 0, 0, (int32_t)maker.keys.key_count);
    for (size_t k = 0; k < maker.keys.key_count; k++) {
        add_present(&maker, &maker.keys.keys[k]);
        add_absent(&maker, &maker.keys.keys[k]);
    }
    sum_up(presence);
    history_keys_end(&maker.keys);
    free(maker.witnesses.at);
    free(maker.enders.at);
    free(maker.sure.at);
}

void presence_end(struct presence *presence)
{
    free(presence->changes);
    *presence = (struct presence){.count = 0};
}

size_t presence_find(const struct presence *presence, uint64_t time)
{
    size_t low = 0;
    size_t high = presence->count;
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (presence->changes[middle].time <= time) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}
