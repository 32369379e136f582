/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Searches of large histories, held against the lifetimes of values.
 */
#include "harness/interval_check.h"

#include <inttypes.h>
#include <stdlib.h>

#include "harness/harness_alloc.h"
#include "harness/lifetimes.h"

/* Instants [from, until) at which the results cannot be all, because of `entry`. */
struct obstacle {
    uint64_t from;
    uint64_t until;
    uint64_t key;
    uint64_t value;
};

struct interval_checker {
    const struct history_op *ops;
    struct lifetimes lifetimes;
    uint32_t *result_of; /* of each key: which result of this search it is, from 1; 0 for none */
    struct obstacle *obstacles; /* of this search */
    size_t obstacle_count;
    interval_distance_fn distance;
    void *context;
    struct interval_report *report;
};

/* A moment of the history for an instant, rounded towards the outside. */
static struct interval_entry entry_of(uint64_t key, uint64_t value, uint64_t from, uint64_t until)
{
    return (struct interval_entry){.key = key,
                                   .value = value,
                                   .from = from / 2,
                                   .until = until == UINT64_MAX ? HISTORY_PENDING : until / 2};
}

static double distance_of(const struct interval_checker *checker, size_t search, uint64_t key,
                          uint64_t value)
{
    return checker->distance != NULL ? checker->distance(checker->context, search, key, value)
                                     : history_distance(&checker->ops[search], value);
}

/* Whether entry a comes before entry b in the answer to a search. */
static bool is_before(const struct interval_checker *checker, size_t search,
                      const struct history_result *a, const struct history_result *b)
{
    const double x = distance_of(checker, search, a->key, a->value);
    const double y = distance_of(checker, search, b->key, b->value);
    return x < y || (!(y < x) && a->key < b->key);
}

static bool fault(struct interval_checker *checker, size_t search, enum interval_fault what)
{
    checker->report->fault = what;
    checker->report->wrong = search;
    return false;
}

/* Order, number and keys of the results; each key is marked with its result. */
static bool check_form(struct interval_checker *checker, size_t search)
{
    const struct history_op *const op = &checker->ops[search];
    struct interval_report *const report = checker->report;
    if (op->answer != HISTORY_OK) {
        return fault(checker, search, INTERVAL_ANSWER);
    }
    if (op->result_count > op->value) {
        return fault(checker, search, INTERVAL_TOO_MANY);
    }
    for (uint32_t r = 0; r < op->result_count; r++) {
        const struct history_result *const result = &op->results[r];
        const size_t k = history_keys_find(&checker->lifetimes.keys, result->key);
        report->result = entry_of(result->key, result->value, 0, UINT64_MAX);
        if (k == SIZE_MAX || lifetimes_find(&checker->lifetimes, k, result->value) == NULL) {
            return fault(checker, search, INTERVAL_NEVER_WRITTEN);
        }
        if (checker->result_of[k] != 0) {
            const struct history_result *const other = &op->results[checker->result_of[k] - 1];
            report->other = entry_of(other->key, other->value, 0, UINT64_MAX);
            return fault(checker, search, INTERVAL_KEY_TWICE);
        }
        checker->result_of[k] = r + 1;
        if (r > 0 && !is_before(checker, search, &op->results[r - 1], result)) {
            report->other =
                entry_of(op->results[r - 1].key, op->results[r - 1].value, 0, UINT64_MAX);
            return fault(checker, search, INTERVAL_ORDER);
        }
    }
    return true;
}

