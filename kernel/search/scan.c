/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exact scan.
 *
 * Level: search (4).
 */
#include "search/scan.h"

#include "base/invariant.h"
#include "base/limits.h"

/* Slots whose visibility is one word of bits. */
#define WORD_SLOTS 64u

/* A run of neighboring visible rows of one chunk. */
struct run {
    const struct slot_chunk *chunk;
    const unsigned char *rows;
    uint32_t offset;
    uint32_t count; /* 1 .. SCAN_GROUP_ROWS */
};

static bool bitmap_passes(const struct akin_filter *filter, uint64_t key)
{
    return key < filter->bitmap_bits && (filter->bitmap[key / 64] >> (key % 64) & 1) != 0;
}

/* The slots offset .. offset + count of a chunk that are visible and pass the bitmap, as bits. At
   most WORD_SLOTS. */
static uint64_t visible_bits(const struct scan *scan, const struct slot_chunk *chunk,
                             uint32_t offset, uint32_t count)
{
    uint64_t bits = 0;
    for (uint32_t i = 0; i < count; i++) {
        bits |= (uint64_t)slot_is_visible(chunk, offset + i, scan->stamp) << i;
    }
    if (scan->filter == NULL || scan->filter->bitmap == NULL) {
        return bits;
    }
    for (uint64_t rest = bits; rest != 0; rest &= rest - 1) {
        const uint32_t i = (uint32_t)__builtin_ctzll(rest);
        if (!bitmap_passes(scan->filter, chunk->key[offset + i])) {
            bits &= ~(1ull << i);
        }
    }
    return bits;
}

bool scan_filter_passes(const struct akin_filter *filter, uint64_t key)
{
    return (filter->bitmap == NULL || bitmap_passes(filter, key)) &&
           (filter->accept == NULL || filter->accept(filter->context, key) != 0);
}

/* A row that the fast distance could not exclude: decide by the exact one. */
static void consider(const struct scan *scan, const struct query *query, struct topk *best,
                     const struct run *run, uint32_t i)
{
    const struct akin_neighbor candidate = {
        .key = run->chunk->key[run->offset + i],
        .distance = metric_exact(scan->metric, query,
                                 run->rows + (size_t)i * scan->store->slots.row_stride),
    };
    if (!topk_admits(best, &candidate)) {
        return;
    }
    const struct akin_filter *const filter = scan->filter;
    if (filter != NULL && filter->accept != NULL &&
        filter->accept(filter->context, candidate.key) == 0) {
        return;
    }
    topk_add(best, &candidate);
}

/* Rows of a run from `first` on whose fast distances are known: look at those that may matter. */
static void sift(const struct scan *scan, uint32_t q, const struct run *run, uint32_t first,
                 const float *raw)
{
    const struct query *const query = &scan->queries[q];
    struct topk *const best = &scan->best[q];
    const uint32_t rest = run->count - first;
    uint64_t suspects =
        metric_suspects(scan->metric, query, run->chunk->norm + run->offset + first,
                        rest < WORD_SLOTS ? rest : WORD_SLOTS, raw + first, topk_bound(best));
    for (; suspects != 0; suspects &= suspects - 1) {
        consider(scan, query, best, run, first + (uint32_t)__builtin_ctzll(suspects));
    }
}

static void scan_rows(const struct scan *scan, const struct run *run)
{
    float raw[SCAN_GROUP_ROWS];
    for (uint32_t q = 0; q < scan->query_count; q++) {
        scan->metric->many(scan->queries[q].data, run->rows, scan->store->slots.row_stride,
                           run->count, scan->metric->dim, raw);
        for (uint32_t first = 0; first < run->count; first += WORD_SLOTS) {
            sift(scan, q, run, first, raw);
        }
    }
}

/* The first place from `from` on whose bit is `wanted`; `count` when there is none. */
static uint32_t find_bit(const uint64_t *words, uint32_t from, uint32_t count, bool wanted)
{
    while (from < count) {
        const uint64_t word = wanted ? words[from / WORD_SLOTS] : ~words[from / WORD_SLOTS];
        const uint64_t rest = word >> (from % WORD_SLOTS);
        if (rest != 0) {
            const uint32_t found = from + (uint32_t)__builtin_ctzll(rest);
            return found < count ? found : count;
        }
        from = (from / WORD_SLOTS + 1) * WORD_SLOTS;
    }
    return count;
}

/* Scan `count` slots of a chunk, at most SCAN_GROUP_ROWS: each run of visible rows at once. */
static void scan_group(const struct scan *scan, const struct slot_chunk *chunk, uint32_t offset,
                       uint32_t count)
{
    uint64_t words[SCAN_GROUP_ROWS / WORD_SLOTS];
    for (uint32_t i = 0; i < count; i += WORD_SLOTS) {
        const uint32_t rest = count - i;
        words[i / WORD_SLOTS] =
            visible_bits(scan, chunk, offset + i, rest < WORD_SLOTS ? rest : WORD_SLOTS);
    }
    uint32_t first = find_bit(words, 0, count, true);
    while (first < count) {
        const uint32_t end = find_bit(words, first, count, false);
        const struct run run = {
            .chunk = chunk,
            .rows = slot_row(&scan->store->slots, chunk, offset + first),
            .offset = offset + first,
            .count = end - first,
        };
        scan_rows(scan, &run);
        first = find_bit(words, end, count, true);
    }
}

/* Slots of a group: several queries go over its rows one after the other. */
static uint32_t group_slots(const struct scan *scan)
{
    const uint32_t fitting = SCAN_GROUP_BYTES / scan->store->slots.row_stride;
    if (scan->query_count == 1 || fitting >= SCAN_GROUP_ROWS) {
        return SCAN_GROUP_ROWS;
    }
    return fitting > WORD_SLOTS ? fitting / WORD_SLOTS * WORD_SLOTS : WORD_SLOTS;
}

bool scan_is_long(const struct store *store, uint32_t watermark, size_t query_count)
{
    const size_t bytes = size_multiply((size_t)watermark * store->slots.row_stride, query_count);
    return bytes > SCAN_SECTION_BYTES;
}

void scan_run(struct scan *scan)
{
    const struct slots *const slots = &scan->store->slots;
    const uint32_t group = group_slots(scan);
    REQUIRE(scan->query_count >= 1 && scan->query_count <= SCAN_GROUP_QUERIES);
    for (uint32_t slot = 0; slot < scan->watermark;) {
        const struct slot_chunk *const chunk = slot_chunk_of(slots, slot);
        const uint32_t offset = slot & slots->chunk_mask;
        const uint32_t in_chunk = slots->chunk_mask + 1 - offset;
        const uint32_t below = scan->watermark - slot;
        uint32_t count = in_chunk < below ? in_chunk : below;
        count = count < group ? count : group;
        if (chunk == NULL) { /* given back: nothing in it is visible */
            slot += in_chunk < below ? in_chunk : below;
            continue;
        }
        scan_group(scan, chunk, offset, count);
        slot += count;
        scan->section_bytes += (uint64_t)count * slots->row_stride * scan->query_count;
        if (scan->is_pinned && scan->section_bytes >= SCAN_SECTION_BYTES) {
            reader_pause(scan->reader);
            scan->section_bytes = 0;
        }
    }
}
