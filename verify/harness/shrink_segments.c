/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pieces of histories.
 */
#include "harness/shrink_segments.h"

#include <stdlib.h>

#include "harness/harness_alloc.h"
#include "harness/history_keys.h"
#include "harness/linearize.h"
#include "harness/sizes.h"

/* Values that reads saw, by number. */
struct seen {
    uint64_t *values;
    size_t count;
};

static bool is_of_one_key(const struct history_op *op)
{
    return op->kind <= HISTORY_CONTAINS;
}

static int by_key_and_time(const void *a, const void *b)
{
    const struct history_op *const x = a;
    const struct history_op *const y = b;
    if (is_of_one_key(x) != is_of_one_key(y)) {
        return is_of_one_key(x) ? -1 : 1;
    }
    if (is_of_one_key(x) && x->key != y->key) {
        return x->key < y->key ? -1 : 1;
    }
    if (x->invoked != y->invoked) {
        return x->invoked < y->invoked ? -1 : 1;
    }
    return (x->thread > y->thread) - (x->thread < y->thread);
}

static int by_number(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void collect_seen(struct seen *seen, const struct history *history)
{
    seen->values = harness_alloc(history->count + history->result_count, sizeof *seen->values);
    for (size_t i = 0; i < history->count; i++) {
        const struct history_op *const op = &history->ops[i];
        if (op->kind == HISTORY_GET && op->answer == HISTORY_OK) {
            seen->values[seen->count++] = op->value;
        }
        for (size_t r = 0; r < op->result_count; r++) {
            seen->values[seen->count++] = op->results[r].value;
        }
    }
    qsort(seen->values, seen->count, sizeof *seen->values, by_number);
}

static bool is_seen(const struct seen *seen, uint64_t value)
{
    return bsearch(&value, seen->values, seen->count, sizeof value, by_number) != NULL;
}

/* Calls of one key that overlap, one with the next, are a segment. */
static void cut(struct shrink_segments *segments)
{
    for (size_t i = 0; i < segments->keyed_count; i++) {
        const struct history_op *const op = &segments->ops[i];
        struct shrink_segment *last =
            segments->count != 0 ? &segments->at[segments->count - 1] : NULL;
        const bool is_first = i == 0 || segments->ops[i - 1].key != op->key;
        if (last == NULL || is_first || history_start(op) >= last->stop) {
            last = &segments->at[segments->count++];
            *last = (struct shrink_segment){
                .first = i, .start = history_start(op), .is_first = is_first};
        }
        last->end = i + 1;
        last->stop = history_stop(op) > last->stop ? history_stop(op) : last->stop;
    }
}

/* What sees more than one key must find the same as before. */
static void find_barriers(struct shrink_segments *segments)
{
    for (size_t i = segments->keyed_count; i < segments->op_count; i++) {
        const struct history_op *const op = &segments->ops[i];
        for (size_t s = 0; s < segments->count; s++) {
            struct shrink_segment *const segment = &segments->at[s];
            const uint64_t next = s + 1 < segments->count && !segments->at[s + 1].is_first
                                      ? segments->at[s + 1].start
                                      : UINT64_MAX;
            if (history_start(op) < segment->stop && segment->start < history_stop(op)) {
                segment->is_fixed = true;
            } else if (segment->stop <= history_start(op) && history_start(op) < next) {
                segment->has_barrier = true;
            }
        }
    }
}

static bool writes_what_is_seen(const struct shrink_segments *segments,
                                const struct shrink_segment *segment, const struct seen *seen)
{
    for (size_t i = segment->first; i < segment->end; i++) {
        if (history_is_write(&segments->ops[i]) && is_seen(seen, segments->ops[i].value)) {
            return true;
        }
    }
    return false;
}

/* All states after a segment for those before it; SIZE_MAX when they cannot be told. */
static size_t states_after(const struct shrink_segments *segments,
                           const struct shrink_segment *segment, const uint64_t *before,
                           size_t before_count, uint64_t *after)
{
    size_t count = 0;
    if (segment->stop == UINT64_MAX) {
        return SIZE_MAX;
    }
    for (size_t b = 0; b < before_count; b++) {
        uint64_t some[SHRINK_STATES_MAX];
        const size_t some_count = linearize_final_states(
            &segments->ops[segment->first], segment->end - segment->first,
            segments->ops[segment->first].key, before[b], some, SHRINK_STATES_MAX);
        if (some_count == SIZE_MAX) {
            return SIZE_MAX;
        }
        for (size_t i = 0; i < some_count; i++) {
            size_t known = 0;
            while (known < count && after[known] != some[i]) {
                known++;
            }
            if (known == SHRINK_STATES_MAX) {
                return SIZE_MAX;
            }
            after[known] = some[i];
            count = known == count ? count + 1 : count;
        }
    }
    return count;
}

static uint64_t initial_of(const struct history *history, uint64_t key)
{
    for (size_t i = 0; i < history->initial_count; i++) {
        if (history->initial[i].key == key) {
            return history->initial[i].value;
        }
    }
    return 0;
}

/* When the first clear begins: what it leaves is not worked out. */
static uint64_t first_clear(const struct shrink_segments *segments)
{
    uint64_t first = UINT64_MAX;
    for (size_t i = segments->keyed_count; i < segments->op_count; i++) {
        const struct history_op *const op = &segments->ops[i];
        if (op->kind == HISTORY_CLEAR && history_start(op) < first) {
            first = history_start(op);
        }
    }
    return first;
}

/*
 * Go through the states of each key. From the segment on that has no order, or whose states cannot
 * be told, all stay as they are.
 */
static void find_states(struct shrink_segments *segments, const struct history *history)
{
    uint64_t states[2][SHRINK_STATES_MAX];
    size_t count = 0;
    uint32_t now = 0;
    const uint64_t clear = first_clear(segments);
    for (size_t s = 0; s < segments->count; s++) {
        struct shrink_segment *const segment = &segments->at[s];
        if (segment->is_first) {
            states[now][0] = initial_of(history, segments->ops[segment->first].key);
            count = 1;
        }
        segment->initial = initial_of(history, segments->ops[segment->first].key);
        if (segment->stop > clear) {
            count = SIZE_MAX;
        }
        if (count != 0 && count != SIZE_MAX) {
            count = states_after(segments, segment, states[now], count, states[1 - now]);
            now = 1 - now;
        }
        segment->is_known = count == 1;
        segment->is_fixed = segment->is_fixed || count == 0 || count == SIZE_MAX;
        segment->state = segment->is_known ? states[now][0] : 0;
    }
}

void shrink_segments_make(struct shrink_segments *segments, const struct history *history)
{
    struct seen seen = {.count = 0};
    *segments = (struct shrink_segments){
        .ops = harness_copy(history->ops, history->count, sizeof *history->ops),
        .op_count = history->count,
        .at = harness_alloc(history->count, sizeof *segments->at)};
    qsort(segments->ops, segments->op_count, sizeof *segments->ops, by_key_and_time);
    while (segments->keyed_count < segments->op_count &&
           is_of_one_key(&segments->ops[segments->keyed_count])) {
        segments->keyed_count++;
    }
    cut(segments);
    find_barriers(segments);
    find_states(segments, history);
    collect_seen(&seen, history);
    for (size_t s = 0; s < segments->count; s++) {
        segments->at[s].is_fixed =
            segments->at[s].is_fixed || writes_what_is_seen(segments, &segments->at[s], &seen);
    }
    free(seen.values);
}

void shrink_segments_end(struct shrink_segments *segments)
{
    free(segments->ops);
    free(segments->at);
    *segments = (struct shrink_segments){.count = 0};
}

/* The state before a segment, if there is only one. */
static bool state_before(const struct shrink_segments *segments, size_t s, uint64_t *state)
{
    const struct shrink_segment *const segment = &segments->at[s];
    if (segment->is_first) {
        *state = segment->initial;
        return true;
    }
    *state = segments->at[s - 1].state;
    return segments->at[s - 1].is_known;
}

/* One call of the segments [first .. end) that leads from one state to another. */
static struct history_op leading_call(const struct shrink_segments *segments, size_t first,
                                      size_t end, uint64_t from, uint64_t to)
{
    size_t i = segments->at[end - 1].end;
    const struct history_op *op = NULL;
    do {
        op = &segments->ops[--i];
    } while (i > segments->at[first].first &&
             (to == 0 ? op->kind != HISTORY_DELETE || op->answer != HISTORY_OK
                      : !history_is_write(op) || op->value != to));
    struct history_op call = *op;
    if ((call.kind == HISTORY_INSERT && from != 0) || (call.kind == HISTORY_UPDATE && from == 0)) {
        call.kind = HISTORY_UPSERT;
    }
    return call;
}

/* How far a run that begins with segment s goes; s when there is none. */
static size_t end_of_run(const struct shrink_segments *segments, const bool *is_kept, size_t s)
{
    uint64_t state = 0;
    size_t end = s;
    if (!state_before(segments, s, &state)) {
        return s;
    }
    for (size_t i = s; i < segments->count; i++) {
        const struct shrink_segment *const segment = &segments->at[i];
        if (is_kept[i] || segment->is_fixed || (i != s && segment->is_first)) {
            break;
        }
        end = segment->is_known ? i + 1 : end;
        if (segment->has_barrier) {
            break;
        }
    }
    return end;
}

size_t shrink_segments_build(const struct shrink_segments *segments, const bool *is_kept,
                             struct history_op *ops)
{
    size_t count = 0;
    for (size_t s = 0; s < segments->count;) {
        const size_t end = end_of_run(segments, is_kept, s);
        if (end == s) {
            const struct shrink_segment *const segment = &segments->at[s++];
            for (size_t i = segment->first; i < segment->end; i++) {
                ops[count++] = segments->ops[i];
            }
            continue;
        }
        uint64_t from = 0;
        (void)state_before(segments, s, &from);
        if (from != segments->at[end - 1].state) {
            ops[count++] = leading_call(segments, s, end, from, segments->at[end - 1].state);
        }
        s = end;
    }
    for (size_t i = segments->keyed_count; i < segments->op_count; i++) {
        ops[count++] = segments->ops[i];
    }
    return count;
}
