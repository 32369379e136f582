/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linking and committing many entries at once, by a team of threads.
 *
 * Level   : update (5).
 * Promises: what comes out depends on the entries, their order and the graph before, not on how
 *           many threads there are, when nobody else writes. Beside others it is as safe as so many
 *           inserts. Each list of neighbors that gets new ones is replaced once, but for anchors
 *           that find no room.
 * Protocol: docs/graph.md section 6.
 * Source  : batches of growing size against the graph as it is, edges back grouped by their target:
 *           Manohar et al., "ParlayANN: scalable and deterministic parallel graph-based approximate
 *           nearest neighbor search algorithms", 2024. Neighbors within the batch are added here.
 */
#ifndef AKIN_UPDATE_BULK_H
#define AKIN_UPDATE_BULK_H

#include <stdint.h>

#include "akin/status.h"
#include "base/attributes.h"
#include "sync/team.h"
#include "update/linking.h"
#include "update/write.h"

/* Inserts of others that a batch remembers. */
#define BULK_OTHERS_MAX (8u * GRAPH_RING_CELLS)

struct bulk_entry {
    struct write_draft draft;
    struct linking linking;
    uint32_t level;
    uint32_t anchor_at; /* the slot that is to anchor it; EDGES_ROOT: none found yet */
    enum akin_status status;
    bool is_committed;
};

/* Inserts of others that were met in the ring. */
struct bulk_others {
    uint64_t ring_from;
    bool is_incomplete; /* there were more */
    uint32_t count;
    uint32_t slots[BULK_OTHERS_MAX];
};

struct bulk {
    struct store *store;
    struct graph *graph;
    const struct metric *metric;
    struct team *team;
    struct trail *trails; /* of each member of the team */
    uint32_t capacity;    /* entries of a batch */
    uint32_t count;       /* entries of this batch */
    struct bulk_entry *entries;
    struct bulk_others others;
    /* Edges back: level, target, place of the source, in one word, sorted. Groups of equal level
       and target begin at `groups`. */
    uint64_t *edges;
    uint32_t *groups;
    uint32_t edge_capacity;
    uint32_t edge_count;
    uint32_t group_count;
    struct atomic_u32 failed; /* 1: a member found no memory; relaxed, read after the team met */
};

/*
 * Make room for batches of `capacity` entries.
 *
 * Input  : store, graph, metric, team, trails are set, the rest zero.
 * Status : AKIN_OK; AKIN_NO_MEMORY; AKIN_OVER_BUDGET; after failure everything is given back.
 * Threads: OWNER.
 */
MUST_CHECK enum akin_status bulk_init(struct bulk *bulk, uint32_t capacity);
void bulk_end(struct bulk *bulk);

/*
 * Write a batch: link all, then commit one after the other in order.
 *
 * Input  : count <= capacity. reader: of the calling thread, outside of a section.
 * Output : committed: so many of the first were committed.
 * Status : AKIN_OK; as write_entry, for the first that was not committed: none after it was.
 * Threads: OWNER, and its team; the calling thread stays in one read section throughout.
 */
MUST_CHECK enum akin_status bulk_write(struct bulk *bulk, struct reader *reader,
                                       const struct write_request *requests, uint32_t count,
                                       uint32_t *committed);

/* The edges back of a batch: note and sort them, and add a group of them. For bulk.c. */
MUST_CHECK enum akin_status bulk_collect_edges(struct bulk *bulk);
void bulk_add_group(void *bulk, uint32_t member, uint32_t group);

#endif
