/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain values that cross the interface: vectors, payloads, neighbors, memory by kind.
 */
#ifndef AKIN_TYPES_H
#define AKIN_TYPES_H

#include <stddef.h>
#include <stdint.h>

#include "akin/macros.h"

AKIN_BEGIN_DECLS

#define AKIN_DIM_MAX           16384u
#define AKIN_K_MAX             10000u
#define AKIN_THREADS_MAX       4096u
#define AKIN_PAYLOAD_BYTES_MAX (16u * 1024u * 1024u)

/* The index. Created by akin_open or akin_load, ended by akin_close. */
typedef struct akin_index akin_index;

/* Scratch memory of searches, used by one call at a time. Optional. */
typedef struct akin_context akin_context;

/* How far apart two vectors are. A smaller distance is nearer, always. */
enum akin_metric {
    AKIN_L2 = 1,            /* squared Euclidean distance */
    AKIN_INNER_PRODUCT = 2, /* minus the inner product */
    AKIN_COSINE = 3         /* 1 minus the cosine of the angle: 0 same direction, 2 opposite */
};

/* Element type of vectors. */
enum akin_type {
    AKIN_F32 = 1, /* 4 bytes, IEEE 754 binary32 */
    AKIN_I8 = 2   /* 1 byte, -128..127 */
};

/* How the index searches. */
enum akin_kind {
    AKIN_FLAT = 1, /* exact: every visible row is compared */
    AKIN_HNSW = 2  /* approximate: a navigable graph (Malkov and Yashunin, 2018) */
};

/* A vector of the caller's: `dim` elements of `type`, contiguous, any alignment, in native byte
   order. */
struct akin_vector {
    const void *data;
    uint32_t dim;
    enum akin_type type;
};

/* Bytes of the caller's. data may be NULL when size is 0. */
struct akin_bytes {
    const void *data;
    size_t size;
};

/*
 * One result of a search.
 *
 * Distances are computed in binary64. The results of a flat index and their order do not depend on
 * the instruction set: the fast kernels only prove that a row need not be looked at. Which entries
 * a graph comes to may depend on it, by the rounding of floats.
 */
struct akin_neighbor {
    uint64_t key;
    double distance; /* by the metric of the index; smaller is nearer */
};

/* Bytes that an index holds or would hold, by what they are for. */
struct akin_memory {
    uint64_t rows_bytes;  /* vectors */
    uint64_t slots_bytes; /* per slot: stamps, key, state, payload reference; the chunk directory */
    uint64_t links_bytes; /* neighbor blocks of a graph; 0 for a flat index */
    uint64_t codes_bytes; /* quantised vectors of a graph; 0 for a flat index */
    uint64_t map_bytes;   /* key records and the hash table (its share inside liburcu by formula) */
    uint64_t payload_bytes;  /* payload chunks */
    uint64_t commits_bytes;  /* commit records */
    uint64_t contexts_bytes; /* search contexts */
    uint64_t other_bytes;    /* the index itself and its maintenance */
    uint64_t total_bytes;    /* sum of the above */
    uint64_t
        retired_bytes; /* of the total: dead or replaced, waiting for readers and maintenance */
};

/* A vector of floats. Shorthand for filling struct akin_vector. PURE. */
static inline struct akin_vector akin_vector_f32(const float *data, uint32_t dim)
{
    struct akin_vector vector;
    vector.data = data;
    vector.dim = dim;
    vector.type = AKIN_F32;
    return vector;
}

/* A vector of signed bytes. Shorthand for filling struct akin_vector. PURE. */
static inline struct akin_vector akin_vector_i8(const int8_t *data, uint32_t dim)
{
    struct akin_vector vector;
    vector.data = data;
    vector.dim = dim;
    vector.type = AKIN_I8;
    return vector;
}

AKIN_END_DECLS

#endif
