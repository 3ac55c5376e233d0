/* SPDX-License-Identifier: Apache-2.0 */
/* Constants as they are written in settings: 42, -1.5, 1e3, true, false, null, 'text', "text". */
#include <errno.h>
#include <math.h>
#include <squall-kit.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_MAX = 64 };

bool
sq_read_number(struct sq_str text, struct sq_value *ret)
{
        char copy[NUMBER_MAX], *end;
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

bool
sq_str_is(struct sq_str text, const char *word)
{
        return strlen(word) == text.len && memcmp(word, text.ptr, text.len) == 0;
}

bool
sq_read_literal(struct sq_str text, struct sq_value *ret)
{
        if (text.len >= 2 && (*text.ptr == '\'' || *text.ptr == '"') && text.ptr[text.len - 1] == *text.ptr)
                *ret = sq_str((struct sq_str){text.ptr + 1, text.len - 2});
        else if (sq_str_is(text, "true") || sq_str_is(text, "false"))
                *ret = sq_bool(*text.ptr == 't');
        else if (sq_str_is(text, "null"))
                *ret = sq_nil();
        else
                return sq_read_number(text, ret);
        return true;
}
