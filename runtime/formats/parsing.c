/* SPDX-License-Identifier: Apache-2.0 */
/* What bolts have in common that make fields of a text: the text is input 0, the kept fields come behind it. */
#include <squall-kit.h>
#include <string.h>

enum { TEXT };

void
sq_parsing_declare(const struct sq_parsing *parsing, struct sq_declaration *decl)
{
        struct sq_field text = sq_declared_field(decl, 0, parsing->field);

        if (!text.name)
                sq_declare_error(decl, "field", "no input field `%s` with a text", parsing->field);
        else if (text.type != SQ_STR && text.type != SQ_TEXT && text.type != SQ_BIN && text.type != SQ_ANY)
                sq_declare_error(decl, "field", "`%s` is declared as %s, and not as a text", parsing->field,
                                 sq_type_name(text.type));
        sq_declare_in(decl, parsing->field, text.type);
        for (size_t i = 0; i < parsing->keep.n; i++) {
                const char *name = parsing->keep.items[i];
                struct sq_field kept = sq_declared_field(decl, 0, name);
                if (!kept.name)
                        sq_declare_error(decl, "keep", "no input field `%s`", name);
                if (strcmp(name, parsing->field) != 0)
                        sq_declare_in(decl, name, kept.type);
                sq_declare_out(decl, 0, name, kept.type);
        }
}

bool
sq_parsing_text(const struct sq_tuple *in, struct sq_str *ret)
{
        struct sq_value value = sq_get(in, TEXT);

        if (value.type != SQ_STR && value.type != SQ_BIN)
                return false;
        *ret = (struct sq_str){value.as.ptr, value.len};
        return true;
}

struct sq_value *
sq_parsing_values(struct sq_parsing *parsing)
{
        return parsing->values + parsing->keep.n;
}

enum sq_verdict
sq_parsing_emit(struct sq_task *task, struct sq_parsing *parsing, const struct sq_tuple *in, size_t n)
{
        unsigned field = TEXT + 1;

        for (size_t i = 0; i < parsing->keep.n; i++)
                parsing->values[i] = sq_get(in, strcmp(parsing->keep.items[i], parsing->field) == 0 ? TEXT : field++);
        sq_emit_values(task, 0, parsing->keep.n + n, parsing->values);
        return SQ_ACK;
}

enum sq_verdict
sq_parsing_refuse(struct sq_task *task, const struct sq_parsing *parsing, const struct sq_tuple *in, const char *cause)
{
        return sq_refuse(task, parsing->on_error, sq_get(in, TEXT), "%s: %s", parsing->field, cause) < 0 ? SQ_FAIL
                                                                                                         : SQ_ACK;
}
