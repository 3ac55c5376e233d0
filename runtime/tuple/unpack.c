/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A value's first byte says what it is. `shapes` gives for each: the bytes of its fixed part, and how the rest follows
 * from it. Nesting needs no stack: sqi_skip() counts the values that are still to come, each at least one byte, so that
 * a count larger than the bytes left is refused at once.
 */
#include "tuple/unpack.h"

#include <endian.h>
#include <string.h>

#include "tuple/pack.h"

enum rest { NONE, BYTES, ITEMS, PAIRS, BAD };

/* `fixed`: bytes of head and length, or of the whole value. `width`: bytes of the length field behind the first
 * byte. */
struct shape {
        uint8_t fixed, width, rest, type;
};

/* clang-format off */
#define ROW16(x) x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x
static const struct shape shapes[256] = {
#define FIXINT {1, 0, NONE, SQ_INT}
        ROW16(FIXINT), ROW16(FIXINT), ROW16(FIXINT), ROW16(FIXINT), ROW16(FIXINT), ROW16(FIXINT), ROW16(FIXINT), ROW16(FIXINT),
#define FIXMAP {1, 0, PAIRS, SQ_MAP}
        ROW16(FIXMAP),
#define FIXARRAY {1, 0, ITEMS, SQ_ARRAY}
        ROW16(FIXARRAY),
#define FIXSTR {1, 0, BYTES, SQ_STR}
        ROW16(FIXSTR), ROW16(FIXSTR),
        /* c0 */ {1, 0, NONE, SQ_NIL}, {1, 0, BAD, SQ_ANY}, {1, 0, NONE, SQ_BOOL}, {1, 0, NONE, SQ_BOOL},
        /* c4 bin */ {2, 1, BYTES, SQ_BIN}, {3, 2, BYTES, SQ_BIN}, {5, 4, BYTES, SQ_BIN},
        /* c7 ext: length, type */ {3, 1, BYTES, SQ_TIME}, {4, 2, BYTES, SQ_TIME}, {6, 4, BYTES, SQ_TIME},
        /* ca float */ {5, 0, NONE, SQ_FLOAT}, {9, 0, NONE, SQ_FLOAT},
        /* cc uint */ {2, 0, NONE, SQ_INT}, {3, 0, NONE, SQ_INT}, {5, 0, NONE, SQ_INT}, {9, 0, NONE, SQ_UINT},
        /* d0 int */ {2, 0, NONE, SQ_INT}, {3, 0, NONE, SQ_INT}, {5, 0, NONE, SQ_INT}, {9, 0, NONE, SQ_INT},
        /* d4 fixext */ {3, 0, NONE, SQ_TIME}, {4, 0, NONE, SQ_TIME}, {6, 0, NONE, SQ_TIME}, {10, 0, NONE, SQ_TIME}, {18, 0, NONE, SQ_TIME},
        /* d9 str */ {2, 1, BYTES, SQ_STR}, {3, 2, BYTES, SQ_STR}, {5, 4, BYTES, SQ_STR},
        /* dc array */ {3, 2, ITEMS, SQ_ARRAY}, {5, 4, ITEMS, SQ_ARRAY},
        /* de map */ {3, 2, PAIRS, SQ_MAP}, {5, 4, PAIRS, SQ_MAP},
        /* e0 */ ROW16(FIXINT), ROW16(FIXINT),
};
/* clang-format on */

static inline uint64_t
load(const uint8_t *at, unsigned width)
{
        uint16_t two;
        uint32_t four;
        uint64_t eight;

        switch (width) {
        case 1:
                return at[0];
        case 2:
                memcpy(&two, at, 2);
                return be16toh(two);
        case 4:
                memcpy(&four, at, 4);
                return be32toh(four);
        default:
                memcpy(&eight, at, 8);
                return be64toh(eight);
        }
}

/* The length or count of the value at `at`, whose fixed part is there. */
static inline uint64_t
length(const uint8_t *at, struct shape shape)
{
        if (shape.width)
                return load(at + 1, shape.width);
        return shape.rest == BYTES ? *at & 31 : *at & 15;
}

