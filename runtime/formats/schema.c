/* SPDX-License-Identifier: Apache-2.0 */
/* The setting `fields` of a spout that reads records: names, places in the record, types. */
#include <math.h>
#include <squall-kit.h>
#include <stdio.h>
#include <string.h>

enum { SHOWN = 64 }; /* bytes of a value in a message */

/* Whether the entry belongs to the map that the entry before it belongs to. */
static bool
goes_on(const struct sq_nested *setting, size_t i)
{
        return i > 0 && setting->keys && *setting->keys[i] && *setting->keys[i - 1] &&
               strcmp(setting->names[i], setting->names[i - 1]) == 0;
}

static void
add_field(struct sq_schema *schema, const char *name)
{
        schema->names[schema->n] = schema->paths[schema->n] = name;
        schema->conversions[schema->n++] = (struct sq_conversion){.type = SQ_ANY};
}

static bool
read_type(struct sq_schema *schema, unsigned place, const char *text, char *wrong, size_t size)
{
        const char *cause = sq_conversion_read(text, &schema->conversions[place]);

        if (cause)
                snprintf(wrong, size, "the type of `%.64s` cannot be `%.64s`: %s", schema->names[place], text, cause);
        return !cause;
}

static bool
read_entry(const struct sq_nested *setting, size_t i, struct sq_schema *schema, char *wrong, size_t size)
{
        const char *name = setting->names[i], *value = setting->values[i], *key = setting->keys ? setting->keys[i] : "";
        unsigned place;

        if (schema->n == SQ_FIELDS_MAX && !goes_on(setting, i)) {
                snprintf(wrong, size, "more than %u fields, which a tuple cannot have", SQ_FIELDS_MAX);
                return false;
        }
        if (!goes_on(setting, i))
                add_field(schema, name);
        if (!schema->typed)
                return true;
        place = schema->n - 1;
        if (*key == '\0' || strcmp(key, "type") == 0)
                return read_type(schema, place, value, wrong, size);
        if (strcmp(key, "path") == 0 && *value != '\0') {
                schema->paths[place] = value;
                return true;
        }
        snprintf(wrong, size,
                 *value ? "`%.64s` has `%.64s`: right is `path` and `type`" : "`%.64s` has an empty `%.64s`", name,
                 key);
        return false;
}

/* One column is one field: a format finds a field by its column, and not the other way. */
static bool
has_distinct_paths(const struct sq_schema *schema, char *wrong, size_t size)
{
        for (unsigned i = 0; schema->typed && i < schema->n; i++)
                for (unsigned j = 0; j < i; j++)
                        if (strcmp(schema->paths[i], schema->paths[j]) == 0) {
                                snprintf(wrong, size, "`%.64s` and `%.64s` are both read from `%.64s`",
                                         schema->names[j], schema->names[i], schema->paths[i]);
                                return false;
                        }
        return true;
}

/* Behind what is wrong besides, which has said what is right. What finds no room there is left for the next try. */
static void
add_wrong(const char *one, char *wrong, size_t size)
{
        const char *right = strstr(one, ": right is");
        size_t used = strlen(wrong), len = right ? (size_t)(right - one) : strlen(one);

        if (used == 0)
                snprintf(wrong, size, "%s", one);
        else if (used + 2 + len < size)
                snprintf(wrong + used, size - used, "; %.*s", (int)len, one);
}

bool
sq_schema_read(const struct sq_nested *setting, struct sq_schema *ret, char *wrong, size_t size)
{
        char one[256];
        bool good = true;

        *ret = (struct sq_schema){.typed = setting->n > 0 && setting->names != setting->values};
        wrong[0] = '\0';
        for (size_t i = 0; i < setting->n; i++)
                if (!read_entry(setting, i, ret, one, sizeof(one))) {
                        add_wrong(one, wrong, size);
                        good = false;
                }
        return good && has_distinct_paths(ret, wrong, size);
}

bool
sq_schema_is_whole(const struct sq_schema *schema)
{
        return schema->n == 0 || (schema->n == 1 && schema->paths[0] == schema->names[0]);
}

void
sq_schema_declare(const struct sq_schema *schema, struct sq_declaration *decl, enum sq_type untyped)
{
        for (unsigned i = 0; i < schema->n; i++)
                sq_declare_out(decl, 0, schema->names[i], schema->typed ? schema->conversions[i].type : untyped);
}

/* Is it of that type as it came? */
static inline bool
is_of(enum sq_type type, const struct sq_value *value)
{
        if (value->type != type)
                return false;
        return type == SQ_STR || type == SQ_INT || type == SQ_UINT || (type == SQ_FLOAT && isfinite(value->as.f));
}

bool
sq_schema_convert(const struct sq_schema *schema, struct sq_value *values, char *cause, size_t size)
{
        char shown[SHOWN];
        unsigned i = 0;

        while (i < schema->n && (is_of(schema->conversions[i].type, &values[i]) ||
                                 sq_convert(&schema->conversions[i], values[i], &values[i])))
                i++;
        if (i == schema->n)
                return true;
        sq_json(values[i], shown, sizeof(shown));
        snprintf(cause, size, "the field `%.64s` is %s, not %s%s", schema->names[i], shown,
                 sq_type_name(schema->conversions[i].type), schema->conversions[i].nullable ? " or null" : "");
        return false;
}
