/* SPDX-License-Identifier: Apache-2.0 */
#include "http_body.h"

#include <string.h>

static bool
is_array_of_objects(struct sq_json_reader *json, struct sq_str text)
{
        struct sq_value value, item;
        struct sq_items items;
        size_t at = 0;

        while (at < text.len && strchr(" \t\r\n", text.ptr[at]) && text.ptr[at])
                at++;
        if (at == text.len || text.ptr[at] != '[' || !sq_json_read(json, text, &value))
                return false;
        items = sq_items(value);
        if (items.left == 0)
                return false;
        while (sq_next_item(&items, &item))
                if (item.type != SQ_MAP)
                        return false;
        return true;
}

/* Such an array as JSON Lines. */
static void
make_lines(char *text, size_t n)
{
        unsigned depth = 0;
        bool quoted = false;

        for (size_t i = 0; i < n; i++) {
                const char c = text[i];

                if (quoted && c == '\\')
                        i++;
                else if (quoted || c == '"')
                        quoted = !quoted || c != '"';
                else {
                        depth += c == '{' || c == '[';
                        if (depth == 1 && (c == '[' || c == ',' || c == ']'))
                                text[i] = '\n';
                        else if (c == '\n' || c == '\r')
                                text[i] = ' ';
                        depth -= c == '}' || c == ']';
                }
        }
}

bool
sqi_http_array(struct sq_json_reader *json, char *text, size_t n)
{
        bool is = is_array_of_objects(json, (struct sq_str){text, n});

        if (is)
                make_lines(text, n);
        return is;
}

const char *
sqi_http_reason(unsigned status)
{
        switch (status) {
        case 404:
                return "messages are posted to another path";
        case 405:
                return "messages are posted";
        case 401:
                return "the header `Authorization: Bearer TOKEN` is missing, or its token is another";
        case 413:
                return "the body is longer than the spout's `limit`";
        case 415:
                return "the body is compressed: it is read as it is alone, without Content-Encoding";
        case 429:
                return "the topology is full: try again";
        default:
                return "";
        }
}
