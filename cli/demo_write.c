/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A writer of akin demo.
 *
 * The keys are divided: writer w of n owns the keys with key % n == w, and nobody else writes them.
 * So it knows what every call must answer, and that a get after its write must return exactly that
 * write.
 *
 * Room: cli.
 */
#include <string.h>

#include "cli/demo_mix.h"

/* Of 100 writes to a live key: so many are updates, so many upserts, the others deletions. */
#define UPDATE_PERCENT 60u
#define UPSERT_PERCENT 25u
/* One write in so many is read back at once; before one in so many a call is made that must be
 * refused. */
#define READ_BACK_EVERY 8u
#define REFUSED_EVERY   64u
/* With the fault that is named for it, one write in so many is not made. */
#define FAULT_EVERY 16u

static uint64_t pick_key(struct demo_worker *worker)
{
    const uint64_t key_count = worker->model->key_count;
    const uint64_t own = (key_count - 1 - worker->number) / worker->writer_count + 1;
    return worker->number + demo_random(&worker->random) % own * worker->writer_count;
}

static enum akin_status call_once(struct demo_worker *worker, enum demo_operation operation,
                                  const struct demo_entry *entry, struct akin_error *error)
{
    const struct akin_vector vector = akin_vector_f32(entry->vector, DEMO_DIM);
    const struct akin_bytes payload = {.data = entry->payload, .size = entry->payload_bytes};
    switch (operation) {
    case DEMO_INSERT:
        return akin_insert(worker->index, entry->key, &vector, &payload, error);
    case DEMO_UPDATE:
        return akin_update(worker->index, entry->key, &vector, &payload, error);
    case DEMO_UPSERT:
        return akin_upsert(worker->index, entry->key, &vector, &payload, error);
    default:
        return akin_delete(worker->index, entry->key, error);
    }
}

/* Call until the answer is not that dead memory must be reclaimed first. */
static enum akin_status call(struct demo_worker *worker, enum demo_operation operation,
                             const struct demo_entry *entry, struct akin_error *error)
{
    while (true) {
        const uint64_t begun_ns = time_now_ns();
        const enum akin_status status = call_once(worker, operation, entry, error);
        if (status != AKIN_RECLAIM_STALLED || !crew_goes_on(worker->member)) {
            latency_add(worker->tally->latency[operation], time_now_ns() - begun_ns);
            return status;
        }
        worker->tally->retries++;
        const enum akin_status maintained =
            akin_maintain(worker->index, AKIN_MAINTAIN_ROUND, NULL, error);
        if (maintained != AKIN_OK && maintained != AKIN_BUSY) {
            return maintained;
        }
    }
}

/* Count an answer that cannot be; end the demo when the machine is to blame. */
static void judge(struct demo_worker *worker, enum demo_operation operation, uint64_t key,
                  enum akin_status status, const struct akin_error *error)
{
    static const char *const names[] = {"insert", "update", "upsert", "delete"};
    if (akin_status_classify(status) == AKIN_CLASS_TRANSIENT || status == AKIN_INDEX_FULL) {
        demo_stop(worker, error, names[operation]);
        return;
    }
    demo_found_wrong(worker->tally, DEMO_OUTCOME, "%s of key %llu answered %s", names[operation],
                     (unsigned long long)key, akin_status_name(status));
}

/* A call that must be refused: insert of a live key, update or delete of one that is not. */
static void try_refused(struct demo_worker *worker, const struct demo_state *state,
                        const struct demo_entry *entry)
{
    struct akin_error error;
    enum demo_operation operation = DEMO_INSERT;
    enum akin_status expected = AKIN_EXISTS;
    if (!state->is_live) {
        operation = demo_random(&worker->random) % 2 == 0 ? DEMO_UPDATE : DEMO_DELETE;
        expected = AKIN_NOT_FOUND;
    } else if (worker->model->fault == DEMO_FAULT_OUTCOME) {
        expected = AKIN_OK;
    }
    const enum akin_status status = call(worker, operation, entry, &error);
    if (status != expected) {
        judge(worker, operation, entry->key, status, &error);
    }
}

