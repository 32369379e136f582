/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Histories as text.
 */
#include "harness/history_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "harness/harness_alloc.h"

static const char first_line[] = "akin-history 1";

/* What is being read. Results are numbers of a place until all of them are there. */
struct reader {
    struct history *history;
    size_t *lines; /* of each call */
    size_t op_capacity;
    size_t initial_capacity;
    size_t result_capacity;
    char *rest; /* of the line */
};

/* Make room for one more element. */
static void *grown(void *block, size_t count, size_t *capacity, size_t bytes)
{
    if (count < *capacity) {
        return block;
    }
    *capacity = *capacity != 0 ? 2 * *capacity : 64;
    return harness_realloc(block, *capacity, bytes);
}

/* The next field, ended by a blank or the end of the line; NULL when there is none. */
static char *next_field(struct reader *reader)
{
    char *const field = reader->rest;
    if (field == NULL || *field == '\0' || *field == ' ') {
        return NULL;
    }
    char *const blank = strchr(field, ' ');
    reader->rest = blank != NULL ? blank + 1 : NULL;
    if (blank != NULL) {
        *blank = '\0';
    }
    return field;
}

static bool to_number(const char *text, uint64_t *number)
{
    char *end = NULL;
    if (text == NULL || *text < '0' || *text > '9') {
        return false;
    }
    errno = 0;
    *number = strtoull(text, &end, 10);
    return *end == '\0' && errno == 0;
}

static bool to_value(const char *text, uint64_t *value)
{
    if (text != NULL && strcmp(text, "torn") == 0) {
        *value = HISTORY_TORN;
        return true;
    }
    return to_number(text, value);
}

static bool to_word(const char *text, const char *(*name_of)(uint32_t), uint32_t count,
                    uint8_t *number)
{
    for (uint32_t i = 0; text != NULL && i < count; i++) {
        if (strcmp(text, name_of(i)) == 0) {
            *number = (uint8_t)i;
            return true;
        }
    }
    return false;
}

static bool to_key(const char *text, const struct history_op *op, uint64_t *key)
{
    if (text != NULL && op->kind == HISTORY_SEARCH) {
        if (strcmp(text, "above") == 0 || strcmp(text, "below") == 0) {
            *key = *text == 'a' ? HISTORY_QUERY_ABOVE : HISTORY_QUERY_BELOW;
            return true;
        }
    }
    return to_number(text, key);
}

static const char *read_results(struct reader *reader, struct history_op *op)
{
    struct history *const history = reader->history;
    for (char *text = next_field(reader); text != NULL; text = next_field(reader)) {
        char *const equals = strchr(text, '=');
        struct history_result result;
        if (equals == NULL) {
            return "a result that is not KEY=VALUE";
        }
        *equals = '\0';
        if (!to_number(text, &result.key) || !to_value(equals + 1, &result.value)) {
            return "a result that is not KEY=VALUE";
        }
        if (op->result_count == UINT16_MAX) {
            return "too many results";
        }
        history->results = grown(history->results, history->result_count, &reader->result_capacity,
                                 sizeof *history->results);
        history->results[history->result_count++] = result;
        op->result_count++;
    }
    return reader->rest != NULL ? "a blank too many" : NULL;
}

static const char *read_op(struct reader *reader, const char *thread_text, struct history_op *op)
{
    uint64_t thread = 0;
    if (!to_number(thread_text, &thread) || thread > UINT32_MAX) {
        return "no number of a thread";
    }
    op->thread = (uint32_t)thread;
    if (!to_number(next_field(reader), &op->invoked)) {
        return "no number of the invocation";
    }
    const char *const returned = next_field(reader);
    op->returned = HISTORY_PENDING;
    const bool is_pending = returned != NULL && strcmp(returned, "-") == 0;
    if (!is_pending && !to_number(returned, &op->returned)) {
        return "no number of the return";
    }
    if (!to_word(next_field(reader), history_kind_name, HISTORY_KINDS, &op->kind)) {
        return "no kind of call";
    }
    if (!to_key(next_field(reader), op, &op->key)) {
        return "no key";
    }
    if (!to_value(next_field(reader), &op->value)) {
        return "no value";
    }
    const char *const answer = next_field(reader);
    if (is_pending ? answer == NULL || strcmp(answer, "-") != 0
                   : !to_word(answer, history_answer_name, HISTORY_ANSWERS, &op->answer)) {
        return "no answer, or one of a call that never returned";
    }
    return read_results(reader, op);
}

static const char *read_initial(struct reader *reader)
{
    struct history *const history = reader->history;
    struct history_result entry;
    if (history->count != 0) {
        return "an initial entry after the first call";
    }
    if (!to_number(next_field(reader), &entry.key) || !to_value(next_field(reader), &entry.value) ||
        reader->rest != NULL) {
        return "an initial entry that is not KEY VALUE";
    }
    history->initial = grown(history->initial, history->initial_count, &reader->initial_capacity,
                             sizeof *history->initial);
    history->initial[history->initial_count++] = entry;
    return NULL;
}

