/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An index loaded from a file: see load_index.h.
 *
 * Room: cli.
 */
#include "cli/load_index.h"

#include <string.h>

#include "cli/crew.h"
#include "cli/say.h"

struct load_job {
    const char *path;
    struct akin_options options;
    struct loaded *loaded;
};

static void load(struct crew_member *member, void *context)
{
    const struct load_job *const job = context;
    struct loaded *const loaded = job->loaded;
    (void)member;
    loaded->status = akin_load(job->path, &job->options, &loaded->index, &loaded->error);
    if (loaded->status != AKIN_OK) {
        loaded->index = NULL;
        return;
    }
    loaded->options.struct_size = sizeof loaded->options;
    loaded->status = akin_options_of(loaded->index, &loaded->options, &loaded->error);
}

int load_index(const char *path, uint32_t threads, uint64_t budget_bytes, struct loaded *loaded)
{
    struct load_job job = {.path = path, .loaded = loaded};
    memset(loaded, 0, sizeof *loaded);
    akin_options_init(&job.options);
    job.options.threads = threads;
    job.options.budget_bytes = budget_bytes;
    const struct crew_job crew = {
        .run = load, .context = &job, .title = "loading", .threads = 1, .may_be_left = true};
    return crew_run(&crew);
}
