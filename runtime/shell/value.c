/* SPDX-License-Identifier: Apache-2.0 */
/* Values on multilang's pipe, there and back. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "shell/pipe.h"
#include "tuple/utf8.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* ---- There ------------------------------------------------------------------------------------------- */

static void
put_base64(struct sqi_pipe *pipe, const uint8_t *bytes, size_t len)
{
        for (size_t i = 0; i < len; i += 3) {
                uint32_t three = (uint32_t)bytes[i] << 16 | (i + 1 < len ? (uint32_t)bytes[i + 1] << 8 : 0) |
                                 (i + 2 < len ? bytes[i + 2] : 0);
                char four[4] = {digits[three >> 18], digits[three >> 12 & 63],
                                i + 1 < len ? digits[three >> 6 & 63] : '=', i + 2 < len ? digits[three & 63] : '='};

                sqi_pipe_put_bytes(pipe, four, sizeof(four));
        }
}

static void
put_coded(struct sqi_pipe *pipe, char kind, struct sq_value value)
{
        sqi_pipe_put(pipe, "{\"$%c\":\"", kind);
        put_base64(pipe, value.as.ptr, value.len);
        sqi_pipe_put(pipe, "\"}");
}

static bool
is_utf8(const unsigned char *at, size_t len)
{
        for (size_t i = 0, n; i < len; i += n)
                if ((n = sqi_utf8_length(at + i, len - i)) == 0)
                        return false;
        return true;
}

/* As the one writer of JSON has it. */
static void
put_plain(struct sqi_pipe *pipe, struct sq_value value)
{
        char small[256];
        size_t len = sq_json(value, small, sizeof(small));
        char *text = len < sizeof(small) ? small : malloc(len + 1);

        if (!text) {
                pipe->failed = true;
                return;
        }
        if (text != small)
                (void)sq_json(value, text, len + 1);
        sqi_pipe_put_bytes(pipe, text, len);
        if (text != small)
                free(text);
}

/* So that it comes back as what it is: with a point, or an exponent. */
static void
put_float(struct sqi_pipe *pipe, double number)
{
        char text[SQI_REAL_SIZE];

        if (!isfinite(number)) {
                sqi_pipe_put(pipe, "{\"$f\":\"%s\"}", isnan(number) ? "nan" : number > 0 ? "inf" : "-inf");
                return;
        }
        (void)sqi_print_shortest(text, number);
        sqi_pipe_put(pipe, "%s%s", text, strpbrk(text, ".e") ? "" : ".0");
}

static void
put_array(struct sqi_pipe *pipe, struct sq_value value)
{
        struct sq_items items = sq_items(value);
        struct sq_value item;
        const char *comma = "[";

        for (; sq_next_item(&items, &item); comma = ",") {
                sqi_pipe_put(pipe, "%s", comma);
                sqi_pipe_put_value(pipe, item);
        }
        sqi_pipe_put(pipe, "%s", comma[0] == '[' ? "[]" : "]");
}

/* Are its keys texts, and could it not be taken for one of ours? */
static bool
is_object(struct sq_value value)
{
        struct sq_items items = sq_items(value);
        struct sq_value key, member;
        bool dollar = false;
        size_t n = 0;

        for (; sq_next_item(&items, &key) && sq_next_item(&items, &member); n++) {
                if (key.type != SQ_STR || !is_utf8(key.as.ptr, key.len))
                        return false;
                dollar = key.len > 0 && *(const char *)key.as.ptr == '$';
        }
        return n != 1 || !dollar;
}

static void
put_map(struct sqi_pipe *pipe, struct sq_value value)
{
        struct sq_items items = sq_items(value);
        bool object = is_object(value);
        struct sq_value item;

        sqi_pipe_put(pipe, "%s", object ? "{" : "{\"$m\":[");
        for (size_t i = 0; sq_next_item(&items, &item); i++) {
                sqi_pipe_put(pipe, "%s", i == 0 ? "" : object && i % 2 ? ":" : ",");
                sqi_pipe_put_value(pipe, item);
        }
        sqi_pipe_put(pipe, "%s", object ? "}" : "]}");
}

void
sqi_pipe_put_value(struct sqi_pipe *pipe, struct sq_value value)
{
        switch (value.type) {
        case SQ_BIN:
                put_coded(pipe, 'b', value);
                break;
        case SQ_STR:
                if (is_utf8(value.as.ptr, value.len))
                        put_plain(pipe, value);
                else
                        put_coded(pipe, 's', value);
                break;
        case SQ_FLOAT:
                put_float(pipe, value.as.f);
                break;
        case SQ_TIME:
                sqi_pipe_put(pipe, "{\"$t\":\"%" PRId64 ".%09" PRIu32 "\"}", value.as.i, value.len);
                break;
        case SQ_ARRAY:
                put_array(pipe, value);
                break;
        case SQ_MAP:
                put_map(pipe, value);
                break;
        default:
                put_plain(pipe, value);
        }
}

