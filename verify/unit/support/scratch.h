/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory for the files of one test.
 */
#ifndef AKIN_VERIFY_UNIT_SUPPORT_SCRATCH_H
#define AKIN_VERIFY_UNIT_SUPPORT_SCRATCH_H

#include <stddef.h>
#include <stdint.h>

struct scratch {
    char directory[256];
    char path[320]; /* what scratch_path returned last */
};

/* Make an empty directory under TMPDIR. */
void scratch_make(struct scratch *scratch);

/* Remove it with the files in it. */
void scratch_remove(struct scratch *scratch);

/* The path of a name in it; valid until the next call. */
const char *scratch_path(struct scratch *scratch, const char *name);

/* How many entries it has, "." and ".." aside. */
uint32_t scratch_count(const struct scratch *scratch);

/* Write a whole file; read one: the bytes are the caller's to free. */
void scratch_write(const char *path, const void *bytes, size_t size);
unsigned char *scratch_read(const char *path, size_t *size);

#endif