/* The instants within the call at which all results can have been live. */
static bool check_together(struct interval_checker *checker, size_t search, uint64_t *from,
                           uint64_t *until)
{
    const struct history_op *const op = &checker->ops[search];
    struct interval_report *const report = checker->report;
    *from = history_start(op);
    *until = history_stop(op);
    for (uint32_t r = 0; r < op->result_count; r++) {
        const struct history_result *const result = &op->results[r];
        const size_t k = history_keys_find(&checker->lifetimes.keys, result->key);
        const struct lifetime *const life = lifetimes_find(&checker->lifetimes, k, result->value);
        const struct interval_entry entry =
            entry_of(result->key, result->value, life->start, life->gone);
        if (r == 0 || life->start > *from) {
            report->result = entry;
        }
        if (r == 0 || life->gone < *until) {
            report->other = entry;
        }
        *from = life->start > *from ? life->start : *from;
        *until = life->gone < *until ? life->gone : *until;
        if (*from >= *until) {
            return fault(checker, search, INTERVAL_NOT_TOGETHER);
        }
    }
    return true;
}

/* Whether an entry that is surely live, and is no result, belongs among the results. */
static bool belongs(const struct interval_checker *checker, size_t search, size_t k,
                    const struct history_result *entry)
{
    const struct history_op *const op = &checker->ops[search];
    const uint32_t r = checker->result_of[k];
    if (r != 0) {
        return op->results[r - 1].value != entry->value;
    }
    return op->result_count < op->value ||
           (op->result_count != 0 &&
            is_before(checker, search, entry, &op->results[op->result_count - 1]));
}

