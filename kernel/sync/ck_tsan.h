/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine layer of Concurrency Kit in terms that ThreadSanitizer sees.
 *
 * Level   : sync (1). Forced into every file of a ThreadSanitizer build, before anything else; not
 *           used in other builds. No header of ck is modified: CK_USE_CC_BUILTINS skips its
 *           assembly and CK_F_PR its volatile emulation, and this file supplies the same operations
 *           as atomics.
 * Departs : plain ck loads and stores become acquire and release and read-modify-writes
 *           sequentially consistent, because ThreadSanitizer has no model of fences. So a fence
 *           missing inside ck cannot be found with it; a race of ours around ck can.
 */
#ifndef AKIN_SYNC_CK_TSAN_H
#define AKIN_SYNC_CK_TSAN_H

#define CK_USE_CC_BUILTINS 1
#define CK_F_PR

#include <ck_cc.h>
#include <ck_limits.h>
#include <ck_md.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gcc/ck_f_pr.h>

/* Supplied below; ck must not make it from a loop of its own. */
#define CK_F_PR_FAS_PTR

/* The three operations that ck_ring, ck_stack, ck_bitmap and ck_backoff need on the two sizes they
   use. */
CK_CC_INLINE static void *ck_pr_md_load_ptr(const void *target)
{
    return __atomic_load_n((void *const *)target, __ATOMIC_ACQUIRE);
}

CK_CC_INLINE static void ck_pr_md_store_ptr(void *target, const void *value)
{
    __atomic_store_n((void **)target, (void *)(uintptr_t)value, __ATOMIC_RELEASE);
}

CK_CC_INLINE static unsigned int ck_pr_md_load_uint(const unsigned int *target)
{
    return __atomic_load_n(target, __ATOMIC_ACQUIRE);
}

CK_CC_INLINE static void ck_pr_md_store_uint(unsigned int *target, unsigned int value)
{
    __atomic_store_n(target, value, __ATOMIC_RELEASE);
}

CK_CC_INLINE static bool ck_pr_cas_ptr_value(void *target, void *expected, void *desired,
                                             void *previous)
{
    const bool swapped = __atomic_compare_exchange_n((void **)target, &expected, desired, 0,
                                                     __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    *(void **)previous = expected;
    return swapped;
}

CK_CC_INLINE static bool ck_pr_cas_ptr(void *target, void *expected, void *desired)
{
    void *previous;
    return ck_pr_cas_ptr_value(target, expected, desired, &previous);
}

CK_CC_INLINE static bool ck_pr_cas_uint_value(unsigned int *target, unsigned int expected,
                                              unsigned int desired, unsigned int *previous)
{
    const bool swapped = __atomic_compare_exchange_n(target, &expected, desired, 0,
                                                     __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    *previous = expected;
    return swapped;
}

CK_CC_INLINE static bool ck_pr_cas_uint(unsigned int *target, unsigned int expected,
                                        unsigned int desired)
{
    unsigned int previous;
    return ck_pr_cas_uint_value(target, expected, desired, &previous);
}

CK_CC_INLINE static void *ck_pr_fas_ptr(void *target, void *value)
{
    return __atomic_exchange_n((void **)target, value, __ATOMIC_SEQ_CST);
}

CK_CC_INLINE static void ck_pr_or_uint(unsigned int *target, unsigned int mask)
{
    (void)__atomic_fetch_or(target, mask, __ATOMIC_SEQ_CST);
}

CK_CC_INLINE static void ck_pr_and_uint(unsigned int *target, unsigned int mask)
{
    (void)__atomic_fetch_and(target, mask, __ATOMIC_SEQ_CST);
}

CK_CC_INLINE static void ck_pr_stall(void)
{
    __asm__ __volatile__("" ::: "memory");
}

/* Fences: compiled, though ThreadSanitizer ignores them; the orders above are strong enough
   alone. */
CK_CC_INLINE static void ck_pr_fence_strict_load(void)
{
    __sync_synchronize();
}

CK_CC_INLINE static void ck_pr_fence_strict_store(void)
{
    __sync_synchronize();
}

CK_CC_INLINE static void ck_pr_fence_strict_store_load(void)
{
    __sync_synchronize();
}

CK_CC_INLINE static void ck_pr_fence_strict_memory(void)
{
    __sync_synchronize();
}

#endif
