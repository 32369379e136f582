/* SPDX-License-Identifier: Apache-2.0 */
/*
 * int8 rows and codes in 512-bit registers: what the kernels with and without VNNI have in common.
 *
 * Room      : simd, private to simd_avx512.c and simd_avx512_vnni.c, compiled with their flags.
 * Promises  : every function is static; nothing is read outside a row.
 */
#ifndef AKIN_SIMD_SIMD_AVX512_I8_H
#define AKIN_SIMD_SIMD_AVX512_I8_H

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>

#include "simd/simd_internal.h"

/* Elements in one step of a row, and rows that are read side by side. */
enum { STEP = 64, GROUP = 4 };

/* One sum for each row of a group. */
struct rows_i32x16 {
    __m512i row0;
    __m512i row1;
    __m512i row2;
    __m512i row3;
};

/* The first `count` elements, 0 < count < STEP, and zeros. */
SIMD_INLINE __m512i load_rest_i8x64(const unsigned char *at, size_t count)
{
    return _mm512_maskz_loadu_epi8(((__mmask64)1 << count) - 1, at);
}

/* Hints for one step, which is one line, of each row of a group. */
SIMD_INLINE void prefetch_group(bool wanted, const unsigned char *at, size_t stride_bytes)
{
    if (wanted) {
        __builtin_prefetch(at);
        __builtin_prefetch(at + stride_bytes);
        __builtin_prefetch(at + 2 * stride_bytes);
        __builtin_prefetch(at + 3 * stride_bytes);
    }
}

SIMD_INLINE struct rows_i32x16 zero_rows_i32x16(void)
{
    const __m512i zero_i32x16 = _mm512_setzero_si512();
    return (struct rows_i32x16){zero_i32x16, zero_i32x16, zero_i32x16, zero_i32x16};
}

/* The four totals. Quarters of registers are gathered so that one addition serves several rows. */
SIMD_INLINE __m128i totals_i32x4(struct rows_i32x16 sums)
{
    const __m512i rows01_i32x16 =
        _mm512_add_epi32(_mm512_shuffle_i32x4(sums.row0, sums.row1, 0x44),
                         _mm512_shuffle_i32x4(sums.row0, sums.row1, 0xee));
    const __m512i rows23_i32x16 =
        _mm512_add_epi32(_mm512_shuffle_i32x4(sums.row2, sums.row3, 0x44),
                         _mm512_shuffle_i32x4(sums.row2, sums.row3, 0xee));
    __m512i rows_i32x16 =
        _mm512_add_epi32(_mm512_shuffle_i32x4(rows01_i32x16, rows23_i32x16, 0x88),
                         _mm512_shuffle_i32x4(rows01_i32x16, rows23_i32x16, 0xdd));
    rows_i32x16 = _mm512_add_epi32(rows_i32x16, _mm512_shuffle_epi32(rows_i32x16, _MM_PERM_BADC));
    rows_i32x16 = _mm512_add_epi32(rows_i32x16, _mm512_shuffle_epi32(rows_i32x16, _MM_PERM_CDAB));
    return _mm512_castsi512_si128(_mm512_maskz_compress_epi32(0x1111, rows_i32x16));
}

/* Thirty-two elements of a code. VNNI has the two steps in one instruction. */
SIMD_INLINE __m512i add_code_i32x16(__m512i sum, const uint8_t *code, const int16_t *query)
{
    const __m512i code_i16x32 =
        _mm512_cvtepu8_epi16(_mm256_loadu_si256((const __m256i *)(const void *)code));
    const __m512i query_i16x32 = _mm512_loadu_si512(query);
#if defined(__AVX512VNNI__)
    return _mm512_dpwssd_epi32(sum, code_i16x32, query_i16x32);
#else
    return _mm512_add_epi32(sum, _mm512_madd_epi16(code_i16x32, query_i16x32));
#endif
}

SIMD_INLINE int32_t code_dot(const uint8_t *code, const int16_t *query, size_t count)
{
    __m512i sum0_i32x16 = _mm512_setzero_si512();
    __m512i sum1_i32x16 = _mm512_setzero_si512();
    size_t i = 0;
    for (; i + 2 * SIMD_CODE_STEP <= count; i += 2 * SIMD_CODE_STEP) {
        sum0_i32x16 = add_code_i32x16(sum0_i32x16, code + i, query + i);
        sum1_i32x16 =
            add_code_i32x16(sum1_i32x16, code + i + SIMD_CODE_STEP, query + i + SIMD_CODE_STEP);
    }
    if (i < count) {
        sum0_i32x16 = add_code_i32x16(sum0_i32x16, code + i, query + i);
    }
    return _mm512_reduce_add_epi32(_mm512_add_epi32(sum0_i32x16, sum1_i32x16));
}

#endif
