/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The search for an order of the calls of one key.
 *
 * Invocations and returns that are not placed lie in a list by time. What stands before the first
 * return may come next. To place a call takes its two events out of the list, to take it back puts
 * them in again where they were, since this happens in the opposite order (Lowe's form of Wing and
 * Gong).
 *
 * The set of calls placed is, in the order of invocations, a long run of ones, a short mixture, and
 * zeros: a call is placed only when all that returned before it are. So the memo keeps the mixture
 * and where it starts: exact, and as long as what overlaps, not as the history. Calls that never
 * returned would spoil that; they have a word of their own.
 */
#include "harness/linearize_key.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "harness/harness_alloc.h"
#include "harness/sizes.h"

/* Events of the list that are none: its head, and what comes after the last. */
#define HEAD 0u
#define END  UINT32_MAX

enum { ENTRY_HEAD_WORDS = 4 };

uint64_t linearize_clock_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void linearize_key_init(struct linearize_key *search)
{
    *search = (struct linearize_key){.op_count = 0};
    linearize_memo_init(&search->memo);
}

static void free_arrays(struct linearize_key *search)
{
    free(search->events);
    free(search->invocations);
    free(search->returns);
    free(search->bits);
    free(search->is_placed);
    free(search->words);
    free(search->path);
    free(search->best);
    free(search->entry);
}

void linearize_key_end(struct linearize_key *search)
{
    free_arrays(search);
    linearize_memo_end(&search->memo);
    *search = (struct linearize_key){.op_count = 0};
}

static void reserve(struct linearize_key *search, uint32_t count)
{
    if (count <= search->capacity) {
        return;
    }
    free_arrays(search);
    const size_t words = count / 64 + 1;
    search->capacity = count;
    search->events = harness_alloc(2 * (size_t)count + 1, sizeof *search->events);
    search->invocations = harness_alloc(count, sizeof *search->invocations);
    search->returns = harness_alloc(count, sizeof *search->returns);
    search->bits = harness_alloc(count, sizeof *search->bits);
    search->is_placed = harness_alloc(count, sizeof *search->is_placed);
    search->words = harness_alloc(words, sizeof *search->words);
    search->path = harness_alloc(count, sizeof *search->path);
    search->best = harness_alloc(count, sizeof *search->best);
    search->entry = harness_alloc(ENTRY_HEAD_WORDS + words, sizeof *search->entry);
}

/* Calls that touch at one number overlap: there an invocation lies before a return. */
static int by_time(const void *a, const void *b)
{
    const struct linearize_key_event *const x = a;
    const struct linearize_key_event *const y = b;
    if (x->time != y->time) {
        return x->time < y->time ? -1 : 1;
    }
    return (x->op > y->op) - (x->op < y->op);
}

/* Number the calls and lay out the list. */
static void lay_out(struct linearize_key *search)
{
    uint32_t events = 1;
    uint32_t pending = 0;
    search->left = 0;
    for (uint32_t i = 0; i < search->op_count; i++) {
        const struct history_op *const op = search->ops[i].op;
        search->events[events++] =
            (struct linearize_key_event){.time = 2 * op->invoked, .op = i, .is_return = false};
        if (history_is_pending(op)) {
            search->bits[i] = pending++;
            continue;
        }
        search->bits[i] = search->left++;
        search->events[events++] =
            (struct linearize_key_event){.time = 2 * op->returned + 1, .op = i, .is_return = true};
    }
    search->limit = pending > LINEARIZE_PENDING_MAX ? LINEARIZE_LIMIT_PENDING : LINEARIZE_NO_LIMIT;
    qsort(search->events + 1, events - 1, sizeof *search->events, by_time);
    memset(search->returns, 0, search->op_count * sizeof *search->returns);
    for (uint32_t e = 0; e < events; e++) {
        struct linearize_key_event *const event = &search->events[e];
        event->previous = e - 1;
        event->next = e + 1 < events ? e + 1 : END;
        if (e != HEAD) {
            (event->is_return ? search->returns : search->invocations)[event->op] = e;
        }
    }
}

static void take_out(struct linearize_key *search, uint32_t e)
{
    const struct linearize_key_event *const event = &search->events[e];
    search->events[event->previous].next = event->next;
    if (event->next != END) {
        search->events[event->next].previous = event->previous;
    }
}

static void put_back(struct linearize_key *search, uint32_t e)
{
    const struct linearize_key_event *const event = &search->events[e];
    search->events[event->previous].next = e;
    if (event->next != END) {
        search->events[event->next].previous = e;
    }
}

