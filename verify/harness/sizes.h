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

#endif
