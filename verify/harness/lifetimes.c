/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lifetimes of values.
 */
#include "harness/lifetimes.h"

#include <stdlib.h>

#include "harness/harness_alloc.h"

/* A call that ends what was there, or shows that it is not: of one key, by start. */
struct ender {
    uint64_t start;
    uint64_t stop;
    uint64_t value; /* that it writes, which it does not end; 0 */
};

struct maker {
    const struct history_op *ops;
    struct lifetimes *to;
    size_t count;          /* of lifetimes so far */
    struct ender *showing; /* invoked after a value was seen: afterwards it is gone */
    size_t showing_count;
    struct ender *ending; /* may end a value */
    size_t ending_count;
    uint64_t *gone; /* the first stop of showing[i ..] */
};

static int by_start(const void *a, const void *b)
{
    const struct ender *const x = a;
    const struct ender *const y = b;
    return (x->start > y->start) - (x->start < y->start);
}

/* Whether the call shows that an entry of before is not there: it wrote, deleted, or found nothing.
   What get found is not used. */
static bool shows_gone(const struct history_op *op)
{
    if (history_is_pending(op)) {
        return false;
    }
    return op->answer == HISTORY_NOT_FOUND || history_has_effect(op);
}

/* An insert that took effect found nothing to end. */
static bool may_end(const struct history_op *op)
{
    return history_has_effect(op) && op->kind != HISTORY_INSERT;
}

static void add_ender(struct maker *maker, const struct history_op *op)
{
    const struct ender ender = {.start = history_start(op),
                                .stop = history_stop(op),
                                .value = history_is_write(op) ? op->value : 0};
    const bool is_clear = op->kind == HISTORY_CLEAR;
    if (is_clear ? !history_is_pending(op) && op->answer == HISTORY_OK : shows_gone(op)) {
        maker->showing[maker->showing_count++] = ender;
    }
    if (may_end(op)) {
        maker->ending[maker->ending_count++] = ender;
    }
}

static void gather_enders(struct maker *maker, const struct history_key *key)
{
    const struct history_keys *const keys = &maker->to->keys;
    maker->showing_count = 0;
    maker->ending_count = 0;
    for (size_t t = key->first; t < key->end; t++) {
        add_ender(maker, &maker->ops[keys->turns[t].op]);
    }
    for (size_t c = 0; c < keys->clear_count; c++) {
        add_ender(maker, &maker->ops[keys->clears[c].op]);
    }
    qsort(maker->showing, maker->showing_count, sizeof *maker->showing, by_start);
    qsort(maker->ending, maker->ending_count, sizeof *maker->ending, by_start);
    uint64_t gone = UINT64_MAX;
    for (size_t i = maker->showing_count; i > 0; i--) {
        gone = maker->showing[i - 1].stop < gone ? maker->showing[i - 1].stop : gone;
        maker->gone[i - 1] = gone;
    }
}

/* The lifetimes of one key with what is known from their writes. */
static void add_values(struct maker *maker, const struct history_key *key)
{
    struct lifetimes *const to = maker->to;
    if (key->initial != 0) {
        to->at[maker->count++] = (struct lifetime){.value = key->initial};
    }
    for (size_t t = key->first; t < key->end; t++) {
        const struct history_op *const op = &maker->ops[to->keys.turns[t].op];
        if (history_is_write(op) && history_has_effect(op)) {
            to->at[maker->count++] = (struct lifetime){.value = op->value,
                                                       .start = history_start(op),
                                                       .stop = history_stop(op),
                                                       .sure_from = history_stop(op)};
        }
    }
}

/*
 * The end of the sure part, before reads say more about `stop`. A write that overlaps with the one
 * before it is never sure; it takes over the end of that, so that ends never fall.
 */
static void end_sure(struct maker *maker, size_t first)
{
    size_t e = 0;
    uint64_t last = 0;
    for (size_t v = first; v < maker->count; v++) {
        struct lifetime *const life = &maker->to->at[v];
        while (e < maker->ending_count && maker->ending[e].stop <= life->start) {
            e++;
        }
        size_t next = e;
        if (next < maker->ending_count && maker->ending[next].value == life->value) {
            next++;
        }
        life->sure_until = next < maker->ending_count ? maker->ending[next].start : UINT64_MAX;
        if (life->sure_until < last) {
            life->sure_from = last;
            life->sure_until = last;
        }
        last = life->sure_until;
    }
}

