/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of options: defaults, and what is refused and how it is said.
 *
 * Goal   : each bad field has its own status and is named with its value and bounds; nothing is
 *          allocated before everything was judged; structs of other versions are told apart.
 * Method : a table with one row for each way to be wrong. akin_open has to answer as
 *          akin_options_validate does.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support/index_fixture.h"

static void the_defaults_are_those_of_the_header(void **state)
{
    struct akin_options options;
    (void)state;
    memset(&options, 0xff, sizeof options);
    errno = ERRNO_SENTINEL;
    akin_options_init(&options);
    assert_int_equal(errno, ERRNO_SENTINEL);
    assert_int_equal(options.struct_size, sizeof options);
    assert_int_equal(options.kind, AKIN_FLAT);
    assert_int_equal(options.metric, AKIN_L2);
    assert_int_equal(options.type, AKIN_F32);
    assert_int_equal(options.dim, 0);
    assert_int_equal(options.threads, 64);
    assert_int_equal(options.maintenance, AKIN_MAINTENANCE_INLINE);
    assert_int_equal(options.capacity, 0);
    assert_int_equal(options.budget_bytes, 0);
    assert_int_equal(options.retired_bytes_max, 256u << 20);
    assert_int_equal(options.seed, 0x414b494e);
    assert_null(options.allocator.context);
    assert_true(options.allocator.allocate == NULL && options.allocator.release == NULL);
    assert_true(options.logger.log == NULL && options.logger.context == NULL);
}

static void an_older_caller_gets_no_byte_beyond_its_struct(void **state)
{
    unsigned char bytes[sizeof(struct akin_options)];
    const size_t older = offsetof(struct akin_options, seed);
    (void)state;
    memset(bytes, 0x7e, sizeof bytes);
    akin_options_init_sized((struct akin_options *)(void *)bytes, older);
    size_t said = 0;
    memcpy(&said, bytes, sizeof said);
    assert_int_equal(said, older);
    for (size_t i = older; i < sizeof bytes; i++) {
        assert_int_equal(bytes[i], 0x7e);
    }
}

static void a_newer_caller_gets_zeros_where_we_know_nothing(void **state)
{
    struct {
        struct akin_options options;
        unsigned char tail[64];
    } newer;
    (void)state;
    memset(&newer, 0x7e, sizeof newer);
    akin_options_init_sized(&newer.options, sizeof newer);
    assert_int_equal(newer.options.struct_size, sizeof newer);
    assert_int_equal(newer.options.threads, 64);
    for (size_t i = 0; i < sizeof newer.tail; i++) {
        assert_int_equal(newer.tail[i], 0);
    }
}

struct wrong {
    const char *what;
    void (*spoil)(struct akin_options *options);
    enum akin_status status;
    const char *field;
    double value;
    double bound_min;
    double bound_max;
};

static void dim_0(struct akin_options *options)
{
    options->dim = 0;
}
static void dim_16385(struct akin_options *options)
{
    options->dim = 16385;
}
static void threads_0(struct akin_options *options)
{
    options->threads = 0;
}
static void threads_4097(struct akin_options *options)
{
    options->threads = 4097;
}
static void metric_0(struct akin_options *options)
{
    options->metric = (enum akin_metric)0;
}
static void metric_4(struct akin_options *options)
{
    options->metric = (enum akin_metric)4;
}
static void type_0(struct akin_options *options)
{
    options->type = (enum akin_type)0;
}
static void type_3(struct akin_options *options)
{
    options->type = (enum akin_type)3;
}
static void m_1(struct akin_options *options)
{
    options->kind = AKIN_HNSW;
    options->m = 1;
}

static void m_65(struct akin_options *options)
{
    options->kind = AKIN_HNSW;
    options->m = 65;
}

static void ef_construction_15(struct akin_options *options)
{
    options->kind = AKIN_HNSW;
    options->ef_construction = 15;
}

static void codes_3(struct akin_options *options)
{
    options->kind = AKIN_HNSW;
    options->codes = (enum akin_codes)3;
}

static void ef_search_10001(struct akin_options *options)
{
    options->kind = AKIN_HNSW;
    options->ef_search = 10001;
}

static void alpha_half(struct akin_options *options)
{
    options->kind = AKIN_HNSW;
    options->alpha = 0.5f;
}