static __attribute__((noinline)) const uint8_t *
skip_rest(const uint8_t *at, const uint8_t *end)
{
        uint64_t todo = 1;

        while (todo) {
                if (todo > (uint64_t)(end - at))
                        return NULL;
                struct shape shape = shapes[*at];
                if (shape.rest == BAD || shape.fixed > end - at)
                        return NULL;
                uint64_t n = shape.rest == NONE ? 0 : length(at, shape);
                at += shape.fixed;
                todo--;
                if (shape.rest == BYTES) {
                        if (n > (uint64_t)(end - at))
                                return NULL;
                        at += n;
                } else
                        todo += shape.rest == PAIRS ? 2 * n : n;
        }
        return at;
}

static inline const uint8_t *
skip(const uint8_t *at, const uint8_t *end)
{
        if (at < end) {
                struct shape shape = shapes[*at];

                if ((*at & 0xe0) == 0xa0)
                        return end - at > (*at & 31) ? at + 1 + (*at & 31) : NULL;
                if (shape.rest == NONE)
                        return end - at >= shape.fixed ? at + shape.fixed : NULL;
        }
        return skip_rest(at, end);
}

const uint8_t *
sqi_skip(const uint8_t *at, const uint8_t *end)
{
        return skip(at, end);
}

const uint8_t *
sqi_skip_all(const uint8_t *from, const uint8_t *end, uint32_t n, uint32_t *offsets)
{
        const uint8_t *at = from + offsets[0];

        for (uint32_t i = 1; i <= n; i++) {
                at = skip(at, end);
                if (!at)
                        return NULL;
                offsets[i] = (uint32_t)(at - from);
        }
        return at;
}

const uint8_t *
sqi_unpack_head(const uint8_t *at, const uint8_t *end, uint32_t *ret_n)
{
        if (at >= end)
                return NULL;
        struct shape shape = shapes[*at];
        if (shape.rest != ITEMS || shape.fixed > end - at)
                return NULL;
        *ret_n = (uint32_t)length(at, shape);
        return at + shape.fixed;
}

static struct sq_value
unpack_number(const uint8_t *at)
{
        switch (*at) {
        case 0xca: {
                uint32_t bits = (uint32_t)load(at + 1, 4);
                float f;
                memcpy(&f, &bits, 4);
                return sq_float((double)f);
        }
        case 0xcb: {
                uint64_t bits = load(at + 1, 8);
                double f;
                memcpy(&f, &bits, 8);
                return sq_float(f);
        }
        case 0xcc:
        case 0xcd:
        case 0xce:
        case 0xcf: {
                uint64_t u = load(at + 1, 1u << (*at & 3));
                return u > INT64_MAX ? sq_uint(u) : sq_int((int64_t)u);
        }
        case 0xd0:
                return sq_int((int8_t)at[1]);
        case 0xd1:
                return sq_int((int16_t)load(at + 1, 2));
        case 0xd2:
                return sq_int((int32_t)load(at + 1, 4));
        case 0xd3:
                return sq_int((int64_t)load(at + 1, 8));
        default:
                return sq_int((int8_t)*at);
        }
}

/* msgpack's timestamp: extension type -1 of 4, 8 or 12 bytes. Any other extension stays packed. */
static struct sq_value
unpack_extension(const uint8_t *at, const uint8_t *end)
{
        const uint8_t *body = *at < 0xd4 ? at + shapes[*at].fixed : at + 2;
        uint64_t word;

        if ((int8_t)body[-1] == -1 && end - body == 4)
                return sq_time((struct sq_time){(int64_t)load(body, 4), 0});
        if ((int8_t)body[-1] == -1 && end - body == 8 && (word = load(body, 8)) >> 34 < 1000000000)
                return sq_time((struct sq_time){(int64_t)(word & 0x3ffffffffull), (uint32_t)(word >> 34)});
        if ((int8_t)body[-1] == -1 && end - body == 12 && load(body, 4) < 1000000000)
                return sq_time((struct sq_time){(int64_t)load(body + 4, 8), (uint32_t)load(body, 4)});
        return sqi_value(SQ_ANY, SQ_PACKED, at, (size_t)(end - at));
}

