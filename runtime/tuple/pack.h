/* SPDX-License-Identifier: Apache-2.0 */
/* Values to msgpack: one pack out, by msgpack-c's packer writing straight into the batch. */
#ifndef SQI_PACK_H
#define SQI_PACK_H

#include <string.h>

#include "squall.h"

/* Nesting of arrays and maps that a value may have. */
enum { SQI_DEPTH_MAX = 128 };

/* The most bytes that packing `value` can take; SIZE_MAX if it is not a value: a bad type or form, too deep, too
 * large. */
size_t sqi_pack_bound(const struct sq_value *value);

/* Packs a value that has a bound; `at` must have room for it. Returns the end. */
uint8_t *sqi_pack(uint8_t *at, const struct sq_value *value);

/* Packs the head of a tuple of `n` fields; at most 3 bytes. */
uint8_t *sqi_pack_head(uint8_t *at, uint32_t n);

/* A short string, the commonest value by far: its head is one byte. */
static inline bool
sqi_is_short(const struct sq_value *value)
{
        return value->type == SQ_STR && value->form == SQ_PLAIN && value->len < 32 && value->as.ptr;
}

/* Copies up to 31 bytes with moves that overlap, cheaper than a call. */
static inline uint8_t *
sqi_copy_short(uint8_t *to, const uint8_t *from, size_t len)
{
        if (len >= 16) {
                memcpy(to, from, 16);
                memcpy(to + len - 16, from + len - 16, 16);
        } else if (len >= 8) {
                memcpy(to, from, 8);
                memcpy(to + len - 8, from + len - 8, 8);
        } else if (len >= 4) {
                memcpy(to, from, 4);
                memcpy(to + len - 4, from + len - 4, 4);
        } else if (len) {
                to[0] = from[0];
                to[len >> 1] = from[len >> 1];
                to[len - 1] = from[len - 1];
        }
        return to + len;
}

/* The two functions above, with the short cut for short strings. */
static inline size_t
sqi_quick_bound(const struct sq_value *value)
{
        return sqi_is_short(value) ? 32 : sqi_pack_bound(value);
}

static inline uint8_t *
sqi_quick_pack(uint8_t *at, const struct sq_value *value)
{
        if (!sqi_is_short(value))
                return sqi_pack(at, value);
        *at = (uint8_t)(0xa0 | value->len);
        return sqi_copy_short(at + 1, value->as.ptr, value->len);
}

static inline uint8_t *
sqi_quick_head(uint8_t *at, uint32_t n)
{
        if (n > 15)
                return sqi_pack_head(at, n);
        *at = (uint8_t)(0x90 | n);
        return at + 1;
}

#endif
