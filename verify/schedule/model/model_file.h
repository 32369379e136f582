/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model of a file system: one file for each fiber, in memory, so that akin_save can be explored
 * and a run that is cut short leaves nothing behind.
 *
 * Takes the place of open, write, lseek, fsync, rename, unlink and close for paths that begin with
 * MODEL_FILE_PATH and for the descriptors of such files; others go to the system. Wrapped by the
 * linker. None of these calls is a step: no other fiber can tell.
 */
#ifndef AKIN_VERIFY_SCHEDULE_MODEL_MODEL_FILE_H
#define AKIN_VERIFY_SCHEDULE_MODEL_MODEL_FILE_H

#include <stddef.h>

#define MODEL_FILE_PATH "/model/"

/* The content of the file that this fiber wrote last and renamed; NULL when it did not. */
const unsigned char *model_file_content(size_t *size);

#endif
