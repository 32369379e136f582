/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readers: who is inside a read section, since when, and which instants are held beyond one.
 *
 * Level   : store (2).
 * Promises: every call of the library that enters a read section does so through a reader cell, as
 *           far as memory for one could be had. So maintenance can say how long it has been held
 *           back, and an inline maintainer need not wait for a reader that stalls. Safety never
 *           rests on the marks: it rests on liburcu's grace period alone.
 *
 * Pins. While a pin holds stamp S no version that is visible at S is recycled; the holder may leave
 * its
 *   read section and come back. Protocol: the holder, inside one read section, stores PIN_ALL
 *   (which holds everything), loads the frontier S, stores S. Maintenance loads the frontier F,
 *   waits a grace period, then takes the minimum of F and all pins. The grace period stands for the
 *   store-load fence: a holder's section that began before the grace period was waited for, so its
 *   pin is seen; one that began after it loads a frontier not below F.
 */
#ifndef AKIN_STORE_READERS_H
#define AKIN_STORE_READERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "sync/atomic.h"

#define PIN_FREE UINT64_MAX /* holds nothing */
#define PIN_ALL  0u         /* holds everything: claimed, stamp not yet known */

struct store;

/* One cell, part of a context, used by one call at a time; it lives until the index ends. */
struct reader {
    struct atomic_u64 sequence; /* odd inside a section; written by the user, read by maintenance */
    struct atomic_u64 since_ns; /* when the section was entered; as sequence */
    struct atomic_u64 pin;      /* stamp held; written by the user, read by maintenance */
    struct reader *next;        /* plain: written before the cell is listed, never again */
};

struct readers {
    struct atomic_ptr cells; /* list of all cells; grows only */
};

/* What the marks say. */
struct readers_report {
    uint64_t active;    /* inside a section now */
    uint64_t oldest_ns; /* age of the oldest such section, 0 if there is none */
};

/* List a new cell. Threads: any; lock-free. */
void reader_add(struct readers *readers, struct reader *reader);

/* Enter or leave a read section, marked in the cell; reader may be NULL. Threads: the cell's
   user. */
void reader_enter(struct reader *reader);
void reader_leave(struct reader *reader);

/* Leave and enter again, so that a grace period can end in between. Threads: the cell's user. */
void reader_pause(struct reader *reader);

/* Hold the frontier beyond this section; returns it. Threads: the cell's user, inside;
   wait-free. */
uint64_t reader_pin(const struct store *store, struct reader *reader);

/* Hold nothing any more. Threads: the cell's user; wait-free. */
void reader_unpin(struct reader *reader);

/* Make a cell as new, whose user died. Threads: the one that recovers it. */
void reader_reset(struct reader *reader);

/* The smallest stamp that any cell holds; PIN_FREE when none does. Threads: the maintainer. */
uint64_t readers_oldest_pin(const struct readers *readers);

/* Threads: any; wait-free in the number of cells. */
struct readers_report readers_describe(const struct readers *readers);

#endif
