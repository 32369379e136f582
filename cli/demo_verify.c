/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of akin demo: see demo_verify.h.
 *
 * One pass over all keys does two things at once: it compares what the index holds under the key
 * with what was written last, and it compares the vector, made anew, with some queries. The
 * searches for these queries must then return the same neighbors.
 *
 * Room: cli.
 */
#include "cli/demo_verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/crew.h"
#include "cli/exact_distance.h"
#include "cli/say.h"

#define QUERIES        32u
#define KEYS_A_PORTION 256u
/* Two results closer than this are a tie: cosines near 1 are known to about 1e-15. */
#define TIE_WIDTH 1e-12

const char *const demo_misspelled[] = {
    "definately", "seperate",  "occured", "tommorow",    "embarass",  "neccessary", "accomodate",
    "enviroment", "recieve",   "wierd",   "rythm",       "goverment", "priviledge", "calender",
    "concious",   "gaurantee", "harrass", "independant", "knowlege",  "libary",     "maintainance",
    "mispell",    "noticable", "persue",  NULL};

/* The pass over the keys. */
struct verify_job {
    akin_index *index;
    struct demo_model *model;
    struct demo_tally *tallies;                 /* one for each member */
    struct candidate (*items)[QUERIES][DEMO_K]; /* of each member */
    uint32_t (*counts)[QUERIES];                /* of each member */
    float queries[QUERIES][DEMO_DIM];
};

static void make_queries(const struct demo_model *model, float (*queries)[DEMO_DIM])
{
    uint64_t random = 0x1b873593u;
    uint32_t made = 0;
    for (; made < QUERIES && demo_misspelled[made] != NULL; made++) {
        demo_vector_of(demo_misspelled[made], queries[made]);
    }
    for (; made < QUERIES; made++) {
        char word[DEMO_WORD_MAX + 1];
        demo_word_of(model, demo_random(&random) % model->key_count, word);
        demo_misspell(word, demo_random(&random));
        demo_vector_of(word, queries[made]);
    }
}

/* Compare an entry, bit by bit, with what was written last. */
static void compare_entry(struct demo_tally *tally, const struct demo_model *model,
                          const struct akin_record *record, const struct demo_entry *entry)
{
    const unsigned long long key = entry->key;
    tally->read_back++;
    if (!demo_record_is_whole(model, record)) {
        demo_found_wrong(tally, DEMO_TORN, "at the end key %llu does not fit its checksum", key);
    } else if (demo_record_version(record) != entry->version) {
        demo_found_wrong(tally, DEMO_LOST,
                         "at the end key %llu has version %llu, but %llu was written last", key,
                         (unsigned long long)demo_record_version(record),
                         (unsigned long long)entry->version);
        /* Bit for bit. NOLINTNEXTLINE(bugprone-suspicious-memory-comparison) */
    } else if (memcmp(record->vector, entry->vector, sizeof entry->vector) != 0 ||
               memcmp(record->payload, entry->payload, entry->payload_bytes) != 0) {
        demo_found_wrong(tally, DEMO_TORN, "at the end key %llu has other bits than were written",
                         key);
    }
}

static void verify_key(struct verify_job *job, uint32_t number, uint64_t key)
{
    const struct demo_state *const state = &job->model->states[key];
    struct demo_tally *const tally = &job->tallies[number];
    struct demo_buffer buffer;
    struct akin_record record = demo_record_into(&buffer);
    struct akin_error error;
    const enum akin_status status = akin_get(job->index, key, &record, &error);
    if (!state->is_live) {
        if (status != AKIN_NOT_FOUND) {
            demo_found_wrong(tally, DEMO_GHOST,
                             "at the end a get of key %llu, which was deleted, answered %s",
                             (unsigned long long)key, akin_status_name(status));
        }
        return;
    }
    struct demo_entry entry;
    demo_entry_make(job->model, key, state->version, &entry);
    for (uint32_t query = 0; query < QUERIES; query++) {
        struct nearest nearest = {.items = job->items[number][query],
                                  .count = job->counts[number][query],
                                  .capacity = DEMO_K};
        const struct candidate candidate = {
            .distance =
                exact_distance_f32(AKIN_COSINE, job->queries[query], entry.vector, DEMO_DIM),
            .row = key};
        nearest_offer(&nearest, candidate);
        job->counts[number][query] = nearest.count;
    }
    if (status != AKIN_OK) {
        demo_found_wrong(tally, DEMO_LOST, "at the end a get of key %llu answered %s",
                         (unsigned long long)key, akin_status_name(status));
        return;
    }
    compare_entry(tally, job->model, &record, &entry);
}

