/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Saving: a walk over one instant, framed, checksummed, and put in place by a rename.
 *
 * Level: index (6).
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rng.h"
#include "index/file_format.h"
#include "index/internal.h"
#include "index/walk.h"
#include "sync/clock.h"

#define TEMPORARY_TRIES 16

/* A file on its way. */
struct saving {
    struct memory *memory;
    int descriptor;
    char *temporary; /* its name, path_bytes long */
    size_t path_bytes;
    unsigned char *frame; /* content of the frame being filled */
    size_t frame_capacity;
    struct frame_header frame_header;
    struct file_header header;
    struct akin_error *error;
};

static enum akin_status io_failed(struct saving *saving, const char *message)
{
    return error_system(saving->error, AKIN_IO, "path", errno, message);
}

static enum akin_status write_all(struct saving *saving, const void *bytes, size_t size)
{
    const unsigned char *from = bytes;
    while (size > 0) {
        const ssize_t written = write(saving->descriptor, from, size);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return io_failed(saving, "could not be written");
        }
        from += written;
        size -= (size_t)written;
    }
    return AKIN_OK;
}

/* Write the frame that was filled, also an empty one, and begin the next. */
static enum akin_status frame_flush(struct saving *saving)
{
    struct frame_header *const frame = &saving->frame_header;
    frame->magic = FRAME_MAGIC;
    frame->checksum = frame_checksum(frame, saving->frame);
    enum akin_status status = write_all(saving, frame, sizeof *frame);
    if (status == AKIN_OK && frame->bytes > 0) {
        status = write_all(saving, saving->frame, (size_t)frame->bytes);
    }
    saving->header.frames++;
    saving->header.body_bytes += sizeof *frame + frame->bytes;
    *frame = (struct frame_header){.sequence = frame->sequence + 1};
    return status;
}

static void put(struct saving *saving, const void *bytes, size_t size)
{
    if (size > 0) {
        memcpy(saving->frame + saving->frame_header.bytes, bytes, size);
        saving->frame_header.bytes += size;
    }
}

static enum akin_status frame_reserve(struct saving *saving, size_t entry_bytes)
{
    const size_t needed = (size_t)saving->frame_header.bytes + entry_bytes;
    if (needed <= saving->frame_capacity) {
        return AKIN_OK;
    }
    void *larger = NULL;
    const size_t capacity = size_align(needed, 4096);
    const enum akin_status status =
        memory_take_raw(saving->memory, MEMORY_OTHER, capacity, CACHE_LINE_BYTES, &larger);
    if (status != AKIN_OK) {
        return error_plain(saving->error, status);
    }
    if (saving->frame_header.bytes > 0) {
        memcpy(larger, saving->frame, (size_t)saving->frame_header.bytes);
    }
    memory_give(saving->memory, MEMORY_OTHER, saving->frame, saving->frame_capacity,
                CACHE_LINE_BYTES);
    saving->frame = larger;
    saving->frame_capacity = capacity;
    return AKIN_OK;
}

static enum akin_status put_entry(struct saving *saving, const struct walk_entry *entry)
{
    const uint32_t row_bytes = saving->header.row_bytes;
    const uint64_t payload_size = entry->payload_size;
    enum akin_status status =
        frame_reserve(saving, ENTRY_PREFIX_BYTES + row_bytes + entry->payload_size);
    if (status != AKIN_OK) {
        return status;
    }
    put(saving, &entry->key, sizeof entry->key);
    put(saving, &payload_size, sizeof payload_size);
    put(saving, entry->row, row_bytes);
    put(saving, entry->payload, entry->payload_size);
    saving->frame_header.entries++;
    saving->header.entries++;
    saving->header.payload_bytes += payload_size;
    return saving->frame_header.bytes >= FRAME_BYTES_GOAL ? frame_flush(saving) : AKIN_OK;
}

static enum akin_status write_entries(struct saving *saving, struct walk *walk)
{
    struct walk_entry entry;
    enum akin_status status;
    for (;;) {
        status = walk_next(walk, &entry);
        if (status == AKIN_NOT_FOUND) {
            break;
        }
        if (status != AKIN_OK) {
            return error_plain(saving->error, status);
        }
        status = put_entry(saving, &entry);
        if (status != AKIN_OK) {
            return status;
        }
    }
    status = saving->frame_header.entries > 0 ? frame_flush(saving) : AKIN_OK;
    return status == AKIN_OK ? frame_flush(saving) : status; /* the frame that ends the file */
}

/* The whole content; the header comes last, so that a file that broke off is none. */
static enum akin_status write_content(struct saving *saving, struct walk *walk)
{
    const struct file_header nothing = {.entries = 0};
    enum akin_status status = write_all(saving, &nothing, sizeof nothing);
    if (status == AKIN_OK) {
        status = write_entries(saving, walk);
    }
    if (status != AKIN_OK) {
        return status;
    }
    saving->header.checksum = header_checksum(&saving->header);
    if (lseek(saving->descriptor, 0, SEEK_SET) != 0) {
        return io_failed(saving, "could not be written");
    }
    status = write_all(saving, &saving->header, sizeof saving->header);
    if (status == AKIN_OK && fsync(saving->descriptor) != 0) {
        status = io_failed(saving, "could not be flushed to the disk");
    }
    return status;
}