static int by_value_of(const void *a, const void *b, void *context)
{
    const struct lifetime *const at = context;
    const uint64_t x = at[*(const size_t *)a].value;
    const uint64_t y = at[*(const size_t *)b].value;
    return (x > y) - (x < y);
}

static size_t find_value(const struct lifetimes *lifetimes, size_t first, size_t end,
                         uint64_t value)
{
    size_t low = first;
    size_t high = end;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (lifetimes->at[lifetimes->by_value[middle]].value < value) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const bool is_found = low < end && lifetimes->at[lifetimes->by_value[low]].value == value;
    return is_found ? lifetimes->by_value[low] : SIZE_MAX;
}

/* A value that a get saw was written before that returned. */
static void hear_reads(struct maker *maker, const struct history_key *key, size_t first)
{
    struct lifetimes *const to = maker->to;
    for (size_t t = key->first; t < key->end; t++) {
        const struct history_op *const op = &maker->ops[to->keys.turns[t].op];
        if (op->kind != HISTORY_GET || op->answer != HISTORY_OK) {
            continue;
        }
        const size_t v = find_value(to, first, maker->count, op->value);
        if (v != SIZE_MAX && history_stop(op) < to->at[v].stop) {
            to->at[v].stop = history_stop(op);
        }
    }
}

/* The first stop among the calls that start when the value is there for sure, or was. */
static uint64_t gone_after(const struct maker *maker, uint64_t stop)
{
    size_t low = 0;
    size_t high = maker->showing_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (maker->showing[middle].start < stop) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < maker->showing_count ? maker->gone[low] : UINT64_MAX;
}

static void make_key(struct maker *maker, size_t k)
{
    struct lifetimes *const to = maker->to;
    const struct history_key *const key = &to->keys.keys[k];
    const size_t first = maker->count;
    to->first[k] = first;
    gather_enders(maker, key);
    add_values(maker, key);
    end_sure(maker, first);
    for (size_t v = first; v < maker->count; v++) {
        to->by_value[v] = v;
    }
    qsort_r(to->by_value + first, maker->count - first, sizeof *to->by_value, by_value_of, to->at);
    hear_reads(maker, key, first);
    for (size_t v = first; v < maker->count; v++) {
        to->at[v].gone = gone_after(maker, to->at[v].stop);
    }
    to->first[k + 1] = maker->count;
}

void lifetimes_make(struct lifetimes *lifetimes, const struct history_op *ops, size_t count,
                    const struct linearize_initial *initial)
{
    struct maker maker = {.ops = ops, .to = lifetimes};
    history_keys_make(&lifetimes->keys, ops, count, initial);
    const struct history_keys *const keys = &lifetimes->keys;
    const size_t most = keys->turn_count + keys->key_count;
    lifetimes->at = harness_alloc(most, sizeof *lifetimes->at);
    lifetimes->by_value = harness_alloc(most, sizeof *lifetimes->by_value);
    lifetimes->first = harness_alloc(keys->key_count + 1, sizeof *lifetimes->first);
    const size_t enders = keys->turn_count + keys->clear_count;
    maker.showing = harness_alloc(enders, sizeof *maker.showing);
    maker.ending = harness_alloc(enders, sizeof *maker.ending);
    maker.gone = harness_alloc(enders, sizeof *maker.gone);
    for (size_t k = 0; k < keys->key_count; k++) {
        make_key(&maker, k);
    }
    free(maker.showing);
    free(maker.ending);
    free(maker.gone);
}

void lifetimes_end(struct lifetimes *lifetimes)
{
    history_keys_end(&lifetimes->keys);
    free(lifetimes->at);
    free(lifetimes->first);
    free(lifetimes->by_value);
}

const struct lifetime *lifetimes_find(const struct lifetimes *lifetimes, size_t k, uint64_t value)
{
    const size_t v = find_value(lifetimes, lifetimes->first[k], lifetimes->first[k + 1], value);
    return v != SIZE_MAX ? &lifetimes->at[v] : NULL;
}
