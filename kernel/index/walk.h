/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A walk over all entries that are visible at one pinned instant: what iterate, clear and save
 * stand on.
 *
 * Level   : index (6).
 * Promises: outside of walk_next no read section is held, so the user of a walk may take its time
 *           and call anything. What it has not come to yet is kept by the pin.
 */
#ifndef AKIN_INDEX_WALK_H
#define AKIN_INDEX_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "index/internal.h"

struct walk {
    struct akin_index *index;
    struct call call;
    uint64_t stamp; /* the instant */
    uint32_t watermark;
    uint32_t slot; /* the next to look at */
    bool wants_content;
};

/* One entry. The buffers are the context's and valid until the next call on the walk. */
struct walk_entry {
    uint64_t key;
    uint64_t born;
    const unsigned char *row;
    const unsigned char *payload;
    size_t payload_size;
};

/*
 * Begin a walk at the frontier.
 *
 * Input  : wants_content: copy rows and payloads, or only keys and stamps.
 * Status : AKIN_OK; AKIN_NO_MEMORY; AKIN_OVER_BUDGET; AKIN_IN_CALLBACK. After failure nothing is to
 *          end.
 * Threads: any, outside a read section.
 */
MUST_CHECK enum akin_status walk_begin(struct akin_index *index, bool wants_content,
                                       struct walk *walk);
void walk_end(struct walk *walk);

/* Hold the instant no longer; only walk_end may follow. */
void walk_unpin(struct walk *walk);

/*
 * Go to the next entry.
 *
 * Status : AKIN_OK; AKIN_NOT_FOUND at the end; AKIN_NO_MEMORY or AKIN_OVER_BUDGET when a payload
 *          does not fit the buffer and it cannot grow.
 */
MUST_CHECK enum akin_status walk_next(struct walk *walk, struct walk_entry *entry);

#endif
