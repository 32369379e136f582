/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output files: whole or not at all, and never over an existing one unless that was asked for.
 *
 * Room     : cli. Main thread only.
 * Promises : the content goes to a temporary file in the same directory, which is flushed to the
 *            disk and renamed. It is registered, so that no ending of the command but SIGKILL
 *            leaves it behind. A symbolic link is followed; what is neither a regular file nor
 *            absent is refused.
 */
#ifndef AKIN_CLI_OUTFILE_H
#define AKIN_CLI_OUTFILE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct outfile {
    char target[PATH_MAX];
    char temporary[PATH_MAX];
    bool is_forced;
    int registered;
    FILE *stream; /* open on the temporary between outfile_open and outfile_commit, else NULL */
};

/*
 * Refuse early what would be refused late, and create the temporary file.
 *
 * Output: CLI_OK, or an exit code after a message. Afterwards `file->temporary` may be written by
 *         name.
 */
int outfile_begin(struct outfile *file, const char *path, bool is_forced);

/* Open a stream on the temporary file. CLI_OK, or an exit code after a message. */
int outfile_open(struct outfile *file);

/* Give the file its name. CLI_OK, or an exit code after a message; the temporary is gone then. */
int outfile_commit(struct outfile *file);

/* Remove the temporary file. Right at any time, also after outfile_commit. */
void outfile_abandon(struct outfile *file);

/* Write a row of an .ivecs file. Errors are found by outfile_commit. */
void outfile_write_row(struct outfile *file, const int32_t *values, uint32_t count);

#endif
