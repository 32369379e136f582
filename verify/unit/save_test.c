/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of saving, loading and inspecting whole files.
 *
 * Goal   : what was saved is what is loaded, bit for bit; a file appears whole or not at all, and
 *          nothing is left beside it; what is no such file is refused.
 * Method : a directory of its own under TMPDIR, listed before and after. Damaged files are in
 *          load_test.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/index_fixture.h"
#include "support/scratch.h"

/* ---- round trips ---- */

static void fill(struct index_fixture *fixture, uint64_t entries)
{
    index_open(fixture);
    for (uint64_t i = 0; i < entries; i++) {
        const uint64_t key = i * 0x9e3779b97f4a7c15ull;
        assert_status(AKIN_OK, insert_pattern(fixture, key, 1, i % 7 * 111));
    }
    /* Some dead, some replaced: they must not be in the file. */
    for (uint64_t i = 0; i < entries; i += 10) {
        const uint64_t key = i * 0x9e3779b97f4a7c15ull;
        assert_status(AKIN_OK, update_pattern(fixture, key, 2, i % 5 * 77));
    }
    for (uint64_t i = 5; i < entries; i += 10) {
        assert_status(AKIN_OK, akin_delete(fixture->index, i * 0x9e3779b97f4a7c15ull, NULL));
    }
}

static void assert_filled(struct index_fixture *fixture, uint64_t entries)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < entries; i++) {
        const uint64_t key = i * 0x9e3779b97f4a7c15ull;
        if (i % 10 == 5) {
            assert_absent(fixture, key);
        } else if (i % 10 == 0) {
            assert_pattern(fixture, key, 2, i % 5 * 77);
            count++;
        } else {
            assert_pattern(fixture, key, 1, i % 7 * 111);
            count++;
        }
    }
    assert_int_equal(index_count(fixture), count);
}

/* Close the fixture's index and load it again from `path`. */
static void reload(struct index_fixture *fixture, const char *path)
{
    index_close(fixture);
    assert_status(AKIN_OK, akin_load(path, &fixture->options, &fixture->index, &fixture->error));
}

static void what_was_saved_is_loaded_bit_for_bit(void **state)
{
    struct index_fixture *const fixture = *state;
    struct scratch scratch;
    scratch_make(&scratch);
    for (int metric = AKIN_L2; metric <= AKIN_COSINE; metric++) {
        for (int type = AKIN_F32; type <= AKIN_I8; type++) {
            for (int mode = AKIN_MAINTENANCE_INLINE; mode <= AKIN_MAINTENANCE_WORKER; mode++) {
                const char *const path = scratch_path(&scratch, "index");
                fixture->options.metric = (enum akin_metric)metric;
                fixture->options.type = (enum akin_type)type;
                fixture->options.maintenance = (enum akin_maintenance)mode;
                fixture->options.dim = 13;
                fill(fixture, 300);
                assert_status(AKIN_OK, akin_save(fixture->index, path, &fixture->error));
                reload(fixture, path);
                assert_filled(fixture, 300);
                /* It is an index like any other. */
                assert_status(AKIN_OK, put_pattern(fixture, 5, 9, 9));
                assert_pattern(fixture, 5, 9, 9);
                assert_int_equal(scratch_count(&scratch), 1);
                index_close(fixture);
            }
        }
    }
    scratch_remove(&scratch);
}

static void an_empty_index_is_saved_too(void **state)
{
    struct index_fixture *const fixture = *state;
    struct scratch scratch;
    scratch_make(&scratch);
    const char *const path = scratch_path(&scratch, "empty");
    index_open(fixture);
    assert_status(AKIN_OK, akin_save(fixture->index, path, NULL));
    reload(fixture, path);
    assert_int_equal(index_count(fixture), 0);
    assert_status(AKIN_OK, insert_pattern(fixture, 1, 1, 1));
    scratch_remove(&scratch);
}

static void payloads_larger_than_a_frame_survive(void **state)
{
    struct index_fixture *const fixture = *state;
    static const size_t sizes[] = {1048576, 3000001, AKIN_PAYLOAD_BYTES_MAX, 0, 1};
    struct scratch scratch;
    scratch_make(&scratch);
    const char *const path = scratch_path(&scratch, "large");
    index_open(fixture);
    for (uint64_t i = 0; i < 5; i++) {
        assert_status(AKIN_OK, insert_pattern(fixture, i, 1, sizes[i]));
    }
    assert_status(AKIN_OK, akin_save(fixture->index, path, NULL));
    reload(fixture, path);
    for (uint64_t i = 0; i < 5; i++) {
        assert_pattern(fixture, i, 1, sizes[i]);
    }
    scratch_remove(&scratch);
}

