/* SPDX-License-Identifier: Apache-2.0 */
#include "tuple/canonical.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tuple/pack.h"
#include "tuple/unpack.h"

struct pair {
        const uint8_t *at;
        size_t key, whole; /* bytes */
};

static uint8_t *write_value(uint8_t *to, const uint8_t *at, const uint8_t *end, unsigned depth);

static uint8_t *
write_float(uint8_t *to, double real)
{
        struct sq_value value = sq_float(isnan(real) ? (double)NAN : real);

        if (real >= -0x1p63 && real < 0x1p63 && (double)(int64_t)real >= real && (double)(int64_t)real <= real)
                value = sq_int((int64_t)real);
        else if (real >= 0x1p63 && real < 0x1p64)
                value = sq_uint((uint64_t)real);
        return sqi_pack(to, &value);
}

static int
compare_keys(const void *left, const void *right)
{
        const struct pair *a = left, *b = right;
        int order = memcmp(a->at, b->at, a->key < b->key ? a->key : b->key);

        return order ? order : (a->key > b->key) - (a->key < b->key);
}

/* Puts the pairs, written from `to` on, in order. Without memory they stay as they came. */
static void
sort_pairs(uint8_t *to, size_t size, struct pair *pairs, size_t n)
{
        uint8_t *copy = malloc(size + 1), *at = copy;

        if (!copy)
                return;
        qsort(pairs, n, sizeof(*pairs), compare_keys);
        for (size_t i = 0; i < n; i++) {
                memcpy(at, pairs[i].at, pairs[i].whole);
                at += pairs[i].whole;
        }
        memcpy(to, copy, size);
        free(copy);
}

static uint8_t *
write_map(uint8_t *to, const uint8_t *at, const uint8_t *end, uint32_t n, unsigned depth)
{
        struct pair *pairs = malloc(n * sizeof(*pairs) + 1);
        uint8_t *first = to;

        for (uint32_t i = 0; i < n; i++) {
                const uint8_t *value = sqi_skip(at, end), *next = sqi_skip(value, end);
                uint8_t *begin = to;

                to = write_value(to, at, value, depth);
                if (pairs)
                        pairs[i] = (struct pair){.at = begin, .key = (size_t)(to - begin)};
                to = write_value(to, value, next, depth);
                if (pairs)
                        pairs[i].whole = (size_t)(to - begin);
                at = next;
        }
        if (pairs && n > 1)
                sort_pairs(first, (size_t)(to - first), pairs, n);
        free(pairs);
        return to;
}

static uint8_t *
write_list(uint8_t *to, const uint8_t *at, const uint8_t *end, unsigned depth)
{
        bool map = (*at & 0xf0) == 0x80 || *at >= 0xde;
        size_t head = *at < 0xa0 ? 1 : *at & 1 ? 5 : 3;
        uint32_t n = head == 1 ? *at & 15u : 0;

        for (size_t i = 1; i < head; i++)
                n = n << 8 | at[i];
        memcpy(to, at, head);
        to += head;
        at += head;
        if (map)
                return write_map(to, at, end, n, depth);
        for (; n > 0; n--) {
                const uint8_t *next = sqi_skip(at, end);
                to = write_value(to, at, next, depth);
                at = next;
        }
        return to;
}

static uint8_t *
write_value(uint8_t *to, const uint8_t *at, const uint8_t *end, unsigned depth)
{
        if (!sqi_has_forms(*at) || depth > SQI_DEPTH_MAX) {
                memcpy(to, at, (size_t)(end - at));
                return to + (end - at);
        }
        if (*at == 0xca || *at == 0xcb)
                return write_float(to, sqi_unpack(at, end).as.f);
        return write_list(to, at, end, depth + 1);
}

uint8_t *
sqi_canonical(uint8_t *to, const uint8_t *at, const uint8_t *end)
{
        return write_value(to, at, end, 0);
}
