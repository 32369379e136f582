/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random histories.
 *
 * Each step lets one thread do its next: invoke, take effect (a clear in many steps), return. The
 * order of steps is drawn, so that calls overlap in every way.
 */
#include "support/history_sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "harness/history_file.h"
#include "support/vectors.h"

enum phase { PHASE_IDLE, PHASE_INVOKED, PHASE_CLEARING, PHASE_DONE, PHASE_DEAD };

struct sim_thread {
    enum phase phase;
    size_t op;
    bool is_dying; /* it will not return from this call */
    uint32_t left; /* keys of a clear to come, as far as it gets */
    uint64_t *noted;
    uint64_t last_returned;
};

struct sim {
    const struct history_sim *what;
    struct history *history;
    uint64_t random;
    uint64_t events;
    uint64_t next_value;
    uint64_t *values; /* of each key, 0: absent */
    size_t result_capacity;
    struct sim_thread threads[SIM_THREADS_MAX];
};

static uint64_t below(struct sim *sim, uint64_t bound)
{
    return random_below(&sim->random, bound);
}

static bool one_of(struct sim *sim, uint32_t bound)
{
    return bound != 0 && below(sim, bound) == 0;
}

static uint64_t now(const struct sim *sim)
{
    return sim->what->ticks > 1 ? sim->events / sim->what->ticks : sim->events;
}

static uint8_t draw_kind(struct sim *sim)
{
    uint32_t total = 0;
    for (uint32_t kind = 0; kind < HISTORY_KINDS; kind++) {
        total += sim->what->weights[kind];
    }
    uint64_t pick = below(sim, total);
    uint8_t kind = 0;
    while (pick >= sim->what->weights[kind]) {
        pick -= sim->what->weights[kind++];
    }
    return kind;
}

static void invoke(struct sim *sim, uint32_t number)
{
    struct sim_thread *const thread = &sim->threads[number];
    thread->op = sim->history->count++;
    struct history_op *const op = &sim->history->ops[thread->op];
    *op =
        (struct history_op){.returned = HISTORY_PENDING, .thread = number, .kind = draw_kind(sim)};
    if (op->kind <= HISTORY_CONTAINS) {
        op->key = below(sim, sim->what->keys); /* its number until the end */
    }
    if (history_is_write(op)) {
        op->value = sim->next_value++;
    }
    if (op->kind == HISTORY_SEARCH) {
        op->value = 1 + below(sim, sim->what->search_k_max != 0 ? sim->what->search_k_max : 3);
        op->key = below(sim, 2) != 0 ? HISTORY_QUERY_ABOVE : HISTORY_QUERY_BELOW;
    }
    while (now(sim) < thread->last_returned) {
        sim->events++;
    }
    op->invoked = now(sim);
    thread->is_dying = one_of(sim, sim->what->crash_one_of);
    thread->phase = PHASE_INVOKED;
}

struct sim_entry {
    struct history_result entry;
    double distance;
};

static int by_distance(const void *a, const void *b)
{
    const struct sim_entry *const x = a;
    const struct sim_entry *const y = b;
    if (x->distance < y->distance || x->distance > y->distance) {
        return x->distance < y->distance ? -1 : 1;
    }
    return (x->entry.key > y->entry.key) - (x->entry.key < y->entry.key);
}

static void search(struct sim *sim, struct history_op *op)
{
    struct history *const history = sim->history;
    struct sim_entry *const live = calloc(sim->what->keys, sizeof *live);
    assert_non_null(live);
    uint32_t count = 0;
    for (uint32_t k = 0; k < sim->what->keys; k++) {
        if (sim->values[k] != 0) {
            live[count].entry = (struct history_result){sim_key(k), sim->values[k]};
            live[count++].distance = history_distance(op, sim->values[k]);
        }
    }
    qsort(live, count, sizeof *live, by_distance);
    op->result_count = (uint16_t)(op->value < count ? op->value : count);
    if (history->result_count + op->result_count > sim->result_capacity) {
        sim->result_capacity = 2 * (history->result_count + op->result_count);
        struct history_result *const longer =
            realloc(history->results, sim->result_capacity * sizeof *history->results);
        assert_non_null(longer);
        history->results = longer;
    }
    for (uint32_t r = 0; r < op->result_count; r++) {
        history->results[history->result_count + r] = live[r].entry;
    }
    free(live);
}

