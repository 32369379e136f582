/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tests of the graph's inside start from.
 */
#include "support/graph_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "sync/rcu.h"

int graph_setup(void **state)
{
    struct graph_fixture *const fixture =
        aligned_alloc(_Alignof(struct graph_fixture), sizeof(struct graph_fixture));
    assert_non_null(fixture);
    while (rcu_is_inside()) {
        rcu_leave(); /* a test that failed in a section left it so */
    }
    memset(fixture, 0, sizeof *fixture);
    *state = fixture;
    return 0;
}

int graph_teardown(void **state)
{
    struct graph_fixture *const fixture = *state;
    if (fixture->is_open) {
        graph_finish(fixture);
    }
    free(fixture);
    return 0;
}

static void *allocate(void *context, size_t bytes, size_t alignment)
{
    struct graph_fixture *const fixture = context;
    void (*const act)(void *context) = fixture->act;
    if (act != NULL) {
        fixture->act = NULL; /* what it allocates itself is not interrupted */
        act(fixture->act_context);
    }
    return fixture->hooks.allocate(fixture->hooks.context, bytes, alignment);
}

static void release(void *context, void *pointer, size_t bytes, size_t alignment)
{
    const struct graph_fixture *const fixture = context;
    fixture->hooks.release(fixture->hooks.context, pointer, bytes, alignment);
}

void graph_begin(struct graph_fixture *fixture, const struct graph_plan *plan)
{
    struct akin_options options;
    akin_options_init(&options);
    options.m = plan->m;
    options.ef_construction = plan->ef_construction;
    options.alpha = plan->alpha;
    options.metric = plan->metric;
    options.dim = plan->dim;
    options.codes = plan->codes != AKIN_CODES_DEFAULT ? plan->codes : AKIN_CODES_NONE;
    options.seed = 7;
    const struct graph_shape shape = graph_shape_of(&options);
    assert_true(plan->dim <= GRAPH_DIM_MAX && !fixture->is_open);
    memset(fixture, 0, sizeof *fixture);
    tracking_init(&fixture->tracking);
    fixture->memory = account_of(&fixture->tracking, 0);
    fixture->hooks = fixture->memory.hooks;
    fixture->memory.hooks =
        (struct akin_allocator){.allocate = allocate, .release = release, .context = fixture};
    fixture->metric = metric_make(plan->metric, AKIN_F32, plan->dim, simd_table_at(0));
    fixture->dim = plan->dim;
    assert_status(AKIN_OK, slots_init(&fixture->slots, &fixture->memory,
                                      plan->dim * (uint32_t)sizeof(float), GRAPH_ROWS_MAX));
    graph_init(&fixture->graph, &shape, fixture->metric.code_dot, &fixture->slots);
    fixture->is_open = true;
}

void graph_finish(struct graph_fixture *fixture)
{
    tracking_fail_stop(&fixture->tracking);
    trail_end(&fixture->trail, &fixture->memory);
    graph_end(&fixture->graph);
    slots_end(&fixture->slots);
    hoard_end(&fixture->hoard);
    fixture->is_open = false;
    assert_int_equal(atomic_u64_load_relaxed(&fixture->memory.total), 0);
    tracking_end(&fixture->tracking);
}

static struct slot_chunk *chunk_of(const struct graph_fixture *fixture, uint32_t slot,
                                   uint32_t *offset)
{
    *offset = slot & fixture->slots.chunk_mask;
    return slot_chunk_of(&fixture->slots, slot);
}

uint32_t graph_row(struct graph_fixture *fixture, uint64_t key, const float *row)
{
    uint32_t slot = SLOT_NONE;
    uint32_t offset = 0;
    rcu_enter();
    assert_status(AKIN_OK, slot_claim(&fixture->slots, &slot));
    assert_true(slot < GRAPH_ROWS_MAX);
    struct slot_chunk *const chunk = chunk_of(fixture, slot, &offset);
    memcpy(slot_row(&fixture->slots, chunk, offset), row, fixture->dim * sizeof row[0]);
    memcpy(fixture->rows[slot], row, fixture->dim * sizeof row[0]);
    chunk->norm[offset] = metric_row_norm(&fixture->metric, row);
    chunk->key[offset] = key;
    assert_status(AKIN_OK, graph_prepare(&fixture->graph, slot));
    rcu_leave();
    return slot;
}

enum slot_state graph_state(const struct graph_fixture *fixture, uint32_t slot)
{
    return edges_state(&fixture->graph, slot);
}

void graph_advance(struct graph_fixture *fixture, uint32_t slot, enum slot_state from,
                   enum slot_state to)
{
    uint32_t offset = 0;
    struct slot_chunk *const chunk = chunk_of(fixture, slot, &offset);
    assert_true(slot_advance(chunk, offset, from, to));
}

