/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building in bulk.
 *
 * Level: index (6).
 */
#include <errno.h>

#include "akin/build.h"
#include "base/limits.h"
#include "index/internal.h"
#include "sync/rcu.h"
#include "update/bulk.h"

/* A batch of a flat index, whose entries cost nothing but a copy; a graph of so few entries takes
   no larger batches than that. */
#define SMALL_BATCH 64u

_Static_assert(GRAPH_BATCH_MAX <= AKIN_BUILD_BATCH_MAX, "what the interface allows can be had");

struct building {
    struct akin_index *index;
    struct akin_build_request *request;
    struct akin_error *error;
    struct call call;
    size_t stride_bytes;
    uint32_t batch;
    /* Of a graph. */
    struct team team;
    struct team_member *members;
    struct trail *trails;
    struct write_request *writes; /* a batch of them */
    struct bulk bulk;
};

static enum akin_status check_threads(const struct akin_build_request *request,
                                      struct akin_error *error)
{
    if (request->threads < 1 || request->threads > AKIN_BUILD_THREADS_MAX) {
        return error_range(error, AKIN_BAD_THREADS, "request.threads", request->threads, 1,
                           AKIN_BUILD_THREADS_MAX);
    }
    if (request->batch > AKIN_BUILD_BATCH_MAX) {
        return error_range(error, AKIN_BAD_ARGUMENT, "request.batch", request->batch, 0,
                           AKIN_BUILD_BATCH_MAX);
    }
    return AKIN_OK;
}

/* Everything but the entries themselves. */
static enum akin_status check_request(const struct akin_index *index,
                                      const struct akin_build_request *request,
                                      struct akin_error *error)
{
    const struct metric *const metric = index_metric(index);
    if (request->struct_size != sizeof *request) {
        return error_range(error, AKIN_BAD_STRUCT_SIZE, "request.struct_size",
                           (double)request->struct_size, (double)sizeof *request,
                           (double)sizeof *request);
    }
    if (request->count > 0 && (request->keys == NULL || request->vectors == NULL)) {
        return error_field(error, AKIN_BAD_ARGUMENT,
                           request->keys == NULL ? "request.keys" : "request.vectors", "is NULL");
    }
    if (request->stride_bytes != 0 && request->stride_bytes < metric->row_bytes) {
        return error_range(error, AKIN_BAD_ARGUMENT, "request.stride_bytes",
                           (double)request->stride_bytes, metric->row_bytes, (double)SIZE_MAX);
    }
    return check_threads(request, error);
}

static const unsigned char *row_at(const struct building *building, uint64_t place)
{
    const unsigned char *const rows = building->request->vectors;
    return rows + place * building->stride_bytes;
}

/* The entries of the next batch: nothing of it is written when one is bad. */
static enum akin_status check_batch(const struct building *building, uint32_t count)
{
    const struct akin_build_request *const request = building->request;
    for (uint64_t place = request->done; place < request->done + count; place++) {
        const struct akin_vector vector = {
            .data = row_at(building, place), .dim = request->dim, .type = request->type};
        enum akin_status status = vector_check(index_metric(building->index), &vector,
                                               "request.vectors", building->error);
        if (status == AKIN_OK && request->payloads != NULL) {
            status = payload_check(&request->payloads[place], building->error);
        }
        if (status != AKIN_OK) {
            if (building->error != NULL) {
                building->error->position = place;
            }
            return status;
        }
    }
    return AKIN_OK;
}

static struct write_request write_at(const struct building *building, uint64_t place)
{
    const struct akin_build_request *const request = building->request;
    const unsigned char *const row = row_at(building, place);
    return (struct write_request){
        .key = request->keys[place],
        .row = row,
        .norm = metric_row_norm(index_metric(building->index), row),
        .payload = request->payloads != NULL ? &request->payloads[place] : NULL,
        .want = request->replaces != 0 ? WANT_ANY : WANT_ABSENT,
    };
}

/* One try at a batch. */
static enum akin_status write_batch(struct building *building, uint32_t count, uint32_t *committed)
{
    struct akin_index *const index = building->index;
    const uint64_t done = building->request->done;
    struct reader *const reader = call_reader(&building->call);
    if (index_is_graph(index)) {
        for (uint32_t i = 0; i < count; i++) {
            building->writes[i] = write_at(building, done + i);
        }
        return bulk_write(&building->bulk, reader, building->writes, count, committed);
    }
    enum akin_status status = AKIN_OK;
    *committed = 0;
    while (*committed < count && status == AKIN_OK) {
        const struct write_request write = write_at(building, done + *committed);
        status = write_entry(&index->store, reader, &write);
        *committed += status == AKIN_OK ? 1 : 0;
    }
    return status;
}

/* Entries of the next batch: never more than are there already, so that most neighbors are found by
   the search. */
static uint32_t next_count(const struct building *building)
{
    const struct akin_build_request *const request = building->request;
    const uint64_t left = request->count - request->done;
    uint64_t count = building->batch;
    if (index_is_graph(building->index)) {
        rcu_enter();
        const uint64_t there = frontier_count(&building->index->store);
        rcu_leave();
        const uint64_t most = there > SMALL_BATCH ? there : SMALL_BATCH;
        count = count < most ? count : most;
    }
    return (uint32_t)(count < left ? count : left);
}

