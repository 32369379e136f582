/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of statuses and of how errors are described.
 *
 * Goal   : every status has a name, a sentence and a class; an error struct says what its caller
 *          said.
 * Method : the list of statuses is written out again here, so that the table of the library and the
 *          header cannot lose one together.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "support/index_fixture.h"

struct expected {
    enum akin_status status;
    const char *name;
    enum akin_status_class class;
};

#define ROW(status, class)                                                                         \
    {                                                                                              \
        status, #status, class                                                                     \
    }

static const struct expected all[] = {
    ROW(AKIN_OK, AKIN_CLASS_OK),
    ROW(AKIN_NOT_FOUND, AKIN_CLASS_INPUT),
    ROW(AKIN_EXISTS, AKIN_CLASS_INPUT),
    ROW(AKIN_BUFFER_TOO_SMALL, AKIN_CLASS_INPUT),
    ROW(AKIN_STOPPED, AKIN_CLASS_INPUT),
    ROW(AKIN_NO_MEMORY, AKIN_CLASS_TRANSIENT),
    ROW(AKIN_OVER_BUDGET, AKIN_CLASS_TRANSIENT),
    ROW(AKIN_CONFLICT, AKIN_CLASS_TRANSIENT),
    ROW(AKIN_RECLAIM_STALLED, AKIN_CLASS_TRANSIENT),
    ROW(AKIN_INDEX_FULL, AKIN_CLASS_PERMANENT),
    ROW(AKIN_BUSY, AKIN_CLASS_TRANSIENT),
    ROW(AKIN_IN_CALLBACK, AKIN_CLASS_INPUT),
    ROW(AKIN_THREAD_FAILED, AKIN_CLASS_TRANSIENT),
    ROW(AKIN_IO, AKIN_CLASS_TRANSIENT),
    ROW(AKIN_CORRUPT, AKIN_CLASS_PERMANENT),
    ROW(AKIN_INCOMPATIBLE, AKIN_CLASS_PERMANENT),
    ROW(AKIN_BAD_ARGUMENT, AKIN_CLASS_INPUT),
    ROW(AKIN_BAD_STRUCT_SIZE, AKIN_CLASS_INPUT),
    ROW(AKIN_BAD_DIM, AKIN_CLASS_INPUT),
    ROW(AKIN_BAD_METRIC, AKIN_CLASS_INPUT),
    ROW(AKIN_BAD_TYPE, AKIN_CLASS_INPUT),
    ROW(AKIN_BAD_KIND, AKIN_CLASS_INPUT),
    ROW(AKIN_BAD_K, AKIN_CLASS_INPUT),
    ROW(AKIN_BAD_BUDGET, AKIN_CLASS_INPUT),
    ROW(AKIN_BAD_THREADS, AKIN_CLASS_INPUT),
    ROW(AKIN_NOT_FINITE, AKIN_CLASS_INPUT),
    ROW(AKIN_ZERO_VECTOR, AKIN_CLASS_INPUT),
    ROW(AKIN_PAYLOAD_TOO_LARGE, AKIN_CLASS_INPUT),
};

enum { ALL_COUNT = sizeof all / sizeof all[0] };

static void every_status_has_its_name_a_sentence_of_its_own_and_a_class(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALL_COUNT; i++) {
        assert_string_equal(akin_status_name(all[i].status), all[i].name);
        assert_int_equal(akin_status_classify(all[i].status), all[i].class);
        assert_true(strlen(akin_strerror(all[i].status)) > 0);
        assert_string_not_equal(akin_strerror(all[i].status), "unknown status");
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(akin_strerror(all[i].status), akin_strerror(all[k].status));
            assert_int_not_equal(all[i].status, all[k].status);
        }
    }
}

static void only_success_is_not_negative(void **state)
{
    (void)state;
    assert_int_equal(AKIN_OK, 0);
    for (size_t i = 1; i < ALL_COUNT; i++) {
        assert_true((int)all[i].status < 0);
    }
}

static void an_unknown_status_is_answered_and_permanent(void **state)
{
    static const int unknown[] = {1, -5, -19, -31, -52, -1000000};
    (void)state;
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        const enum akin_status status = (enum akin_status)unknown[i];
        assert_string_equal(akin_strerror(status), "unknown status");
        assert_string_equal(akin_status_name(status), "AKIN_UNKNOWN");
        assert_int_equal(akin_status_classify(status), AKIN_CLASS_PERMANENT);
    }
}

