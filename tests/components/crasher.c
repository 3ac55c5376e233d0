/* SPDX-License-Identifier: Apache-2.0 */
/* A bolt that goes wrong where and how it is told to; `once` only in its first incarnation. */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <squall.h>

enum how { CRASH, EXIT, FAIL, HANG };

struct crasher {
        int64_t in, how, at, seen;
        bool once;
};

static int
go_wrong(struct sq_task *task, const char *where)
{
        const struct crasher *self = sq_state(task);

        if (self->once && sq_incarnation(task) > 0)
                return 0;
        sq_log(task, SQ_WARN, "going wrong in %s", where);
        switch ((enum how)self->how) {
        case CRASH:
                (void)signal(SIGSEGV, SIG_DFL); /* past a sanitizer's handler */
                raise(SIGSEGV);
                break;
        case EXIT:
                exit(7);
        case FAIL:
                return sq_error(task, "told to fail in %s", where);
        case HANG:
                for (;;)
                        pause();
        }
        return 0;
}

static int
prepare(struct sq_task *task)
{
        const struct crasher *self = sq_state(task);

        return self->in == 0 ? go_wrong(task, "prepare") : 0;
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct crasher *self = sq_state(task);

        if (self->in == 1 && self->seen++ == self->at && go_wrong(task, "execute") < 0)
                return SQ_FAIL;
        sq_emit_tuple(task, 0, in);
        return SQ_ACK;
}

static int
finish(struct sq_task *task)
{
        const struct crasher *self = sq_state(task);

        return self->in == 2 ? go_wrong(task, "finish") : 0;
}

static void
cleanup(struct sq_task *task)
{
        const struct crasher *self = sq_state(task);

        if (self->in == 3)
                (void)go_wrong(task, "cleanup");
}

SQ_BOLT(crasher) = {
        .about = "Goes wrong on demand.",
        .state = sizeof(struct crasher),
        .options =
                {
                        SQ_OPT_ENUM(struct crasher, in, "prepare|execute|finish|cleanup", "execute", "the callback"),
                        SQ_OPT_ENUM(struct crasher, how, "crash|exit|fail|hang", "crash", "what happens"),
                        SQ_OPT_INT(struct crasher, at, 0, "tuples before it, in execute"),
                        SQ_OPT_BOOL(struct crasher, once, false, "only in the first incarnation"),
                },
        .in = {{"n", SQ_ANY}},
        .out = {{"n", SQ_ANY}},
        .prepare = prepare,
        .execute = execute,
        .finish = finish,
        .cleanup = cleanup,
};
