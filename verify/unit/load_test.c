/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of loading damaged files.
 *
 * Goal   : whatever was done to a file, loading it is refused with a status that fits, without a
 *          crash, without believing a length, and without leaving anything behind.
 * Method : a small file, cut off at every length, with every bit flipped, with bytes appended; and
 *          files whose numbers lie while their checksums are right.
 */
#include <stdlib.h>
#include <string.h>

#include "index/file_format.h"
#include "support/index_fixture.h"
#include "support/scratch.h"

/* A sound file of three entries, and the place where damaged copies go. */
struct sample {
    struct index_fixture *fixture;
    struct scratch scratch;
    unsigned char *bytes;
    size_t size;
};

static void sample_make(struct sample *sample, struct index_fixture *fixture)
{
    *sample = (struct sample){.fixture = fixture};
    scratch_make(&sample->scratch);
    fixture->options.dim = 2;
    index_open(fixture);
    for (uint64_t key = 1; key <= 3; key++) {
        assert_status(AKIN_OK, insert_pattern(fixture, key, 1, key - 1));
    }
    const char *const path = scratch_path(&sample->scratch, "sound");
    assert_status(AKIN_OK, akin_save(fixture->index, path, NULL));
    sample->bytes = scratch_read(path, &sample->size);
    index_close(fixture);
    /* Header, a frame with three entries, a frame without. */
    assert_int_equal(sample->size, 128 + 32 + 3 * (16 + 8) + 0 + 1 + 2 + 32);
}

static void sample_end(struct sample *sample)
{
    free(sample->bytes);
    scratch_remove(&sample->scratch);
}

/* Load these bytes. */
static enum akin_status load_bytes(struct sample *sample, const void *bytes, size_t size)
{
    struct index_fixture *const fixture = sample->fixture;
    const char *const path = scratch_path(&sample->scratch, "damaged");
    scratch_write(path, bytes, size);
    errno = ERRNO_SENTINEL;
    const enum akin_status status =
        akin_load(path, &fixture->options, &fixture->index, &fixture->error);
    assert_int_equal(errno, ERRNO_SENTINEL);
    return status;
}

/* Assert that these bytes are refused, and that nothing is left. */
static void assert_damaged(struct sample *sample, const void *bytes, size_t size, const char *what,
                           size_t where)
{
    struct index_fixture *const fixture = sample->fixture;
    const enum akin_status status = load_bytes(sample, bytes, size);
    if (status != AKIN_CORRUPT && status != AKIN_INCOMPATIBLE) {
        fail_msg("%s %zu was answered with %s", what, where, akin_status_name(status));
    }
    assert_int_equal(fixture->error.status, status);
    assert_true(strlen(fixture->error.field) > 0);
    assert_true(strlen(fixture->error.message) > 0);
    assert_null(fixture->index);
    assert_int_equal(tracking_live_blocks(&fixture->tracking), 0);
    assert_int_equal(scratch_count(&sample->scratch), 2);
}

static void a_file_cut_off_anywhere_is_refused(void **state)
{
    struct sample sample;
    sample_make(&sample, *state);
    for (size_t size = 0; size < sample.size; size++) {
        assert_damaged(&sample, sample.bytes, size, "length", size);
    }
    assert_int_equal(load_bytes(&sample, sample.bytes, sample.size), AKIN_OK);
    for (uint64_t key = 1; key <= 3; key++) {
        assert_pattern(sample.fixture, key, 1, key - 1);
    }
    sample_end(&sample);
}

static void a_file_with_any_bit_flipped_is_refused(void **state)
{
    struct sample sample;
    sample_make(&sample, *state);
    for (size_t bit = 0; bit < sample.size * 8; bit++) {
        sample.bytes[bit / 8] ^= (unsigned char)(1u << (bit % 8));
        assert_damaged(&sample, sample.bytes, sample.size, "bit", bit);
        sample.bytes[bit / 8] ^= (unsigned char)(1u << (bit % 8));
    }
    sample_end(&sample);
}

static void bytes_behind_the_end_are_refused(void **state)
{
    struct sample sample;
    unsigned char longer[400];
    sample_make(&sample, *state);
    memset(longer, 0, sizeof longer);
    memcpy(longer, sample.bytes, sample.size);
    for (size_t more = 1; more <= 65; more++) {
        assert_damaged(&sample, longer, sample.size + more, "appended", more);
    }
    sample_end(&sample);
}

