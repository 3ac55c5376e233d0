/* SPDX-License-Identifier: Apache-2.0 */
/* All is done in place: what is decoded is never longer, and where a part ends there stood a separator, which leaves
 * room for its NUL. */
#include "http/uri.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static int
check_bytes(const char *text)
{
        for (const char *at = text; *at; at++)
                if (*at <= ' ' || *at > '~' || *at == '#')
                        return -EINVAL;
        return text[0] == '/' ? 0 : -EINVAL;
}

static int
decode(char *part, bool query)
{
        char *to = part;

        for (const char *at = part; *at; at++) {
                char hex[3] = "", byte = *at;

                if (byte == '%') {
                        if (!isxdigit((unsigned char)at[1]) || !isxdigit((unsigned char)at[2]))
                                return -EINVAL;
                        memcpy(hex, at + 1, 2);
                        byte = (char)strtoul(hex, NULL, 16);
                        at += 2;
                } else if (byte == '+' && query) {
                        byte = ' ';
                }
                if (!byte)
                        return -EINVAL;
                *to++ = byte;
        }
        *to = '\0';
        return 0;
}

static int
add_segment(struct sqi_uri *uri, char *part)
{
        int r = decode(part, false);

        if (r < 0)
                return r;
        if (!part[0] || strcmp(part, ".") == 0 || strcmp(part, "..") == 0)
                return -EINVAL;
        if (uri->nsegments == SQI_URI_SEGMENTS)
                return -ENAMETOOLONG;
        uri->segments[uri->nsegments++] = part;
        return 0;
}

static int
add_parameter(struct sqi_uri *uri, char *part)
{
        char *value = strchr(part, '=');
        int r;

        if (!*part)
                return 0;
        if (value)
                *value++ = '\0';
        else
                value = part + strlen(part);
        r = decode(part, true);
        if (r == 0)
                r = decode(value, true);
        if (r < 0)
                return r;
        if (uri->nparameters == SQI_URI_PARAMETERS)
                return -ENAMETOOLONG;
        uri->parameters[uri->nparameters++] = (struct sqi_parameter){part, value};
        return 0;
}

static int
take_apart(struct sqi_uri *uri)
{
        char *path = uri->text + 1, *query = strchr(path, '?'), *part;
        int r = 0;

        if (query)
                *query++ = '\0';
        while (r == 0 && path && *path) {
                part = strsep(&path, "/");
                r = add_segment(uri, part);
                if (path && !*path)
                        r = -EINVAL; /* it ends with a slash */
        }
        while (r == 0 && query)
                r = add_parameter(uri, strsep(&query, "&"));
        return r;
}

int
sqi_uri_parse(const char *text, struct sqi_uri *ret)
{
        size_t len = strnlen(text, SQI_URI_SIZE);
        int r = len < SQI_URI_SIZE ? check_bytes(text) : -ENAMETOOLONG;

        ret->nsegments = ret->nparameters = 0;
        if (r < 0)
                return r;
        memcpy(ret->text, text, len + 1);
        r = take_apart(ret);
        if (r < 0)
                ret->nsegments = ret->nparameters = 0;
        return r;
}

const char *
sqi_uri_parameter(const struct sqi_uri *uri, const char *name)
{
        for (uint32_t i = 0; i < uri->nparameters; i++)
                if (strcmp(uri->parameters[i].name, name) == 0)
                        return uri->parameters[i].value;
        return NULL;
}
