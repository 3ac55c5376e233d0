/* SPDX-License-Identifier: Apache-2.0 */
#include "state/own_values.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool
has_name(const struct sqi_own_value *value, struct sq_str name)
{
        return value->name.len == name.len && (name.len == 0 || memcmp(value->name.ptr, name.ptr, name.len) == 0);
}

static struct sqi_own_value *
make(struct sq_str name, struct sq_str bytes)
{
        struct sqi_own_value *value = calloc(1, sizeof(*value) + name.len + bytes.len);

        if (!value)
                return NULL;
        if (name.len > 0)
                memcpy(value->memory, name.ptr, name.len);
        if (bytes.len > 0)
                memcpy(value->memory + name.len, bytes.ptr, bytes.len);
        value->name = (struct sq_str){value->memory, name.len};
        value->bytes = (struct sq_str){value->memory + name.len, bytes.len};
        return value;
}

int
sqi_own_values_set(struct sqi_own_values *values, struct sq_str name, struct sq_str bytes)
{
        struct sqi_own_value **link = &values->first, *value = make(name, bytes), *before;

        if (!value)
                return -ENOMEM;
        while (*link && !has_name(*link, name))
                link = &(*link)->next;
        before = *link;
        value->next = before ? before->next : NULL;
        values->n += before == NULL;
        *link = value;
        free(before);
        return 0;
}

void
sqi_own_values_drop(struct sqi_own_values *values, struct sq_str name)
{
        struct sqi_own_value **link = &values->first, *value;

        while (*link && !has_name(*link, name))
                link = &(*link)->next;
        value = *link;
        if (!value)
                return;
        *link = value->next;
        values->n--;
        free(value);
}

const struct sqi_own_value *
sqi_own_values_find(const struct sqi_own_values *values, struct sq_str name)
{
        const struct sqi_own_value *value = values->first;

        while (value && !has_name(value, name))
                value = value->next;
        return value;
}

void
sqi_own_values_clear(struct sqi_own_values *values)
{
        while (values->first) {
                struct sqi_own_value *value = values->first;

                values->first = value->next;
                free(value);
        }
        values->n = 0;
}
