/* SPDX-License-Identifier: Apache-2.0 */
/* A bolt that takes a rest after its first tuple, for a second, and is woken then. With `file` a pipe wakes it; with
 * `each` it rests after each tuple, for a moment, and says nothing of it. */
#include <squall.h>
#include <unistd.h>

struct pausing {
        bool file, each;
        int ends[2];
        bool rested;
};

static int
prepare(struct sq_task *task)
{
        struct pausing *self = sq_state(task);

        self->ends[0] = self->ends[1] = -1;
        if (self->file && pipe(self->ends) < 0)
                return sq_error(task, "no pipe");
        return 0;
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct pausing *self = sq_state(task);

        sq_emit_tuple(task, 0, in);
        if (self->rested)
                return SQ_ACK;
        self->rested = !self->each;
        sq_pause(task, true);
        if (self->file) {
                sq_wake_on(task, self->ends[0]);
                (void)!write(self->ends[1], "", 1);
        } else
                sq_wake_at(task, sq_now(task) + (self->each ? 1000000 : 1000000000));
        return SQ_ACK;
}

static int
wake(struct sq_task *task)
{
        struct pausing *self = sq_state(task);
        char byte;

        if (self->file && read(self->ends[0], &byte, 1) != 1)
                return sq_error(task, "woken without a reason");
        if (!self->each)
                sq_emit(task, -1);
        sq_pause(task, false);
        return 0;
}

static void
cleanup(struct sq_task *task)
{
        struct pausing *self = sq_state(task);

        for (int i = 0; i < 2; i++)
                if (self->ends[i] >= 0)
                        close(self->ends[i]);
}

SQ_BOLT(pausing) = {
        .about = "Takes a rest after its first tuple.",
        .state = sizeof(struct pausing),
        .options = {SQ_OPT_BOOL(struct pausing, file, false, "woken by a file, and not by the time"),
                    SQ_OPT_BOOL(struct pausing, each, false, "after each tuple")},
        .in = {{"n", SQ_INT}},
        .out = {{"n", SQ_INT}},
        .prepare = prepare,
        .execute = execute,
        .cleanup = cleanup,
        .wake = wake,
};
