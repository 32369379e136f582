/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file for each fiber.
 */
#include "schedule/model/model_file.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "harness/sizes.h"
#include "schedule/explore.h"

/* Descriptors of the model are beyond those of the system. */
#define FILE_DESCRIPTOR      100000
#define DIRECTORY_DESCRIPTOR 200000

struct model_file {
    unsigned char bytes[EXPLORE_FILE_BYTES];
    size_t size;
    size_t at;
    bool is_renamed;
};

static struct model_file files[EXPLORE_FIBERS_MAX + 1];

static struct model_file *own_file(void)
{
    const uint32_t self = explore_self();
    return &files[self == EXPLORE_MAIN ? EXPLORE_FIBERS_MAX : self];
}

static bool is_ours(const char *path)
{
    return strncmp(path, MODEL_FILE_PATH, strlen(MODEL_FILE_PATH)) == 0;
}

int __real_open(const char *path, int flags, mode_t mode);
int __wrap_open(const char *path, int flags, ...);
ssize_t __real_write(int descriptor, const void *bytes, size_t size);
ssize_t __wrap_write(int descriptor, const void *bytes, size_t size);
off_t __real_lseek(int descriptor, off_t offset, int from);
off_t __wrap_lseek(int descriptor, off_t offset, int from);
int __real_fsync(int descriptor);
int __wrap_fsync(int descriptor);
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __real_unlink(const char *path);
int __wrap_unlink(const char *path);
int __real_close(int descriptor);
int __wrap_close(int descriptor);

int __wrap_open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    if (!is_ours(path)) {
        return __real_open(path, flags, mode);
    }
    if ((flags & O_DIRECTORY) != 0) {
        return DIRECTORY_DESCRIPTOR;
    }
    struct model_file *const file = own_file();
    file->size = 0;
    file->at = 0;
    file->is_renamed = false;
    return FILE_DESCRIPTOR;
}

ssize_t __wrap_write(int descriptor, const void *bytes, size_t size)
{
    if (descriptor < FILE_DESCRIPTOR) {
        return __real_write(descriptor, bytes, size);
    }
    struct model_file *const file = own_file();
    if (size > sizeof file->bytes - file->at) {
        explore_fail("a file is larger than EXPLORE_FILE_BYTES");
        return -1;
    }
    memcpy(file->bytes + file->at, bytes, size);
    file->at += size;
    file->size = file->at > file->size ? file->at : file->size;
    return (ssize_t)size;
}

off_t __wrap_lseek(int descriptor, off_t offset, int from)
{
    if (descriptor < FILE_DESCRIPTOR) {
        return __real_lseek(descriptor, offset, from);
    }
    own_file()->at = (size_t)offset; /* from the start, and no farther than it was written */
    return offset;
}

int __wrap_fsync(int descriptor)
{
    return descriptor < FILE_DESCRIPTOR ? __real_fsync(descriptor) : 0;
}

int __wrap_rename(const char *from, const char *to)
{
    if (!is_ours(from)) {
        return __real_rename(from, to);
    }
    own_file()->is_renamed = true;
    return 0;
}

int __wrap_unlink(const char *path)
{
    return is_ours(path) ? 0 : __real_unlink(path);
}

int __wrap_close(int descriptor)
{
    return descriptor < FILE_DESCRIPTOR ? __real_close(descriptor) : 0;
}

const unsigned char *model_file_content(size_t *size)
{
    const struct model_file *const file = own_file();
    *size = file->size;
    return file->is_renamed ? file->bytes : NULL;
}
