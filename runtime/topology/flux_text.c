/* SPDX-License-Identifier: Apache-2.0 */
/* Variables of a Flux file. They stand in the text, so that one may be a list, too. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "topology/flux.h"
#include "topology/java_properties.h"

/* Element `n` of the text of a list, ["a", b], in place; NULL: there is none. */
static char *
element(char *list, unsigned n)
{
        char *at = list[0] == '[' ? list + 1 : NULL, *end;

        while (at && n-- > 0)
                at = (at = strchr(at, ',')) ? at + 1 : NULL;
        if (!at)
                return NULL;
        at += strspn(at, " \"'");
        end = at + strcspn(at, ",]\"'");
        while (end > at && end[-1] == ' ')
                end--;
        *end = '\0';
        return at;
}

/* A property, or KEY[N] of one that is a list; malloc'd, or NULL. */
static char *
property_of(const char *properties, const char *name, size_t len)
{
        const char *bracket = len > 3 && name[len - 1] == ']' ? memchr(name, '[', len) : NULL;
        char *list, *one, *copy;

        if (!bracket)
                return sqi_java_property(properties, name, len);
        list = sqi_java_property(properties, name, (size_t)(bracket - name));
        one = list ? element(list, (unsigned)strtoul(bracket + 1, NULL, 10)) : NULL;
        copy = one ? strdup(one) : NULL;
        free(list);
        return copy;
}

/* What `${...}` of `len` bytes stands for, malloc'd, or NULL: it stays. */
static char *
value_of(const struct sqi_flux *flux, const char *properties, const char *at, size_t len)
{
        char name[256];
        const char *value;

        if (len > 4 && memcmp(at, "ENV-", 4) == 0) {
                if (!flux->env_filter || len - 4 >= sizeof(name))
                        return NULL;
                memcpy(name, at + 4, len - 4);
                name[len - 4] = '\0';
                value = getenv(name);
                return value ? strdup(value) : NULL;
        }
        return properties ? property_of(properties, at, len) : NULL;
}

static void
expand(FILE *out, const struct sqi_flux *flux, const char *properties, const char *at, const char *end)
{
        while (at < end) {
                const char *close = at[0] == '$' && at + 1 < end && at[1] == '{' ? memchr(at, '}', (size_t)(end - at))
                                                                                 : NULL;
                char *value = close ? value_of(flux, properties, at + 2, (size_t)(close - at - 2)) : NULL;

                if (value) {
                        fputs(value, out);
                        at = close + 1;
                } else {
                        fputc(*at++, out);
                }
                free(value);
        }
}

int
sqi_flux_expand(const struct sqi_flux *flux, const char *text, size_t size, struct sqi_diagnostics *diagnostics,
                char **ret, size_t *ret_size)
{
        char *properties = NULL, *made = NULL;
        size_t len = 0;
        FILE *out, *file = flux->filter ? fopen(flux->filter, "re") : NULL;
        bool any, fine;

        any = file && getdelim(&properties, &len, '\0', file) >= 0;
        if (flux->filter && !any && (!file || ferror(file))) {
                sqi_diagnose(diagnostics, SQI_ERROR, (struct sqi_place){0}, "can't read the properties of %s: %s",
                             flux->filter, strerror(errno));
                if (file)
                        fclose(file);
                free(properties);
                return -EINVAL;
        }
        if (file)
                fclose(file);
        out = open_memstream(&made, ret_size);
        if (out)
                expand(out, flux, any ? properties : NULL, text, text + size);
        fine = out && fclose(out) == 0;
        free(properties);
        if (!fine) {
                free(made);
                return -ENOMEM;
        }
        *ret = made;
        return 0;
}