static void kind_0(struct akin_options *options)
{
    options->kind = (enum akin_kind)0;
}
static void kind_3(struct akin_options *options)
{
    options->kind = (enum akin_kind)3;
}
static void maintenance_4(struct akin_options *options)
{
    options->maintenance = (enum akin_maintenance)4;
}
static void maintenance_0(struct akin_options *options)
{
    options->maintenance = (enum akin_maintenance)0;
}
static void retired_too_small(struct akin_options *options)
{
    options->retired_bytes_max = (1u << 20) - 1;
}
static void budget_1(struct akin_options *options)
{
    options->budget_bytes = 1;
}
static void no_release(struct akin_options *options)
{
    options->allocator.release = NULL;
}
static void no_allocate(struct akin_options *options)
{
    options->allocator.allocate = NULL;
}
static void size_0(struct akin_options *options)
{
    options->struct_size = 0;
}
static void size_too_small(struct akin_options *options)
{
    options->struct_size = sizeof *options - 1;
}

#define SIZE ((double)sizeof(struct akin_options))
#define BIG  18446744073709551615.0

static const struct wrong wrongs[] = {
    {"dim 0", dim_0, AKIN_BAD_DIM, "dim", 0, 1, 16384},
    {"dim 16385", dim_16385, AKIN_BAD_DIM, "dim", 16385, 1, 16384},
    {"threads 0", threads_0, AKIN_BAD_THREADS, "threads", 0, 1, 4096},
    {"threads 4097", threads_4097, AKIN_BAD_THREADS, "threads", 4097, 1, 4096},
    {"metric 0", metric_0, AKIN_BAD_METRIC, "metric", 0, 1, 3},
    {"metric 4", metric_4, AKIN_BAD_METRIC, "metric", 4, 1, 3},
    {"type 0", type_0, AKIN_BAD_TYPE, "type", 0, 1, 2},
    {"type 3", type_3, AKIN_BAD_TYPE, "type", 3, 1, 2},
    {"m 1", m_1, AKIN_BAD_ARGUMENT, "m", 1, 2, 64},
    {"m 65", m_65, AKIN_BAD_ARGUMENT, "m", 65, 2, 64},
    {"ef_construction 15", ef_construction_15, AKIN_BAD_ARGUMENT, "ef_construction", 15, 16, 10000},
    {"ef_search 10001", ef_search_10001, AKIN_BAD_ARGUMENT, "ef_search", 10001, 1, 10000},
    {"codes 3", codes_3, AKIN_BAD_ARGUMENT, "codes", 3, 0, 2},
    {"alpha 0.5", alpha_half, AKIN_BAD_ARGUMENT, "alpha", 0.5, 1, 2},
    {"kind 0", kind_0, AKIN_BAD_KIND, "kind", 0, 1, 2},
    {"kind 3", kind_3, AKIN_BAD_KIND, "kind", 3, 1, 2},
    {"maintenance 0", maintenance_0, AKIN_BAD_ARGUMENT, "maintenance", 0, 1, 3},
    {"maintenance 4", maintenance_4, AKIN_BAD_ARGUMENT, "maintenance", 4, 1, 3},
    {"retired", retired_too_small, AKIN_BAD_BUDGET, "retired_bytes_max", 1048575, 1048576, BIG},
    {"half an allocator", no_release, AKIN_BAD_ARGUMENT, "allocator", 0, 0, 0},
    {"the other half", no_allocate, AKIN_BAD_ARGUMENT, "allocator", 0, 0, 0},
    {"size 0", size_0, AKIN_BAD_STRUCT_SIZE, "options.struct_size", 0, SIZE, SIZE},
    {"size", size_too_small, AKIN_BAD_STRUCT_SIZE, "options.struct_size", SIZE - 1, SIZE, SIZE},
};

static void assert_refused(struct index_fixture *fixture, const struct akin_options *options,
                           const struct wrong *wrong)
{
    struct akin_error *const error = &fixture->error;
    akin_index *index = NULL;
    assert_status(wrong->status, akin_options_validate(options, NULL));
    assert_status(wrong->status, akin_options_validate(options, error));
    assert_error(error, wrong->status, wrong->field);
    assert_true(error->value == wrong->value);
    assert_true(error->bound_min == wrong->bound_min);
    assert_true(error->bound_max == wrong->bound_max);
    assert_non_null(strstr(error->message, wrong->field));
    memset(error, 0x55, sizeof *error);
    assert_status(wrong->status, akin_open(options, &index, error));
    assert_error(error, wrong->status, wrong->field);
    assert_null(index);
}

