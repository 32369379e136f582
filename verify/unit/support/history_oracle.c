/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every order of a few calls, run against a map.
 */
#include "support/history_oracle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "support/history_sim.h"

enum { OPS = HISTORY_ORACLE_OPS_MAX, KEYS = HISTORY_ORACLE_KEYS_MAX };
enum progress { NOT_BEGUN, NOTED, OVER };

/* The index at one moment of one order. */
struct world {
    uint64_t keys[KEYS];
    uint64_t values[KEYS]; /* 0: absent */
    uint32_t key_count;
    enum progress progress[OPS];
    uint64_t noted[OPS][KEYS]; /* by a clear and not yet looked at again; 0: nothing */
};

static uint32_t find_key(struct world *world, uint64_t key)
{
    for (uint32_t k = 0; k < world->key_count; k++) {
        if (world->keys[k] == key) {
            return k;
        }
    }
    assert_true(world->key_count < KEYS);
    world->keys[world->key_count] = key;
    return world->key_count++;
}

static bool answer_is(const struct history_op *op, enum history_answer answer)
{
    return history_is_pending(op) || op->answer == answer;
}

static bool search_answer_is(const struct world *world, const struct history_op *op)
{
    bool is_used[KEYS] = {false};
    uint64_t r = 0;
    for (; r < op->value; r++) {
        uint32_t nearest = KEYS;
        for (uint32_t k = 0; k < world->key_count; k++) {
            if (world->values[k] == 0 || is_used[k]) {
                continue;
            }
            if (nearest == KEYS ||
                (op->key == HISTORY_QUERY_ABOVE ? world->values[k] > world->values[nearest]
                                                : world->values[k] < world->values[nearest])) {
                nearest = k;
            }
        }
        if (nearest == KEYS) {
            break;
        }
        is_used[nearest] = true;
        if (r >= op->result_count || op->results[r].key != world->keys[nearest] ||
            op->results[r].value != world->values[nearest]) {
            return false;
        }
    }
    return r == op->result_count;
}

/* Do a call, all but a clear; whether it answers what the history says. */
static bool call(struct world *world, const struct history_op *op)
{
    uint64_t live = 0;
    uint64_t *const value =
        &world->values[op->kind <= HISTORY_CONTAINS ? find_key(world, op->key) : 0];
    const uint64_t old = *value;
    switch (op->kind) {
    case HISTORY_INSERT:
        *value = old != 0 ? old : op->value;
        return answer_is(op, old != 0 ? HISTORY_EXISTS : HISTORY_OK);
    case HISTORY_UPSERT:
        *value = op->value;
        return answer_is(op, HISTORY_OK);
    case HISTORY_UPDATE:
        *value = old != 0 ? op->value : 0;
        return answer_is(op, old != 0 ? HISTORY_OK : HISTORY_NOT_FOUND);
    case HISTORY_DELETE:
        *value = 0;
        return answer_is(op, old != 0 ? HISTORY_OK : HISTORY_NOT_FOUND);
    case HISTORY_GET:
        return answer_is(op, old != 0 ? HISTORY_OK : HISTORY_NOT_FOUND) &&
               (old == 0 || history_is_pending(op) || op->value == old);
    case HISTORY_CONTAINS:
        return answer_is(op, old != 0 ? HISTORY_OK : HISTORY_NOT_FOUND);
    case HISTORY_COUNT:
        for (uint32_t k = 0; k < world->key_count; k++) {
            live += world->values[k] != 0;
        }
        return answer_is(op, HISTORY_OK) && (history_is_pending(op) || op->value == live);
    default:
        return answer_is(op, HISTORY_OK) && (history_is_pending(op) || search_answer_is(world, op));
    }
}

static bool is_explained(const struct history *history, struct world *world);

/* Every way in which a clear can go on from here. */
static bool clear_goes_on(const struct history *history, const struct world *world, size_t i)
{
    const struct history_op *const op = &history->ops[i];
    struct world next = *world;
    if (world->progress[i] == NOT_BEGUN) {
        next.progress[i] = NOTED;
        memcpy(next.noted[i], world->values, sizeof next.values);
        return is_explained(history, &next);
    }
    bool is_empty = true;
    for (uint32_t k = 0; k < world->key_count; k++) {
        if (world->noted[i][k] == 0) {
            continue;
        }
        is_empty = false;
        next = *world;
        next.noted[i][k] = 0;
        if (next.values[k] == world->noted[i][k]) {
            next.values[k] = 0;
        }
        if (is_explained(history, &next)) {
            return true;
        }
    }
    if (is_empty || history_is_pending(op) || op->answer == HISTORY_FAILED) {
        next = *world;
        next.progress[i] = OVER;
        return is_explained(history, &next);
    }
    return false;
}

/* The first return among the calls that are not over: nothing invoked after it may come next. */
static uint64_t first_return(const struct history *history, const struct world *world)
{
    uint64_t first = UINT64_MAX;
    for (size_t i = 0; i < history->count; i++) {
        if (world->progress[i] != OVER && history->ops[i].returned < first) {
            first = history->ops[i].returned;
        }
    }
    return first;
}

static bool is_explained(const struct history *history, struct world *world)
{
    const uint64_t first = first_return(history, world);
    if (first == HISTORY_PENDING) {
        return true;
    }
    for (size_t i = 0; i < history->count; i++) {
        const struct history_op *const op = &history->ops[i];
        struct world next = *world;
        if (world->progress[i] == OVER || op->invoked > first) {
            continue;
        }
        if (op->kind == HISTORY_CLEAR) {
            if (clear_goes_on(history, world, i)) {
                return true;
            }
            continue;
        }
        next.progress[i] = OVER;
        const bool is_failed = !history_is_pending(op) && op->answer == HISTORY_FAILED;
        if ((is_failed || call(&next, op)) && is_explained(history, &next)) {
            return true;
        }
    }
    return false;
}

bool history_oracle(const struct history *history)
{
    struct world world = {.key_count = 0};
    assert_true(history->count <= OPS);
    for (size_t i = 0; i < history->initial_count; i++) {
        world.values[find_key(&world, history->initial[i].key)] = history->initial[i].value;
    }
    for (size_t i = 0; i < history->count; i++) {
        if (history->ops[i].kind <= HISTORY_CONTAINS) {
            (void)find_key(&world, history->ops[i].key);
        }
    }
    return is_explained(history, &world);
}

bool history_oracle_of_key(const struct history *history, uint64_t key)
{
    struct history_op ops[OPS];
    struct history_result initial[1];
    struct history part = {.ops = ops, .initial = initial};
    for (size_t i = 0; i < history->count; i++) {
        const struct history_op *const op = &history->ops[i];
        if (op->kind == HISTORY_CLEAR || (op->kind <= HISTORY_CONTAINS && op->key == key)) {
            assert_true(part.count < OPS);
            ops[part.count++] = *op;
        }
    }
    for (size_t i = 0; i < history->initial_count; i++) {
        if (history->initial[i].key == key) {
            initial[part.initial_count++] = history->initial[i];
        }
    }
    return history_oracle(&part);
}

void history_tally_add(struct history_tally *tally, const struct history *history, bool is_fine,
                       const char *what, int trial)
{
    const bool is_possible = history_oracle(history);
    if (is_possible && !is_fine) {
        history_show(history);
        fail_msg("trial %d: %s that can be is refused", trial, what);
    }
    tally->wrong += is_possible ? 0 : 1;
    tally->caught += is_fine ? 0 : 1;
}
