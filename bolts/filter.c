/* SPDX-License-Identifier: Apache-2.0 */
/* The bolt `filter`: passes the tuples on for which a condition holds, unchanged. where.h says how a condition is written. */
#include "passing.h"
#include "where.h"

struct filter {
        const char *condition;
        struct where *where;
};

static void
declare_fields(struct sq_declaration *decl, const struct where *where)
{
        struct sq_field field;
        char name[256];

        for (unsigned i = 0; i < where->nfields; i++) {
                unsigned place = 0;

                snprintf(name, sizeof(name), "%.*s", (int)where->fields[i].len, where->fields[i].ptr);
                do
                        field = sq_declared_input(decl, 0, place++);
                while (field.name && strcmp(field.name, name) != 0);
                sq_declare_in(decl, name, field.type);
        }
}

static void
declare(struct sq_declaration *decl)
{
        const struct filter *self = sq_declared_state(decl);
        struct where *where = where_read(self->condition);

        if (!where)
                sq_declare_error(decl, "where", "%s", strerror(ENOMEM));
        else if (*where->error)
                sq_declare_error(decl, "where", "%s", where->error);
        else
                declare_fields(decl, where);
        where_free(&where);
        passing_declare(decl);
}

static int
prepare(struct sq_task *task)
{
        struct filter *self = sq_state(task);

        self->where = where_read(self->condition);
        if (!self->where)
                return sq_error(task, "%s", strerror(ENOMEM));
        return *self->where->error ? sq_error(task, "where: %s", self->where->error) : 0;
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        const struct filter *self = sq_state(task);

        if (where_holds(self->where, in))
                sq_emit_tuple(task, 0, in);
        return SQ_ACK;
}

static void
cleanup(struct sq_task *task)
{
        struct filter *self = sq_state(task);

        where_free(&self->where);
}

SQ_BOLT(filter) = {
        .about = "Passes on the tuples for which a condition holds.",
        .state = sizeof(struct filter),
        .options =
                {
                        {"where", SQ_OPTION_STR, SQI_MEMBER(struct filter, condition, const char *), NULL, true, NULL,
                         "FIELD OP VALUE, joined by and, or, not and brackets; OP: == != < <= > >= contains matches (a regular expression); "
                         "VALUE: a number, true, false, null or 'text'; `true` passes all"},
                },
        .declare = declare,
        .prepare = prepare,
        .execute = execute,
        .cleanup = cleanup,
};