static void every_bad_field_has_its_status_and_is_named_with_value_and_bounds(void **state)
{
    struct index_fixture *const fixture = *state;
    for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
        struct akin_options options = fixture->options;
        assert_status(AKIN_OK, akin_options_validate(&options, &fixture->error));
        wrongs[i].spoil(&options);
        assert_refused(fixture, &options, &wrongs[i]);
    }
    assert_int_equal(tracking_calls(&fixture->tracking), 0);
}

static void the_messages_of_different_fields_differ(void **state)
{
    struct index_fixture *const fixture = *state;
    char messages[sizeof wrongs / sizeof wrongs[0]][200];
    for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
        struct akin_options options = fixture->options;
        wrongs[i].spoil(&options);
        assert_status(wrongs[i].status, akin_options_validate(&options, &fixture->error));
        memcpy(messages[i], fixture->error.message, sizeof messages[i]);
        for (size_t k = 0; k < i; k++) {
            if (strcmp(wrongs[k].field, wrongs[i].field) != 0) {
                assert_string_not_equal(messages[i], messages[k]);
            }
        }
    }
}

static void the_bounds_themselves_are_accepted(void **state)
{
    struct akin_options options = ((struct index_fixture *)*state)->options;
    static const uint32_t dims[] = {1, 16384};
    static const uint32_t threads[] = {1, 4096};
    for (int i = 0; i < 2; i++) {
        options.dim = dims[i];
        options.threads = threads[i];
        assert_status(AKIN_OK, akin_options_validate(&options, NULL));
    }
    for (int metric = AKIN_L2; metric <= AKIN_COSINE; metric++) {
        for (int type = AKIN_F32; type <= AKIN_I8; type++) {
            options.metric = (enum akin_metric)metric;
            options.type = (enum akin_type)type;
            assert_status(AKIN_OK, akin_options_validate(&options, NULL));
        }
    }
    options.retired_bytes_max = 1u << 20;
    assert_status(AKIN_OK, akin_options_validate(&options, NULL));
    options.retired_bytes_max = 0;
    assert_status(AKIN_OK, akin_options_validate(&options, NULL));
    options.budget_bytes = UINT64_MAX;
    options.capacity = UINT64_MAX;
    assert_status(AKIN_OK, akin_options_validate(&options, NULL));
}

static void null_is_named(void **state)
{
    struct index_fixture *const fixture = *state;
    struct akin_error *const error = &fixture->error;
    struct akin_memory memory;
    assert_status(AKIN_BAD_ARGUMENT, akin_options_validate(NULL, NULL));
    assert_status(AKIN_BAD_ARGUMENT, akin_options_validate(NULL, error));
    assert_error(error, AKIN_BAD_ARGUMENT, "options");
    assert_status(AKIN_BAD_ARGUMENT, akin_open(NULL, &fixture->index, error));
    assert_error(error, AKIN_BAD_ARGUMENT, "options");
    assert_status(AKIN_BAD_ARGUMENT, akin_open(&fixture->options, NULL, error));
    assert_error(error, AKIN_BAD_ARGUMENT, "index");
    assert_status(AKIN_BAD_ARGUMENT, akin_estimate(NULL, 1, 0, &memory, error));
    assert_error(error, AKIN_BAD_ARGUMENT, "options");
    assert_status(AKIN_BAD_ARGUMENT, akin_estimate(&fixture->options, 1, 0, NULL, error));
    assert_error(error, AKIN_BAD_ARGUMENT, "memory");
    assert_int_equal(tracking_calls(&fixture->tracking), 0);
}

static void the_least_budget_is_what_an_empty_index_takes(void **state)
{
    struct index_fixture *const fixture = *state;
    struct akin_options *const options = &fixture->options;
    struct akin_memory empty;
    assert_status(AKIN_OK, akin_estimate(options, 0, 0, &empty, NULL));
    options->budget_bytes = empty.total_bytes - 1;
    const struct wrong wrong = {"budget",
                                budget_1,
                                AKIN_BAD_BUDGET,
                                "budget_bytes",
                                (double)(empty.total_bytes - 1),
                                (double)empty.total_bytes,
                                BIG};
    assert_refused(fixture, options, &wrong);
    options->budget_bytes = empty.total_bytes;
    index_open(fixture);
    assert_int_equal(index_stats(fixture).memory.total_bytes, empty.total_bytes);
}

