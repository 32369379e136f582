/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building in bulk: many entries in one call, by several threads.
 */
#ifndef AKIN_BUILD_H
#define AKIN_BUILD_H

#include <stddef.h>
#include <stdint.h>

#include "akin/macros.h"
#include "akin/status.h"
#include "akin/types.h"

AKIN_BEGIN_DECLS

#define AKIN_BUILD_THREADS_MAX 4096u
#define AKIN_BUILD_BATCH_MAX   1024u

/*
 * Told between two batches, by the calling thread, outside any read section: it may call Akin.
 *
 * Input  : context: as in the request. done: entries committed so far. count: all entries.
 * Output : 0 to go on; anything else stops the build.
 */
typedef int (*akin_progress_fn)(void *context, uint64_t done, uint64_t count);

/* What akin_build is to do. Fill with akin_build_request_init first. */
struct akin_build_request {
    size_t struct_size;                /* set by akin_build_request_init */
    const uint64_t *keys;              /* `count` keys */
    const void *vectors;               /* `count` vectors, any alignment */
    size_t stride_bytes;               /* from one to the next; 0 (default): they are contiguous */
    uint32_t dim;                      /* that of the index */
    enum akin_type type;               /* that of the index */
    const struct akin_bytes *payloads; /* `count` of them, or NULL (default) for none */
    uint64_t count;                    /* entries; 0 does nothing */
    uint32_t threads; /* the calling one included, 1..4096, default 1; the others are started
                                  for this call and have ended when it returns */
    uint32_t batch;   /* entries linked together, 1..1024, default 512; a small index takes
                                  fewer at a time */
    int replaces;     /* nonzero: as akin_upsert; 0 (default): as akin_insert */
    akin_progress_fn progress; /* may be NULL (default) */
    void *context;             /* of progress */
    uint64_t done;             /* out: so many of the first entries were committed */
};

/* Fill a request with the defaults. PURE. */
static inline void akin_build_request_init(struct akin_build_request *request)
{
    request->struct_size = sizeof *request;
    request->keys = NULL;
    request->vectors = NULL;
    request->stride_bytes = 0;
    request->dim = 0;
    request->type = AKIN_F32;
    request->payloads = NULL;
    request->count = 0;
    request->threads = 1;
    request->batch = 0;
    request->replaces = 0;
    request->progress = NULL;
    request->context = NULL;
    request->done = 0;
}

/*
 * Insert or upsert many entries.
 *
 * A graph that is built while nobody else writes depends on the entries, their order, `batch` and
 * the index before, not on `threads`. Searches and writes of others may go on; each entry becomes
 * visible by itself, in order.
 *
 * Input     : request: not NULL. error: may be NULL.
 * Output    : request->done, whatever the status. error, on failure: position is the entry that is
 *             to blame, if one is.
 * Ownership : all arrays stay the caller's; they are copied.
 * Threads   : WRITER; any thread, outside read sections and callbacks. Waits for its own threads.
 *             The calling thread is inside a read section for the length of a batch, which holds
 *             back the reclamation of memory: some 100 ms with the defaults, less with a smaller
 *             batch.
 * Order     : as so many inserts one after the other by one thread.
 * Linearizes: each entry by its own commit, SYNC(commit.last).
 * Status    : AKIN_OK; AKIN_STOPPED; AKIN_EXISTS (without `replaces`; a key that is live, or that
 *             came before in the request); AKIN_BAD_ARGUMENT, AKIN_BAD_STRUCT_SIZE, _BAD_DIM,
 *             _BAD_TYPE, _BAD_THREADS, _NOT_FINITE, _ZERO_VECTOR, _PAYLOAD_TOO_LARGE;
 *             AKIN_NO_MEMORY; AKIN_OVER_BUDGET; AKIN_INDEX_FULL; AKIN_RECLAIM_STALLED;
 *             AKIN_THREAD_FAILED; AKIN_IN_CALLBACK. Entries from `done` on are not there then.
 * Cost      : as so many inserts, shared by the threads; per entry of a batch about 4 KiB while it
 *             runs.
 * Source    : Manohar et al., "ParlayANN", 2024; neighbors within a batch are ours.
 */
AKIN_API AKIN_MUST_CHECK enum akin_status akin_build(akin_index *index,
                                                     struct akin_build_request *request,
                                                     struct akin_error *error);

AKIN_END_DECLS

#endif
