/* SPDX-License-Identifier: Apache-2.0 */
/* Constants as they are written in settings: 42, -1.5, 1e3, true, false, null, 'text', "text". */
#include <squall-kit.h>
#include <string.h>

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