static void verify_keys(struct crew_member *member, void *context)
{
    struct verify_job *const job = context;
    uint64_t first = 0;
    uint64_t count = 0;
    while (crew_take(member, KEYS_A_PORTION, &first, &count)) {
        for (uint64_t key = first; key < first + count; key++) {
            verify_key(job, member->number, key);
        }
    }
}

/* Count how many of the results are among the exact ones, or as near as the last of them. */
static uint32_t count_hits(const struct demo_model *model, const float *query,
                           const struct nearest *exact, const struct akin_neighbor *found,
                           uint32_t count)
{
    const double farthest = exact->items[exact->count - 1].distance + TIE_WIDTH;
    uint32_t hits = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct demo_entry entry;
        uint64_t key = found[i].key;
        if (model->fault == DEMO_FAULT_RECALL) {
            key = (key + 1) % model->key_count;
        }
        if (key >= model->key_count || !model->states[key].is_live) {
            continue;
        }
        demo_entry_make(model, key, model->states[key].version, &entry);
        hits += exact_distance_f32(AKIN_COSINE, query, entry.vector, DEMO_DIM) <= farthest;
    }
    return hits;
}

static enum akin_status measure_recall(struct verify_job *job, uint32_t threads,
                                       struct demo_verdict *verdict, struct akin_error *error)
{
    uint64_t hits = 0;
    uint64_t wanted = 0;
    struct akin_search_options options;
    akin_search_options_init(&options);
    options.k = DEMO_K;
    for (uint32_t query = 0; query < QUERIES; query++) {
        struct candidate items[DEMO_K];
        struct akin_neighbor found[DEMO_K];
        struct nearest exact = {.items = items, .capacity = DEMO_K};
        uint32_t count = 0;
        for (uint32_t number = 0; number < threads; number++) {
            for (uint32_t i = 0; i < job->counts[number][query]; i++) {
                nearest_offer(&exact, job->items[number][query][i]);
            }
        }
        const struct akin_vector vector = akin_vector_f32(job->queries[query], DEMO_DIM);
        const enum akin_status status =
            akin_search(job->index, NULL, &vector, &options, found, &count, error);
        if (status != AKIN_OK) {
            return status;
        }
        if (exact.count > 0) {
            hits += count_hits(job->model, job->queries[query], &exact, found, count);
            wanted += exact.count;
        }
    }
    verdict->queries = QUERIES;
    verdict->recall = wanted > 0 ? (double)hits / (double)wanted : 1.0;
    return AKIN_OK;
}

/* The visit of every entry. */
struct visit_job {
    struct demo_model *model;
    struct demo_tally *tally;
    unsigned char *is_visited;
};

static int visit(void *context, const struct akin_record *record)
{
    struct visit_job *const job = context;
    const unsigned long long key = record->key;
    if (key >= job->model->key_count || !job->model->states[key].is_live) {
        demo_found_wrong(job->tally, DEMO_GHOST,
                         "the iteration visits key %llu, which is not there", key);
        return 0;
    }
    if (job->is_visited[key] != 0) {
        demo_found_wrong(job->tally, DEMO_MISPLACED, "the iteration visits key %llu twice", key);
    }
    job->is_visited[key] = 1;
    struct demo_entry entry;
    demo_entry_make(job->model, key, job->model->states[key].version, &entry);
    compare_entry(job->tally, job->model, record, &entry);
    return 0;
}

/* Visit every entry: each key that must be there once, and no other. */
static enum akin_status visit_all(akin_index *index, struct demo_model *model,
                                  struct demo_tally *tally, struct akin_error *error)
{
    struct visit_job job = {.model = model, .tally = tally};
    job.is_visited = calloc(model->key_count, 1);
    if (job.is_visited == NULL) {
        memset(error, 0, sizeof *error);
        error->status = AKIN_NO_MEMORY;
        return AKIN_NO_MEMORY;
    }
    for (uint32_t key = 0; model->fault == DEMO_FAULT_VISIT && key < model->key_count; key++) {
        if (model->states[key].is_live) {
            job.is_visited[key] = 1;
            break;
        }
    }
    const enum akin_status status = akin_iterate(index, visit, &job, error);
    for (uint32_t key = 0; status == AKIN_OK && key < model->key_count; key++) {
        if (model->states[key].is_live && job.is_visited[key] == 0) {
            demo_found_wrong(tally, DEMO_LOST, "the iteration leaves out key %u", key);
        }
    }
    free(job.is_visited);
    return status;
}

