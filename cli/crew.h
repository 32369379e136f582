/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A crew: the same function on several threads, with the main thread waiting beside them.
 *
 * Room     : cli.
 * Promises : the main thread draws the progress bar and looks for signals; the members get their
 *            work item by item, in order, and stop when one of them fails, the time is over, or a
 *            signal came. Of several failures the one at the lowest position is reported, so that a
 *            file with two bad rows is always answered with the first.
 *
 * Members share nothing through this file but one mutex, taken once for each portion of work.
 */
#ifndef AKIN_CLI_CREW_H
#define AKIN_CLI_CREW_H

#include <stdbool.h>
#include <stdint.h>

#include "akin/status.h"

struct crew;

/* One thread of a crew. */
struct crew_member {
    struct crew *crew;
    uint32_t number; /* 0 .. threads - 1 */
};

/* What a crew does. */
struct crew_job {
    void (*run)(struct crew_member *member, void *context);
    void *context;
    const char *title; /* for the progress bar; NULL for none */
    uint64_t total;    /* items to hand out; 0 if there are none */
    double seconds;    /* tell the members to stop after this time; 0 for never */
    uint32_t threads;  /* at least 1 */
    /* On a signal the members may be left where they are, because they write no file. Otherwise the
       command waits until they see that they shall stop. */
    bool may_be_left;
};

/*
 * Run a job to its end.
 *
 * Output : CLI_OK; the exit code of a failure, which has been said; 128 + signal.
 * Threads: main thread only.
 */
int crew_run(const struct crew_job *job);

/*
 * Take the next portion of work: `count` items, at most `want`, from `first` on.
 *
 * Output : false when nothing is left or the crew shall stop.
 */
bool crew_take(struct crew_member *member, uint64_t want, uint64_t *first, uint64_t *count);

/* Say whether the crew shall go on. For jobs without items. */
bool crew_goes_on(struct crew_member *member);

/* End the job with an exit code and a message. `position`: what is wrong, such as a row number. */
void crew_fail(struct crew_member *member, int code, uint64_t position, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The same for an answer of the library. `about`: what was being done. */
void crew_fail_status(struct crew_member *member, const struct akin_error *error, uint64_t position,
                      const char *about);

#endif
