/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options: defaults, validation, estimate.
 *
 * Level: index (6).
 */
#include <string.h>

#include "akin/akin.h"
#include "base/error.h"
#include "base/limits.h"
#include "graph/graph.h"
#include "index/internal.h"
#include "store/payload.h"
#include "store/slots.h"

void akin_options_init_sized(struct akin_options *options, size_t struct_size)
{
    struct akin_options defaults;
    /* Every byte, padding too: callers may compare or hash. */
    memset(&defaults, 0, sizeof defaults);
    defaults.struct_size = struct_size;
    defaults.kind = AKIN_FLAT;
    defaults.metric = AKIN_L2;
    defaults.type = AKIN_F32;
    defaults.threads = THREADS_DEFAULT;
    defaults.maintenance = AKIN_MAINTENANCE_INLINE;
    defaults.retired_bytes_max = RETIRED_BYTES_MAX_DEFAULT;
    defaults.seed = SEED_DEFAULT;
    defaults.m = GRAPH_M_DEFAULT;
    defaults.ef_construction = GRAPH_EF_CONSTRUCTION;
    defaults.ef_search = GRAPH_EF_SEARCH;
    defaults.alpha = 1;
    defaults.dead_fraction = GRAPH_DEAD_FRACTION;
    defaults.slice_ns = MAINTAIN_SLICE_NS;
    memset(options, 0, struct_size);
    memcpy(options, &defaults, struct_size < sizeof defaults ? struct_size : sizeof defaults);
}

