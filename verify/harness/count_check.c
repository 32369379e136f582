/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts of large histories, held against bounds at each instant.
 */
#include "harness/count_check.h"

#include <inttypes.h>
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

/* A bound changes. */
struct change {
    uint64_t time;
    int32_t low;
    int32_t high;
};

struct count_checker {
    const struct history_op *ops;
    struct history_keys keys;
    struct spans witnesses; /* calls of one key that show what is looked for ... */
    struct spans enders;    /* ... and those that may end it; both by start */
    struct spans sure;      /* of one key */
    struct change *changes; /* afterwards: by time, with sums instead of differences */
    size_t change_count;
    size_t change_capacity;
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
    if (spans->count > 0) {
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
static void add_sure(struct count_checker *checker)
{
    size_t e = 0;
    sort_spans(&checker->witnesses);
    sort_spans(&checker->enders);
    for (size_t w = 0; w < checker->witnesses.count; w++) {
        const struct span witness = checker->witnesses.at[w];
        while (e < checker->enders.count && checker->enders.at[e].until <= witness.from) {
            e++;
        }
        const uint64_t until = e < checker->enders.count ? checker->enders.at[e].from : UINT64_MAX;
        if (witness.until < until) {
            add_span(&checker->sure, witness.until, until);
        }
    }
    checker->witnesses.count = 0;
    checker->enders.count = 0;
}

static void add_change(struct count_checker *checker, uint64_t time, int32_t low, int32_t high)
{
    if (checker->change_count == checker->change_capacity) {
        checker->change_capacity *= 2;
        checker->changes =
            harness_realloc(checker->changes, checker->change_capacity, sizeof *checker->changes);
    }
    checker->changes[checker->change_count++] = (struct change){time, low, high};
}

/* Add what is sure about one key to a bound: `low` or `high` says by how much. */
static void add_to_bound(struct count_checker *checker, int32_t low, int32_t high)
{
    struct spans *const sure = &checker->sure;
    sort_spans(sure);
    for (size_t s = 0; s < sure->count;) {
        struct span merged = sure->at[s++];
        while (s < sure->count && sure->at[s].from <= merged.until) {
            merged.until = sure->at[s].until > merged.until ? sure->at[s].until : merged.until;
            s++;
        }
        add_change(checker, merged.from, low, high);
        add_change(checker, merged.until, -low, -high);
    }
    sure->count = 0;
}

static void add_present(struct count_checker *checker, const struct history_key *key)
{
    if (key->initial != 0) {
        add_span(&checker->witnesses, 0, 0);
    }
    for (size_t t = key->first; t < key->end; t++) {
        const struct history_op *const op = &checker->ops[checker->keys.turns[t].op];
        if (shows_present(op)) {
            add_span(&checker->witnesses, history_start(op), history_stop(op));
        }
        if (op->kind == HISTORY_DELETE && history_has_effect(op)) {
            add_span(&checker->enders, history_start(op), history_stop(op));
        }
    }
    for (size_t c = 0; c < checker->keys.clear_count; c++) {
        const struct history_op *const op = &checker->ops[checker->keys.clears[c].op];
        add_span(&checker->enders, history_start(op), history_stop(op));
    }
    add_sure(checker);
    add_to_bound(checker, 1, 0);
}

/* After a clear the key is absent unless a write that it may not have seen put something there. */
static void add_absent_after_clears(struct count_checker *checker, const struct history_key *key)
{
    for (size_t c = 0; c < checker->keys.clear_count; c++) {
        const struct history_op *const op = &checker->ops[checker->keys.clears[c].op];
        if (!history_is_pending(op) && op->answer == HISTORY_OK) {
            add_span(&checker->witnesses, history_start(op), history_stop(op));
        }
    }
    for (size_t t = key->first; t < key->end; t++) {
        const struct history_op *const op = &checker->ops[checker->keys.turns[t].op];
        if (history_is_write(op) && history_has_effect(op)) {
            add_span(&checker->enders, history_start(op), history_stop(op));
        }
    }
    add_sure(checker);
}

static void add_absent(struct count_checker *checker, const struct history_key *key)
{
    if (key->initial == 0) {
        add_span(&checker->witnesses, 0, 0);
    }
    for (size_t t = key->first; t < key->end; t++) {
        const struct history_op *const op = &checker->ops[checker->keys.turns[t].op];
        if (shows_absent(op)) {
            add_span(&checker->witnesses, history_start(op), history_stop(op));
        }
        if (may_make(op)) {
            add_span(&checker->enders, history_start(op), history_stop(op));
        }
    }
    add_sure(checker);
    add_absent_after_clears(checker, key);
    add_to_bound(checker, 0, -1);
}

static int by_change_time(const void *a, const void *b)
{
    const struct change *const x = a;
    const struct change *const y = b;
    return (x->time > y->time) - (x->time < y->time);
}

/* Sort the changes, one for each time, and sum them up: the bounds from each time on. */
static void sum_up(struct count_checker *checker)
{
    struct change *const changes = checker->changes;
    size_t used = 0;
    qsort(changes, checker->change_count, sizeof *changes, by_change_time);
    for (size_t i = 1; i < checker->change_count; i++) {
        const struct change last = changes[used];
        used += changes[i].time != last.time;
        changes[used] = (struct change){changes[i].time, last.low + changes[i].low,
                                        last.high + changes[i].high};
    }
    checker->change_count = used + 1;
}

/* The last change at or before a time. */
static size_t change_at(const struct count_checker *checker, uint64_t time)
{
    size_t low = 0;
    size_t high = checker->change_count;
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (checker->changes[middle].time <= time) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Hold one count against the bounds; it becomes the report's when it is wrong. */
static bool is_possible(const struct count_checker *checker, const struct history_op *op,
                        struct count_report *report)
{
    bool is_found = false;
    report->counts++;
    report->low = UINT64_MAX;
    report->high = 0;
    for (size_t i = change_at(checker, history_start(op));
         i < checker->change_count && checker->changes[i].time < history_stop(op); i++) {
        const uint64_t low = (uint64_t)checker->changes[i].low;
        const uint64_t high = (uint64_t)checker->changes[i].high;
        is_found = is_found || (low <= op->value && op->value <= high);
        report->low = low < report->low ? low : report->low;
        report->high = high > report->high ? high : report->high;
        report->widest_gap = high - low > report->widest_gap ? high - low : report->widest_gap;
    }
    return is_found && op->answer == HISTORY_OK;
}

bool count_check(const struct history_op *ops, size_t count,
                 const struct linearize_initial *initial, struct count_report *report)
{
    struct count_report found = {.wrong = SIZE_MAX};
    struct count_checker checker = {.ops = ops, .change_capacity = 1024};
    history_keys_make(&checker.keys, ops, count, initial);
    checker.changes = harness_alloc(checker.change_capacity, sizeof *checker.changes);
    add_change(&checker, 0, 0, (int32_t)checker.keys.key_count);
    for (size_t k = 0; k < checker.keys.key_count; k++) {
        add_present(&checker, &checker.keys.keys[k]);
        add_absent(&checker, &checker.keys.keys[k]);
    }
    sum_up(&checker);
    for (size_t i = 0; i < count && found.wrong == SIZE_MAX; i++) {
        if (ops[i].kind == HISTORY_COUNT && !history_is_pending(&ops[i]) &&
            ops[i].answer != HISTORY_FAILED && !is_possible(&checker, &ops[i], &found)) {
            found.wrong = i;
        }
    }
    history_keys_end(&checker.keys);
    free(checker.witnesses.at);
    free(checker.enders.at);
    free(checker.sure.at);
    free(checker.changes);
    if (report != NULL) {
        *report = found;
    }
    return found.wrong == SIZE_MAX;
}

void count_report_print(FILE *file, const struct count_report *report, const struct history_op *ops)
{
    fprintf(file, "counts possible: %s, %zu judged, bounds up to %" PRIu64 " apart\n",
            report->wrong == SIZE_MAX ? "yes" : "no", report->counts, report->widest_gap);
    if (report->wrong != SIZE_MAX) {
        fprintf(file, "  #%zu ", report->wrong);
        history_op_print(file, &ops[report->wrong]);
        fprintf(file,
                "\n  there were at least %" PRIu64 " and at most %" PRIu64
                " entries during that call, and at no instant so many\n",
                report->low, report->high);
    }
}
