/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Histories: names, what makes a history one that can be judged, copies.
 */
#include "harness/history.h"

#include <inttypes.h>
#include <stdlib.h>

#include "harness/harness_alloc.h"

static const char *const kind_names[HISTORY_KINDS] = {
    [HISTORY_INSERT] = "insert", [HISTORY_UPSERT] = "upsert", [HISTORY_UPDATE] = "update",
    [HISTORY_DELETE] = "delete", [HISTORY_GET] = "get",       [HISTORY_CONTAINS] = "contains",
    [HISTORY_COUNT] = "count",   [HISTORY_CLEAR] = "clear",   [HISTORY_SEARCH] = "search"};

static const char *const answer_names[HISTORY_ANSWERS] = {[HISTORY_OK] = "ok",
                                                          [HISTORY_EXISTS] = "exists",
                                                          [HISTORY_NOT_FOUND] = "not_found",
                                                          [HISTORY_FAILED] = "failed"};

const char *history_kind_name(uint32_t kind)
{
    return kind < HISTORY_KINDS ? kind_names[kind] : "?";
}

const char *history_answer_name(uint32_t answer)
{
    return answer < HISTORY_ANSWERS ? answer_names[answer] : "?";
}

void history_end(struct history *history)
{
    free(history->ops);
    free(history->initial);
    free(history->results);
    *history = (struct history){.ops = NULL};
}

void history_copy(struct history *copy, const struct history_op *ops, size_t count,
                  const struct history_result *initial, size_t initial_count)
{
    size_t results = 0;
    for (size_t i = 0; i < count; i++) {
        results += ops[i].result_count;
    }
    *copy = (struct history){.ops = harness_copy(ops, count, sizeof *ops),
                             .count = count,
                             .initial = harness_copy(initial, initial_count, sizeof *initial),
                             .initial_count = initial_count,
                             .results = harness_alloc(results, sizeof *copy->results),
                             .result_count = results};
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        struct history_op *const op = &copy->ops[i];
        struct history_result *const to = copy->results + used;
        for (size_t r = 0; r < op->result_count; r++) {
            to[r] = op->results[r];
        }
        op->results = op->result_count != 0 ? to : NULL;
        used += op->result_count;
    }
}

bool history_has_effect(const struct history_op *op)
{
    if (op->kind == HISTORY_CLEAR) {
        return true;
    }
    return op->kind <= HISTORY_DELETE && (history_is_pending(op) || op->answer == HISTORY_OK);
}

double history_distance(const struct history_op *search, uint64_t value)
{
    return search->key == HISTORY_QUERY_ABOVE ? -(double)value : (double)value;
}

/* What is wrong with one call by itself. */
static const char *op_fault(const struct history_op *op)
{
    if (op->kind >= HISTORY_KINDS || op->answer >= HISTORY_ANSWERS) {
        return "no such kind or answer";
    }
    if (op->invoked >= HISTORY_TIME_MAX) {
        return "the invocation is out of range";
    }
    if (!history_is_pending(op) &&
        (op->returned <= op->invoked || op->returned >= HISTORY_TIME_MAX)) {
        return "the return is out of range or not after the invocation";
    }
    if (history_is_write(op) && (op->value == 0 || op->value >= HISTORY_TORN)) {
        return "a write without a value of its own";
    }
    if ((op->result_count != 0) != (op->results != NULL) ||
        (op->result_count != 0 && op->kind != HISTORY_SEARCH)) {
        return "results where there are none, or none where there are some";
    }
    return NULL;
}

struct value_of {
    uint64_t value;
    size_t op;
};

static int by_value(const void *a, const void *b)
{
    const struct value_of *const x = a;
    const struct value_of *const y = b;
    return (x->value > y->value) - (x->value < y->value);
}

struct turn_of {
    uint64_t invoked;
    uint64_t returned;
    size_t op;
    uint32_t thread;
};

static int by_turn(const void *a, const void *b)
{
    const struct turn_of *const x = a;
    const struct turn_of *const y = b;
    if (x->thread != y->thread) {
        return x->thread < y->thread ? -1 : 1;
    }
    return (x->invoked > y->invoked) - (x->invoked < y->invoked);
}