/* The next batch. */
static enum akin_status build_batch(struct building *building)
{
    struct akin_index *const index = building->index;
    struct akin_build_request *const request = building->request;
    const uint32_t count = next_count(building);
    uint32_t committed = 0;
    enum akin_status status = check_batch(building, count);
    if (status != AKIN_OK) {
        return status;
    }
    status = upkeep_before_write(index);
    if (status == AKIN_OK) {
        status = write_batch(building, count, &committed);
        request->done += committed;
    }
    if ((status == AKIN_NO_MEMORY || status == AKIN_OVER_BUDGET) && upkeep_make_room(index)) {
        status = write_batch(building, count - committed, &committed);
        request->done += committed;
    }
    upkeep_after_write(index);
    if (status != AKIN_OK) {
        return error_element(building->error, status, "request.keys",
                             request->done < request->count ? (double)request->keys[request->done]
                                                            : 0,
                             request->done, "is where the build ended");
    }
    return AKIN_OK;
}

static enum akin_status build_all(struct building *building)
{
    struct akin_build_request *const request = building->request;
    enum akin_status status = AKIN_OK;
    while (status == AKIN_OK && request->done < request->count) {
        status = build_batch(building);
        if (status == AKIN_OK && request->progress != NULL &&
            request->progress(request->context, request->done, request->count) != 0) {
            status = error_plain(building->error, AKIN_STOPPED);
        }
    }
    return status;
}

#define MEMBERS_BYTES(threads) ((threads) * sizeof(struct team_member))
#define TRAILS_BYTES(threads)  ((threads) * sizeof(struct trail))
#define WRITES_BYTES(batch)    ((batch) * sizeof(struct write_request))

static enum akin_status take_scratch(struct building *building)
{
    struct memory *const memory = &building->index->store.memory;
    const uint32_t threads = building->request->threads;
    void *members = NULL;
    void *trails = NULL;
    void *writes = NULL;
    enum akin_status status =
        memory_take(memory, MEMORY_CONTEXTS, MEMBERS_BYTES(threads), CACHE_LINE_BYTES, &members);
    if (status == AKIN_OK) {
        building->members = members;
        status =
            memory_take(memory, MEMORY_CONTEXTS, TRAILS_BYTES(threads), CACHE_LINE_BYTES, &trails);
    }
    if (status == AKIN_OK) {
        building->trails = trails;
        status = memory_take_raw(memory, MEMORY_CONTEXTS, WRITES_BYTES(building->batch),
                                 CACHE_LINE_BYTES, &writes);
    }
    if (status == AKIN_OK) {
        building->writes = writes;
        building->bulk = (struct bulk){
            .store = &building->index->store,
            .graph = building->index->routing.graph,
            .metric = index_metric(building->index),
            .team = &building->team,
            .trails = building->trails,
        };
        status = bulk_init(&building->bulk, building->batch);
    }
    return status;
}

static void give_scratch(struct building *building)
{
    struct memory *const memory = &building->index->store.memory;
    const uint32_t threads = building->request->threads;
    for (uint32_t i = 0; building->trails != NULL && i < threads; i++) {
        trail_end(&building->trails[i], memory);
    }
    if (building->bulk.store != NULL) {
        bulk_end(&building->bulk);
    }
    memory_give(memory, MEMORY_CONTEXTS, building->writes, WRITES_BYTES(building->batch),
                CACHE_LINE_BYTES);
    memory_give(memory, MEMORY_CONTEXTS, building->trails, TRAILS_BYTES(threads), CACHE_LINE_BYTES);
    memory_give(memory, MEMORY_CONTEXTS, building->members, MEMBERS_BYTES(threads),
                CACHE_LINE_BYTES);
}

static enum akin_status build_graph(struct building *building)
{
    enum akin_status status = take_scratch(building);
    if (status == AKIN_OK &&
        !team_start(&building->team, building->members, building->request->threads)) {
        status = AKIN_THREAD_FAILED;
    }
    if (status == AKIN_OK) {
        status = build_all(building);
        team_end(&building->team);
    } else {
        status = error_plain(building->error, status);
    }
    give_scratch(building);
    return status;
}

enum akin_status akin_build(akin_index *index, struct akin_build_request *request,
                            struct akin_error *error)
{
    if (index == NULL || request == NULL) {
        return error_field(error, AKIN_BAD_ARGUMENT, index == NULL ? "index" : "request",
                           "is NULL");
    }
    struct building building = {.index = index, .request = request, .error = error};
    enum akin_status status = check_request(index, request, error);
    if (status != AKIN_OK) {
        return status;
    }
    if (rcu_is_inside()) {
        return error_plain(error, AKIN_IN_CALLBACK);
    }
    const uint32_t wanted = request->batch != 0 ? request->batch : GRAPH_BATCH_DEFAULT;
    building.batch = wanted < GRAPH_BATCH_MAX ? wanted : GRAPH_BATCH_MAX;
    building.stride_bytes =
        request->stride_bytes != 0 ? request->stride_bytes : index_metric(index)->row_bytes;
    request->done = 0;
    status = call_begin(index, NULL, index_is_graph(index), &building.call);
    if (status != AKIN_OK) {
        return error_plain(error, status);
    }
    const int saved_errno = errno;
    status =
        index_is_graph(index) && request->count > 0 ? build_graph(&building) : build_all(&building);
    errno = saved_errno;
    call_end(&building.call);
    return status;
}
