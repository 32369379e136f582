/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file format, version 1: docs/format.md has it byte by byte.
 *
 *   header    128 bytes, its own checksum last
 *   frame...  32 bytes of frame header, then entries one after the other
 *   end       a frame header without entries
 *
 * An entry is: key, payload size (8 bytes each), the row, the payload; no padding. All numbers are
 * in the byte order that the header names, which is the writer's. Checksums are XXH3-64.
 *
 * Level   : index (6).
 */
#ifndef AKIN_INDEX_FILE_FORMAT_H
#define AKIN_INDEX_FILE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "akin/storage.h"
#include "base/attributes.h"

#define FILE_MAGIC         "AKINIDX\n"
#define FILE_VERSION       1u
#define FILE_BYTE_ORDER    0x01020304u
#define FRAME_MAGIC        0x4d415246u /* "FRAM" */
#define FRAME_BYTES_GOAL   (1024u * 1024u)
#define ENTRY_PREFIX_BYTES 16u

/* The header as it lies in the file. */
struct file_header {
    unsigned char magic[8];
    uint32_t byte_order;
    uint32_t format_version;
    uint32_t writer_version;
    uint32_t kind;
    uint32_t metric;
    uint32_t type;
    uint32_t dim;
    uint32_t row_bytes;
    uint64_t entries;
    uint64_t payload_bytes;
    uint64_t stamp;
    uint64_t frames;
    uint64_t body_bytes; /* everything behind the header */
    uint64_t seed;
    uint32_t m; /* this and the next three: as in struct akin_options for a graph, else zero */
    uint32_t ef_construction;
    uint32_t ef_search;
    float alpha;
    uint8_t reserved[16]; /* zero */
    uint64_t checksum;    /* of the bytes before it */
};

/* The header of a frame. The frame that ends the file has no entries and no bytes. */
struct frame_header {
    uint32_t magic;
    uint32_t entries;
    uint64_t bytes;    /* of content behind this header */
    uint64_t sequence; /* 0, 1, 2, ... */
    uint64_t checksum; /* of the three fields before it and the content, in this order */
};

_Static_assert(sizeof(struct file_header) == 128, "as documented");
_Static_assert(offsetof(struct file_header, checksum) == 120, "as documented");
_Static_assert(sizeof(struct frame_header) == 32, "as documented");

/* Largest content of a frame: the goal, and one entry that passed it. PURE. */
uint64_t frame_bytes_max(uint64_t row_bytes);

/* Checksums. PURE. */
uint64_t header_checksum(const struct file_header *header);
uint64_t frame_checksum(const struct frame_header *header, const void *content);

/*
 * Judge a header: whether this library can read the file, and whether its numbers fit each other.
 *
 * Input  : file_bytes: size of the whole file.
 * Status : AKIN_OK; AKIN_CORRUPT; AKIN_INCOMPATIBLE.
 * Threads: PURE.
 */
MUST_CHECK enum akin_status header_judge(const struct file_header *header, uint64_t file_bytes,
                                         struct akin_error *error);

/* Read exactly `bytes`; AKIN_IO, or AKIN_CORRUPT when the file ends before. errno is kept. */
MUST_CHECK enum akin_status file_read(int descriptor, void *buffer, size_t bytes,
                                      const char *section, uint64_t position,
                                      struct akin_error *error);

/* Open a file for reading and read and judge its header. The caller closes the descriptor on
   AKIN_OK. */
MUST_CHECK enum akin_status file_open(const char *path, int *descriptor, struct file_header *header,
                                      uint64_t *file_bytes, struct akin_error *error);

/* Close, keeping errno. */
void file_close(int descriptor);

#endif
