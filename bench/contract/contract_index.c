/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of the library that several benchmarks make: see contract_index.h.
 *
 * Room: bench.
 */
#include "bench/contract/contract_index.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/latency.h"
#include "cli/say.h"

enum akin_status contract_insert(akin_index *index, const struct vecs *base, uint64_t row,
                                 enum akin_type type, void *scratch, struct akin_error *error)
{
    const struct akin_vector vector = {
        .data = vecs_row_as(base, row, type, scratch), .dim = base->dim, .type = type};
    return akin_insert(index, row, &vector, NULL, error);
}

int contract_drain(akin_index *index, double *cpu_seconds)
{
    struct akin_error error;
    const uint64_t begun_ns = time_thread_cpu_ns();
    const enum akin_status status = akin_maintain(index, AKIN_MAINTAIN_DRAIN, NULL, &error);
    *cpu_seconds = (double)(time_thread_cpu_ns() - begun_ns) * 1e-9;
    return status == AKIN_OK ? CLI_OK : say_status(status, &error, "maintenance");
}

int contract_check(akin_index *index, bool *is_clean)
{
    struct akin_error error;
    const enum akin_status status = akin_check(index, AKIN_CHECK_DEEP, &error);
    *is_clean = status == AKIN_OK;
    if (status != AKIN_OK && status != AKIN_CORRUPT) {
        return say_status(status, &error, "the check");
    }
    if (status == AKIN_CORRUPT) {
        say_error(CLI_DATA, "the index is broken: %s", error.message);
    }
    return CLI_OK;
}

int contract_stats(akin_index *index, struct akin_stats *stats)
{
    struct akin_error error;
    memset(stats, 0, sizeof *stats);
    stats->struct_size = sizeof *stats;
    const enum akin_status status = akin_stats_get(index, stats, &error);
    return status == AKIN_OK ? CLI_OK : say_status(status, &error, "the statistics");
}

uint64_t contract_resident_bytes(void)
{
    char line[256];
    malloc_trim(0);
    FILE *const file = fopen("/proc/self/statm", "re");
    if (file == NULL) {
        return 0;
    }
    const bool is_read = fgets(line, sizeof line, file) != NULL;
    fclose(file);
    /* Two numbers of pages: all of them, and those in memory. */
    const char *const resident = is_read ? strchr(line, ' ') : NULL;
    const long page_bytes = sysconf(_SC_PAGESIZE);
    if (resident == NULL || page_bytes <= 0) {
        return 0;
    }
    return strtoull(resident, NULL, 10) * (uint64_t)page_bytes;
}

json_t *contract_emit_slots(const struct akin_stats *stats, const struct akin_stats *before)
{
    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "slots", (json_int_t)stats->slots,
                     "slots_free", (json_int_t)stats->slots_free, "slots_dead",
                     (json_int_t)stats->slots_dead, "slots_recycled",
                     (json_int_t)(stats->slots_recycled - before->slots_recycled), "graph_sweeps",
                     (json_int_t)(stats->graph_sweeps - before->graph_sweeps), "graph_pruned",
                     (json_int_t)(stats->graph_pruned - before->graph_pruned), "graph_filled",
                     (json_int_t)(stats->graph_filled - before->graph_filled), "graph_adopted",
                     (json_int_t)(stats->graph_adopted - before->graph_adopted));
}
