/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Histories: what a program asked an index and was answered, with the order of calls and returns.
 *
 * The records are plain; anybody may fill an array of them. What the checkers rely on:
 *   - Values are unique: no two of insert, upsert, update, of whatever key and answer, and of the
 *     entries there from the beginning, carry the same one, and none carries 0. So a read names the
 *     write that it saw.
 *   - One call lies before another when it returned before the other was invoked. Equal numbers say
 *     nothing: such calls overlap.
 * history_fault finds out whether a history is such a one.
 */
#ifndef AKIN_VERIFY_HARNESS_HISTORY_H
#define AKIN_VERIFY_HARNESS_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum history_kind {
    HISTORY_INSERT,
    HISTORY_UPSERT,
    HISTORY_UPDATE,
    HISTORY_DELETE,
    HISTORY_GET,
    HISTORY_CONTAINS,
    HISTORY_COUNT,
    HISTORY_CLEAR,
    HISTORY_SEARCH
};
#define HISTORY_KINDS 9u

enum history_answer {
    HISTORY_OK,
    HISTORY_EXISTS,
    HISTORY_NOT_FOUND,
    HISTORY_FAILED /* an error that changes nothing; of a clear: some of it may be deleted */
};
#define HISTORY_ANSWERS 4u

/* The call never came back: it may have taken effect at any time after it was invoked, or never. */
#define HISTORY_PENDING UINT64_MAX

/* Invocations and returns lie below this. */
#define HISTORY_TIME_MAX (UINT64_MAX / 4)

/*
 * What `key` of a search says: where its query lies. All values are on a line, and a query from
 * above has the largest value as its nearest entry; any other number means a query from below, to
 * which the smallest value is the nearest. Only linearize_whole and history_distance read it.
 */
#define HISTORY_QUERY_BELOW 0u
#define HISTORY_QUERY_ABOVE UINT64_MAX

/* The value of an entry that was read and that no single call can have written: torn, or of another
   key. No write carries it. */
#define HISTORY_TORN (UINT64_MAX - 1)

/* One neighbor of a search, or one entry. */
struct history_result {
    uint64_t key;
    uint64_t value;
};

/* One call. */
struct history_op {
    uint64_t invoked;  /* order of the invocation, below that of ... */
    uint64_t returned; /* ... the return; HISTORY_PENDING when the call never came back */
    uint64_t key;
    uint64_t value;  /* written by insert, upsert, update: a unique id, not 0; read by get: that id,
                        0 when not found; the number of count; k of a search */
    uint32_t thread; /* who called; its calls do not overlap */
    uint8_t kind;    /* enum history_kind */
    uint8_t answer;  /* enum history_answer; of no meaning when the call never came back */
    uint16_t result_count;                /* of a search */
    const struct history_result *results; /* of a search, in the order of the answer; else NULL */
};

/* A history with all it refers to, owned. */
struct history {
    struct history_op *ops;
    size_t count;
    struct history_result *initial; /* live before the first call */
    size_t initial_count;
    struct history_result *results; /* what the searches among `ops` point to */
    size_t result_count;
};

/* Give back what a history owns. */
void history_end(struct history *history);

/* Make `copy` a history of its own with these calls and entries. */
void history_copy(struct history *copy, const struct history_op *ops, size_t count,
                  const struct history_result *initial, size_t initial_count);

/* "insert", "ok", ...; "?" for a number out of range. */
const char *history_kind_name(uint32_t kind);
const char *history_answer_name(uint32_t answer);

static inline bool history_is_pending(const struct history_op *op)
{
    return op->returned == HISTORY_PENDING;
}

/* insert, upsert or update: a call that carries a value of its own. */
static inline bool history_is_write(const struct history_op *op)
{
    return op->kind <= HISTORY_UPDATE;
}

/* Whether the call changed something, or may have: nothing else looks at what it answered. */
bool history_has_effect(const struct history_op *op);

/*
 * What is wrong with these records, so that no checker may judge them: NULL when nothing is. `*bad`
 * becomes the number of the call to blame, or `count` when an initial entry is.
 */
const char *history_fault(const struct history_op *ops, size_t count,
                          const struct history_result *initial, size_t initial_count, size_t *bad);

/* How far the entry with `value`, below 2^53, is from the query of a search, on the line of values.
   From above it is negative: the more, the nearer. */
double history_distance(const struct history_op *search, uint64_t value);

/* One call as one line without its end: "t3 [17, 29] insert key 5 value 12: ok". */
void history_op_print(FILE *file, const struct history_op *op);

#endif
