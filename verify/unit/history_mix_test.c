/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mixture of calls: what it reads tells which write it saw, or that it saw parts of two.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "akin/akin.h"
#include "harness/history_mix.h"
#include "harness/linearize.h"
#include "support/oracle.h"

static double distance_of(uint64_t value, uint32_t dim, uint64_t query)
{
    float vector[MIX_DIM_MAX];
    const float from[MIX_DIM_MAX] = {query == HISTORY_QUERY_ABOVE ? (float)MIX_FAR : 0};
    mix_vector(value, dim, vector);
    return (double)oracle_distance(AKIN_L2, AKIN_F32, dim, vector, from);
}

static void a_distance_names_the_value(void **state)
{
    (void)state;
    static const uint64_t values[] = {1, 2, 511, 512, 513, 70000, 4000001, MIX_VALUE_MAX};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        for (uint32_t dim = 1; dim <= MIX_DIM_MAX; dim++) {
            for (int above = 0; above < 2; above++) {
                const uint64_t query = above != 0 ? HISTORY_QUERY_ABOVE : HISTORY_QUERY_BELOW;
                const double distance = distance_of(values[i], dim, query);
                assert_int_equal(mix_value(dim, query, distance), values[i]);
                assert_int_equal(mix_value(dim, query, nextafter(distance, 0)), HISTORY_TORN);
                assert_int_equal(mix_value(dim, query, distance + 1), HISTORY_TORN);
            }
        }
    }
    assert_int_equal(mix_value(1, HISTORY_QUERY_BELOW, 0), HISTORY_TORN);
    assert_int_equal(mix_value(1, HISTORY_QUERY_BELOW, (double)NAN), HISTORY_TORN);
    assert_int_equal(mix_value(1, HISTORY_QUERY_BELOW, 1e300), HISTORY_TORN);
}

static void distances_have_the_order_of_values(void **state)
{
    (void)state;
    for (uint64_t value = 1; value < 2000; value++) {
        assert_true(distance_of(value, MIX_DIM_MAX, HISTORY_QUERY_BELOW) <
                    distance_of(value + 1, MIX_DIM_MAX, HISTORY_QUERY_BELOW));
        assert_true(distance_of(value, MIX_DIM_MAX, HISTORY_QUERY_ABOVE) >
                    distance_of(value + 1, MIX_DIM_MAX, HISTORY_QUERY_ABOVE));
    }
}

/* An index with one thread, its recorder, and the history when it is over. */
struct solo {
    struct history_mix mix;
    akin_index *index;
    struct history_recorder *recorder;
    struct history_caller caller;
};

static void open_solo(struct solo *solo, const struct history_mix *mix)
{
    struct akin_options options;
    solo->mix = *mix;
    history_mix_options(&solo->mix, &options);
    assert_int_equal(akin_open(&options, &solo->index, NULL), AKIN_OK);
    solo->recorder = history_recorder_make(1, 10, 10, HISTORY_CLOCK_COUNTER);
    history_caller_init(&solo->caller, &solo->mix, solo->index, solo->recorder, 0);
}

static void close_solo(struct solo *solo, struct history *history)
{
    history_collect(solo->recorder, history);
    history_recorder_end(solo->recorder);
    assert_int_equal(akin_close(solo->index), AKIN_OK);
}

static void one_thread_makes_a_history_of_all_kinds_that_is_linearizable(void **state)
{
    (void)state;
    struct solo solo;
    struct history history;
    bool has_kind[HISTORY_KINDS] = {false};
    const struct history_mix mix = {
        .threads = 1, .keys = 5, .dim = 3, .search_one_of = 20, .clear_one_of = 50, .seed = 7};
    open_solo(&solo, &mix);
    for (int i = 0; i < 3000; i++) {
        history_caller_call(&solo.caller);
    }
    close_solo(&solo, &history);
    assert_int_equal(history.count, 3000);
    for (size_t i = 0; i < history.count; i++) {
        has_kind[history.ops[i].kind] = true;
    }
    for (uint32_t kind = 0; kind < HISTORY_KINDS; kind++) {
        assert_true(has_kind[kind]);
    }
    /* One thread has one order; piece by piece the model of the whole index agrees. */
    assert_int_equal(linearize_by_key(history.ops, history.count, NULL, NULL, NULL), LINEARIZE_YES);
    size_t clear = 0;
    while (history.ops[clear].kind != HISTORY_CLEAR) {
        clear++;
    }
    assert_int_equal(linearize_whole(&history.ops[clear], 40, NULL, NULL), LINEARIZE_YES);
    history_end(&history);
}

/* Put an entry under key 0, and let the mixture read it. */
static uint64_t read_back(const struct akin_vector *vector, const struct akin_bytes *payload)
{
    struct solo solo;
    struct history history;
    uint64_t value = 0;
    const struct history_mix mix = {.threads = 1, .keys = 1, .dim = 2, .seed = 7};
    open_solo(&solo, &mix);
    while (value == 0) {
        assert_int_equal(akin_upsert(solo.index, 0, vector, payload, NULL), AKIN_OK);
        history_caller_call(&solo.caller);
        history_collect(solo.recorder, &history);
        const struct history_op *const last = &history.ops[history.count - 1];
        value = last->kind == HISTORY_GET ? last->value : 0;
        history_end(&history);
    }
    close_solo(&solo, &history);
    history_end(&history);
    return value;
}

static void a_get_of_parts_of_two_writes_is_torn(void **state)
{
    (void)state;
    float elements[2];
    uint64_t content[2] = {0, 12};
    const struct akin_vector vector = akin_vector_f32(elements, 2);
    struct akin_bytes payload = {content, sizeof content};
    mix_vector(12, 2, elements);
    assert_int_equal(read_back(&vector, &payload), 12);
    content[1] = 13;
    assert_int_equal(read_back(&vector, &payload), HISTORY_TORN);
    content[1] = 12;
    content[0] = 1;
    assert_int_equal(read_back(&vector, &payload), HISTORY_TORN);
    content[0] = 0;
    elements[1] += 1;
    assert_int_equal(read_back(&vector, &payload), HISTORY_TORN);
    mix_vector(12, 2, elements);
    payload.size = 8;
    assert_int_equal(read_back(&vector, &payload), HISTORY_TORN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_distance_names_the_value),
        cmocka_unit_test(distances_have_the_order_of_values),
        cmocka_unit_test(one_thread_makes_a_history_of_all_kinds_that_is_linearizable),
        cmocka_unit_test(a_get_of_parts_of_two_writes_is_torn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
