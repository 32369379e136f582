/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fibers.
 */
#include "schedule/fibers.h"

#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "schedule/explore.h"
#include "harness/sizes.h"

struct fiber {
    ucontext_t context;
    void *stack;
    void *tsan; /* what the thread sanitizer knows it by */
};

static struct fiber fibers[EXPLORE_FIBERS_MAX];
static struct fiber main_fiber;
static ucontext_t blank; /* a context of this thread, to make others from without a system call */
static bool has_blank;

#if EXPLORE_TSAN
void *__tsan_get_current_fiber(void);
void *__tsan_create_fiber(unsigned int flags);
void __tsan_destroy_fiber(void *fiber);
void __tsan_switch_to_fiber(void *fiber, unsigned int flags);
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#define NO_SYNC 1u
static char start_token;
static char end_token;

static void tsan_prepare(struct fiber *fiber)
{
    if (main_fiber.tsan == NULL) {
        main_fiber.tsan = __tsan_get_current_fiber();
    }
    if (fiber->tsan == NULL) {
        fiber->tsan = __tsan_create_fiber(0);
    }
}

static void tsan_switch(const struct fiber *to)
{
    __tsan_switch_to_fiber(to->tsan, NO_SYNC);
}

void fibers_release(void)
{
    __tsan_release(&start_token);
}

void fiber_begins(void)
{
    __tsan_acquire(&start_token);
}

void fiber_ends(void)
{
    __tsan_release(&end_token);
}

void fiber_join(uint32_t fiber, bool ended)
{
    struct fiber *const left = &fibers[fiber];
    if (ended || left->tsan == NULL) {
        __tsan_acquire(&end_token);
        return;
    }
    /* Cut short: its accesses happen before ours, and its stack of calls is void. */
    __tsan_switch_to_fiber(left->tsan, NO_SYNC);
    __tsan_release(&end_token);
    __tsan_switch_to_fiber(main_fiber.tsan, NO_SYNC);
    __tsan_acquire(&end_token);
    __tsan_destroy_fiber(left->tsan);
    left->tsan = NULL;
}
#else
static void tsan_prepare(struct fiber *fiber)
{
    (void)fiber;
}

static void tsan_switch(const struct fiber *to)
{
    (void)to;
}

void fibers_release(void)
{
}

void fiber_begins(void)
{
}

void fiber_ends(void)
{
}

void fiber_join(uint32_t fiber, bool ended)
{
    (void)fiber;
    (void)ended;
}
#endif

static struct fiber *fiber_of(uint32_t number)
{
    return number == EXPLORE_MAIN ? &main_fiber : &fibers[number];
}

void fiber_prepare(uint32_t number, void (*body)(uint32_t fiber))
{
    struct fiber *const fiber = &fibers[number];
    if (!has_blank) {
        has_blank = getcontext(&blank) == 0;
    }
    if (fiber->stack == NULL) {
        fiber->stack = mmap(NULL, EXPLORE_STACK_BYTES, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (fiber->stack == MAP_FAILED) {
            abort();
        }
    }
    fiber->context = blank;
    fiber->context.uc_stack.ss_sp = fiber->stack;
    fiber->context.uc_stack.ss_size = EXPLORE_STACK_BYTES;
    fiber->context.uc_link = NULL;
    /* makecontext takes functions of ints. */
    makecontext(&fiber->context, (void (*)(void))(uintptr_t)body, 1, (int)number);
    tsan_prepare(fiber);
}

void fiber_switch(uint32_t from, uint32_t to)
{
    tsan_switch(fiber_of(to));
    (void)swapcontext(&fiber_of(from)->context, &fiber_of(to)->context);
}
