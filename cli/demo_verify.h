/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of akin demo: everything that must be there is there, nothing else is, and it is found.
 *
 * Room: cli.
 */
#ifndef AKIN_CLI_DEMO_VERIFY_H
#define AKIN_CLI_DEMO_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "akin/akin.h"
#include "cli/demo_mix.h"

/* What the last pass found. Torn reads, lost writes and the like are in the tally. */
struct demo_verdict {
    uint64_t count_expected;
    uint64_t count; /* as akin_count says */
    uint32_t queries;
    double recall; /* of the searches after the last write, against a comparison of everything */
    bool is_structure_right;
    char structure[220]; /* what akin_check found, when it is not */
};

/*
 * Check everything, while nobody writes.
 *
 * Input  : tally: opened; what is wrong is counted there.
 * Output : CLI_OK and the verdict, whatever it is; another exit code after a message.
 * Threads: main thread only.
 */
int demo_verify(akin_index *index, struct demo_model *model, uint32_t threads,
                struct demo_tally *tally, struct demo_verdict *verdict);

/* Say whether all is as it must be. */
bool demo_is_right(const struct demo_tally *tally, const struct demo_verdict *verdict);

/* Misspelled words that the demo looks up; ended by NULL. */
extern const char *const demo_misspelled[];

#endif
