/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linearizability of large histories: the calls of each key by themselves.
 */
#include "harness/linearize.h"

#include <stdlib.h>

#include "harness/harness_alloc.h"
#include "harness/linearize_key.h"
#include "harness/sizes.h"

/* A call of a key. */
struct turn {
    uint64_t key;
    uint64_t invoked;
    size_t op;
};

struct clears {
    struct turn *turns; /* by invocation */
    uint32_t *places;   /* those under way at the same time have different ones */
    size_t count;
};

struct by_key {
    const struct history_op *ops;
    struct turn *turns; /* by key and invocation */
    size_t turn_count;
    struct clears clears;
    struct history_result *initial; /* by key */
    size_t initial_count;
    struct linearize_key_op *key_ops; /* of one key, for the search */
    struct linearize_limits limits;
    uint64_t deadline_ns;
    struct linearize_key search;
    struct linearize_report report;
};

static int by_key_and_time(const void *a, const void *b)
{
    const struct turn *const x = a;
    const struct turn *const y = b;
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

static void collect(struct by_key *all, const struct history_op *ops, size_t count)
{
    all->turns = harness_alloc(count, sizeof *all->turns);
    all->clears.turns = harness_alloc(count, sizeof *all->clears.turns);
    for (size_t i = 0; i < count; i++) {
        if (ops[i].kind == HISTORY_CLEAR) {
            all->clears.turns[all->clears.count++] = (struct turn){0, ops[i].invoked, i};
        } else if (ops[i].kind <= HISTORY_CONTAINS && matters(&ops[i])) {
            all->turns[all->turn_count++] = (struct turn){ops[i].key, ops[i].invoked, i};
        }
    }
    qsort(all->turns, all->turn_count, sizeof *all->turns, by_key_and_time);
    qsort(all->clears.turns, all->clears.count, sizeof *all->clears.turns, by_key_and_time);
}

/* Give clears their bits; a bit is free again when its clear returned before. */
static bool place_clears(struct by_key *all)
{
    uint64_t until[LINEARIZE_CLEARS_MAX];
    uint32_t used = 0;
    all->clears.places = harness_alloc(all->clears.count, sizeof *all->clears.places);
    for (size_t c = 0; c < all->clears.count; c++) {
        const struct history_op *const op = &all->ops[all->clears.turns[c].op];
        uint32_t place = 0;
        while (place < used && until[place] >= op->invoked) {
            place++;
        }
        if (place == LINEARIZE_CLEARS_MAX) {
            return false;
        }
        used = place == used ? used + 1 : used;
        until[place] = op->returned;
        all->clears.places[c] = place;
    }
    return true;
}

static void add_clear(struct by_key *all, size_t c, uint32_t *count)
{
    const struct linearize_key_op part = {.op = &all->ops[all->clears.turns[c].op],
                                          .number = all->clears.turns[c].op,
                                          .place = all->clears.places[c],
                                          .part = LINEARIZE_NOTE};
    all->key_ops[*count] = part;
    all->key_ops[*count + 1] = part;
    all->key_ops[*count + 1].part = LINEARIZE_WIPE;
    all->key_ops[*count + 1].partner = *count;
    *count += 2;
}

/* Merge the calls turns[first .. end) with the clears. */
static uint32_t gather(struct by_key *all, size_t first, size_t end)
{
    uint32_t count = 0;
    size_t c = 0;
    for (size_t t = first; t < end; t++) {
        for (; c < all->clears.count && all->clears.turns[c].invoked < all->turns[t].invoked; c++) {
            add_clear(all, c, &count);
        }
        all->key_ops[count++] = (struct linearize_key_op){
            .op = &all->ops[all->turns[t].op], .number = all->turns[t].op, .part = LINEARIZE_CALL};
    }
    for (; c < all->clears.count; c++) {
        add_clear(all, c, &count);
    }
    return count;
}

static uint64_t initial_of(const struct by_key *all, uint64_t key)
{
    const struct history_result wanted = {.key = key};
    const struct history_result *const found =
        bsearch(&wanted, all->initial, all->initial_count, sizeof *all->initial, by_entry_key);
    return found != NULL ? found->value : 0;
}

/* Take over what the search knows about its key. */
static void fill_report(struct by_key *all, uint64_t key, uint32_t count,
                        enum linearize_verdict verdict)
{
    const struct linearize_key *const search = &all->search;
    struct linearize_report *const report = &all->report;
    linearize_report_end(
        &(struct linearize_report){.order = report->order, .unplaced = report->unplaced});
    report->verdict = verdict;
    report->limit = search->limit;
    report->has_key = true;
    report->key = key;
    report->order_count = search->best_count;
    report->order = harness_alloc(search->best_count, sizeof *report->order);
    bool *const is_placed = harness_alloc(count, sizeof *is_placed);
    for (uint32_t i = 0; i < search->best_count; i++) {
        const struct linearize_key_op *const what = &search->ops[search->best[i]];
        is_placed[search->best[i]] = true;
        report->order[i] =
            (struct linearize_step){.op = what->number, .key = key, .part = what->part};
    }
    report->unplaced_count = 0;
    report->unplaced = harness_alloc(count, sizeof *report->unplaced);
    for (uint32_t i = 0; i < count; i++) {
        const struct linearize_key_op *const what = &search->ops[i];
        const bool is_counted = what->part == LINEARIZE_WIPE && !is_placed[what->partner];
        if (!is_placed[i] && !history_is_pending(what->op) && !is_counted) {
            report->unplaced[report->unplaced_count++] = what->number;
        }
    }
    free(is_placed);
}

static void check_keys(struct by_key *all)
{
    size_t first = 0;
    while (first < all->turn_count && all->report.verdict != LINEARIZE_NO) {
        const uint64_t key = all->turns[first].key;
        size_t end = first;
        while (end < all->turn_count && all->turns[end].key == key) {
            end++;
        }
        const uint32_t count = gather(all, first, end);
        const enum linearize_verdict verdict =
            linearize_key_check(&all->search, all->key_ops, count, initial_of(all, key),
                                &all->limits, all->deadline_ns);
        all->report.keys++;
        all->report.keys_unknown += verdict == LINEARIZE_UNKNOWN;
        all->report.steps += all->search.steps;
        if (verdict == LINEARIZE_NO ||
            (verdict == LINEARIZE_UNKNOWN && all->report.verdict == LINEARIZE_YES)) {
            fill_report(all, key, count, verdict);
        }
        first = end;
    }
}

static struct linearize_limits limits_of(const struct linearize_limits *limits)
{
    struct linearize_limits result = {0};
    if (limits != NULL) {
        result = *limits;
    }
    result.steps_max = result.steps_max != 0 ? result.steps_max : LINEARIZE_STEPS_MAX;
    result.ns_max = result.ns_max != 0 ? result.ns_max : LINEARIZE_NS_MAX;
    result.memory_bytes_max =
        result.memory_bytes_max != 0 ? result.memory_bytes_max : LINEARIZE_MEMORY_BYTES_MAX;
    return result;
}

enum linearize_verdict linearize_by_key(const struct history_op *ops, size_t count,
                                        const struct linearize_initial *initial,
                                        const struct linearize_limits *limits,
                                        struct linearize_report *report)
{
    struct by_key all = {.ops = ops,
                         .limits = limits_of(limits),
                         .initial_count = initial != NULL ? initial->count : 0};
    all.deadline_ns = linearize_clock_ns() + all.limits.ns_max;
    all.initial = harness_copy(initial != NULL ? initial->entries : NULL, all.initial_count,
                               sizeof *all.initial);
    qsort(all.initial, all.initial_count, sizeof *all.initial, by_entry_key);
    collect(&all, ops, count);
    all.key_ops = harness_alloc(all.turn_count + 2 * all.clears.count, sizeof *all.key_ops);
    all.report = (struct linearize_report){.verdict = LINEARIZE_YES};
    if (place_clears(&all)) {
        linearize_key_init(&all.search);
        check_keys(&all);
        linearize_key_end(&all.search);
    } else {
        all.report.verdict = LINEARIZE_UNKNOWN;
        all.report.limit = LINEARIZE_LIMIT_CLEARS;
    }
    free(all.turns);
    free(all.clears.turns);
    free(all.clears.places);
    free(all.initial);
    free(all.key_ops);
    const enum linearize_verdict verdict = all.report.verdict;
    if (report != NULL) {
        *report = all.report;
    } else {
        linearize_report_end(&all.report);
    }
    return verdict;
}