void graph_linked(struct graph_fixture *fixture, uint32_t slot)
{
    slot_link(&fixture->slots, slot);
    assert_int_equal(graph_state(fixture, slot), SLOT_LINKED);
}

void graph_anchored(struct graph_fixture *fixture, uint32_t slot)
{
    graph_linked(fixture, slot);
    graph_advance(fixture, slot, SLOT_LINKED, SLOT_ANCHORED);
    graph_born(fixture, slot);
}

void graph_born(struct graph_fixture *fixture, uint32_t slot)
{
    uint32_t offset = 0;
    struct slot_chunk *const chunk = chunk_of(fixture, slot, &offset);
    atomic_u64_store_relaxed(&chunk->born[offset], ++fixture->stamp);
}

void graph_died(struct graph_fixture *fixture, uint32_t slot)
{
    uint32_t offset = 0;
    struct slot_chunk *const chunk = chunk_of(fixture, slot, &offset);
    atomic_u64_store_relaxed(&chunk->died[offset], ++fixture->stamp);
}

void graph_put_tower(struct graph_fixture *fixture, uint32_t slot, uint32_t level)
{
    struct tower *tower = NULL;
    rcu_enter();
    assert_status(AKIN_OK, tower_take(&fixture->graph, level, &tower));
    atomic_ptr_store_release(
        &graph_chunk_of(&fixture->graph, slot)->towers[slot & fixture->slots.chunk_mask], tower);
    rcu_leave();
}

static struct atomic_ptr *handle_of(struct graph_fixture *fixture, uint32_t slot, uint32_t level)
{
    return slot == EDGES_ROOT ? &fixture->graph.root : graph_handle(&fixture->graph, slot, level);
}

void graph_put_list(struct graph_fixture *fixture, uint32_t slot, uint32_t level,
                    const uint32_t *ids, uint32_t count)
{
    struct atomic_ptr *const handle = handle_of(fixture, slot, level);
    struct block *block = NULL;
    assert_non_null(handle);
    rcu_enter();
    assert_status(AKIN_OK, block_take(&fixture->graph.blocks, count, &block));
    for (uint32_t i = 0; i < count; i++) {
        block->ids[i] = ids[i];
    }
    struct block *const old = block_acquire(handle);
    atomic_ptr_store_release(handle, block);
    block_retire(&fixture->graph.blocks, old);
    rcu_leave();
}

const struct block *graph_list(const struct graph_fixture *fixture, uint32_t slot, uint32_t level)
{
    const struct atomic_ptr *const handle =
        slot == EDGES_ROOT ? &fixture->graph.root : graph_handle(&fixture->graph, slot, level);
    return handle != NULL ? block_acquire(handle) : NULL;
}

uint32_t graph_height(const struct graph_fixture *fixture, uint32_t slot)
{
    const struct tower *const tower = graph_tower(&fixture->graph, slot);
    return tower != NULL ? tower->level : 0;
}

uint32_t graph_id_of(const struct block *block, uint32_t slot)
{
    for (uint32_t i = 0; block != NULL && i < block->count; i++) {
        if (block_slot(block->ids[i]) == slot) {
            return block->ids[i];
        }
    }
    return GRAPH_NO_ID;
}

enum akin_status graph_link(struct graph_fixture *fixture, uint32_t slot, uint64_t key,
                            bool is_committed)
{
    const struct linker linker = {
        .graph = &fixture->graph, .metric = &fixture->metric, .trail = &fixture->trail};
    rcu_enter();
    const enum akin_status status = link_slot(&linker, slot, key);
    rcu_leave();
    if (status == AKIN_OK && is_committed) {
        graph_born(fixture, slot);
    }
    return status;
}

struct graph_census graph_sound(const struct graph_fixture *fixture)
{
    struct graph_fault fault;
    struct graph_census census;
    rcu_enter();
    const enum akin_status status = graph_check(&fixture->graph, &fault, &census);
    rcu_leave();
    assert_int_equal(status, AKIN_OK);
    if (fault.invariant != NULL) {
        fail_msg("%s, slot %u: %s", fault.invariant, fault.slot, fault.message);
    }
    return census;
}

static void recycle(struct blocks *blocks)
{
    struct blocks_dead dead;
    blocks_collect(blocks, &dead);
    rcu_wait();
    (void)blocks_recycle(blocks, &dead);
}

/* Ids of a block that takes so many cache lines. */
static uint32_t ids_of(uint32_t lines)
{
    return (uint32_t)((lines * CACHE_LINE_BYTES - offsetof(struct block, ids)) / sizeof(uint32_t));
}