void
sqi_pipe_put_text(struct sqi_pipe *pipe, const char *text)
{
        put_plain(pipe, sq_text(text));
}

/* ---- And back ---------------------------------------------------------------------------------------- */

static int
take_base64(struct sqi_arena *arena, struct sq_str text, enum sq_type type, struct sq_value *ret)
{
        uint8_t *bytes = sqi_arena_alloc(arena, text.len / 4 * 3 + 3, 1);
        uint32_t bits = 0;
        size_t len = 0, n = 0;

        if (!bytes)
                return -ENOMEM;
        while (text.len > 0 && text.ptr[text.len - 1] == '=')
                text.len--;
        for (; n < text.len; n++) {
                const char *digit = text.ptr[n] ? strchr(digits, text.ptr[n]) : NULL;

                if (!digit)
                        return -EBADMSG;
                bits = bits << 6 | (uint32_t)(digit - digits);
                if (n % 4 != 0)
                        bytes[len++] = (uint8_t)(bits >> (6 - n % 4 * 2));
        }
        *ret = type == SQ_BIN ? sq_bin(bytes, len) : sq_str((struct sq_str){(const char *)bytes, len});
        return n % 4 == 1 ? -EBADMSG : 0;
}

static int
take_float(struct sq_str text, struct sq_value *ret)
{
        static const struct {
                const char *name;
                double number;
        } known[] = {{"nan", NAN}, {"inf", INFINITY}, {"-inf", -INFINITY}};

        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
                if (text.len == strlen(known[i].name) && memcmp(text.ptr, known[i].name, text.len) == 0) {
                        *ret = sq_float(known[i].number);
                        return 0;
                }
        }
        return -EBADMSG;
}

static int
take_time(struct sq_str text, struct sq_value *ret)
{
        struct sq_time time;
        char copy[40], rest;

        if (text.len >= sizeof(copy))
                return -EBADMSG;
        (void)memcpy(copy, text.ptr, text.len);
        copy[text.len] = '\0';
        if (sscanf(copy, "%" SCNd64 ".%9" SCNu32 "%c", &time.sec, &time.nsec, &rest) != 2)
                return -EBADMSG;
        *ret = sq_time(time);
        return 0;
}

/* An array, or a map, of values that are taken back each. */
static int
take_items(struct sqi_arena *arena, struct sq_value json, bool map, struct sq_value *ret)
{
        struct sq_items items = sq_items(json);
        struct sq_value item, *values;
        size_t n = 0, i = 0;
        int r = 0;

        while (sq_next_item(&items, &item))
                n++;
        if (map && n % 2)
                return -EBADMSG;
        values = sqi_arena_alloc(arena, n, sizeof(*values));
        if (!values)
                return -ENOMEM;
        for (items = sq_items(json); i < n && r == 0 && sq_next_item(&items, &item); i++)
                r = sqi_pipe_value(arena, item, &values[i]);
        *ret = map ? sq_map(values, n / 2) : sq_array(values, n);
        return r;
}

/* {"$b": "..."} and its like. 1: it is not one of them. */
static int
take_coded(struct sqi_arena *arena, struct sq_value json, struct sq_value *ret)
{
        struct sq_items items = sq_items(json);
        struct sq_value key, value, more;
        struct sq_str text;
        char kind;

        if (!sq_next_item(&items, &key) || !sq_next_item(&items, &value) || sq_next_item(&items, &more) ||
            key.type != SQ_STR || key.len == 0 || *(const char *)key.as.ptr != '$')
                return 1;
        kind = key.len == 2 ? ((const char *)key.as.ptr)[1] : '\0';
        if (kind == 'm')
                return value.type == SQ_ARRAY ? take_items(arena, value, true, ret) : -EBADMSG;
        if (value.type != SQ_STR)
                return -EBADMSG;
        text = (struct sq_str){value.as.ptr, value.len};
        return kind == 'b'   ? take_base64(arena, text, SQ_BIN, ret)
               : kind == 's' ? take_base64(arena, text, SQ_STR, ret)
               : kind == 'f' ? take_float(text, ret)
               : kind == 't' ? take_time(text, ret)
                             : -EBADMSG;
}

int
sqi_pipe_value(struct sqi_arena *arena, struct sq_value json, struct sq_value *ret)
{
        int r = 0;

        if (json.type == SQ_MAP) {
                r = take_coded(arena, json, ret);
                return r == 1 ? take_items(arena, json, true, ret) : r;
        }
        if (json.type == SQ_ARRAY)
                return take_items(arena, json, false, ret);
        *ret = json;
        return 0;
}
