/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What akin demo prints: see demo_report.h.
 *
 * Room: cli.
 */
#include "cli/demo_report.h"

#include <stdio.h>

#include "cli/emit.h"

static const char *const operation_names[DEMO_OPERATIONS] = {"insert", "update", "upsert",
                                                             "delete", "get",    "search"};

static double per_second(uint64_t count, double seconds)
{
    return seconds > 0.0 ? (double)count / seconds : 0.0;
}

void demo_report_build(const struct demo_summary *summary)
{
    const uint32_t count = summary->model->words.count;
    if (summary->is_json) {
        return;
    }
    printf("akin %s: %u words from %s, each a vector of %u hashed n-grams\n", AKIN_VERSION_STRING,
           count, summary->model->words.source, DEMO_DIM);
    printf("index flat, metric cosine: built in %.2f s by %u threads, %.0f inserts a second, "
           "%.0f bytes a word\n\n",
           summary->build_seconds, summary->threads, per_second(count, summary->build_seconds),
           summary->bytes_per_word);
    printf("%-14s nearest words (cosine distance)\n", "misspelled");
}

/* A word of a user's file need not be UTF-8; one that is not is printed as null. */
static json_t *text_json(const char *word)
{
    json_t *const text = json_string(word);
    return text != NULL ? text : json_null();
}

static json_t *neighbor_json(const char *word, const struct akin_neighbor *neighbor)
{
    return json_pack("{s:o,s:I,s:f}", "word", text_json(word), "key", (json_int_t)neighbor->key,
                     "distance", neighbor->distance);
}

bool demo_report_lookup(struct demo_summary *summary, const char *word,
                        const struct akin_neighbor *found, uint32_t count)
{
    char text[DEMO_WORD_MAX + 1];
    if (!summary->is_json) {
        printf("%-14s ", word);
        for (uint32_t i = 0; i < count; i++) {
            demo_word_of(summary->model, found[i].key, text);
            printf("%s%s %.2f", i > 0 ? ", " : "", text, found[i].distance);
        }
        printf("\n");
        fflush(stdout);
        return true;
    }
    json_t *const nearest = json_array();
    for (uint32_t i = 0; i < count; i++) {
        demo_word_of(summary->model, found[i].key, text);
        json_array_append_new(nearest, neighbor_json(text, &found[i]));
    }
    json_t *const object = json_pack("{s:s,s:o}", "word", word, "nearest", nearest);
    if (summary->looked_up == NULL) {
        summary->looked_up = json_array();
    }
    return json_array_append_new(summary->looked_up, object) == 0;
}

static void print_operations(const struct demo_summary *summary)
{
    printf("\n%u writers and %u readers for %.1f s\n", summary->writer_count, summary->reader_count,
           summary->mix_seconds);
    printf("%-10s %12s %12s %10s %10s %10s\n", "operation", "count", "per second", "p50 us",
           "p95 us", "p99 us");
    for (int i = 0; i < DEMO_OPERATIONS; i++) {
        const struct latency *const latency = summary->tally->latency[i];
        printf("%-10s %12llu %12.0f %10.1f %10.1f %10.1f\n", operation_names[i],
               (unsigned long long)latency->count, per_second(latency->count, summary->mix_seconds),
               latency_percentile_us(latency, 50.0), latency_percentile_us(latency, 95.0),
               latency_percentile_us(latency, 99.0));
    }
}

