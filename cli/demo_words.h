/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of akin demo: Debian's list, a file of the user's, or a small list of its own.
 *
 * Room: cli.
 */
#ifndef AKIN_CLI_DEMO_WORDS_H
#define AKIN_CLI_DEMO_WORDS_H

#include <stdint.h>

/* Longest word taken, in bytes. */
#define DEMO_WORD_MAX 100u

struct demo_words {
    const char *source; /* the file, or "the built-in list" */
    char *text;         /* all words, each ended by a zero byte */
    uint32_t *starts;   /* where each begins */
    uint32_t count;
};

/*
 * Read the words.
 *
 * Input     : path: a file with a word a line; "" for the built-in list; NULL for the first of
 *             Debian's lists that is there, else the built-in one.
 * Output    : CLI_OK, or an exit code after a message.
 * Ownership : the caller calls demo_words_free, also after failure.
 */
int demo_words_read(struct demo_words *words, const char *path);

void demo_words_free(struct demo_words *words);

/* The built-in list: lines of words separated by blanks, ended by NULL. */
extern const char *const demo_builtin_words[];

#endif
