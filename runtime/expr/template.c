/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts with fields of a tuple, or expressions over them, in braces: `page:{path}`, `{lower(host)}-{n % 8}`.
 * squall-expr.h says how they are used.
 *
 * What stands in braces is the field of that name; else, unless it could be a name, an expression. It is compiled when
 * it is met first, and kept with who has the records.
 */
#include <errno.h>
#include <squall-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BRACED_MAX = 512 };

struct expression {
        struct expression *next;
        const char *at; /* in the template: where the braces open */
        struct sq_exprs *exprs;
};

struct sq_templates {
        struct expression *first;
};

/* What stands in braces. */
struct braced {
        const char *at;
        char text[BRACED_MAX];
};

/* Behind the quote that closes the one at `at`, or its end. */
static const char *
skip_quoted(const char *at)
{
        char quote = *at++;

        for (; *at && *at != quote; at++)
                if (*at == '\\' && at[1] && quote != '`')
                        at++;
        return *at ? at + 1 : at;
}

/* The brace that closes the one at `at`, whatever braces and quotes there are in between; or NULL. */
static const char *
closing(const char *at)
{
        unsigned depth = 0;

        while (*at) {
                if (*at == '\'' || *at == '"' || *at == '`') {
                        at = skip_quoted(at);
                        continue;
                }
                depth += *at == '{';
                depth -= *at == '}';
                if (depth == 0)
                        return at;
                at++;
        }
        return NULL;
}

static const char *
wrong_with(const char *template)
{
        for (const char *at = template; *at; at++) {
                const char *end = *at == '{' ? closing(at) : at;

                if (*at == '}')
                        return "has a } without a {";
                if (!end)
                        return "has a { that is not closed";
                if (end == at + 1)
                        return "has {} without a field";
                if (end - at >= BRACED_MAX)
                        return "has too much between { and }";
                at = end;
        }
        return NULL;
}

/* The next part of the template in braces, from *at on; false: there is none. */
static bool
next_braced(const char **at, struct braced *ret)
{
        const char *begin = strchr(*at, '{'), *end = begin ? closing(begin) : NULL;

        if (!end)
                return false;
        ret->at = begin;
        size_t len = (size_t)(end - begin - 1) < sizeof(ret->text) ? (size_t)(end - begin - 1) : sizeof(ret->text) - 1;
        memcpy(ret->text, begin + 1, len);
        ret->text[len] = '\0';
        *at = end + 1;
        return true;
}

/* Whether it may be meant as the name of a field, which is missing then. */
static bool
is_name(const char *text)
{
        for (; *text; text++)
                if (!((*text | 32) >= 'a' && (*text | 32) <= 'z') && !(*text >= '0' && *text <= '9') && *text != '_')
                        return false;
        return true;
}

/* ---- Declaring --------------------------------------------------------------------------------------- */

static void
declare_braced(const char *text, struct sq_declaration *decl, const char *option)
{
        struct sq_exprs *exprs;

        if (is_name(text) || sq_declared_inputs(decl) == 0 ||
            (!sq_declared_open(decl) && sq_declared_field(decl, 0, text).name)) {
                sq_field_declare(text, decl, option);
                return;
        }
        exprs = sq_exprs_declared(decl);
        if (exprs && sq_exprs_add(exprs, text) < 0)
                sq_declare_error(decl, option, "{%s}: %s", text, sq_exprs_error(exprs));
        sq_exprs_free(&exprs);
}

void
sq_template_declare(const char *template, struct sq_declaration *decl, const char *option)
{
        const char *wrong = wrong_with(template), *at = template;
        struct braced braced;

        if (wrong)
                sq_declare_error(decl, option, "%s", wrong);
        while (!wrong && next_braced(&at, &braced))
                declare_braced(braced.text, decl, option);
}

void
sq_field_declare(const char *name, struct sq_declaration *decl, const char *option)
{
        for (unsigned input = 0; name && input < sq_declared_inputs(decl); input++)
                if (sq_declared_input(decl, input, 0).name && !sq_declared_field(decl, input, name).name)
                        sq_declare_error(decl, option, "the field `%s` is not in what input %u brings", name, input);
}

/* ---- Writing ----------------------------------------------------------------------------------------- */

struct sq_templates *
sq_templates_new(void)
{
        return calloc(1, sizeof(struct sq_templates));
}

void
sq_templates_free(struct sq_templates **templates)
{
        struct expression *one, *next;

        for (one = *templates ? (*templates)->first : NULL; one; one = next) {
                next = one->next;
                sq_exprs_free(&one->exprs);
                free(one);
        }
        free(*templates);
        *templates = NULL;
}

/* NULL: no memory. */
static struct sq_exprs *
compile(const char *text)
{
        struct sq_exprs *exprs = sq_exprs_new();

        if (!exprs)
                return NULL;
        sq_exprs_open(exprs);
        if (sq_exprs_add(exprs, text) < 0)
                sq_exprs_free(&exprs);
        return exprs;
}