static void set_bit(struct linearize_key *search, uint32_t op)
{
    const uint32_t bit = search->bits[op];
    search->is_placed[op] = true;
    if (search->returns[op] == 0) {
        search->pending |= 1ull << bit;
        return;
    }
    search->words[bit / 64] |= 1ull << bit % 64;
    search->word_high = bit / 64 > search->word_high ? bit / 64 : search->word_high;
    while (search->words[search->word_low] == UINT64_MAX) {
        search->word_low++;
    }
    search->left--;
}

static void clear_bit(struct linearize_key *search, uint32_t op)
{
    const uint32_t bit = search->bits[op];
    search->is_placed[op] = false;
    if (search->returns[op] == 0) {
        search->pending &= ~(1ull << bit);
        return;
    }
    search->words[bit / 64] &= ~(1ull << bit % 64);
    search->word_low = bit / 64 < search->word_low ? bit / 64 : search->word_low;
    while (search->word_high > 0 && search->words[search->word_high] == 0) {
        search->word_high--;
    }
    search->left++;
}

/* Remember (calls placed and `op`, state); whether that is new. */
static bool is_new(struct linearize_key *search, uint32_t op,
                   const struct linearize_key_state *state)
{
    uint64_t *const entry = search->entry;
    set_bit(search, op);
    uint32_t count = 0;
    entry[count++] = state->value;
    entry[count++] = state->noted;
    entry[count++] = search->pending;
    entry[count++] = search->word_low;
    for (uint32_t w = search->word_low; w <= search->word_high; w++) {
        entry[count++] = search->words[w];
    }
    clear_bit(search, op);
    return linearize_memo_add(&search->memo, entry, count);
}

static void place(struct linearize_key *search, uint32_t op,
                  const struct linearize_key_state *after, bool has_choice, bool is_without)
{
    search->path[search->path_count++] = (struct linearize_key_frame){
        .before = search->state, .op = op, .has_choice = has_choice, .is_without = is_without};
    take_out(search, search->invocations[op]);
    if (search->returns[op] != 0) {
        take_out(search, search->returns[op]);
    }
    set_bit(search, op);
    search->state = *after;
}

/* Keep the path if it is the longest; only what differs is copied. */
static void keep_best(struct linearize_key *search)
{
    if (search->path_count <= search->best_count) {
        return;
    }
    for (uint32_t i = search->best_shared; i < search->path_count; i++) {
        search->best[i] = search->path[i].op;
    }
    search->best_count = search->path_count;
    search->best_shared = search->path_count;
}

static struct linearize_key_frame take_back(struct linearize_key *search)
{
    const struct linearize_key_frame frame = search->path[--search->path_count];
    if (search->path_count < search->best_shared) {
        search->best_shared = search->path_count;
    }
    clear_bit(search, frame.op);
    if (search->returns[frame.op] != 0) {
        put_back(search, search->returns[frame.op]);
    }
    put_back(search, search->invocations[frame.op]);
    search->state = frame.before;
    return frame;
}

/* Whether a call fits here and changes nothing: then it is placed for good. */
static bool is_read_here(const struct linearize_key *search, uint32_t i)
{
    const struct linearize_key_op *const what = &search->ops[i];
    const struct history_op *const op = what->op;
    const uint64_t value = search->state.value;
    if (what->part == LINEARIZE_WIPE) {
        return search->is_placed[what->partner] && (search->state.noted >> what->place & 1) == 0;
    }
    if (history_has_effect(op)) {
        return false;
    }
    switch (op->kind) {
    case HISTORY_INSERT:
        return op->answer == HISTORY_EXISTS && value != 0;
    case HISTORY_UPDATE:
    case HISTORY_DELETE:
        return op->answer == HISTORY_NOT_FOUND && value == 0;
    case HISTORY_GET:
        return value != 0 ? op->answer == HISTORY_OK && op->value == value
                          : op->answer == HISTORY_NOT_FOUND;
    case HISTORY_CONTAINS:
        return op->answer == (value != 0 ? HISTORY_OK : HISTORY_NOT_FOUND);
    default:
        return false;
    }
}

/* Whether a call that changes something fits here; the state after it. */
static bool is_write_here(const struct linearize_key *search, uint32_t i,
                          struct linearize_key_state *after)
{
    const struct linearize_key_op *const what = &search->ops[i];
    const bool is_present = search->state.value != 0;
    *after = (struct linearize_key_state){.value = 0, .noted = 0};
    if (what->part == LINEARIZE_NOTE) {
        *after = search->state;
        after->noted |= (uint64_t)is_present << what->place;
        return true;
    }
    if (what->part == LINEARIZE_WIPE) {
        return (search->state.noted >> what->place & 1) != 0;
    }
    if (!history_has_effect(what->op)) {
        return false;
    }
    if (what->op->kind == HISTORY_DELETE) {
        return is_present;
    }
    after->value = what->op->value;
    return what->op->kind == HISTORY_UPSERT || is_present == (what->op->kind == HISTORY_UPDATE);
}

