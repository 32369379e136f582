/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a wrong history short.
 */
#include "harness/history_shrink.h"

#include <stdlib.h>
#include <string.h>

#include "harness/count_check.h"
#include "harness/harness_alloc.h"
#include "harness/history_keys.h"
#include "harness/interval_check.h"
#include "harness/linearize.h"
#include "harness/presence.h"
#include "harness/shrink_segments.h"

struct shrinker {
    struct history history; /* the shortest that fails */
    history_fails_fn fails;
    void *context;
    size_t tries;
};

/* Makes the history that is left of `from` when the items with is_kept stay. */
typedef void (*build_fn)(const struct history *from, const void *items, const bool *is_kept,
                         struct history *built);

/* Take a history over if it fails. */
static bool try_history(struct shrinker *shrinker, struct history *candidate)
{
    shrinker->tries++;
    if (!shrinker->fails(shrinker->context, candidate)) {
        history_end(candidate);
        return false;
    }
    history_end(&shrinker->history);
    shrinker->history = *candidate;
    return true;
}

/* Do without as many items as possible: first all, then ever smaller groups of them. */
static void drop_items(struct shrinker *shrinker, const void *items, size_t count, build_fn build)
{
    struct history from;
    bool *const is_kept = harness_alloc(count, sizeof *is_kept);
    bool *const before = harness_alloc(count, sizeof *before);
    memset(is_kept, true, count);
    history_copy(&from, shrinker->history.ops, shrinker->history.count, shrinker->history.initial,
                 shrinker->history.initial_count);
    for (size_t group = count; group > 0; group /= 2) {
        for (size_t first = 0; first < count; first += group) {
            const size_t end = first + group < count ? first + group : count;
            if (memchr(is_kept + first, 1, end - first) == NULL) {
                continue;
            }
            struct history candidate;
            memcpy(before, is_kept, count);
            memset(is_kept + first, false, end - first);
            build(&from, items, is_kept, &candidate);
            if (!try_history(shrinker, &candidate)) {
                memcpy(is_kept, before, count);
            }
        }
    }
    history_end(&from);
    free(is_kept);
    free(before);
}

/* ---- keys ---- */

/* Which keys go, and what they surely have. */
struct leaving {
    const struct history_keys *keys;
    const bool *is_kept;
    struct presence presence;
};

static bool stays(const struct leaving *leaving, uint64_t key)
{
    const size_t k = history_keys_find(leaving->keys, key);
    return k == SIZE_MAX || leaving->is_kept[k];
}

/* What a count counted of the keys that go, if it is the same all through the call. */
static bool counted_of_leaving(const struct leaving *leaving, const struct history_op *op,
                               uint64_t *counted)
{
    const struct presence *const presence = &leaving->presence;
    size_t i = presence_find(presence, history_start(op));
    const int32_t low = presence->changes[i].low;
    for (; i < presence->count && presence->changes[i].time < history_stop(op); i++) {
        if (presence->changes[i].low != low || presence->changes[i].high != low) {
            return false;
        }
    }
    *counted = (uint64_t)low;
    return op->value >= *counted;
}

/* Take the keys that go out of the results. They are the history's own. */
static void leave_results(const struct leaving *leaving, struct history_op *op)
{
    struct history_result *const results = (struct history_result *)(uintptr_t)op->results;
    uint16_t count = 0;
    for (size_t r = 0; r < op->result_count; r++) {
        if (stays(leaving, results[r].key)) {
            results[count++] = results[r];
        }
    }
    op->value -= (uint64_t)(op->result_count - count);
    op->result_count = count;
    op->results = count != 0 ? results : NULL;
}

/* Whether a call stays, and with which answer. */
static bool adapt(const struct leaving *leaving, struct history_op *op)
{
    uint64_t counted = 0;
    if (op->kind <= HISTORY_CONTAINS) {
        return stays(leaving, op->key);
    }
    if (op->kind == HISTORY_COUNT && !history_is_pending(op) && op->answer == HISTORY_OK) {
        if (!counted_of_leaving(leaving, op, &counted)) {
            return false;
        }
        op->value -= counted;
    }
    if (op->kind == HISTORY_SEARCH) {
        leave_results(leaving, op);
    }
    return true;
}

/* The calls of the keys that go, and the clears, which concern them too. */
static void find_presence(struct leaving *leaving, const struct history *from)
{
    struct history_op *const ops = harness_alloc(from->count, sizeof *ops);
    struct history_result *const entries = harness_alloc(from->initial_count, sizeof *entries);
    struct linearize_initial initial = {.entries = entries};
    size_t count = 0;
    for (size_t i = 0; i < from->count; i++) {
        const struct history_op *const op = &from->ops[i];
        if (op->kind == HISTORY_CLEAR ||
            (op->kind <= HISTORY_CONTAINS && !stays(leaving, op->key))) {
            ops[count++] = *op;
        }
    }
    for (size_t i = 0; i < from->initial_count; i++) {
        if (!stays(leaving, from->initial[i].key)) {
            entries[initial.count++] = from->initial[i];
        }
    }
    presence_make(&leaving->presence, ops, count, &initial);
    free(ops);
    free(entries);
}

static void build_of_keys(const struct history *from, const void *items, const bool *is_kept,
                          struct history *built)
{
    struct leaving leaving = {.keys = items, .is_kept = is_kept};
    find_presence(&leaving, from);
    history_copy(built, from->ops, from->count, from->initial, from->initial_count);
    size_t count = 0;
    for (size_t i = 0; i < built->count; i++) {
        struct history_op op = built->ops[i];
        if (adapt(&leaving, &op)) {
            built->ops[count++] = op;
        }
    }
    built->count = count;
    count = 0;
    for (size_t i = 0; i < built->initial_count; i++) {
        if (stays(&leaving, built->initial[i].key)) {
            built->initial[count++] = built->initial[i];
        }
    }
    built->initial_count = count;
    presence_end(&leaving.presence);
}

