/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the cells of one CSV record (RFC 4180): a cell in quotes may hold commas, line ends, and quotes doubled. */
#include <squall-kit.h>
#include <string.h>

bool
sq_csv_cell(struct sq_str *record, char **scratch, struct sq_str *ret)
{
        const char *at = record->ptr, *end, *comma, *start;
        char *copy = *scratch;
        bool doubled = false;

        if (!at)
                return false;
        end = at + record->len;
        if (at == end || *at != '"') {
                comma = at == end ? NULL : memchr(at, ',', (size_t)(end - at));
                *ret = (struct sq_str){at, (size_t)((comma ? comma : end) - at)};
        } else {
                for (start = ++at; at < end && (*at != '"' || (at + 1 < end && at[1] == '"')); at++) {
                        doubled |= *at == '"';
                        *(*scratch)++ = *at;
                        at += *at == '"';
                }
                *ret = doubled ? (struct sq_str){copy, (size_t)(*scratch - copy)} : (struct sq_str){start, (size_t)(at - start)};
                comma = at < end ? memchr(at, ',', (size_t)(end - at)) : NULL;
        }
        *record = comma ? (struct sq_str){comma + 1, (size_t)(end - comma - 1)} : (struct sq_str){NULL, 0};
        return true;
}

bool
sq_csv_open(const char *text, size_t len)
{
        const char *end = text + len, *quote = text;
        bool open = false;

        while ((quote = memchr(quote, '"', (size_t)(end - quote)))) {
                open = !open;
                quote++;
        }
        return open;
}
