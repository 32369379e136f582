/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking dead versions out of the chains of their keys.
 *
 * Level: maintain (5).
 */
#ifndef AKIN_MAINTAIN_UNLINK_H
#define AKIN_MAINTAIN_UNLINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "store/store.h"

/*
 * Cut a dead slot out of its key's chain, with whatever else of it died at or before the horizon;
 * remove the key record when the slot is its head. `born` of what is out is never on return.
 *
 * Output : false when no memory could be had for the removal: the slot stays as it is, try later.
 * Threads: the maintainer, inside a read section; died(slot) <= the horizon.
 */
MUST_CHECK bool unlink_version(struct store *store, uint32_t slot, uint64_t horizon);

/*
 * Take a key record out of use and out of the map, if its head is still `head`, a dead slot or
 * SLOT_NONE.
 *
 * Output : false when no memory could be had.
 * Threads: the maintainer, inside a read section.
 */
MUST_CHECK bool unlink_key(struct store *store, struct key_record *record, uint32_t head);

#endif