static void exchanged_and_repeated_frames_are_refused(void **state)
{
    struct sample sample;
    sample_make(&sample, *state);
    const size_t frame = sizeof(struct file_header);
    const size_t last = sample.size - sizeof(struct frame_header);
    unsigned char *const changed = malloc(2 * sample.size);
    assert_non_null(changed);
    /* The frame with the entries twice, in a header that says so. */
    memcpy(changed, sample.bytes, last);
    memcpy(changed + last, sample.bytes + frame, sample.size - frame);
    struct file_header header;
    memcpy(&header, sample.bytes, sizeof header);
    header.entries *= 2;
    header.payload_bytes *= 2;
    header.body_bytes += last - frame;
    header.checksum = header_checksum(&header);
    memcpy(changed, &header, sizeof header);
    assert_damaged(&sample, changed, sample.size + last - frame, "repeated", 0);
    /* The end first. */
    memcpy(changed, sample.bytes, sample.size);
    memcpy(changed + frame, sample.bytes + last, sizeof(struct frame_header));
    memcpy(changed + frame + sizeof(struct frame_header), sample.bytes + frame, last - frame);
    assert_damaged(&sample, changed, sample.size, "exchanged", 0);
    free(changed);
    sample_end(&sample);
}

/* ---- numbers that lie under a right checksum ---- */

struct lie {
    const char *what;
    void (*tell)(struct file_header *header);
    enum akin_status status;
    const char *field;
};

static void more_entries(struct file_header *header)
{
    header->entries = UINT64_MAX / 2;
}
static void one_entry_more(struct file_header *header)
{
    header->entries++;
}
static void one_entry_less(struct file_header *header)
{
    header->entries--;
}
static void more_payload(struct file_header *header)
{
    header->payload_bytes++;
}
static void longer_body(struct file_header *header)
{
    header->body_bytes++;
}
static void endless_body(struct file_header *header)
{
    header->body_bytes = UINT64_MAX;
}
static void no_dim(struct file_header *header)
{
    header->dim = 0;
}
static void large_dim(struct file_header *header)
{
    header->dim = UINT32_MAX;
}
static void other_dim(struct file_header *header)
{
    header->dim = 1;
    header->row_bytes = 4;
}
static void larger_dim(struct file_header *header)
{
    header->dim = 3;
    header->row_bytes = 12;
}
static void other_row_bytes(struct file_header *header)
{
    header->row_bytes = UINT32_MAX;
}
static void as_bytes(struct file_header *header)
{
    header->type = AKIN_I8;
    header->row_bytes = header->dim;
}
static void no_type(struct file_header *header)
{
    header->type = 7;
}
static void no_metric(struct file_header *header)
{
    header->metric = 0;
}
static void no_kind(struct file_header *header)
{
    header->kind = 9;
}
static void next_version(struct file_header *header)
{
    header->format_version = 2;
}
static void version_0(struct file_header *header)
{
    header->format_version = 0;
}
static void other_order(struct file_header *header)
{
    header->byte_order = 0x04030201u;
}
static void other_magic(struct file_header *header)
{
    header->magic[7] = '\r';
}

static const struct lie lies[] = {
    {"entries beyond all bounds", more_entries, AKIN_CORRUPT, "header.entries"},
    {"one entry too many", one_entry_more, AKIN_CORRUPT, "header.entries"},
    {"one entry too few", one_entry_less, AKIN_CORRUPT, "header.entries"},
    {"payload", more_payload, AKIN_CORRUPT, "header.entries"},
    {"a longer body", longer_body, AKIN_CORRUPT, "header.body_bytes"},
    {"an endless body", endless_body, AKIN_CORRUPT, "header.body_bytes"},
    {"dimension 0", no_dim, AKIN_CORRUPT, "header.dim"},
    {"an impossible dimension", large_dim, AKIN_CORRUPT, "header.dim"},
    {"a smaller dimension", other_dim, AKIN_CORRUPT, "frame"},
    {"a larger dimension", larger_dim, AKIN_CORRUPT, "frame"},
    {"bytes of a row", other_row_bytes, AKIN_CORRUPT, "header.row_bytes"},
    {"floats as bytes", as_bytes, AKIN_CORRUPT, "frame"},
    {"an unknown type", no_type, AKIN_INCOMPATIBLE, "header.type"},
    {"an unknown metric", no_metric, AKIN_INCOMPATIBLE, "header.metric"},
    {"an unknown kind", no_kind, AKIN_INCOMPATIBLE, "header.kind"},
    {"a newer version", next_version, AKIN_INCOMPATIBLE, "header.format_version"},
    {"version 0", version_0, AKIN_INCOMPATIBLE, "header.format_version"},
    {"another byte order", other_order, AKIN_INCOMPATIBLE, "header.byte_order"},
    {"another magic", other_magic, AKIN_CORRUPT, "header.magic"},
};

static void a_header_that_lies_under_a_right_checksum_is_refused(void **state)
{
    struct sample sample;
    sample_make(&sample, *state);
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        struct file_header header;
        unsigned char changed[400];
        memcpy(&header, sample.bytes, sizeof header);
        lies[i].tell(&header);
        header.checksum = header_checksum(&header);
        memcpy(changed, sample.bytes, sample.size);
        memcpy(changed, &header, sizeof header);
        assert_damaged(&sample, changed, sample.size, lies[i].what, i);
        assert_error(&sample.fixture->error, lies[i].status, lies[i].field);
    }
    sample_end(&sample);
}

