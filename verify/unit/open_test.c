/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of opening and closing, of versions, and of the line that describes the build.
 *
 * Goal   : an index is there whole or not at all; closing gives everything back and is refused
 *          where it would wait for itself.
 * Method : the tracking allocator counts; callbacks try to close their own index.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simd/akin_simd.h"
#include "support/index_fixture.h"
#include "support/store_fixture.h"

static void an_index_opens_empty_and_closes_to_nothing(void **state)
{
    struct index_fixture *const fixture = *state;
    index_open(fixture);
    assert_int_equal(index_count(fixture), 0);
    assert_absent(fixture, 0);
    assert_true(tracking_live_blocks(&fixture->tracking) > 0);
    index_close(fixture);
    assert_int_equal(tracking_live_blocks(&fixture->tracking), 0);
}

static void every_kind_of_index_opens_and_closes(void **state)
{
    struct index_fixture *const fixture = *state;
    static const uint32_t dims[] = {1, 3, 16384};
    for (int metric = AKIN_L2; metric <= AKIN_COSINE; metric++) {
        for (int type = AKIN_F32; type <= AKIN_I8; type++) {
            for (int mode = AKIN_MAINTENANCE_INLINE; mode <= AKIN_MAINTENANCE_WORKER; mode++) {
                fixture->options.metric = (enum akin_metric)metric;
                fixture->options.type = (enum akin_type)type;
                fixture->options.maintenance = (enum akin_maintenance)mode;
                fixture->options.dim = dims[(metric + type + mode) % 3];
                index_open(fixture);
                assert_status(AKIN_OK, insert_pattern(fixture, 1, 1, 10));
                assert_pattern(fixture, 1, 1, 10);
                index_close(fixture);
            }
        }
    }
}

static void without_hooks_the_library_uses_its_own(void **state)
{
    struct index_fixture *const fixture = *state;
    memset(&fixture->options.allocator, 0, sizeof fixture->options.allocator);
    index_open(fixture);
    assert_status(AKIN_OK, insert_pattern(fixture, 1, 1, 10));
    assert_pattern(fixture, 1, 1, 10);
    index_close(fixture);
    assert_int_equal(tracking_calls(&fixture->tracking), 0);
}

static void indexes_do_not_know_each_other(void **state)
{
    struct index_fixture *const fixture = *state;
    akin_index *other = NULL;
    uint64_t count = 99;
    index_open(fixture);
    assert_status(AKIN_OK, akin_open(&fixture->options, &other, NULL));
    assert_status(AKIN_OK, insert_pattern(fixture, 1, 1, 0));
    assert_status(AKIN_OK, akin_count(other, &count, NULL));
    assert_int_equal(count, 0);
    assert_status(AKIN_NOT_FOUND, akin_contains(other, 1, NULL));
    assert_status(AKIN_OK, akin_close(other));
    assert_pattern(fixture, 1, 1, 0);
}

static void the_options_are_copied(void **state)
{
    struct index_fixture *const fixture = *state;
    struct akin_options options = fixture->options;
    assert_status(AKIN_OK, akin_open(&options, &fixture->index, NULL));
    memset(&options, 0xff, sizeof options);
    assert_status(AKIN_OK, insert_pattern(fixture, 1, 1, 10));
    assert_pattern(fixture, 1, 1, 10);
}

static void closing_nothing_is_fine(void **state)
{
    (void)state;
    assert_status(AKIN_OK, akin_close(NULL));
}

static void closing_gives_back_dead_entries_contexts_and_payloads(void **state)
{
    struct index_fixture *const fixture = *state;
    akin_context *context = NULL;
    fixture->options.maintenance = AKIN_MAINTENANCE_CALLER;
    index_open(fixture);
    for (uint64_t key = 0; key < 100; key++) {
        assert_status(AKIN_OK, insert_pattern(fixture, key, 1, key * 100));
        assert_status(AKIN_OK, update_pattern(fixture, key, 2, key * 50));
    }
    for (uint64_t key = 0; key < 50; key++) {
        assert_status(AKIN_OK, akin_delete(fixture->index, key, NULL));
    }
    assert_status(AKIN_OK, akin_context_create(fixture->index, 10, &context, NULL));
    index_close(fixture);
    assert_int_equal(tracking_live_blocks(&fixture->tracking), 0);
}

struct attempt {
    akin_index *index;
    int calls;
};

static int close_in_filter(void *context, uint64_t key)
{
    struct attempt *const attempt = context;
    (void)key;
    attempt->calls++;
    assert_status(AKIN_IN_CALLBACK, akin_close(attempt->index));
    return 1;
}

static int close_in_visit(void *context, const struct akin_record *record)
{
    struct attempt *const attempt = context;
    (void)record;
    attempt->calls++;
    assert_status(AKIN_IN_CALLBACK, akin_close(attempt->index));
    return 0;
}