/* Calls of one thread come one after the other. */
static const char *turn_fault(const struct history_op *ops, size_t count, size_t *bad)
{
    const char *fault = NULL;
    struct turn_of *const turns = harness_alloc(count, sizeof *turns);
    for (size_t i = 0; i < count; i++) {
        turns[i] = (struct turn_of){ops[i].invoked, ops[i].returned, i, ops[i].thread};
    }
    qsort(turns, count, sizeof *turns, by_turn);
    for (size_t i = 1; i < count && fault == NULL; i++) {
        if (turns[i].thread == turns[i - 1].thread && turns[i].invoked < turns[i - 1].returned) {
            fault = "the thread had not returned from its call before";
            *bad = turns[i].op;
        }
    }
    free(turns);
    return fault;
}

/* Values name one write each. */
static const char *value_fault(const struct history_op *ops, size_t count,
                               const struct history_result *initial, size_t initial_count,
                               size_t *bad)
{
    const char *fault = NULL;
    struct value_of *const values = harness_alloc(count + initial_count, sizeof *values);
    size_t used = 0;
    for (size_t i = 0; i < initial_count; i++) {
        values[used++] = (struct value_of){initial[i].value, count};
    }
    for (size_t i = 0; i < count; i++) {
        if (history_is_write(&ops[i])) {
            values[used++] = (struct value_of){ops[i].value, i};
        }
    }
    qsort(values, used, sizeof *values, by_value);
    for (size_t i = 1; i < used && fault == NULL; i++) {
        if (values[i].value == values[i - 1].value) {
            fault = "two writes have the same value";
            *bad = values[i].op != count ? values[i].op : values[i - 1].op;
        }
    }
    free(values);
    return fault;
}

/* The entries of the beginning have values, and keys of their own. */
static const char *initial_fault(const struct history_result *initial, size_t initial_count)
{
    const char *fault = NULL;
    struct value_of *const keys = harness_alloc(initial_count, sizeof *keys);
    for (size_t i = 0; i < initial_count; i++) {
        keys[i].value = initial[i].key;
        if (initial[i].value == 0 || initial[i].value >= HISTORY_TORN) {
            fault = "an initial entry without a value";
        }
    }
    qsort(keys, initial_count, sizeof *keys, by_value);
    for (size_t i = 1; i < initial_count && fault == NULL; i++) {
        if (keys[i].value == keys[i - 1].value) {
            fault = "two initial entries have the same key";
        }
    }
    free(keys);
    return fault;
}

const char *history_fault(const struct history_op *ops, size_t count,
                          const struct history_result *initial, size_t initial_count, size_t *bad)
{
    for (size_t i = 0; i < count; i++) {
        const char *const fault = op_fault(&ops[i]);
        if (fault != NULL) {
            *bad = i;
            return fault;
        }
    }
    *bad = count;
    const char *fault = initial_fault(initial, initial_count);
    fault = fault != NULL ? fault : turn_fault(ops, count, bad);
    return fault != NULL ? fault : value_fault(ops, count, initial, initial_count, bad);
}

void history_op_print(FILE *file, const struct history_op *op)
{
    const bool is_pending = history_is_pending(op);
    fprintf(file, "t%" PRIu32 " [%" PRIu64 ", ", op->thread, op->invoked);
    if (is_pending) {
        fprintf(file, "never] %s", history_kind_name(op->kind));
    } else {
        fprintf(file, "%" PRIu64 "] %s", op->returned, history_kind_name(op->kind));
    }
    if (op->kind <= HISTORY_CONTAINS) {
        fprintf(file, " key %" PRIu64, op->key);
    } else if (op->kind == HISTORY_SEARCH) {
        fprintf(file, " of %" PRIu64 " from %s", op->value,
                op->key == HISTORY_QUERY_ABOVE ? "above" : "below");
    }
    if (history_is_write(op)) {
        fprintf(file, " value %" PRIu64, op->value);
    }
    if (is_pending) {
        return;
    }
    fprintf(file, ": %s", history_answer_name(op->answer));
    if (op->answer == HISTORY_OK && op->kind == HISTORY_GET && op->value == HISTORY_TORN) {
        fprintf(file, " a torn value");
    } else if (op->answer == HISTORY_OK && (op->kind == HISTORY_GET || op->kind == HISTORY_COUNT)) {
        fprintf(file, " %" PRIu64, op->value);
    }
    for (size_t r = 0; r < op->result_count; r++) {
        fprintf(file, " %" PRIu64 "=%" PRIu64, op->results[r].key, op->results[r].value);
    }
}
