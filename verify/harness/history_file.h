/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Histories as text, one call a line:
 *
 *     akin-history 1
 *     # a line with a hash in the first column says nothing
 *     initial KEY VALUE
 *     THREAD INVOKED RETURNED KIND KEY VALUE ANSWER [KEY=VALUE]...
 *
 * The first line names the format and its version. `initial` lines stand before all calls and are
 * the entries that were there from the beginning. Fields are those of struct history_op, separated
 * by one blank, numbers decimal; KIND and ANSWER are words (insert upsert update delete get
 * contains count clear search; ok exists not_found failed). RETURNED and ANSWER of a call that
 * never returned are "-". "below" and "above" stand for the KEY of a search, "torn" for a VALUE
 * that was. Behind a search come its results. The lines may have any order.
 */
#ifndef AKIN_VERIFY_HARNESS_HISTORY_FILE_H
#define AKIN_VERIFY_HARNESS_HISTORY_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "harness/history.h"

/* Why a history could not be read or written. */
struct history_file_error {
    size_t line;        /* the first that is wrong; 0 when no line is to blame */
    const char *reason; /* a few words; lives as long as the program */
    int os_error;       /* errno of a failed system call, else 0 */
};

/* Read a history, and make sure that it can be judged (history_fault). On success the caller owns
   it. */
bool history_read(FILE *file, struct history *history, struct history_file_error *error);
bool history_load(const char *path, struct history *history, struct history_file_error *error);

/* Write a history. */
bool history_write(FILE *file, const struct history *history, struct history_file_error *error);
bool history_save(const char *path, const struct history *history,
                  struct history_file_error *error);

#endif
