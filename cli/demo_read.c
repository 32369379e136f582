/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reader of akin demo.
 *
 * It does not know what the writers are doing, but it knows what can never be: an entry that does
 * not fit its checksum, a key that goes back to an older version than was read before, a result
 * list that is out of order or has a key twice, a result whose distance is that of no version its
 * key can have had.
 *
 * Room: cli.
 */
#include <math.h>
#include <string.h>

#include "cli/demo_mix.h"
#include "cli/exact_distance.h"

#define GETS_A_ROUND 64u
/* One get in so many is followed by another of the same key, which must not be older. */
#define AGAIN_EVERY 8u
/* Versions tried for a result. More can pass during one search only when the list is tiny. */
#define VERSIONS_MAX 4096u
#define TOLERANCE    1e-6

/* Get an entry and check what came. Returns its version, or 0 when there is none. */
static uint64_t get_checked(struct demo_worker *worker, uint64_t key)
{
    struct demo_buffer buffer;
    struct akin_record record = demo_record_into(&buffer);
    struct akin_error error;
    const uint64_t begun_ns = time_now_ns();
    const enum akin_status status = akin_get(worker->index, key, &record, &error);
    latency_add(worker->tally->latency[DEMO_GET], time_now_ns() - begun_ns);
    if (status == AKIN_NOT_FOUND) {
        return 0;
    }
    if (status != AKIN_OK) {
        demo_found_wrong(worker->tally, DEMO_OUTCOME, "get of key %llu answered %s",
                         (unsigned long long)key, akin_status_name(status));
        return 0;
    }
    worker->tally->read_back++;
    if (record.key != key || !demo_record_is_whole(worker->model, &record)) {
        demo_found_wrong(worker->tally, DEMO_TORN, "key %llu does not fit its checksum",
                         (unsigned long long)key);
        return 0;
    }
    const uint64_t version = demo_record_version(&record);
    if (version < worker->seen[key]) {
        demo_found_wrong(worker->tally, DEMO_LOST, "key %llu went back from version %u to %llu",
                         (unsigned long long)key, worker->seen[key], (unsigned long long)version);
    } else {
        worker->seen[key] = (uint32_t)version;
    }
    if (worker->model->fault == DEMO_FAULT_STALE) {
        worker->seen[key]++;
    }
    return version;
}

/* With a fault of that name: spoil the results. */
static void spoil(const struct demo_worker *worker, struct akin_neighbor *found, uint32_t count)
{
    const struct akin_neighbor first = found[0];
    if (count < 2) {
        return;
    }
    switch (worker->model->fault) {
    case DEMO_FAULT_MISPLACED:
        found[0].key = found[count - 1].key;
        found[count - 1].key = first.key;
        break;
    case DEMO_FAULT_UNSORTED:
        found[0] = found[count - 1];
        found[count - 1] = first;
        break;
    case DEMO_FAULT_DUPLICATE:
        found[1] = found[0];
        break;
    default:
        break;
    }
}

static void check_order(struct demo_worker *worker, const struct akin_neighbor *found,
                        uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (found[i].key >= worker->model->key_count) {
            demo_found_wrong(worker->tally, DEMO_MISPLACED,
                             "a search found key %llu, which nobody wrote",
                             (unsigned long long)found[i].key);
        }
        for (uint32_t j = 0; j < i; j++) {
            if (found[j].key == found[i].key) {
                demo_found_wrong(worker->tally, DEMO_MISPLACED, "a search found key %llu twice",
                                 (unsigned long long)found[i].key);
            }
        }
        if (i > 0 &&
            (found[i].distance < found[i - 1].distance ||
             (!(found[i - 1].distance < found[i].distance) && found[i].key < found[i - 1].key))) {
            demo_found_wrong(worker->tally, DEMO_MISPLACED,
                             "result %u of a search at %.9g stands behind one at %.9g", i,
                             found[i].distance, found[i - 1].distance);
        }
    }
}

/*
 * Compare a result with the versions that its key can have had when the search ran: from the newest
 * read before the search to the one that is there now.
 */
static void check_distance(struct demo_worker *worker, const float *query,
                           const struct akin_neighbor *found)
{
    struct demo_entry entry;
    const uint64_t seen = worker->seen[found->key];
    const uint64_t oldest = seen > 0 ? seen : 1;
    const uint64_t newest = get_checked(worker, found->key);
    if (newest == 0 || newest < oldest || newest - oldest >= VERSIONS_MAX) {
        worker->tally->unchecked++;
        return;
    }
    worker->tally->results++;
    for (uint64_t version = newest; version >= oldest; version--) {
        demo_entry_make(worker->model, found->key, version, &entry);
        const double distance = exact_distance_f32(AKIN_COSINE, query, entry.vector, DEMO_DIM);
        if (fabs(distance - found->distance) <= TOLERANCE) {
            return;
        }
    }
    demo_found_wrong(worker->tally, DEMO_MISPLACED,
                     "key %llu was found at %.9g, where none of its versions %llu to %llu is",
                     (unsigned long long)found->key, found->distance, (unsigned long long)oldest,
                     (unsigned long long)newest);
}

static void search_checked(struct demo_worker *worker)
{
    char word[DEMO_WORD_MAX + 1];
    float query[DEMO_DIM];
    struct akin_neighbor found[DEMO_K];
    struct akin_search_options options;
    struct akin_error error;
    uint32_t count = 0;
    demo_word_of(worker->model, demo_random(&worker->random) % worker->model->key_count, word);
    demo_misspell(word, demo_random(&worker->random));
    demo_vector_of(word, query);
    akin_search_options_init(&options);
    options.k = DEMO_K;
    const struct akin_vector vector = akin_vector_f32(query, DEMO_DIM);
    const uint64_t begun_ns = time_now_ns();
    const enum akin_status status =
        akin_search(worker->index, worker->context, &vector, &options, found, &count, &error);
    latency_add(worker->tally->latency[DEMO_SEARCH], time_now_ns() - begun_ns);
    if (status != AKIN_OK) {
        demo_found_wrong(worker->tally, DEMO_OUTCOME, "search for '%s' answered %s", word,
                         akin_status_name(status));
        return;
    }
    if (count > DEMO_K) {
        demo_found_wrong(worker->tally, DEMO_MISPLACED, "search for '%s' gave %u results", word,
                         count);
        return;
    }
    if (count > 0) {
        spoil(worker, found, count);
    }
    check_order(worker, found, count);
    for (uint32_t i = 0; i < count; i++) {
        if (found[i].key < worker->model->key_count) {
            check_distance(worker, query, &found[i]);
        }
    }
}

void demo_read_once(struct demo_worker *worker)
{
    search_checked(worker);
    for (uint32_t i = 0; i < GETS_A_ROUND; i++) {
        const uint64_t key = demo_random(&worker->random) % worker->model->key_count;
        get_checked(worker, key);
        if (i % AGAIN_EVERY == 0) {
            get_checked(worker, key);
        }
    }
}
