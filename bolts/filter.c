/* SPDX-License-Identifier: Apache-2.0 */
/* The bolt `filter`: passes the tuples on for which a condition holds, unchanged. squall-kit.h says how a condition is
 * written. */
#include <squall-kit.h>

struct filter {
        const char *where;
        struct sq_condition *condition;
};

static void
declare(struct sq_declaration *decl)
{
        const struct filter *self = sq_declared_state(decl);
        struct sq_condition *condition = sq_condition_read(self->where);
        const char *wrong = sq_condition_error(condition);

        if (wrong)
                sq_declare_error(decl, "where", "%s", wrong);
        else
                sq_condition_declare(condition, decl, "where");
        sq_condition_free(&condition);
        sq_declare_passing(decl);
}

static int
prepare(struct sq_task *task)
{
        struct filter *self = sq_state(task);
        const char *wrong;

        self->condition = sq_condition_read(self->where);
        wrong = sq_condition_error(self->condition);
        return wrong ? sq_error(task, "where: %s", wrong) : 0;
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        const struct filter *self = sq_state(task);

        if (sq_condition_holds(self->condition, in))
                sq_emit_tuple(task, 0, in);
        return SQ_ACK;
}

static void
cleanup(struct sq_task *task)
{
        struct filter *self = sq_state(task);

        sq_condition_free(&self->condition);
}

SQ_BOLT(filter) = {
        .about = "Passes on the tuples for which a condition holds.",
        .state = sizeof(struct filter),
        .options =
                {
                        SQ_REQ_STR(
                                struct filter, where,
                                "FIELD OP VALUE, joined by and, or, not and brackets; OP: == != < <= > >= contains matches (a regular expression); "
                                "VALUE: a number, true, false, null or 'text'; `true` passes all"),
                },
        .declare = declare,
        .prepare = prepare,
        .execute = execute,
        .cleanup = cleanup,
};
