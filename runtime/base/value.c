/* SPDX-License-Identifier: Apache-2.0 */
#include "base/value.h"

#include <stdbool.h>

/* What the first bytes of a value say: its own bytes up to there, bytes that follow, values that follow. */
struct opening {
        unsigned own;
        uint64_t bytes, values;
};

/* The number of `width` bytes behind the first one. */
static uint64_t
number_at(const unsigned char *at, unsigned width)
{
        uint64_t number = 0;

        for (unsigned i = 1; i <= width; i++)
                number = number << 8 | at[i];
        return number;
}

/* How wide the length is that follows the first byte. */
static unsigned
width_of(unsigned char first)
{
        if (first >= 0xc4 && first <= 0xc9)
                return 1u << (first - 0xc4) % 3;
        if (first >= 0xd9 && first <= 0xdb)
                return 1u << (first - 0xd9);
        return first >= 0xdc && first <= 0xdf ? 2u << first % 2 : 0;
}

/* 1; 0: it is not all there; -1: it is none. */
static int
read_head(const unsigned char *at, size_t n, struct opening *ret)
{
        static const unsigned char numbers[] = {4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 2, 3, 5, 9, 17}; /* from ca on */
        const unsigned char first = *at;
        const unsigned width = width_of(first);

        *ret = (struct opening){.own = 1 + width};
        if (n < ret->own)
                return 0;
        const uint64_t length = number_at(at, width);

        if (first == 0xc1)
                return -1;
        if (first >= 0x80 && first <= 0x9f)
                ret->values = (first & 15u) << (first < 0x90);
        else if (first >= 0xa0 && first <= 0xbf)
                ret->bytes = first & 31;
        else if (first >= 0xdc && first <= 0xdf)
                ret->values = length << (first >= 0xde);
        else if (width > 0)
                ret->bytes = length + (first >= 0xc7 && first <= 0xc9); /* an extension has a type */
        else if (first >= 0xca && first <= 0xd8)
                ret->bytes = numbers[first - 0xca];
        return 1;
}

ptrdiff_t
sqi_walk_value(struct sqi_walk *walk, const char *bytes, size_t n)
{
        bool whole = false;
        size_t at = 0;

        if (walk->values == 0 && walk->bytes == 0)
                walk->values = 1;
        while (!whole) {
                const uint64_t some = walk->bytes < n - at ? walk->bytes : n - at;
                struct opening head;
                int r;

                at += some;
                walk->bytes -= some;
                whole = walk->bytes == 0 && walk->values == 0;
                if (whole || at == n)
                        break;
                r = read_head((const unsigned char *)bytes + at, n - at, &head);
                if (r < 0)
                        return -1;
                if (r == 0)
                        break;
                at += head.own;
                walk->bytes = head.bytes;
                walk->values += head.values - 1;
        }
        return (ptrdiff_t)at;
}
