/* SPDX-License-Identifier: Apache-2.0 */
/* The bolt `filter`: passes the tuples on for which a condition holds, unchanged. squall-kit.h says how it is
 * written. */
#include <squall-kit.h>

enum { WHERE }; /* the one expression of the set */

struct filter {
        const char *where;
        struct sq_exprs *exprs;
};

static void
declare(struct sq_declaration *decl)
{
        const struct filter *self = sq_declared_state(decl);
        struct sq_exprs *exprs = sq_exprs_declared(decl);

        if (!exprs)
                return;
        if (sq_exprs_add_condition(exprs, self->where) < 0)
                sq_declare_error(decl, "where", "%s", sq_exprs_error(exprs));
        sq_exprs_declare(exprs, decl);
        sq_exprs_free(&exprs);
        sq_declare_passing(decl);
}

static int
prepare(struct sq_task *task)
{
        struct filter *self = sq_state(task);

        self->exprs = sq_exprs_prepared(task);
        if (!self->exprs)
                return sq_error(task, "out of memory");
        return sq_exprs_add(self->exprs, self->where) < 0 ? sq_error(task, "where: %s", sq_exprs_error(self->exprs))
                                                          : 0;
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        const struct filter *self = sq_state(task);
        int holds;

        sq_exprs_begin(self->exprs, task, in);
        holds = sq_exprs_holds(self->exprs, WHERE);
        if (holds < 0)
                return sq_fail(task, "where: %s", sq_exprs_error(self->exprs));
        if (holds)
                sq_emit_tuple(task, 0, in);
        return SQ_ACK;
}

static void
cleanup(struct sq_task *task)
{
        struct filter *self = sq_state(task);

        sq_exprs_free(&self->exprs);
}

SQ_BOLT(filter) = {
        .about = "Passes on the tuples for which a condition holds.",
        .state = sizeof(struct filter),
        .options =
                {
                        SQ_REQ_STR(
                                struct filter, where,
                                "an expression that is true or false: fields and constants (42, true, null, 'text'), "
                                "== != < <= > >= contains matches in, and or not, arithmetic, functions (`squall eval --functions`); `true` passes "
                                "all"),
                },
        .declare = declare,
        .prepare = prepare,
        .execute = execute,
        .cleanup = cleanup,
};
