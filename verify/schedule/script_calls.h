/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls of a script: their text, making them, and the history of a run.
 */
#ifndef AKIN_VERIFY_SCHEDULE_SCRIPT_CALLS_H
#define AKIN_VERIFY_SCHEDULE_SCRIPT_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "akin/index.h"
#include "harness/history.h"
#include "harness/sizes.h"

/* Named by the letter that stands for it. */
enum call_kind {
    CALL_INSERT = 'i',
    CALL_UPSERT = 'u',
    CALL_UPDATE = 'p',
    CALL_BUILD = 'l',
    CALL_DELETE = 'd',
    CALL_GET = 'g',
    CALL_CONTAINS = 'c',
    CALL_COUNT = 'n',
    CALL_CLEAR = 'x',
    CALL_SEARCH = 's',
    CALL_SEARCH_BATCH = 'b',
    CALL_ITERATE = 'v',
    CALL_MAINTAIN = 'm',
    CALL_DRAIN = 'M',
    CALL_STATS = 't',
    CALL_SAVE = 'w'
};

struct script_call {
    enum call_kind kind;
    uint64_t key;
    uint64_t value;
};

struct script_list {
    struct script_call calls[EXPLORE_CALLS_MAX];
    uint32_t count;
};

/* Text to calls; false with the reason. */
bool script_parse(const char *text, struct script_list *list, const char **problem);

/* Calls in a text; the text without one of them, at most EXPLORE_TEXT_BYTES. */
uint32_t script_count(const char *text);
void script_text_without(const char *text, uint32_t call, char *shorter);

/* The keys that occur, each once, ascending; how many. */
uint32_t script_keys(const struct script_list *fibers, uint32_t fiber_count,
                     const struct script_list *set_up, uint64_t keys[EXPLORE_KEYS_MAX]);

/* Whether entries get a payload from now on. */
void script_calls_begin(bool has_payload);

/* Make a call, by a fiber or the main program, and write it down. What is wrong by itself - a torn
   entry, a status that the call cannot answer - fails the run. */
void script_call(akin_index *index, const struct script_call *call);

/* What is live, by value; how many. */
size_t script_live(akin_index *index, struct history_result *entries);

void script_history_clear(void);

/* Fail the run unless some order of its calls explains its answers. */
void script_history_check(const struct history_result *initial, size_t initial_count);

#endif
