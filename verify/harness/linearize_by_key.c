/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linearizability of large histories: the calls of each key by themselves.
 */
#include "harness/linearize.h"

#include <stdlib.h>

#include "harness/harness_alloc.h"
#include "harness/history_keys.h"
#include "harness/linearize_key.h"
#include "harness/sizes.h"

struct by_key {
    const struct history_op *ops;
    struct history_keys keys;
    uint32_t *places; /* of each clear: those under way at once have different ones */
    struct linearize_key_op *key_ops; /* of one key, for the search */
    struct linearize_limits limits;
    uint64_t deadline_ns;
    struct linearize_key search;
    struct linearize_report report;
};

/* Give clears their bits; a bit is free again when its clear returned before. */
static bool place_clears(struct by_key *all)
{
    uint64_t until[LINEARIZE_CLEARS_MAX];
    uint32_t used = 0;
    all->places = harness_alloc(all->keys.clear_count, sizeof *all->places);
    for (size_t c = 0; c < all->keys.clear_count; c++) {
        const struct history_op *const op = &all->ops[all->keys.clears[c].op];
        uint32_t place = 0;
        while (place < used && until[place] >= op->invoked) {
            place++;
        }
        if (place == LINEARIZE_CLEARS_MAX) {
            return false;
        }
        used = place == used ? used + 1 : used;
        until[place] = op->returned;
        all->places[c] = place;
    }
    return true;
}

static void add_clear(struct by_key *all, size_t c, uint32_t *count)
{
    const struct linearize_key_op part = {.op = &all->ops[all->keys.clears[c].op],
                                          .number = all->keys.clears[c].op,
                                          .place = all->places[c],
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
        for (;
             c < all->keys.clear_count && all->keys.clears[c].invoked < all->keys.turns[t].invoked;
             c++) {
            add_clear(all, c, &count);
        }
        all->key_ops[count++] = (struct linearize_key_op){.op = &all->ops[all->keys.turns[t].op],
                                                          .number = all->keys.turns[t].op,
                                                          .part = LINEARIZE_CALL};
    }
    for (; c < all->keys.clear_count; c++) {
        add_clear(all, c, &count);
    }
    return count;
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
    struct linearize_report *const report = &all->report;
    for (size_t k = 0; k < all->keys.key_count && report->verdict != LINEARIZE_NO; k++) {
        const struct history_key *const key = &all->keys.keys[k];
        if (key->first == key->end) {
            continue;
        }
        const uint32_t count = gather(all, key->first, key->end);
        const enum linearize_verdict verdict = linearize_key_check(
            &all->search, all->key_ops, count, key->initial, &all->limits, all->deadline_ns);
        report->keys++;
        report->keys_unknown += verdict == LINEARIZE_UNKNOWN;
        report->steps += all->search.steps;
        if (verdict == LINEARIZE_NO ||
            (verdict == LINEARIZE_UNKNOWN && report->verdict == LINEARIZE_YES)) {
            fill_report(all, key->key, count, verdict);
        }
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
    struct by_key all = {.ops = ops, .limits = limits_of(limits)};
    all.deadline_ns = linearize_clock_ns() + all.limits.ns_max;
    history_keys_make(&all.keys, ops, count, initial);
    all.key_ops =
        harness_alloc(all.keys.turn_count + 2 * all.keys.clear_count, sizeof *all.key_ops);
    all.report = (struct linearize_report){.verdict = LINEARIZE_YES};
    if (place_clears(&all)) {
        linearize_key_init(&all.search);
        check_keys(&all);
        linearize_key_end(&all.search);
    } else {
        all.report.verdict = LINEARIZE_UNKNOWN;
        all.report.limit = LINEARIZE_LIMIT_CLEARS;
    }
    history_keys_end(&all.keys);
    free(all.places);
    free(all.key_ops);
    const enum linearize_verdict verdict = all.report.verdict;
    if (report != NULL) {
        *report = all.report;
    } else {
        linearize_report_end(&all.report);
    }
    return verdict;
}
