/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mixture of calls on a real index.
 */
#include "harness/history_mix.h"

#include <math.h>
#include <string.h>

#include "harness/history_status.h"
#include "harness/sizes.h"

/* What a payload says. */
struct mix_payload {
    uint64_t key;
    uint64_t value;
};

/* Steele, Lea and Flood 2014. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t word = *state += 0x9e3779b97f4a7c15ull;
    word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9ull;
    word = (word ^ word >> 27) * 0x94d049bb133111ebull;
    return word ^ word >> 31;
}

void history_mix_options(const struct history_mix *mix, struct akin_options *options)
{
    akin_options_init(options);
    options->dim = mix->dim;
    options->capacity = mix->keys;
}

void history_caller_init(struct history_caller *caller, const struct history_mix *mix,
                         akin_index *index, struct history_recorder *recorder, uint32_t thread)
{
    *caller = (struct history_caller){.mix = mix,
                                      .index = index,
                                      .lane = history_recorder_lane(recorder, thread),
                                      .random = mix->seed * 1000003 + thread,
                                      .next_value = thread + 1};
}

/* Small, whole, and different for most values. */
static float other_element(uint64_t value, uint32_t i)
{
    return (float)((value * 2654435761u >> (7 * i)) % 512);
}

void mix_vector(uint64_t value, uint32_t dim, float *vector)
{
    vector[0] = (float)(MIX_ORIGIN + value);
    for (uint32_t i = 1; i < dim; i++) {
        vector[i] = other_element(value, i);
    }
}

/* Whole numbers below 2^53: no rounding. */
static double mix_distance(uint64_t value, uint32_t dim, uint64_t query)
{
    const double along = query == HISTORY_QUERY_ABOVE ? (double)(MIX_FAR - MIX_ORIGIN - value)
                                                      : (double)(MIX_ORIGIN + value);
    double sum = along * along;
    for (uint32_t i = 1; i < dim; i++) {
        sum += (double)other_element(value, i) * (double)other_element(value, i);
    }
    return sum;
}

uint64_t mix_value(uint32_t dim, uint64_t query, double distance)
{
    if (!(distance >= (double)MIX_ORIGIN * MIX_ORIGIN &&
          distance < 4.0 * MIX_ORIGIN * MIX_ORIGIN)) {
        return HISTORY_TORN;
    }
    const uint64_t along = (uint64_t)sqrt(distance);
    const uint64_t value =
        query == HISTORY_QUERY_ABOVE ? MIX_FAR - MIX_ORIGIN - along : along - MIX_ORIGIN;
    const double right = mix_distance(value, dim, query);
    const bool is_right =
        value != 0 && value <= MIX_VALUE_MAX && !(right < distance) && !(distance < right);
    return is_right ? value : HISTORY_TORN;
}

static enum history_answer answer_of(struct history_caller *caller, enum akin_status status)
{
    const enum history_answer answer = history_answer_of(status);
    caller->failures += answer == HISTORY_FAILED ? 1 : 0;
    return answer;
}

static void do_write(struct history_caller *caller, enum history_kind kind, uint64_t key)
{
    static enum akin_status (*const calls[])(akin_index *, uint64_t, const struct akin_vector *,
                                             const struct akin_bytes *, struct akin_error *) = {
        [HISTORY_INSERT] = akin_insert,
        [HISTORY_UPSERT] = akin_upsert,
        [HISTORY_UPDATE] = akin_update};
    float elements[MIX_DIM_MAX];
    const uint64_t value = caller->next_value;
    const struct mix_payload content = {key, value};
    const struct akin_bytes payload = {&content, sizeof content};
    const struct akin_vector vector = akin_vector_f32(elements, caller->mix->dim);
    caller->next_value += caller->mix->threads;
    mix_vector(value, caller->mix->dim, elements);
    history_invoke(caller->lane, kind, key, value);
    const enum akin_status status = calls[kind](caller->index, key, &vector, &payload, NULL);
    history_return(caller->lane);
    history_answer(caller->lane, answer_of(caller, status), 0);
}

static void do_get(struct history_caller *caller, uint64_t key)
{
    float elements[MIX_DIM_MAX];
    float expected[MIX_DIM_MAX];
    const size_t bytes = caller->mix->dim * sizeof elements[0];
    struct mix_payload content = {0, 0};
    struct akin_record record = akin_record_init();
    record.vector = elements;
    record.vector_capacity = sizeof elements;
    record.payload = &content;
    record.payload_capacity = sizeof content;
    history_invoke(caller->lane, HISTORY_GET, key, 0);
    const enum akin_status status = akin_get(caller->index, key, &record, NULL);
    history_return(caller->lane);
    uint64_t value = 0;
    if (status == AKIN_OK) {
        mix_vector(content.value, caller->mix->dim, expected);
        const bool is_whole = record.vector_size == bytes &&
                              record.payload_size == sizeof content && content.key == key &&
                              content.value != 0 && memcmp(elements, expected, bytes) == 0;
        value = is_whole ? content.value : HISTORY_TORN;
    }
    history_answer(caller->lane, answer_of(caller, status), value);
}

