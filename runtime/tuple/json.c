/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A value as JSON, for people and for `tap`. What JSON has no word for: binary is a string of hex digits, a time a
 * string in RFC 3339, NaN and the infinities are null, a map key that is not a string becomes the string of its JSON,
 * bytes that are no UTF-8 stand as U+FFFD.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/number.h"
#include "base/plain.h"
#include "squall.h"
#include "tuple/utf8.h"
#include "tuple/pack.h"

/* Where to write. `len` counts what the whole takes, also past `size`. */
struct text {
        char *buffer;
        size_t size, len;
};

static void
put(struct text *out, const char *bytes, size_t len)
{
        if (out->len < out->size) {
                size_t room = out->size - out->len;
                memcpy(out->buffer + out->len, bytes, len < room ? len : room);
        }
        out->len += len;
}

static void
put_text(struct text *out, const char *text)
{
        put(out, text, strlen(text));
}

size_t
sqi_utf8_length(const unsigned char *at, size_t left)
{
        static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
        size_t len = at[0] < 0x80             ? 1
                     : (at[0] & 0xe0) == 0xc0 ? 2
                     : (at[0] & 0xf0) == 0xe0 ? 3
                     : (at[0] & 0xf8) == 0xf0 ? 4
                                              : 0;
        uint32_t point = at[0] & (0x7fu >> len);

        if (len <= 1 || len > left)
                return len <= left ? len : 0;
        for (size_t i = 1; i < len; i++) {
                if ((at[i] & 0xc0) != 0x80)
                        return 0;
                point = point << 6 | (at[i] & 0x3f);
        }
        return point < least[len] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000) ? 0 : len;
}

/* The end of the characters at `at` that stand for themselves. */
static const unsigned char *
plain_end(const unsigned char *at, const unsigned char *end)
{
        uint64_t word;

        for (; (size_t)(end - at) >= sizeof(word); at += sizeof(word)) {
                memcpy(&word, at, sizeof(word));
                if (!sqi_is_plain_word(word))
                        break;
        }
        while (at < end && sqi_is_plain_byte(*at))
                at++;
        return at;
}

/* A character that is no plain one. Returns how many bytes it has. */
static size_t
put_special(struct text *out, const unsigned char *at, size_t left)
{
        static const char *const escapes[256] = {
                ['"'] = "\\\"", ['\\'] = "\\\\", ['\n'] = "\\n", ['\t'] = "\\t",
                ['\r'] = "\\r", ['\b'] = "\\b",  ['\f'] = "\\f",
        };
        const size_t n = sqi_utf8_length(at, left);
        char hex[8];

        if (n == 0)
                put_text(out, "\\ufffd");
        else if (escapes[*at])
                put_text(out, escapes[*at]);
        else if (*at < 0x20 || *at == 0x7f)
                put(out, hex, (size_t)snprintf(hex, sizeof(hex), "\\u%04x", *at));
        else
                put(out, (const char *)at, n);
        return n ? n : 1;
}

static void
put_string(struct text *out, const char *ptr, size_t len)
{
        const unsigned char *at = (const unsigned char *)ptr, *end = at + len;

        put(out, "\"", 1);
        if (out->len < out->size && out->size - out->len >= len && sqi_copy_plain(out->buffer + out->len, ptr, len)) {
                out->len += len;
                at = end;
        }
        while (at < end) {
                const unsigned char *plain = plain_end(at, end);

                put(out, (const char *)at, (size_t)(plain - at));
                at = plain;
                if (at < end)
                        at += put_special(out, at, (size_t)(end - at));
        }
        put(out, "\"", 1);
}

static void
put_hex(struct text *out, const unsigned char *at, size_t len)
{
        put(out, "\"", 1);
        for (size_t i = 0; i < len; i++) {
                char hex[4];
                put(out, hex, (size_t)snprintf(hex, sizeof(hex), "%02x", at[i]));
        }
        put(out, "\"", 1);
}

