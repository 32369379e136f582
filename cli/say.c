/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages and exit codes: see say.h.
 *
 * Room: cli.
 */
#include "cli/say.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SAY_BYTES_MAX 1024

static const char *say_prefix = "akin";
static bool say_less;

void say_name(const char *name)
{
    say_prefix = name;
}

const char *say_current_name(void)
{
    return say_prefix;
}

void say_quiet(bool is_quiet)
{
    say_less = is_quiet;
}

bool say_is_quiet(void)
{
    return say_less;
}

/* One call of the C library a line, so that lines of several threads do not mix. */
static void say_line(const char *format, va_list arguments) __attribute__((format(printf, 1, 0)));

static void say_line(const char *format, va_list arguments)
{
    char text[SAY_BYTES_MAX];
    vsnprintf(text, sizeof text, format, arguments);
    fprintf(stderr, "%s: %s\n", say_prefix, text);
}

int say_error(int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say_line(format, arguments);
    va_end(arguments);
    return code;
}

void say_note(const char *format, ...)
{
    if (say_less) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    say_line(format, arguments);
    va_end(arguments);
}

int say_no_memory(const char *what)
{
    return say_error(CLI_MEMORY, "out of memory: %s", what);
}

int say_code_of(enum akin_status status)
{
    switch (status) {
    case AKIN_OK:
        return CLI_OK;
    case AKIN_NO_MEMORY:
    case AKIN_OVER_BUDGET:
    case AKIN_INDEX_FULL:
    case AKIN_RECLAIM_STALLED:
    case AKIN_THREAD_FAILED:
    case AKIN_BAD_BUDGET:
        return CLI_MEMORY;
    case AKIN_IO:
        return CLI_IO;
    case AKIN_INCOMPATIBLE:
        return CLI_INCOMPATIBLE;
    default:
        return CLI_DATA;
    }
}

int say_status(enum akin_status status, const struct akin_error *error, const char *about)
{
    /* The reason of the operating system, unless the message has it. */
    const char *const reason = error->os_error != 0 ? strerror(error->os_error) : "";
    const bool is_said = reason[0] == '\0' || strstr(error->message, reason) != NULL;
    return say_error(say_code_of(status), "%s: %s%s%s (%s)", about, error->message,
                     is_said ? "" : ": ", is_said ? "" : reason, akin_status_name(status));
}

int say_output_code(void)
{
    if (ferror(stdout) == 0) {
        return CLI_OK;
    }
    if (errno == EPIPE) {
        return CLI_PIPE;
    }
    return say_error(CLI_IO, "standard output could not be written: %s",
                     errno != 0 ? strerror(errno) : "an earlier write failed");
}

int say_end(int code)
{
    errno = 0;
    /* A failure sets the error indicator too. */
    (void)fflush(stdout);
    return code == CLI_OK ? say_output_code() : code;
}
