/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contexts: one for each call in flight, pooled or the program's.
 *
 * Level: index (6).
 *
 * The pool is a table of `threads` places. A call starts to look at a place that depends on its
 * thread, so that threads which keep calling keep their context, and with it the cache line of
 * their reader cell. All contexts are on one list as well, for maintenance, statistics and the end.
 * They are freed only with the index, so nothing here needs a grace period.
 */
#include "index/internal.h"

#include <sched.h>

#include "base/invariant.h"
#include "base/limits.h"
#include "base/rng.h"
#include "sync/rcu.h"
#include "sync/thread.h"

/*
 * The word of a context: user in the lower 32 bits (0 when in no call), use in the next 8, and a
 * generation that grows with every change, so that a word never comes back.
 */
#define USE_SHIFT        32
#define GENERATION_SHIFT 40

static enum context_use use_of(uint64_t word)
{
    return (enum context_use)(word >> USE_SHIFT & 0xff);
}

static uint32_t user_of(uint64_t word)
{
    return (uint32_t)word;
}

static bool is_in_call(uint64_t word)
{
    return use_of(word) == CONTEXT_BORROWED || use_of(word) == CONTEXT_HELD_BUSY;
}

static uint64_t word_after(uint64_t word, enum context_use use, uint32_t user)
{
    return ((word >> GENERATION_SHIFT) + 1) << GENERATION_SHIFT | (uint64_t)use << USE_SHIFT | user;
}

static uint32_t first_place(const struct akin_index *index)
{
    return (uint32_t)(rng_mix(thread_number()) % index->options.threads);
}

/* Take a context for a call. */
static bool take(struct akin_context *context, enum context_use from, enum context_use to)
{
    const uint64_t word = atomic_u64_load_relaxed(&context->use);
    /* SYNC(context.use): acquires what the last user left in the context. */
    return use_of(word) == from &&
           atomic_u64_cas(&context->use, word, word_after(word, to, thread_number()));
}

/* Give back a context of ours. Nobody else changes the word of a live user. */
static void put(struct akin_context *context, enum context_use to)
{
    const uint64_t word = atomic_u64_load_relaxed(&context->use);
    /* SYNC(context.use): pairs with the compare-and-swap in take. */
    const bool given = atomic_u64_cas(&context->use, word, word_after(word, to, 0));
    ENSURE(given);
    (void)given;
}

/* Keep a record in reserve, so that a delete can commit when there is no memory at all. */
static void fill_spare(struct akin_context *context)
{
    void *memory = NULL;
    if (context->spare != NULL) {
        return;
    }
    rcu_enter();
    if (pool_take(&context->index->store.commit_records, &memory) == AKIN_OK) {
        context->spare = memory;
    }
    rcu_leave();
}

/* Make a context in use as told; it is on the list from then on. */
static enum akin_status context_make(struct akin_index *index, enum context_use use, bool pooled,
                                     struct akin_context **made)
{
    void *memory = NULL;
    const enum akin_status status =
        memory_take(&index->store.memory, MEMORY_CONTEXTS, sizeof(struct akin_context),
                    CACHE_PAIR_BYTES, &memory);
    if (status != AKIN_OK) {
        return status;
    }
    struct akin_context *const context = memory;
    context->index = index;
    context->is_pooled = pooled;
    atomic_u64_store_relaxed(&context->use,
                             word_after(0, use, use == CONTEXT_HELD ? 0 : thread_number()));
    fill_spare(context);
    *made = context;
    return AKIN_OK;
}

static void context_list(struct akin_index *index, struct akin_context *context)
{
    void *head;
    reader_add(&index->store.readers, &context->reader);
    do {
        head = atomic_ptr_load_acquire(&index->contexts);
        context->next = head;
        /* SYNC(index.contexts): pairs with the load in find_listed and contexts_end. */
    } while (!atomic_ptr_cas(&index->contexts, head, context));
}

static void context_give(struct akin_index *index, struct akin_context *context)
{
    if (context->spare != NULL) {
        rcu_enter();
        pool_retire(&index->store.commit_records, context->spare);
        rcu_leave();
    }
    struct memory *const memory = &index->store.memory;
    memory_give(memory, MEMORY_CONTEXTS, context->row, index->store.slots.row_bytes,
                CACHE_LINE_BYTES);
    memory_give(memory, MEMORY_CONTEXTS, context->payload, context->payload_capacity,
                CACHE_LINE_BYTES);
    trail_end(&context->trail, memory);
    memory_give(memory, MEMORY_CONTEXTS, context, sizeof(struct akin_context), CACHE_PAIR_BYTES);
}

