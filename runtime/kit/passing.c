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

/* What is wrong with one of the inputs. */
static void
refuse_input(struct sq_declaration *decl, unsigned input, const char *what)
{
        struct sq_reading reading;

        if (!sq_declared_reading(decl, input, &reading))
                reading.from = "?";
        sq_declare_error(decl, NULL, "'%.64s' %s, or `time: wall` here (the time of day)", reading.from, what);
}

const char *
sq_declared_event_time(struct sq_declaration *decl)
{
        unsigned n = sq_declared_inputs(decl), marked = 0;

        for (unsigned i = 0; i < n; i++)
                marked += sq_declared_watermarks(decl, i);
        if (marked == 0 || sq_declared_common_time(decl))
                return marked == 0 ? NULL : sq_declared_common_time(decl);
        for (unsigned i = 0; i < n; i++)
                if (!sq_declared_watermarks(decl, i))
                        refuse_input(decl, i, "has no event time, and another input has: say `event-time` of it");
                else if (!sq_declared_time(decl, i))
                        refuse_input(decl, i,
                                     "does not emit the field of its event time any more: let it pass that on, say "
                                     "`event-time` of it with another field (a join by `between`: `stamp: NAME`)");
        refuse_input(decl, 0, "has its event time in a field that another input calls otherwise: give them one name");
        return NULL;
}