static enum akin_status check_whole(akin_index *index, const struct demo_model *model,
                                    struct demo_verdict *verdict, struct akin_error *error)
{
    for (uint32_t key = 0; key < model->key_count; key++) {
        verdict->count_expected += model->states[key].is_live;
    }
    verdict->count_expected += model->fault == DEMO_FAULT_COUNT;
    enum akin_status status = akin_count(index, &verdict->count, error);
    if (status != AKIN_OK) {
        return status;
    }
    status = akin_check(index, AKIN_CHECK_DEEP, error);
    verdict->is_structure_right = status == AKIN_OK;
    if (model->fault == DEMO_FAULT_STRUCTURE) {
        verdict->is_structure_right = false;
        snprintf(verdict->structure, sizeof verdict->structure, "asked for by the test");
    } else if (status == AKIN_CORRUPT) {
        snprintf(verdict->structure, sizeof verdict->structure, "%s", error->message);
    } else if (status != AKIN_OK) {
        return status;
    }
    return AKIN_OK;
}

/* The last steps, one after another, while the main thread looks for signals. */
struct whole_job {
    struct verify_job *verify;
    struct demo_tally *tally;
    struct demo_verdict *verdict;
    uint32_t threads;
};

static void verify_whole(struct crew_member *member, void *context)
{
    const struct whole_job *const job = context;
    struct verify_job *const verify = job->verify;
    struct akin_error error;
    enum akin_status status = akin_maintain(verify->index, AKIN_MAINTAIN_DRAIN, NULL, &error);
    if (status == AKIN_OK) {
        status = measure_recall(verify, job->threads, job->verdict, &error);
    }
    if (status == AKIN_OK) {
        status = visit_all(verify->index, verify->model, job->tally, &error);
    }
    if (status == AKIN_OK) {
        status = check_whole(verify->index, verify->model, job->verdict, &error);
    }
    if (status != AKIN_OK) {
        crew_fail_status(member, &error, 0, "the last pass");
    }
}

static int run_passes(struct verify_job *job, uint32_t threads, struct demo_tally *tally,
                      struct demo_verdict *verdict)
{
    const struct crew_job keys = {.run = verify_keys,
                                  .context = job,
                                  .title = "verifying",
                                  .total = job->model->key_count,
                                  .threads = threads,
                                  .may_be_left = true};
    struct whole_job whole_job = {
        .verify = job, .tally = tally, .verdict = verdict, .threads = threads};
    const struct crew_job whole = {.run = verify_whole,
                                   .context = &whole_job,
                                   .title = "verifying",
                                   .threads = 1,
                                   .may_be_left = true};
    const int code = crew_run(&keys);
    return code == CLI_OK ? crew_run(&whole) : code;
}

int demo_verify(akin_index *index, struct demo_model *model, uint32_t threads,
                struct demo_tally *tally, struct demo_verdict *verdict)
{
    struct verify_job job = {.index = index, .model = model};
    int code = CLI_OK;
    bool is_open = true;
    memset(verdict, 0, sizeof *verdict);
    make_queries(model, job.queries);
    job.tallies = calloc(threads, sizeof *job.tallies);
    job.items = calloc(threads, sizeof *job.items);
    job.counts = calloc(threads, sizeof *job.counts);
    for (uint32_t i = 0; i < threads && job.tallies != NULL; i++) {
        is_open = demo_tally_open(&job.tallies[i]) && is_open;
    }
    if (job.tallies == NULL || job.items == NULL || job.counts == NULL || !is_open) {
        code = say_no_memory("the last pass");
    } else {
        code = run_passes(&job, threads, tally, verdict);
    }
    for (uint32_t i = 0; i < threads && job.tallies != NULL; i++) {
        if (code == CLI_OK) {
            demo_tally_merge(tally, &job.tallies[i]);
        }
        demo_tally_close(&job.tallies[i]);
    }
    free(job.counts);
    free(job.items);
    free(job.tallies);
    return code;
}

bool demo_is_right(const struct demo_tally *tally, const struct demo_verdict *verdict)
{
    for (int i = 0; i < DEMO_WRONGS; i++) {
        if (tally->wrong[i] != 0) {
            return false;
        }
    }
    return verdict->count == verdict->count_expected && verdict->is_structure_right &&
           verdict->recall >= 1.0;
}
