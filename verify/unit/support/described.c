/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries that describe themselves.
 */
#include "support/described.h"

#include <string.h>

#include "base/rng.h"

#define WORD_BITS 24u /* what a float holds exactly */
#define WORD_MASK ((1u << WORD_BITS) - 1)
#define NAMED     5u /* elements that name the entry; the others follow from them */

static uint64_t digest(const struct described *what)
{
    uint64_t state = rng_mix(what->key + 1);
    state = rng_mix(state ^ (what->writer + 0x100));
    state = rng_mix(state ^ (what->serial + 0x10000));
    return rng_mix(state ^ (what->size + 0x1000000));
}

static void make_vector(const struct described *what, float *vector)
{
    uint64_t state = digest(what);
    vector[0] = (float)(what->key & WORD_MASK);
    vector[1] = (float)(what->writer & WORD_MASK);
    vector[2] = (float)(what->serial & WORD_MASK);
    vector[3] = (float)(what->serial >> WORD_BITS & WORD_MASK);
    vector[4] = (float)what->size;
    for (size_t i = NAMED; i < DESCRIBED_DIM; i++) {
        vector[i] = (float)(rng_next(&state) & WORD_MASK);
    }
}

static void make_payload(const struct described *what, unsigned char *payload)
{
    uint64_t state = ~digest(what);
    for (size_t at = 0; at < what->size; at += sizeof state) {
        const uint64_t word = rng_next(&state);
        const size_t rest = what->size - at;
        memcpy(payload + at, &word, rest < sizeof word ? rest : sizeof word);
    }
}

void described_make(const struct described *what, struct described_entry *entry)
{
    make_vector(what, entry->vector);
    make_payload(what, entry->payload);
}

enum akin_status described_write(akin_index *index, described_write_fn write,
                                 const struct described *what)
{
    struct described_entry entry;
    described_make(what, &entry);
    const struct akin_vector vector = akin_vector_f32(entry.vector, DESCRIBED_DIM);
    const struct akin_bytes payload = {.data = entry.payload, .size = what->size};
    return write(index, what->key, &vector, &payload, NULL);
}

/* A named element as the number that it stands for; UINT64_MAX for none. */
static uint64_t number_of(float element)
{
    if (!(element >= 0.0f && element <= (float)WORD_MASK)) {
        return UINT64_MAX;
    }
    return (uint64_t)element;
}

const char *described_fault(uint64_t key, const float *vector, const unsigned char *payload,
                            size_t size, struct described *found)
{
    struct described_entry expected;
    found->key = number_of(vector[0]);
    found->writer = number_of(vector[1]);
    found->serial = number_of(vector[2]) | number_of(vector[3]) << WORD_BITS;
    found->size = (size_t)number_of(vector[4]);
    if (found->key != key) {
        return "the vector is that of another key, or torn";
    }
    if (found->size != size || size > DESCRIBED_PAYLOAD_MAX) {
        return "the payload has not the size that the vector names";
    }
    described_make(found, &expected);
    /* Bit for bit. NOLINTNEXTLINE(bugprone-suspicious-memory-comparison) */
    if (memcmp(vector, expected.vector, sizeof expected.vector) != 0) {
        return "the vector is torn";
    }
    if (size > 0 && memcmp(payload, expected.payload, size) != 0) {
        return "the payload is not what was written with this vector";
    }
    return NULL;
}

enum akin_status described_read(akin_index *index, uint64_t key, struct described *found,
                                uint64_t *version, const char **fault)
{
    struct described_entry entry;
    struct akin_record record = akin_record_init();
    record.vector = entry.vector;
    record.vector_capacity = sizeof entry.vector;
    record.payload = entry.payload;
    record.payload_capacity = sizeof entry.payload;
    const enum akin_status status = akin_get(index, key, &record, NULL);
    if (status != AKIN_OK) {
        return status;
    }
    *fault = NULL;
    *version = record.version;
    if (record.key != key) {
        *fault = "the record names another key";
        return AKIN_OK;
    }
    if (record.vector_size != sizeof entry.vector) {
        *fault = "the record names another vector size";
        return AKIN_OK;
    }
    *fault = described_fault(key, entry.vector, entry.payload, record.payload_size, found);
    return AKIN_OK;
}
