/* SPDX-License-Identifier: Apache-2.0 */
#include "topology/expand.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct variable {
        char name[128];
        const char *fallback;     /* NULL: none */
        size_t fallback_len, len; /* `len` of the whole, from $ to } */
};

static bool
parse(const char *at, struct variable *ret)
{
        const char *name = at + 2, *end, *close;

        if (!isalpha((unsigned char)*name) && *name != '_')
                return false;
        for (end = name; isalnum((unsigned char)*end) || *end == '_'; end++)
                ;
        close = strchr(end, '}');
        if ((size_t)(end - name) >= sizeof(ret->name) || close == NULL || (end != close && strncmp(end, ":-", 2) != 0))
                return false;
        memcpy(ret->name, name, (size_t)(end - name));
        ret->name[end - name] = '\0';
        ret->fallback = end != close ? end + 2 : NULL;
        ret->fallback_len = end != close ? (size_t)(close - end) - 2 : 0;
        ret->len = (size_t)(close - at) + 1;
        return true;
}

static int
put_variable(FILE *out, const struct variable *variable, char *error, size_t size)
{
        const char *value = getenv(variable->name);

        if (value == NULL && variable->fallback == NULL) {
                (void)snprintf(error, size, "the environment variable '%s' is not set (set it, or write ${%s:-default})",
                               variable->name, variable->name);
                return -EINVAL;
        }
        if (variable->fallback != NULL && (value == NULL || value[0] == '\0'))
                (void)fwrite(variable->fallback, 1, variable->fallback_len, out);
        else
                (void)fputs(value, out);
        return 0;
}

static int
expand(FILE *out, const char *at, char *error, size_t size)
{
        struct variable variable;
        int r;

        while (*at != '\0') {
                if (strncmp(at, "$${", 3) == 0) {
                        (void)fputs("${", out);
                        at += 3;
                } else if (strncmp(at, "${", 2) == 0) {
                        if (!parse(at, &variable)) {
                                (void)snprintf(error, size,
                                               "'%.40s' is no variable (write ${NAME} or ${NAME:-default}; $${ is a plain ${)", at);
                                return -EINVAL;
                        }
                        r = put_variable(out, &variable, error, size);
                        if (r < 0)
                                return r;
                        at += variable.len;
                } else {
                        (void)fputc(*at++, out);
                }
        }
        return 0;
}

int
sqi_expand(struct sqi_arena *arena, const char *text, const char **ret, char *error, size_t size)
{
        char *buffer = NULL, *copy = NULL;
        size_t len = 0;
        FILE *out;
        int r;

        if (strstr(text, "${") == NULL) {
                *ret = text;
                return 0;
        }
        out = open_memstream(&buffer, &len);
        if (out == NULL)
                return -ENOMEM;
        r = expand(out, text, error, size);
        if (fclose(out) != 0)
                r = -ENOMEM;
        if (r == 0) {
                copy = sqi_arena_copy(arena, buffer, len);
                r = copy != NULL ? 0 : -ENOMEM;
        }
        free(buffer);
        if (r == 0)
                *ret = copy;
        return r;
}
