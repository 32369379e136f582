/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of the command to the person at the terminal, and the exit codes.
 *
 * Room     : cli; relies on the C library and the public headers.
 * Promises : results go to standard output, everything else to standard error. A message is one
 *            line that begins with the command, such as "akin build: ". Threads may speak at the
 *            same time.
 */
#ifndef AKIN_CLI_SAY_H
#define AKIN_CLI_SAY_H

#include <stdbool.h>

#include "akin/status.h"

/* docs/cli.md lists them for users. An interrupted command ends with 128 + signal. */
enum cli_exit {
    CLI_OK = 0,
    CLI_DATA = 1,         /* the data are wrong, or a check failed */
    CLI_USAGE = 2,        /* the call itself is wrong */
    CLI_IO = 3,           /* the operating system refused a file */
    CLI_MEMORY = 4,       /* memory, budget or threads ran out */
    CLI_INCOMPATIBLE = 5, /* an index file of another version or byte order */
    CLI_PIPE = 141        /* nobody reads the output any more */
};

/* Set the name that messages begin with. It must live as long as the program. */
void say_name(const char *name);

/* Set whether notes and progress bars are left out. Errors are always said. */
void say_quiet(bool is_quiet);

/* Return whether notes and progress bars are left out. */
bool say_is_quiet(void);

/* Return the name that messages begin with. */
const char *say_current_name(void);

/* Say what went wrong, and return `code`, for "return say_error(...)". */
int say_error(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Say something useful that is no error; nothing if quiet. */
void say_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Say that memory ran out while doing `what`; returns CLI_MEMORY. */
int say_no_memory(const char *what);

/* Return the exit code that a status of the library leads to; CLI_OK for AKIN_OK. */
int say_code_of(enum akin_status status);

/*
 * Say what the library answered. `about` is the file, or what was being done.
 *
 * Input : error: filled by the call that returned `status`.
 * Output: the exit code for it.
 */
int say_status(enum akin_status status, const struct akin_error *error, const char *about);

/*
 * Say whether what was printed could be written. Set errno to 0 before printing.
 *
 * Output: CLI_OK; CLI_PIPE, without a message, when nobody reads it; CLI_IO after one otherwise.
 */
int say_output_code(void);

/*
 * Flush standard output at the end of the command.
 *
 * Output: `code`, unless it is CLI_OK and the output could not be written.
 */
int say_end(int code);

#endif