/* The instant at which a call takes effect. */
static void act(struct sim *sim, struct history_op *op)
{
    uint64_t *const value = &sim->values[op->kind <= HISTORY_CONTAINS ? op->key : 0];
    const uint64_t old = *value;
    switch (op->kind) {
    case HISTORY_INSERT:
        op->answer = old == 0 ? HISTORY_OK : HISTORY_EXISTS;
        *value = old == 0 ? op->value : old;
        break;
    case HISTORY_UPSERT:
        *value = op->value;
        break;
    case HISTORY_UPDATE:
        op->answer = old != 0 ? HISTORY_OK : HISTORY_NOT_FOUND;
        *value = old != 0 ? op->value : 0;
        break;
    case HISTORY_DELETE:
        op->answer = old != 0 ? HISTORY_OK : HISTORY_NOT_FOUND;
        *value = 0;
        break;
    case HISTORY_GET:
        op->value = old;
        op->answer = old != 0 ? HISTORY_OK : HISTORY_NOT_FOUND;
        break;
    case HISTORY_CONTAINS:
        op->answer = old != 0 ? HISTORY_OK : HISTORY_NOT_FOUND;
        break;
    case HISTORY_COUNT:
        op->value = 0;
        for (uint32_t k = 0; k < sim->what->keys; k++) {
            op->value += sim->values[k] != 0;
        }
        break;
    default:
        break;
    }
}

static void begin_clear(struct sim *sim, struct sim_thread *thread, struct history_op *op)
{
    memcpy(thread->noted, sim->values, sim->what->keys * sizeof *sim->values);
    thread->left = sim->what->keys;
    if (one_of(sim, sim->what->fail_one_of)) {
        op->answer = HISTORY_FAILED;
        thread->left = (uint32_t)below(sim, sim->what->keys);
    }
    if (thread->is_dying) {
        thread->left = (uint32_t)below(sim, sim->what->keys + 1);
    }
    thread->phase = PHASE_CLEARING;
}

/* Delete one of the entries noted, whichever is drawn, if it is the same still. */
static void go_on_clearing(struct sim *sim, struct sim_thread *thread)
{
    if (thread->left == 0) {
        thread->phase = PHASE_DONE;
        return;
    }
    const uint32_t keys = sim->what->keys;
    uint32_t k = (uint32_t)below(sim, keys);
    for (uint32_t tries = 0; tries < keys && thread->noted[k] == 0; tries++) {
        k = (k + 1) % keys;
    }
    if (thread->noted[k] != 0 && sim->values[k] == thread->noted[k]) {
        sim->values[k] = 0;
    }
    thread->noted[k] = 0;
    thread->left--;
}

static void take_effect(struct sim *sim, struct sim_thread *thread)
{
    struct history_op *const op = &sim->history->ops[thread->op];
    if (thread->is_dying && below(sim, 2) == 0) {
        thread->phase = PHASE_DEAD;
    } else if (op->kind == HISTORY_CLEAR) {
        begin_clear(sim, thread, op);
    } else if (one_of(sim, sim->what->fail_one_of)) {
        op->answer = HISTORY_FAILED;
        thread->phase = PHASE_DONE;
    } else if (op->kind == HISTORY_SEARCH) {
        if (!thread->is_dying) {
            search(sim, op);
            /* The place of its results among all, until they have one for good. */
            op->key = op->key == HISTORY_QUERY_ABOVE ? sim->history->result_count * 2 + 1
                                                     : sim->history->result_count * 2;
            sim->history->result_count += op->result_count;
        }
        thread->phase = PHASE_DONE;
    } else {
        act(sim, op);
        thread->phase = PHASE_DONE;
    }
}

static void leave(struct sim *sim, struct sim_thread *thread)
{
    struct history_op *const op = &sim->history->ops[thread->op];
    if (thread->is_dying) {
        op->answer = HISTORY_OK;
        thread->phase = PHASE_DEAD;
        return;
    }
    op->returned = now(sim) > op->invoked ? now(sim) : op->invoked + 1;
    thread->last_returned = op->returned;
    thread->phase = PHASE_IDLE;
}

/* One step of one thread; false when it can do none. */
static bool step(struct sim *sim, uint32_t number)
{
    struct sim_thread *const thread = &sim->threads[number];
    switch (thread->phase) {
    case PHASE_IDLE:
        if (sim->history->count == sim->what->ops) {
            return false;
        }
        invoke(sim, number);
        break;
    case PHASE_INVOKED:
        take_effect(sim, thread);
        break;
    case PHASE_CLEARING:
        go_on_clearing(sim, thread);
        break;
    case PHASE_DONE:
        leave(sim, thread);
        break;
    case PHASE_DEAD:
        return false;
    }
    sim->events++;
    return true;
}

static void prepare(struct sim *sim)
{
    struct history *const history = sim->history;
    const struct history_sim *const what = sim->what;
    *history = (struct history){.ops = calloc(what->ops, sizeof *history->ops),
                                .initial = calloc(what->initial + 1, sizeof *history->initial)};
    sim->values = calloc(what->keys, sizeof *sim->values);
    for (uint32_t t = 0; t < what->threads; t++) {
        sim->threads[t].noted = calloc(what->keys, sizeof *sim->threads[t].noted);
    }
    sim->next_value = 1;
    for (uint32_t k = 0; k < what->initial; k++) {
        sim->values[k] = sim->next_value++;
        history->initial[history->initial_count++] =
            (struct history_result){sim_key(k), sim->values[k]};
    }
}