static void several_frames_are_written_and_read(void **state)
{
    struct index_fixture *const fixture = *state;
    struct scratch scratch;
    scratch_make(&scratch);
    const char *const path = scratch_path(&scratch, "frames");
    fixture->options.dim = 300;
    fixture->options.capacity = 4000;
    fill(fixture, 4000); /* about 6 MB: more than four frames */
    assert_status(AKIN_OK, akin_save(fixture->index, path, NULL));
    reload(fixture, path);
    assert_filled(fixture, 4000);
    scratch_remove(&scratch);
}

static void the_file_says_what_is_in_it(void **state)
{
    struct index_fixture *const fixture = *state;
    struct akin_file_info info = {.struct_size = sizeof info};
    struct stat on_disk;
    struct scratch scratch;
    scratch_make(&scratch);
    const char *const path = scratch_path(&scratch, "index");
    fixture->options.metric = AKIN_INNER_PRODUCT;
    fixture->options.type = AKIN_I8;
    fixture->options.dim = 77;
    index_open(fixture);
    for (uint64_t key = 0; key < 10; key++) {
        assert_status(AKIN_OK, insert_pattern(fixture, key, 1, key));
    }
    assert_status(AKIN_OK, akin_save(fixture->index, path, NULL));
    assert_status(AKIN_OK, akin_file_inspect(path, &info, &fixture->error));
    assert_int_equal(stat(path, &on_disk), 0);
    assert_int_equal(info.struct_size, sizeof info);
    assert_int_equal(info.format_version, 1);
    assert_int_equal(info.writer_version, AKIN_VERSION_NUMBER);
    assert_int_equal(info.kind, AKIN_FLAT);
    assert_int_equal(info.metric, AKIN_INNER_PRODUCT);
    assert_int_equal(info.type, AKIN_I8);
    assert_int_equal(info.dim, 77);
    assert_int_equal(info.entries, 10);
    assert_int_equal(info.payload_bytes, 45);
    assert_int_equal(info.stamp, index_stats(fixture).commits);
    assert_int_equal(info.file_bytes, on_disk.st_size);
    scratch_remove(&scratch);
}

static void options_of_the_file_win_over_those_of_the_caller_who_decides_the_rest(void **state)
{
    struct index_fixture *const fixture = *state;
    struct akin_options told = {.struct_size = sizeof told};
    struct scratch scratch;
    scratch_make(&scratch);
    const char *const path = scratch_path(&scratch, "index");
    fixture->options.metric = AKIN_COSINE;
    fixture->options.type = AKIN_I8;
    fixture->options.dim = 20;
    fill(fixture, 50);
    assert_status(AKIN_OK, akin_save(fixture->index, path, NULL));
    fixture->options.metric = AKIN_L2;
    fixture->options.type = AKIN_F32;
    fixture->options.dim = 7;
    fixture->options.threads = 3;
    fixture->options.maintenance = AKIN_MAINTENANCE_CALLER;
    reload(fixture, path);
    assert_status(AKIN_OK, akin_options_of(fixture->index, &told, NULL));
    assert_int_equal(told.metric, AKIN_COSINE);
    assert_int_equal(told.type, AKIN_I8);
    assert_int_equal(told.dim, 20);
    assert_int_equal(told.threads, 3);
    assert_int_equal(told.maintenance, AKIN_MAINTENANCE_CALLER);
    fixture->options = told;
    assert_filled(fixture, 50);
    scratch_remove(&scratch);
}

static void without_options_the_defaults_serve(void **state)
{
    struct index_fixture *const fixture = *state;
    akin_index *loaded = NULL;
    uint64_t count = 0;
    struct scratch scratch;
    scratch_make(&scratch);
    const char *const path = scratch_path(&scratch, "index");
    fill(fixture, 50);
    assert_status(AKIN_OK, akin_save(fixture->index, path, NULL));
    assert_status(AKIN_OK, akin_load(path, NULL, &loaded, NULL));
    assert_status(AKIN_OK, akin_count(loaded, &count, NULL));
    assert_int_equal(count, index_count(fixture));
    assert_status(AKIN_OK, akin_close(loaded));
    scratch_remove(&scratch);
}

