/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happened before what.
 */
#include "schedule/causality.h"

#include <stdlib.h>
#include <string.h>

#include "harness/sizes.h"

/* One address. What belongs to a run is void when `run` is not the current one. */
struct place {
    const void *address; /* NULL: unused */
    bool is_shared;
    bool is_written;
    uint32_t fibers; /* bits: who has used it */
    uint64_t run;
    uint64_t last_write; /* hash of the last writing step */
    uint64_t reads;      /* sum of the hashes of the reading steps since */
};

/* Events of two classes, of which each depends on those of the other class before it. */
struct two_classes {
    uint64_t first;
    uint64_t second;
};

struct range {
    uintptr_t from;
    uintptr_t to;
};

static struct place places[EXPLORE_ADDRESSES];
static uint32_t place_count;
static struct range ignored[EXPLORE_PIECES_MAX];
static uint32_t ignored_count;
static uint64_t current_run;
static uint64_t last_step[EXPLORE_FIBERS_MAX]; /* hash of each fiber's last step */
static struct two_classes sections;            /* sections, and what waits for them */
static struct two_classes calls;               /* ends, beginnings */
static bool has_learned;
static uint32_t shared_count;
static bool somebody_waits;

static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t x = a + 0x9e3779b97f4a7c15ull * (b + 1);
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
}

void causality_forget(void)
{
    memset(places, 0, sizeof places);
    place_count = 0;
    ignored_count = 0;
    has_learned = false;
    shared_count = 0;
    somebody_waits = false;
}

void causality_begin(void)
{
    current_run++;
    for (uint32_t i = 0; i < EXPLORE_FIBERS_MAX; i++) {
        last_step[i] = i + 1;
    }
    sections = (struct two_classes){0};
    calls = (struct two_classes){0};
}

void causality_ignore(const void *memory, size_t bytes)
{
    if (ignored_count == EXPLORE_PIECES_MAX) {
        abort(); /* a bound of this program, not of what it explores */
    }
    ignored[ignored_count++] =
        (struct range){.from = (uintptr_t)memory, .to = (uintptr_t)memory + bytes};
}

static bool is_ignored(const void *address)
{
    for (uint32_t i = 0; i < ignored_count; i++) {
        if ((uintptr_t)address >= ignored[i].from && (uintptr_t)address < ignored[i].to) {
            return true;
        }
    }
    return false;
}

static struct place *find(const void *address)
{
    uint64_t at = mix((uint64_t)(uintptr_t)address, 0);
    for (;; at++) {
        struct place *const place = &places[at & (EXPLORE_ADDRESSES - 1)];
        if (place->address == address || place->address == NULL) {
            return place;
        }
    }
}

static bool is_read(enum sched_step step)
{
    return step == SCHED_LOAD || step == SCHED_LOOKUP;
}

static bool is_access(enum sched_step step)
{
    return is_read(step) || step == SCHED_STORE || step == SCHED_MODIFY || step == SCHED_LIBRARY;
}

bool causality_is_shared(enum sched_step step, const void *address)
{
    switch (step) {
    case SCHED_ENTER:
    case SCHED_LEAVE:
        return somebody_waits;
    case SCHED_WAIT:
        return true;
    case SCHED_RETRY:
    case SCHED_RETIRED:
    case SCHED_REUSED:
        return false;
    default:
        return find(address)->is_shared;
    }
}

/* The place of an address in this run. */
static struct place *use(const void *address, uint32_t fiber, bool writes)
{
    struct place *const place = find(address);
    if (place->address == NULL) {
        if (++place_count > EXPLORE_ADDRESSES / 2) {
            abort(); /* EXPLORE_ADDRESSES is too small for this program */
        }
        place->address = address;
    }
    if (place->run != current_run) {
        place->run = current_run;
        place->fibers = 0;
        place->is_written = false;
        place->last_write = 0;
        place->reads = 0;
    }
    place->fibers |= 1u << fiber;
    place->is_written = place->is_written || writes;
    if (!place->is_shared && place->is_written && (place->fibers & (place->fibers - 1)) != 0) {
        place->is_shared = true;
        shared_count++;
        has_learned = true;
    }
    return place;
}

static void of_class(uint32_t fiber, uint64_t kind, uint64_t *own, const uint64_t *other)
{
    const uint64_t event = mix(mix(last_step[fiber], kind), *other);
    *own += event;
    last_step[fiber] = event;
}

void causality_step(uint32_t fiber, enum sched_step step, const void *address)
{
    if (step == SCHED_ENTER || step == SCHED_LEAVE) {
        of_class(fiber, (uint64_t)step, &sections.first, &sections.second);
        return;
    }
    if (step == SCHED_WAIT || step == SCHED_RETIRED || step == SCHED_REUSED) {
        if (step == SCHED_WAIT && !somebody_waits) {
            somebody_waits = true;
            has_learned = true;
        }
        of_class(fiber, (uint64_t)step, &sections.second, &sections.first);
        return;
    }
    if (!is_access(step) || is_ignored(address)) {
        last_step[fiber] = mix(last_step[fiber], (uint64_t)step);
        return;
    }
    struct place *const place = use(address, fiber, !is_read(step));
    uint64_t event = mix(mix(last_step[fiber], (uint64_t)step), place->last_write);
    if (is_read(step)) {
        place->reads += event;
    } else {
        event = mix(event, place->reads);
        place->last_write = event;
        place->reads = 0;
    }
    last_step[fiber] = event;
}

void causality_call(uint32_t fiber, enum causality_call call)
{
    const uint64_t kind = 64 + (uint64_t)call;
    if (call == CAUSALITY_RETURNED) {
        of_class(fiber, kind, &calls.first, &calls.second);
    } else {
        of_class(fiber, kind, &calls.second, &calls.first);
    }
}

uint64_t causality_state(void)
{
    uint64_t state = 0;
    for (uint32_t i = 0; i < EXPLORE_FIBERS_MAX; i++) {
        state = mix(state, last_step[i]);
    }
    return state;
}

bool causality_learned(void)
{
    const bool learned = has_learned;
    has_learned = false;
    return learned;
}

uint32_t causality_shared_count(void)
{
    return shared_count;
}
