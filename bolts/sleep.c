/* SPDX-License-Identifier: Apache-2.0 */
/* The bolt `sleep`: takes its time over every tuple, then passes it on. The slow consumer of tests. */
#include <squall-kit.h>

#include <errno.h>
#include <time.h>

struct nap {
        double ms, us;
};

static void
declare(struct sq_declaration *decl)
{
        const struct nap *self = sq_declared_state(decl);

        if (!(self->ms >= 0 && self->us >= 0))
                sq_declare_error(decl, self->ms >= 0 ? "us" : "ms", "must not be negative");
        sq_declare_passing(decl);
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        const struct nap *self = sq_state(task);
        uint64_t ns = (uint64_t)(self->ms * 1e6 + self->us * 1e3);
        struct timespec left = {.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};

        while (ns > 0 && nanosleep(&left, &left) < 0 && errno == EINTR)
                ;
        sq_emit_tuple(task, 0, in);
        return SQ_ACK;
}

SQ_BOLT(sleep) = {
        .about = "Sleeps over every tuple, then passes it on.",
        .state = sizeof(struct nap),
        .options =
                {
                        SQ_OPT_FLOAT(struct nap, ms, 0, "milliseconds a tuple"),
                        SQ_OPT_FLOAT(struct nap, us, 0, "microseconds a tuple, added to `ms`"),
                },
        .declare = declare,
        .execute = execute,
};
