/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of akin demo: see demo_words.h.
 *
 * Room: cli.
 */
#include "cli/demo_words.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/say.h"

#define FILE_BYTES_MAX (256u * 1024u * 1024u)
#define WORDS_MAX      10000000u

static const char *const debian_lists[] = {"/usr/share/dict/american-english",
                                           "/usr/share/dict/words"};

/* Read a whole file, with a zero byte behind it. */
static int read_text(struct demo_words *words, FILE *file)
{
    size_t capacity = 1u << 16;
    size_t used = 0;
    words->text = malloc(capacity);
    while (words->text != NULL) {
        used += fread(words->text + used, 1, capacity - used - 1, file);
        if (used + 1 < capacity) {
            words->text[used] = '\0';
            if (ferror(file) != 0) {
                return say_error(CLI_IO, "%s: cannot be read: %s", words->source, strerror(errno));
            }
            if (strlen(words->text) != used) {
                return say_error(CLI_DATA, "%s: byte %zu is zero; a text is wanted", words->source,
                                 strlen(words->text));
            }
            return CLI_OK;
        }
        if (capacity >= FILE_BYTES_MAX) {
            return say_error(CLI_DATA, "%s: is larger than %u MiB", words->source,
                             FILE_BYTES_MAX >> 20);
        }
        capacity *= 2;
        char *const larger = realloc(words->text, capacity);
        if (larger == NULL) {
            break;
        }
        words->text = larger;
    }
    return say_no_memory("the list of words");
}

/* Note where each word begins, and end each with a zero byte. Empty lines are left out. */
static int split(struct demo_words *words, const char *separators)
{
    char *place = words->text;
    uint32_t line = 0;
    uint32_t capacity = 0;
    while (*place != '\0') {
        line++;
        const size_t length = strcspn(place, separators);
        const bool is_last = place[length] == '\0';
        place[length] = '\0';
        if (length > DEMO_WORD_MAX) {
            return say_error(CLI_DATA, "%s: line %u has %zu bytes; a word has at most %u",
                             words->source, line, length, DEMO_WORD_MAX);
        }
        if (words->count == capacity) {
            capacity = capacity == 0 ? 1024 : capacity * 2;
            uint32_t *const larger = realloc(words->starts, capacity * sizeof *larger);
            if (larger == NULL) {
                return say_no_memory("the list of words");
            }
            words->starts = larger;
        }
        if (length > 0 && place[length - 1] == '\r') {
            place[length - 1] = '\0';
        }
        if (place[0] != '\0') {
            words->starts[words->count++] = (uint32_t)(place - words->text);
        }
        place += is_last ? length : length + 1;
    }
    if (words->count == 0) {
        return say_error(CLI_DATA, "%s: holds no words", words->source);
    }
    if (words->count > WORDS_MAX) {
        return say_error(CLI_DATA, "%s: holds %u words; at most %u are taken", words->source,
                         words->count, WORDS_MAX);
    }
    return CLI_OK;
}

static int take_builtin(struct demo_words *words)
{
    size_t bytes = 1;
    words->source = "the built-in list";
    for (uint32_t i = 0; demo_builtin_words[i] != NULL; i++) {
        bytes += strlen(demo_builtin_words[i]) + 1;
    }
    words->text = malloc(bytes);
    if (words->text == NULL) {
        return say_no_memory("the list of words");
    }
    char *end = words->text;
    for (uint32_t i = 0; demo_builtin_words[i] != NULL; i++) {
        end = stpcpy(stpcpy(end, demo_builtin_words[i]), " ");
    }
    return split(words, " ");
}

int demo_words_read(struct demo_words *words, const char *path)
{
    FILE *file = NULL;
    memset(words, 0, sizeof *words);
    if (path != NULL && path[0] == '\0') {
        return take_builtin(words);
    }
    if (path != NULL) {
        words->source = path;
        file = fopen(path, "re");
        if (file == NULL) {
            return say_error(CLI_IO, "%s: cannot be opened: %s", path, strerror(errno));
        }
    }
    for (size_t i = 0; file == NULL && i < sizeof debian_lists / sizeof debian_lists[0]; i++) {
        words->source = debian_lists[i];
        file = fopen(debian_lists[i], "re");
    }
    if (file == NULL) {
        return take_builtin(words);
    }
    int code = read_text(words, file);
    fclose(file);
    if (code == CLI_OK) {
        code = split(words, "\n");
    }
    return code;
}

void demo_words_free(struct demo_words *words)
{
    free(words->starts);
    free(words->text);
    memset(words, 0, sizeof *words);
}
