/* SPDX-License-Identifier: Apache-2.0 */
/* Texts with fields of a tuple in braces, `page:{path}`: squall-kit.h says how they are used. */
#include <errno.h>
#include <squall-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *
wrong_with(const char *template)
{
        for (const char *at = template; *at; at++) {
                const char *end = *at == '{' ? strchr(at, '}') : at;

                if (*at == '}')
                        return "has a } without a {";
                if (!end)
                        return "has a { that is not closed";
                if (end == at + 1)
                        return "has {} without a field";
                at = end;
        }
        return NULL;
}

/* The next field of the template, from *at on, into `name`; false: there is none. */
static bool
next_field(const char **at, char *name, size_t size)
{
        const char *begin = strchr(*at, '{'), *end = begin ? strchr(begin, '}') : NULL;

        if (!end)
                return false;
        snprintf(name, size, "%.*s", (int)(end - begin - 1), begin + 1);
        *at = end + 1;
        return true;
}

void
sq_template_declare(const char *template, struct sq_declaration *decl, const char *option)
{
        const char *wrong = wrong_with(template), *at = template;
        char name[128];

        if (wrong)
                sq_declare_error(decl, option, "%s", wrong);
        while (!wrong && next_field(&at, name, sizeof(name)))
                sq_field_declare(name, decl, option);
}

void
sq_field_declare(const char *name, struct sq_declaration *decl, const char *option)
{
        for (unsigned input = 0; name && input < sq_declared_inputs(decl); input++)
                if (sq_declared_input(decl, input, 0).name && !sq_declared_field(decl, input, name).name)
                        sq_declare_error(decl, option, "the field `%s` is not in what input %u brings", name, input);
}

static int
put(struct sq_encoder *text, struct sq_value value)
{
        return value.type == SQ_NIL ? 0 : sq_encode_values(text, 1, NULL, &value);
}

int
sq_template_write(const char *template, const struct sq_record *record, struct sq_encoder *text)
{
        const char *at = template, *begin;
        char name[128];
        int r = 0;

        while (r == 0 && (begin = strchr(at, '{'))) {
                r = put(text, sq_str((struct sq_str){at, (size_t)(begin - at)}));
                if (r == 0 && next_field(&at, name, sizeof(name)))
                        r = put(text, sq_record_get(record, name));
        }
        return r < 0 ? r : put(text, sq_text(at));
}

/* The record by the names of its fields, which end with a NUL then. */
static int
write_named(const struct sq_record *record, struct sq_encoder *to)
{
        const char *names[SQ_FIELDS_MAX];
        size_t room = record->n;
        char *copy, *at;
        int r;

        for (size_t i = 0; i < record->n; i++)
                room += record->names[i].len;
        copy = at = calloc(room + 1, 1);
        if (!copy)
                return -ENOMEM;
        for (size_t i = 0; i < record->n; i++) {
                names[i] = at;
                memcpy(at, record->names[i].ptr, record->names[i].len);
                at += record->names[i].len + 1;
        }
        r = sq_encode_values(to, record->n, names, record->values);
        free(copy);
        return r;
}

/* A value as a text, whatever the format is. */
static int
write_text(struct sq_value value, struct sq_encoder *to)
{
        enum sq_format format = to->format;
        int r;

        to->format = SQ_FORMAT_TEXT;
        r = sq_encode_values(to, 1, NULL, &value);
        to->format = format;
        return r;
}

int
sq_record_write(const struct sq_record *record, const char *value, struct sq_encoder *to)
{
        struct sq_value field = value ? sq_record_get(record, value) : sq_nil();

        if (value)
                return field.type == SQ_NIL ? 0 : write_text(field, to);
        if (to->format == SQ_FORMAT_JSON)
                return write_text(record->whole, to);
        if (to->format == SQ_FORMAT_MSGPACK)
                return write_text(sq_str((struct sq_str){record->whole.as.ptr, record->whole.len}), to);
        if (to->format == SQ_FORMAT_LOGFMT)
                return write_named(record, to);
        return sq_encode_values(to, record->n, NULL, record->values);
}
