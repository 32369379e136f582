/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names, descriptions and classes of statuses: one table.
 *
 * Level: base (0).
 */
#include "akin/status.h"

#include "base/attributes.h"

struct status_row {
    enum akin_status status;
    enum akin_status_class class;
    const char *name;
    const char *text;
};

static const struct status_row rows[] = {
    {AKIN_OK, AKIN_CLASS_OK, "AKIN_OK", "success"},
    {AKIN_NOT_FOUND, AKIN_CLASS_INPUT, "AKIN_NOT_FOUND", "no live entry has this key"},
    {AKIN_EXISTS, AKIN_CLASS_INPUT, "AKIN_EXISTS", "a live entry has this key already"},
    {AKIN_BUFFER_TOO_SMALL, AKIN_CLASS_INPUT, "AKIN_BUFFER_TOO_SMALL",
     "a buffer holds fewer bytes than the answer"},
    {AKIN_STOPPED, AKIN_CLASS_INPUT, "AKIN_STOPPED", "a callback asked to stop"},
    {AKIN_NO_MEMORY, AKIN_CLASS_TRANSIENT, "AKIN_NO_MEMORY", "out of memory"},
    {AKIN_OVER_BUDGET, AKIN_CLASS_TRANSIENT, "AKIN_OVER_BUDGET",
     "the memory budget of the index is used up"},
    {AKIN_CONFLICT, AKIN_CLASS_TRANSIENT, "AKIN_CONFLICT", "another commit came first"},
    {AKIN_RECLAIM_STALLED, AKIN_CLASS_TRANSIENT, "AKIN_RECLAIM_STALLED",
     "too much dead memory waits for readers or maintenance"},
    {AKIN_INDEX_FULL, AKIN_CLASS_PERMANENT, "AKIN_INDEX_FULL", "no slot number is left"},
    {AKIN_BUSY, AKIN_CLASS_TRANSIENT, "AKIN_BUSY", "in use by another call"},
    {AKIN_IN_CALLBACK, AKIN_CLASS_INPUT, "AKIN_IN_CALLBACK",
     "a call that waits was made inside a read section"},
    {AKIN_THREAD_FAILED, AKIN_CLASS_TRANSIENT, "AKIN_THREAD_FAILED",
     "the maintenance thread could not be started"},
    {AKIN_IO, AKIN_CLASS_TRANSIENT, "AKIN_IO", "a file could not be read or written"},
    {AKIN_CORRUPT, AKIN_CLASS_PERMANENT, "AKIN_CORRUPT", "a file or the index is damaged"},
    {AKIN_INCOMPATIBLE, AKIN_CLASS_PERMANENT, "AKIN_INCOMPATIBLE",
     "a file of another version, byte order or kind"},
    {AKIN_BAD_ARGUMENT, AKIN_CLASS_INPUT, "AKIN_BAD_ARGUMENT",
     "an argument is missing or not understood"},
    {AKIN_BAD_STRUCT_SIZE, AKIN_CLASS_INPUT, "AKIN_BAD_STRUCT_SIZE",
     "struct_size is not that of a known version"},
    {AKIN_BAD_DIM, AKIN_CLASS_INPUT, "AKIN_BAD_DIM",
     "the dimension is out of bounds or not that of the index"},
    {AKIN_BAD_METRIC, AKIN_CLASS_INPUT, "AKIN_BAD_METRIC", "unknown metric"},
    {AKIN_BAD_TYPE, AKIN_CLASS_INPUT, "AKIN_BAD_TYPE",
     "unknown element type, or not that of the index"},
    {AKIN_BAD_KIND, AKIN_CLASS_INPUT, "AKIN_BAD_KIND", "unknown index kind"},
    {AKIN_BAD_K, AKIN_CLASS_INPUT, "AKIN_BAD_K", "k is out of bounds"},
    {AKIN_BAD_BUDGET, AKIN_CLASS_INPUT, "AKIN_BAD_BUDGET", "a memory bound is out of bounds"},
    {AKIN_BAD_THREADS, AKIN_CLASS_INPUT, "AKIN_BAD_THREADS",
     "the number of threads is out of bounds"},
    {AKIN_NOT_FINITE, AKIN_CLASS_INPUT, "AKIN_NOT_FINITE",
     "a vector holds NaN or infinity, or its norm overflows"},
    {AKIN_ZERO_VECTOR, AKIN_CLASS_INPUT, "AKIN_ZERO_VECTOR",
     "a vector without direction under cosine"},
    {AKIN_PAYLOAD_TOO_LARGE, AKIN_CLASS_INPUT, "AKIN_PAYLOAD_TOO_LARGE",
     "the payload is too large"},
};

static const struct status_row *find(enum akin_status status)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (rows[i].status == status) {
            return &rows[i];
        }
    }
    return NULL;
}

const char *akin_strerror(enum akin_status status)
{
    const struct status_row *const row = find(status);
    return row != NULL ? row->text : "unknown status";
}

const char *akin_status_name(enum akin_status status)
{
    const struct status_row *const row = find(status);
    return row != NULL ? row->name : "AKIN_UNKNOWN";
}

enum akin_status_class akin_status_classify(enum akin_status status)
{
    const struct status_row *const row = find(status);
    return row != NULL ? row->class : AKIN_CLASS_PERMANENT;
}
