/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the linearizability checkers found, for people.
 */
#include "harness/linearize.h"

#include <inttypes.h>
#include <stdlib.h>

#include "harness/sizes.h"

const char *linearize_verdict_name(enum linearize_verdict verdict)
{
    switch (verdict) {
    case LINEARIZE_YES:
        return "yes";
    case LINEARIZE_NO:
        return "no";
    default:
        return "unknown";
    }
}

const char *linearize_limit_name(enum linearize_limit limit)
{
    static const char *const names[] = {
        [LINEARIZE_NO_LIMIT] = "no limit was reached",
        [LINEARIZE_LIMIT_STEPS] = "the limit of steps was reached",
        [LINEARIZE_LIMIT_TIME] = "the time was over",
        [LINEARIZE_LIMIT_MEMORY] = "the memory for states was full",
        [LINEARIZE_LIMIT_OPS] = "more calls than one model can hold",
        [LINEARIZE_LIMIT_KEYS] = "more keys than one model can hold",
        [LINEARIZE_LIMIT_CLEARS] = "more clears than the model can hold",
        [LINEARIZE_LIMIT_PENDING] = "more calls that never returned than the model can hold"};
    return (size_t)limit < sizeof names / sizeof names[0] ? names[limit] : "?";
}

static void print_step(FILE *file, const struct linearize_step *step, const struct history_op *ops)
{
    static const char *const parts[] = {[LINEARIZE_CALL] = "",
                                        [LINEARIZE_NOTE] = " (notes)",
                                        [LINEARIZE_WIPE] = " (deletes",
                                        [LINEARIZE_QUIT] = " (leaves the rest)"};
    fprintf(file, "    #%zu ", step->op);
    history_op_print(file, &ops[step->op]);
    fputs(parts[step->part], file);
    if (step->part == LINEARIZE_WIPE) {
        fprintf(file, " key %" PRIu64 ")", step->key);
    }
    fputc('\n', file);
}

void linearize_report_print(FILE *file, const struct linearize_report *report,
                            const struct history_op *ops)
{
    fprintf(file, "linearizable: %s", linearize_verdict_name(report->verdict));
    if (report->limit != LINEARIZE_NO_LIMIT) {
        fprintf(file, " (%s)", linearize_limit_name(report->limit));
    }
    fprintf(file, ", %" PRIu64 " keys, %" PRIu64 " given up, %" PRIu64 " states\n", report->keys,
            report->keys_unknown, report->steps);
    if (report->verdict == LINEARIZE_YES) {
        return;
    }
    if (report->has_key) {
        fprintf(file, "  key %" PRIu64 "\n", report->key);
    }
    const size_t shown = LINEARIZE_STEPS_SHOWN;
    size_t i = report->order_count > shown ? report->order_count - shown : 0;
    fprintf(file, "  the longest order found has %zu steps", report->order_count);
    fprintf(file, i != 0 ? "; the last %zu of them:\n" : ":\n", report->order_count - i);
    for (; i < report->order_count; i++) {
        print_step(file, &report->order[i], ops);
    }
    fprintf(file, "  it does not place %zu calls:\n", report->unplaced_count);
    for (i = 0; i < report->unplaced_count && i < shown; i++) {
        fprintf(file, "    #%zu ", report->unplaced[i]);
        history_op_print(file, &ops[report->unplaced[i]]);
        fputc('\n', file);
    }
    if (i < report->unplaced_count) {
        fprintf(file, "    and %zu later ones\n", report->unplaced_count - i);
    }
}

void linearize_report_end(struct linearize_report *report)
{
    free(report->order);
    free(report->unplaced);
    *report = (struct linearize_report){.order = NULL};
}
