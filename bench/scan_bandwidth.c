/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How near a scan comes to the speed at which one thread can read memory at all.
 *
 * Goal      : an exact scan over rows far larger than the cache should cost what reading them does.
 * Method    : one array, by default 1 GiB, on huge pages. In every round each candidate passes over
 *             the same bytes once, one after the other, so that a slow moment of the machine hits
 *             all of them. Reported are the median GB/s (10^9 bytes, thread CPU time) and the
 *             median of the round-by-round ratios to the plain read.
 * Candidates: `read` only loads and adds, with the widest registers of the table in use; the others
 *             are the `many` kernels of that table (AKIN_SIMD chooses another one), called for
 *             batches of rows as a search would, and `akin_search`, which is the whole of a search
 *             for 10 neighbors under L2 over an index that holds the same rows. A further candidate
 *             is one function and one line in all_candidates[].
 *
 *     scan_bandwidth [--bytes N] [--dim D,D,...] [--repeats R] [--batch ROWS] [--json]
 */
#define _GNU_SOURCE 1

#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "akin/akin.h"
#include "simd/akin_simd.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { REPEATS_MAX = 1001, DIMS_MAX = 16, READ_STEP_BYTES = 512 };

#define HUGE_PAGE_BYTES ((size_t)2 * 1024 * 1024)

struct settings {
    size_t bytes;
    size_t dims[DIMS_MAX];
    size_t dim_count;
    size_t repeats;
    size_t batch_rows;
    bool json;
};

/* What a candidate passes over. */
struct workload {
    const unsigned char *rows;
    size_t bytes; /* a multiple of the longest row, and of READ_STEP_BYTES */
    size_t dim;
    size_t batch_rows;
    const struct simd_table *table;
    const void *query; /* SIMD_DIM_MAX floats, or as many int8 */
    float *distances;  /* batch_rows of them */
    akin_index *index; /* the same rows, keys from 0 on */
    akin_context *context;
};

struct candidate {
    const char *name;
    /* Passes over the bytes once and returns something that depends on all of them. */
    double (*pass)(const struct workload *work);
};

static double sum_of_words(const void *words, size_t bytes)
{
    uint64_t sum = 0;
    for (size_t i = 0; i + sizeof sum <= bytes; i += sizeof sum) {
        uint64_t word = 0;
        memcpy(&word, (const unsigned char *)words + i, sizeof word);
        sum += word;
    }
    return (double)sum;
}

#if defined(__x86_64__)

__attribute__((target("avx512f"))) static double read_avx512(const unsigned char *at, size_t bytes)
{
    __m512i sum0 = _mm512_setzero_si512();
    __m512i sum1 = _mm512_setzero_si512();
    __m512i sum2 = _mm512_setzero_si512();
    __m512i sum3 = _mm512_setzero_si512();
    for (; bytes >= READ_STEP_BYTES; bytes -= READ_STEP_BYTES, at += READ_STEP_BYTES) {
        sum0 = _mm512_add_epi64(sum0, _mm512_loadu_si512(at));
        sum1 = _mm512_add_epi64(sum1, _mm512_loadu_si512(at + 64));
        sum2 = _mm512_add_epi64(sum2, _mm512_loadu_si512(at + 128));
        sum3 = _mm512_add_epi64(sum3, _mm512_loadu_si512(at + 192));
        sum0 = _mm512_add_epi64(sum0, _mm512_loadu_si512(at + 256));
        sum1 = _mm512_add_epi64(sum1, _mm512_loadu_si512(at + 320));
        sum2 = _mm512_add_epi64(sum2, _mm512_loadu_si512(at + 384));
        sum3 = _mm512_add_epi64(sum3, _mm512_loadu_si512(at + 448));
    }
    sum0 = _mm512_add_epi64(_mm512_add_epi64(sum0, sum1), _mm512_add_epi64(sum2, sum3));
    return sum_of_words(&sum0, sizeof sum0);
}

