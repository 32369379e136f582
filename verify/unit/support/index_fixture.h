/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tests of the public interface start from: options with a tracking allocator, an index when
 * the test opens it, and an end that checks the structure and wants every byte back.
 */
#ifndef AKIN_VERIFY_UNIT_SUPPORT_INDEX_FIXTURE_H
#define AKIN_VERIFY_UNIT_SUPPORT_INDEX_FIXTURE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "akin/akin.h"
#include "support/tracking_allocator.h"
#include "support/vectors.h"

#define FIXTURE_DIM      4u
#define FIXTURE_CAPACITY 16u

struct index_fixture {
    struct tracking_allocator tracking;
    struct akin_options options; /* change them before index_open */
    akin_index *index;           /* NULL until then; closed at the end unless the test did */
    struct akin_error error;     /* for the test's use */
};

/* For cmocka: `*state` is a struct index_fixture. */
int index_setup(void **state);
int index_teardown(void **state);

#define INDEX_TEST(test) cmocka_unit_test_setup_teardown(test, index_setup, index_teardown)

/* Open the index with the fixture's options. */
void index_open(struct index_fixture *fixture);

/* Check, close, and forget the index. */
void index_close(struct index_fixture *fixture);

/* errno before every call that a test makes with assert_status; no errno of the system's. */
#define ERRNO_SENTINEL 987654

/* Assert that a call answers `expected` and leaves errno alone. The call is evaluated once. */
#define assert_status(expected, call)                                                              \
    do {                                                                                           \
        errno = ERRNO_SENTINEL;                                                                    \
        const enum akin_status status_ = (call);                                                   \
        status_check((expected), status_, errno, #call, __FILE__, __LINE__);                       \
    } while (0)

void status_check(enum akin_status expected, enum akin_status got, int errno_after,
                  const char *call, const char *file, int line);

/* Assert that the error names this status and field, and has a message. */
void assert_error(const struct akin_error *error, enum akin_status status, const char *field);

/* Insert or upsert, or update the pattern of (key, version), with a payload of `size` pattern
   bytes. */
enum akin_status put_pattern(struct index_fixture *fixture, uint64_t key, uint64_t version,
                             size_t payload_size);
enum akin_status insert_pattern(struct index_fixture *fixture, uint64_t key, uint64_t version,
                                size_t payload_size);
enum akin_status update_pattern(struct index_fixture *fixture, uint64_t key, uint64_t version,
                                size_t payload_size);

/* Assert that a key has the pattern of `version` and `size` pattern bytes, and is found alive. */
void assert_pattern(struct index_fixture *fixture, uint64_t key, uint64_t version, size_t size);

/* Assert that a key has no live entry. */
void assert_absent(struct index_fixture *fixture, uint64_t key);

/* The count of live entries; the statistics; maintenance until nothing is left to do. */
uint64_t index_count(struct index_fixture *fixture);
struct akin_stats index_stats(struct index_fixture *fixture);
void index_drain(struct index_fixture *fixture);

/* The stamp of the entry of a key. */
uint64_t index_version(struct index_fixture *fixture, uint64_t key);

#endif
