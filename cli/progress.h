/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A progress bar on standard error.
 *
 * Room     : cli. Main thread only.
 * Promises : nothing is drawn unless standard error is a terminal, the command is not quiet, and
 *            the work has taken more than a second. The bar is gone after progress_end. NO_COLOR is
 *            kept.
 */
#ifndef AKIN_CLI_PROGRESS_H
#define AKIN_CLI_PROGRESS_H

#include <stdint.h>

/* Begin. `title` says what is being done and must live until progress_end. */
void progress_begin(const char *title);

/* Draw `done` of `total`; at most ten times a second, so it may be called often. With a total of 0,
   when nobody knows how much there is, the seconds that have passed. */
void progress_show(uint64_t done, uint64_t total);

/* Erase the bar. Also right when none was begun. */
void progress_end(void);

#endif
