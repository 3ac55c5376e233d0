/* SPDX-License-Identifier: Apache-2.0 */
/* The spout `pulse`: tuple k says when it was due, k / rate seconds after the first: an open loop for the bolt
 * `stopwatch`. */
#include <squall-kit.h>

enum { BURST = 256 };

struct pulse {
        int64_t count;
        double rate;

        struct sq_pace pace;
};

static void
emit(struct sq_task *task, const struct pulse *self, uint64_t k)
{
        sq_track(task, k);
        sq_emit(task, sq_int((int64_t)(self->pace.start + (uint64_t)((double)k * 1e9 / self->rate))));
}

static enum sq_next
next(struct sq_task *task)
{
        struct pulse *self = sq_state(task);
        uint64_t left = (uint64_t)self->count - self->pace.sent, room = sq_room(task),
                 most = left < BURST ? left : BURST, due;

        if (left == 0)
                return SQ_DONE;
        due = sq_pace_due(&self->pace, task, self->rate, room < most ? room : most);
        for (uint64_t i = 0; i < due; i++)
                emit(task, self, self->pace.sent + i);
        sq_pace_sent(&self->pace, due);
        return due ? SQ_MORE : SQ_IDLE;
}

static int
replay(struct sq_task *task, uint64_t position)
{
        emit(task, sq_state(task), position);
        return 0;
}

static int
seek(struct sq_task *task, uint64_t position)
{
        struct pulse *self = sq_state(task);

        self->pace.sent = position;
        return 0;
}

SQ_SPOUT(pulse) = {
        .about = "Tuples that say when they were due.",
        .state = sizeof(struct pulse),
        .options =
                {
                        SQ_OPT_FLOAT(struct pulse, rate, 1000, "tuples a second"),
                        SQ_OPT_INT(struct pulse, count, 1000, "number of tuples"),
                },
        .out = {{"due", SQ_INT}},
        .next = next,
        .replay = replay,
        .seek = seek,
};