/* Take a block of `size` + 1 lines into the hoard; whether there was one. */
static bool hoard_one(struct blocks *blocks, struct hoard *hoard, uint32_t size)
{
    const uint32_t count = hoard->sizes[size].count;
    struct block *block = NULL;
    rcu_enter();
    const enum akin_status status = block_take(blocks, ids_of(size + 1), &block);
    rcu_leave();
    if (status != AKIN_OK) {
        return false;
    }
    if (count == hoard->sizes[size].capacity) {
        hoard->sizes[size].capacity = 2 * count + 64;
        hoard->sizes[size].blocks =
            realloc(hoard->sizes[size].blocks, (2 * count + 64) * sizeof(struct block *));
        assert_non_null(hoard->sizes[size].blocks);
    }
    hoard->sizes[size].blocks[hoard->sizes[size].count++] = block;
    return true;
}

void blocks_allow(struct blocks *blocks, struct tracking_allocator *tracking, struct hoard *hoard,
                  const uint32_t *left)
{
    tracking_fail_stop(tracking);
    recycle(blocks);
    for (uint32_t size = 0; size < GRAPH_BLOCK_LINES_MAX; size++) {
        while (hoard->sizes[size].count < left[size]) {
            assert_true(hoard_one(blocks, hoard, size));
        }
    }
    tracking_fail(tracking, 0, UINT64_MAX);
    for (uint32_t size = 0; size < GRAPH_BLOCK_LINES_MAX; size++) {
        while (hoard_one(blocks, hoard, size)) {
        }
        rcu_enter();
        for (uint32_t i = 0; i < left[size]; i++) {
            block_retire(blocks, hoard->sizes[size].blocks[--hoard->sizes[size].count]);
        }
        rcu_leave();
    }
    recycle(blocks);
}

void hoard_end(struct hoard *hoard)
{
    for (uint32_t size = 0; size < GRAPH_BLOCK_LINES_MAX; size++) {
        free(hoard->sizes[size].blocks);
    }
    *hoard = (struct hoard){0};
}

void graph_allow(struct graph_fixture *fixture, uint32_t size, uint32_t left, uint32_t others)
{
    uint32_t each[GRAPH_BLOCK_LINES_MAX];
    for (uint32_t i = 0; i < GRAPH_BLOCK_LINES_MAX; i++) {
        each[i] = i == size || size == ALL_SIZES ? left : others;
    }
    blocks_allow(&fixture->graph.blocks, &fixture->tracking, &fixture->hoard, each);
}

void graph_allow_all(struct graph_fixture *fixture)
{
    tracking_fail_stop(&fixture->tracking);
}

void graph_interrupt(struct graph_fixture *fixture, void (*act)(void *context), void *context)
{
    graph_allow(fixture, ALL_SIZES, 0, 0);
    graph_allow_all(fixture);
    fixture->act_context = context;
    fixture->act = act;
}

float graph_distance(const struct graph_fixture *fixture, uint32_t a, uint32_t b)
{
    float sum = 0;
    for (uint32_t i = 0; i < fixture->dim; i++) {
        const float difference = fixture->rows[a][i] - fixture->rows[b][i];
        sum += fixture->metric.kind == AKIN_L2 ? difference * difference
                                               : -fixture->rows[a][i] * fixture->rows[b][i];
    }
    return sum;
}

/* Whether the rule looks at a before it looks at b. */
static bool comes_before(const struct graph_fixture *fixture, uint32_t node,
                         const struct rule_candidate *a, const struct rule_candidate *b)
{
    const float far_a = graph_distance(fixture, node, block_slot(a->id));
    const float far_b = graph_distance(fixture, node, block_slot(b->id));
    if (a->is_kept != b->is_kept) {
        return a->is_kept;
    }
    return far_a < far_b || (far_a == far_b && block_slot(a->id) < block_slot(b->id));
}

uint32_t rule_choose(const struct graph_fixture *fixture, uint32_t node,
                     const struct rule_candidate *candidates, uint32_t count, uint32_t wanted,
                     uint32_t *ids)
{
    const float factor = fixture->graph.shape.alpha * fixture->graph.shape.alpha;
    bool was_seen[GRAPH_ROWS_MAX] = {false};
    uint32_t chosen = 0;
    for (uint32_t round = 0; round < count; round++) {
        uint32_t next = count;
        for (uint32_t i = 0; i < count; i++) { /* the first of those that were not seen */
            if (!was_seen[i] &&
                (next == count || comes_before(fixture, node, &candidates[i], &candidates[next]))) {
                next = i;
            }
        }
        const uint32_t slot = block_slot(candidates[next].id);
        bool takes = chosen < wanted;
        was_seen[next] = true;
        for (uint32_t j = 0; j < chosen; j++) {
            const float between = graph_distance(fixture, slot, block_slot(ids[j]));
            takes = takes && between > 0 && between * factor >= graph_distance(fixture, node, slot);
        }
        if (takes || candidates[next].is_kept) {
            ids[chosen++] = candidates[next].id;
        }
    }
    return chosen;
}
