/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open and close; what an index was opened with; versions.
 *
 * Level: index (6).
 */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "index/internal.h"
#include "sync/rcu.h"
#include "sync/thread.h"

/* The graph of the first generation. */
static enum akin_status make_graph(struct akin_index *index)
{
    const struct graph_shape shape = graph_shape_of(&index->options);
    struct memory *const memory = &index->store.memory;
    void *block = NULL;
    enum akin_status status =
        memory_take(memory, MEMORY_LINKS, sizeof(struct graph), CACHE_PAIR_BYTES, &block);
    if (status == AKIN_OK) {
        graph_init(block, &shape, index->routing.metric.code_dot, &index->store.slots);
        index->routing.graph = block;
    }
    return status;
}

static void end_graph(struct akin_index *index)
{
    if (index->routing.graph != NULL) {
        graph_end(index->routing.graph);
        memory_give(&index->store.memory, MEMORY_LINKS, index->routing.graph, sizeof(struct graph),
                    CACHE_PAIR_BYTES);
    }
}

static enum akin_status start(struct akin_index *index, struct memory *memory)
{
    const struct akin_options *const options = &index->options;
    const uint32_t row_bytes = options->dim * metric_element_bytes(options->type);
    enum akin_status status = store_init(&index->store, memory, row_bytes, options->capacity);
    if (status != AKIN_OK) {
        return status;
    }
    void *table = NULL;
    status = memory_take(&index->store.memory, MEMORY_OTHER,
                         options->threads * sizeof(struct atomic_ptr), CACHE_LINE_BYTES, &table);
    if (status != AKIN_OK) {
        goto fail_store;
    }
    index->context_table = table;
    index->routing.kind = options->kind;
    index->routing.metric =
        metric_make(options->metric, options->type, options->dim, simd_select_from_environment());
    if (options->kind == AKIN_HNSW) {
        status = make_graph(index);
        if (status != AKIN_OK) {
            goto fail_table;
        }
    }
    index->first_view.current = &index->routing;
    /* SYNC(index.view): pairs with index_view_acquire. */
    atomic_ptr_store_release(&index->view, &index->first_view);
    maintain_init(&index->maintainer, &index->store, &options->logger, options->maintenance);
    if (index->routing.graph != NULL) {
        maintain_set_graph(&index->maintainer, index->routing.graph, &index->routing.metric);
    }
    index->maintainer.dead_fraction = options->dead_fraction;
    const struct worker_plan plan = {.interval_ns = options->worker_interval_ns,
                                     .slots = options->worker_slots};
    if (options->maintenance == AKIN_MAINTENANCE_WORKER &&
        !worker_start(&index->worker, &index->maintainer, &plan)) {
        status = AKIN_THREAD_FAILED;
        goto fail_graph;
    }
    return AKIN_OK;

fail_graph:
    end_graph(index);
fail_table:
    memory_give(&index->store.memory, MEMORY_OTHER, index->context_table,
                options->threads * sizeof(struct atomic_ptr), CACHE_LINE_BYTES);
fail_store:
    store_end(&index->store);
    *memory = index->store.memory;
    return status;
}

enum akin_status akin_open(const struct akin_options *options, akin_index **index,
                           struct akin_error *error)
{
    enum akin_status status = akin_options_validate(options, error);
    if (status != AKIN_OK) {
        return status;
    }
    if (index == NULL) {
        return error_field(error, AKIN_BAD_ARGUMENT, "index", "is NULL");
    }
    const struct akin_options complete = options_complete(options);
    const struct akin_allocator hooks = alloc_hooks(&complete.allocator);
    struct memory memory;
    void *block = NULL;
    memory_init(&memory, &hooks, complete.budget_bytes, complete.retired_bytes_max);
    status =
        memory_take(&memory, MEMORY_OTHER, sizeof(struct akin_index), CACHE_PAIR_BYTES, &block);
    if (status != AKIN_OK) {
        return error_plain(error, status);
    }
    struct akin_index *const made = block;
    made->options = complete;
    made->process = process_generation();
    status = start(made, &memory);
    if (status != AKIN_OK) {
        memory_give(&memory, MEMORY_OTHER, made, sizeof(struct akin_index), CACHE_PAIR_BYTES);
        return error_plain(error, status);
    }
    *index = made;
    return AKIN_OK;
}

enum akin_status akin_close(akin_index *index)
{
    if (index == NULL) {
        return AKIN_OK;
    }
    if (rcu_is_inside() || contexts_are_ours(index)) {
        return AKIN_IN_CALLBACK;
    }
    /* Calls in flight first: they may wake the worker. None may start any more. */
    contexts_quiesce(index);
    if (index->options.maintenance == AKIN_MAINTENANCE_WORKER) {
        worker_stop(&index->worker);
    }
    maintain_claim_surely(&index->maintainer);
    rcu_wait(); /* for calls that are a section only */
    maintain_release(&index->maintainer);
    maintain_end(&index->maintainer);
    contexts_end(index);
    end_graph(index);
    memory_give(&index->store.memory, MEMORY_OTHER, index->context_table,
                index->options.threads * sizeof(struct atomic_ptr), CACHE_LINE_BYTES);
    store_end(&index->store);
    struct memory memory = index->store.memory;
    memory_give(&memory, MEMORY_OTHER, index, sizeof(struct akin_index), CACHE_PAIR_BYTES);
    return AKIN_OK;
}

enum akin_status akin_options_of(akin_index *index, struct akin_options *options,
                                 struct akin_error *error)
{
    if (index == NULL || options == NULL) {
        return error_field(error, AKIN_BAD_ARGUMENT, index == NULL ? "index" : "options",
                           "is NULL");
    }
    const size_t size = options->struct_size;
    if (size < sizeof *options) {
        return error_range(error, AKIN_BAD_STRUCT_SIZE, "options.struct_size", (double)size,
                           (double)sizeof *options, (double)sizeof *options);
    }
    struct call call;
    const enum akin_status status = call_begin(index, NULL, false, &call);
    if (status == AKIN_OK) {
        *options = index->options;
        options->struct_size = size;
        call_end(&call);
    }
    return status;
}

uint32_t akin_version(void)
{
    return AKIN_VERSION_NUMBER;
}

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

#if AKIN_TSAN
#define BUILD "thread sanitizer"
#elif defined(__SANITIZE_ADDRESS__)
#define BUILD "address sanitizer"
#elif AKIN_SCHEDULE
#define BUILD "schedule"
#elif AKIN_CHECKED
#define BUILD "checked"
#else
#define BUILD "release"
#endif

const char *akin_build_info(void)
{
    /* One line for each table, so that nothing is written when it is asked for. */
    static const char head[] =
        "akin " AKIN_VERSION_STRING ", " COMPILER ", " BUILD ", liburcu-bp, simd ";
    static char lines[4][sizeof head + 24];
    static struct atomic_u32 ready[4];
    const struct simd_table *const table = simd_select_from_environment();
    for (size_t i = 0; i < simd_table_count() && i < COUNT_OF(lines); i++) {
        if (simd_table_at(i) != table) {
            continue;
        }
        /* 0 untouched, 1 being written, 2 ready. SYNC(build_info.ready) */
        if (atomic_u32_load_acquire(&ready[i]) == 0 && atomic_u32_cas(&ready[i], 0, 1)) {
            snprintf(lines[i], sizeof lines[i], "%s%s", head, table->name);
            atomic_u32_store_release(&ready[i], 2);
        }
        /* SYNC(build_info.ready): pairs with the store above. */
        return atomic_u32_load_acquire(&ready[i]) == 2 ? lines[i] : head;
    }
    return head;
}
