/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What akin demo writes and expects: see demo_model.h.
 *
 * Room: cli.
 */
#include "cli/demo_model.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The checksum library as inline functions: nothing to link. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "cli/say.h"

#define GRAM_MIN   2u
#define GRAM_MAX   4u
#define WORD_BEGIN '\x02'
#define WORD_END   '\x03'
/* Noise of a later version: large enough to tell versions apart, small enough not to move the word.
 */
#define NOISE       0.02f
#define EXTRA_MIN   64u
#define EXTRA_PARTS 4u

uint64_t demo_random(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    *state = x;
    return x * 0x2545f4914f6cdd1du >> 11;
}

int demo_model_open(struct demo_model *model, const char *words_path)
{
    const int code = demo_words_read(&model->words, words_path);
    if (code != CLI_OK) {
        return code;
    }
    const uint32_t word_count = model->words.count;
    const uint32_t extra = word_count / EXTRA_PARTS;
    model->key_count = word_count + (extra > EXTRA_MIN ? extra : EXTRA_MIN);
    model->states = calloc(model->key_count, sizeof *model->states);
    return model->states != NULL ? CLI_OK : say_no_memory("the demo");
}

void demo_model_close(struct demo_model *model)
{
    free(model->states);
    model->states = NULL;
    demo_words_free(&model->words);
}

static void normalize(float *vector)
{
    double square = 0.0;
    for (uint32_t i = 0; i < DEMO_DIM; i++) {
        square += (double)vector[i] * (double)vector[i];
    }
    if (square <= 0.0) {
        vector[0] = 1.0f;
        return;
    }
    const float factor = (float)(1.0 / sqrt(square));
    for (uint32_t i = 0; i < DEMO_DIM; i++) {
        vector[i] *= factor;
    }
}

void demo_vector_of(const char *text, float *vector)
{
    char marked[DEMO_WORD_MAX + 2];
    size_t length = 0;
    marked[length++] = WORD_BEGIN;
    for (; *text != '\0' && length < DEMO_WORD_MAX + 1; text++) {
        marked[length++] = (char)tolower((unsigned char)*text);
    }
    marked[length++] = WORD_END;
    memset(vector, 0, sizeof(float) * DEMO_DIM);
    for (size_t bytes = GRAM_MIN; bytes <= GRAM_MAX; bytes++) {
        for (size_t first = 0; first + bytes <= length; first++) {
            const uint64_t hash = XXH3_64bits_withSeed(marked + first, bytes, bytes);
            vector[hash % DEMO_DIM] += hash >> 63 != 0 ? 1.0f : -1.0f;
        }
    }
    normalize(vector);
}

void demo_word_of(const struct demo_model *model, uint64_t key, char word[DEMO_WORD_MAX + 1])
{
    static const char consonants[] = "bdfgklmnprstvz";
    static const char vowels[] = "aeiou";
    if (key < model->words.count) {
        const char *const text = model->words.text + model->words.starts[key];
        memcpy(word, text, strlen(text) + 1);
        return;
    }
    uint64_t hash = XXH3_64bits(&key, sizeof key);
    const size_t syllables = 2 + hash % 3;
    hash /= 3;
    size_t length = 0;
    for (size_t i = 0; i < syllables; i++) {
        word[length++] = consonants[hash % (sizeof consonants - 1)];
        hash /= sizeof consonants - 1;
        word[length++] = vowels[hash % (sizeof vowels - 1)];
        hash /= sizeof vowels - 1;
    }
    word[length] = '\0';
}

void demo_misspell(char *word, uint64_t random)
{
    const size_t length = strlen(word);
    if (length < 4) {
        return;
    }
    const size_t place = 1 + random / 2 % (length - 2);
    if (random % 2 == 0) {
        const char letter = word[place];
        word[place] = word[place + 1];
        word[place + 1] = letter;
    } else {
        memmove(word + place, word + place + 1, length - place);
    }
}

/* What the checksum covers, without gaps; the bytes of the word that are not used are left out. */
struct summed {
    uint64_t key;
    uint64_t version;
    float vector[DEMO_DIM];
    char word[DEMO_WORD_MAX];
};

static uint64_t checksum(uint64_t key, uint64_t version, const float *vector, const char *word,
                         size_t word_bytes)
{
    struct summed all;
    all.key = key;
    all.version = version;
    memcpy(all.vector, vector, sizeof all.vector);
    memcpy(all.word, word, word_bytes);
    return XXH3_64bits(&all, offsetof(struct summed, word) + word_bytes);
}

static void add_noise(float *vector, uint64_t key, uint64_t version)
{
    const uint64_t seed[2] = {key, version};
    uint64_t state = XXH3_64bits(seed, sizeof seed) | 1;
    for (uint32_t i = 0; i < DEMO_DIM; i++) {
        const float random = (float)(demo_random(&state) & 0xffff) / 65535.0f;
        vector[i] += NOISE * (2.0f * random - 1.0f);
    }
    normalize(vector);
}

void demo_entry_make(const struct demo_model *model, uint64_t key, uint64_t version,
                     struct demo_entry *entry)
{
    entry->key = key;
    entry->version = version;
    demo_word_of(model, key, entry->word);
    entry->word_bytes = strlen(entry->word);
    demo_vector_of(entry->word, entry->vector);
    if (version > 1) {
        add_noise(entry->vector, key, version);
    }
    uint64_t sum = checksum(key, version, entry->vector, entry->word, entry->word_bytes);
    if (model->fault == DEMO_FAULT_TORN && version > 1 && key % 64 == 0) {
        sum ^= 1;
    }
    memcpy(entry->payload, &version, sizeof version);
    memcpy(entry->payload + sizeof version, &sum, sizeof sum);
    memcpy(entry->payload + DEMO_PAYLOAD_FIXED, entry->word, entry->word_bytes);
    entry->payload_bytes = DEMO_PAYLOAD_FIXED + entry->word_bytes;
}

struct akin_record demo_record_into(struct demo_buffer *buffer)
{
    struct akin_record record = akin_record_init();
    record.vector = buffer->vector;
    record.vector_capacity = sizeof buffer->vector;
    record.payload = buffer->payload;
    record.payload_capacity = sizeof buffer->payload;
    return record;
}

uint64_t demo_record_version(const struct akin_record *record)
{
    uint64_t version = 0;
    if (record->payload_size >= DEMO_PAYLOAD_FIXED) {
        memcpy(&version, record->payload, sizeof version);
    }
    return version;
}

bool demo_record_is_whole(const struct demo_model *model, const struct akin_record *record)
{
    char word[DEMO_WORD_MAX + 1];
    if (record->key >= model->key_count || record->payload_size < DEMO_PAYLOAD_FIXED ||
        record->vector_size != sizeof(float) * DEMO_DIM) {
        return false;
    }
    demo_word_of(model, record->key, word);
    const size_t word_bytes = strlen(word);
    const unsigned char *const payload = record->payload;
    if (record->payload_size != DEMO_PAYLOAD_FIXED + word_bytes ||
        memcmp(payload + DEMO_PAYLOAD_FIXED, word, word_bytes) != 0) {
        return false;
    }
    uint64_t sum = 0;
    memcpy(&sum, payload + sizeof(uint64_t), sizeof sum);
    return sum ==
           checksum(record->key, demo_record_version(record), record->vector, word, word_bytes);
}
