/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file format: checksums, judging headers, reading.
 *
 * Level: index (6).
 */
#include "index/file_format.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The checksum library, compiled into this file only. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/error.h"
#include "search/metric.h"

uint64_t frame_bytes_max(uint64_t row_bytes)
{
    return FRAME_BYTES_GOAL + ENTRY_PREFIX_BYTES + row_bytes + AKIN_PAYLOAD_BYTES_MAX;
}

uint64_t header_checksum(const struct file_header *header)
{
    return XXH3_64bits(header, offsetof(struct file_header, checksum));
}

uint64_t frame_checksum(const struct frame_header *header, const void *content)
{
    XXH3_state_t state;
    (void)XXH3_64bits_reset(&state);
    (void)XXH3_64bits_update(&state, header, offsetof(struct frame_header, checksum));
    if (header->bytes > 0) {
        (void)XXH3_64bits_update(&state, content, (size_t)header->bytes);
    }
    return XXH3_64bits_digest(&state);
}

static enum akin_status judge_numbers(const struct file_header *header, uint64_t file_bytes,
                                      struct akin_error *error)
{
    const uint32_t element = metric_element_bytes((enum akin_type)header->type);
    if (header->dim < 1 || header->dim > AKIN_DIM_MAX) {
        return error_range(error, AKIN_CORRUPT, "header.dim", header->dim, 1, AKIN_DIM_MAX);
    }
    if (header->row_bytes != header->dim * element) {
        return error_range(error, AKIN_CORRUPT, "header.row_bytes", header->row_bytes,
                           (double)header->dim * element, (double)header->dim * element);
    }
    if (header->body_bytes != file_bytes - sizeof *header) {
        return error_range(error, AKIN_CORRUPT, "header.body_bytes", (double)header->body_bytes,
                           (double)(file_bytes - sizeof *header),
                           (double)(file_bytes - sizeof *header));
    }
    const uint64_t entry_bytes = ENTRY_PREFIX_BYTES + (uint64_t)header->row_bytes;
    const uint64_t fitting = header->body_bytes / entry_bytes;
    if (header->entries > fitting) {
        return error_range(error, AKIN_CORRUPT, "header.entries", (double)header->entries, 0,
                           (double)fitting);
    }
    return AKIN_OK;
}

enum akin_status header_judge(const struct file_header *header, uint64_t file_bytes,
                              struct akin_error *error)
{
    if (memcmp(header->magic, FILE_MAGIC, sizeof header->magic) != 0) {
        return error_field(error, AKIN_CORRUPT, "header.magic", "this is no Akin index file");
    }
    if (header->byte_order != FILE_BYTE_ORDER) {
        return error_field(error, AKIN_INCOMPATIBLE, "header.byte_order",
                           "the file was written on a machine of another byte order");
    }
    if (header->format_version == 0 || header->format_version > FILE_VERSION) {
        return error_range(error, AKIN_INCOMPATIBLE, "header.format_version",
                           header->format_version, 1, FILE_VERSION);
    }
    if (header->checksum != header_checksum(header)) {
        return error_field(error, AKIN_CORRUPT, "header.checksum", "the header is damaged");
    }
    if (header->kind != AKIN_FLAT && header->kind != AKIN_HNSW) {
        return error_range(error, AKIN_INCOMPATIBLE, "header.kind", header->kind, AKIN_FLAT,
                           AKIN_HNSW);
    }
    if (header->metric < AKIN_L2 || header->metric > AKIN_COSINE) {
        return error_range(error, AKIN_INCOMPATIBLE, "header.metric", header->metric, AKIN_L2,
                           AKIN_COSINE);
    }
    if (metric_element_bytes((enum akin_type)header->type) == 0) {
        return error_range(error, AKIN_INCOMPATIBLE, "header.type", header->type, AKIN_F32,
                           AKIN_I8);
    }
    return judge_numbers(header, file_bytes, error);
}

enum akin_status file_read(int descriptor, void *buffer, size_t bytes, const char *section,
                           uint64_t position, struct akin_error *error)
{
    unsigned char *to = buffer;
    size_t left = bytes;
    const int saved_errno = errno;
    while (left > 0) {
        const ssize_t got = read(descriptor, to, left);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            const int failure = errno;
            errno = saved_errno;
            return error_system(error, AKIN_IO, section, failure, "could not be read");
        }
        if (got == 0) {
            errno = saved_errno;
            return error_element(error, AKIN_CORRUPT, section, (double)(bytes - left),
                                 position + (bytes - left), "the file ends here");
        }
        to += got;
        left -= (size_t)got;
    }
    errno = saved_errno;
    return AKIN_OK;
}

void file_close(int descriptor)
{
    const int saved_errno = errno;
    (void)close(descriptor);
    errno = saved_errno;
}

enum akin_status file_open(const char *path, int *descriptor, struct file_header *header,
                           uint64_t *file_bytes, struct akin_error *error)
{
    const int saved_errno = errno;
    struct stat status_of;
    const int opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const int open_errno = errno;
    errno = saved_errno;
    if (opened < 0) {
        return error_system(error, AKIN_IO, "path", open_errno, "could not be opened");
    }
    enum akin_status status = AKIN_OK;
    if (fstat(opened, &status_of) != 0 || !S_ISREG(status_of.st_mode)) {
        errno = saved_errno;
        status = error_field(error, AKIN_IO, "path", "is not a regular file");
    } else if ((uint64_t)status_of.st_size < sizeof *header) {
        status = error_range(error, AKIN_CORRUPT, "header", (double)status_of.st_size,
                             (double)sizeof *header, (double)INT64_MAX);
    } else {
        status = file_read(opened, header, sizeof *header, "header", 0, error);
    }
    if (status == AKIN_OK) {
        *file_bytes = (uint64_t)status_of.st_size;
        status = header_judge(header, *file_bytes, error);
    }
    if (status != AKIN_OK) {
        file_close(opened);
        return status;
    }
    *descriptor = opened;
    return AKIN_OK;
}

enum akin_status akin_file_inspect(const char *path, struct akin_file_info *info,
                                   struct akin_error *error)
{
    struct file_header header;
    uint64_t file_bytes = 0;
    int descriptor = -1;
    if (path == NULL || info == NULL) {
        return error_field(error, AKIN_BAD_ARGUMENT, path == NULL ? "path" : "info", "is NULL");
    }
    if (info->struct_size < sizeof *info) {
        return error_range(error, AKIN_BAD_STRUCT_SIZE, "info.struct_size",
                           (double)info->struct_size, (double)sizeof *info, (double)sizeof *info);
    }
    const enum akin_status status = file_open(path, &descriptor, &header, &file_bytes, error);
    if (status != AKIN_OK) {
        return status;
    }
    file_close(descriptor);
    *info = (struct akin_file_info){
        .struct_size = info->struct_size,
        .format_version = header.format_version,
        .writer_version = header.writer_version,
        .kind = (enum akin_kind)header.kind,
        .metric = (enum akin_metric)header.metric,
        .type = (enum akin_type)header.type,
        .dim = header.dim,
        .entries = header.entries,
        .payload_bytes = header.payload_bytes,
        .stamp = header.stamp,
        .file_bytes = file_bytes,
    };
    return AKIN_OK;
}
