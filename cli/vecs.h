/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of vectors: .fvecs, .bvecs and .ivecs.
 *
 * A row is a little-endian int32, the dimension, and that many elements: float32 (.fvecs), unsigned
 * bytes (.bvecs) or int32 (.ivecs). There is no header; every row repeats the dimension.
 *
 * Room     : cli. The file is mapped, not copied.
 * Promises : what vecs_open accepts is whole: every row up to the limit has the same dimension, and
 *            every float is finite. What it refuses it explains with file, row and byte.
 */
#ifndef AKIN_CLI_VECS_H
#define AKIN_CLI_VECS_H

#include <stddef.h>
#include <stdint.h>

#include "akin/types.h"

enum vecs_element { VECS_U8 = 1, VECS_F32 = 2, VECS_I32 = 3 };

/* What a file is wanted for. */
enum vecs_role {
    VECS_VECTORS, /* bases and queries: bytes or floats */
    VECS_NUMBERS  /* ground truth: row numbers */
};

struct vecs {
    const char *path;
    const unsigned char *bytes; /* the mapping */
    size_t size_bytes;          /* of the file */
    size_t row_bytes;           /* of a row with its dimension */
    uint64_t row_count;         /* rows that may be used: those of the file, or the limit */
    uint64_t file_rows;         /* rows of the file */
    uint32_t dim;
    enum vecs_element element;
};

/*
 * Open a file and look at every row that will be used.
 *
 * The element size is found from the content: only one size makes every row begin with the same
 * dimension and the file end with a row. The name must not contradict it, and decides when several
 * sizes fit; when it does not say either, the file is refused.
 *
 * Input  : limit: use at most so many rows; 0 for all.
 * Output : CLI_OK, or an exit code after a message.
 * Threads: main thread only (progress bar, signals).
 */
int vecs_open(struct vecs *vecs, const char *path, enum vecs_role role, uint64_t limit);

/* Give the pages back to the operating system until they are read again, so that the memory this
   program takes can be measured without them. */
void vecs_rest(const struct vecs *vecs);

/* Unmap. Right for a struct of zeros too. */
void vecs_close(struct vecs *vecs);

/* The elements of a row, as they are in the file. Aligned for the element type. */
const void *vecs_row(const struct vecs *vecs, uint64_t row);

/*
 * The elements of a row as an index takes them: bytes become floats for AKIN_F32, and are shifted
 * by -128 for AKIN_I8, which changes no L2 distance.
 *
 * Input : scratch: room for dim floats. AKIN_I8 only if the file has bytes.
 * Output: a pointer into the file or to scratch.
 */
const void *vecs_row_as(const struct vecs *vecs, uint64_t row, enum akin_type type, void *scratch);

/* Bytes of an element of that type. */
size_t vecs_type_bytes(enum akin_type type);

/* The name of an element, for messages and JSON: "u8", "f32", "i32". */
const char *vecs_element_name(enum vecs_element element);

#endif
