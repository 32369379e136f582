/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An intrusive stack with many producers and many consumers: ck_stack (upmc).
 *
 * Level   : sync (1).
 * Promises: lock-free. A pop compares only the head pointer, so a node must not come back while a
 *           popper may still hold it (ABA). The rule that excludes it: stack_pop runs inside a read
 *           section, and a node that was popped is pushed again only after a grace period that
 *           began after the pop. The popper reads the link of a node that somebody else may have
 *           popped: the link member belongs to this stack alone and is written only by stack_push.
 */
#ifndef AKIN_SYNC_STACK_H
#define AKIN_SYNC_STACK_H

#include <stddef.h>

#include <ck_stack.h>

#include "base/attributes.h"
#include "sync/sched_point.h"

struct stack_link {
    ck_stack_entry_t entry;
};

struct stack {
    ck_stack_t head;
};

/* Push a node. Threads: any; lock-free. Order: release. SYNC(stack.push) */
static inline void stack_push(struct stack *stack, struct stack_link *link)
{
    sched_point(SCHED_LIBRARY, stack);
    ck_stack_push_upmc(&stack->head, &link->entry);
}

/* Pop a node or NULL. Threads: any, inside a read section; lock-free. Order: acquire.
   SYNC(stack.push) */
static inline struct stack_link *stack_pop(struct stack *stack)
{
    sched_point(SCHED_LIBRARY, stack);
    ck_stack_entry_t *const entry = ck_stack_pop_upmc(&stack->head);
    return entry != NULL ? CONTAINER_OF(entry, struct stack_link, entry) : NULL;
}

/* Take all nodes; walk them with stack_next. Threads: any; wait-free. Order: acquire.
   SYNC(stack.push) */
static inline struct stack_link *stack_take_all(struct stack *stack)
{
    sched_point(SCHED_LIBRARY, stack);
    ck_stack_entry_t *const entry = ck_stack_batch_pop_upmc(&stack->head);
    return entry != NULL ? CONTAINER_OF(entry, struct stack_link, entry) : NULL;
}

/* The node on top, or NULL; walk on with stack_next. Nodes may be popped meanwhile, but are pushed
   again only after a grace period. Threads: any, inside. Order: acquire. SYNC(stack.push) */
static inline struct stack_link *stack_first(const struct stack *stack)
{
    sched_point(SCHED_LIBRARY, stack);
    ck_stack_entry_t *const entry = __atomic_load_n(&stack->head.head, __ATOMIC_ACQUIRE);
    return entry != NULL ? CONTAINER_OF(entry, struct stack_link, entry) : NULL;
}

/* Let a node that is in no stack lead to another, or nowhere. Threads: OWNER of the node. */
static inline void stack_set_next(struct stack_link *link, struct stack_link *next)
{
    link->entry.next = next != NULL ? &next->entry : NULL;
}

/* The node behind `link` in a list that was taken. Threads: OWNER of the list. */
static inline struct stack_link *stack_next(struct stack_link *link)
{
    ck_stack_entry_t *const entry = link->entry.next;
    return entry != NULL ? CONTAINER_OF(entry, struct stack_link, entry) : NULL;
}

#endif
