/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads one JSON text (RFC 8259) into a struct sq_value. The reader's memory is one block that is as large as the
 * text can need, so that no pointer into it moves while a text is read, and nothing is allocated on the way: every
 * element costs at least two bytes of text, so half as many values as there are bytes are enough, and as many again for
 * those of lists that are not yet at their end. Unescaped text comes behind them.
 */
#include "formats/json.h"

#include <stdlib.h>
#include <string.h>

#include "formats/escape.h"
#include "formats/number.h"
#include "formats/span.h"

enum { SHORT_DIGITS = 18 };

void
sq_json_free(struct sq_json_reader *json)
{
        free(json->memory);
        *json = (struct sq_json_reader){0};
}

static bool
read_word(struct sq_json_reader *json, const char *word)
{
        size_t len = strlen(word);

        if ((size_t)(json->end - json->at) < len || memcmp(json->at, word, len) != 0)
                return false;
        json->at += len;
        return true;
}

/* The first byte that a string does not have as it stands: a quote, a backslash, a control character; or `end`. */
static inline const char *
plain_end(const char *at, const char *end)
{
        return sqi_span(at, end, 0x20, '"', '\\', '\\');
}

bool
sqi_json_string(struct sq_json_reader *json, struct sq_str *ret)
{
        const char *start = json->at, *end = json->end;
        char *copy;

        json->at = plain_end(start, end);
        if (json->at < end && *json->at == '"') {
                *ret = (struct sq_str){start, (size_t)(json->at - start)};
                json->at++;
                return true;
        }
        copy = json->text;
        memcpy(json->text, start, (size_t)(json->at - start));
        json->text += json->at - start;
        while (json->at < json->end && (unsigned char)*json->at >= 0x20) {
                char c = *json->at++;

                if (c == '"') {
                        *ret = (struct sq_str){copy, (size_t)(json->text - copy)};
                        return true;
                }
                if (c != '\\')
                        *json->text++ = c;
                else if (!sqi_escape_read(&json->at, json->end, &json->text))
                        return false;
        }
        return false;
}

/* An array or a map, its bracket read already. Its elements are put side by side once all are known, for their own
 * elements come in between: until then they wait in the second half of the block. */
static bool
read_list(struct sq_json_reader *json, unsigned depth, bool map, struct sq_value *ret)
{
        struct sq_value *const all = (struct sq_value *)(void *)json->memory;
        const size_t first = json->waiting;
        bool more = !sqi_json_take(json, map ? '}' : ']');

        while (more) {
                struct sq_str key;

                if (map && !sqi_json_key(json, &key))
                        return false;
                if (map)
                        all[json->waiting++] = sq_str(key);
                if (!sqi_json_value(json, depth + 1, ret))
                        return false;
                all[json->waiting++] = *ret;
                more = sqi_json_take(json, ',');
                if (!more && !sqi_json_take(json, map ? '}' : ']'))
                        return false;
        }
        const size_t n = json->waiting - first;
        struct sq_value *list = all + json->items;

        memcpy(list, all + first, n * sizeof(*list));
        json->items += n;
        json->waiting = first;
        *ret = map ? sq_map(list, n / 2) : sq_array(list, n);
        return true;
}

/* Nearly all numbers are short whole ones. True when that was one. */
static inline bool
take_short(struct sq_json_reader *json, struct sq_value *ret)
{
        const char *at = json->at, *end = json->end - at > SHORT_DIGITS ? at + SHORT_DIGITS : json->end;
        int64_t number = 0;

        for (; at < end && *at >= '0' && *at <= '9'; at++)
                number = number * 10 + (*at - '0');
        if (at == json->at || at == end || *at == '.' || (*at | 0x20) == 'e' || (*json->at == '0' && at - json->at > 1))
                return false;
        json->at = at;
        *ret = sq_int(number);
        return true;
}

bool
sqi_json_value(struct sq_json_reader *json, unsigned depth, struct sq_value *ret)
{
        struct sq_str text;
        int c = sqi_json_space(json);

        if (depth >= SQI_JSON_DEPTH) {
                json->wrong = "nested more than 128 deep";
                return false;
        }
        switch (c) {
        case '{':
        case '[':
                json->at++;
                return read_list(json, depth, c == '{', ret);
        case '"':
                json->at++;
                if (!sqi_json_string(json, &text))
                        return false;
                *ret = sq_str(text);
                return true;
        case 't':
        case 'f':
                *ret = sq_bool(c == 't');
                return read_word(json, c == 't' ? "true" : "false");
        case 'n':
                *ret = sq_nil();
                return read_word(json, "null");
        default:
                if (take_short(json, ret))
                        return true;
                return (c == '-' || (c >= '0' && c <= '9')) &&
                       !(json->wrong = sqi_take_number(&json->at, json->end, false, ret));
        }
}

bool
sqi_json_begin(struct sq_json_reader *json, struct sq_str text)
{
        size_t most = text.len / 2 + 2, values = 2 * most * sizeof(struct sq_value), need = values + text.len + 1;

        if (json->size < need) {
                free(json->memory);
                json->memory = malloc(need);
                json->size = json->memory ? need : 0;
        }
        json->wrong = json->memory ? NULL : "no memory for a JSON text";
        if (!json->memory)
                return false;
        json->items = 0;
        json->waiting = most;
        json->text = json->memory + values;
        json->at = text.ptr;
        json->end = text.ptr + text.len;
        return true;
}

bool
sq_json_read(struct sq_json_reader *json, struct sq_str text, struct sq_value *ret)
{
        if (!sqi_json_begin(json, text))
                return false;
        if (sqi_json_value(json, 0, ret) && sqi_json_space(json) < 0)
                return true;
        if (!json->wrong)
                json->wrong = "not JSON";
        return false;
}
