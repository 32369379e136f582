/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts of large histories, held against bounds at each instant.
 */
#include "harness/count_check.h"

#include <inttypes.h>

#include "harness/history_keys.h"
#include "harness/presence.h"

/* Hold one count against the bounds; it becomes the report's when it is wrong. */
static bool is_possible(const struct presence *presence, const struct history_op *op,
                        struct count_report *report)
{
    bool is_found = false;
    report->counts++;
    report->low = UINT64_MAX;
    report->high = 0;
    for (size_t i = presence_find(presence, history_start(op));
         i < presence->count && presence->changes[i].time < history_stop(op); i++) {
        const uint64_t low = (uint64_t)presence->changes[i].low;
        const uint64_t high = (uint64_t)presence->changes[i].high;
        is_found = is_found || (low <= op->value && op->value <= high);
        report->low = low < report->low ? low : report->low;
        report->high = high > report->high ? high : report->high;
        report->widest_gap = high - low > report->widest_gap ? high - low : report->widest_gap;
    }
    return is_found && op->answer == HISTORY_OK;
}

bool count_check(const struct history_op *ops, size_t count,
                 const struct linearize_initial *initial, struct count_report *report)
{
    struct count_report found = {.wrong = SIZE_MAX};
    struct presence presence;
    presence_make(&presence, ops, count, initial);
    for (size_t i = 0; i < count && found.wrong == SIZE_MAX; i++) {
        if (ops[i].kind == HISTORY_COUNT && !history_is_pending(&ops[i]) &&
            ops[i].answer != HISTORY_FAILED && !is_possible(&presence, &ops[i], &found)) {
            found.wrong = i;
        }
    }
    presence_end(&presence);
    if (report != NULL) {
        *report = found;
    }
    return found.wrong == SIZE_MAX;
}

void count_report_print(FILE *file, const struct count_report *report, const struct history_op *ops)
{
    fprintf(file, "counts possible: %s, %zu judged, bounds up to %" PRIu64 " apart\n",
            report->wrong == SIZE_MAX ? "yes" : "no", report->counts, report->widest_gap);
    if (report->wrong != SIZE_MAX) {
        fprintf(file, "  #%zu ", report->wrong);
        history_op_print(file, &ops[report->wrong]);
        fprintf(file,
                "\n  there were at least %" PRIu64 " and at most %" PRIu64
                " entries during that call, and at no instant so many\n",
                report->low, report->high);
    }
}
