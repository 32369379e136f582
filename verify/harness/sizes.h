/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every bound, count and size of the verification rooms, in one place.
 *
 * Promises: what a checker cannot go beyond stands here with the reason, and whoever reaches one of
 *           these bounds is told which; nothing is cut off in silence.
 */
#ifndef AKIN_VERIFY_HARNESS_SIZES_H
#define AKIN_VERIFY_HARNESS_SIZES_H

/* linearize_whole: operations of one history, one bit of a word each. */
#define LINEARIZE_WHOLE_OPS_MAX 64u
/* linearize_whole: distinct keys, one byte of a word each. */
#define LINEARIZE_WHOLE_KEYS_MAX 8u
/* linearize_whole: clears of one history, one byte of a word each. */
#define LINEARIZE_WHOLE_CLEARS_MAX 8u
/* linearize_whole: states visited before the answer is UNKNOWN. Some seconds. */
#define LINEARIZE_WHOLE_STEPS_MAX (1u << 22)

/* linearize_by_key: calls on one key that never returned, one bit of a word each. */
#define LINEARIZE_PENDING_MAX 64u
/* linearize_by_key: clears under way at the same time, one bit of a word each. */
#define LINEARIZE_CLEARS_MAX 64u
/* linearize_by_key: states visited for one key, when the caller sets no limit. */
#define LINEARIZE_STEPS_MAX (1ull << 26)
/* linearize_by_key: time for the whole history, when the caller sets no limit. */
#define LINEARIZE_NS_MAX 60000000000ull
/* linearize_by_key: bytes of the memo of one key, when the caller sets no limit. */
#define LINEARIZE_MEMORY_BYTES_MAX (1ull << 30)
/* Steps between two looks at the clock. */
#define LINEARIZE_STEPS_PER_LOOK 4096u
/* Words and slots that a memo begins with; it doubles from there. */
#define LINEARIZE_MEMO_WORDS_FIRST 1024u
#define LINEARIZE_MEMO_SLOTS_FIRST 256u
/* linearize_report_print: steps and operations shown; what is left out is counted in the text. */
#define LINEARIZE_STEPS_SHOWN 24u

/* What threads write to alone is apart by so many bytes. */
#define HARNESS_LINE_BYTES 64u
/* Calls, or results, in each chunk of a log beyond the room that was asked for. */
#define HISTORY_CHUNK_OPS 4096u

/* history_mix: the largest k of its searches. */
#define MIX_K_MAX 16u
/* akin-history record: threads, and searches among the calls. */
#define HISTORY_TOOL_THREADS_MAX   64u
#define HISTORY_TOOL_SEARCH_ONE_OF 500u

/* history_shrink: states of a key that are told apart; with more it keeps the calls as they are. */
#define SHRINK_STATES_MAX 16u

/* The schedule explorer (verify/schedule). */

/* Fibers of a program, their stacks, their calls; keys of a program; text of one list of calls. */
#define EXPLORE_FIBERS_MAX  6u
#define EXPLORE_STACK_BYTES (128u * 1024u)
#define EXPLORE_CALLS_MAX   16u
#define EXPLORE_KEYS_MAX    8u
#define EXPLORE_TEXT_BYTES  256u

/* Elements of a vector of a program; bytes of a payload (the value says how many); calls of a
   history: those of the fibers, and what the main program asks twice afterwards. */
#define EXPLORE_DIM           4u
#define EXPLORE_PAYLOAD_BYTES 64u
#define EXPLORE_OPS_MAX       64u

/* Names on one command line; text of a failure; text of a schedule, a longer one is not printed. */
#define EXPLORE_NAMES_MAX      64
#define EXPLORE_FAILURE_BYTES  600
#define EXPLORE_SCHEDULE_BYTES 65536

/* A file that a fiber saves. */
#define EXPLORE_FILE_BYTES 4096u

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
