/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of a value: members of maps, items of arrays. */
#include "formats/parts.h"

#include <stdlib.h>
#include <string.h>

static bool
is_key(struct sq_value key, struct sq_str name)
{
        return (key.type == SQ_STR || key.type == SQ_BIN) && key.len == name.len &&
               memcmp(key.as.ptr, name.ptr, name.len) == 0;
}

bool
sqi_find(struct sq_value object, struct sq_str name, struct sq_value *ret)
{
        bool plain = object.type == SQ_MAP && object.form == SQ_PLAIN;
        struct sq_items items = object.type == SQ_MAP && !plain ? sq_items(object) : (struct sq_items){0};
        const struct sq_value *list = object.as.ptr;
        struct sq_value key;

        for (size_t i = 0; plain && i < object.len; i++)
                if (is_key(list[2 * i], name)) {
                        *ret = list[2 * i + 1];
                        return true;
                }
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

        (void)sqi_find(object, name, &value);
        return value;
}

size_t
sq_members(struct sq_value object, size_t n, const char *const *names, struct sq_value *values)
{
        size_t found = 0;

        for (size_t i = 0; i < n; i++)
                found += sqi_find(object, (struct sq_str){names[i], strlen(names[i])}, &values[i]);
        return found;
}

/* The item that `[N]` at *path names, and behind it. */
static bool
take_item(const char **path, struct sq_value *value)
{
        struct sq_items items = sq_items(*value);
        bool is_array = value->type == SQ_ARRAY;
        char *end = NULL;
        long long n = strtoll(*path + 1, &end, 10);

        if (!is_array || end == *path + 1 || *end != ']')
                return false;
        n = n < 0 ? n + (long long)items.left : n;
        if (n < 0 || n >= (long long)items.left)
                return false;
        for (; n >= 0; n--)
                (void)sq_next_item(&items, value);
        *path = end + 1;
        return true;
}

struct sq_value
sqi_part_behind(struct sq_value value, const char *path)
{
        while (*path == '[')
                if (!take_item(&path, &value))
                        return sq_nil();
        if (*path == '\0')
                return value;
        return *path == '.' ? sq_part(value, path + 1) : sq_nil();
}

struct sq_value
sq_part(struct sq_value object, const char *path)
{
        struct sq_value part = sq_member(object, path);
        const char *end;

        if (part.type != SQ_NIL || object.type != SQ_MAP || !(end = strpbrk(path, ".[")))
                return part;
        return sqi_part_behind(member(object, (struct sq_str){path, (size_t)(end - path)}), end);
}

struct sq_value
sq_member(struct sq_value object, const char *name)
{
        return member(object, (struct sq_str){name, strlen(name)});
}