/* A context beside the table that nobody uses, or NULL. */
static struct akin_context *find_listed(struct akin_index *index, enum context_use from,
                                        enum context_use to)
{
    /* SYNC(index.contexts): pairs with context_list. */
    struct akin_context *context = atomic_ptr_load_acquire(&index->contexts);
    for (; context != NULL; context = context->next) {
        const uint64_t word = atomic_u64_load_relaxed(&context->use);
        const uint32_t user = to == CONTEXT_HELD ? 0 : thread_number();
        if (!context->is_pooled && use_of(word) == from &&
            atomic_u64_cas(&context->use, word, word_after(word, to, user))) {
            return context;
        }
    }
    return NULL;
}

/* Put a new context into an empty place; NULL with AKIN_OK when somebody else was faster. */
static enum akin_status fill_place(struct akin_index *index, struct atomic_ptr *place,
                                   struct akin_context **filled)
{
    struct akin_context *context = NULL;
    /* Relaxed, here and below: it orders nothing, and a maker that lives costs no more than a
       recount in index_had_deaths. */
    (void)atomic_u64_fetch_add_relaxed(&index->making, 1);
    const enum akin_status status = context_make(index, CONTEXT_BORROWED, true, &context);
    if (status == AKIN_OK) {
        /* SYNC(index.context_table): pairs with the load in borrow. */
        if (atomic_ptr_cas(place, NULL, context)) {
            context_list(index, context);
        } else {
            context_give(index, context);
            context = NULL;
        }
        *filled = context;
    }
    (void)atomic_u64_fetch_sub_relaxed(&index->making, 1);
    return status;
}

/* A new context beside the table. */
static enum akin_status add_listed(struct akin_index *index, enum context_use use,
                                   struct akin_context **added)
{
    (void)atomic_u64_fetch_add_relaxed(&index->making, 1);
    const enum akin_status status = context_make(index, use, false, added);
    if (status == AKIN_OK) {
        context_list(index, *added);
    }
    (void)atomic_u64_fetch_sub_relaxed(&index->making, 1);
    return status;
}

/* A context of the table: one that is free, or a new one in an empty place; NULL when all are in
   use. `status` tells why a place stayed empty. */
static struct akin_context *borrow_pooled(struct akin_index *index, enum akin_status *status)
{
    const uint32_t places = index->options.threads;
    const uint32_t first = first_place(index);
    for (uint32_t i = 0; i < places; i++) {
        struct atomic_ptr *const place = &index->context_table[(first + i) % places];
        /* SYNC(index.context_table): pairs with fill_place. */
        struct akin_context *context = atomic_ptr_load_acquire(place);
        if (context == NULL && *status == AKIN_OK) {
            *status = fill_place(index, place, &context);
            if (context != NULL) {
                return context;
            }
            context = atomic_ptr_load_acquire(place);
        }
        if (context != NULL && take(context, CONTEXT_FREE, CONTEXT_BORROWED)) {
            return context;
        }
    }
    return NULL;
}

static enum akin_status borrow(struct akin_index *index, struct akin_context **borrowed)
{
    enum akin_status status = AKIN_OK;
    struct akin_context *context = borrow_pooled(index, &status);
    if (context == NULL) {
        context = find_listed(index, CONTEXT_FREE, CONTEXT_BORROWED);
    }
    if (context == NULL && status == AKIN_OK) {
        status = add_listed(index, CONTEXT_BORROWED, &context);
    }
    *borrowed = context;
    return context != NULL ? AKIN_OK : status;
}

enum akin_status call_begin(struct akin_index *index, struct akin_context *context, bool must_have,
                            struct call *call)
{
    enum akin_status status = AKIN_OK;
    *call = (struct call){.index = index, .context = context, .is_held = context != NULL};
    if (context != NULL) {
        if (context->index != index) {
            return AKIN_BAD_ARGUMENT;
        }
        status = take(context, CONTEXT_HELD, CONTEXT_HELD_BUSY) ? AKIN_OK : AKIN_BUSY;
    } else {
        status = borrow(index, &call->context);
        if (status != AKIN_OK && !must_have) {
            /* SYNC(index.unmarked): counted, so that akin_close waits for it all the same. */
            (void)atomic_u64_fetch_add_acq_rel(&index->unmarked, 1);
            status = AKIN_OK;
        }
    }
    *thread_calls_inside() += status == AKIN_OK ? 1 : 0;
    return status;
}