/* Nobody else writes this key: it must be there as it was written, or not at all. */
static void read_back(struct demo_worker *worker, const struct demo_state *state,
                      const struct demo_entry *entry)
{
    struct demo_buffer buffer;
    struct akin_record record = demo_record_into(&buffer);
    struct akin_error error;
    const unsigned long long key = entry->key;
    const uint64_t begun_ns = time_now_ns();
    const enum akin_status status = akin_get(worker->index, entry->key, &record, &error);
    latency_add(worker->tally->latency[DEMO_GET], time_now_ns() - begun_ns);
    if (status != AKIN_OK && status != AKIN_NOT_FOUND) {
        demo_found_wrong(worker->tally, DEMO_OUTCOME, "get of key %llu answered %s", key,
                         akin_status_name(status));
        return;
    }
    if (!state->is_live) {
        if (status == AKIN_OK) {
            demo_found_wrong(worker->tally, DEMO_GHOST, "key %llu is there after its deletion",
                             key);
        }
        return;
    }
    if (status == AKIN_NOT_FOUND) {
        demo_found_wrong(worker->tally, DEMO_LOST,
                         "key %llu is missing after version %u was written", key, state->version);
        return;
    }
    worker->tally->read_back++;
    if (!demo_record_is_whole(worker->model, &record)) {
        demo_found_wrong(worker->tally, DEMO_TORN, "key %llu does not fit its checksum", key);
    } else if (demo_record_version(&record) != state->version) {
        demo_found_wrong(worker->tally, DEMO_LOST, "key %llu has version %llu after %u was written",
                         key, (unsigned long long)demo_record_version(&record), state->version);
    }
}

static enum demo_operation choose(struct demo_worker *worker, const struct demo_state *state)
{
    const uint64_t percent = demo_random(&worker->random) % 100;
    if (!state->is_live) {
        return percent < 50 ? DEMO_INSERT : DEMO_UPSERT;
    }
    if (percent < UPDATE_PERCENT) {
        return DEMO_UPDATE;
    }
    return percent < UPDATE_PERCENT + UPSERT_PERCENT ? DEMO_UPSERT : DEMO_DELETE;
}

/* With a fault of that name: note this write without making it. */
static bool is_left_out(struct demo_worker *worker, enum demo_operation operation)
{
    const enum demo_fault fault = worker->model->fault;
    const bool is_meant = (fault == DEMO_FAULT_LOST && operation == DEMO_UPDATE) ||
                          (fault == DEMO_FAULT_GHOST && operation == DEMO_DELETE);
    return is_meant && demo_random(&worker->random) % FAULT_EVERY == 0;
}

void demo_write_once(struct demo_worker *worker)
{
    struct demo_entry entry;
    struct akin_error error;
    const uint64_t key = pick_key(worker);
    struct demo_state *const state = &worker->model->states[key];
    const enum demo_operation operation = choose(worker, state);
    demo_entry_make(worker->model, key, state->version + 1, &entry);
    if (demo_random(&worker->random) % REFUSED_EVERY == 0) {
        try_refused(worker, state, &entry);
    }
    if (!is_left_out(worker, operation)) {
        const enum akin_status status = call(worker, operation, &entry, &error);
        if (status == AKIN_RECLAIM_STALLED) {
            return; /* the demo ends; nothing was written */
        }
        if (status != AKIN_OK) {
            judge(worker, operation, key, status, &error);
            return;
        }
    }
    state->is_live = operation != DEMO_DELETE;
    state->version += operation != DEMO_DELETE;
    if (demo_random(&worker->random) % READ_BACK_EVERY == 0) {
        read_back(worker, state, &entry);
    }
}
