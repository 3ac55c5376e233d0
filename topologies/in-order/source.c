/* SPDX-License-Identifier: Apache-2.0 */
/* Each task counts for itself: (its number among them, 0), (its number, 1), ... */
#include <squall.h>

struct source {
        int64_t count, next;
};

static enum sq_next
next(struct sq_task *task)
{
        struct source *self = sq_state(task);

        if (self->next >= self->count)
                return SQ_DONE;
        sq_track(task, (uint64_t)self->next);
        sq_emit(task, sq_index(task), self->next++);
        return SQ_MORE;
}

static int
replay(struct sq_task *task, uint64_t position)
{
        sq_emit(task, sq_index(task), (int64_t)position);
        return 0;
}

static int
seek(struct sq_task *task, uint64_t position)
{
        struct source *self = sq_state(task);

        self->next = (int64_t)position;
        return 0;
}

SQ_SPOUT(source) = {
        .about = "Each task counts for itself.",
        .state = sizeof(struct source),
        .options = {SQ_OPT_INT(struct source, count, 10000, "numbers of each task")},
        .out = {{"source", SQ_INT}, {"n", SQ_INT}},
        .next = next,
        .replay = replay,
        .seek = seek,
};