/* ---- files in place ---- */

static void an_existing_file_is_replaced(void **state)
{
    struct index_fixture *const fixture = *state;
    struct scratch scratch;
    scratch_make(&scratch);
    const char *const path = scratch_path(&scratch, "index");
    scratch_write(path, "something else", 14);
    fill(fixture, 30);
    assert_status(AKIN_OK, akin_save(fixture->index, path, NULL));
    assert_status(AKIN_OK, akin_save(fixture->index, path, NULL));
    assert_int_equal(scratch_count(&scratch), 1);
    reload(fixture, path);
    assert_filled(fixture, 30);
    scratch_remove(&scratch);
}

static void a_name_without_a_directory_is_here(void **state)
{
    struct index_fixture *const fixture = *state;
    struct scratch scratch;
    char here[4096];
    scratch_make(&scratch);
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(scratch.directory), 0);
    fill(fixture, 30);
    assert_status(AKIN_OK, akin_save(fixture->index, "index", &fixture->error));
    assert_int_equal(scratch_count(&scratch), 1);
    reload(fixture, "index");
    assert_int_equal(chdir(here), 0);
    assert_filled(fixture, 30);
    scratch_remove(&scratch);
}

static void a_directory_that_is_not_there_is_an_error_of_the_system(void **state)
{
    struct index_fixture *const fixture = *state;
    struct scratch scratch;
    scratch_make(&scratch);
    const char *const path = scratch_path(&scratch, "no/such/place");
    fill(fixture, 10);
    assert_status(AKIN_IO, akin_save(fixture->index, path, &fixture->error));
    assert_error(&fixture->error, AKIN_IO, "path");
    assert_int_equal(fixture->error.os_error, ENOENT);
    assert_non_null(strstr(fixture->error.message, strerror(ENOENT)));
    assert_status(AKIN_IO, akin_save(fixture->index, path, NULL));
    assert_int_equal(scratch_count(&scratch), 0);
    scratch_remove(&scratch);
}

static void a_directory_is_not_overwritten(void **state)
{
    struct index_fixture *const fixture = *state;
    struct scratch scratch;
    scratch_make(&scratch);
    const char *const path = scratch_path(&scratch, "index");
    assert_int_equal(mkdir(path, 0777), 0);
    fill(fixture, 10);
    assert_status(AKIN_IO, akin_save(fixture->index, path, &fixture->error));
    assert_error(&fixture->error, AKIN_IO, "path");
    assert_int_equal(fixture->error.os_error, EISDIR);
    assert_int_equal(scratch_count(&scratch), 1); /* the directory; no temporary */
    assert_int_equal(rmdir(path), 0);
    scratch_remove(&scratch);
}

static void a_save_that_fails_halfway_leaves_the_old_file_and_no_other(void **state)
{
    struct index_fixture *const fixture = *state;
    struct rlimit before;
    struct rlimit small = {.rlim_cur = 100000, .rlim_max = RLIM_INFINITY};
    struct scratch scratch;
    scratch_make(&scratch);
    const char *const path = scratch_path(&scratch, "index");
    fill(fixture, 30);
    assert_status(AKIN_OK, akin_save(fixture->index, path, NULL));
    for (uint64_t key = 1; key <= 400; key++) {
        assert_status(AKIN_OK, put_pattern(fixture, key, 1, 1000));
    }
    /* Files may not grow beyond 100,000 bytes; the signal that says so is ignored. */
    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small.rlim_max = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    errno = ERRNO_SENTINEL;
    const enum akin_status status = akin_save(fixture->index, path, &fixture->error);
    const int errno_after = errno;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(errno_after, ERRNO_SENTINEL);
    assert_string_equal(akin_status_name(status), "AKIN_IO");
    assert_error(&fixture->error, AKIN_IO, "path");
    assert_int_equal(fixture->error.os_error, EFBIG);
    assert_int_equal(scratch_count(&scratch), 1);
    reload(fixture, path);
    assert_filled(fixture, 30);
    scratch_remove(&scratch);
}