static void place_reads(struct linearize_key *search)
{
    uint32_t e = search->events[HEAD].next;
    while (e != END && !search->events[e].is_return) {
        const uint32_t op = search->events[e].op;
        e = search->events[e].next;
        if (is_read_here(search, op)) {
            /* Its return may be the event after it. */
            const bool is_next = e != END && search->returns[op] == e;
            e = is_next ? search->events[e].next : e;
            const struct linearize_key_state after = search->state;
            place(search, op, &after, false, false);
        }
    }
}

/* Place a call in one of its ways, if that leads to something new. */
static bool try_way(struct linearize_key *search, uint32_t op,
                    const struct linearize_key_state *after, bool is_without)
{
    search->steps++;
    if (!is_new(search, op, after)) {
        return false;
    }
    place(search, op, after, true, is_without);
    return true;
}

/* The other way of a clear that failed: it leaves what it noted. */
static bool try_without(struct linearize_key *search, uint32_t op)
{
    const struct linearize_key_op *const what = &search->ops[op];
    if (what->part != LINEARIZE_WIPE || what->op->answer != HISTORY_FAILED ||
        search->returns[op] == 0) {
        return false;
    }
    struct linearize_key_state after = search->state;
    after.noted &= ~(1ull << what->place);
    return try_way(search, op, &after, true);
}

/* Try what may come next, from event `e` on; whether something was placed. */
static bool place_a_write(struct linearize_key *search, uint32_t e)
{
    for (; e != END && !search->events[e].is_return; e = search->events[e].next) {
        struct linearize_key_state after;
        const uint32_t op = search->events[e].op;
        if (is_write_here(search, op, &after) &&
            (try_way(search, op, &after, false) || try_without(search, op))) {
            return true;
        }
    }
    return false;
}

/* Take back until there is something else to try, and try it. */
static bool go_back(struct linearize_key *search)
{
    keep_best(search);
    while (search->path_count > 0) {
        const struct linearize_key_frame frame = take_back(search);
        if (!frame.has_choice) {
            continue;
        }
        if (!frame.is_without && try_without(search, frame.op)) {
            return true;
        }
        if (place_a_write(search, search->events[search->invocations[frame.op]].next)) {
            return true;
        }
    }
    return false;
}

static bool is_over_limit(struct linearize_key *search, const struct linearize_limits *limits,
                          uint64_t deadline_ns, uint64_t *look)
{
    if (search->steps >= limits->steps_max) {
        search->limit = LINEARIZE_LIMIT_STEPS;
    } else if (linearize_memo_bytes(&search->memo) > limits->memory_bytes_max) {
        search->limit = LINEARIZE_LIMIT_MEMORY;
    } else if (search->steps >= *look) {
        *look = search->steps + LINEARIZE_STEPS_PER_LOOK;
        if (linearize_clock_ns() > deadline_ns) {
            search->limit = LINEARIZE_LIMIT_TIME;
        }
    }
    return search->limit != LINEARIZE_NO_LIMIT;
}

static void prepare(struct linearize_key *search, const struct linearize_key_op *ops,
                    uint32_t count, uint64_t initial)
{
    reserve(search, count);
    search->ops = ops;
    search->op_count = count;
    memset(search->words, 0, (count / 64 + 1) * sizeof *search->words);
    memset(search->is_placed, 0, count * sizeof *search->is_placed);
    search->word_low = 0;
    search->word_high = 0;
    search->pending = 0;
    search->path_count = 0;
    search->best_count = 0;
    search->best_shared = 0;
    search->steps = 0;
    search->state = (struct linearize_key_state){.value = initial, .noted = 0};
    linearize_memo_reset(&search->memo);
    lay_out(search);
}

enum linearize_verdict linearize_key_check(struct linearize_key *search,
                                           const struct linearize_key_op *ops, uint32_t count,
                                           uint64_t initial, const struct linearize_limits *limits,
                                           uint64_t deadline_ns)
{
    uint64_t look = 0;
    prepare(search, ops, count, initial);
    while (search->limit == LINEARIZE_NO_LIMIT &&
           !is_over_limit(search, limits, deadline_ns, &look)) {
        place_reads(search);
        if (search->left == 0) {
            keep_best(search);
            return LINEARIZE_YES;
        }
        if (!place_a_write(search, search->events[HEAD].next) && !go_back(search)) {
            return LINEARIZE_NO;
        }
    }
    keep_best(search);
    return LINEARIZE_UNKNOWN;
}