__attribute__((target("avx2"))) static double read_avx2(const unsigned char *at, size_t bytes)
{
    __m256i sum0 = _mm256_setzero_si256();
    __m256i sum1 = _mm256_setzero_si256();
    __m256i sum2 = _mm256_setzero_si256();
    __m256i sum3 = _mm256_setzero_si256();
    for (; bytes >= 128; bytes -= 128, at += 128) {
        const __m256i *part = (const void *)at;
        sum0 = _mm256_add_epi64(sum0, _mm256_loadu_si256(part));
        sum1 = _mm256_add_epi64(sum1, _mm256_loadu_si256(part + 1));
        sum2 = _mm256_add_epi64(sum2, _mm256_loadu_si256(part + 2));
        sum3 = _mm256_add_epi64(sum3, _mm256_loadu_si256(part + 3));
    }
    sum0 = _mm256_add_epi64(_mm256_add_epi64(sum0, sum1), _mm256_add_epi64(sum2, sum3));
    return sum_of_words(&sum0, sizeof sum0);
}

#endif

static double read_words(const unsigned char *at, size_t bytes)
{
    uint64_t sums[8] = {0};
    for (; bytes >= sizeof sums; bytes -= sizeof sums, at += sizeof sums) {
        uint64_t words[8];
        memcpy(words, at, sizeof words);
        for (size_t i = 0; i < 8; ++i) {
            sums[i] += words[i];
        }
    }
    return sum_of_words(sums, sizeof sums);
}

static double pass_read(const struct workload *work)
{
#if defined(__x86_64__)
    if ((work->table->features & SIMD_AVX512) != 0) {
        return read_avx512(work->rows, work->bytes);
    }
    if ((work->table->features & SIMD_AVX2) != 0) {
        return read_avx2(work->rows, work->bytes);
    }
#endif
    return read_words(work->rows, work->bytes);
}

static double pass_many(const struct workload *work, simd_many_fn many, size_t row_bytes)
{
    const size_t row_count = work->bytes / row_bytes;
    double sum = 0.0;
    for (size_t i = 0; i < row_count; i += work->batch_rows) {
        const size_t left = row_count - i;
        const size_t count = left < work->batch_rows ? left : work->batch_rows;
        many(work->query, work->rows + i * row_bytes, row_bytes, count, work->dim, work->distances);
        sum += (double)work->distances[count - 1];
    }
    return sum;
}

static double pass_l2_f32(const struct workload *work)
{
    return pass_many(work, work->table->f32.many[SIMD_L2], work->dim * sizeof(float));
}

static double pass_dot_f32(const struct workload *work)
{
    return pass_many(work, work->table->f32.many[SIMD_DOT], work->dim * sizeof(float));
}

static double pass_cosine_f32(const struct workload *work)
{
    return pass_many(work, work->table->f32.many[SIMD_COSINE], work->dim * sizeof(float));
}

static double pass_l2_i8(const struct workload *work)
{
    return pass_many(work, work->table->i8.many[SIMD_L2], work->dim);
}

static double pass_dot_i8(const struct workload *work)
{
    return pass_many(work, work->table->i8.many[SIMD_DOT], work->dim);
}

static double pass_search(const struct workload *work)
{
    struct akin_neighbor results[10];
    uint32_t count = 0;
    const struct akin_vector query = akin_vector_f32(work->query, (uint32_t)work->dim);
    if (akin_search(work->index, work->context, &query, NULL, results, &count, NULL) != AKIN_OK) {
        return -1.0;
    }
    return count > 0 ? results[0].distance : 0.0;
}

/* The first one is what the others are compared with. */
static const struct candidate all_candidates[] = {
    {"read", pass_read},          {"l2_f32", pass_l2_f32},
    {"dot_f32", pass_dot_f32},    {"cosine_f32", pass_cosine_f32},
    {"l2_i8", pass_l2_i8},        {"dot_i8", pass_dot_i8},
    {"akin_search", pass_search},
};

