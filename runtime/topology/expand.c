/* SPDX-License-Identifier: Apache-2.0 */
#include "topology/expand.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "squall.h"

struct variable {
        char name[128];
        const char *fallback;     /* NULL: none */
        size_t fallback_len, len; /* `len` of the whole, from $ to } */
};

struct complaint {
        char *text;
        size_t size, len; /* len 0: nothing is wrong */
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
        if ((size_t)(end - name) >= sizeof(ret->name) || !close || (end != close && strncmp(end, ":-", 2) != 0))
                return false;
        memcpy(ret->name, name, (size_t)(end - name));
        ret->name[end - name] = '\0';
        ret->fallback = end != close ? end + 2 : NULL;
        ret->fallback_len = end != close ? (size_t)(close - end) - 2 : 0;
        ret->len = (size_t)(close - at) + 1;
        return true;
}

/* Adds to what is wrong already: one message names all of it. */
static void complain(struct complaint *complaint, const char *format, ...) SQ_PRINTF(2, 3);

static void
complain(struct complaint *complaint, const char *format, ...)
{
        va_list arguments;
        int n;

        if (complaint->len + 2 < complaint->size && complaint->len > 0)
                complaint->len += (size_t)snprintf(complaint->text + complaint->len, complaint->size - complaint->len,
                                                   "; ");
        va_start(arguments, format);
        n = vsnprintf(complaint->text + complaint->len, complaint->size - complaint->len, format, arguments);
        va_end(arguments);
        complaint->len += n < 0 ? 0 : (size_t)n;
        if (complaint->len >= complaint->size)
                complaint->len = complaint->size - 1;
}

static void
put_variable(FILE *out, const struct variable *variable, struct complaint *complaint)
{
        const char *value = getenv(variable->name);

        if (!value && !variable->fallback) {
                complain(complaint, "the environment variable '%s' is not set (set it, or write ${%s:-default})",
                         variable->name, variable->name);
                return;
        }
        if (variable->fallback && (!value || value[0] == '\0'))
                (void)fwrite(variable->fallback, 1, variable->fallback_len, out);
        else
                fputs(value, out);
}

/* What a Flux user has there: ${ENV-HOME} from the environment, ${some.key} from a properties file. */
static void
explain(const char *at, struct complaint *complaint)
{
        int whole = (int)strcspn(at, "}") + 1;
        int name = (int)strspn(at + 2, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");

        if (whole > 40)
                whole = 40;
        if (strncmp(at, "${ENV-", 6) == 0 && name > 4 && at[2 + name] == '}')
                complain(complaint, "'%.*s' is Flux's (write ${%.*s})", whole, at, name - 4, at + 6);
        else if (name > 0 && at[2 + name] == '}' && strchr(at, '.') < at + 2 + name && strchr(at, '.'))
                complain(
                        complaint,
                        "'%.*s' is not a variable (Flux takes it from a file of properties; here write ${NAME} with letters, "
                        "digits and _, and set it in the environment)",
                        whole, at);
        else
                complain(complaint, "'%.*s' is not a variable (write ${NAME} or ${NAME:-default}; $${ is a plain ${)",
                         whole, at);
}

static void
expand(FILE *out, const char *at, struct complaint *complaint)
{
        struct variable variable;

        while (*at != '\0') {
                if (strncmp(at, "$${", 3) == 0) {
                        fputs("${", out);
                        at += 3;
                } else if (strncmp(at, "${", 2) == 0) {
                        bool known = parse(at, &variable);

                        if (known)
                                put_variable(out, &variable, complaint);
                        else
                                explain(at, complaint);
                        at += known ? variable.len : 2;
                } else {
                        fputc(*at++, out);
                }
        }
}

int
sqi_expand(struct sqi_arena *arena, const char *text, const char **ret, char *error, size_t size)
{
        struct complaint complaint = {error, size, 0};
        char *buffer = NULL, *copy = NULL;
        size_t len = 0;
        FILE *out;
        int r;

        if (!strstr(text, "${")) {
                *ret = text;
                return 0;
        }
        out = open_memstream(&buffer, &len);
        if (!out)
                return -ENOMEM;
        expand(out, text, &complaint);
        r = complaint.len > 0 ? -EINVAL : 0;
        if (fclose(out) != 0)
                r = -ENOMEM;
        if (r == 0) {
                copy = sqi_arena_copy(arena, buffer, len);
                r = copy ? 0 : -ENOMEM;
        }
        free(buffer);
        if (r == 0)
                *ret = copy;
        return r;
}
