/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of options: see args.h.
 *
 * Room: cli.
 */
#include "cli/args.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "cli/say.h"

struct args_word {
    const char *word;
    int value;
};

static const struct args_word metric_words[] = {
    {"l2", AKIN_L2}, {"ip", AKIN_INNER_PRODUCT}, {"cosine", AKIN_COSINE}, {NULL, 0}};
static const struct args_word type_words[] = {{"f32", AKIN_F32}, {"int8", AKIN_I8}, {NULL, 0}};
static const struct args_word codes_words[] = {
    {"sq8", AKIN_CODES_SQ8},
    {"none", AKIN_CODES_NONE},
    {NULL, 0},
};

static const struct args_word kind_words[] = {{"flat", AKIN_FLAT}, {"hnsw", AKIN_HNSW}, {NULL, 0}};

/* Digits only: strtoull would take signs and blanks. Returns false for anything else. */
static bool read_number(const char *text, uint64_t *number, const char **rest)
{
    if (!isdigit((unsigned char)text[0])) {
        return false;
    }
    char *end = NULL;
    errno = 0;
    *number = strtoull(text, &end, 10);
    *rest = end;
    return errno == 0;
}

uint64_t args_count(const struct argp_state *state, const char *option, const char *text,
                    uint64_t min, uint64_t max)
{
    uint64_t number = 0;
    const char *rest = "";
    if (!read_number(text, &number, &rest) || *rest != '\0' || number < min || number > max) {
        argp_error(state, "%s is '%s'; a whole number from %llu to %llu is allowed", option, text,
                   (unsigned long long)min, (unsigned long long)max);
    }
    return number;
}

uint64_t args_bytes(const struct argp_state *state, const char *option, const char *text)
{
    static const char units[] = "KMGT";
    uint64_t number = 0;
    const char *rest = "";
    bool is_good = read_number(text, &number, &rest) && number > 0;
    if (is_good && *rest != '\0') {
        const char *const unit = strchr(units, toupper((unsigned char)*rest));
        const unsigned shift = unit != NULL ? 10u * (unsigned)(unit - units + 1) : 0;
        is_good = shift != 0 && rest[1] == '\0' && number <= UINT64_MAX >> shift;
        number <<= is_good ? shift : 0;
    }
    if (!is_good) {
        argp_error(
            state,
            "%s is '%s'; a number of bytes from 1 on is allowed, with K, M, G or T behind it "
            "if wanted",
            option, text);
    }
    return number;
}

double args_seconds(const struct argp_state *state, const char *option, const char *text,
                    double min, double max)
{
    char *end = NULL;
    const double seconds = strtod(text, &end);
    const bool is_number = end != text && *end == '\0' && isfinite(seconds);
    if (!is_number || seconds < min || seconds > max) {
        argp_error(state, "%s is '%s'; a number of seconds from %g to %g is allowed", option, text,
                   min, max);
    }
    return seconds;
}

void args_list(const struct argp_state *state, const char *option, const char *text,
               struct args_list *list, uint32_t max)
{
    list->count = 0;
    const char *rest = text;
    while (true) {
        uint64_t number = 0;
        if (list->count == ARGS_LIST_MAX || !read_number(rest, &number, &rest) || number < 1 ||
            number > max || (*rest != '\0' && *rest != ',')) {
            argp_error(state,
                       "%s is '%s'; up to %d whole numbers from 1 to %u are allowed, "
                       "separated by commas",
                       option, text, ARGS_LIST_MAX, max);
            return;
        }
        list->values[list->count++] = (uint32_t)number;
        if (*rest == '\0') {
            return;
        }
        rest++;
    }
}

static int word_value(const struct argp_state *state, const char *option, const char *text,
                      const struct args_word *words)
{
    char allowed[64] = "";
    for (const struct args_word *word = words; word->word != NULL; word++) {
        if (strcmp(word->word, text) == 0) {
            return word->value;
        }
        if (word != words) {
            strncat(allowed, ", ", sizeof allowed - strlen(allowed) - 1);
        }
        strncat(allowed, word->word, sizeof allowed - strlen(allowed) - 1);
    }
    argp_error(state, "%s is '%s'; allowed: %s", option, text, allowed);
    return words[0].value;
}

static const char *word_of(const struct args_word *words, int value)
{
    for (const struct args_word *word = words; word->word != NULL; word++) {
        if (word->value == value) {
            return word->word;
        }
    }
    return "unknown";
}

enum akin_metric args_metric(const struct argp_state *state, const char *text)
{
    return (enum akin_metric)word_value(state, "--metric", text, metric_words);
}

enum akin_type args_type(const struct argp_state *state, const char *text)
{
    return (enum akin_type)word_value(state, "--type", text, type_words);
}

enum akin_kind args_kind(const struct argp_state *state, const char *text)
{
    return (enum akin_kind)word_value(state, "--index", text, kind_words);
}

enum akin_codes args_codes(const struct argp_state *state, const char *text)
{
    return (enum akin_codes)word_value(state, "--codes", text, codes_words);
}

const char *args_metric_name(enum akin_metric metric)
{
    return word_of(metric_words, (int)metric);
}

const char *args_type_name(enum akin_type type)
{
    return word_of(type_words, (int)type);
}

const char *args_kind_name(enum akin_kind kind)
{
    return word_of(kind_words, (int)kind);
}

error_t args_graph(struct argp_state *state, int key, const char *text, uint32_t *m,
                   uint32_t *ef_construction)
{
    switch (key) {
    case ARGS_M:
        *m = (uint32_t)args_count(state, "--m", text, 2, 64);
        return 0;
    case ARGS_EF_CONSTRUCTION:
        *ef_construction = (uint32_t)args_count(state, "--ef-construction", text, 1, AKIN_K_MAX);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

void args_require(const struct argp_state *state, const char *option, bool is_given)
{
    if (!is_given) {
        argp_error(state, "%s is missing", option);
    }
}

void args_parse(const struct argp *parser, int argc, char **argv, void *input)
{
    const error_t failure = argp_parse(parser, argc, argv, 0, NULL, input);
    if (failure != 0) {
        exit(say_error(CLI_USAGE, "the arguments could not be read: %s", strerror(failure)));
    }
}

uint32_t args_threads_default(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) {
        return 1;
    }
    const int processors = CPU_COUNT(&set);
    return processors < 1 ? 1 : (uint32_t)processors;
}
