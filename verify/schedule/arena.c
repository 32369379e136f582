/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of a program under exploration.
 */
#include "schedule/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "harness/sizes.h"

/* Memory is marked as given back in pieces of this size, to which every block is rounded. */
#define PIECE            64u
#define PIECES           (EXPLORE_ARENA_BYTES / PIECE)
#define RUBBISH_FRESH    0xa5
#define RUBBISH_RELEASED 0xdb

struct elsewhere {
    unsigned char *memory;
    size_t bytes;
    unsigned char *content;
};

/* What is set back with the content. */
struct account {
    size_t used;
    uint64_t live_bytes;
    uint64_t allocations;
    uint64_t refuse_from;
    size_t released; /* pieces marked below `released_to` */
    size_t released_to;
};

static alignas(4096) unsigned char arena[EXPLORE_ARENA_BYTES];
static alignas(4096) unsigned char remembered[EXPLORE_ARENA_BYTES];
static unsigned char released[PIECES];
static unsigned char released_then[PIECES];
static struct account now;
static struct account then;
static struct elsewhere others[EXPLORE_PIECES_MAX];
static uint32_t other_count;

void arena_clear(void)
{
    now = (struct account){0};
    memset(released, 0, sizeof released);
    for (uint32_t i = 0; i < other_count; i++) {
        free(others[i].content);
    }
    other_count = 0;
}

static void *take(void *context, size_t bytes, size_t alignment)
{
    (void)context;
    const size_t strong = alignment < PIECE ? PIECE : alignment;
    const size_t at = (now.used + strong - 1) & ~(strong - 1);
    const size_t size = (bytes + PIECE - 1) & ~(size_t)(PIECE - 1);
    now.allocations++;
    if (now.refuse_from != 0 && now.allocations >= now.refuse_from) {
        return NULL;
    }
    if (at + size > EXPLORE_ARENA_BYTES) {
        abort(); /* EXPLORE_ARENA_BYTES is too small: not for the program to see as "no memory" */
    }
    now.used = at + size;
    now.live_bytes += size;
    memset(arena + at, RUBBISH_FRESH, size);
    return arena + at;
}

static void give(void *context, void *pointer, size_t bytes, size_t alignment)
{
    (void)context;
    (void)alignment;
    const size_t at = (size_t)((unsigned char *)pointer - arena);
    const size_t size = (bytes + PIECE - 1) & ~(size_t)(PIECE - 1);
    now.live_bytes -= size;
    memset(pointer, RUBBISH_RELEASED, size);
    memset(released + at / PIECE, 1, size / PIECE);
    now.released += size / PIECE;
    if (at + size > now.released_to) {
        now.released_to = at + size;
    }
}

struct akin_allocator arena_hooks(void)
{
    return (struct akin_allocator){.allocate = take, .release = give};
}

void arena_refuse_from(uint64_t number)
{
    now.refuse_from = number == 0 ? 0 : now.allocations + number;
}

void arena_also(void *memory, size_t bytes)
{
    if (other_count == EXPLORE_PIECES_MAX) {
        abort();
    }
    others[other_count++] = (struct elsewhere){.memory = memory, .bytes = bytes};
}

void arena_remember(void)
{
    then = now;
    memcpy(remembered, arena, now.used);
    memcpy(released_then, released, sizeof released);
    for (uint32_t i = 0; i < other_count; i++) {
        free(others[i].content);
        others[i].content = malloc(others[i].bytes);
        if (others[i].content == NULL) {
            abort();
        }
        memcpy(others[i].content, others[i].memory, others[i].bytes);
    }
}

void arena_restore(void)
{
    memcpy(arena, remembered, then.used);
    if (now.released != then.released) {
        memcpy(released, released_then, (now.released_to + PIECE - 1) / PIECE);
    }
    now = then;
    for (uint32_t i = 0; i < other_count; i++) {
        memcpy(others[i].memory, others[i].content, others[i].bytes);
    }
}

bool arena_is_released(const void *address)
{
    const uintptr_t at = (uintptr_t)address - (uintptr_t)arena;
    return at < EXPLORE_ARENA_BYTES && now.released != 0 && released[at / PIECE] != 0;
}

uint64_t arena_live_bytes(void)
{
    return now.live_bytes;
}
