/* SPDX-License-Identifier: Apache-2.0 */
/* Where a run of bytes that mean nothing to a format ends: sixteen are looked at in one go where the processor can. */
#ifndef SQI_KIT_SPAN_H
#define SQI_KIT_SPAN_H

#include <stddef.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* The first byte below `lowest`, or one of the other three, which may be the same; or `end`. */
static inline __attribute__((always_inline)) const char *
sqi_span(const char *at, const char *end, unsigned char lowest, char a, char b, char c)
{
#ifdef __SSE2__
        const __m128i first = _mm_set1_epi8(a), second = _mm_set1_epi8(b), third = _mm_set1_epi8(c),
                      low = _mm_set1_epi8((char)(lowest - 1));

        for (; end - at >= 16; at += 16) {
                __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at), ends = _mm_cmpeq_epi8(bytes, first);
                int mask;

                ends = _mm_or_si128(ends, _mm_cmpeq_epi8(bytes, second));
                ends = _mm_or_si128(ends, _mm_cmpeq_epi8(bytes, third));
                if (lowest > 0)
                        ends = _mm_or_si128(ends, _mm_cmpeq_epi8(_mm_min_epu8(bytes, low), bytes));
                mask = _mm_movemask_epi8(ends);
                if (mask)
                        return at + __builtin_ctz((unsigned)mask);
        }
#endif
        while (at < end && (unsigned char)*at >= lowest && *at != a && *at != b && *at != c)
                at++;
        return at;
}

#endif
