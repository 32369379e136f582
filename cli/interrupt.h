/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals, and the temporary files that must not outlive the command.
 *
 * Room     : cli.
 * Promises : the first SIGINT or SIGTERM only sets a flag, which the main thread looks at; worker
 *            threads block both signals, so that the flag is written and read by one thread. A
 *            second one ends the program at once, after removing the registered temporary files. A
 *            SIGINT that was ignored at the start stays ignored, as for every job in the
 *            background.
 */
#ifndef AKIN_CLI_INTERRUPT_H
#define AKIN_CLI_INTERRUPT_H

#include <stdbool.h>

/* Install the handlers. Once, at the start of the program. */
void interrupt_init(void);

/* Return 0, or the exit code (128 + signal) when the command was told to end. Main thread only. */
int interrupt_code(void);

/* Block both signals in the calling thread (true), or let them in again (false). */
void interrupt_block(bool is_blocked);

/*
 * Register a temporary file.
 *
 * Output: a number for interrupt_forget_file, or -1 when the path is too long or too many are
 *         there.
 */
int interrupt_add_file(const char *path);

/* The file was renamed or removed. Negative numbers are allowed. */
void interrupt_forget_file(int number);

/* Remove every registered file. Safe inside a signal handler. */
void interrupt_remove_files(void);

#endif