static void
put_time(struct text *out, int64_t sec, uint32_t nsec)
{
        char when[64], whole[96];
        time_t seconds = (time_t)sec;
        struct tm tm;

        if (gmtime_r(&seconds, &tm)) /* strftime() would write the year 7 as 7 */
                snprintf(when, sizeof(when), "%04lld-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900ll, tm.tm_mon + 1,
                         tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
        else
                snprintf(when, sizeof(when), "%" PRId64, sec);
        put(out, whole,
            (size_t)snprintf(whole, sizeof(whole), nsec ? "\"%s.%09uZ\"" : "\"%sZ\"", when, (unsigned)nsec));
}

static void
put_float(struct text *out, double f)
{
        char number[SQI_REAL_SIZE];

        if (!isfinite(f)) {
                put_text(out, "null");
                return;
        }
        put(out, number, (size_t)sqi_print_shortest(number, f));
        if (!strpbrk(number, ".e"))
                put(out, ".0", 2);
}

static void put_value(struct text *out, struct sq_value value, unsigned depth);

static void
put_map_key(struct text *out, struct sq_value key, unsigned depth)
{
        char buffer[64];

        if (key.type == SQ_STR) {
                put_value(out, key, depth);
                return;
        }
        struct text text = {buffer, sizeof(buffer), 0};
        put_value(&text, key, depth);
        put_string(out, buffer, text.len < sizeof(buffer) ? text.len : sizeof(buffer));
}

static void
put_items(struct text *out, struct sq_value value, unsigned depth)
{
        struct sq_items items = sq_items(value);
        struct sq_value item;
        bool map = value.type == SQ_MAP, first = true;

        put(out, map ? "{" : "[", 1);
        while (depth < SQI_DEPTH_MAX && sq_next_item(&items, &item)) {
                if (!first)
                        put(out, ",", 1);
                first = false;
                if (map) {
                        put_map_key(out, item, depth + 1);
                        put(out, ":", 1);
                        if (!sq_next_item(&items, &item))
                                item = sq_nil();
                }
                put_value(out, item, depth + 1);
        }
        if (depth == SQI_DEPTH_MAX && !map)
                put_text(out, "\"...\"");
        put(out, map ? "}" : "]", 1);
}

static void
put_whole(struct text *out, uint64_t number, bool negative)
{
        char digits[24], *at = digits + sizeof(digits);

        do
                *--at = (char)('0' + number % 10);
        while ((number /= 10) > 0);
        if (negative)
                *--at = '-';
        put(out, at, (size_t)(digits + sizeof(digits) - at));
}

static void
put_value(struct text *out, struct sq_value value, unsigned depth)
{
        switch ((enum sq_type)value.type) {
        case SQ_STR:
                put_string(out, value.as.ptr, value.len);
                break;
        case SQ_INT:
                put_whole(out, value.as.i < 0 ? -(uint64_t)value.as.i : (uint64_t)value.as.i, value.as.i < 0);
                break;
        case SQ_UINT:
                put_whole(out, value.as.u, false);
                break;
        case SQ_FLOAT:
                put_float(out, value.as.f);
                break;
        case SQ_BOOL:
                put_text(out, value.as.b ? "true" : "false");
                break;
        case SQ_ARRAY:
        case SQ_MAP:
                put_items(out, value, depth);
                break;
        case SQ_TIME:
                put_time(out, value.as.i, value.len);
                break;
        case SQ_BIN:
                put_hex(out, value.as.ptr, value.len);
                break;
        case SQ_ANY:
        case SQ_TEXT:
                if (value.form == SQ_PACKED)
                        put_hex(out, value.as.ptr, value.len);
                else
                        put_text(out, "null");
                break;
        case SQ_NIL:
                put_text(out, "null");
                break;
        }
}

size_t
sq_json(struct sq_value value, char *buffer, size_t size)
{
        struct text out = {buffer, size ? size - 1 : 0, 0};

        put_value(&out, value, 0);
        if (size)
                buffer[out.len < size ? out.len : size - 1] = '\0';
        return out.len;
}
