/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linearizability of small histories: one model of the whole index, every kind of call at once.
 *
 * The state is three words: a bit for each call that was placed, a byte for the value of each key
 * (a number in the table of values, 0 for absent), and a byte for each clear with a bit for every
 * key that it noted, has not deleted, and nobody else has changed since. So to delete what was
 * noted means to look at that bit. A clear is over when its byte is 0.
 */
#include "harness/linearize.h"

#include <stdlib.h>
#include <string.h>

#include "harness/harness_alloc.h"
#include "harness/linearize_memo.h"
#include "harness/sizes.h"

enum {
    OPS_MAX = LINEARIZE_WHOLE_OPS_MAX,
    KEYS_MAX = LINEARIZE_WHOLE_KEYS_MAX,
    CLEARS_MAX = LINEARIZE_WHOLE_CLEARS_MAX,
    VALUES_MAX = 1 + OPS_MAX + KEYS_MAX, /* the first is that of an absent key */
    NEVER_WRITTEN = 255,
    /* A call or the note of a clear each, the end of a clear, and its deletions. */
    PATH_MAX_STEPS = OPS_MAX + CLEARS_MAX * (1 + KEYS_MAX)
};

_Static_assert(VALUES_MAX < NEVER_WRITTEN, "a value is a byte");
_Static_assert(OPS_MAX <= 64 && KEYS_MAX <= 8 && CLEARS_MAX <= 8, "a state is three words");

struct whole_state {
    uint64_t placed;
    uint64_t values; /* byte k: of key k */
    uint64_t noted;  /* byte c: of clear c */
};

/* A call that matters: all but those that failed and reads that never returned. */
struct whole_op {
    const struct history_op *op;
    size_t number; /* among all calls */
    uint64_t before;
    uint8_t key;
    uint8_t value;
    uint8_t clear;
    bool is_pending;
    bool has_effect;
};

struct whole {
    struct whole_op ops[OPS_MAX];
    uint32_t op_count;
    uint64_t keys[KEYS_MAX];
    uint32_t key_count;
    uint64_t values[VALUES_MAX];
    uint32_t value_count;
    uint32_t clears[CLEARS_MAX]; /* which of `ops` */
    uint32_t clear_count;
    uint64_t returned; /* bits of the calls that came back */
    enum linearize_limit limit;
    uint64_t steps;
    struct linearize_memo memo;
    struct linearize_step path[PATH_MAX_STEPS];
    uint32_t path_count;
    struct linearize_step best[PATH_MAX_STEPS];
    uint32_t best_count;
    uint64_t best_over; /* calls that are over in `best` */
    /* For linearize_final_states: NULL, or all values that key 0 can end with. */
    uint64_t *finals;
    size_t final_count;
    size_t final_capacity;
};

static uint8_t byte_of(uint64_t word, uint32_t number)
{
    return (uint8_t)(word >> (8 * number));
}

static uint64_t with_byte(uint64_t word, uint32_t number, uint8_t byte)
{
    return (word & ~(0xffull << (8 * number))) | (uint64_t)byte << (8 * number);
}

/* Calls that are over in this state: placed, and of a clear nothing is left to delete. */
static uint64_t over_of(const struct whole *whole, const struct whole_state *state)
{
    uint64_t over = state->placed;
    for (uint32_t c = 0; c < whole->clear_count; c++) {
        if (byte_of(state->noted, c) != 0) {
            over &= ~(1ull << whole->clears[c]);
        }
    }
    return over;
}

/* The key changes: what clears had noted of it is not there any more. */
static void set_value(struct whole_state *state, uint32_t key, uint8_t value)
{
    state->values = with_byte(state->values, key, value);
    state->noted &= ~(0x0101010101010101ull << key);
}

static uint8_t live_bits(const struct whole *whole, const struct whole_state *state)
{
    uint8_t bits = 0;
    for (uint32_t k = 0; k < whole->key_count; k++) {
        bits |= (uint8_t)((byte_of(state->values, k) != 0) << k);
    }
    return bits;
}

static bool count_fits(const struct whole *whole, const struct whole_state *state,
                       const struct history_op *op)
{
    return op->answer == HISTORY_OK &&
           op->value == (uint64_t)__builtin_popcount(live_bits(whole, state));
}

static bool is_nearer(const struct history_op *search, const struct history_result *a,
                      const struct history_result *b)
{
    if (a->value != b->value) {
        return search->key == HISTORY_QUERY_ABOVE ? a->value > b->value : a->value < b->value;
    }
    return a->key < b->key;
}