static void do_search(struct history_caller *caller, uint64_t query, uint32_t k)
{
    struct akin_neighbor neighbors[MIX_K_MAX];
    struct history_result results[MIX_K_MAX];
    struct akin_search_options options;
    float elements[MIX_DIM_MAX] = {query == HISTORY_QUERY_ABOVE ? (float)MIX_FAR : 0};
    const struct akin_vector vector = akin_vector_f32(elements, caller->mix->dim);
    uint32_t count = 0;
    akin_search_options_init(&options);
    options.k = k;
    history_invoke(caller->lane, HISTORY_SEARCH, query, k);
    const enum akin_status status =
        akin_search(caller->index, NULL, &vector, &options, neighbors, &count, NULL);
    history_return(caller->lane);
    history_answer(caller->lane, answer_of(caller, status), 0);
    for (uint32_t i = 0; i < count; i++) {
        results[i].key = neighbors[i].key;
        results[i].value = mix_value(caller->mix->dim, query, neighbors[i].distance);
    }
    history_found(caller->lane, results, count);
}

static void do_other(struct history_caller *caller, enum history_kind kind, uint64_t key)
{
    enum akin_status status = AKIN_OK;
    uint64_t count = 0;
    history_invoke(caller->lane, kind, key, 0);
    switch (kind) {
    case HISTORY_DELETE:
        status = akin_delete(caller->index, key, NULL);
        break;
    case HISTORY_CONTAINS:
        status = akin_contains(caller->index, key, NULL);
        break;
    case HISTORY_COUNT:
        status = akin_count(caller->index, &count, NULL);
        break;
    default:
        status = akin_clear(caller->index, NULL);
        break;
    }
    history_return(caller->lane);
    history_answer(caller->lane, answer_of(caller, status), count);
}

static bool one_of(uint64_t word, uint32_t bound)
{
    return bound != 0 && word % bound == 0;
}

void history_caller_call(struct history_caller *caller)
{
    const uint64_t word = next_random(&caller->random);
    const uint64_t key = (next_random(&caller->random) >> 11) % caller->mix->keys;
    if (one_of(word >> 8, caller->mix->clear_one_of)) {
        do_other(caller, HISTORY_CLEAR, 0);
        return;
    }
    if (one_of(word >> 20, caller->mix->search_one_of)) {
        do_search(caller, word >> 63 != 0 ? HISTORY_QUERY_ABOVE : HISTORY_QUERY_BELOW,
                  1 + (uint32_t)(word >> 32) % MIX_K_MAX);
        return;
    }
    const uint32_t part = (uint32_t)(word % 100);
    if (part < 45) {
        do_write(caller,
                 part < 15   ? HISTORY_INSERT
                 : part < 30 ? HISTORY_UPSERT
                             : HISTORY_UPDATE,
                 key);
    } else if (part < 65) {
        do_other(caller, HISTORY_DELETE, key);
    } else if (part < 90) {
        do_get(caller, key);
    } else if (part < 96) {
        do_other(caller, HISTORY_CONTAINS, key);
    } else {
        do_other(caller, HISTORY_COUNT, 0);
    }
}

/* The write of its key that returned first, if another one was invoked after that and returned
   before the get began: then the first is stale. */
static const struct history_op *stale_write(const struct history *history,
                                            const struct history_op *get)
{
    const struct history_op *older = NULL;
    const struct history_op *newer = NULL;
    for (size_t i = 0; i < history->count; i++) {
        const struct history_op *const op = &history->ops[i];
        if (!history_is_write(op) || op->answer != HISTORY_OK || op->key != get->key ||
            op->returned >= get->invoked) {
            continue;
        }
        older = older == NULL || op->returned < older->returned ? op : older;
        newer = newer == NULL || op->invoked > newer->invoked ? op : newer;
    }
    return older != NULL && older->returned < newer->invoked ? older : NULL;
}

size_t history_seed_stale_read(struct history *history)
{
    for (size_t g = history->count / 2; g < history->count; g++) {
        struct history_op *const get = &history->ops[g];
        if (get->kind == HISTORY_GET && get->answer == HISTORY_OK && !history_is_pending(get)) {
            const struct history_op *const stale = stale_write(history, get);
            if (stale != NULL) {
                get->value = stale->value;
                return g;
            }
        }
    }
    return SIZE_MAX;
}
