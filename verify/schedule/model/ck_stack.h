/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model of ck_stack.h in schedule builds.
 *
 * A push and a batch pop are one step. A pop is two, as in the real one: it reads the head and its
 * link, then exchanges the head; so that what a node's early return does to it (ABA) is explored.
 */
#ifndef AKIN_VERIFY_SCHEDULE_MODEL_CK_STACK_H
#define AKIN_VERIFY_SCHEDULE_MODEL_CK_STACK_H

#include <stdbool.h>
#include <stddef.h>

#include "sync/sched_point.h"

struct ck_stack_entry {
    struct ck_stack_entry *next;
};
typedef struct ck_stack_entry ck_stack_entry_t;

struct ck_stack {
    struct ck_stack_entry *head;
};
typedef struct ck_stack ck_stack_t;

static inline void ck_stack_init(struct ck_stack *stack)
{
    stack->head = NULL;
}

static inline void ck_stack_push_upmc(struct ck_stack *stack, struct ck_stack_entry *entry)
{
    struct ck_stack_entry *head = __atomic_load_n(&stack->head, __ATOMIC_RELAXED);
    __atomic_store_n(&entry->next, head, __ATOMIC_RELAXED);
    /* One step: nobody comes between, so it cannot fail. */
    (void)__atomic_compare_exchange_n(&stack->head, &head, entry, false, __ATOMIC_ACQ_REL,
                                      __ATOMIC_RELAXED);
}

static inline struct ck_stack_entry *ck_stack_pop_upmc(struct ck_stack *stack)
{
    struct ck_stack_entry *head = __atomic_load_n(&stack->head, __ATOMIC_ACQUIRE);
    while (head != NULL) {
        struct ck_stack_entry *const next = __atomic_load_n(&head->next, __ATOMIC_RELAXED);
        sched_point(SCHED_LIBRARY, stack);
        if (__atomic_compare_exchange_n(&stack->head, &head, next, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE)) {
            break;
        }
    }
    return head;
}

static inline struct ck_stack_entry *ck_stack_batch_pop_upmc(struct ck_stack *stack)
{
    return __atomic_exchange_n(&stack->head, NULL, __ATOMIC_ACQ_REL);
}

#endif
