/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tests of the graph's inside start from: slots and a graph without an index, short ways to
 * place rows, lists and states by hand, a memory of blocks that ends where the test wants, and the
 * rule of choosing neighbors once more.
 *
 * One thread. Rows are 32-bit floats; those of tests are whole numbers, whose distances are exact.
 */
#ifndef AKIN_VERIFY_UNIT_SUPPORT_GRAPH_FIXTURE_H
#define AKIN_VERIFY_UNIT_SUPPORT_GRAPH_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "graph/graph.h"
#include "graph/graph_check.h"
#include "search/edges.h"
#include "search/metric.h"
#include "search/rank.h"
#include "search/trail.h"
#include "support/store_fixture.h"
#include "update/link.h"

enum { GRAPH_DIM_MAX = 32, GRAPH_ROWS_MAX = 1024, ALL_SIZES = GRAPH_BLOCK_LINES_MAX };

/* What a graph is made with. */
struct graph_plan {
    enum akin_metric metric;
    uint32_t dim;
    uint32_t m;
    uint32_t ef_construction;
    float alpha;
    enum akin_codes codes; /* default: none, so that a walk goes by exact distances */
};

/* Blocks that are kept back, by size. */
struct hoard {
    struct {
        struct block **blocks;
        uint32_t count;
        uint32_t capacity;
    } sizes[GRAPH_BLOCK_LINES_MAX];
};

struct graph_fixture {
    struct tracking_allocator tracking;
    struct memory memory;
    struct slots slots;
    struct graph graph;
    struct metric metric;
    struct trail trail;
    uint64_t stamp; /* of the last commit, as it were */
    bool is_open;
    uint32_t dim;
    float rows[GRAPH_ROWS_MAX][GRAPH_DIM_MAX]; /* of slots */
    struct hoard hoard;
    struct akin_allocator hooks; /* of the tracker */
    void (*act)(void *context);  /* at the next allocation, once */
    void *act_context;
};

/* For cmocka: `*state` is a fixture; what is open at the end is closed. */
int graph_setup(void **state);
int graph_teardown(void **state);

#define GRAPH_TEST(test) cmocka_unit_test_setup_teardown(test, graph_setup, graph_teardown)

/* An empty graph, and its end, at which every byte has to be back. */
void graph_begin(struct graph_fixture *fixture, const struct graph_plan *plan);
void graph_finish(struct graph_fixture *fixture);

/* A slot with a row: PENDING, with a chunk of handles and no list. */
uint32_t graph_row(struct graph_fixture *fixture, uint64_t key, const float *row);

/* Make a PENDING slot LINKED, or ANCHORED and committed, with no edges but those of the test. */
void graph_linked(struct graph_fixture *fixture, uint32_t slot);
void graph_anchored(struct graph_fixture *fixture, uint32_t slot);

/* Move a slot to another state; it has to be in the first. */
void graph_advance(struct graph_fixture *fixture, uint32_t slot, enum slot_state from,
                   enum slot_state to);
enum slot_state graph_state(const struct graph_fixture *fixture, uint32_t slot);

/* Stamp a slot as committed, or as dead. */
void graph_born(struct graph_fixture *fixture, uint32_t slot);
void graph_died(struct graph_fixture *fixture, uint32_t slot);

/* Give a slot a tower without lists; put a list in place, and retire the one that was there. A
   slot of EDGES_ROOT is the root. */
void graph_put_tower(struct graph_fixture *fixture, uint32_t slot, uint32_t level);
void graph_put_list(struct graph_fixture *fixture, uint32_t slot, uint32_t level,
                    const uint32_t *ids, uint32_t count);

/* The list of a slot at a level; NULL when there is none. */
const struct block *graph_list(const struct graph_fixture *fixture, uint32_t slot, uint32_t level);

/* The levels above the lowest that a slot has. */
uint32_t graph_height(const struct graph_fixture *fixture, uint32_t slot);

/* The id of a list that leads to a slot; 0xffffffff when none does. */
#define GRAPH_NO_ID 0xffffffffu
uint32_t graph_id_of(const struct block *block, uint32_t slot);

/* Link a slot with a key by link_slot, in a section of its own; born afterwards when that went
   well and `is_committed`. */
enum akin_status graph_link(struct graph_fixture *fixture, uint32_t slot, uint64_t key,
                            bool is_committed);

/* Every invariant of a graph holds; what it consists of. */
struct graph_census graph_sound(const struct graph_fixture *fixture);

/*
 * From here on there are `left` blocks of `size` + 1 cache lines and `others` of every other size,
 * and no other memory. With ALL_SIZES there are `left` of each.
 */
void graph_allow(struct graph_fixture *fixture, uint32_t size, uint32_t left, uint32_t others);

/* The same for the blocks and the allocator of anybody; give the hoard's own memory back. */
void blocks_allow(struct blocks *blocks, struct tracking_allocator *tracking, struct hoard *hoard,
                  const uint32_t *left);
void hoard_end(struct hoard *hoard);

/* There is memory again. */
void graph_allow_all(struct graph_fixture *fixture);

/*
 * Let something happen in the middle of a call: `act` runs once, when the next block is taken, as
 * if another thread had come in between. It may do what the caller's section allows, but for using
 * the fixture's trail.
 */
void graph_interrupt(struct graph_fixture *fixture, void (*act)(void *context), void *context);

/* The distance of two slots, added up here. */
float graph_distance(const struct graph_fixture *fixture, uint32_t a, uint32_t b);

/* A neighbor to be, as the rule sees it. */
struct rule_candidate {
    uint32_t id;
    bool is_kept;
};

/*
 * The rule of choosing, once more: kept ones, then the nearest that are nearer to the node than to
 * each that was chosen, by alpha. Ids in order; how many. L2 only.
 */
uint32_t rule_choose(const struct graph_fixture *fixture, uint32_t node,
                     const struct rule_candidate *candidates, uint32_t count, uint32_t wanted,
                     uint32_t *ids);

#endif
