/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries that describe themselves: whoever reads one can tell that it is whole.
 *
 * Promises: the vector names key, writer, serial and payload size, and its other elements and every
 *           byte of the payload follow from these. So a vector put together from two writes, a
 *           payload of another entry, and bytes out of place are all found out by the reader alone.
 */
#ifndef AKIN_VERIFY_UNIT_SUPPORT_DESCRIBED_H
#define AKIN_VERIFY_UNIT_SUPPORT_DESCRIBED_H

#include <stddef.h>
#include <stdint.h>

#include "akin/index.h"

#define DESCRIBED_DIM         16u
#define DESCRIBED_PAYLOAD_MAX 4000u

/* What an entry says of itself. */
struct described {
    uint64_t key;    /* below 2^24 */
    uint64_t writer; /* below 2^24 */
    uint64_t serial; /* below 2^48 */
    size_t size;     /* of the payload, at most DESCRIBED_PAYLOAD_MAX */
};

/* Room for one entry. */
struct described_entry {
    float vector[DESCRIBED_DIM];
    unsigned char payload[DESCRIBED_PAYLOAD_MAX];
};

/* Write the entry out. */
void described_make(const struct described *what, struct described_entry *entry);

/* Which call writes it. */
typedef enum akin_status (*described_write_fn)(akin_index *index, uint64_t key,
                                               const struct akin_vector *vector,
                                               const struct akin_bytes *payload,
                                               struct akin_error *error);

/* Make the entry and write it by akin_insert, akin_upsert or akin_update. */
enum akin_status described_write(akin_index *index, described_write_fn write,
                                 const struct described *what);

/*
 * Say what is wrong with an entry that was read under `key`: NULL when nothing is. `found` becomes
 * what it says of itself.
 */
const char *described_fault(uint64_t key, const float *vector, const unsigned char *payload,
                            size_t size, struct described *found);

/*
 * Get the entry of `key` and judge it. The status of akin_get; with AKIN_OK also *fault, NULL when
 * the entry is whole, *found, and *version, the version of the record.
 */
enum akin_status described_read(akin_index *index, uint64_t key, struct described *found,
                                uint64_t *version, const char **fault);

#endif
