/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What akin demo prints: for a person while it runs, or one JSON object at the end.
 *
 * Room: cli.
 */
#ifndef AKIN_CLI_DEMO_REPORT_H
#define AKIN_CLI_DEMO_REPORT_H

#include <jansson.h>
#include <stdbool.h>

#include "akin/akin.h"
#include "cli/demo_mix.h"
#include "cli/demo_verify.h"

/* Everything that is reported, as far as it is known. */
struct demo_summary {
    const struct demo_model *model;
    const struct demo_tally *tally;
    const struct demo_verdict *verdict;
    double build_seconds;
    double bytes_per_word;
    double mix_seconds;
    double verify_seconds;
    uint32_t threads; /* that built it */
    uint32_t writer_count;
    uint32_t reader_count;
    json_t *looked_up; /* JSON only: what the misspelled words gave */
    bool is_json;
};

/* After the build. */
void demo_report_build(const struct demo_summary *summary);

/* One misspelled word and its nearest words. Returns false when there is no memory for JSON. */
bool demo_report_lookup(struct demo_summary *summary, const char *word,
                        const struct akin_neighbor *found, uint32_t count);

/* At the end. Returns an exit code of emit_json. */
int demo_report_end(struct demo_summary *summary);

#endif
