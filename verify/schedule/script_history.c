/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The history of a run, and the check of it.
 */
#include "schedule/script_history.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "harness/linearize.h"
#include "schedule/explore.h"
#include "schedule/script.h"

/* Histories that were found right: a run has one of few, whatever its schedule. */
struct known {
    XXH128_hash_t hash;
    bool is_used;
};

static struct history_op ops[EXPLORE_OPS_MAX];
static enum call_kind kinds[EXPLORE_OPS_MAX];
static struct history_result results[EXPLORE_OPS_MAX][EXPLORE_KEYS_MAX];
static uint32_t op_count;
static struct known known[EXPLORE_KNOWN_HISTORIES];

void script_history_clear(void)
{
    op_count = 0;
}

static bool is_about_entries(enum call_kind kind)
{
    return kind != CALL_MAINTAIN && kind != CALL_DRAIN && kind != CALL_STATS;
}

static enum history_kind kind_of(enum call_kind kind)
{
    switch (kind) {
    case CALL_INSERT:
        return HISTORY_INSERT;
    case CALL_UPSERT:
    case CALL_BUILD:
        return HISTORY_UPSERT;
    case CALL_UPDATE:
        return HISTORY_UPDATE;
    case CALL_DELETE:
        return HISTORY_DELETE;
    case CALL_GET:
        return HISTORY_GET;
    case CALL_CONTAINS:
        return HISTORY_CONTAINS;
    case CALL_COUNT:
        return HISTORY_COUNT;
    case CALL_CLEAR:
        return HISTORY_CLEAR;
    default:
        return HISTORY_SEARCH;
    }
}

struct history_op *script_history_begin(const struct script_call *call,
                                        struct history_result **room)
{
    if (op_count == EXPLORE_OPS_MAX) {
        (void)fprintf(stderr, "a script has more than %u calls\n", EXPLORE_OPS_MAX);
        exit(EXIT_FAILURE);
    }
    struct history_op *const op = &ops[op_count];
    const uint32_t self = explore_self();
    memset(op, 0, sizeof *op);
    op->returned = HISTORY_PENDING;
    op->key = call->key;
    op->value = call->value;
    op->kind = (uint8_t)kind_of(call->kind);
    op->thread = self == EXPLORE_MAIN ? EXPLORE_FIBERS_MAX : self;
    kinds[op_count] = call->kind;
    *room = results[op_count];
    op_count++;
    op->invoked = explore_mark_invoked();
    return op;
}

void script_history_end(struct history_op *op)
{
    op->returned = explore_mark_returned();
}

/* The operations that the checker knows. */
static size_t select_ops(struct history_op *selected)
{
    size_t count = 0;
    for (uint32_t i = 0; i < op_count; i++) {
        if (is_about_entries(kinds[i])) {
            selected[count++] = ops[i];
        }
    }
    return count;
}

static XXH128_hash_t hash_of(const struct history_op *selected, size_t count,
                             const struct history_result *initial, size_t initial_count)
{
    XXH3_state_t state;
    (void)XXH3_128bits_reset(&state);
    (void)XXH3_128bits_update(&state, initial, initial_count * sizeof initial[0]);
    for (size_t i = 0; i < count; i++) {
        struct history_op plain = selected[i];
        plain.results = NULL;
        (void)XXH3_128bits_update(&state, &plain, sizeof plain);
        (void)XXH3_128bits_update(&state, selected[i].results,
                                  selected[i].result_count * sizeof(struct history_result));
    }
    return XXH3_128bits_digest(&state);
}

/* Whether this history was found right before. */
static struct known *look_up(XXH128_hash_t hash, bool *is_known)
{
    struct known *const place = &known[hash.low64 & (EXPLORE_KNOWN_HISTORIES - 1)];
    *is_known = place->is_used && XXH128_isEqual(place->hash, hash);
    return place;
}

void script_history_check(const struct history_result *initial, size_t initial_count)
{
    struct history_op selected[EXPLORE_OPS_MAX];
    const size_t count = select_ops(selected);
    const struct linearize_initial start = {.entries = initial, .count = initial_count};
    const XXH128_hash_t hash = hash_of(selected, count, initial, initial_count);
    bool is_known = false;
    struct known *const place = look_up(hash, &is_known);
    if (is_known) {
        return;
    }
    switch (linearize_whole(selected, count, &start, NULL)) {
    case LINEARIZE_YES:
        *place = (struct known){.hash = hash, .is_used = true};
        return;
    case LINEARIZE_NO:
        explore_fail("no order of the calls explains the answers");
        return;
    case LINEARIZE_UNKNOWN:
        explore_fail("the history is too large for its checker");
        return;
    }
}

static void print_answer(const struct history_op *op, enum call_kind kind)
{
    static const char *const answers[] = {"ok", "exists", "not found", "failed"};
    if (op->returned == HISTORY_PENDING) {
        printf("never returned");
        return;
    }
    printf("%s", is_about_entries(kind) ? answers[op->answer] : "done");
    if (kind == CALL_GET || kind == CALL_COUNT) {
        printf(" %" PRIu64, op->value);
    }
    for (uint32_t i = 0; i < op->result_count; i++) {
        printf(" %" PRIu64 "=%" PRIu64, op->results[i].key, op->results[i].value);
    }
}

void script_history_print(void)
{
    for (uint32_t i = 0; i < op_count; i++) {
        const struct history_op *const op = &ops[i];
        const bool has_value = kinds[i] == CALL_INSERT || kinds[i] == CALL_UPSERT ||
                               kinds[i] == CALL_UPDATE || kinds[i] == CALL_BUILD;
        printf("  %3" PRIu64 " .. ", op->invoked);
        if (op->returned == HISTORY_PENDING) {
            printf("      ");
        } else {
            printf("%3" PRIu64 "   ", op->returned);
        }
        if (op->thread == EXPLORE_FIBERS_MAX) {
            printf("afterwards  ");
        } else {
            printf("fiber %u     ", op->thread);
        }
        printf("%c%" PRIu64, (char)kinds[i], op->key);
        if (has_value) {
            printf("=%" PRIu64, op->value);
        }
        printf(": ");
        print_answer(op, kinds[i]);
        printf("\n");
    }
}
