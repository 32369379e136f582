/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An index filled from a file of vectors: key = row number.
 *
 * Room: cli.
 */
#ifndef AKIN_CLI_FILL_H
#define AKIN_CLI_FILL_H

#include <stdint.h>

#include "akin/akin.h"
#include "cli/vecs.h"

/* What to build. */
struct fill_plan {
    const struct vecs *base;
    enum akin_metric metric;
    enum akin_kind kind;
    enum akin_type type;
    uint32_t m; /* of a graph; 0 for the default, as the next */
    uint32_t ef_construction;
    enum akin_codes codes;  /* of a graph; 0 for the default */
    uint64_t budget_bytes;  /* 0 for no bound */
    uint32_t threads;       /* that insert */
    uint32_t threads_later; /* that will search: the index makes as many contexts ready */
};

/* What it took. */
struct fill_cost {
    double seconds;
    double cpu_seconds; /* of all threads together */
};

/*
 * Refuse combinations that have no meaning: --type int8 with floats, or with another metric than
 * l2.
 *
 * Output: CLI_OK, or an exit code after a message.
 */
int fill_accept(const struct vecs *base, enum akin_metric metric, enum akin_type type);

/* Refuse queries that the index cannot take: another dimension, or floats for an index of int8. */
int fill_accept_query(const struct vecs *query, uint32_t dim, enum akin_type type);

/*
 * Build the index.
 *
 * Output    : CLI_OK, or an exit code after a message.
 * Ownership : the caller closes the index; after failure there is none.
 * Threads   : main thread only.
 */
int fill_index(const struct fill_plan *plan, akin_index **index, struct fill_cost *cost);

/* Close an index at the end of a command. Returns `code`, or another one if it could not be closed.
 */
int fill_close(akin_index *index, int code);

#endif
