/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A progress bar: see progress.h.
 *
 * Room: cli.
 */
#include "cli/progress.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/latency.h"
#include "cli/say.h"

#define FIRST_AFTER_NS 1000000000u
#define AGAIN_AFTER_NS 100000000u
#define BAR_CELLS      30u

static const char *bar_title;
static uint64_t begun_ns;
static uint64_t drawn_ns;
static int drawn_columns;

static bool has_colors(void)
{
    const char *const no_color = getenv("NO_COLOR");
    const char *const terminal = getenv("TERM");
    const bool is_dumb = terminal == NULL || strcmp(terminal, "dumb") == 0;
    return (no_color == NULL || no_color[0] == '\0') && !is_dumb;
}

void progress_begin(const char *title)
{
    bar_title = title;
    begun_ns = time_now_ns();
    drawn_ns = 0;
    drawn_columns = 0;
}

/* Work whose amount nobody knows. */
static void draw_seconds(double passed_seconds)
{
    drawn_columns =
        fprintf(stderr, "\r%s: %s, %.0f s", say_current_name(), bar_title, passed_seconds);
    fflush(stderr);
}

static void draw_bar(double part, double passed_seconds)
{
    const unsigned cells = (unsigned)(part * (double)BAR_CELLS);
    char bar[BAR_CELLS + 1];
    memset(bar, '.', BAR_CELLS);
    memset(bar, '#', cells);
    bar[BAR_CELLS] = '\0';
    const bool is_colored = has_colors();
    const int columns = fprintf(stderr, "\r%s: %s [", say_current_name(), bar_title) - 1;
    fprintf(stderr, "%s%s%s", is_colored ? "\033[32m" : "", bar, is_colored ? "\033[0m" : "");
    int rest = fprintf(stderr, "] %3.0f %%", part * 100.0);
    if (part > 0.01) {
        rest += fprintf(stderr, ", %.0f s left ", passed_seconds * (1.0 - part) / part);
    }
    fflush(stderr);
    drawn_columns = columns + (int)BAR_CELLS + rest;
}

void progress_show(uint64_t done, uint64_t total)
{
    if (bar_title == NULL || say_is_quiet() || !isatty(STDERR_FILENO)) {
        return;
    }
    const uint64_t now_ns = time_now_ns();
    if (now_ns - begun_ns < FIRST_AFTER_NS || now_ns - drawn_ns < AGAIN_AFTER_NS) {
        return;
    }
    const double passed_seconds = (double)(now_ns - begun_ns) * 1e-9;
    if (total == 0) {
        draw_seconds(passed_seconds);
    } else {
        draw_bar(done >= total ? 1.0 : (double)done / (double)total, passed_seconds);
    }
    drawn_ns = now_ns;
}

void progress_end(void)
{
    if (drawn_columns > 0) {
        fprintf(stderr, "\r%*s\r", drawn_columns, "");
        fflush(stderr);
    }
    drawn_columns = 0;
    bar_title = NULL;
}