static void what_is_saved_is_one_instant(void **state)
{
    struct index_fixture *const fixture = *state;
    struct akin_file_info info = {.struct_size = sizeof info};
    struct scratch scratch;
    scratch_make(&scratch);
    const char *const path = scratch_path(&scratch, "index");
    fill(fixture, 30);
    const uint64_t stamp = index_stats(fixture).commits;
    assert_status(AKIN_OK, akin_save(fixture->index, path, NULL));
    assert_status(AKIN_OK, akin_file_inspect(path, &info, NULL));
    assert_int_equal(info.stamp, stamp);
    assert_int_equal(info.entries, index_count(fixture));
    assert_int_equal(index_stats(fixture).commits, stamp); /* saving is no commit */
    scratch_remove(&scratch);
}

/* ---- what is refused ---- */

static void bad_arguments_are_named(void **state)
{
    struct index_fixture *const fixture = *state;
    struct akin_error *const error = &fixture->error;
    struct akin_file_info info = {.struct_size = sizeof info};
    akin_index *loaded = NULL;
    index_open(fixture);
    assert_status(AKIN_BAD_ARGUMENT, akin_save(NULL, "x", error));
    assert_error(error, AKIN_BAD_ARGUMENT, "index");
    assert_status(AKIN_BAD_ARGUMENT, akin_save(fixture->index, NULL, error));
    assert_error(error, AKIN_BAD_ARGUMENT, "path");
    assert_status(AKIN_BAD_ARGUMENT, akin_save(fixture->index, "", error));
    assert_error(error, AKIN_BAD_ARGUMENT, "path");
    assert_status(AKIN_BAD_ARGUMENT, akin_load(NULL, NULL, &loaded, error));
    assert_error(error, AKIN_BAD_ARGUMENT, "path");
    assert_status(AKIN_BAD_ARGUMENT, akin_load("x", NULL, NULL, error));
    assert_error(error, AKIN_BAD_ARGUMENT, "index");
    assert_status(AKIN_BAD_ARGUMENT, akin_file_inspect(NULL, &info, error));
    assert_error(error, AKIN_BAD_ARGUMENT, "path");
    assert_status(AKIN_BAD_ARGUMENT, akin_file_inspect("x", NULL, error));
    assert_error(error, AKIN_BAD_ARGUMENT, "info");
    info.struct_size--;
    assert_status(AKIN_BAD_STRUCT_SIZE, akin_file_inspect("x", &info, error));
    assert_error(error, AKIN_BAD_STRUCT_SIZE, "info.struct_size");
    assert_null(loaded);
}

/* Assert that neither load nor inspect takes a path. */
static void assert_refused(struct index_fixture *fixture, const char *path, enum akin_status status,
                           const char *field, int os_error)
{
    struct akin_error *const error = &fixture->error;
    struct akin_file_info info = {.struct_size = sizeof info};
    assert_status(status, akin_load(path, &fixture->options, &fixture->index, error));
    assert_error(error, status, field);
    assert_int_equal(error->os_error, os_error);
    assert_null(fixture->index);
    assert_status(status, akin_file_inspect(path, &info, error));
    assert_error(error, status, field);
    assert_status(status, akin_file_inspect(path, &info, NULL));
    assert_int_equal(info.dim, 0);
}

static void what_is_no_file_of_ours_is_refused(void **state)
{
    struct index_fixture *const fixture = *state;
    char bytes[300];
    struct scratch scratch;
    scratch_make(&scratch);
    memset(bytes, 'x', sizeof bytes);
    assert_refused(fixture, scratch_path(&scratch, "absent"), AKIN_IO, "path", ENOENT);
    assert_refused(fixture, scratch.directory, AKIN_IO, "path", 0);
    assert_refused(fixture, "/dev/null", AKIN_IO, "path", 0);
    scratch_write(scratch_path(&scratch, "text"), bytes, sizeof bytes);
    assert_refused(fixture, scratch_path(&scratch, "text"), AKIN_CORRUPT, "header.magic", 0);
    scratch_write(scratch_path(&scratch, "nothing"), bytes, 0);
    assert_refused(fixture, scratch_path(&scratch, "nothing"), AKIN_CORRUPT, "header", 0);
    scratch_remove(&scratch);
}

static void a_pipe_is_refused_without_waiting_for_its_writer(void **state)
{
    struct index_fixture *const fixture = *state;
    struct scratch scratch;
    scratch_make(&scratch);
    const char *const path = scratch_path(&scratch, "pipe");
    assert_int_equal(mkfifo(path, 0666), 0);
    (void)alarm(20); /* nobody will ever write */
    assert_refused(fixture, path, AKIN_IO, "path", 0);
    (void)alarm(0);
    scratch_remove(&scratch);
}

