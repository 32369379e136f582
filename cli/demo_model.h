/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What akin demo puts into the index, and what it knows must be there.
 *
 * Every key stands for a word: the first ones for those of the list, the others for made-up words,
 * so that there is something to insert. What a key holds is a function of (key, version): the
 * vector is made of the hashed n-grams of the word and, from version 2 on, a little noise; the
 * payload has the version, the word, and a checksum over key, version, vector and word. So
 * everything that is read can be compared with what one write must have written.
 *
 * Room: cli.
 */
#ifndef AKIN_CLI_DEMO_MODEL_H
#define AKIN_CLI_DEMO_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "akin/index.h"
#include "cli/demo_words.h"

#define DEMO_DIM           256u
#define DEMO_K             10u
#define DEMO_PAYLOAD_FIXED (2 * sizeof(uint64_t)) /* version and checksum, before the word */
#define DEMO_PAYLOAD_MAX   (DEMO_PAYLOAD_FIXED + DEMO_WORD_MAX)

/*
 * What the demo is told to get wrong, so that tests see its checks fail. Each spoils what the demo
 * writes or expects, never the index itself.
 */
enum demo_fault {
    DEMO_NO_FAULT = 0,
    DEMO_FAULT_TORN,      /* some payloads are written with a wrong checksum */
    DEMO_FAULT_LOST,      /* some updates are noted and not made */
    DEMO_FAULT_GHOST,     /* some deletions are noted and not made */
    DEMO_FAULT_STALE,     /* readers believe to have seen a later version */
    DEMO_FAULT_MISPLACED, /* two results of a search have their keys exchanged */
    DEMO_FAULT_UNSORTED,  /* two results of a search have their places exchanged */
    DEMO_FAULT_DUPLICATE, /* a result of a search stands twice */
    DEMO_FAULT_OUTCOME,   /* an insert of a live key is expected to work */
    DEMO_FAULT_RECALL,    /* the exact answers are compared with those of another query */
    DEMO_FAULT_COUNT,     /* one more entry is expected */
    DEMO_FAULT_VISIT,     /* one entry is believed to have been visited before */
    DEMO_FAULT_STRUCTURE  /* the structure check is taken to have failed */
};

/* Of a key: what its owner wrote last. Owner: writer (key % writers); the main thread when none
 * runs. */
struct demo_state {
    uint32_t version; /* 0: never written. Counts on through deletions */
    bool is_live;
};

struct demo_model {
    struct demo_words words;
    struct demo_state *states; /* one for each key */
    uint32_t key_count;
    enum demo_fault fault;
};

/* Everything that one version of a key holds. */
struct demo_entry {
    uint64_t key;
    uint64_t version;
    size_t word_bytes;
    size_t payload_bytes;
    char word[DEMO_WORD_MAX + 1];
    unsigned char payload[DEMO_PAYLOAD_MAX];
    float vector[DEMO_DIM];
};

/* Room for what akin_get returns. */
struct demo_buffer {
    float vector[DEMO_DIM];
    unsigned char payload[DEMO_PAYLOAD_MAX];
};

/* Read the words and make the states. CLI_OK, or an exit code after a message. */
int demo_model_open(struct demo_model *model, const char *words_path);
void demo_model_close(struct demo_model *model);

/* Make the vector of a text: n-grams of 2 to 4 characters with marks at both ends, hashed with a
   sign into DEMO_DIM sums, length 1. */
void demo_vector_of(const char *text, float *vector);

/* Write the word of a key. */
void demo_word_of(const struct demo_model *model, uint64_t key, char word[DEMO_WORD_MAX + 1]);

/* Make a misspelled form of a word: two letters exchanged, or one left out, as `random` says. */
void demo_misspell(char *word, uint64_t random);

/* Make what a version of a key holds. */
void demo_entry_make(const struct demo_model *model, uint64_t key, uint64_t version,
                     struct demo_entry *entry);

/* A record that reads into a buffer. */
struct akin_record demo_record_into(struct demo_buffer *buffer);

/* Return the version that stands in the payload of a record; 0 if it is too short for one. */
uint64_t demo_record_version(const struct akin_record *record);

/*
 * Say whether a record is whole: its key's word, the checksum over everything, and the sizes.
 *
 * Input: record: as akin_get or akin_iterate gave it, with vector and payload.
 */
bool demo_record_is_whole(const struct demo_model *model, const struct akin_record *record);

/* A fast generator of random numbers; the state must not be 0. */
uint64_t demo_random(uint64_t *state);

#endif
