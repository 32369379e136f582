/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a checked build that found a broken assertion.
 *
 * Level: base (0). Empty in a release build.
 */
#include "base/invariant.h"

#include <string.h>
#include <unistd.h>

#if AKIN_CHECKED
static void say(const char *text)
{
    /* Nothing can be done about a failed write on the way down. */
    const ssize_t written = write(STDERR_FILENO, text, strlen(text));
    (void)written;
}

void invariant_failed(const char *kind, const char *text, const char *file, int line)
{
    char digits[12];
    size_t at = sizeof digits;
    unsigned int rest = line > 0 ? (unsigned int)line : 0;
    digits[--at] = '\0';
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    say("akin: broken ");
    say(kind);
    say("(");
    say(text);
    say(") at ");
    say(file);
    say(":");
    say(digits + at);
    say("\n");
    __builtin_trap();
}
#else
typedef int invariant_is_not_checked;
#endif