/* The first value of a key that is surely live after `from`: their ends never fall. */
static size_t first_sure_after(const struct lifetimes *lifetimes, size_t k, uint64_t from)
{
    size_t low = lifetimes->first[k];
    size_t high = lifetimes->first[k + 1];
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (lifetimes->at[middle].sure_until <= from) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void gather_obstacles(struct interval_checker *checker, size_t search, uint64_t from,
                             uint64_t until)
{
    const struct lifetimes *const lifetimes = &checker->lifetimes;
    checker->obstacle_count = 0;
    for (size_t k = 0; k < lifetimes->keys.key_count; k++) {
        for (size_t v = first_sure_after(lifetimes, k, from);
             v < lifetimes->first[k + 1] && lifetimes->at[v].start < until; v++) {
            const struct lifetime *const life = &lifetimes->at[v];
            const struct history_result entry = {lifetimes->keys.keys[k].key, life->value};
            if (life->sure_from < life->sure_until && life->sure_from < until &&
                belongs(checker, search, k, &entry)) {
                checker->obstacles[checker->obstacle_count++] =
                    (struct obstacle){life->sure_from, life->sure_until, entry.key, entry.value};
            }
        }
    }
}

static int by_obstacle_from(const void *a, const void *b)
{
    const struct obstacle *const x = a;
    const struct obstacle *const y = b;
    return (x->from > y->from) - (x->from < y->from);
}

/* Whether the obstacles leave an instant of [from, until). */
static bool check_missing(struct interval_checker *checker, size_t search, uint64_t from,
                          uint64_t until)
{
    struct interval_report *const report = checker->report;
    gather_obstacles(checker, search, from, until);
    if (checker->obstacle_count > 0) {
        qsort(checker->obstacles, checker->obstacle_count, sizeof *checker->obstacles,
              by_obstacle_from);
    }
    uint64_t free_from = from;
    for (size_t i = 0; i < checker->obstacle_count && free_from < until; i++) {
        const struct obstacle *const obstacle = &checker->obstacles[i];
        if (obstacle->from > free_from) {
            return true;
        }
        if (obstacle->until > free_from) {
            free_from = obstacle->until;
            report->other =
                entry_of(obstacle->key, obstacle->value, obstacle->from, obstacle->until);
        }
    }
    report->from = from / 2;
    report->until = until / 2;
    return free_from < until || fault(checker, search, INTERVAL_MISSING);
}

static bool check_search(struct interval_checker *checker, size_t search)
{
    const struct history_op *const op = &checker->ops[search];
    uint64_t from = 0;
    uint64_t until = 0;
    checker->report->searches++;
    const bool is_fine = check_form(checker, search) &&
                         check_together(checker, search, &from, &until) &&
                         check_missing(checker, search, from, until);
    for (uint32_t r = 0; r < op->result_count; r++) {
        const size_t k = history_keys_find(&checker->lifetimes.keys, op->results[r].key);
        if (k != SIZE_MAX) {
            checker->result_of[k] = 0;
        }
    }
    return is_fine;
}

bool interval_check(const struct history_op *ops, size_t count,
                    const struct linearize_initial *initial, interval_distance_fn distance,
                    void *context, struct interval_report *report)
{
    struct interval_report found = {.wrong = SIZE_MAX};
    struct interval_checker checker = {
        .ops = ops, .distance = distance, .context = context, .report = &found};
    lifetimes_make(&checker.lifetimes, ops, count, initial);
    const size_t keys = checker.lifetimes.keys.key_count;
    checker.result_of = harness_alloc(keys, sizeof *checker.result_of);
    checker.obstacles = harness_alloc(checker.lifetimes.first[keys], sizeof *checker.obstacles);
    bool is_fine = true;
    for (size_t i = 0; i < count && is_fine; i++) {
        if (ops[i].kind == HISTORY_SEARCH && !history_is_pending(&ops[i]) &&
            ops[i].answer != HISTORY_FAILED) {
            is_fine = check_search(&checker, i);
        }
    }
    lifetimes_end(&checker.lifetimes);
    free(checker.result_of);
    free(checker.obstacles);
    if (report != NULL) {
        *report = found;
    }
    return is_fine;
}

static void print_entry(FILE *file, const char *name, const struct interval_entry *entry,
                        bool has_interval)
{
    fprintf(file, "  %s: key %" PRIu64 " value %" PRIu64, name, entry->key, entry->value);
    if (has_interval && entry->until == HISTORY_PENDING) {
        fprintf(file, ", from %" PRIu64 " to the end", entry->from);
    } else if (has_interval) {
        fprintf(file, ", from %" PRIu64 " to %" PRIu64, entry->from, entry->until);
    }
    fputc('\n', file);
}

void interval_report_print(FILE *file, const struct interval_report *report,
                           const struct history_op *ops)
{
    static const char *const faults[] = {
        [INTERVAL_FINE] = "",
        [INTERVAL_ANSWER] = "no search answers so",
        [INTERVAL_TOO_MANY] = "there are more results than wanted",
        [INTERVAL_ORDER] = "a result does not come after the one before it",
        [INTERVAL_KEY_TWICE] = "a key is there twice",
        [INTERVAL_NEVER_WRITTEN] = "nobody wrote this value under this key",
        [INTERVAL_NOT_TOGETHER] = "the results cannot have been live at one instant of the call",
        [INTERVAL_MISSING] = "an entry is missing at each instant at which the results can be"};
    const bool is_fine = report->fault == INTERVAL_FINE;
    fprintf(file, "searches possible: %s, %zu judged\n", is_fine ? "yes" : "no", report->searches);
    if (is_fine) {
        return;
    }
    fprintf(file, "  #%zu ", report->wrong);
    history_op_print(file, &ops[report->wrong]);
    fprintf(file, "\n  %s\n", faults[report->fault]);
    const bool is_about_time = report->fault >= INTERVAL_NOT_TOGETHER;
    if (report->fault >= INTERVAL_ORDER && report->fault <= INTERVAL_NOT_TOGETHER) {
        print_entry(file, is_about_time ? "can have been live" : "result", &report->result,
                    is_about_time);
    }
    if (report->fault == INTERVAL_ORDER || report->fault == INTERVAL_KEY_TWICE) {
        print_entry(file, "other", &report->other, false);
    } else if (report->fault == INTERVAL_NOT_TOGETHER) {
        print_entry(file, "can have been live", &report->other, true);
    } else if (report->fault == INTERVAL_MISSING) {
        fprintf(file, "  the results can have been live together from %" PRIu64 " to %" PRIu64 "\n",
                report->from, report->until);
        print_entry(file, "surely was live", &report->other, true);
    }
}
