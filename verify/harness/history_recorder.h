/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recorder: one log for each thread, and an order of all invocations and returns.
 *
 * Use: each thread has a lane. Around a call, `history_invoke` just before, `history_return` just
 *      after, then `history_answer` when there is time. After all threads have ended,
 *      `history_collect`. A thread that dies inside a call leaves it as one that never returned.
 *
 * Order: HISTORY_CLOCK_COUNTER takes numbers from one counter by acquire-release increments. That a
 *        call returned before another was invoked is then something that the second thread can
 *        know, and an index that promises "seen by any call that starts later" is held to it on
 *        every machine. The price: the counter orders threads, and hides from ThreadSanitizer, and
 *        from weak machines, orders that the index fails to give itself.
 *        HISTORY_CLOCK_MONOTONIC reads CLOCK_MONOTONIC and touches nothing that threads share. So
 *        that no write of a call is still on its way when its return is stamped, and no read is
 *        done before its invocation is, each stamp goes together with an exchange on a word of the
 *        thread's own: a full barrier on x86-64, no order between threads for ThreadSanitizer. It
 *        relies on a clock that agrees between processors.
 *
 * This header uses <stdatomic.h> and not sync/atomic.h on purpose: the recorder must not pass the
 * scheduling points of what it watches. Nothing is allocated for a call as long as the log has the
 * room that was asked for; beyond it, a chunk at a time.
 */
#ifndef AKIN_VERIFY_HARNESS_HISTORY_RECORDER_H
#define AKIN_VERIFY_HARNESS_HISTORY_RECORDER_H

#include <stddef.h>
#include <stdint.h>

#include "harness/history.h"

enum history_clock { HISTORY_CLOCK_COUNTER, HISTORY_CLOCK_MONOTONIC };

/* The clock for this build: the counter, but for ThreadSanitizer the other. */
#if defined(__SANITIZE_THREAD__)
#define HISTORY_CLOCK_DEFAULT HISTORY_CLOCK_MONOTONIC
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HISTORY_CLOCK_DEFAULT HISTORY_CLOCK_MONOTONIC
#else
#define HISTORY_CLOCK_DEFAULT HISTORY_CLOCK_COUNTER
#endif
#else
#define HISTORY_CLOCK_DEFAULT HISTORY_CLOCK_COUNTER
#endif

struct history_recorder;
struct history_lane;

/* Make a recorder with room for so many calls, and results of searches, of each thread. */
struct history_recorder *history_recorder_make(uint32_t threads, size_t ops, size_t results,
                                               enum history_clock clock);
void history_recorder_end(struct history_recorder *recorder);

/* The log of a thread, from 0. */
struct history_lane *history_recorder_lane(struct history_recorder *recorder, uint32_t thread);

/* Begin a call. key and value as in struct history_op: of a write its id, of a search its k. */
void history_invoke(struct history_lane *lane, enum history_kind kind, uint64_t key,
                    uint64_t value);

/* The call came back. */
void history_return(struct history_lane *lane);

/* What it answered. `value` is kept for get and count, and ignored otherwise. */
void history_answer(struct history_lane *lane, enum history_answer answer, uint64_t value);

/* What a search found; after history_answer. The results are copied. */
void history_found(struct history_lane *lane, const struct history_result *results, uint32_t count);

/* Make one history of all logs; the caller owns it. Its times begin at 0. No thread is in a call
   any more. */
void history_collect(const struct history_recorder *recorder, struct history *history);

#endif