/* An error full of rubbish: whoever fills it must not leave any. */
static struct akin_error rubbish(void)
{
    struct akin_error error;
    memset(&error, 0x77, sizeof error);
    return error;
}

static void a_plain_error_blames_no_field(void **state)
{
    struct akin_error error = rubbish();
    (void)state;
    assert_status(AKIN_BUSY, error_plain(&error, AKIN_BUSY));
    assert_error(&error, AKIN_BUSY, "");
    assert_string_equal(error.message, akin_strerror(AKIN_BUSY));
    assert_true(error.value == 0 && error.bound_min == 0 && error.bound_max == 0);
    assert_int_equal(error.position, 0);
    assert_int_equal(error.os_error, 0);
}

static void a_range_error_names_field_value_and_bounds(void **state)
{
    struct akin_error error = rubbish();
    (void)state;
    assert_status(AKIN_BAD_K, error_range(&error, AKIN_BAD_K, "k", 20000, 1, 10000));
    assert_error(&error, AKIN_BAD_K, "k");
    assert_string_equal(error.message, "k is 20000, allowed are 1 to 10000");
    assert_true(error.value == 20000 && error.bound_min == 1 && error.bound_max == 10000);
    assert_int_equal(error.position, 0);
}

static void an_element_error_names_the_place(void **state)
{
    struct akin_error error = rubbish();
    (void)state;
    assert_status(AKIN_NOT_FINITE, error_element(&error, AKIN_NOT_FINITE, "vector",
                                                 (double)INFINITY, 3, "must be finite"));
    assert_error(&error, AKIN_NOT_FINITE, "vector");
    assert_string_equal(error.message, "vector[3] is inf: must be finite");
    assert_true(isinf(error.value));
    assert_int_equal(error.position, 3);
}

static void a_system_error_carries_errno_and_its_text(void **state)
{
    struct akin_error error = rubbish();
    (void)state;
    assert_status(AKIN_IO, error_system(&error, AKIN_IO, "path", ENOENT, "could not be opened"));
    assert_error(&error, AKIN_IO, "path");
    assert_int_equal(error.os_error, ENOENT);
    assert_non_null(strstr(error.message, "path: could not be opened"));
    assert_non_null(strstr(error.message, strerror(ENOENT)));
    assert_status(AKIN_IO, error_system(&error, AKIN_IO, "path", 0, "is a directory"));
    assert_string_equal(error.message, "path: is a directory");
}

static void an_error_nobody_wants_is_not_filled_but_the_status_comes_back(void **state)
{
    (void)state;
    assert_status(AKIN_BUSY, error_plain(NULL, AKIN_BUSY));
    assert_status(AKIN_BAD_ARGUMENT, error_field(NULL, AKIN_BAD_ARGUMENT, "index", "is NULL"));
    assert_status(AKIN_BAD_DIM, error_range(NULL, AKIN_BAD_DIM, "dim", 0, 1, 2));
    assert_status(AKIN_CORRUPT, error_element(NULL, AKIN_CORRUPT, "row", 0, 1, "is bad"));
    assert_status(AKIN_IO, error_system(NULL, AKIN_IO, "path", EIO, "could not be read"));
}

static void a_message_that_is_too_long_is_cut_and_terminated(void **state)
{
    struct akin_error error = rubbish();
    char text[600];
    (void)state;
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_status(AKIN_IO, error_field(&error, AKIN_IO, "path", text));
    assert_int_equal(strlen(error.message), sizeof error.message - 1);
    assert_status(AKIN_IO, error_system(&error, AKIN_IO, "path", EIO, text));
    assert_int_equal(strlen(error.message), sizeof error.message - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_its_name_a_sentence_of_its_own_and_a_class),
        cmocka_unit_test(only_success_is_not_negative),
        cmocka_unit_test(an_unknown_status_is_answered_and_permanent),
        cmocka_unit_test(a_plain_error_blames_no_field),
        cmocka_unit_test(a_range_error_names_field_value_and_bounds),
        cmocka_unit_test(an_element_error_names_the_place),
        cmocka_unit_test(a_system_error_carries_errno_and_its_text),
        cmocka_unit_test(an_error_nobody_wants_is_not_filled_but_the_status_comes_back),
        cmocka_unit_test(a_message_that_is_too_long_is_cut_and_terminated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
