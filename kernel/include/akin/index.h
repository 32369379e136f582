/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index: open and close, point operations, iteration.
 *
 * Every call here except akin_open and akin_close may be made from any number of threads at once,
 * beside every other call. docs/CONCURRENCY.md has the guarantees G1-G10 and the table function x
 * function. No call prints, exits, aborts, or changes errno.
 */
#ifndef AKIN_INDEX_H
#define AKIN_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "akin/macros.h"
#include "akin/options.h"
#include "akin/status.h"
#include "akin/types.h"

AKIN_BEGIN_DECLS

/*
 * Create an empty index.
 *
 * Input     : options: from akin_options_init, not NULL; copied. index: where the handle goes, not
 *             NULL. error: may be NULL.
 * Output    : index, on AKIN_OK.
 * Ownership : the caller owns the index until akin_close. After failure there is nothing to close.
 * Threads   : SETUP; read section allowed; may block (memory, thread start).
 * Order     : hand the handle to other threads with any release/acquire means.
 * Linearizes: none.
 * Status    : those of akin_options_validate; AKIN_NO_MEMORY; AKIN_OVER_BUDGET; AKIN_THREAD_FAILED.
 * Cost      : constant; a handful of allocations, about 100 KiB plus the hint `capacity`.
 * Source    : ours.
 */
AKIN_API AKIN_MUST_CHECK enum akin_status akin_open(const struct akin_options *options,
                                                    akin_index **index, struct akin_error *error);

/*
 * End an index and give back all its memory.
 *
 * Input     : index: from akin_open or akin_load; NULL is answered with AKIN_OK.
 * Output    : none.
 * Ownership : on AKIN_OK the handle and every context of the index are gone. After failure nothing
 *             changed.
 * Threads   : SETUP; no call on this index may start after this one began; calls in flight on other
 *             threads are waited for; may block. Not from inside a read section or a callback.
 * Order     : everything that calls on this index did happens before the return.
 * Linearizes: none.
 * Status    : AKIN_OK; AKIN_IN_CALLBACK.
 * Cost      : linear in the memory held.
 * Source    : ours.
 */
AKIN_API AKIN_MUST_CHECK enum akin_status akin_close(akin_index *index);

/*
 * Insert an entry under a key that has none.
 *
 * Input     : key: any 64-bit value. vector: dimension and element type of the index, finite, with
 *             a direction if the metric is cosine; not NULL. payload: at most
 *             AKIN_PAYLOAD_BYTES_MAX bytes; NULL for none (an entry without payload and one with 0
 *             bytes are the same). error: may be NULL.
 * Output    : none.
 * Ownership : both are copied; the caller's stay the caller's.
 * Threads   : WRITER; any thread, beside everything; lock-free. With AKIN_MAINTENANCE_INLINE the
 *             call may run maintenance after its commit and then waits for readers.
 * Order     : after AKIN_OK any call that starts later, on any thread, sees the entry. After
 *             AKIN_EXISTS the caller may conclude that the key was live at an instant within the
 *             call.
 * Linearizes: AKIN_OK: SYNC(commit.done); AKIN_EXISTS: SYNC(commit.outcome), or the frontier load
 *             when the key was live at once.
 * Status    : AKIN_OK; AKIN_EXISTS; AKIN_BAD_ARGUMENT, _BAD_DIM, _BAD_TYPE, _NOT_FINITE,
 *             _ZERO_VECTOR, _PAYLOAD_TOO_LARGE; AKIN_NO_MEMORY, _OVER_BUDGET, _INDEX_FULL,
 *             _RECLAIM_STALLED. Nothing changed unless AKIN_OK.
 * Cost      : O(dim + payload); allocates when a chunk of slots or payload is full.
 * Source    : commit protocol: ours (docs/CONCURRENCY.md section 3).
 */
AKIN_API AKIN_MUST_CHECK enum akin_status akin_insert(akin_index *index, uint64_t key,
                                                      const struct akin_vector *vector,
                                                      const struct akin_bytes *payload,
                                                      struct akin_error *error);

