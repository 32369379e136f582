/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of the library that the benchmarks of the contract make in more than one place.
 *
 * Room: bench; public headers only.
 */
#ifndef AKIN_BENCH_CONTRACT_CONTRACT_INDEX_H
#define AKIN_BENCH_CONTRACT_CONTRACT_INDEX_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "akin/akin.h"
#include "cli/vecs.h"

/* Insert a row of a base under its number. `scratch`: room for dim floats. */
enum akin_status contract_insert(akin_index *index, const struct vecs *base, uint64_t row,
                                 enum akin_type type, void *scratch, struct akin_error *error);

/*
 * Reclaim all that can be reclaimed now.
 *
 * Output: CLI_OK, or an exit code after a message; the processor time it took.
 */
int contract_drain(akin_index *index, double *cpu_seconds);

/* Check the structure of an index that nobody else uses. What is broken is said; CLI_OK even then.
 */
int contract_check(akin_index *index, bool *is_clean);

/* CLI_OK, or an exit code after a message. */
int contract_stats(akin_index *index, struct akin_stats *stats);

/* Resident bytes of this process once the C library gave back what it can; 0 where the system does
   not say. */
uint64_t contract_resident_bytes(void);

/* What the statistics say of slots and of the graph's sweeps, as an object. The sweeps are those
   since `before`. */
json_t *contract_emit_slots(const struct akin_stats *stats, const struct akin_stats *before);

#endif
