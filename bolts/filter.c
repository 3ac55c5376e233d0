/* SPDX-License-Identifier: Apache-2.0 */
/* The bolt `filter`: passes the tuples on for which a condition holds, unchanged, and the others as `rest` says:
 * filters one behind the other are rules, of which the first that holds counts. squall-expr.h says how a condition is
 * written. */
#include <squall-kit.h>

enum { WHERE };      /* the one expression of the set */
enum { PASS, REST }; /* streams */
enum { DROP, STREAM, DEAD_LETTER };

struct filter {
        const char *where;
        int64_t rest;
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
        if (self->rest == STREAM)
                sq_declare_passing_on(decl, REST);
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
        if (holds || self->rest == STREAM)
                sq_emit_tuple(task, holds ? PASS : REST, in);
        if (holds || self->rest != DEAD_LETTER)
                return SQ_ACK;
        return sq_refuse_tuple(task, in, "%s: `%s` does not hold", sq_component(task), self->where);
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
                        SQ_OPT_ENUM(
                                struct filter, rest, "drop|stream|dead-letter", "drop",
                                "tuples for which it does not hold: drop; stream: they go out on the stream `rest`; "
                                "dead-letter: to topology.dead.letter.path"),
                },
        .streams = {{.id = "rest"}},
        .declare = declare,
        .prepare = prepare,
        .execute = execute,
        .cleanup = cleanup,
};
