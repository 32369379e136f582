/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An index loaded from a file, while the main thread looks for signals.
 *
 * Room: cli.
 */
#ifndef AKIN_CLI_LOAD_INDEX_H
#define AKIN_CLI_LOAD_INDEX_H

#include <stdint.h>

#include "akin/akin.h"

/* What loading gave. */
struct loaded {
    akin_index *index;           /* NULL unless status is AKIN_OK; the caller closes it */
    struct akin_options options; /* of the index, when status is AKIN_OK */
    enum akin_status status;
    struct akin_error error;
};

/*
 * Load an index.
 *
 * Input  : threads: that will search. budget_bytes: 0 for no bound.
 * Output : CLI_OK, whatever the library answered; the exit code of a signal otherwise.
 * Threads: main thread only.
 */
int load_index(const char *path, uint32_t threads, uint64_t budget_bytes, struct loaded *loaded);

#endif
