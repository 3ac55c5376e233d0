/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads one JSON text (RFC 8259) into a struct sq_value. The reader's memory is one block that is as large as the
 * text can need, so that no pointer into it moves while a text is read, and nothing is allocated on the way: every
 * element costs at least two bytes of text, so half as many values as there are bytes are enough, and as many again for
 * those of lists that are not yet at their end. Unescaped text comes behind them.
 */
#include <stdlib.h>
#include <string.h>

#include "kit/escape.h"
#include "kit/number.h"

enum { DEPTH_MAX = 128 };

static bool read_value(struct sq_json_reader *json, unsigned depth, struct sq_value *ret);

void
sq_json_free(struct sq_json_reader *json)
{
        free(json->memory);
        *json = (struct sq_json_reader){0};
}

static int
skip_space(struct sq_json_reader *json)
{
        const char *at = json->at, *end = json->end;

        while (at < end && (unsigned char)*at <= ' ' && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
                at++;
        json->at = at;
        return at < end ? (unsigned char)*at : -1;
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

/* The rest of a string behind its first quote. */
static bool
read_string(struct sq_json_reader *json, struct sq_str *ret)
{
        const char *start = json->at, *at = start, *end = json->end;
        char *copy;

        while (at < end && *at != '"' && *at != '\\' && (unsigned char)*at >= 0x20)
                at++;
        json->at = at;
        if (at < end && *at == '"') {
                *ret = (struct sq_str){start, (size_t)(at - start)};
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

/* Goes behind the next character, if it is this one. */
static bool
take(struct sq_json_reader *json, char c)
{
        bool is = skip_space(json) == c;

        json->at += is;
        return is;
}

/* The name of a member, and its colon. */
static bool
read_key(struct sq_json_reader *json, struct sq_value *ret)
{
        struct sq_str key;
        bool good = take(json, '"') && read_string(json, &key) && take(json, ':');

        if (good)
                *ret = sq_str(key);
        return good;
}

/* An array or a map, its bracket read already. Its elements are put side by side once all are known, for their own
 * elements come in between: until then they wait in the second half of the block. */
static bool
read_list(struct sq_json_reader *json, unsigned depth, bool map, struct sq_value *ret)
{
        struct sq_value *const all = (struct sq_value *)(void *)json->memory;
        const size_t first = json->waiting;
        bool more = !take(json, map ? '}' : ']');

        while (more) {
                if (map && !read_key(json, &all[json->waiting++]))
                        return false;
                if (!read_value(json, depth + 1, ret))
                        return false;
                all[json->waiting++] = *ret;
                more = take(json, ',');
                if (!more && !take(json, map ? '}' : ']'))
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

static bool
read_value(struct sq_json_reader *json, unsigned depth, struct sq_value *ret)
{
        struct sq_str text;
        int c = skip_space(json);

        if (depth >= DEPTH_MAX) {
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
                if (!read_string(json, &text))
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
                return (c == '-' || (c >= '0' && c <= '9')) &&
                       !(json->wrong = sqi_take_number(&json->at, json->end, false, ret));
        }
}

bool
sq_json_read(struct sq_json_reader *json, struct sq_str text, struct sq_value *ret)
{
        size_t most = text.len / 2 + 2, values = 2 * most * sizeof(struct sq_value), need = values + text.len + 1;

        if (json->size < need) {
                free(json->memory);
                json->memory = malloc(need);
                json->size = json->memory ? need : 0;
        }
        json->wrong = "no memory for a JSON text";
        if (!json->memory)
                return false;
        json->wrong = NULL;
        json->items = 0;
        json->waiting = most;
        json->text = json->memory + values;
        json->at = text.ptr;
        json->end = text.ptr + text.len;
        if (read_value(json, 0, ret) && skip_space(json) < 0)
                return true;
        if (!json->wrong)
                json->wrong = "not JSON";
        return false;
}

static bool
is_named(const struct sq_value *item, const char *name)
{
        return (item->type == SQ_STR || item->type == SQ_BIN) && item->len == strlen(name) &&
               memcmp(item->as.ptr, name, item->len) == 0;
}

/* Most objects of a file have the same members in the same order: the place behind the last find is looked at first. */
static size_t
plain_members(struct sq_value object, size_t n, const char *const *names, struct sq_value *values)
{
        const struct sq_value *items = object.as.ptr;
        size_t members = object.len, at = 0, found = 0;

        for (size_t i = 0; i < n; i++) {
                size_t looked = 0;

                for (; looked < members && !is_named(&items[2 * at], names[i]); looked++)
                        at = at + 1 < members ? at + 1 : 0;
                values[i] = looked < members ? items[2 * at + 1] : sq_nil();
                found += looked < members;
                if (looked < members)
                        at = at + 1 < members ? at + 1 : 0;
        }
        return found;
}

static bool
is_key(struct sq_value key, struct sq_str name)
{
        return (key.type == SQ_STR || key.type == SQ_BIN) && key.len == name.len &&
               memcmp(key.as.ptr, name.ptr, name.len) == 0;
}

static bool
find(struct sq_value object, struct sq_str name, struct sq_value *ret)
{
        struct sq_items items = object.type == SQ_MAP ? sq_items(object) : (struct sq_items){0};
        struct sq_value key;

        while (sq_next_item(&items, &key) && sq_next_item(&items, ret))
                if (is_key(key, name))
                        return true;
        *ret = sq_nil();
        return false;
}

static struct sq_value
member(struct sq_value object, struct sq_str name)
{
        struct sq_value value;

        (void)find(object, name, &value);
        return value;
}

size_t
sq_members(struct sq_value object, size_t n, const char *const *names, struct sq_value *values)
{
        size_t found = 0;

        if (object.type == SQ_MAP && object.form == SQ_PLAIN)
                return plain_members(object, n, names, values);
        for (size_t i = 0; i < n; i++)
                found += find(object, (struct sq_str){names[i], strlen(names[i])}, &values[i]);
        return found;
}

struct sq_value
sq_part(struct sq_value object, const char *path)
{
        struct sq_value part = sq_member(object, path);
        const char *dot;

        while (part.type == SQ_NIL && object.type == SQ_MAP && (dot = strchr(path, '.'))) {
                object = member(object, (struct sq_str){path, (size_t)(dot - path)});
                path = dot + 1;
                part = sq_member(object, path);
        }
        return part;
}

struct sq_value
sq_member(struct sq_value object, const char *name)
{
        return member(object, (struct sq_str){name, strlen(name)});
}