/*
 * Insert an entry, or replace the one that the key has, at one instant.
 *
 * Input, Output, Ownership, Threads, Linearizes, Cost, Source: as akin_insert.
 * Order     : as akin_insert. No reader finds the key missing or twice because of it.
 * Status    : as akin_insert, never AKIN_EXISTS.
 */
AKIN_API AKIN_MUST_CHECK enum akin_status akin_upsert(akin_index *index, uint64_t key,
                                                      const struct akin_vector *vector,
                                                      const struct akin_bytes *payload,
                                                      struct akin_error *error);

/*
 * Replace the entry that the key has, at one instant: vector and payload both.
 *
 * Input, Output, Ownership, Threads, Linearizes, Cost, Source: as akin_insert.
 * Order     : as akin_upsert.
 * Status    : as akin_insert, never AKIN_EXISTS, and AKIN_NOT_FOUND when no live entry had the key
 *             at an instant within the call.
 */
AKIN_API AKIN_MUST_CHECK enum akin_status akin_update(akin_index *index, uint64_t key,
                                                      const struct akin_vector *vector,
                                                      const struct akin_bytes *payload,
                                                      struct akin_error *error);

/*
 * Delete the entry of a key.
 *
 * Input     : key: any 64-bit value. error: may be NULL.
 * Output    : none.
 * Ownership : none. The memory of the entry is recycled by maintenance when no reader can hold it.
 * Threads   : WRITER; any thread, beside everything; lock-free. May run maintenance as akin_insert.
 * Order     : after AKIN_OK no call that starts later finds the entry.
 * Linearizes: AKIN_OK: SYNC(commit.done); AKIN_NOT_FOUND: the map lookup or SYNC(commit.outcome).
 * Status    : AKIN_OK; AKIN_NOT_FOUND; AKIN_BAD_ARGUMENT; AKIN_NO_MEMORY or AKIN_OVER_BUDGET only
 *             when neither a recycled commit record nor the spare one of a context is left and the
 *             pool of them cannot grow. Works while others are answered AKIN_RECLAIM_STALLED.
 * Cost      : constant.
 * Source    : as akin_insert.
 */
AKIN_API AKIN_MUST_CHECK enum akin_status akin_delete(akin_index *index, uint64_t key,
                                                      struct akin_error *error);

/*
 * Delete every entry that is live when the call starts and that nobody replaces meanwhile.
 *
 * Not atomic: another thread may see a part of it. An entry that was inserted or replaced after the
 * call started stays. Each deletion by itself is linearizable.
 *
 * Input     : error: may be NULL.
 * Output    : none.
 * Ownership : none.
 * Threads   : WRITER; any thread, beside everything; lock-free in each deletion.
 * Order     : after AKIN_OK no call that starts later finds an entry that was live when clear
 *             started.
 * Linearizes: each deletion as akin_delete.
 * Status    : AKIN_OK; AKIN_BAD_ARGUMENT; AKIN_IN_CALLBACK; AKIN_NO_MEMORY or AKIN_OVER_BUDGET
 *             (some entries are deleted, call again).
 * Cost      : linear in slots.
 * Source    : ours.
 */
AKIN_API AKIN_MUST_CHECK enum akin_status akin_clear(akin_index *index, struct akin_error *error);

/*
 * One entry as akin_get and akin_iterate return it. Set the three fields marked "in" before
 * akin_get.
 */
struct akin_record {
    size_t struct_size;      /* in: sizeof(struct akin_record) */
    void *vector;            /* in: where the vector goes, NULL if not wanted */
    size_t vector_capacity;  /* in: bytes there; dim * element size are needed */
    void *payload;           /* in: where the payload goes, NULL if not wanted */
    size_t payload_capacity; /* in: bytes there */
    size_t vector_size;      /* out: bytes of the vector */
    size_t payload_size;     /* out: bytes of the payload, also when it was not wanted */
    uint64_t version; /* out: stamp of the commit that made this entry; grows with every commit */
    uint64_t key;     /* out */
};

