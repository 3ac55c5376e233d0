/* SPDX-License-Identifier: Apache-2.0 */
/* Values to msgpack: one pack out, by msgpack-c's packer writing straight into the batch. */
#ifndef SQI_PACK_H
#define SQI_PACK_H

#include <endian.h>
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

/* A longer one, a line say: its head is two bytes or three. */
static inline bool
sqi_is_text(const struct sq_value *value)
{
        return value->type == SQ_STR && value->form == SQ_PLAIN && value->len >= 32 && value->len <= UINT16_MAX &&
               value->as.ptr;
}

static inline uint8_t *
sqi_pack_text(uint8_t *at, const struct sq_value *value)
{
        uint16_t length = htobe16((uint16_t)value->len);

        if (value->len <= UINT8_MAX) {
                *at++ = 0xd9;
                *at++ = (uint8_t)value->len;
        } else {
                *at++ = 0xda;
                memcpy(at, &length, sizeof(length));
                at += sizeof(length);
        }
        memcpy(at, value->as.ptr, value->len);
        return at + value->len;
}

/* A whole number of up to 32 bits, the next common one. */
static inline bool
sqi_is_small(const struct sq_value *value)
{
        return value->type == SQ_INT && value->form == SQ_PLAIN && value->as.i >= 0 && value->as.i <= UINT32_MAX;
}

/* As msgpack-c does: in as few bytes as hold it. */
static inline uint8_t *
sqi_pack_small(uint8_t *at, uint32_t number)
{
        uint32_t bytes4 = htobe32(number);
        uint16_t bytes2 = htobe16((uint16_t)number);

        if (number < 0x80) {
                *at = (uint8_t)number;
                return at + 1;
        }
        if (number > UINT16_MAX) {
                *at = 0xce;
                memcpy(at + 1, &bytes4, sizeof(bytes4));
                return at + 5;
        }
        if (number > UINT8_MAX) {
                *at = 0xcd;
                memcpy(at + 1, &bytes2, sizeof(bytes2));
                return at + 3;
        }
        at[0] = 0xcc;
        at[1] = (uint8_t)number;
        return at + 2;
}

/* The two functions above, with short cuts for strings and small numbers. */
static inline size_t
sqi_quick_bound(const struct sq_value *value)
{
        if (sqi_is_short(value))
                return 32;
        if (sqi_is_small(value))
                return 9;
        return sqi_is_text(value) ? value->len + 3 : sqi_pack_bound(value);
}

static inline uint8_t *
sqi_quick_pack(uint8_t *at, const struct sq_value *value)
{
        if (sqi_is_short(value)) {
                *at = (uint8_t)(0xa0 | value->len);
                return sqi_copy_short(at + 1, value->as.ptr, value->len);
        }
        if (sqi_is_small(value))
                return sqi_pack_small(at, (uint32_t)value->as.i);
        return sqi_is_text(value) ? sqi_pack_text(at, value) : sqi_pack(at, value);
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