static void a_longer_struct_is_accepted_while_its_tail_asks_for_nothing(void **state)
{
    struct index_fixture *const fixture = *state;
    struct {
        struct akin_options options;
        unsigned char tail[64];
    } newer;
    memset(&newer, 0, sizeof newer);
    newer.options = fixture->options;
    newer.options.struct_size = sizeof newer;
    assert_status(AKIN_OK, akin_options_validate(&newer.options, &fixture->error));
    assert_status(AKIN_OK, akin_open(&newer.options, &fixture->index, NULL));
    for (size_t i = 0; i < sizeof newer.tail; i += 21) {
        newer.tail[i] = 1;
        assert_status(AKIN_BAD_STRUCT_SIZE, akin_options_validate(&newer.options, &fixture->error));
        assert_error(&fixture->error, AKIN_BAD_STRUCT_SIZE, "options.struct_size");
        newer.tail[i] = 0;
    }
}

static void a_size_that_cannot_be_is_refused_without_reading_that_far(void **state)
{
    struct index_fixture *const fixture = *state;
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX / 2, 1u << 20};
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    /* Zeros up to a page that must not be touched. */
    unsigned char *const mapped =
        mmap(NULL, 3 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(mapped != MAP_FAILED);
    assert_int_equal(mprotect(mapped, 2 * page, PROT_READ | PROT_WRITE), 0);
    struct akin_options *const options = (struct akin_options *)(void *)mapped;
    *options = fixture->options;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        options->struct_size = sizes[i];
        assert_status(AKIN_BAD_STRUCT_SIZE, akin_options_validate(options, NULL));
    }
    assert_int_equal(munmap(mapped, 3 * page), 0);
}

static void an_index_tells_the_options_it_was_opened_with(void **state)
{
    struct index_fixture *const fixture = *state;
    struct akin_options told = {.struct_size = sizeof told};
    fixture->options.metric = AKIN_COSINE;
    fixture->options.type = AKIN_I8;
    fixture->options.dim = 33;
    fixture->options.retired_bytes_max = 0;
    fixture->options.seed = 77;
    index_open(fixture);
    assert_status(AKIN_OK, akin_options_of(fixture->index, &told, &fixture->error));
    assert_int_equal(told.struct_size, sizeof told);
    assert_int_equal(told.kind, AKIN_FLAT);
    assert_int_equal(told.metric, AKIN_COSINE);
    assert_int_equal(told.type, AKIN_I8);
    assert_int_equal(told.dim, 33);
    assert_int_equal(told.threads, fixture->options.threads);
    assert_int_equal(told.capacity, fixture->options.capacity);
    assert_int_equal(told.retired_bytes_max, 256u << 20); /* completed */
    assert_int_equal(told.seed, 77);
    assert_ptr_equal(told.allocator.context, &fixture->tracking);
    told.struct_size = sizeof told - 1;
    assert_status(AKIN_BAD_STRUCT_SIZE, akin_options_of(fixture->index, &told, &fixture->error));
    assert_error(&fixture->error, AKIN_BAD_STRUCT_SIZE, "options.struct_size");
    assert_status(AKIN_BAD_ARGUMENT, akin_options_of(fixture->index, NULL, &fixture->error));
    assert_error(&fixture->error, AKIN_BAD_ARGUMENT, "options");
    assert_status(AKIN_BAD_ARGUMENT, akin_options_of(NULL, &told, &fixture->error));
    assert_error(&fixture->error, AKIN_BAD_ARGUMENT, "index");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_defaults_are_those_of_the_header),
        cmocka_unit_test(an_older_caller_gets_no_byte_beyond_its_struct),
        cmocka_unit_test(a_newer_caller_gets_zeros_where_we_know_nothing),
        INDEX_TEST(every_bad_field_has_its_status_and_is_named_with_value_and_bounds),
        INDEX_TEST(the_messages_of_different_fields_differ),
        INDEX_TEST(the_bounds_themselves_are_accepted),
        INDEX_TEST(null_is_named),
        INDEX_TEST(the_least_budget_is_what_an_empty_index_takes),
        INDEX_TEST(a_longer_struct_is_accepted_while_its_tail_asks_for_nothing),
        INDEX_TEST(a_size_that_cannot_be_is_refused_without_reading_that_far),
        INDEX_TEST(an_index_tells_the_options_it_was_opened_with),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
