/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON output: see emit.h.
 *
 * Room: cli.
 */
#include "cli/emit.h"

#include <errno.h>
#include <stdio.h>

#include "cli/say.h"

int emit_json(json_t *object, enum emit_digits digits)
{
    if (object == NULL) {
        return say_no_memory("printing JSON");
    }
    errno = 0;
    json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION((size_t)digits));
    fputc('\n', stdout);
    fflush(stdout);
    json_decref(object);
    return say_output_code();
}

json_t *emit_memory(const struct akin_memory *memory)
{
    return json_pack(
        "{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "rows_bytes",
        (json_int_t)memory->rows_bytes, "slots_bytes", (json_int_t)memory->slots_bytes,
        "links_bytes", (json_int_t)memory->links_bytes, "codes_bytes",
        (json_int_t)memory->codes_bytes, "map_bytes", (json_int_t)memory->map_bytes,
        "payload_bytes", (json_int_t)memory->payload_bytes, "commits_bytes",
        (json_int_t)memory->commits_bytes, "contexts_bytes", (json_int_t)memory->contexts_bytes,
        "other_bytes", (json_int_t)memory->other_bytes, "total_bytes",
        (json_int_t)memory->total_bytes, "retired_bytes", (json_int_t)memory->retired_bytes);
}
