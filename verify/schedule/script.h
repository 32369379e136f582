/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs to explore, as text: one list of calls for the set-up and one for each fiber.
 *
 *     i1=5  insert key 1 with value 5      g1  get key 1          s  search, all entries
 *     u1=5  upsert                         c1  contains key 1     v  iterate over all entries
 *     l1=5  the same by a bulk build
 *     p1=5  update                         n   count              m  one round of maintenance
 *     d1    delete key 1                   x   clear              M  maintenance to the end
 *                                                                 t  statistics
 *     b     search, one batch of two queries    w  save, read back
 *
 * A value is a number from 1 to 255, unique in its program. Vector and payload of an entry are made
 * of key and value, so whoever reads them can tell that they are whole and whose they are; and an
 * entry is the nearer to the query the smaller its value is.
 */
#ifndef AKIN_VERIFY_SCHEDULE_SCRIPT_H
#define AKIN_VERIFY_SCHEDULE_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "schedule/schedule_search.h"

/* What may be switched on for a program. */
enum script_flags {
    SCRIPT_PAYLOAD = 1,   /* entries have a payload */
    SCRIPT_INLINE = 2,    /* writes maintain, as soon as anything waits; otherwise nobody does */
    SCRIPT_MAY_BLOCK = 4, /* a call of the program may wait for another fiber (maintenance) */
    SCRIPT_COLD = 8,      /* no fiber has called before: contexts are made in the schedule */
    SCRIPT_GRAPH = 16,    /* the index is a graph, otherwise flat */
    SCRIPT_WIDE = 32      /* a graph with twice as many neighbors: dead ones make up for few */
};

struct script {
    const char *name;
    const char *set_up;
    const char *fibers[EXPLORE_FIBERS_MAX]; /* NULL ends the list */
    uint32_t flags;
};

/* Set the program up, ready for searches; false with the reason when the text makes no sense. */
bool script_open(const struct script *script, const char **problem);
const struct explore_program *script_program(void);

/* Take it down: sets back, closes, and fails when bytes are left; false with the reason. */
bool script_close(const char **problem);

/* The calls and answers of the last run, one a line, to standard output. */
void script_history_print(void);

struct script_room {
    char text[EXPLORE_FIBERS_MAX + 1][EXPLORE_TEXT_BYTES];
};
/* The same script with its texts in `room`. */
void script_copy(struct script *script, struct script_room *room);
/* A script without one of its calls, for shrinking, with all texts in `room`. False when there is
   no call with this number. */
bool script_without(const struct script *script, uint32_t call, struct script *shorter,
                    struct script_room *room);

#endif