void call_end(struct call *call)
{
    struct akin_context *const context = call->context;
    *thread_calls_inside() -= 1;
    if (context == NULL) {
        /* SYNC(index.unmarked): pairs with the load in contexts_quiesce. */
        (void)atomic_u64_fetch_sub_acq_rel(&call->index->unmarked, 1);
        return;
    }
    fill_spare(context);
    put(context, call->is_held ? CONTEXT_HELD : CONTEXT_FREE);
}

void contexts_recover(struct akin_index *index)
{
    if (index->process != process_generation()) {
        return; /* thread numbers of another process */
    }
    struct akin_context *context = atomic_ptr_load_acquire(&index->contexts);
    for (; context != NULL; context = context->next) {
        /* SYNC(context.use): pairs with take; the number belongs to this use. */
        const uint64_t word = atomic_u64_load_acquire(&context->use);
        if (!is_in_call(word) || !thread_is_dead(user_of(word))) {
            continue;
        }
        /* The section it was in, if any, is over: liburcu ends it when the thread ends. Of several
           that recover one wins: the word is another then, with a user that lives. */
        if (atomic_u64_cas(&context->use, word, word_after(word, use_of(word), thread_number()))) {
            reader_reset(&context->reader);
            put(context, use_of(word) == CONTEXT_HELD_BUSY ? CONTEXT_HELD : CONTEXT_FREE);
            (void)atomic_u64_fetch_add_relaxed(&index->deaths, 1);
        }
    }
}

bool index_had_deaths(const struct akin_index *index)
{
    return atomic_u64_load_relaxed(&index->deaths) > 0 ||
           atomic_u64_load_relaxed(&index->making) > 0 ||
           atomic_u64_load_relaxed(&index->maintainer.orphans) > 0 ||
           atomic_u64_load_relaxed(&index->maintainer.takeovers) > 0;
}

bool contexts_are_ours(const struct akin_index *index)
{
    const struct akin_context *context = atomic_ptr_load_acquire(&index->contexts);
    if (*thread_calls_inside() == 0) {
        return false;
    }
    for (; context != NULL; context = context->next) {
        const uint64_t word = atomic_u64_load_acquire(&context->use);
        if (is_in_call(word) && user_of(word) == thread_number()) {
            return true;
        }
    }
    return false;
}

void contexts_quiesce(struct akin_index *index)
{
    struct akin_context *context = atomic_ptr_load_acquire(&index->contexts);
    for (; context != NULL; context = context->next) {
        /* SYNC(context.use): pairs with put; what the call did is over. */
        while (is_in_call(atomic_u64_load_acquire(&context->use))) {
            if (index->process != process_generation()) {
                break; /* the child of a fork: the parent's threads do not come back */
            }
            contexts_recover(index);
            (void)sched_yield();
        }
    }
    /* SYNC(index.unmarked): pairs with call_end. */
    while (atomic_u64_load_acquire(&index->unmarked) > 0 &&
           index->process == process_generation()) {
        (void)sched_yield();
    }
}

void contexts_end(struct akin_index *index)
{
    struct akin_context *context = atomic_ptr_load_acquire(&index->contexts);
    while (context != NULL) {
        struct akin_context *const next = context->next;
        context_give(index, context);
        context = next;
    }
}

enum akin_status akin_context_create(akin_index *index, uint32_t k_max, akin_context **context,
                                     struct akin_error *error)
{
    if (index == NULL || context == NULL) {
        return error_field(error, AKIN_BAD_ARGUMENT, index == NULL ? "index" : "context",
                           "is NULL");
    }
    struct call call;
    enum akin_status status = call_begin(index, NULL, false, &call);
    if (status != AKIN_OK) {
        return error_plain(error, status);
    }
    if (k_max < 1 || k_max > AKIN_K_MAX) {
        call_end(&call);
        return error_range(error, AKIN_BAD_K, "k_max", k_max, 1, AKIN_K_MAX);
    }
    struct akin_context *held = find_listed(index, CONTEXT_FREE, CONTEXT_HELD);
    if (held == NULL) {
        status = add_listed(index, CONTEXT_HELD, &held);
    }
    call_end(&call);
    if (status != AKIN_OK) {
        return error_plain(error, status);
    }
    *context = held;
    return AKIN_OK;
}

void akin_context_destroy(akin_context *context)
{
    /* In use: the program's mistake, answered by doing nothing. */
    if (context != NULL && take(context, CONTEXT_HELD, CONTEXT_HELD_BUSY)) {
        put(context, CONTEXT_FREE);
    }
}
