/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bounds of kernel/base/limits.h in schedule builds, as small as the protocols allow. What each
 * means is said there.
 *
 * Included before anything else in these builds, it takes the place of that header, whose guard it
 * defines. Two reasons. An index of a few kilobytes is set back for each of many ten thousand
 * schedules a second; and rings, chunks, pools and batches come to their ends within the few calls
 * that a schedule has, so that growth and overflow are explored with everything else.
 */
#ifndef AKIN_VERIFY_SCHEDULE_MODEL_LIMITS_SMALL_H
#define AKIN_VERIFY_SCHEDULE_MODEL_LIMITS_SMALL_H
#define AKIN_BASE_LIMITS_H

#include "akin/types.h"

#define SLOT_CHUNK_ROWS_GOAL   16u
#define SLOT_CHUNK_SLOTS_MIN   16u
#define SLOT_CHUNK_SLOTS_MAX   16u
#define SLOT_DIRECTORY_TOP     2u
#define SLOT_DIRECTORY_LEAF    4u
#define SLOT_COUNT_MAX         0xfffffff0u
#define ROW_ALIGNMENT_BYTES    16u
#define SLOT_FREE_RING_ENTRIES 4u
#define SLOT_SEARCH_MAX        4u
#define SLOT_REFILL_LOOKS      65536u

#define PAYLOAD_CHUNK_BYTES      512u
#define PAYLOAD_SHARED_BYTES_MAX (PAYLOAD_CHUNK_BYTES / 2u)
#define PAYLOAD_ALIGNMENT_BYTES  8u
#define PAYLOAD_SPARSE_DIVISOR   4u

#define KEY_BUCKETS_MIN    8u
#define KEY_BUCKETS_MAX    16u
#define KEY_BUCKET_BYTES   16u
#define KEY_SHRINK_DIVISOR 8u

#define POOL_CHUNK_OBJECTS 4u

#define GRAPH_BLOCK_LINES_MAX       2u
#define GRAPH_BLOCK_CHUNK_BYTES_MAX 512u
#define GRAPH_LEVELS_MAX            2u
#define GRAPH_M_MIN                 2u
#define GRAPH_M_MAX                 8u
#define GRAPH_M_DEFAULT             2u
#define GRAPH_EF_MAX                AKIN_K_MAX
#define GRAPH_EF_CONSTRUCTION       4u
#define GRAPH_EF_SEARCH             4u
#define GRAPH_RING_CELLS            2u
#define GRAPH_BATCH_MAX             4u
#define GRAPH_BATCH_DEFAULT         2u
#define GRAPH_SCAN_FACTOR           0u
#define GRAPH_SWEEP_SLOTS           8192u
#define GRAPH_DEAD_FRACTION         0.0625f

#define RETIRED_BYTES_MAX_DEFAULT (256ull * 1024 * 1024)
#define RETIRED_BYTES_MAX_LEAST   (1024ull * 1024)
#define MAINTAIN_BATCH_SLOTS      4u
#define MAINTAIN_BATCH_SLOTS_MAX  8u
#define READER_PATIENCE_NS        100000000ull
#define MAINTAIN_SLICE_NS         1000000ull

#define SCAN_SECTION_BYTES (8u * 1024u * 1024u)
#define SCAN_GROUP_ROWS    64u
#define SCAN_GROUP_BYTES   (256u * 1024u)
#define SCAN_GROUP_QUERIES 2u

#define THREADS_DEFAULT 8u
#define SEED_DEFAULT    0x414b494eull
#define GRAPH_ALPHA_MAX 2.0f

#endif