/* Numbers of keys become keys, places of results become pointers. */
static void finish(struct sim *sim)
{
    struct history *const history = sim->history;
    for (size_t i = 0; i < history->count; i++) {
        struct history_op *const op = &history->ops[i];
        if (op->kind <= HISTORY_CONTAINS) {
            op->key = sim_key((uint32_t)op->key);
        } else if (op->kind == HISTORY_SEARCH && !history_is_pending(op) &&
                   op->answer == HISTORY_OK) {
            const uint64_t place = op->key / 2;
            op->key = op->key % 2 != 0 ? HISTORY_QUERY_ABOVE : HISTORY_QUERY_BELOW;
            op->results = op->result_count != 0 ? history->results + place : NULL;
        }
    }
    free(sim->values);
    for (uint32_t t = 0; t < sim->what->threads; t++) {
        free(sim->threads[t].noted);
    }
}

void history_simulate(const struct history_sim *what, struct history *history)
{
    struct sim sim = {.what = what, .history = history, .random = what->random};
    assert_true(what->threads <= SIM_THREADS_MAX && what->keys <= SIM_KEYS_MAX);
    prepare(&sim);
    uint32_t idle = 0;
    while (idle < what->threads) {
        if (step(&sim, (uint32_t)below(&sim, what->threads))) {
            idle = 0;
            continue;
        }
        /* Perhaps the draw was unlucky: ask all of them. */
        for (idle = 0; idle < what->threads && !step(&sim, idle); idle++) {
        }
    }
    finish(&sim);
}

void history_remove(struct history *history, size_t i)
{
    history->count--;
    memmove(&history->ops[i], &history->ops[i + 1], (history->count - i) * sizeof *history->ops);
}

bool history_spoil_search(struct history *history, size_t i, uint64_t *random)
{
    struct history_op *const op = &history->ops[i];
    if (op->result_count == 0) {
        return false;
    }
    const size_t first = (size_t)(op->results - history->results);
    const size_t r = first + random_below(random, op->result_count);
    switch (random_below(random, 4)) {
    case 0:
        op->result_count--;
        op->results = op->result_count != 0 ? op->results : NULL;
        return true;
    case 1:
        history->results[r] = history->results[first];
        return r != first;
    case 2:
        history->results[r].value = 1 + random_below(random, history->count);
        return true;
    default:
        history->results[r].key = sim_key((uint32_t)random_below(random, 3));
        return true;
    }
}

static uint8_t other_answer(const struct history_op *op)
{
    if (op->answer != HISTORY_OK) {
        return HISTORY_OK;
    }
    return op->kind == HISTORY_INSERT ? HISTORY_EXISTS : HISTORY_NOT_FOUND;
}

bool history_spoil(struct history *history, uint64_t *random)
{
    if (history->count == 0) {
        return false;
    }
    const size_t i = random_below(random, history->count);
    struct history_op *const op = &history->ops[i];
    if (history_is_pending(op) || op->answer == HISTORY_FAILED || op->kind == HISTORY_CLEAR) {
        return false;
    }
    if (random_below(random, 8) == 0) {
        history_remove(history, i);
        return true;
    }
    switch (op->kind) {
    case HISTORY_UPSERT:
        return false;
    case HISTORY_GET:
        if (random_below(random, 2) == 0 && op->answer == HISTORY_OK) {
            op->value = 1 + random_below(random, history->count);
            return true;
        }
        op->answer = other_answer(op);
        op->value = op->answer == HISTORY_OK ? 1 + random_below(random, history->count) : 0;
        return true;
    case HISTORY_COUNT:
        op->value += random_below(random, 2) == 0 && op->value > 0 ? UINT64_MAX : 1;
        return true;
    case HISTORY_SEARCH:
        return history_spoil_search(history, i, random);
    default:
        op->answer = other_answer(op);
        return true;
    }
}

void history_of_text(const char *text, struct history *history)
{
    struct history_file_error error;
    const size_t length = strlen(text);
    char *const whole = malloc(length + 16);
    assert_non_null(whole);
    (void)snprintf(whole, length + 16, "akin-history 1\n%s", text);
    FILE *const file = fmemopen(whole, length + 15, "r");
    assert_non_null(file);
    if (!history_read(file, history, &error)) {
        fail_msg("line %zu: %s\n%s", error.line, error.reason, text);
    }
    (void)fclose(file);
    free(whole);
}

void history_show(const struct history *history)
{
    struct history_file_error error;
    (void)history_write(stderr, history, &error);
}
