/* SPDX-License-Identifier: Apache-2.0 */
/* For bolts that pass tuples on as they come: their output has the fields of their inputs, which must all have the
 * same; and what all inputs have of event time. */
#include <squall-kit.h>
#include <string.h>

void
sq_declare_passing_on(struct sq_declaration *decl, unsigned stream)
{
        unsigned inputs = sq_declared_inputs(decl);
        struct sq_field field, other;

        for (unsigned place = 0; inputs > 0 && place <= SQ_FIELDS_MAX; place++) {
                field = sq_declared_input(decl, 0, place);
                for (unsigned input = 1; input < inputs; input++) {
                        other = sq_declared_input(decl, input, place);
                        if (!field.name != !other.name || (field.name && strcmp(field.name, other.name) != 0)) {
                                sq_declare_error(decl, NULL,
                                                 "passes tuples on as they come, but its inputs have other fields: "
                                                 "field %u is `%s` here and `%s` there",
                                                 place + 1, field.name ? field.name : "(none)",
                                                 other.name ? other.name : "(none)");
                                return;
                        }
                        if (field.type != other.type)
                                field.type = SQ_ANY;
                }
                if (!field.name)
                        return;
                sq_declare_out(decl, stream, field.name, field.type);
        }
}

void
sq_declare_passing(struct sq_declaration *decl)
{
        sq_declare_passing_on(decl, 0);
}

bool
sq_declared_all_watermarks(const struct sq_declaration *decl)
{
        for (unsigned i = 0; i < sq_declared_inputs(decl); i++)
                if (!sq_declared_watermarks(decl, i))
                        return false;
        return sq_declared_inputs(decl) > 0;
}

const char *
sq_declared_common_time(const struct sq_declaration *decl)
{
        const char *field = sq_declared_time(decl, 0);

        for (unsigned i = 1; field && i < sq_declared_inputs(decl); i++) {
                const char *other = sq_declared_time(decl, i);
                if (!other || strcmp(field, other) != 0)
                        return NULL;
        }
        return field;
}
