/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory for the files of one test.
 */
#include "support/scratch.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

void scratch_make(struct scratch *scratch)
{
    const char *const parent = getenv("TMPDIR");
    snprintf(scratch->directory, sizeof scratch->directory, "%s/akin-test-XXXXXX",
             parent != NULL ? parent : "/tmp");
    assert_non_null(mkdtemp(scratch->directory));
}

const char *scratch_path(struct scratch *scratch, const char *name)
{
    const int length =
        snprintf(scratch->path, sizeof scratch->path, "%s/%s", scratch->directory, name);
    assert_true(length > 0 && (size_t)length < sizeof scratch->path);
    return scratch->path;
}

static uint32_t count_or_unlink(const struct scratch *scratch, int removes)
{
    DIR *const directory = opendir(scratch->directory);
    uint32_t count = 0;
    assert_non_null(directory);
    for (const struct dirent *entry = readdir(directory); entry != NULL;
         entry = readdir(directory)) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        count++;
        if (removes != 0) {
            assert_int_equal(unlinkat(dirfd(directory), entry->d_name, 0), 0);
        }
    }
    assert_int_equal(closedir(directory), 0);
    return count;
}

uint32_t scratch_count(const struct scratch *scratch)
{
    return count_or_unlink(scratch, 0);
}

void scratch_remove(struct scratch *scratch)
{
    (void)count_or_unlink(scratch, 1);
    assert_int_equal(rmdir(scratch->directory), 0);
}

void scratch_write(const char *path, const void *bytes, size_t size)
{
    FILE *const file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

unsigned char *scratch_read(const char *path, size_t *size)
{
    FILE *const file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    const long end = ftell(file);
    assert_true(end >= 0);
    *size = (size_t)end;
    assert_int_equal(fseek(file, 0, SEEK_SET), 0);
    unsigned char *const bytes = malloc(*size + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    assert_int_equal(fclose(file), 0);
    return bytes;
}
