/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/escape.h"

#include <string.h>

#include "kit/utf8.h"

static int
read_hex(const char **at, const char *end)
{
        int code = 0;

        if (end - *at < 4)
                return -1;
        for (int i = 0; i < 4; i++) {
                int c = (unsigned char)*(*at)++;
                int lower = c | 0x20;

                if (c >= '0' && c <= '9')
                        code = code * 16 + c - '0';
                else if (lower >= 'a' && lower <= 'f')
                        code = code * 16 + lower - 'a' + 10;
                else
                        return -1;
        }
        return code;
}

/* A \u escape, its `u` read already. */
static bool
read_unicode(const char **at, const char *end, char **to)
{
        int code = read_hex(at, end), low;

        if (code < 0)
                return false;
        if (code >= 0xd800 && code < 0xdc00 && end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u') {
                const char *back = *at;

                *at += 2;
                low = read_hex(at, end);
                if (low < 0)
                        return false;
                if (low >= 0xdc00 && low < 0xe000)
                        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                else
                        *at = back;
        }
        sqi_utf8_put(to, code >= 0xd800 && code < 0xe000 ? 0xfffd : (unsigned)code);
        return true;
}

bool
sqi_escape_read(const char **at, const char *end, char **to)
{
        static const char from[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
        const char *found;

        if (*at == end)
                return false;
        if (**at == 'u') {
                (*at)++;
                return read_unicode(at, end, to);
        }
        found = memchr(from, *(*at)++, sizeof(from) - 1);
        if (found)
                *(*to)++ = meant[found - from];
        return found;
}