static bool search_fits(const struct whole *whole, const struct whole_state *state,
                        const struct history_op *op)
{
    struct history_result live[KEYS_MAX];
    uint32_t count = 0;
    for (uint32_t k = 0; k < whole->key_count; k++) {
        const uint8_t value = byte_of(state->values, k);
        if (value == 0) {
            continue;
        }
        const struct history_result entry = {whole->keys[k], whole->values[value]};
        uint32_t place = count++;
        for (; place > 0 && is_nearer(op, &entry, &live[place - 1]); place--) {
            live[place] = live[place - 1];
        }
        live[place] = entry;
    }
    const uint64_t wanted = op->value < count ? op->value : count;
    if (op->answer != HISTORY_OK || op->result_count != wanted) {
        return false;
    }
    for (uint32_t r = 0; r < wanted; r++) {
        if (op->results[r].key != live[r].key || op->results[r].value != live[r].value) {
            return false;
        }
    }
    return true;
}

/* Whether a call that changes nothing gives its answer in this state. */
static bool read_fits(const struct whole *whole, const struct whole_state *state,
                      const struct whole_op *what)
{
    const struct history_op *const op = what->op;
    const uint8_t value = byte_of(state->values, what->key);
    switch (op->kind) {
    case HISTORY_INSERT:
        return op->answer == HISTORY_EXISTS && value != 0;
    case HISTORY_UPDATE:
    case HISTORY_DELETE:
        return op->answer == HISTORY_NOT_FOUND && value == 0;
    case HISTORY_GET:
        return op->answer == (value != 0 ? HISTORY_OK : HISTORY_NOT_FOUND) && what->value == value;
    case HISTORY_CONTAINS:
        return op->answer == (value != 0 ? HISTORY_OK : HISTORY_NOT_FOUND);
    case HISTORY_COUNT:
        return count_fits(whole, state, op);
    case HISTORY_SEARCH:
        return search_fits(whole, state, op);
    default:
        return false;
    }
}

/* Place a call that changes something; whether its answer allows it. */
static bool write_fits(const struct whole *whole, struct whole_state *state,
                       const struct whole_op *what)
{
    const bool is_present = byte_of(state->values, what->key) != 0;
    switch (what->op->kind) {
    case HISTORY_INSERT:
        set_value(state, what->key, what->value);
        return !is_present;
    case HISTORY_UPSERT:
        set_value(state, what->key, what->value);
        return true;
    case HISTORY_UPDATE:
        set_value(state, what->key, what->value);
        return is_present;
    case HISTORY_DELETE:
        set_value(state, what->key, 0);
        return is_present;
    case HISTORY_CLEAR:
        state->noted = with_byte(state->noted, what->clear, live_bits(whole, state));
        return true;
    default:
        return false;
    }
}

static void push(struct whole *whole, size_t op, uint64_t key, enum linearize_part part)
{
    whole->path[whole->path_count++] = (struct linearize_step){.op = op, .key = key, .part = part};
}

/* Place every call that fits and changes nothing. */
static void place_reads(struct whole *whole, struct whole_state *state)
{
    const uint64_t over = over_of(whole, state);
    bool is_changed = true;
    uint64_t placed = 0;
    while (is_changed) {
        is_changed = false;
        for (uint32_t i = 0; i < whole->op_count; i++) {
            const struct whole_op *const what = &whole->ops[i];
            if (!what->has_effect && (state->placed >> i & 1) == 0 &&
                (what->before & ~(over | placed)) == 0 && read_fits(whole, state, what)) {
                state->placed |= 1ull << i;
                placed |= 1ull << i;
                is_changed = true;
                push(whole, what->number, what->op->key, LINEARIZE_CALL);
            }
        }
    }
}

static void keep_best(struct whole *whole, uint64_t over)
{
    if (whole->path_count > whole->best_count || whole->best_over == 0) {
        whole->best_count = whole->path_count;
        whole->best_over = over;
        memcpy(whole->best, whole->path, whole->path_count * sizeof *whole->path);
    }
}

/* Keep a final state; there is always more to look for. */
static void keep_final(struct whole *whole, const struct whole_state *state)
{
    const uint64_t value = whole->values[byte_of(state->values, 0)];
    for (size_t i = 0; i < whole->final_count; i++) {
        if (whole->finals[i] == value) {
            return;
        }
    }
    if (whole->final_count == whole->final_capacity) {
        whole->limit = LINEARIZE_LIMIT_MEMORY;
        return;
    }
    whole->finals[whole->final_count++] = value;
}

static bool place(struct whole *whole, struct whole_state state);