static void drop_keys(struct shrinker *shrinker)
{
    struct history_keys keys;
    const struct history *const history = &shrinker->history;
    const struct linearize_initial initial = {history->initial, history->initial_count};
    history_keys_make(&keys, history->ops, history->count, &initial);
    drop_items(shrinker, &keys, keys.key_count, build_of_keys);
    history_keys_end(&keys);
}

/* ---- the end ---- */

static int by_time(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* What had happened when a return was seen. */
static void build_until(const struct history *from, uint64_t time, struct history *built)
{
    size_t count = 0;
    history_copy(built, from->ops, from->count, from->initial, from->initial_count);
    for (size_t i = 0; i < built->count; i++) {
        struct history_op op = built->ops[i];
        if (op.invoked > time) {
            continue;
        }
        if (op.returned > time) {
            op.returned = HISTORY_PENDING;
            op.result_count = 0;
            op.results = NULL;
            if (!history_has_effect(&op)) {
                continue;
            }
        }
        built->ops[count++] = op;
    }
    built->count = count;
}

/* The first return at which the history fails: it does so at every later one. */
static void drop_end(struct shrinker *shrinker)
{
    struct history from;
    history_copy(&from, shrinker->history.ops, shrinker->history.count, shrinker->history.initial,
                 shrinker->history.initial_count);
    uint64_t *const times = harness_alloc(from.count, sizeof *times);
    for (size_t i = 0; i < from.count; i++) {
        times[i] = from.ops[i].returned;
    }
    qsort(times, from.count, sizeof *times, by_time);
    size_t low = 0;
    size_t high = from.count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        struct history candidate;
        build_until(&from, times[middle], &candidate);
        if (try_history(shrinker, &candidate)) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    free(times);
    history_end(&from);
}

/* ---- reads ---- */

static void build_of_reads(const struct history *from, const void *items, const bool *is_kept,
                           struct history *built)
{
    size_t read = 0;
    size_t count = 0;
    (void)items;
    history_copy(built, from->ops, from->count, from->initial, from->initial_count);
    for (size_t i = 0; i < built->count; i++) {
        if (history_has_effect(&built->ops[i]) || is_kept[read++]) {
            built->ops[count++] = built->ops[i];
        }
    }
    built->count = count;
}

static void drop_reads(struct shrinker *shrinker)
{
    size_t reads = 0;
    for (size_t i = 0; i < shrinker->history.count; i++) {
        reads += !history_has_effect(&shrinker->history.ops[i]);
    }
    drop_items(shrinker, NULL, reads, build_of_reads);
}

/* ---- runs ---- */

static void build_of_segments(const struct history *from, const void *items, const bool *is_kept,
                              struct history *built)
{
    const struct shrink_segments *const segments = items;
    struct history_op *const ops = harness_alloc(segments->op_count, sizeof *ops);
    const size_t count = shrink_segments_build(segments, is_kept, ops);
    history_copy(built, ops, count, from->initial, from->initial_count);
    free(ops);
}

static void drop_runs(struct shrinker *shrinker)
{
    struct shrink_segments segments;
    struct history from;
    history_copy(&from, shrinker->history.ops, shrinker->history.count, shrinker->history.initial,
                 shrinker->history.initial_count);
    shrink_segments_make(&segments, &from);
    drop_items(shrinker, &segments, segments.count, build_of_segments);
    shrink_segments_end(&segments);
    history_end(&from);
}

static int by_invocation(const void *a, const void *b)
{
    const struct history_op *const x = a;
    const struct history_op *const y = b;
    return (x->invoked > y->invoked) - (x->invoked < y->invoked);
}

bool history_shrink(const struct history *history, history_fails_fn fails, void *context,
                    struct history *shrunk, struct history_shrink_report *report)
{
    struct shrinker shrinker = {.fails = fails, .context = context, .tries = 1};
    if (!fails(context, history)) {
        return false;
    }
    history_copy(&shrinker.history, history->ops, history->count, history->initial,
                 history->initial_count);
    size_t before = 0;
    do {
        before = shrinker.history.count;
        drop_keys(&shrinker);
        drop_end(&shrinker);
        drop_reads(&shrinker);
        drop_runs(&shrinker);
    } while (shrinker.history.count < before);
    *shrunk = shrinker.history;
    qsort(shrunk->ops, shrunk->count, sizeof *shrunk->ops, by_invocation);
    if (report != NULL) {
        *report = (struct history_shrink_report){
            .before = history->count, .after = shrunk->count, .tries = shrinker.tries};
    }
    return true;
}

bool history_fails_by_key(void *context, const struct history *history)
{
    const struct linearize_initial initial = {history->initial, history->initial_count};
    (void)context;
    return linearize_by_key(history->ops, history->count, &initial, NULL, NULL) == LINEARIZE_NO;
}

bool history_fails_count(void *context, const struct history *history)
{
    const struct linearize_initial initial = {history->initial, history->initial_count};
    (void)context;
    return !count_check(history->ops, history->count, &initial, NULL);
}

bool history_fails_search(void *context, const struct history *history)
{
    const struct linearize_initial initial = {history->initial, history->initial_count};
    (void)context;
    return !interval_check(history->ops, history->count, &initial, NULL, NULL, NULL);
}