/* A newer caller's struct is longer: fine as long as it asks for nothing that we do not know. */
static bool size_is_known(const void *object, size_t struct_size, size_t known)
{
    if (struct_size < known || struct_size > known + 4096) {
        return false; /* before the tail is read: a size that was never set may be anything */
    }
    const unsigned char *const bytes = object;
    for (size_t i = known; i < struct_size; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

bool options_size_is_known(const struct akin_options *options)
{
    return size_is_known(options, options->struct_size, sizeof *options);
}

static enum akin_status check_bounds(const struct akin_options *options, struct akin_error *error)
{
    if (options->dim < 1 || options->dim > AKIN_DIM_MAX) {
        return error_range(error, AKIN_BAD_DIM, "dim", options->dim, 1, AKIN_DIM_MAX);
    }
    if (options->threads < 1 || options->threads > AKIN_THREADS_MAX) {
        return error_range(error, AKIN_BAD_THREADS, "threads", options->threads, 1,
                           AKIN_THREADS_MAX);
    }
    if (options->retired_bytes_max != 0 && options->retired_bytes_max < RETIRED_BYTES_MAX_LEAST) {
        return error_range(error, AKIN_BAD_BUDGET, "retired_bytes_max",
                           (double)options->retired_bytes_max, (double)RETIRED_BYTES_MAX_LEAST,
                           (double)UINT64_MAX);
    }
    struct akin_memory empty;
    struct akin_options unbounded = *options;
    unbounded.struct_size = sizeof unbounded; /* the copy has no tail */
    unbounded.budget_bytes = 0;
    const enum akin_status status = akin_estimate(&unbounded, 0, 0, &empty, error);
    if (status == AKIN_OK && options->budget_bytes != 0 &&
        options->budget_bytes < empty.total_bytes) {
        return error_range(error, AKIN_BAD_BUDGET, "budget_bytes", (double)options->budget_bytes,
                           (double)empty.total_bytes, (double)UINT64_MAX);
    }
    return status;
}

static enum akin_status check_enums(const struct akin_options *options, struct akin_error *error)
{
    if (options->kind != AKIN_FLAT && options->kind != AKIN_HNSW) {
        return error_range(error, AKIN_BAD_KIND, "kind", (double)options->kind, AKIN_FLAT,
                           AKIN_HNSW);
    }
    if (options->metric != AKIN_L2 && options->metric != AKIN_INNER_PRODUCT &&
        options->metric != AKIN_COSINE) {
        return error_range(error, AKIN_BAD_METRIC, "metric", (double)options->metric, AKIN_L2,
                           AKIN_COSINE);
    }
    if (metric_element_bytes(options->type) == 0) {
        return error_range(error, AKIN_BAD_TYPE, "type", (double)options->type, AKIN_F32, AKIN_I8);
    }
    if (options->maintenance != AKIN_MAINTENANCE_INLINE &&
        options->maintenance != AKIN_MAINTENANCE_CALLER &&
        options->maintenance != AKIN_MAINTENANCE_WORKER) {
        return error_range(error, AKIN_BAD_ARGUMENT, "maintenance", (double)options->maintenance,
                           AKIN_MAINTENANCE_INLINE, AKIN_MAINTENANCE_WORKER);
    }
    if (options->dead_fraction != 0 &&
        !(options->dead_fraction > 0 && options->dead_fraction <= 1)) {
        return error_range(error, AKIN_BAD_ARGUMENT, "dead_fraction",
                           (double)options->dead_fraction, 0, 1);
    }
    if ((options->allocator.allocate == NULL) != (options->allocator.release == NULL)) {
        return error_field(error, AKIN_BAD_ARGUMENT, "allocator",
                           "allocate and release are given both or neither");
    }
    return AKIN_OK;
}

/* 0 stands for the default, here and in options_complete. */
static enum akin_status check_graph(const struct akin_options *options, struct akin_error *error)
{
    const uint32_t m = options->m != 0 ? options->m : GRAPH_M_DEFAULT;
    if (options->kind != AKIN_HNSW) {
        return AKIN_OK;
    }
    if (m < GRAPH_M_MIN || m > GRAPH_M_MAX) {
        return error_range(error, AKIN_BAD_ARGUMENT, "m", m, GRAPH_M_MIN, GRAPH_M_MAX);
    }
    if (options->ef_construction != 0 &&
        (options->ef_construction < m || options->ef_construction > GRAPH_EF_MAX)) {
        return error_range(error, AKIN_BAD_ARGUMENT, "ef_construction", options->ef_construction, m,
                           GRAPH_EF_MAX);
    }
    if (options->ef_search > GRAPH_EF_MAX) {
        return error_range(error, AKIN_BAD_ARGUMENT, "ef_search", options->ef_search, 1,
                           GRAPH_EF_MAX);
    }
    if (options->codes != AKIN_CODES_DEFAULT && options->codes != AKIN_CODES_NONE &&
        options->codes != AKIN_CODES_SQ8) {
        return error_range(error, AKIN_BAD_ARGUMENT, "codes", (double)options->codes,
                           AKIN_CODES_DEFAULT, AKIN_CODES_SQ8);
    }
    if (options->alpha != 0 && !(options->alpha >= 1 && options->alpha <= GRAPH_ALPHA_MAX)) {
        return error_range(error, AKIN_BAD_ARGUMENT, "alpha", (double)options->alpha, 1,
                           (double)GRAPH_ALPHA_MAX);
    }
    return AKIN_OK;
}

static enum akin_status check_shape(const struct akin_options *options, struct akin_error *error)
{
    if (options == NULL) {
        return error_field(error, AKIN_BAD_ARGUMENT, "options", "is NULL");
    }
    if (!options_size_is_known(options)) {
        return error_range(error, AKIN_BAD_STRUCT_SIZE, "options.struct_size",
                           (double)options->struct_size, (double)sizeof *options,
                           (double)sizeof *options);
    }
    const enum akin_status status = check_enums(options, error);
    return status == AKIN_OK ? check_graph(options, error) : status;
}

enum akin_status akin_options_validate(const struct akin_options *options, struct akin_error *error)
{
    const enum akin_status status = check_shape(options, error);
    return status != AKIN_OK ? status : check_bounds(options, error);
}

struct akin_options options_complete(const struct akin_options *options)
{
    struct akin_options complete;
    memcpy(&complete, options, sizeof complete);
    complete.struct_size = sizeof complete;
    if (complete.retired_bytes_max == 0) {
        complete.retired_bytes_max = RETIRED_BYTES_MAX_DEFAULT;
    }
    complete.m = complete.m != 0 ? complete.m : GRAPH_M_DEFAULT;
    if (complete.ef_construction == 0) {
        complete.ef_construction =
            GRAPH_EF_CONSTRUCTION > complete.m ? GRAPH_EF_CONSTRUCTION : complete.m;
    }
    complete.ef_search = complete.ef_search != 0 ? complete.ef_search : GRAPH_EF_SEARCH;
    complete.alpha = complete.alpha != 0 ? complete.alpha : 1;
    if (complete.dead_fraction == 0) {
        complete.dead_fraction = GRAPH_DEAD_FRACTION;
    }
    complete.slice_ns = complete.slice_ns != 0 ? complete.slice_ns : MAINTAIN_SLICE_NS;
    return complete;
}

/* Entries that one index can number: the directory has room for so many chunks. */
static uint64_t entries_max(const struct akin_options *options)
{
    const uint32_t row_bytes = options->dim * metric_element_bytes(options->type);
    const uint32_t stride = (uint32_t)size_align(row_bytes, ROW_ALIGNMENT_BYTES);
    const uint64_t directory = ((uint64_t)SLOT_DIRECTORY_TOP * SLOT_DIRECTORY_LEAF)
                               << slots_chunk_shift(stride, options->capacity);
    return directory < SLOT_COUNT_MAX ? directory : SLOT_COUNT_MAX;
}

/* Bytes of a pool that holds `objects`. */
static uint64_t pool_bytes(uint64_t objects, size_t object_bytes, size_t alignment)
{
    const uint64_t chunks = (objects + POOL_CHUNK_OBJECTS - 1) / POOL_CHUNK_OBJECTS;
    return chunks * pool_chunk_bytes(POOL_CHUNK_OBJECTS, object_bytes, alignment);
}

/* Chunks of slots for so many entries. */
struct chunks {
    uint32_t stride; /* bytes of a row */
    uint32_t shift;  /* log2 of the slots of a chunk */
    uint64_t count;
    uint64_t leaves_bytes; /* of a directory of them */
};

static struct chunks chunks_of(const struct akin_options *options, uint64_t entries)
{
    const uint32_t row_bytes = options->dim * metric_element_bytes(options->type);
    struct chunks chunks = {.stride = (uint32_t)size_align(row_bytes, ROW_ALIGNMENT_BYTES)};
    chunks.shift = slots_chunk_shift(chunks.stride, options->capacity);
    chunks.count = (entries + (1ull << chunks.shift) - 1) >> chunks.shift;
    const uint64_t leaves = (chunks.count + SLOT_DIRECTORY_LEAF - 1) / SLOT_DIRECTORY_LEAF;
    chunks.leaves_bytes = leaves * SLOT_DIRECTORY_LEAF * sizeof(struct atomic_ptr);
    return chunks;
}

static void estimate_store(const struct akin_options *options, uint64_t entries,
                           struct akin_memory *memory)
{
    const struct chunks chunks = chunks_of(options, entries);
    const uint64_t keys = entries > options->capacity ? entries : options->capacity;
    memory->rows_bytes = chunks.count * ((uint64_t)chunks.stride << chunks.shift);
    memory->slots_bytes = chunks.count * slots_chunk_meta_bytes(chunks.shift) +
                          chunks.leaves_bytes +
                          SLOT_FREE_RING_ENTRIES * sizeof(struct ck_ring_buffer);
    /* The table grows when keys exceed twice its buckets, to the next power of two. */
    memory->map_bytes = key_map_table_bytes(key_map_buckets_for(keys)) +
                        pool_bytes(entries, sizeof(struct key_record), _Alignof(struct key_record));
    memory->commits_bytes = pool_bytes(1, sizeof(struct commit_record), CACHE_PAIR_BYTES);
}

/* The graph: lists as long as three quarters of their room, as insertion leaves them on the
   average; one entry in m has lists above the lowest. What waits for readers comes on top. */
static void estimate_graph(const struct akin_options *options, uint64_t entries,
                           struct akin_memory *memory)
{
    const struct akin_options complete = options_complete(options);
    const struct graph_shape shape = graph_shape_of(&complete);
    const struct chunks chunks = chunks_of(options, entries);
    const uint64_t above = (entries + shape.m - 1) / shape.m;
    memory->links_bytes = size_align(sizeof(struct graph), CACHE_PAIR_BYTES) + chunks.leaves_bytes +
                          chunks.count * graph_chunk_bytes(chunks.shift) +
                          entries * block_bytes(shape.room * 3 / 4) +
                          above * (block_bytes(shape.room_above * 3 / 4) + block_bytes(2));
    memory->codes_bytes = chunks.count * graph_codes_bytes(&shape, chunks.shift);
}

enum akin_status akin_estimate(const struct akin_options *options, uint64_t entries,
                               uint64_t payload_bytes_mean, struct akin_memory *memory,
                               struct akin_error *error)
{
    enum akin_status status = check_shape(options, error);
    if (status != AKIN_OK) {
        return status;
    }
    if (memory == NULL) {
        return error_field(error, AKIN_BAD_ARGUMENT, "memory", "is NULL");
    }
    if (options->dim < 1 || options->dim > AKIN_DIM_MAX) {
        return error_range(error, AKIN_BAD_DIM, "dim", options->dim, 1, AKIN_DIM_MAX);
    }
    if (options->threads < 1 || options->threads > AKIN_THREADS_MAX) {
        return error_range(error, AKIN_BAD_THREADS, "threads", options->threads, 1,
                           AKIN_THREADS_MAX);
    }
    if (payload_bytes_mean > AKIN_PAYLOAD_BYTES_MAX) {
        return error_range(error, AKIN_PAYLOAD_TOO_LARGE, "payload_bytes_mean",
                           (double)payload_bytes_mean, 0, AKIN_PAYLOAD_BYTES_MAX);
    }
    if (entries > entries_max(options)) {
        return error_range(error, AKIN_INDEX_FULL, "entries", (double)entries, 0,
                           (double)entries_max(options));
    }
    struct akin_memory result = {0};
    estimate_store(options, entries, &result);
    if (options->kind == AKIN_HNSW) {
        estimate_graph(options, entries, &result);
    }
    if (payload_bytes_mean > 0) {
        const uint64_t bytes = entries * payload_block_bytes(payload_bytes_mean);
        const uint64_t chunks = (bytes + PAYLOAD_CHUNK_BYTES - 1) / PAYLOAD_CHUNK_BYTES;
        result.payload_bytes = chunks * (PAYLOAD_CHUNK_BYTES + sizeof(struct payload_chunk));
    }
    result.contexts_bytes = (entries > 0 ? options->threads : 0) *
                            size_align(sizeof(struct akin_context), CACHE_PAIR_BYTES);
    result.other_bytes = size_align(sizeof(struct akin_index), CACHE_PAIR_BYTES) +
                         size_align(options->threads * sizeof(struct atomic_ptr), CACHE_LINE_BYTES);
    result.total_bytes = result.rows_bytes + result.slots_bytes + result.links_bytes +
                         result.codes_bytes + result.map_bytes + result.payload_bytes +
                         result.commits_bytes + result.contexts_bytes + result.other_bytes;
    *memory = result;
    return AKIN_OK;
}