/* A record without buffers, ready for akin_get. */
static inline struct akin_record akin_record_init(void)
{
    struct akin_record record;
    record.struct_size = sizeof record;
    record.vector = NULL;
    record.vector_capacity = 0;
    record.payload = NULL;
    record.payload_capacity = 0;
    record.vector_size = 0;
    record.payload_size = 0;
    record.version = 0;
    record.key = 0;
    return record;
}

/*
 * Get the entry of a key: the exact bits that one insert, upsert or update wrote.
 *
 * Input     : key. record: not NULL, its "in" fields set. error: may be NULL.
 * Output    : record. With AKIN_BUFFER_TOO_SMALL only vector_size and payload_size are set.
 * Ownership : the buffers are the caller's.
 * Threads   : READER; any thread, in or outside a read section; wait-free but for as many versions
 *             of this key as are committed during the call.
 * Order     : sees every commit that returned before the call started.
 * Linearizes: the frontier load, SYNC(commit.last).
 * Status    : AKIN_OK; AKIN_NOT_FOUND; AKIN_BUFFER_TOO_SMALL; AKIN_BAD_ARGUMENT;
 *             AKIN_BAD_STRUCT_SIZE.
 * Cost      : one hash lookup and the copies; allocates nothing.
 * Source    : ours.
 */
AKIN_API AKIN_MUST_CHECK enum akin_status akin_get(akin_index *index, uint64_t key,
                                                   struct akin_record *record,
                                                   struct akin_error *error);

/*
 * Say whether a key has a live entry: AKIN_OK or AKIN_NOT_FOUND.
 *
 * Input     : key. error: may be NULL.
 * Output    : none.
 * Ownership : none. Threads, Order, Linearizes, Source: as akin_get.
 * Status    : AKIN_OK; AKIN_NOT_FOUND; AKIN_BAD_ARGUMENT.
 * Cost      : one hash lookup; allocates nothing.
 */
AKIN_API AKIN_MUST_CHECK enum akin_status akin_contains(akin_index *index, uint64_t key,
                                                        struct akin_error *error);

/*
 * Count the live entries, exactly, at one instant.
 *
 * Input     : count: not NULL. error: may be NULL.
 * Output    : count.
 * Ownership : the caller's.
 * Threads   : READER; any thread; wait-free.
 * Order     : sees every commit that returned before the call started.
 * Linearizes: the frontier load, SYNC(commit.last).
 * Status    : AKIN_OK; AKIN_BAD_ARGUMENT.
 * Cost      : two loads; allocates nothing.
 * Source    : ours.
 */
AKIN_API AKIN_MUST_CHECK enum akin_status akin_count(akin_index *index, uint64_t *count,
                                                     struct akin_error *error);

/*
 * Called by akin_iterate for each entry, outside any read section: it may call Akin, also on the
 * same index. The record and its buffers are valid until it returns. Return 0 to go on, anything
 * else to stop.
 */
typedef int (*akin_visit_fn)(void *context, const struct akin_record *record);

/*
 * Visit every entry that is live at one instant, the start of the call, in no particular order.
 *
 * Input     : visit: not NULL. context: handed to it. error: may be NULL.
 * Output    : none.
 * Ownership : the record belongs to the call.
 * Threads   : READER; any thread, outside a read section; lock-free. Dead entries that it may still
 *             have to visit are kept until it ends.
 * Order     : sees every commit that returned before the call started, and none that starts later.
 * Linearizes: the frontier load, SYNC(commit.last).
 * Status    : AKIN_OK; AKIN_STOPPED; AKIN_NO_MEMORY; AKIN_OVER_BUDGET; AKIN_BAD_ARGUMENT;
 *             AKIN_IN_CALLBACK.
 * Cost      : linear in slots; two buffers that grow to the largest record.
 * Source    : ours.
 */
AKIN_API AKIN_MUST_CHECK enum akin_status akin_iterate(akin_index *index, akin_visit_fn visit,
                                                       void *context, struct akin_error *error);

AKIN_END_DECLS

#endif