enum { CANDIDATE_COUNT = sizeof all_candidates / sizeof all_candidates[0] };

static volatile double nobody_reads_this;

static double thread_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int compare_doubles(const void *a, const void *b)
{
    const double left = *(const double *)a;
    const double right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, compare_doubles);
    return values[count / 2];
}

static void report(const struct settings *settings, const struct workload *work, const char *name,
                   double gb_per_s, double ratio)
{
    if (settings->json) {
        printf("{\"bench\":\"scan_bandwidth\",\"table\":\"%s\",\"bytes\":%zu,\"dim\":%zu,"
               "\"batch\":%zu,\"repeats\":%zu,\"candidate\":\"%s\",\"gb_per_s\":%.3f,"
               "\"ratio_to_read\":%.4f}\n",
               work->table->name, work->bytes, work->dim, work->batch_rows, settings->repeats, name,
               gb_per_s, ratio);
    } else {
        printf("%-12s %6zu  %-12s %9.2f %9.3f\n", work->table->name, work->dim, name, gb_per_s,
               ratio);
    }
}

static void measure(const struct settings *settings, const struct workload *work)
{
    static double seconds[CANDIDATE_COUNT][REPEATS_MAX];
    static double ratios[CANDIDATE_COUNT][REPEATS_MAX];
    for (size_t round = 0; round < settings->repeats; ++round) {
        for (size_t i = 0; i < CANDIDATE_COUNT; ++i) {
            const double start = thread_seconds();
            nobody_reads_this = all_candidates[i].pass(work);
            seconds[i][round] = thread_seconds() - start;
            ratios[i][round] = seconds[0][round] / seconds[i][round];
        }
    }
    for (size_t i = 0; i < CANDIDATE_COUNT; ++i) {
        const double middle = median(seconds[i], settings->repeats);
        report(settings, work, all_candidates[i].name, (double)work->bytes / middle * 1e-9,
               median(ratios[i], settings->repeats));
    }
}

/* An index of the rows of a workload; false, with the reason said, when that does not work. */
static bool build_index(struct workload *work)
{
    struct akin_options options;
    struct akin_error error;
    const size_t row_count = work->bytes / (work->dim * sizeof(float));
    akin_options_init(&options);
    options.dim = (uint32_t)work->dim;
    options.capacity = row_count;
    enum akin_status status = akin_open(&options, &work->index, &error);
    for (size_t i = 0; status == AKIN_OK && i < row_count; ++i) {
        const void *row = work->rows + i * work->dim * sizeof(float);
        const struct akin_vector vector = akin_vector_f32(row, options.dim);
        status = akin_insert(work->index, i, &vector, NULL, &error);
    }
    if (status == AKIN_OK) {
        status = akin_context_create(work->index, 10, &work->context, &error);
    }
    if (status != AKIN_OK) {
        fprintf(stderr, "scan_bandwidth: %s\n", error.message);
    }
    return status == AKIN_OK;
}

/* Huge pages where the system grants them: page walks are not what is measured. */
static unsigned char *allocate_rows(size_t bytes)
{
    const size_t mapped_bytes = bytes + HUGE_PAGE_BYTES;
    unsigned char *mapped =
        mmap(NULL, mapped_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) {
        return NULL;
    }
    const size_t past = (uintptr_t)mapped % HUGE_PAGE_BYTES;
    unsigned char *rows = past == 0 ? mapped : mapped + (HUGE_PAGE_BYTES - past);
    (void)madvise(rows, bytes, MADV_HUGEPAGE);
    return rows;
}

/* Floats between -1 and 1. Their bytes serve as int8 rows too. */
static void fill(unsigned char *bytes, size_t byte_count)
{
    uint32_t state = 2463534242u;
    for (size_t i = 0; i + sizeof(float) <= byte_count; i += sizeof(float)) {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        const float value = (float)((double)state / 2147483648.0 - 1.0);
        memcpy(bytes + i, &value, sizeof value);
    }
}

