/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing one entry: insert, upsert, update; and deleting one.
 *
 * Level   : update (5).
 * Promises: lock-free; one read section from the first claim to the commit, which is how
 *           maintenance tells a slow writer from a dead one. All memory is taken before the commit;
 *           a call that fails leaves what it took to maintenance and nothing visible.
 */
#ifndef AKIN_UPDATE_WRITE_H
#define AKIN_UPDATE_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "akin/status.h"
#include "akin/types.h"
#include "base/attributes.h"
#include "store/store.h"
#include "update/link.h"

/* A new version of a key. */
struct write_request {
    uint64_t key;
    const void *row; /* row_bytes of the store */
    float norm;
    const struct akin_bytes *payload; /* NULL for none */
    enum commit_want want;            /* WANT_ANY, WANT_ABSENT or WANT_PRESENT */
    const struct linker *linker;      /* the graph to link it into; NULL for a flat index */
};

/*
 * Write one version and commit it.
 *
 * Status : AKIN_OK; AKIN_EXISTS; AKIN_NOT_FOUND; AKIN_NO_MEMORY; AKIN_OVER_BUDGET; AKIN_INDEX_FULL.
 * Threads: any, outside of a section of this reader; lock-free. `reader` may be NULL.
 */
MUST_CHECK enum akin_status write_entry(struct store *store, struct reader *reader,
                                        const struct write_request *request);

/* What a write holds until it is committed or refused. */
struct write_draft {
    uint32_t slot;
    bool has_slot;
    struct commit_record *commit; /* not yet appended, or NULL */
    struct key_record *spare_key; /* not yet in the map, or NULL */
};

/*
 * The steps of write_entry, for who links many slots at once: take and fill a slot, which the
 * caller then links; commit it; hand back what was not used, whatever the outcome.
 *
 * Status : as write_entry.
 * Threads: any, inside one read section from begin to end.
 */
MUST_CHECK enum akin_status write_begin(struct store *store, const struct write_request *request,
                                        struct write_draft *draft);
MUST_CHECK enum akin_status write_commit(struct store *store, const struct write_request *request,
                                         struct write_draft *draft);
void write_end(struct store *store, struct write_draft *draft, bool is_committed);

/* What to delete. */
struct erase_request {
    uint64_t key;
    uint64_t version; /* only the version born at this stamp; 0: whichever is live */
    struct commit_record *
        *spare; /* a record kept for hard times, taken and set to NULL; may be NULL */
};

/*
 * Delete the live version of a key.
 *
 * Status : AKIN_OK; AKIN_NOT_FOUND; AKIN_NO_MEMORY; AKIN_OVER_BUDGET.
 * Threads: as write_entry.
 */
MUST_CHECK enum akin_status erase_entry(struct store *store, struct reader *reader,
                                        const struct erase_request *request);

#endif
