/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The busy part of akin demo: writers insert, update and delete while readers get and search, and
 * all of them check what they are answered.
 *
 * Room: cli.
 */
#ifndef AKIN_CLI_DEMO_MIX_H
#define AKIN_CLI_DEMO_MIX_H

#include <stdbool.h>
#include <stdint.h>

#include "akin/akin.h"
#include "cli/crew.h"
#include "cli/demo_model.h"
#include "cli/latency.h"

enum demo_operation {
    DEMO_INSERT,
    DEMO_UPDATE,
    DEMO_UPSERT,
    DEMO_DELETE,
    DEMO_GET,
    DEMO_SEARCH,
    DEMO_OPERATIONS
};

/* What can be wrong, each counted for itself. */
enum demo_wrong {
    DEMO_TORN,      /* vector and payload are not what one write wrote */
    DEMO_LOST,      /* an entry is missing, or older than what had been written before */
    DEMO_GHOST,     /* an entry is there that must not be */
    DEMO_MISPLACED, /* a search returned a key twice, out of order, or with another's distance */
    DEMO_OUTCOME,   /* a call answered what it cannot */
    DEMO_WRONGS
};

/* What one thread did and found. */
struct demo_tally {
    struct latency *latency[DEMO_OPERATIONS];
    uint64_t wrong[DEMO_WRONGS];
    uint64_t read_back; /* vectors and payloads compared with their checksum */
    uint64_t results; /* results of searches compared with the distance of a version of their key */
    uint64_t unchecked; /* results whose key was deleted before it could be compared */
    uint64_t retries;   /* writes made again because dead memory had to be reclaimed first */
};

/* One thread of the demo. */
struct demo_worker {
    akin_index *index;
    struct demo_model *model;
    struct demo_tally *tally;
    struct crew_member *member;
    akin_context *context; /* readers */
    uint32_t *seen;        /* readers: the newest version read of each key */
    uint64_t random;
    uint32_t writer_count;
    uint32_t number; /* among the writers */
};

/* The whole: threads 0 .. writer_count - 1 write, the others read. */
struct demo_mix {
    akin_index *index;
    struct demo_model *model;
    struct demo_tally *tallies; /* one for each thread */
    uint32_t writer_count;
    uint32_t reader_count;
    double seconds;
};

/* Run it. CLI_OK, whatever the checks found; another exit code after a message. */
int demo_mix_run(const struct demo_mix *mix);

/* Write and read once, as a writer. Called by demo_mix_run; in demo_write.c. */
void demo_write_once(struct demo_worker *worker);

/* Search once and get a number of times, as a reader. Called by demo_mix_run; in demo_read.c. */
void demo_read_once(struct demo_worker *worker);

/* Count something wrong, and describe the first few. */
void demo_found_wrong(struct demo_tally *tally, enum demo_wrong wrong, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Stop the crew: the library refused a call for a reason that has nothing to do with the checks. */
void demo_stop(struct demo_worker *worker, const struct akin_error *error, const char *what);

bool demo_tally_open(struct demo_tally *tally);
void demo_tally_close(struct demo_tally *tally);
void demo_tally_merge(struct demo_tally *tally, const struct demo_tally *other);

#endif
