/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which kernels this machine can run, and which of them are wanted.
 *
 * Room      : simd, behind akin_simd.h; compiled for the base instruction set.
 * Promises  : a table is handed out only if the processor has all its features and the operating
 *             system saves the registers they use. Nothing runs before the first call.
 */
#include <stdlib.h>

#include "simd/simd_internal.h"

#if defined(AKIN_SIMD_X86)
#include <cpuid.h>
#endif

/* All tables of this build, worst first: each one's features include those of the one before. */
static const struct simd_table *const all_tables[] = {
    &akin_table_portable,
#if defined(AKIN_SIMD_X86)
    &akin_table_avx2,
    &akin_table_avx512,
    &akin_table_avx512_vnni,
#endif
};

enum { ALL_TABLE_COUNT = sizeof all_tables / sizeof all_tables[0] };

#if defined(AKIN_SIMD_X86)

/* The register state that the operating system saves: control register XCR0, if it may be read. */
static uint32_t saved_state(uint32_t leaf1_ecx)
{
    if ((leaf1_ecx & bit_OSXSAVE) == 0) {
        return 0;
    }
    uint32_t low = 0;
    uint32_t high = 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static uint32_t detect_machine(void)
{
    const uint32_t ymm_state = 0x06; /* xmm and the upper halves of ymm */
    const uint32_t zmm_state = 0xe6; /* these, mask registers, upper halves of zmm, zmm16 to 31 */
    const uint32_t avx2 = bit_AVX2;
    const uint32_t avx512 = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
    uint32_t eax = 0;
    uint32_t ebx = 0;
    uint32_t ecx = 0;
    uint32_t edx = 0;

    if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0) {
        return SIMD_PORTABLE;
    }
    const uint32_t state = saved_state(ecx);
    const int has_fma = (ecx & bit_FMA) != 0;
    if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0) {
        return SIMD_PORTABLE;
    }
    uint32_t features = SIMD_PORTABLE;
    if (has_fma && (ebx & avx2) == avx2 && (state & ymm_state) == ymm_state) {
        features |= SIMD_AVX2;
    }
    if ((ebx & avx512) == avx512 && (state & zmm_state) == zmm_state) {
        features |= SIMD_AVX512;
        if ((ecx & bit_AVX512VNNI) != 0) {
            features |= SIMD_AVX512_VNNI;
        }
    }
    return features;
}

#else

static uint32_t detect_machine(void)
{
    return SIMD_PORTABLE;
}

#endif

uint32_t simd_detect(void)
{
    /* The top bit, which no feature uses, says that the word is known. */
    const uint32_t known = 1u << 31;
    static uint32_t cached_features;

    /*
     * Relaxed is enough: the word says everything by itself and publishes nothing else. A thread
     * that reads a stale 0 asks the processor once more and stores the same word.
     */
    uint32_t features = __atomic_load_n(&cached_features, __ATOMIC_RELAXED);
    if (features == 0) {
        features = detect_machine() | known;
        __atomic_store_n(&cached_features, features, __ATOMIC_RELAXED);
    }
    return features & ~known;
}

static int table_needs_only(const struct simd_table *table, uint32_t features)
{
    return (table->features & ~features) == 0;
}

const struct simd_table *simd_select(uint32_t allowed)
{
    const uint32_t features = allowed & simd_detect();
    size_t i = ALL_TABLE_COUNT - 1;
    while (!table_needs_only(all_tables[i], features)) {
        /* Ends at the portable table, which needs nothing. */
        --i;
    }
    return all_tables[i];
}

/* What a word in AKIN_SIMD allows. */
static uint32_t features_of_word(const char *word)
{
    if (strcmp(word, "") == 0 || strcmp(word, "all") == 0) {
        return SIMD_ALL;
    }
    for (size_t i = 0; i < ALL_TABLE_COUNT; ++i) {
        if (strcmp(word, all_tables[i]->name) == 0) {
            return all_tables[i]->features;
        }
    }
    return SIMD_PORTABLE;
}

const struct simd_table *simd_select_from_environment(void)
{
    const char *word = getenv("AKIN_SIMD");
    return simd_select(word == NULL ? SIMD_ALL : features_of_word(word));
}

size_t simd_table_count(void)
{
    const uint32_t features = simd_detect();
    size_t count = 0;
    for (size_t i = 0; i < ALL_TABLE_COUNT; ++i) {
        count += table_needs_only(all_tables[i], features) ? 1 : 0;
    }
    return count;
}

const struct simd_table *simd_table_at(size_t index)
{
    const uint32_t features = simd_detect();
    for (size_t i = 0; i < ALL_TABLE_COUNT; ++i) {
        if (!table_needs_only(all_tables[i], features)) {
            continue;
        }
        if (index == 0) {
            return all_tables[i];
        }
        --index;
    }
    return NULL;
}

const struct simd_ops *simd_ops_of(const struct simd_table *table, enum simd_type type)
{
    switch (type) {
    case SIMD_F32:
        return &table->f32;
    case SIMD_I8:
        return &table->i8;
    }
    return NULL;
}