/* Try each call that changes something and may come next. */
static bool place_a_write(struct whole *whole, const struct whole_state *state)
{
    const uint64_t over = over_of(whole, state);
    for (uint32_t i = 0; i < whole->op_count; i++) {
        const struct whole_op *const what = &whole->ops[i];
        struct whole_state next = *state;
        if (!what->has_effect || (state->placed >> i & 1) != 0 || (what->before & ~over) != 0 ||
            !write_fits(whole, &next, what)) {
            continue;
        }
        next.placed |= 1ull << i;
        push(whole, what->number, what->op->key,
             what->op->kind == HISTORY_CLEAR ? LINEARIZE_NOTE : LINEARIZE_CALL);
        if (place(whole, next)) {
            return true;
        }
        whole->path_count--;
    }
    return false;
}

/* Try each deletion that a clear has to do, and the end of one that failed. */
static bool place_a_wipe(struct whole *whole, const struct whole_state *state)
{
    for (uint32_t c = 0; c < whole->clear_count; c++) {
        const struct whole_op *const clear = &whole->ops[whole->clears[c]];
        const uint8_t noted = byte_of(state->noted, c);
        for (uint32_t k = 0; k < whole->key_count; k++) {
            struct whole_state next = *state;
            if ((noted >> k & 1) == 0) {
                continue;
            }
            set_value(&next, k, 0);
            push(whole, clear->number, whole->keys[k], LINEARIZE_WIPE);
            if (place(whole, next)) {
                return true;
            }
            whole->path_count--;
        }
        if (noted != 0 && !clear->is_pending && clear->op->answer == HISTORY_FAILED) {
            struct whole_state next = *state;
            next.noted = with_byte(next.noted, c, 0);
            push(whole, clear->number, 0, LINEARIZE_QUIT);
            if (place(whole, next)) {
                return true;
            }
            whole->path_count--;
        }
    }
    return false;
}

/* Whether all calls that came back can be placed from here. */
static bool place(struct whole *whole, struct whole_state state)
{
    const uint32_t path_count = whole->path_count;
    place_reads(whole, &state);
    const uint64_t over = over_of(whole, &state);
    keep_best(whole, over);
    if ((whole->returned & ~over) == 0) {
        if (whole->finals == NULL) {
            return true;
        }
        keep_final(whole, &state);
    }
    const uint64_t words[] = {state.placed, state.values, state.noted};
    if (whole->steps == LINEARIZE_WHOLE_STEPS_MAX) {
        whole->limit = LINEARIZE_LIMIT_STEPS;
    }
    if (whole->limit == LINEARIZE_NO_LIMIT && linearize_memo_add(&whole->memo, words, 3)) {
        whole->steps++;
        if (place_a_write(whole, &state) || place_a_wipe(whole, &state)) {
            return true;
        }
    }
    whole->path_count = path_count;
    return false;
}

/* The number of a key; KEYS_MAX, and the limit is set, when there is no room for it. */
static uint8_t key_number(struct whole *whole, uint64_t key)
{
    for (uint32_t k = 0; k < whole->key_count; k++) {
        if (whole->keys[k] == key) {
            return (uint8_t)k;
        }
    }
    if (whole->key_count == KEYS_MAX) {
        whole->limit = LINEARIZE_LIMIT_KEYS;
        return KEYS_MAX;
    }
    whole->keys[whole->key_count] = key;
    return (uint8_t)whole->key_count++;
}

static uint8_t value_number(const struct whole *whole, uint64_t value)
{
    for (uint32_t v = 0; v < whole->value_count; v++) {
        if (whole->values[v] == value) {
            return (uint8_t)v;
        }
    }
    return NEVER_WRITTEN;
}

/* Whether the model has to place this call. */
static bool matters(const struct history_op *op)
{
    if (history_is_pending(op)) {
        return history_has_effect(op);
    }
    return op->answer != HISTORY_FAILED || op->kind == HISTORY_CLEAR;
}

static void add_op(struct whole *whole, const struct history_op *op, size_t number)
{
    if (whole->op_count == OPS_MAX) {
        whole->limit = LINEARIZE_LIMIT_OPS;
        return;
    }
    struct whole_op *const what = &whole->ops[whole->op_count];
    *what = (struct whole_op){.op = op,
                              .number = number,
                              .is_pending = history_is_pending(op),
                              .has_effect = history_has_effect(op)};
    if (op->kind <= HISTORY_CONTAINS) {
        what->key = key_number(whole, op->key);
    }
    if (history_is_write(op)) {
        whole->values[whole->value_count++] = op->value;
    }
    if (op->kind == HISTORY_CLEAR) {
        if (whole->clear_count == CLEARS_MAX) {
            whole->limit = LINEARIZE_LIMIT_CLEARS;
            return;
        }
        what->clear = (uint8_t)whole->clear_count;
        whole->clears[whole->clear_count++] = whole->op_count;
    }
    if (!what->is_pending) {
        whole->returned |= 1ull << whole->op_count;
    }
    whole->op_count++;
}