/* The expression at that place. NULL: no memory, or it is none. */
static struct sq_exprs *
find(struct sq_templates *templates, const struct braced *braced)
{
        struct expression *one = templates->first;

        while (one && one->at != braced->at)
                one = one->next;
        if (one)
                return one->exprs;
        one = calloc(1, sizeof(*one));
        if (!one)
                return NULL;
        *one = (struct expression){templates->first, braced->at, compile(braced->text)};
        templates->first = one;
        return one->exprs;
}

/* NULL: it has no such field. */
static const struct sq_value *
find_field(const struct sq_record *record, const char *name)
{
        size_t len = strlen(name);

        for (size_t i = 0; i < record->n; i++)
                if (record->names[i].len == len && memcmp(record->names[i].ptr, name, len) == 0)
                        return &record->values[i];
        return NULL;
}

struct sq_value
sq_record_get(const struct sq_record *record, const char *name)
{
        const struct sq_value *value = find_field(record, name);

        return value ? *value : sq_nil();
}

static int
put(struct sq_encoder *text, struct sq_value value)
{
        return value.type == SQ_NIL ? 0 : sq_encode_values(text, 1, NULL, &value);
}

/* What stands between braces; mostly nothing, and then there are bytes already. */
static int
put_plain(struct sq_encoder *text, const char *at, size_t len)
{
        return len || !text->bytes ? put(text, sq_str((struct sq_str){at, len})) : 0;
}

static int
put_braced(const struct braced *braced, const struct sq_record *record, struct sq_encoder *text)
{
        struct sq_value values[SQ_FIELDS_MAX], value;
        const struct sq_value *field;
        struct sq_exprs *exprs;

        field = find_field(record, braced->text);
        if (field)
                return put(text, *field);
        if (!record->templates || is_name(braced->text))
                return 0;
        exprs = find(record->templates, braced);
        if (!exprs)
                return -ENOMEM;
        for (unsigned i = 0; i < sq_exprs_nfields(exprs); i++)
                values[i] = sq_record_get(record, sq_exprs_used(exprs, i).name);
        sq_exprs_begin_values(exprs, values);
        return sq_exprs_value(exprs, 0, &value) ? put(text, value) : 0;
}

int
sq_template_write(const char *template, const struct sq_record *record, struct sq_encoder *text)
{
        const char *at = template, *begin;
        struct braced braced;
        int r = 0;

        while (r == 0 && (begin = strchr(at, '{'))) {
                r = put_plain(text, at, (size_t)(begin - at));
                if (r == 0 && next_braced(&at, &braced))
                        r = put_braced(&braced, record, text);
        }
        return r < 0 ? r : put_plain(text, at, strlen(at));
}

void
sq_record_of(const struct sq_tuple *in, struct sq_templates *templates, struct sq_record *ret)
{
        ret->n = sq_tuple_size(in);
        ret->whole = sq_nil();
        ret->templates = templates;
        for (unsigned i = 0; i < ret->n; i++) {
                const char *name = sq_tuple_name(in, i);

                ret->names[i] = (struct sq_str){name, strlen(name)};
                ret->values[i] = sq_tuple_get(in, i);
        }
}

int
sq_template_make(const char *template, struct sq_templates *templates, const struct sq_tuple *in,
                 struct sq_encoder *text)
{
        struct sq_record record;

        text->len = 0;
        if (!strchr(template, '{'))
                return put(text, sq_text(template));
        sq_record_of(in, templates, &record);
        return sq_template_write(template, &record, text);
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

static int
write_field(struct sq_value field, int64_t format, struct sq_encoder *to)
{
        if (field.form == SQ_PACKED && (field.type == SQ_MAP || field.type == SQ_ARRAY) && format == SQ_FORMAT_MSGPACK)
                field = sq_str((struct sq_str){field.as.ptr, field.len});
        return field.type == SQ_NIL ? 0 : sq_encode_values(to, 1, NULL, &field);
}

int
sq_record_write(const struct sq_record *record, const char *value, const struct sq_encoding *encoding,
                struct sq_encoder *to)
{
        const int64_t format = encoding->format;
        int r;

        if (value)
                return write_field(sq_record_get(record, value), format, to);
        if (format == SQ_FORMAT_JSON || format == SQ_FORMAT_MSGPACK)
                return write_field(record->whole, format, to);
        to->format = (enum sq_format)format;
        to->dialect = sq_csv_dialect(encoding->separator, encoding->quote);
        r = format == SQ_FORMAT_LOGFMT ? write_named(record, to)
                                       : sq_encode_values(to, record->n, NULL, record->values);
        to->format = SQ_FORMAT_TEXT;
        return r;
}
