/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sizes of the schedule explorer.
 */
#ifndef AKIN_VERIFY_SCHEDULE_SCHEDULE_SIZES_H
#define AKIN_VERIFY_SCHEDULE_SCHEDULE_SIZES_H

/* Fibers of a program, their stacks, their calls; keys of a program; text of one list of calls. */
#define EXPLORE_FIBERS_MAX  6u
#define EXPLORE_STACK_BYTES (128u * 1024u)
#define EXPLORE_CALLS_MAX   16u
#define EXPLORE_KEYS_MAX    8u
#define EXPLORE_TEXT_BYTES  256u

/* A run that takes more steps, or switches more often, is taken for one that does not end; so are
   the checks after it. */
#define EXPLORE_STEPS_MAX       20000u
#define EXPLORE_SWITCHES_MAX    4096u
#define EXPLORE_CHECK_STEPS_MAX 200000u

/* Memory of a program, places for contexts of its index (fibers must not share one), and pieces of
   memory elsewhere that belong to it or are ignored. */
#define EXPLORE_ARENA_BYTES (1024u * 1024u)
#define EXPLORE_PLACES      64u
#define EXPLORE_PIECES_MAX  16u

/* Addresses that a program uses, objects that are retired at once: what does not fit stops the
   explorer, not silently. The first is a power of two. */
#define EXPLORE_ADDRESSES 8192u
#define EXPLORE_LIVES_MAX 1024u

/* States and histories that are remembered, powers of two: what does not fit costs time only. */
#define EXPLORE_VISITS          (1u << 20)
#define EXPLORE_KNOWN_HISTORIES (1u << 14)

/* Points of change of a PCT schedule. */
#define EXPLORE_DEPTH_MAX 8u

/* What a search for a smaller program that fails may take. */
#define EXPLORE_SHRINK_SCHEDULES_MAX 200000u
#define EXPLORE_SHRINK_SECONDS_MAX   5.0

#endif