/* What needs all calls to be known: who comes before whom, and which write a value names. */
static void connect(struct whole *whole)
{
    for (uint32_t i = 0; i < whole->op_count; i++) {
        struct whole_op *const what = &whole->ops[i];
        what->value = value_number(whole, what->op->value);
        if (what->op->kind == HISTORY_GET && what->op->answer != HISTORY_OK) {
            what->value = 0;
        }
        for (uint32_t j = 0; j < whole->op_count; j++) {
            if (!whole->ops[j].is_pending && whole->ops[j].op->returned < what->op->invoked) {
                what->before |= 1ull << j;
            }
        }
    }
}

/* Set the model up; the first state. The limit is set when the history does not fit. */
static struct whole_state prepare(struct whole *whole, const struct history_op *ops, size_t count,
                                  const struct linearize_initial *initial)
{
    struct whole_state first = {.placed = 0};
    const size_t initial_count = initial != NULL ? initial->count : 0;
    linearize_memo_init(&whole->memo);
    whole->value_count = 1;
    for (size_t i = 0; i < initial_count && whole->limit == LINEARIZE_NO_LIMIT; i++) {
        const uint8_t key = key_number(whole, initial->entries[i].key);
        if (key != KEYS_MAX) {
            first.values = with_byte(first.values, key, (uint8_t)whole->value_count);
            whole->values[whole->value_count++] = initial->entries[i].value;
        }
    }
    for (size_t i = 0; i < count && whole->limit == LINEARIZE_NO_LIMIT; i++) {
        if (matters(&ops[i])) {
            add_op(whole, &ops[i], i);
        }
    }
    connect(whole);
    return first;
}

static int by_invocation(const void *a, const void *b)
{
    const struct whole_op *const x = *(const struct whole_op *const *)a;
    const struct whole_op *const y = *(const struct whole_op *const *)b;
    return (x->op->invoked > y->op->invoked) - (x->op->invoked < y->op->invoked);
}

static void fill_report(const struct whole *whole, enum linearize_verdict verdict,
                        struct linearize_report *report)
{
    const struct whole_op *unplaced[OPS_MAX];
    *report = (struct linearize_report){.verdict = verdict,
                                        .limit = whole->limit,
                                        .steps = whole->steps,
                                        .keys = whole->key_count,
                                        .order_count = whole->best_count};
    report->order = harness_copy(whole->best, whole->best_count, sizeof *whole->best);
    for (uint32_t i = 0; i < whole->op_count; i++) {
        if ((whole->returned & ~whole->best_over) >> i & 1) {
            unplaced[report->unplaced_count++] = &whole->ops[i];
        }
    }
    qsort(unplaced, report->unplaced_count, sizeof unplaced[0], by_invocation);
    report->unplaced = harness_alloc(report->unplaced_count, sizeof *report->unplaced);
    for (size_t i = 0; i < report->unplaced_count; i++) {
        report->unplaced[i] = unplaced[i]->number;
    }
}

enum linearize_verdict linearize_whole(const struct history_op *ops, size_t count,
                                       const struct linearize_initial *initial,
                                       struct linearize_report *report)
{
    struct whole whole = {.op_count = 0};
    enum linearize_verdict verdict = LINEARIZE_UNKNOWN;
    const struct whole_state first = prepare(&whole, ops, count, initial);
    if (whole.limit == LINEARIZE_NO_LIMIT) {
        if (place(&whole, first)) {
            verdict = LINEARIZE_YES;
            whole.limit = LINEARIZE_NO_LIMIT;
        } else if (whole.limit == LINEARIZE_NO_LIMIT) {
            verdict = LINEARIZE_NO;
        }
    }
    if (report != NULL) {
        fill_report(&whole, verdict, report);
    }
    linearize_memo_end(&whole.memo);
    return verdict;
}

size_t linearize_final_states(const struct history_op *ops, size_t count, uint64_t key,
                              uint64_t before, uint64_t *states, size_t capacity)
{
    struct whole whole = {.finals = states, .final_capacity = capacity};
    const struct history_result entry = {.key = key, .value = before};
    const struct linearize_initial initial = {.entries = &entry, .count = before != 0};
    (void)key_number(&whole, key);
    const struct whole_state first = prepare(&whole, ops, count, &initial);
    if (whole.limit == LINEARIZE_NO_LIMIT) {
        (void)place(&whole, first);
    }
    linearize_memo_end(&whole.memo);
    return whole.limit == LINEARIZE_NO_LIMIT ? whole.final_count : SIZE_MAX;
}