/* Change a field of the first frame or its content, with a right checksum, and expect a refusal. */
static void tell_in_frame(struct sample *sample, size_t at, const void *value, size_t size,
                          const char *what, const char *field)
{
    struct frame_header frame;
    unsigned char changed[400];
    const size_t start = sizeof(struct file_header);
    const size_t content = start + sizeof frame;
    memcpy(changed, sample->bytes, sample->size);
    memcpy(changed + at, value, size);
    memcpy(&frame, changed + start, sizeof frame);
    const uint64_t there = sample->size - content;
    const uint64_t said = frame.bytes;
    frame.bytes = said < there ? said : there;
    const uint64_t checksum = frame_checksum(&frame, changed + content);
    frame.bytes = said;
    frame.checksum = said < there ? checksum : 0;
    memcpy(changed + start, &frame, sizeof frame);
    assert_damaged(sample, changed, sample->size, what, at);
    assert_string_equal(sample->fixture->error.field, field);
}

static void a_frame_that_lies_under_a_right_checksum_is_refused(void **state)
{
    struct sample sample;
    sample_make(&sample, *state);
    const size_t frame = sizeof(struct file_header);
    const size_t content = frame + sizeof(struct frame_header);
    static const uint32_t entries[] = {0, 1, 2, 4, 1000, UINT32_MAX};
    static const uint64_t bytes[] = {0, 1, 23, 24, 74, 76, 107, 108, 1u << 30, UINT64_MAX};
    static const uint64_t payloads[] = {
        2, 50, 100, 1u << 24, 1u << 25, UINT64_MAX, UINT64_MAX - 15};
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        /* Without entries it is the end, with bytes left over. */
        tell_in_frame(&sample, frame + offsetof(struct frame_header, entries), &entries[i], 4,
                      "entries of a frame", "frame");
    }
    for (size_t i = 0; i < sizeof bytes / sizeof bytes[0]; i++) {
        tell_in_frame(&sample, frame + offsetof(struct frame_header, bytes), &bytes[i], 8,
                      "bytes of a frame", bytes[i] > 107 ? "frame header" : "frame");
    }
    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
        tell_in_frame(&sample, content + 8, &payloads[i], 8, "payload of an entry", "frame");
    }
    const uint64_t key_of_the_second = 2;
    tell_in_frame(&sample, content, &key_of_the_second, 8, "a key twice", "key");
    const uint32_t not_a_number = 0x7fc00000;
    tell_in_frame(&sample, content + 16, &not_a_number, 4, "a row that is no number", "row");
    const uint64_t sequence = 1;
    tell_in_frame(&sample, frame + offsetof(struct frame_header, sequence), &sequence, 8,
                  "sequence", "frame header");
    const uint32_t magic = 0;
    tell_in_frame(&sample, frame, &magic, 4, "magic", "frame header");
    sample_end(&sample);
}

static void a_zero_vector_in_a_file_under_cosine_is_refused(void **state)
{
    struct sample sample;
    ((struct index_fixture *)*state)->options.metric = AKIN_COSINE;
    sample_make(&sample, *state);
    const size_t content = sizeof(struct file_header) + sizeof(struct frame_header);
    const float zero[2] = {0, 0};
    tell_in_frame(&sample, content + 16, zero, sizeof zero, "a row without direction", "row");
    sample_end(&sample);
}

static void a_lying_length_costs_no_memory(void **state)
{
    struct sample sample;
    struct frame_header frame;
    sample_make(&sample, *state);
    struct index_fixture *const fixture = sample.fixture;
    memcpy(&frame, sample.bytes + sizeof(struct file_header), sizeof frame);
    frame.bytes = 1ull << 40;
    memcpy(sample.bytes + sizeof(struct file_header), &frame, sizeof frame);
    const uint64_t peak = fixture->tracking.peak_bytes;
    assert_int_equal(load_bytes(&sample, sample.bytes, sample.size), AKIN_CORRUPT);
    assert_true(fixture->tracking.peak_bytes <= peak);
    sample_end(&sample);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INDEX_TEST(a_file_cut_off_anywhere_is_refused),
        INDEX_TEST(a_file_with_any_bit_flipped_is_refused),
        INDEX_TEST(bytes_behind_the_end_are_refused),
        INDEX_TEST(exchanged_and_repeated_frames_are_refused),
        INDEX_TEST(a_header_that_lies_under_a_right_checksum_is_refused),
        INDEX_TEST(a_frame_that_lies_under_a_right_checksum_is_refused),
        INDEX_TEST(a_zero_vector_in_a_file_under_cosine_is_refused),
        INDEX_TEST(a_lying_length_costs_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