struct sq_value
sqi_unpack(const uint8_t *at, const uint8_t *end)
{
        struct shape shape = shapes[*at];

        switch ((enum sq_type)shape.type) {
        case SQ_STR:
        case SQ_BIN:
                return sqi_value((enum sq_type)shape.type, SQ_PLAIN, at + shape.fixed,
                                 (size_t)(end - at) - shape.fixed);
        case SQ_INT:
        case SQ_UINT:
        case SQ_FLOAT:
                return unpack_number(at);
        case SQ_BOOL:
                return sq_bool(*at == 0xc3);
        case SQ_ARRAY:
        case SQ_MAP:
                return sqi_value((enum sq_type)shape.type, SQ_PACKED, at, (size_t)(end - at));
        case SQ_TIME:
                return unpack_extension(at, end);
        case SQ_NIL:
        case SQ_ANY:
        case SQ_TEXT:
                break;
        }
        return sq_nil();
}

/* Whether nothing in the value, which sqi_skip() has passed, is deeper than it may be. */
static bool
is_shallow(const uint8_t *at)
{
        uint64_t left[SQI_DEPTH_MAX + 1] = {1};
        unsigned depth = 0;

        for (;;) {
                struct shape shape = shapes[*at];
                uint64_t n = shape.rest == NONE ? 0 : length(at, shape);

                at += shape.fixed;
                left[depth]--;
                if (shape.rest == BYTES)
                        at += n;
                else if (n > 0 && depth == SQI_DEPTH_MAX)
                        return false;
                else if (n > 0)
                        left[++depth] = shape.rest == PAIRS ? 2 * n : n;
                while (left[depth] == 0)
                        if (depth-- == 0)
                                return true;
        }
}

bool
sq_unpack(struct sq_str bytes, struct sq_value *ret_value)
{
        const uint8_t *at = (const uint8_t *)bytes.ptr, *end = at + bytes.len;

        if (bytes.len == 0 || bytes.len > UINT32_MAX || sqi_skip(at, end) != end || !is_shallow(at))
                return false;
        *ret_value = sqi_unpack(at, end);
        return true;
}

struct sq_items
sq_items(struct sq_value value)
{
        struct sq_items items = {0};

        if (value.type != SQ_ARRAY && value.type != SQ_MAP)
                return items;
        if (value.form == SQ_PLAIN) {
                items.plain = value.as.ptr;
                items.left = value.len;
        } else {
                const uint8_t *at = value.as.ptr;
                items.left = length(at, shapes[*at]);
                items.at = at + shapes[*at].fixed;
                items.end = at + value.len;
        }
        if (value.type == SQ_MAP)
                items.left *= 2;
        return items;
}

unsigned
sq_key_size(struct sq_str key)
{
        const uint8_t *at = (const uint8_t *)key.ptr, *end = at + key.len;
        unsigned n = 0;

        while (at < end && (at = sqi_skip(at, end)))
                n++;
        return n;
}

bool
sq_next_item(struct sq_items *items, struct sq_value *ret_value)
{
        if (items->left == 0)
                return false;
        items->left--;
        if (items->plain) {
                *ret_value = *items->plain++;
                return true;
        }
        const uint8_t *next = sqi_skip(items->at, items->end);
        if (!next) {
                items->left = 0;
                return false;
        }
        *ret_value = sqi_unpack(items->at, next);
        items->at = next;
        return true;
}

struct sq_value
sqi_map_get(struct sq_value map, const char *key)
{
        struct sq_items items = sq_items(map);
        struct sq_value name, value;

        while (map.type == SQ_MAP && sq_next_item(&items, &name) && sq_next_item(&items, &value))
                if (name.type == SQ_STR && name.len == strlen(key) && memcmp(name.as.ptr, key, name.len) == 0)
                        return value;
        return sq_nil();
}
