/* SPDX-License-Identifier: Apache-2.0 */
/* Constants as they are written in settings: 42, -1.5, 1e3, true, false, null, 'text', "text". */
#ifndef BOLTS_LITERAL_H
#define BOLTS_LITERAL_H

#include <errno.h>
#include <math.h>
#include <squall.h>
#include <stdlib.h>
#include <string.h>

enum { LITERAL_NUMBER = 64 };

/* A number that is the whole text. The text need not end with a NUL. */
static inline bool
literal_number(struct sq_str text, struct sq_value *ret)
{
        char copy[LITERAL_NUMBER], *end;
        long long whole;
        double real;

        if (text.len == 0 || text.len >= sizeof(copy) || !strchr("+-.0123456789", text.ptr[0]))
                return false;
        memcpy(copy, text.ptr, text.len);
        copy[text.len] = '\0';
        errno = 0;
        whole = strtoll(copy, &end, 10);
        if (end == copy + text.len && errno == 0) {
                *ret = sq_int(whole);
                return true;
        }
        real = strtod(copy, &end);
        if (end != copy + text.len || !isfinite(real))
                return false;
        *ret = sq_float(real);
        return true;
}

static inline bool
literal_is(struct sq_str text, const char *word)
{
        return strlen(word) == text.len && memcmp(word, text.ptr, text.len) == 0;
}

/* A constant that is the whole text; a quoted one is a view without its quotes. */
static inline bool
literal_read(struct sq_str text, struct sq_value *ret)
{
        if (text.len >= 2 && (*text.ptr == '\'' || *text.ptr == '"') && text.ptr[text.len - 1] == *text.ptr)
                *ret = sq_str((struct sq_str){text.ptr + 1, text.len - 2});
        else if (literal_is(text, "true") || literal_is(text, "false"))
                *ret = sq_bool(*text.ptr == 't');
        else if (literal_is(text, "null"))
                *ret = sq_nil();
        else
                return literal_number(text, ret);
        return true;
}

#endif