static const char *read_line(struct reader *reader, char *text, size_t line)
{
    struct history *const history = reader->history;
    struct history_op op = {.invoked = 0};
    reader->rest = text;
    const char *const first = next_field(reader);
    if (first == NULL) {
        return "an empty line, or a blank too many";
    }
    if (strcmp(first, "initial") == 0) {
        return read_initial(reader);
    }
    const char *const fault = read_op(reader, first, &op);
    if (history->count == reader->op_capacity) {
        size_t capacity = reader->op_capacity;
        history->ops = grown(history->ops, history->count, &capacity, sizeof *history->ops);
        reader->lines = harness_realloc(reader->lines, capacity, sizeof *reader->lines);
        reader->op_capacity = capacity;
    }
    reader->lines[history->count] = line;
    history->ops[history->count++] = op;
    return fault;
}

/* Blocks move while they grow; now they do not. */
static void point_to_results(struct history *history)
{
    size_t used = 0;
    for (size_t i = 0; i < history->count; i++) {
        struct history_op *const op = &history->ops[i];
        op->results = op->result_count != 0 ? history->results + used : NULL;
        used += op->result_count;
    }
}

static bool fail(struct history_file_error *error, size_t line, const char *reason, int os_error)
{
    *error = (struct history_file_error){.line = line, .reason = reason, .os_error = os_error};
    return false;
}

static bool read_lines(struct reader *reader, FILE *file, struct history_file_error *error)
{
    char *text = NULL;
    size_t room = 0;
    size_t line = 0;
    const char *fault = NULL;
    for (ssize_t length = 0; fault == NULL && (length = getline(&text, &room, file)) >= 0;) {
        line++;
        if (length == 0 || text[length - 1] != '\n' || strlen(text) != (size_t)length) {
            fault = "the line has no end, or a zero inside";
            break;
        }
        text[length - 1] = '\0';
        if (line == 1) {
            fault = strcmp(text, first_line) == 0 ? NULL : "not \"akin-history 1\"";
        } else if (text[0] != '#') {
            fault = read_line(reader, text, line);
        }
    }
    free(text);
    if (fault == NULL && ferror(file)) {
        return fail(error, 0, "reading failed", errno);
    }
    if (fault == NULL && line == 0) {
        return fail(error, 1, "the file is empty", 0);
    }
    return fault == NULL || fail(error, line, fault, 0);
}

bool history_read(FILE *file, struct history *history, struct history_file_error *error)
{
    struct reader reader = {.history = history};
    *history = (struct history){.ops = NULL};
    bool is_good = read_lines(&reader, file, error);
    if (is_good) {
        size_t bad = 0;
        point_to_results(history);
        const char *const fault = history_fault(history->ops, history->count, history->initial,
                                                history->initial_count, &bad);
        if (fault != NULL) {
            is_good = fail(error, bad < history->count ? reader.lines[bad] : 0, fault, 0);
        }
    }
    free(reader.lines);
    if (!is_good) {
        history_end(history);
    }
    return is_good;
}

bool history_load(const char *path, struct history *history, struct history_file_error *error)
{
    FILE *const file = fopen(path, "r");
    if (file == NULL) {
        return fail(error, 0, "the file cannot be opened", errno);
    }
    const bool is_good = history_read(file, history, error);
    (void)fclose(file);
    return is_good;
}

static void write_value(FILE *file, uint64_t value)
{
    if (value == HISTORY_TORN) {
        fputs("torn", file);
    } else {
        fprintf(file, "%" PRIu64, value);
    }
}

static void write_op(FILE *file, const struct history_op *op)
{
    const bool is_pending = history_is_pending(op);
    fprintf(file, "%" PRIu32 " %" PRIu64 " ", op->thread, op->invoked);
    if (is_pending) {
        fputs("- ", file);
    } else {
        fprintf(file, "%" PRIu64 " ", op->returned);
    }
    if (op->kind == HISTORY_SEARCH &&
        (op->key == HISTORY_QUERY_ABOVE || op->key == HISTORY_QUERY_BELOW)) {
        fprintf(file, "search %s ", op->key == HISTORY_QUERY_ABOVE ? "above" : "below");
    } else {
        fprintf(file, "%s %" PRIu64 " ", history_kind_name(op->kind), op->key);
    }
    write_value(file, op->value);
    fprintf(file, " %s", is_pending ? "-" : history_answer_name(op->answer));
    for (size_t r = 0; r < op->result_count; r++) {
        fprintf(file, " %" PRIu64 "=", op->results[r].key);
        write_value(file, op->results[r].value);
    }
    fputc('\n', file);
}

bool history_write(FILE *file, const struct history *history, struct history_file_error *error)
{
    fprintf(file, "%s\n", first_line);
    for (size_t i = 0; i < history->initial_count; i++) {
        fprintf(file, "initial %" PRIu64 " %" PRIu64 "\n", history->initial[i].key,
                history->initial[i].value);
    }
    for (size_t i = 0; i < history->count; i++) {
        write_op(file, &history->ops[i]);
    }
    return fflush(file) == 0 && !ferror(file) ? true : fail(error, 0, "writing failed", errno);
}

bool history_save(const char *path, const struct history *history, struct history_file_error *error)
{
    FILE *const file = fopen(path, "w");
    if (file == NULL) {
        return fail(error, 0, "the file cannot be made", errno);
    }
    const bool is_good = history_write(file, history, error);
    if (fclose(file) != 0 && is_good) {
        return fail(error, 0, "writing failed", errno);
    }
    return is_good;
}
