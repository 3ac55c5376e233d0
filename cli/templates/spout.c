/* SPDX-License-Identifier: Apache-2.0 */
/* The spout `@component@`: the squares of 0, 1, 2, ... Its tasks share the numbers; what fails is emitted again. */
#include <squall.h>

/* Settings and state of one task. The runtime zeroes it and fills in the settings. */
struct squares {
        int64_t count;
        int64_t next;
};

/* The position of a tuple tree is its number: all that is needed to emit it again. */
static void
emit(struct sq_task *task, int64_t n)
{
        sq_emit(task, n, n * n);
}

static int
prepare(struct sq_task *task)
{
        struct squares *self = sq_state(task);

        self->next = sq_index(task);
        return self->count < 0 ? sq_error(task, "count: %lld is below zero", (long long)self->count) : 0;
}

static enum sq_next
next(struct sq_task *task)
{
        struct squares *self = sq_state(task);

        if (self->next >= self->count)
                return SQ_DONE;
        sq_track(task, (uint64_t)self->next); /* what is emitted from here on is tracked under this position */
        emit(task, self->next);
        self->next += sq_parallelism(task);
        return SQ_MORE;
}

/* The tuple tree failed or timed out. */
static int
replay(struct sq_task *task, uint64_t position)
{
        emit(task, (int64_t)position);
        return 0;
}

/* The worker was restarted: everything below `position` is done. */
static int
seek(struct sq_task *task, uint64_t position)
{
        struct squares *self = sq_state(task);

        while ((uint64_t)self->next < position)
                self->next += sq_parallelism(task);
        return 0;
}

SQ_SPOUT(@ident@) = {
        .about = "The squares of 0, 1, 2, ...",
        .state = sizeof(struct squares),
        .options = {SQ_OPT_INT(struct squares, count, 10, "how many")},
        .out = {{"n", SQ_INT}, {"square", SQ_INT}},
        .prepare = prepare,
        .next = next,
        .replay = replay,
        .seek = seek,
};
