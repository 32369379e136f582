/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of an index: what it holds, what it may use, whom it tells.
 */
#ifndef AKIN_OPTIONS_H
#define AKIN_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "akin/macros.h"
#include "akin/status.h"
#include "akin/types.h"

AKIN_BEGIN_DECLS

/*
 * Memory hooks. Both or neither; NULL for both takes aligned_alloc and free, with large blocks
 * advised for huge pages. They may be called from any thread that calls Akin, inside a read
 * section, several at once, and must not call Akin, throw, or leave by longjmp.
 */
struct akin_allocator {
    /* `bytes` > 0, `alignment` a power of two >= 8. Content need not be zero. NULL when out of
       memory. */
    void *(*allocate)(void *context, size_t bytes, size_t alignment);
    /* The pointer and the two numbers are those of the call that allocated it; never NULL. */
    void (*release)(void *context, void *pointer, size_t bytes, size_t alignment);
    void *context; /* handed to both, may be NULL */
};

enum akin_log_level { AKIN_LOG_ERROR = 1, AKIN_LOG_WARNING = 2, AKIN_LOG_INFO = 3 };

/*
 * Told about rare events: a stalled reader, a bound that was reached, growth of the key table. At
 * most about one message a second for each kind of event. Same rules as the memory hooks. NULL for
 * silence.
 */
struct akin_logger {
    void (*log)(void *context, enum akin_log_level level, const char *message);
    void *context; /* may be NULL */
};

/* What a graph keeps beside rows of floats, so that a search need not read most of them. The same
   results either way. */
enum akin_codes {
    AKIN_CODES_DEFAULT = 0,
    AKIN_CODES_NONE = 1, /* nothing */
    AKIN_CODES_SQ8 = 2   /* eight bits an element, and 32 bytes a row; with a bound of its error */
};

/* Who runs grace periods and recycles dead memory. */
enum akin_maintenance {
    AKIN_MAINTENANCE_INLINE = 1, /* a writer now and then, after its own commit; that call
                                    may wait for readers that have just begun */
    AKIN_MAINTENANCE_CALLER = 2, /* only akin_maintain: call it, or writers meet RECLAIM_STALLED */
    AKIN_MAINTENANCE_WORKER = 3  /* a thread of the index's own, started by akin_open */
};

/*
 * Options of akin_open. Fill with akin_options_init first, then change what is wanted.
 */
struct akin_options {
    size_t struct_size;      /* set by akin_options_init; which version of this struct it is */
    enum akin_kind kind;     /* default AKIN_FLAT */
    enum akin_metric metric; /* default AKIN_L2 */
    enum akin_type type;     /* default AKIN_F32 */
    uint32_t dim;            /* elements a vector, 1..16384; no default */
    uint32_t threads;        /* calls expected at the same time, 1..4096, default 64: the number of
                                  pooled contexts. More calls work, but allocate a context each
                                  time */
    enum akin_maintenance maintenance; /* default AKIN_MAINTENANCE_INLINE */
    uint64_t capacity;     /* entries expected, a hint for the key table; 0 (default) = unknown */
    uint64_t budget_bytes; /* most memory the index may hold; 0 (default) = no bound */
    uint64_t
        retired_bytes_max; /* most dead memory that may wait for readers before writers are refused;
                                   default 256 MiB, at least 1 MiB; 0 takes the default */
    uint64_t seed;         /* of everything random; default 0x414b494e */
    /* Graphs only; ignored by a flat index. 0 takes the default. */
    uint32_t m; /* neighbors that an entry chooses at each level, 2..64, default 16; twice as many
                   at the lowest */
    uint32_t ef_construction; /* candidates they are chosen from, m..10000, default 200 */
    uint32_t ef_search;       /* candidates of a search that names none, 1..10000, default 64 */
    enum akin_codes codes;    /* what excludes rows that are too far; default AKIN_CODES_SQ8 where
                                 rows are floats */
    float alpha; /* pruning of lists, 1..2: 1 (default) keeps the fewest edges, more keeps longer
                    ones as well */
    /* Maintenance. 0 takes the default. */
    float dead_fraction; /* graphs: dead entries are taken out of it when they are such a part
                                    of all slots, above 0 up to 1, default 1/16; AKIN_MAINTAIN_ROUND
                                    and _DRAIN do not wait for that */
    uint64_t slice_ns;   /* with _INLINE: how long a write maintains in one go, beside grace
                                    periods; default 1,000,000 */
    uint64_t worker_interval_ns; /* with _WORKER: the thread looks for work by itself so often; 0
                                    (default): only when writes wake it */
    uint64_t worker_slots; /* with _WORKER: slots it works off before it lets others maintain; 0
                                    (default): no bound */
    struct akin_allocator allocator; /* default: the C library */
    struct akin_logger logger;       /* default: silence */
};

/*
 * Fill options with the defaults.
 *
 * Input     : options: the struct to fill; not NULL. struct_size: sizeof(struct akin_options) as
 *             the caller was compiled; akin_options_init passes it.
 * Output    : options, all fields up to struct_size.
 * Ownership : the caller's.
 * Threads   : PURE; wait-free.
 * Order     : none.
 * Linearizes: none.
 * Status    : cannot fail.
 * Cost      : constant; allocates nothing.
 * Source    : ours.
 */
AKIN_API void akin_options_init_sized(struct akin_options *options, size_t struct_size);

/* The same, with the size filled in. */
static inline void akin_options_init(struct akin_options *options)
{
    akin_options_init_sized(options, sizeof *options);
}

/*
 * Say whether akin_open would accept these options, without allocating anything.
 *
 * Input     : options: not NULL. error: NULL if the caller does not want to know.
 * Output    : error, on failure: the first field that is wrong, its value and its bounds.
 * Ownership : the caller's.
 * Threads   : PURE; wait-free.
 * Order     : none.
 * Linearizes: none.
 * Status    : AKIN_OK; AKIN_BAD_ARGUMENT (NULL, half an allocator, unknown maintenance);
 *             AKIN_BAD_STRUCT_SIZE, _DIM, _METRIC, _TYPE, _KIND, _THREADS, _BUDGET.
 * Cost      : constant; allocates nothing.
 * Source    : ours.
 */
AKIN_API AKIN_MUST_CHECK enum akin_status akin_options_validate(const struct akin_options *options,
                                                                struct akin_error *error);

/*
 * Estimate the memory of an index with `entries` live entries.
 *
 * Input     : options: as for akin_open. entries: how many. payload_bytes_mean: payload bytes an
 *             entry, 0 for none. memory: where the answer goes, not NULL. error: may be NULL.
 * Output    : memory by kind, for an index that was filled once, without dead entries, and whose
 *             key table has grown to its steady size. Contexts are counted as if all `threads`
 *             searched with k = 100. The lists of a graph are taken to be three quarters full; real
 *             ones differ by a third or so, and lists that wait for readers come on top.
 * Ownership : the caller's.
 * Threads   : PURE; wait-free.
 * Order     : none.
 * Linearizes: none.
 * Status    : as akin_options_validate; AKIN_INDEX_FULL when entries exceeds what one index can
 *             number.
 * Cost      : constant; allocates nothing.
 * Source    : ours.
 */
AKIN_API AKIN_MUST_CHECK enum akin_status akin_estimate(const struct akin_options *options,
                                                        uint64_t entries,
                                                        uint64_t payload_bytes_mean,
                                                        struct akin_memory *memory,
                                                        struct akin_error *error);

AKIN_END_DECLS

#endif
