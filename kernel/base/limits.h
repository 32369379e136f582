/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every bound and size of the kernel that is not an option, with what it depends on.
 *
 * Level: base (0).
 */
#ifndef AKIN_BASE_LIMITS_H
#define AKIN_BASE_LIMITS_H

#include <stdint.h>

#include "akin/types.h"

/* Slots. A chunk is the smallest power of two of slots whose rows reach SLOT_CHUNK_ROWS_GOAL bytes,
   within the two bounds, and no more than the capacity hint asks for. The directory has two levels,
   so that an empty index pays for the upper one only. */
#define SLOT_CHUNK_ROWS_GOAL   (4u * 1024u * 1024u)
#define SLOT_CHUNK_SLOTS_MIN   16u
#define SLOT_CHUNK_SLOTS_MAX   16384u
#define SLOT_DIRECTORY_TOP     1024u
#define SLOT_DIRECTORY_LEAF    4096u
#define SLOT_COUNT_MAX         0xfffffff0u /* the slot numbers above are marks: see store/slots.h */
#define ROW_ALIGNMENT_BYTES    16u
#define SLOT_FREE_RING_ENTRIES 4096u

/* With no hint left, a claim looks at so many slots itself before it takes a fresh one: enough to
   find one of them free as long as more than about one in a thousand is. */
#define SLOT_SEARCH_MAX 1024u
/* Slots that one refill of the hints looks at. */
#define SLOT_REFILL_LOOKS 65536u

/* Payload arena. A payload larger than PAYLOAD_SHARED_BYTES_MAX gets a chunk of its own. */
#define PAYLOAD_CHUNK_BYTES      (1024u * 1024u)
#define PAYLOAD_SHARED_BYTES_MAX (PAYLOAD_CHUNK_BYTES / 8u)
#define PAYLOAD_ALIGNMENT_BYTES  8u
/* Closed chunks with fewer live bytes than one part in this many are emptied by copying. */
#define PAYLOAD_SPARSE_DIVISOR 4u

/* Key table. */
#define KEY_BUCKETS_MIN 1024u
#define KEY_BUCKETS_MAX (1u << 30)
/* A table shrinks when one part in so many of its buckets would do. */
#define KEY_SHRINK_DIVISOR 8u
#define KEY_BUCKET_BYTES   16u /* one cds_lfht node a bucket; asserted in store/key_map.c */

/* Pools of commit records and key records. */
#define POOL_CHUNK_OBJECTS 256u

/* Graph. A block of neighbors takes whole cache lines, up to so many of them; blocks of a size lie
   in chunks that grow up to so many bytes. */
#define GRAPH_BLOCK_LINES_MAX       14u
#define GRAPH_BLOCK_CHUNK_BYTES_MAX (2u * 1024u * 1024u)
#define GRAPH_LEVELS_MAX            12u /* above the lowest */
#define GRAPH_M_MIN                 2u
#define GRAPH_M_MAX                 64u
#define GRAPH_M_DEFAULT             16u
#define GRAPH_EF_MAX                AKIN_K_MAX
#define GRAPH_EF_CONSTRUCTION       200u
#define GRAPH_EF_SEARCH             64u
/* Inserts that run at the same time find each other by a ring of so many cells. */
#define GRAPH_RING_CELLS 64u
/* Entries of a batch of a bulk build, at most; and if nobody says how many. */
#define GRAPH_BATCH_MAX     1024u
#define GRAPH_BATCH_DEFAULT 512u
/* A search scans instead when so many times its beam are all slots. */
#define GRAPH_SCAN_FACTOR 4u
/* Slots for which a write that memory is short for lets maintenance go on at a time. */
#define GRAPH_SWEEP_SLOTS 8192u
/* They are taken out when they are such a part of all slots, unless the options say otherwise. */
#define GRAPH_DEAD_FRACTION 0.0625f

/* Maintenance. */
#define RETIRED_BYTES_MAX_DEFAULT (256ull * 1024 * 1024)
#define RETIRED_BYTES_MAX_LEAST   (1024ull * 1024)
/* Dead slots taken through one pair of grace periods: the list starts small and doubles when it was
   full, because with many threads on few cores a grace period takes some time slices. */
#define MAINTAIN_BATCH_SLOTS     4096u
#define MAINTAIN_BATCH_SLOTS_MAX 262144u
/* A reader that has been inside for so long is not waited for by an inline maintainer. Searches
   pause far more often than that; what stays is a filter callback, or a thread that is not
   scheduled. */
#define READER_PATIENCE_NS 100000000ull
/* How long a write maintains in one go, unless the options say otherwise. */
#define MAINTAIN_SLICE_NS 1000000ull

/* A flat scan leaves and re-enters its read section after so many bytes of rows. */
#define SCAN_SECTION_BYTES (8u * 1024u * 1024u)
/* Rows compared per kernel call: long calls let the kernels prefetch across rows. Several queries
   share a group, so then it must fit the second-level cache, but for rows that are larger than
   that. */
#define SCAN_GROUP_ROWS  1024u
#define SCAN_GROUP_BYTES (256u * 1024u)
/* Queries of a batch that share one pass over the rows. */
#define SCAN_GROUP_QUERIES 16u

/* Options. */
#define THREADS_DEFAULT 64u
#define SEED_DEFAULT    0x414b494eull
#define GRAPH_ALPHA_MAX 2.0f

_Static_assert((SLOT_CHUNK_SLOTS_MIN & (SLOT_CHUNK_SLOTS_MIN - 1)) == 0, "a power of two");
_Static_assert((SLOT_CHUNK_SLOTS_MAX & (SLOT_CHUNK_SLOTS_MAX - 1)) == 0, "a power of two");
_Static_assert((uint64_t)SLOT_DIRECTORY_TOP *SLOT_DIRECTORY_LEAF * 1024u >= SLOT_COUNT_MAX,
               "rows of up to 4 KiB can use every slot number");
_Static_assert((SLOT_FREE_RING_ENTRIES & (SLOT_FREE_RING_ENTRIES - 1)) == 0, "a power of two");
_Static_assert(SLOT_CHUNK_SLOTS_MIN % 16 == 0, "groups of 16 rows never straddle chunks");
_Static_assert(SCAN_GROUP_ROWS % 64 == 0, "whole words of visible bits");

#endif
