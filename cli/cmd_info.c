/* SPDX-License-Identifier: Apache-2.0 */
/*
 * akin info: what the header of an index file says, and the memory that loading it will take.
 *
 * Room: cli.
 */
#include <stdbool.h>
#include <stdio.h>

#include "akin/akin.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/emit.h"
#include "cli/say.h"

struct info_call {
    const char *path;
    bool is_json;
};

static const struct argp_option info_options[] = {
    {"json", ARGS_JSON, NULL, 0, "Print one JSON object", 0},
    {0},
};

static error_t parse_info(int key, char *text, struct argp_state *state)
{
    struct info_call *const call = state->input;
    switch (key) {
    case ARGS_JSON:
        call->is_json = true;
        return 0;
    case ARGP_KEY_ARG:
        if (call->path != NULL) {
            argp_error(state, "'%s' is one file too many", text);
        }
        call->path = text;
        return 0;
    case ARGP_KEY_END:
        args_require(state, "FILE", call->path != NULL);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp info_parser = {
    .options = info_options,
    .parser = parse_info,
    .args_doc = "FILE",
    .doc = "Say what a saved index holds.\vOnly the header is read; akin check reads everything."};

/* A version as people write it: 100 is 0.1.0. */
static void version_text(uint32_t number, char *text, size_t bytes)
{
    snprintf(text, bytes, "%u.%u.%u", number / 10000, number / 100 % 100, number % 100);
}

static int print_json(const char *path, const struct akin_file_info *info,
                      const struct akin_memory *memory)
{
    char version[32];
    version_text(info->writer_version, version, sizeof version);
    return emit_json(json_pack("{s:s,s:I,s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:o}", "file", path,
                               "format_version", (json_int_t)info->format_version, "writer_version",
                               version, "index", args_kind_name(info->kind), "metric",
                               args_metric_name(info->metric), "type", args_type_name(info->type),
                               "dim", (json_int_t)info->dim, "entries", (json_int_t)info->entries,
                               "payload_bytes", (json_int_t)info->payload_bytes, "stamp",
                               (json_int_t)info->stamp, "file_bytes", (json_int_t)info->file_bytes,
                               "memory_estimate", emit_memory(memory)),
                     EMIT_EXACT);
}

static void print_text(const char *path, const struct akin_file_info *info,
                       const struct akin_memory *memory)
{
    char version[32];
    version_text(info->writer_version, version, sizeof version);
    printf("file             %s\n", path);
    printf("format           %u, written by akin %s\n", info->format_version, version);
    printf("index            %s, metric %s, type %s\n", args_kind_name(info->kind),
           args_metric_name(info->metric), args_type_name(info->type));
    printf("dimension        %u\n", info->dim);
    printf("entries          %llu\n", (unsigned long long)info->entries);
    printf("payload bytes    %llu\n", (unsigned long long)info->payload_bytes);
    printf("stamp            %llu\n", (unsigned long long)info->stamp);
    printf("file bytes       %llu\n", (unsigned long long)info->file_bytes);
    printf("memory bytes     %llu when loaded, estimated: rows %llu, slots %llu, map %llu, payload "
           "%llu, commits %llu, contexts %llu, other %llu\n",
           (unsigned long long)memory->total_bytes, (unsigned long long)memory->rows_bytes,
           (unsigned long long)memory->slots_bytes, (unsigned long long)memory->map_bytes,
           (unsigned long long)memory->payload_bytes, (unsigned long long)memory->commits_bytes,
           (unsigned long long)memory->contexts_bytes, (unsigned long long)memory->other_bytes);
}

static enum akin_status estimate(const struct akin_file_info *info, struct akin_memory *memory,
                                 struct akin_error *error)
{
    struct akin_options options;
    akin_options_init(&options);
    options.kind = info->kind;
    options.metric = info->metric;
    options.type = info->type;
    options.dim = info->dim;
    options.capacity = info->entries;
    const uint64_t mean = info->entries > 0 ? info->payload_bytes / info->entries : 0;
    return akin_estimate(&options, info->entries, mean, memory, error);
}

int cmd_info(int argc, char **argv)
{
    struct info_call call = {0};
    struct akin_file_info info = {.struct_size = sizeof info};
    struct akin_memory memory = {0};
    struct akin_error error;
    args_parse(&info_parser, argc, argv, &call);
    enum akin_status status = akin_file_inspect(call.path, &info, &error);
    if (status == AKIN_OK) {
        status = estimate(&info, &memory, &error);
    }
    if (status != AKIN_OK) {
        return say_status(status, &error, call.path);
    }
    if (call.is_json) {
        return print_json(call.path, &info, &memory);
    }
    print_text(call.path, &info, &memory);
    return CLI_OK;
}
