/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files: save an index and load it again, in a simple checksummed form (docs/format.md).
 */
#ifndef AKIN_STORAGE_H
#define AKIN_STORAGE_H

#include <stddef.h>
#include <stdint.h>

#include "akin/macros.h"
#include "akin/options.h"
#include "akin/status.h"
#include "akin/types.h"

AKIN_BEGIN_DECLS

/* What the header of a file says. */
struct akin_file_info {
    size_t struct_size;      /* in: sizeof(struct akin_file_info) */
    uint32_t format_version; /* of the file */
    uint32_t writer_version; /* AKIN_VERSION_NUMBER of the library that wrote it */
    enum akin_kind kind;
    enum akin_metric metric;
    enum akin_type type;
    uint32_t dim;
    uint64_t entries;
    uint64_t payload_bytes; /* of all entries */
    uint64_t stamp;         /* the instant that was saved */
    uint64_t file_bytes;
};

/*
 * Save the entries that are live at one instant, the start of the call, to a file.
 *
 * The file appears under its name whole or not at all: it is written beside it, flushed to the disk
 * and renamed. An existing file is replaced.
 *
 * Input     : path: not NULL. error: may be NULL.
 * Output    : the file.
 * Ownership : none.
 * Threads   : READER; any thread, outside read sections; beside everything; may block in the kernel
 *             of the operating system, never on another thread of Akin.
 * Order     : contains every commit that returned before the call started, and none that starts
 *             later.
 * Linearizes: the frontier load, SYNC(commit.last).
 * Status    : AKIN_OK; AKIN_BAD_ARGUMENT; AKIN_IO (error->os_error); AKIN_NO_MEMORY;
 *             AKIN_OVER_BUDGET; AKIN_IN_CALLBACK. After failure the old file is as it was and no
 *             temporary is left, but for one case: when the directory cannot be flushed the new
 *             file is in place, and error->message says so.
 * Cost      : linear in slots and bytes.
 * Source    : ours.
 */
AKIN_API AKIN_MUST_CHECK enum akin_status akin_save(akin_index *index, const char *path,
                                                    struct akin_error *error);

/*
 * Open an index with the entries of a file.
 *
 * Input     : path: a file of akin_save, not NULL. options: NULL for the defaults; otherwise from
 *             akin_options_init: kind, metric, type and dim are taken from the file, the rest from
 *             here. index: not NULL. error: may be NULL.
 * Output    : index, on AKIN_OK. Entries keep key, vector and payload exactly; versions start anew.
 * Ownership : as akin_open.
 * Threads   : SETUP; may block.
 * Order     : as akin_open.
 * Linearizes: none.
 * Status    : those of akin_open; AKIN_IN_CALLBACK; AKIN_IO; AKIN_CORRUPT (truncated, or a checksum
 *             or length is wrong: field names the section, position the byte); AKIN_INCOMPATIBLE
 *             (newer version, other byte order, unknown kind). Nothing is allocated on the word of
 *             an unchecked length.
 * Cost      : linear in the file.
 * Source    : ours.
 */
AKIN_API AKIN_MUST_CHECK enum akin_status akin_load(const char *path,
                                                    const struct akin_options *options,
                                                    akin_index **index, struct akin_error *error);

/*
 * Read the header of a file.
 *
 * Input     : path: not NULL. info: not NULL, struct_size set. error: may be NULL.
 * Output    : info.
 * Ownership : the caller's.
 * Threads   : any; may block in the operating system.
 * Order     : none.
 * Linearizes: none.
 * Status    : AKIN_OK; AKIN_IO; AKIN_CORRUPT; AKIN_INCOMPATIBLE; AKIN_BAD_ARGUMENT;
 *             _BAD_STRUCT_SIZE.
 * Cost      : reads some hundred bytes; the sections are not read.
 * Source    : ours.
 */
AKIN_API AKIN_MUST_CHECK enum akin_status akin_file_inspect(const char *path,
                                                            struct akin_file_info *info,
                                                            struct akin_error *error);

AKIN_END_DECLS

#endif
