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

#include "base/limits.h"
#include "base/rng.h"
#include "sync/rcu.h"
#include "sync/thread.h"

/* Its address tells threads apart; its content is not used. */
static _Thread_local char thread_mark;

static uint32_t first_place(const struct akin_index *index)
{
    return (uint32_t)(rng_mix((uint64_t)(uintptr_t)&thread_mark) % index->options.threads);
}

static bool take(struct akin_context *context, enum context_use from, enum context_use to)
{
    /* SYNC(context.use): acquires what the last user left in the context. */
    if (atomic_u32_load_relaxed(&context->use) != from ||
        !atomic_u32_cas(&context->use, from, to)) {
        return false;
    }
    /* Release: recovery that reads it under the same use knows whom to ask for.
       SYNC(context.owner) */
    atomic_u32_store_release(&context->owner, thread_number());
    return true;
}

static void put(struct akin_context *context, enum context_use to)
{
    /* Nobody's: a next user that dies before it wrote its number is not taken for this one. */
    atomic_u32_store_relaxed(&context->owner, 0);
    /* SYNC(context.use): pairs with the compare-and-swap in take. */
    atomic_u32_store_release(&context->use, to);
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
    atomic_u32_store_relaxed(&context->use, use);
    atomic_u32_store_relaxed(&context->owner, thread_number());
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
        pool_retire(&index->store.commit_records, context->spare);
    }
    struct memory *const memory = &index->store.memory;
    memory_give(memory, MEMORY_CONTEXTS, context->row, index->store.slots.row_bytes,
                CACHE_LINE_BYTES);
    memory_give(memory, MEMORY_CONTEXTS, context->payload, context->payload_capacity,
                CACHE_LINE_BYTES);
    memory_give(memory, MEMORY_CONTEXTS, context, sizeof(struct akin_context), CACHE_PAIR_BYTES);
}

/* A context beside the table that nobody uses, or NULL. */
static struct akin_context *find_listed(struct akin_index *index, enum context_use use)
{
    /* SYNC(index.contexts): pairs with context_list. */
    struct akin_context *context = atomic_ptr_load_acquire(&index->contexts);
    for (; context != NULL; context = context->next) {
        if (!context->is_pooled && take(context, CONTEXT_FREE, use)) {
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
    const enum akin_status status = context_make(index, CONTEXT_BORROWED, true, &context);
    if (status != AKIN_OK) {
        return status;
    }
    /* SYNC(index.context_table): pairs with the load in borrow. */
    if (!atomic_ptr_cas(place, NULL, context)) {
        context_give(index, context);
        *filled = NULL;
        return AKIN_OK;
    }
    context_list(index, context);
    *filled = context;
    return AKIN_OK;
}

static enum akin_status borrow(struct akin_index *index, struct akin_context **borrowed)
{
    const uint32_t places = index->options.threads;
    const uint32_t first = first_place(index);
    for (uint32_t i = 0; i < places; i++) {
        struct atomic_ptr *const place = &index->context_table[(first + i) % places];
        /* SYNC(index.context_table): pairs with fill_place. */
        struct akin_context *context = atomic_ptr_load_acquire(place);
        if (context == NULL) {
            const enum akin_status status = fill_place(index, place, &context);
            if (status != AKIN_OK) {
                return status;
            }
            if (context != NULL) {
                *borrowed = context;
                return AKIN_OK;
            }
            context = atomic_ptr_load_acquire(place);
        }
        if (take(context, CONTEXT_FREE, CONTEXT_BORROWED)) {
            *borrowed = context;
            return AKIN_OK;
        }
    }
    struct akin_context *context = find_listed(index, CONTEXT_BORROWED);
    if (context == NULL) {
        const enum akin_status status = context_make(index, CONTEXT_BORROWED, false, &context);
        if (status != AKIN_OK) {
            return status;
        }
        context_list(index, context);
    }
    *borrowed = context;
    return AKIN_OK;
}

enum akin_status call_begin(struct akin_index *index, struct akin_context *context, bool must_have,
                            struct call *call)
{
    call->index = index;
    call->context = context;
    if (context != NULL) {
        if (context->index != index) {
            return AKIN_BAD_ARGUMENT;
        }
        return take(context, CONTEXT_HELD, CONTEXT_HELD_BUSY) ? AKIN_OK : AKIN_BUSY;
    }
    const enum akin_status status = borrow(index, &call->context);
    if (status != AKIN_OK) {
        call->context = NULL;
        return must_have ? status : AKIN_OK;
    }
    return AKIN_OK;
}

void call_end(struct call *call)
{
    struct akin_context *const context = call->context;
    if (context == NULL) {
        return;
    }
    fill_spare(context);
    put(context,
        atomic_u32_load_relaxed(&context->use) == CONTEXT_HELD_BUSY ? CONTEXT_HELD : CONTEXT_FREE);
}

static bool is_in_call(uint32_t use)
{
    return use == CONTEXT_BORROWED || use == CONTEXT_HELD_BUSY;
}

/* Whether the user of a context died inside its call. The section it was in, if any, is over:
   liburcu ends it when the thread ends. */
static bool is_orphaned(const struct akin_context *context)
{
    const uint32_t use = atomic_u32_load_relaxed(&context->use);
    /* SYNC(context.owner): pairs with take. */
    return is_in_call(use) && thread_is_dead(atomic_u32_load_acquire(&context->owner));
}

void contexts_recover(struct akin_index *index)
{
    if (index->process != process_number()) {
        return;
    }
    struct akin_context *context = atomic_ptr_load_acquire(&index->contexts);
    for (; context != NULL; context = context->next) {
        if (!is_orphaned(context)) {
            continue;
        }
        const uint32_t use = atomic_u32_load_relaxed(&context->use);
        const uint32_t owner = atomic_u32_load_relaxed(&context->owner);
        /* One of several that recover wins: it becomes the owner, so that nobody else finds a dead
           one. */
        if (is_in_call(use) && atomic_u32_cas(&context->owner, owner, thread_number())) {
            reader_reset(&context->reader);
            put(context, use == CONTEXT_HELD_BUSY ? CONTEXT_HELD : CONTEXT_FREE);
        }
    }
}

bool contexts_are_ours(const struct akin_index *index)
{
    const struct akin_context *context = atomic_ptr_load_acquire(&index->contexts);
    for (; context != NULL; context = context->next) {
        if (is_in_call(atomic_u32_load_relaxed(&context->use)) &&
            atomic_u32_load_acquire(&context->owner) == thread_number()) {
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
        while (is_in_call(atomic_u32_load_acquire(&context->use))) {
            contexts_recover(index);
            (void)sched_yield();
        }
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
    if (k_max < 1 || k_max > AKIN_K_MAX) {
        return error_range(error, AKIN_BAD_K, "k_max", k_max, 1, AKIN_K_MAX);
    }
    struct akin_context *held = find_listed(index, CONTEXT_HELD);
    if (held == NULL) {
        const enum akin_status status = context_make(index, CONTEXT_HELD, false, &held);
        if (status != AKIN_OK) {
            return error_plain(error, status);
        }
        context_list(index, held);
    }
    *context = held;
    return AKIN_OK;
}

void akin_context_destroy(akin_context *context)
{
    if (context != NULL) {
        const bool was_held = take(context, CONTEXT_HELD, CONTEXT_FREE);
        (void)was_held; /* in use: the program's mistake, answered by doing nothing */
    }
}
