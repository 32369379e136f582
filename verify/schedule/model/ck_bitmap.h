/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model of ck_bitmap.h in schedule builds: setting and clearing a bit is one step, a walk reads
 * a word when it comes to it.
 */
#ifndef AKIN_VERIFY_SCHEDULE_MODEL_CK_BITMAP_H
#define AKIN_VERIFY_SCHEDULE_MODEL_CK_BITMAP_H

#include <stdbool.h>
#include <stddef.h>

#define CK_MODEL_WORD_BITS (8u * (unsigned int)sizeof(unsigned int))

struct ck_bitmap {
    unsigned int n_bits;
    unsigned int map[];
};
typedef struct ck_bitmap ck_bitmap_t;

struct ck_bitmap_iterator {
    unsigned int rest;  /* bits of the current word that were not visited */
    unsigned int block; /* words that were read */
};
typedef struct ck_bitmap_iterator ck_bitmap_iterator_t;

static inline unsigned int ck_model_words(unsigned int bits)
{
    return (bits + CK_MODEL_WORD_BITS - 1) / CK_MODEL_WORD_BITS;
}

static inline unsigned int ck_bitmap_size(unsigned int bits)
{
    return (unsigned int)(sizeof(struct ck_bitmap) + ck_model_words(bits) * sizeof(unsigned int));
}

static inline void ck_bitmap_init(struct ck_bitmap *bitmap, unsigned int bits, bool set)
{
    bitmap->n_bits = bits;
    for (unsigned int i = 0; i < ck_model_words(bits); i++) {
        bitmap->map[i] = set ? ~0u : 0u;
    }
}

static inline void ck_bitmap_set(struct ck_bitmap *bitmap, unsigned int bit)
{
    (void)__atomic_fetch_or(&bitmap->map[bit / CK_MODEL_WORD_BITS],
                            1u << (bit % CK_MODEL_WORD_BITS), __ATOMIC_RELAXED);
}

static inline void ck_bitmap_reset(struct ck_bitmap *bitmap, unsigned int bit)
{
    (void)__atomic_fetch_and(&bitmap->map[bit / CK_MODEL_WORD_BITS],
                             ~(1u << (bit % CK_MODEL_WORD_BITS)), __ATOMIC_RELAXED);
}

static inline bool ck_bitmap_test(const struct ck_bitmap *bitmap, unsigned int bit)
{
    return (__atomic_load_n(&bitmap->map[bit / CK_MODEL_WORD_BITS], __ATOMIC_RELAXED) >>
                (bit % CK_MODEL_WORD_BITS) &
            1u) != 0;
}

static inline void ck_bitmap_iterator_init(struct ck_bitmap_iterator *iterator,
                                           const struct ck_bitmap *bitmap)
{
    (void)bitmap;
    *iterator = (struct ck_bitmap_iterator){0};
}

static inline bool ck_bitmap_next(const struct ck_bitmap *bitmap,
                                  struct ck_bitmap_iterator *iterator, unsigned int *bit)
{
    while (iterator->rest == 0) {
        if (iterator->block == ck_model_words(bitmap->n_bits)) {
            return false;
        }
        iterator->rest = __atomic_load_n(&bitmap->map[iterator->block++], __ATOMIC_RELAXED);
    }
    const unsigned int lowest = (unsigned int)__builtin_ctz(iterator->rest);
    iterator->rest &= iterator->rest - 1;
    *bit = (iterator->block - 1) * CK_MODEL_WORD_BITS + lowest;
    return true;
}

#endif