static void closing_from_a_callback_is_refused_and_changes_nothing(void **state)
{
    struct index_fixture *const fixture = *state;
    const float query[FIXTURE_DIM] = {0};
    const struct akin_vector vector = akin_vector_f32(query, FIXTURE_DIM);
    struct akin_search_options options;
    struct akin_neighbor results[10];
    uint32_t count = 0;
    for (int mode = AKIN_MAINTENANCE_INLINE; mode <= AKIN_MAINTENANCE_WORKER; mode += 2) {
        fixture->options.maintenance = (enum akin_maintenance)mode;
        index_open(fixture);
        struct attempt attempt = {.index = fixture->index};
        const struct akin_filter filter = {
            .struct_size = sizeof filter, .accept = close_in_filter, .context = &attempt};
        assert_status(AKIN_OK, insert_pattern(fixture, 1, 1, 0));
        akin_search_options_init(&options);
        options.filter = &filter;
        assert_status(AKIN_OK,
                      akin_search(fixture->index, NULL, &vector, &options, results, &count, NULL));
        assert_int_equal(count, 1);
        assert_status(AKIN_OK, akin_iterate(fixture->index, close_in_visit, &attempt, NULL));
        assert_int_equal(attempt.calls, 2);
        assert_pattern(fixture, 1, 1, 0);
        assert_status(AKIN_OK, insert_pattern(fixture, 2, 1, 0));
        index_close(fixture);
    }
}

static void a_thread_that_cannot_be_started_is_reported_and_nothing_is_left(void **state)
{
    struct index_fixture *const fixture = *state;
    pthread_attr_t ordinary;
    pthread_attr_t huge;
    fixture->options.maintenance = AKIN_MAINTENANCE_WORKER;
    /* No address space has room for such a stack. */
    assert_int_equal(pthread_getattr_default_np(&ordinary), 0);
    assert_int_equal(pthread_attr_init(&huge), 0);
    assert_int_equal(pthread_attr_setstacksize(&huge, (size_t)1 << 47), 0);
    assert_int_equal(pthread_setattr_default_np(&huge), 0);
    errno = ERRNO_SENTINEL;
    const enum akin_status status = akin_open(&fixture->options, &fixture->index, &fixture->error);
    assert_int_equal(errno, ERRNO_SENTINEL);
    assert_int_equal(pthread_setattr_default_np(&ordinary), 0);
    pthread_attr_destroy(&huge);
    pthread_attr_destroy(&ordinary);
    assert_string_equal(akin_status_name(status), "AKIN_THREAD_FAILED");
    assert_error(&fixture->error, AKIN_THREAD_FAILED, "");
    assert_null(fixture->index);
    assert_int_equal(tracking_live_blocks(&fixture->tracking), 0);
}

/* A thread takes a pooled context and ends. */
static void read_once(void *argument)
{
    struct index_fixture *const fixture = argument;
    struct akin_record record = akin_record_init();
    const enum akin_status status = akin_get(fixture->index, 1, &record, NULL);
    (void)status;
}

static void threads_that_came_and_went_do_not_hinder_the_close(void **state)
{
    struct index_fixture *const fixture = *state;
    index_open(fixture);
    for (int i = 0; i < 20; i++) {
        in_a_thread(read_once, fixture);
    }
    index_close(fixture);
}

static void header_and_library_are_of_one_version(void **state)
{
    char text[32];
    (void)state;
    errno = ERRNO_SENTINEL;
    assert_int_equal(akin_version(), AKIN_VERSION_NUMBER);
    assert_int_equal(AKIN_VERSION_NUMBER,
                     AKIN_VERSION_MAJOR * 10000 + AKIN_VERSION_MINOR * 100 + AKIN_VERSION_PATCH);
    snprintf(text, sizeof text, "%d.%d.%d", AKIN_VERSION_MAJOR, AKIN_VERSION_MINOR,
             AKIN_VERSION_PATCH);
    assert_string_equal(text, AKIN_VERSION_STRING);
    assert_int_equal(errno, ERRNO_SENTINEL);
}

static void the_build_is_described_in_one_line_that_names_the_instruction_set(void **state)
{
    static const char *const tables[] = {"portable", "avx2", "avx512", "avx512-vnni"};
    (void)state;
    errno = ERRNO_SENTINEL;
    const char *const line = akin_build_info();
    assert_int_equal(errno, ERRNO_SENTINEL);
    assert_non_null(strstr(line, AKIN_VERSION_STRING));
    assert_non_null(strstr(line, "liburcu-bp"));
    assert_null(strchr(line, '\n'));
    assert_string_equal(akin_build_info(), line);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        char wanted[40];
        assert_int_equal(setenv("AKIN_SIMD", tables[i], 1), 0);
        const struct simd_table *const table = simd_select_from_environment();
        snprintf(wanted, sizeof wanted, "simd %s", table->name);
        assert_non_null(strstr(akin_build_info(), wanted));
    }
    assert_int_equal(unsetenv("AKIN_SIMD"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INDEX_TEST(an_index_opens_empty_and_closes_to_nothing),
        INDEX_TEST(every_kind_of_index_opens_and_closes),
        INDEX_TEST(without_hooks_the_library_uses_its_own),
        INDEX_TEST(indexes_do_not_know_each_other),
        INDEX_TEST(the_options_are_copied),
        INDEX_TEST(closing_nothing_is_fine),
        INDEX_TEST(closing_gives_back_dead_entries_contexts_and_payloads),
        INDEX_TEST(closing_from_a_callback_is_refused_and_changes_nothing),
        INDEX_TEST(a_thread_that_cannot_be_started_is_reported_and_nothing_is_left),
        INDEX_TEST(threads_that_came_and_went_do_not_hinder_the_close),
        cmocka_unit_test(header_and_library_are_of_one_version),
        cmocka_unit_test(the_build_is_described_in_one_line_that_names_the_instruction_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
