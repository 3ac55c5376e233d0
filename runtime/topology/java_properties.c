/* SPDX-License-Identifier: Apache-2.0 */
#include "topology/java_properties.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char BLANKS[] = " \t\f";

/* The next line that has a pair, in place: behind an odd backslash at its end it goes on with the next one, without the
 * blanks of that. False: there are no more. */
static bool
next_line(char **rest, char **ret)
{
        char *at = *rest, *to;

        for (;;) {
                at += strspn(at, " \t\f\r\n");
                if (*at != '#' && *at != '!')
                        break;
                at += strcspn(at, "\r\n");
        }
        if (*at == '\0')
                return false;
        *ret = to = at;
        while (*at != '\0' && *at != '\r' && *at != '\n') {
                if (at[0] != '\\' || at[1] == '\0') {
                        *to++ = *at++;
                } else if (at[1] == '\r' || at[1] == '\n') {
                        at += at[1] == '\r' && at[2] == '\n' ? 3 : 2;
                        at += strspn(at, BLANKS);
                } else {
                        *to++ = *at++;
                        *to++ = *at++;
                }
        }
        *rest = *at == '\0' ? at : at + 1;
        *to = '\0';
        return true;
}

/* Up to the first blank, `=` or `:` that is not escaped. */
static char *
end_of_key(char *at)
{
        while (*at != '\0' && !strchr(" \t\f=:", *at))
                at += at[0] == '\\' && at[1] != '\0' ? 2 : 1;
        return at;
}

static char *
put_utf8(char *to, unsigned code)
{
        if (code < 0x80) {
                *to++ = (char)code;
                return to;
        }
        if (code < 0x800) {
                *to++ = (char)(0xc0 | code >> 6);
        } else {
                if (code < 0x10000) {
                        *to++ = (char)(0xe0 | code >> 12);
                } else {
                        *to++ = (char)(0xf0 | code >> 18);
                        *to++ = (char)(0x80 | (code >> 12 & 63));
                }
                *to++ = (char)(0x80 | (code >> 6 & 63));
        }
        *to++ = (char)(0x80 | (code & 63));
        return to;
}

/* The four hexadecimal digits of an escape, as at `\uXXXX`. False: it is none. */
static bool
read_unit(const char *at, unsigned *ret)
{
        char digits[5] = "", *end;

        if (at[0] != '\\' || at[1] != 'u' || strspn(at + 2, "0123456789abcdefABCDEF") < 4)
                return false;
        memcpy(digits, at + 2, 4);
        *ret = (unsigned)strtoul(digits, &end, 16);
        return *end == '\0';
}

/* Java's units are of UTF-16: two of them may be one character. */
static char *
take_units(char **at, char *to, unsigned unit)
{
        unsigned low;

        *at += 6;
        if (unit >= 0xd800 && unit < 0xdc00 && read_unit(*at, &low) && low >= 0xdc00 && low < 0xe000) {
                *at += 6;
                return put_utf8(to, 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
        }
        return put_utf8(to, unit >= 0xd800 && unit < 0xe000 ? 0xfffd : unit);
}

/* In place: nothing gets longer. A character that needs no backslash stands for itself. */
static void
unescape(char *at)
{
        static const char letters[] = "tnrf", meant[] = "\t\n\r\f";
        char *to = at;
        unsigned unit;

        while (*at != '\0') {
                const char *letter = at[0] == '\\' && at[1] != '\0' ? strchr(letters, at[1]) : NULL;

                if (read_unit(at, &unit)) {
                        to = take_units(&at, to, unit);
                } else if (letter) {
                        *to++ = meant[letter - letters];
                        at += 2;
                } else {
                        at += at[0] == '\\' && at[1] != '\0';
                        *to++ = *at++;
                }
        }
        *to = '\0';
}

static char *
value_behind(char *key_end)
{
        char *at = key_end + strspn(key_end, BLANKS);

        if (*at == '=' || *at == ':')
                at += 1 + strspn(at + 1, BLANKS);
        return at;
}

/* The last one counts. */
char *
sqi_java_property(const char *text, const char *name, size_t len)
{
        char *copy = strdup(text), *rest = copy, *found = NULL, *key, *value;

        while (copy && next_line(&rest, &key)) {
                char *end = end_of_key(key);

                value = value_behind(end);
                *end = '\0';
                unescape(key);
                if (strlen(key) != len || memcmp(key, name, len) != 0)
                        continue;
                unescape(value);
                free(found);
                found = strdup(value);
        }
        free(copy);
        return found;
}
