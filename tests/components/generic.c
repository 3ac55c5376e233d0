/* SPDX-License-Identifier: Apache-2.0 */
/* A bolt whose fields follow from its setting and its first input: it asks for the fields of `by` and passes on all. */
#include <squall.h>

struct generic {
        struct sq_list by;
};

static void
declare(struct sq_declaration *decl)
{
        const struct generic *self = sq_declared_state(decl);
        struct sq_field field;

        for (size_t i = 0; i < self->by.n; i++)
                if ((field = sq_declared_field(decl, 0, self->by.items[i])).name)
                        sq_declare_in(decl, field.name, field.type);
                else
                        sq_declare_error(decl, "by", "no input has the field '%s'", self->by.items[i]);
        for (unsigned place = 0; (field = sq_declared_input(decl, 0, place)).name; place++)
                sq_declare_out(decl, 0, field.name, field.type);
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        (void)task;
        (void)in;
        return SQ_ACK;
}

SQ_BOLT(generic) = {
        .about = "Passes on what it gets.",
        .state = sizeof(struct generic),
        .options = {SQ_OPT_LIST(struct generic, by, "fields it asks for")},
        .declare = declare,
        .execute = execute,
};
