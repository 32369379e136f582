/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of vectors, opened and read: see vecs.h. Which elements a file has is found in
 * vecs_layout.c.
 *
 * Room: cli.
 */
#include "cli/vecs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/say.h"
#include "cli/vecs_layout.h"

/* Rows looked at between two looks at the signals. */
#define ROWS_A_PORTION 4096u

static int map_file(struct vecs *vecs, const char *path)
{
    struct stat status;
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return say_error(CLI_IO, "%s: cannot be opened: %s", path, strerror(errno));
    }
    int code = CLI_OK;
    if (fstat(descriptor, &status) != 0) {
        code = say_error(CLI_IO, "%s: cannot be examined: %s", path, strerror(errno));
    } else if (S_ISDIR(status.st_mode)) {
        code = say_error(CLI_IO, "%s: is a directory; a file of vectors is wanted", path);
    } else if (!S_ISREG(status.st_mode)) {
        code = say_error(CLI_IO, "%s: is not a regular file; pipes and devices are not read", path);
    } else if (status.st_size == 0) {
        code = say_error(CLI_DATA, "%s: is empty; at least one row is wanted", path);
    } else if ((uint64_t)status.st_size > SIZE_MAX) {
        code = say_error(CLI_MEMORY, "%s: is too large for this machine", path);
    } else {
        vecs->size_bytes = (size_t)status.st_size;
        void *const bytes = mmap(NULL, vecs->size_bytes, PROT_READ, MAP_PRIVATE, descriptor, 0);
        if (bytes == MAP_FAILED) {
            code = say_error(errno == ENOMEM ? CLI_MEMORY : CLI_IO, "%s: cannot be mapped: %s",
                             path, strerror(errno));
        } else {
            vecs->bytes = bytes;
        }
    }
    close(descriptor);
    return code;
}

/* Infinities and NaN have all bits of the exponent set. No branch in the loop: it becomes vector
 * code. */
static bool is_finite_row(const uint32_t *bits, uint32_t dim)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < dim; i++) {
        found |= (uint32_t)((bits[i] & 0x7f800000u) == 0x7f800000u);
    }
    return found == 0;
}

static int explain_not_finite(const struct vecs *vecs, uint64_t row)
{
    const float *const elements = vecs_row(vecs, row);
    const uint32_t *const bits = vecs_row(vecs, row);
    uint32_t i = 0;
    while ((bits[i] & 0x7f800000u) != 0x7f800000u) {
        i++;
    }
    const uint64_t byte = row * vecs->row_bytes + sizeof(uint32_t) * (1 + (uint64_t)i);
    return say_error(CLI_DATA,
                     "%s: row %llu: element %u is %g (byte %llu); only finite numbers have "
                     "a distance",
                     vecs->path, (unsigned long long)row, i, (double)elements[i],
                     (unsigned long long)byte);
}

/* Look at every row that will be used: its dimension, and its floats. */
static int examine_rows(const struct vecs *vecs)
{
    int code = CLI_OK;
    progress_begin("reading");
    for (uint64_t row = 0; row < vecs->row_count && code == CLI_OK; row++) {
        uint32_t dim = 0;
        memcpy(&dim, vecs->bytes + row * vecs->row_bytes, sizeof dim);
        if (dim != vecs->dim) {
            code = layout_explain_dim(vecs->path, row, row * vecs->row_bytes, dim, vecs->dim);
        } else if (vecs->element == VECS_F32 && !is_finite_row(vecs_row(vecs, row), dim)) {
            progress_end();
            code = explain_not_finite(vecs, row);
        } else if (row % ROWS_A_PORTION == 0) {
            progress_show(row, vecs->row_count);
            code = interrupt_code();
        }
    }
    progress_end();
    return code;
}

int vecs_open(struct vecs *vecs, const char *path, enum vecs_role role, uint64_t limit)
{
    memset(vecs, 0, sizeof *vecs);
    vecs->path = path;
    int code = map_file(vecs, path);
    if (code == CLI_OK) {
        code = layout_find(vecs, role);
    }
    if (code == CLI_OK) {
        vecs->file_rows = vecs->size_bytes / vecs->row_bytes;
        vecs->row_count = limit != 0 && limit < vecs->file_rows ? limit : vecs->file_rows;
        code = examine_rows(vecs);
    }
    if (code == CLI_OK && vecs->row_count > INT32_MAX) {
        code = say_error(CLI_DATA, "%s: has %llu rows; the row numbers of .ivecs files end at %d",
                         path, (unsigned long long)vecs->row_count, INT32_MAX);
    }
    if (code != CLI_OK) {
        vecs_close(vecs);
    }
    return code;
}

/* The system calls take a pointer to what may be written, though the pages are read-only. */
static void *mapping(const struct vecs *vecs)
{
    return (void *)(uintptr_t)vecs->bytes;
}

void vecs_rest(const struct vecs *vecs)
{
    (void)madvise(mapping(vecs), vecs->size_bytes, MADV_DONTNEED);
}

void vecs_close(struct vecs *vecs)
{
    if (vecs->bytes != NULL) {
        munmap(mapping(vecs), vecs->size_bytes);
        vecs->bytes = NULL;
    }
}

const void *vecs_row(const struct vecs *vecs, uint64_t row)
{
    return vecs->bytes + row * vecs->row_bytes + sizeof(uint32_t);
}

const void *vecs_row_as(const struct vecs *vecs, uint64_t row, enum akin_type type, void *scratch)
{
    if (vecs->element != VECS_U8) {
        return vecs_row(vecs, row);
    }
    const uint8_t *const bytes = vecs_row(vecs, row);
    if (type == AKIN_I8) {
        int8_t *const shifted = scratch;
        for (uint32_t i = 0; i < vecs->dim; i++) {
            shifted[i] = (int8_t)(bytes[i] - 128);
        }
    } else {
        float *const floats = scratch;
        for (uint32_t i = 0; i < vecs->dim; i++) {
            floats[i] = (float)bytes[i];
        }
    }
    return scratch;
}

size_t vecs_type_bytes(enum akin_type type)
{
    return type == AKIN_I8 ? sizeof(int8_t) : sizeof(float);
}

const char *vecs_element_name(enum vecs_element element)
{
    switch (element) {
    case VECS_U8:
        return "u8";
    case VECS_F32:
        return "f32";
    default:
        return "i32";
    }
}
