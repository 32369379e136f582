/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which elements a file of vectors has: found from the content, and compared with the name.
 *
 * Room: cli; a part of vecs.c.
 */
#ifndef AKIN_CLI_VECS_LAYOUT_H
#define AKIN_CLI_VECS_LAYOUT_H

#include <stdint.h>

#include "cli/vecs.h"

/*
 * Set element, dim and row_bytes of a mapped file.
 *
 * Output: CLI_OK, or CLI_DATA after a message that says which row and byte is wrong, or why the
 *         file could be read in more than one way.
 */
int layout_find(struct vecs *vecs, enum vecs_role role);

/* Say that a row has another dimension than the first one; returns CLI_DATA. */
int layout_explain_dim(const char *path, uint64_t row, uint64_t byte, uint32_t dim,
                       uint32_t first_dim);

#endif