static bool parse_count(const char *text, char **end, size_t max, size_t *count)
{
    const unsigned long long value = strtoull(text, end, 10);
    *count = (size_t)value;
    return *end != text && *text != '-' && value >= 1 && value <= max;
}

static bool parse_number(const char *text, size_t max, size_t *number)
{
    char *end = NULL;
    return parse_count(text, &end, max, number) && *end == '\0';
}

static bool parse_dims(const char *text, struct settings *settings)
{
    settings->dim_count = 0;
    while (settings->dim_count < DIMS_MAX) {
        char *end = NULL;
        if (!parse_count(text, &end, SIMD_DIM_MAX, &settings->dims[settings->dim_count++])) {
            return false;
        }
        if (*end != ',') {
            return *end == '\0';
        }
        text = end + 1;
    }
    return false;
}

static bool parse(int argument_count, char **arguments, struct settings *settings)
{
    static const struct option options[] = {
        {"bytes", required_argument, NULL, 'b'},   {"dim", required_argument, NULL, 'd'},
        {"repeats", required_argument, NULL, 'r'}, {"batch", required_argument, NULL, 'n'},
        {"json", no_argument, NULL, 'j'},          {NULL, 0, NULL, 0},
    };
    bool is_good = true;
    int option = 0;
    while (is_good && (option = getopt_long(argument_count, arguments, "", options, NULL)) != -1) {
        switch (option) {
        case 'b':
            is_good = parse_number(optarg, SIZE_MAX / 2, &settings->bytes);
            break;
        case 'd':
            is_good = parse_dims(optarg, settings);
            break;
        case 'r':
            is_good = parse_number(optarg, REPEATS_MAX, &settings->repeats);
            break;
        case 'n':
            is_good = parse_number(optarg, (size_t)1 << 24, &settings->batch_rows);
            break;
        case 'j':
            settings->json = true;
            break;
        default:
            is_good = false;
        }
    }
    return is_good && optind == argument_count;
}

int main(int argument_count, char **arguments)
{
    struct settings settings = {.bytes = (size_t)1 << 30,
                                .dims = {128, 768},
                                .dim_count = 2,
                                .repeats = 11,
                                .batch_rows = 1024};
    if (!parse(argument_count, arguments, &settings)) {
        fprintf(stderr, "usage: scan_bandwidth [--bytes N] [--dim D,D,...] [--repeats R]"
                        " [--batch ROWS] [--json]\n");
        return 2;
    }
    static unsigned char query[SIMD_DIM_MAX * sizeof(float)];
    unsigned char *rows = allocate_rows(settings.bytes);
    float *distances = malloc(settings.batch_rows * sizeof *distances);
    if (rows == NULL || distances == NULL) {
        fprintf(stderr, "scan_bandwidth: no memory for %zu bytes\n", settings.bytes);
        free(distances);
        return 1;
    }
    fill(rows, settings.bytes);
    fill(query, sizeof query);
    if (!settings.json) {
        printf("%-12s %6s  %-12s %9s %9s\n", "table", "dim", "candidate", "GB/s", "to read");
    }
    for (size_t i = 0; i < settings.dim_count; ++i) {
        /* Whole rows of floats, in a number of bytes that the plain read divides into its steps. */
        const size_t unit_bytes = settings.dims[i] * READ_STEP_BYTES;
        struct workload work = {.rows = rows,
                                .bytes = settings.bytes / unit_bytes * unit_bytes,
                                .dim = settings.dims[i],
                                .batch_rows = settings.batch_rows,
                                .table = simd_select_from_environment(),
                                .query = query,
                                .distances = distances};
        if (work.bytes == 0) {
            fprintf(stderr, "scan_bandwidth: --bytes is less than %zu\n", unit_bytes);
            free(distances);
            return 2;
        }
        if (!build_index(&work)) {
            free(distances);
            return 1;
        }
        measure(&settings, &work);
        if (akin_close(work.index) != AKIN_OK) {
            return 1;
        }
    }
    free(distances);
    return 0;
}
