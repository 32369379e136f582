/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of a script.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "schedule/script_calls.h"

static const char with_value[] = "iupl";
static const char with_key[] = "iupldgc";
static const char without_key[] = "nxsbvwmMt";

static const char *skip_blanks(const char *text)
{
    while (*text == ' ') {
        text++;
    }
    return text;
}

static const char *skip_call(const char *text)
{
    while (*text != ' ' && *text != '\0') {
        text++;
    }
    return text;
}

/* One call; NULL when it makes no sense. */
static const char *parse_call(const char *text, struct script_call *call)
{
    char *end = NULL;
    const char letter = *text++;
    *call = (struct script_call){.kind = (enum call_kind)letter};
    if (strchr(without_key, letter) != NULL) {
        return *text == ' ' || *text == '\0' ? text : NULL;
    }
    if (strchr(with_key, letter) == NULL || !isdigit((unsigned char)*text)) {
        return NULL;
    }
    call->key = strtoull(text, &end, 10);
    text = end;
    if (strchr(with_value, letter) != NULL) {
        if (*text != '=' || !isdigit((unsigned char)text[1])) {
            return NULL;
        }
        call->value = strtoull(text + 1, &end, 10);
        text = end;
        if (call->value < 1 || call->value > 255) {
            return NULL;
        }
    }
    return *text == ' ' || *text == '\0' ? text : NULL;
}

bool script_parse(const char *text, struct script_list *list, const char **problem)
{
    list->count = 0;
    if (strlen(text) >= EXPLORE_TEXT_BYTES) {
        *problem = "a list of calls is too long";
        return false;
    }
    for (text = skip_blanks(text); *text != '\0'; text = skip_blanks(text)) {
        if (list->count == EXPLORE_CALLS_MAX) {
            *problem = "a list has too many calls";
            return false;
        }
        text = parse_call(text, &list->calls[list->count]);
        if (text == NULL) {
            *problem = "a call makes no sense; script.h has the letters";
            return false;
        }
        list->count++;
    }
    return true;
}

uint32_t script_count(const char *text)
{
    uint32_t count = 0;
    for (text = skip_blanks(text); *text != '\0'; text = skip_blanks(skip_call(text))) {
        count++;
    }
    return count;
}

void script_text_without(const char *text, uint32_t call, char *shorter)
{
    size_t used = 0;
    uint32_t number = 0;
    for (text = skip_blanks(text); *text != '\0'; number++) {
        const char *const end = skip_call(text);
        const size_t length = (size_t)(end - text);
        if (number != call && used + length + 1 < EXPLORE_TEXT_BYTES) {
            if (used > 0) {
                shorter[used++] = ' ';
            }
            memcpy(shorter + used, text, length);
            used += length;
        }
        text = skip_blanks(end);
    }
    shorter[used] = '\0';
}

static uint32_t add_keys(const struct script_list *list, uint64_t keys[EXPLORE_KEYS_MAX],
                         uint32_t count)
{
    for (uint32_t i = 0; i < list->count; i++) {
        const struct script_call *const call = &list->calls[i];
        bool is_new = strchr(with_key, (int)call->kind) != NULL && count < EXPLORE_KEYS_MAX;
        for (uint32_t j = 0; j < count; j++) {
            is_new = is_new && keys[j] != call->key;
        }
        if (is_new) {
            keys[count++] = call->key;
        }
    }
    return count;
}

static int ascending(const void *left, const void *right)
{
    const uint64_t a = *(const uint64_t *)left;
    const uint64_t b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

uint32_t script_keys(const struct script_list *fibers, uint32_t fiber_count,
                     const struct script_list *set_up, uint64_t keys[EXPLORE_KEYS_MAX])
{
    uint32_t count = add_keys(set_up, keys, 0);
    for (uint32_t i = 0; i < fiber_count; i++) {
        count = add_keys(&fibers[i], keys, count);
    }
    qsort(keys, count, sizeof keys[0], ascending);
    return count;
}
