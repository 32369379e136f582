/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one commit point: records with unique, dense stamps, finished by whoever comes next.
 *
 * Level   : store (2).
 * Promises: a change becomes visible at one instant, the store of `done`, or not at all. No
 *           committer, however slow or dead, holds anybody back: its record is finished by the next
 *           committer. Readers only load. Count is exact at every stamp.
 * Protocol: docs/CONCURRENCY.md section 3, with the safety argument. Every step on shared words is
 *           a compare-and-swap from an initial value, so that late helpers change nothing.
 */
#ifndef AKIN_STORE_COMMIT_H
#define AKIN_STORE_COMMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "akin/status.h"
#include "base/attributes.h"
#include "store/key_map.h"
#include "store/pool.h"
#include "sync/atomic.h"

struct store;

/* What must hold for a key when its operation is applied. */
enum commit_want {
    WANT_ANY = 0,
    WANT_ABSENT = 1,
    WANT_PRESENT = 2,
    WANT_EXACTLY = 3, /* live, and born at want_version */
    WANT_REMOVE =
        4 /* the head is `slot`, a dead slot or SLOT_NONE: take the key record out of use */
};

/* One key's part of a commit. Plain fields are written before the record is appended. */
struct commit_op {
    struct key_record *record;
    uint64_t want_version;
    enum commit_want want;
    uint32_t slot; /* the new version; SLOT_NONE for a delete; for WANT_REMOVE the head expected */
    struct atomic_u32 old; /* the head that was there: SLOT_UNSET until a finisher evaluated it */
};

enum commit_verdict {
    COMMIT_UNDECIDED = 0,
    COMMIT_DONE = 1,    /* applied */
    COMMIT_REFUSED = 2, /* an operation's want did not hold */
    COMMIT_GONE = 3     /* a key record was out of use: look the key up again */
};

/* One commit. Several operations hang behind `ops`; a single one is `single`. */
struct commit_record {
    uint64_t stamp; /* plain: written before the record is appended, never while it can be seen */
    int64_t base;   /* live entries just before; as stamp */
    struct commit_op *ops;
    uint32_t op_count;
    struct atomic_u32 done; /* 1 when every step was performed or observed */
    struct atomic_u64
        outcome; /* 0, then once: verdict, index of the refusing operation, count change */
    struct commit_op single;
    struct pool_object pooled;
};

/* What commit_run came to. */
struct commit_result {
    enum commit_verdict verdict;
    uint32_t op_index; /* of the operation that refused */
    uint64_t stamp;
};

/* Start the sequence with a record that is done: stamp 1, nothing live. Threads: SETUP. */
MUST_CHECK enum akin_status commit_init(struct store *store);

/* Prepare a record for one operation. Threads: the record's owner. */
void commit_prepare(struct commit_record *record, struct key_record *key_record,
                    enum commit_want want, uint32_t slot);

/*
 * Append a record, finish it, and retire the one it displaced.
 *
 * Input  : record: prepared; everything it refers to is complete. It belongs to the sequence from
 *          now on.
 * Output : the verdict. Unless COMMIT_DONE nothing changed and the new slots are still the
 *          caller's.
 * Threads: any, inside the read section in which the slots were claimed; lock-free: a failed append
 *          means that somebody else's went through. Allocates nothing.
 */
struct commit_result commit_run(struct store *store, struct commit_record *record);

/* Finish the newest record, so that every commit appended so far is done. Threads: any, inside. */
void commit_settle(struct store *store);

/* The newest instant at which everything is applied. Threads: any, inside; wait-free, two loads. */
uint64_t frontier_stamp(const struct store *store);

/* The live entries at the frontier. Threads: any, inside; wait-free. */
uint64_t frontier_count(const struct store *store);

/* The slot of the version of a key that is visible at `stamp`, or SLOT_NONE. Threads: any,
   inside. */
uint32_t version_at(const struct store *store, const struct key_record *record, uint64_t stamp);

#endif
