/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output files: see outfile.h.
 *
 * Room: cli.
 */
#include "cli/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/interrupt.h"
#include "cli/say.h"

static int fail(const char *path, const char *what, int os_error)
{
    return say_error(CLI_IO, "%s: %s: %s", path, what, strerror(os_error));
}

/* Find out what the path names, following links; `target` is where the file shall appear. */
static int examine(struct outfile *file, const char *path)
{
    struct stat status;
    if (path[0] == '\0') {
        return say_error(CLI_USAGE, "--output is ''; a file name is wanted");
    }
    if (strlen(path) >= sizeof file->target) {
        return say_error(CLI_USAGE, "--output: the name is longer than %zu bytes",
                         sizeof file->target - 1);
    }
    strcpy(file->target, path);
    if (lstat(path, &status) != 0) {
        return errno == ENOENT ? CLI_OK : fail(path, "cannot be written", errno);
    }
    if (S_ISLNK(status.st_mode)) {
        if (realpath(path, file->target) == NULL) {
            return fail(path, "a link that leads nowhere", errno);
        }
        if (stat(path, &status) != 0) {
            return fail(path, "cannot be written", errno);
        }
    }
    if (!S_ISREG(status.st_mode)) {
        return say_error(CLI_USAGE, "%s: %s; the output must be a regular file", path,
                         S_ISDIR(status.st_mode) ? "is a directory" : "is not a regular file");
    }
    if (!file->is_forced) {
        return say_error(CLI_USAGE, "%s: exists already; --force replaces it", path);
    }
    return CLI_OK;
}

/* "DIR/.NAME.XXXXXX", or "" when that is too long. */
static void name_temporary(struct outfile *file)
{
    const char *const slash = strrchr(file->target, '/');
    const char *const name = slash != NULL ? slash + 1 : file->target;
    const int directory_bytes = (int)(name - file->target);
    const int bytes = snprintf(file->temporary, sizeof file->temporary, "%.*s.%.200s.XXXXXX",
                               directory_bytes, file->target, name);
    if (bytes < 0 || (size_t)bytes >= sizeof file->temporary) {
        file->temporary[0] = '\0';
    }
}

int outfile_begin(struct outfile *file, const char *path, bool is_forced)
{
    memset(file, 0, sizeof *file);
    file->is_forced = is_forced;
    file->registered = -1;
    int code = examine(file, path);
    if (code != CLI_OK) {
        return code;
    }
    name_temporary(file);
    /* No signal may come between the creation and the registration. */
    interrupt_block(true);
    const int descriptor = mkstemp(file->temporary);
    const int os_error = errno;
    if (descriptor >= 0) {
        file->registered = interrupt_add_file(file->temporary);
        close(descriptor);
    }
    interrupt_block(false);
    if (descriptor < 0) {
        file->temporary[0] = '\0';
        return fail(path, "cannot be written", os_error);
    }
    return CLI_OK;
}

int outfile_open(struct outfile *file)
{
    file->stream = fopen(file->temporary, "wb");
    return file->stream != NULL ? CLI_OK : fail(file->target, "cannot be written", errno);
}

void outfile_write_row(struct outfile *file, const int32_t *values, uint32_t count)
{
    fwrite(&count, sizeof count, 1, file->stream);
    fwrite(values, sizeof *values, count, file->stream);
}

void outfile_abandon(struct outfile *file)
{
    if (file->stream != NULL) {
        fclose(file->stream);
        file->stream = NULL;
    }
    if (file->temporary[0] != '\0') {
        unlink(file->temporary);
        interrupt_forget_file(file->registered);
        file->temporary[0] = '\0';
    }
}

static int close_stream(struct outfile *file)
{
    if (file->stream == NULL) {
        return 0;
    }
    int os_error = 0;
    errno = EIO;
    if (ferror(file->stream) != 0 || fflush(file->stream) != 0 ||
        fsync(fileno(file->stream)) != 0) {
        os_error = errno;
    }
    if (fclose(file->stream) != 0 && os_error == 0) {
        os_error = errno;
    }
    file->stream = NULL;
    return os_error;
}

/* The rename that refuses to replace; by a hard link where the file system does not know it. */
static int rename_to_new(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) {
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return errno;
    }
    if (link(from, to) != 0) {
        return errno;
    }
    unlink(from);
    return 0;
}

/* The name is durable when its directory is. A file system that cannot do it is no failure. */
static void flush_directory(const char *path)
{
    char directory[PATH_MAX];
    const char *const slash = strrchr(path, '/');
    const int bytes = slash == NULL ? 1 : (int)(slash - path) + 1;
    snprintf(directory, sizeof directory, "%.*s", bytes, slash == NULL ? "." : path);
    const int descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor >= 0) {
        (void)fsync(descriptor);
        close(descriptor);
    }
}

int outfile_commit(struct outfile *file)
{
    const mode_t mask = umask(0);
    umask(mask);
    int os_error = close_stream(file);
    if (os_error == 0 && chmod(file->temporary, 0666 & ~mask) != 0) {
        os_error = errno;
    }
    if (os_error == 0) {
        if (!file->is_forced) {
            os_error = rename_to_new(file->temporary, file->target);
        } else if (rename(file->temporary, file->target) != 0) {
            os_error = errno;
        }
    }
    if (os_error != 0) {
        outfile_abandon(file);
        if (os_error == EEXIST) {
            return say_error(CLI_USAGE, "%s: appeared meanwhile; --force replaces it",
                             file->target);
        }
        return fail(file->target, "cannot be written", os_error);
    }
    interrupt_forget_file(file->registered);
    file->temporary[0] = '\0';
    flush_directory(file->target);
    return CLI_OK;
}