static void print_checks(const struct demo_summary *summary)
{
    const struct demo_tally *const tally = summary->tally;
    const struct demo_verdict *const verdict = summary->verdict;
    printf("\nchecked, while they ran and in a last pass over every key (%.1f s)\n",
           summary->verify_seconds);
    printf("%12llu vectors and payloads read back against their checksums\n",
           (unsigned long long)tally->read_back);
    printf("%12llu results of searches compared with their exact distances (%llu could not be: "
           "deleted meanwhile)\n",
           (unsigned long long)tally->results, (unsigned long long)tally->unchecked);
    printf("%12llu torn reads\n", (unsigned long long)tally->wrong[DEMO_TORN]);
    printf("%12llu lost writes\n", (unsigned long long)tally->wrong[DEMO_LOST]);
    printf("%12llu entries that were deleted and are there\n",
           (unsigned long long)tally->wrong[DEMO_GHOST]);
    printf("%12llu misplaced results\n", (unsigned long long)tally->wrong[DEMO_MISPLACED]);
    printf("%12llu wrong answers of calls\n", (unsigned long long)tally->wrong[DEMO_OUTCOME]);
    printf("%12llu entries counted, %llu expected\n", (unsigned long long)verdict->count,
           (unsigned long long)verdict->count_expected);
    printf("%12.4f recall at %u of %u searches against a comparison of everything\n",
           verdict->recall, DEMO_K, verdict->queries);
    printf("%12s structure check%s%s\n", verdict->is_structure_right ? "right" : "WRONG",
           verdict->is_structure_right ? "" : ": ", verdict->structure);
    printf("%s\n", demo_is_right(tally, verdict) ? "all right" : "SOMETHING IS WRONG");
}

static json_t *operations_json(const struct demo_summary *summary)
{
    json_t *const operations = json_array();
    for (int i = 0; i < DEMO_OPERATIONS; i++) {
        const struct latency *const latency = summary->tally->latency[i];
        json_array_append_new(
            operations, json_pack("{s:s,s:I,s:f,s:f,s:f,s:f}", "operation", operation_names[i],
                                  "count", (json_int_t)latency->count, "per_second",
                                  per_second(latency->count, summary->mix_seconds), "p50_us",
                                  latency_percentile_us(latency, 50.0), "p95_us",
                                  latency_percentile_us(latency, 95.0), "p99_us",
                                  latency_percentile_us(latency, 99.0)));
    }
    return operations;
}

static json_t *checks_json(const struct demo_summary *summary)
{
    const struct demo_tally *const tally = summary->tally;
    const struct demo_verdict *const verdict = summary->verdict;
    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:f,s:b,s:I}", "read_back",
                     (json_int_t)tally->read_back, "results", (json_int_t)tally->results,
                     "results_unchecked", (json_int_t)tally->unchecked, "torn_reads",
                     (json_int_t)tally->wrong[DEMO_TORN], "lost_writes",
                     (json_int_t)tally->wrong[DEMO_LOST], "ghosts",
                     (json_int_t)tally->wrong[DEMO_GHOST], "misplaced_results",
                     (json_int_t)tally->wrong[DEMO_MISPLACED], "wrong_answers",
                     (json_int_t)tally->wrong[DEMO_OUTCOME], "count", (json_int_t)verdict->count,
                     "count_expected", (json_int_t)verdict->count_expected, "recall",
                     verdict->recall, "structure_right", verdict->is_structure_right,
                     "write_retries", (json_int_t)tally->retries);
}

int demo_report_end(struct demo_summary *summary)
{
    if (!summary->is_json) {
        print_operations(summary);
        print_checks(summary);
        return 0;
    }
    json_t *const looked_up = summary->looked_up != NULL ? summary->looked_up : json_array();
    summary->looked_up = NULL;
    const struct demo_model *const model = summary->model;
    return emit_json(
        json_pack("{s:b,s:I,s:s,s:I,s:I,s:I,s:f,s:f,s:f,s:f,s:f,s:o,s:o,s:o}", "ok",
                  demo_is_right(summary->tally, summary->verdict), "words",
                  (json_int_t)model->words.count, "source", model->words.source, "dim",
                  (json_int_t)DEMO_DIM, "writers", (json_int_t)summary->writer_count, "readers",
                  (json_int_t)summary->reader_count, "build_seconds", summary->build_seconds,
                  "inserts_per_second", per_second(model->words.count, summary->build_seconds),
                  "bytes_per_word", summary->bytes_per_word, "mix_seconds", summary->mix_seconds,
                  "verify_seconds", summary->verify_seconds, "misspelled", looked_up, "operations",
                  operations_json(summary), "checks", checks_json(summary)),
        EMIT_MEASURED);
}
