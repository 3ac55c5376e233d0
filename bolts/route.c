/* SPDX-License-Identifier: Apache-2.0 */
/* The bolt `route`: a stream for each rule, on which the tuples go out, unchanged, for which the rule is the first
 * that holds, or any that holds. squall-expr.h says how a condition is written. */
#include <squall-kit.h>
#include <string.h>

enum { FIRST, EVERY };
enum { DEFAULT, DROP, DEAD_LETTER };

struct route {
        struct sq_pairs routes;
        int64_t take, rest;
        struct sq_exprs *exprs; /* of each route, in order: that of stream i + 1 */
};

static void
declare_streams(const struct route *self, struct sq_declaration *decl)
{
        if (self->rest == DEFAULT)
                sq_declare_passing(decl);
        if (self->routes.n > SQ_DECLARED_STREAMS_MAX)
                sq_declare_error(decl, "routes", "%zu routes, and there may be %u: the rest may go to another `route`",
                                 self->routes.n, SQ_DECLARED_STREAMS_MAX);
        for (size_t i = 0; i < self->routes.n && i < SQ_DECLARED_STREAMS_MAX; i++) {
                if (strcmp(self->routes.names[i], "default") == 0)
                        sq_declare_error(decl, "routes", "the stream `default` is for what no route takes (`rest`)");
                sq_declare_passing_on(decl, sq_declare_stream(decl, self->routes.names[i]));
        }
}

static void
declare(struct sq_declaration *decl)
{
        const struct route *self = sq_declared_state(decl);
        struct sq_exprs *exprs = sq_exprs_declared(decl);

        if (!exprs)
                return;
        for (size_t i = 0; i < self->routes.n; i++)
                if (sq_exprs_add_condition(exprs, self->routes.values[i]) < 0)
                        sq_declare_error(decl, "routes", "%s: %s", self->routes.names[i], sq_exprs_error(exprs));
        sq_exprs_declare(exprs, decl);
        sq_exprs_free(&exprs);
        declare_streams(self, decl);
}

static int
prepare(struct sq_task *task)
{
        struct route *self = sq_state(task);

        self->exprs = sq_exprs_prepared(task);
        if (!self->exprs)
                return sq_error(task, "out of memory");
        for (size_t i = 0; i < self->routes.n; i++)
                if (sq_exprs_add_condition(self->exprs, self->routes.values[i]) < 0)
                        return sq_error(task, "routes: %s", sq_exprs_error(self->exprs));
        return 0;
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        const struct route *self = sq_state(task);
        bool taken = false;
        int holds;

        sq_exprs_begin(self->exprs, task, in);
        for (unsigned i = 0; i < self->routes.n && !(taken && self->take == FIRST); i++) {
                holds = sq_exprs_holds(self->exprs, (int)i);
                if (holds < 0)
                        return sq_fail(task, "%s: %s", self->routes.names[i], sq_exprs_error(self->exprs));
                if (holds)
                        sq_emit_tuple(task, i + 1, in);
                taken |= holds > 0;
        }
        if (!taken && self->rest == DEFAULT)
                sq_emit_tuple(task, 0, in);
        return taken || self->rest != DEAD_LETTER
                       ? SQ_ACK
                       : sq_refuse_tuple(task, in, "%s: no route takes it", sq_component(task));
}

static void
cleanup(struct sq_task *task)
{
        struct route *self = sq_state(task);

        sq_exprs_free(&self->exprs);
}

SQ_BOLT(route) = {
        .about = "A stream for each condition, for the tuples for which it holds.",
        .state = sizeof(struct route),
        .options =
                {
                        SQ_REQ_MAP(struct route, routes,
                                   "STREAM: CONDITION, at most 64: an expression that is true or false, as `where` of "
                                   "`filter`; an edge names its stream by `streamId`"),
                        SQ_OPT_ENUM(struct route, take, "first|every", "first",
                                    "which routes take a tuple: the first whose condition holds, or every one"),
                        SQ_OPT_ENUM(struct route, rest, "default|drop|dead-letter", "default",
                                    "tuples that no route takes: default: they go out on the stream `default`; drop; "
                                    "dead-letter: to topology.dead.letter.path"),
                },
        .declare = declare,
        .prepare = prepare,
        .execute = execute,
        .cleanup = cleanup,
};