/* Length of the directory part of a path, with its slash. */
static size_t directory_length(const char *path)
{
    const char *const slash = strrchr(path, '/');
    return slash == NULL ? 0 : (size_t)(slash - path) + 1;
}

/* Put the finished file in place and make that durable. Nothing can fail after the rename but the
   flush of the directory. */
static enum akin_status install(struct saving *saving, const char *path)
{
    const size_t length = directory_length(path);
    char *const name = saving->temporary + length;
    const char first = *name;
    *name = '\0';
    const int directory =
        open(length == 0 ? "." : saving->temporary, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *name = first;
    if (directory < 0) {
        return io_failed(saving, "is in a directory that cannot be opened to flush it");
    }
    enum akin_status status = AKIN_OK;
    if (rename(saving->temporary, path) != 0) {
        status = io_failed(saving, "could not be put in place");
    } else {
        saving->temporary[0] = '\0'; /* nothing is left to remove */
        /* EINVAL: a file system that cannot and need not. */
        if (fsync(directory) != 0 && errno != EINVAL) {
            status = io_failed(saving, "is in place, but its directory could not be flushed");
        }
    }
    (void)close(directory);
    return status;
}

/* Create a file beside the final one, under a short name of its own. */
static enum akin_status create_temporary(struct saving *saving, const char *path)
{
    const size_t length = directory_length(path);
    uint64_t random = clock_coarse_ns() ^ (uint64_t)(uintptr_t)saving ^ ((uint64_t)getpid() << 32);
    memcpy(saving->temporary, path, length);
    for (int i = 0; i < TEMPORARY_TRIES; i++) {
        snprintf(saving->temporary + length, saving->path_bytes - length, ".akin-%016llx.tmp",
                 (unsigned long long)rng_next(&random));
        saving->descriptor = open(saving->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (saving->descriptor >= 0) {
            return AKIN_OK;
        }
        if (errno != EEXIST) {
            break;
        }
    }
    const enum akin_status status = io_failed(saving, "could not be created");
    saving->temporary[0] = '\0';
    return status;
}

static void header_fill(const struct akin_index *index, uint64_t stamp, struct file_header *header)
{
    *header = (struct file_header){
        .byte_order = FILE_BYTE_ORDER,
        .format_version = FILE_VERSION,
        .writer_version = AKIN_VERSION_NUMBER,
        .kind = (uint32_t)index->options.kind,
        .metric = (uint32_t)index->options.metric,
        .type = (uint32_t)index->options.type,
        .dim = index->options.dim,
        .row_bytes = index_metric(index)->row_bytes,
        .stamp = stamp,
        .seed = index->options.seed,
        .m = index_is_graph(index) ? index->options.m : 0,
        .ef_construction = index_is_graph(index) ? index->options.ef_construction : 0,
        .ef_search = index_is_graph(index) ? index->options.ef_search : 0,
        .alpha = index_is_graph(index) ? index->options.alpha : 0,
    };
    memcpy(header->magic, FILE_MAGIC, sizeof header->magic);
}

static enum akin_status save_walk(struct saving *saving, struct walk *walk, const char *path)
{
    header_fill(walk->index, walk->stamp, &saving->header);
    enum akin_status status = create_temporary(saving, path);
    if (status != AKIN_OK) {
        return status;
    }
    status = write_content(saving, walk);
    if (close(saving->descriptor) != 0 && status == AKIN_OK) {
        status = io_failed(saving, "could not be closed");
    }
    if (status == AKIN_OK) {
        status = install(saving, path);
    }
    if (status != AKIN_OK && saving->temporary[0] != '\0') {
        (void)unlink(saving->temporary);
    }
    memory_give(saving->memory, MEMORY_OTHER, saving->frame, saving->frame_capacity,
                CACHE_LINE_BYTES);
    return status;
}

enum akin_status akin_save(akin_index *index, const char *path, struct akin_error *error)
{
    struct walk walk;
    if (index == NULL || path == NULL || path[0] == '\0') {
        return error_field(error, AKIN_BAD_ARGUMENT, index == NULL ? "index" : "path",
                           "is NULL or empty");
    }
    enum akin_status status = walk_begin(index, true, &walk);
    if (status != AKIN_OK) {
        return error_plain(error, status);
    }
    const int saved_errno = errno;
    int cancel_state = 0;
    /* A thread that is cancelled in write() would leave descriptor and temporary behind. */
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    struct saving saving = {
        .memory = &index->store.memory, .path_bytes = directory_length(path) + 32, .error = error};
    void *name = NULL;
    status = memory_take(saving.memory, MEMORY_OTHER, saving.path_bytes, CACHE_LINE_BYTES, &name);
    if (status == AKIN_OK) {
        saving.temporary = name;
        status = save_walk(&saving, &walk, path);
        memory_give(saving.memory, MEMORY_OTHER, name, saving.path_bytes, CACHE_LINE_BYTES);
    } else {
        status = error_plain(error, status);
    }
    (void)pthread_setcancelstate(cancel_state, &cancel_state);
    walk_end(&walk);
    errno = saved_errno;
    return status;
}