static void bad_options_of_a_load_are_refused_as_by_open(void **state)
{
    struct index_fixture *const fixture = *state;
    struct scratch scratch;
    struct {
        struct akin_options options;
        unsigned char tail[64];
    } newer;
    akin_index *loaded = NULL;
    scratch_make(&scratch);
    const char *const path = scratch_path(&scratch, "index");
    fill(fixture, 10);
    assert_status(AKIN_OK, akin_save(fixture->index, path, NULL));
    struct akin_options options = fixture->options;
    options.threads = 0;
    assert_status(AKIN_BAD_THREADS, akin_load(path, &options, &loaded, &fixture->error));
    assert_error(&fixture->error, AKIN_BAD_THREADS, "threads");
    options = fixture->options;
    options.struct_size--;
    assert_status(AKIN_BAD_STRUCT_SIZE, akin_load(path, &options, &loaded, &fixture->error));
    assert_error(&fixture->error, AKIN_BAD_STRUCT_SIZE, "options.struct_size");
    options = fixture->options;
    options.budget_bytes = 1;
    assert_status(AKIN_BAD_BUDGET, akin_load(path, &options, &loaded, &fixture->error));
    /* A tail that asks for what we do not know is not dropped in silence. */
    memset(&newer, 0, sizeof newer);
    newer.options = fixture->options;
    newer.options.struct_size = sizeof newer;
    newer.tail[5] = 1;
    assert_status(AKIN_BAD_STRUCT_SIZE, akin_load(path, &newer.options, &loaded, &fixture->error));
    newer.tail[5] = 0;
    assert_null(loaded);
    assert_status(AKIN_OK, akin_load(path, &newer.options, &loaded, NULL));
    assert_status(AKIN_OK, akin_close(loaded));
    scratch_remove(&scratch);
}

static void an_index_that_does_not_fit_the_budget_is_not_loaded(void **state)
{
    struct index_fixture *const fixture = *state;
    struct akin_memory empty;
    akin_index *loaded = NULL;
    struct scratch scratch;
    scratch_make(&scratch);
    const char *const path = scratch_path(&scratch, "index");
    fill(fixture, 2000);
    assert_status(AKIN_OK, akin_save(fixture->index, path, NULL));
    struct akin_options options = fixture->options;
    options.capacity = 2000;
    assert_status(AKIN_OK, akin_estimate(&options, 0, 0, &empty, NULL));
    const uint64_t before = tracking_live_bytes(&fixture->tracking);
    for (uint64_t room = 0; room < 500000; room += 50000) {
        options.budget_bytes = empty.total_bytes + room;
        assert_status(AKIN_OVER_BUDGET, akin_load(path, &options, &loaded, &fixture->error));
        assert_null(loaded);
        assert_int_equal(tracking_live_bytes(&fixture->tracking), before);
    }
    scratch_remove(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INDEX_TEST(what_was_saved_is_loaded_bit_for_bit),
        INDEX_TEST(an_empty_index_is_saved_too),
        INDEX_TEST(payloads_larger_than_a_frame_survive),
        INDEX_TEST(several_frames_are_written_and_read),
        INDEX_TEST(the_file_says_what_is_in_it),
        INDEX_TEST(options_of_the_file_win_over_those_of_the_caller_who_decides_the_rest),
        INDEX_TEST(without_options_the_defaults_serve),
        INDEX_TEST(an_existing_file_is_replaced),
        INDEX_TEST(a_name_without_a_directory_is_here),
        INDEX_TEST(a_directory_that_is_not_there_is_an_error_of_the_system),
        INDEX_TEST(a_directory_is_not_overwritten),
        INDEX_TEST(a_save_that_fails_halfway_leaves_the_old_file_and_no_other),
        INDEX_TEST(what_is_saved_is_one_instant),
        INDEX_TEST(bad_arguments_are_named),
        INDEX_TEST(what_is_no_file_of_ours_is_refused),
        INDEX_TEST(a_pipe_is_refused_without_waiting_for_its_writer),
        INDEX_TEST(bad_options_of_a_load_are_refused_as_by_open),
        INDEX_TEST(an_index_that_does_not_fit_the_budget_is_not_loaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
