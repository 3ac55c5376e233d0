/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spout `timer`: a tuple every so often, with its number and the time it was due at. Ticks are due at multiples of
 * the interval since 1970, so two timers of one interval tick together. What was missed while nobody could take it is
 * made up for by one tick, and counted.
 */
#include <squall-kit.h>
#include <time.h>

struct timer {
        double interval;
        int64_t count;

        uint64_t number, due; /* due: which multiple of the interval */
};

static void
declare(struct sq_declaration *decl)
{
        const struct timer *self = sq_declared_state(decl);

        if (!(self->interval >= 0.001 && self->interval <= 1e9))
                sq_declare_error(decl, "interval", "must be from 0.001 to a thousand million seconds");
        if (self->count < 0)
                sq_declare_error(decl, "count", "must not be negative");
}

static uint64_t
ticks_by_now(const struct sq_task *task, const struct timer *self)
{
        struct sq_time now = sq_wall(task);

        return (uint64_t)(((double)now.sec + (double)now.nsec * 1e-9) / self->interval);
}

static void
sleep_until_due(struct sq_task *task, const struct timer *self)
{
        struct sq_time now = sq_wall(task);
        double left = (double)(self->due + 1) * self->interval - (double)now.sec - (double)now.nsec * 1e-9;

        sq_wake_at(task, sq_now(task) + (uint64_t)(left > 0 ? left * 1e9 : 0) + 1000);
}

static int
prepare(struct sq_task *task)
{
        struct timer *self = sq_state(task);

        self->due = ticks_by_now(task, self);
        return 0;
}

static enum sq_next
next(struct sq_task *task)
{
        struct timer *self = sq_state(task);
        uint64_t by_now = ticks_by_now(task, self);
        double at;

        if (sq_index(task) > 0 || (self->count > 0 && self->number >= (uint64_t)self->count))
                return SQ_DONE;
        if (by_now > self->due) {
                if (by_now - self->due > 1)
                        sq_count(task, "missed ticks", by_now - self->due - 1);
                self->due = by_now;
                at = (double)by_now * self->interval;
                sq_emit(task, self->number++,
                        ((struct sq_time){(int64_t)at, (uint32_t)((at - (double)(int64_t)at) * 1e9)}));
                return SQ_MORE;
        }
        sleep_until_due(task, self);
        return SQ_IDLE;
}

SQ_SPOUT(timer) = {
        .about = "A tuple every so often.",
        .state = sizeof(struct timer),
        .options =
                {
                        SQ_OPT_FLOAT(struct timer, interval, 1, "seconds between two ticks"),
                        SQ_OPT_INT(struct timer, count, 0, "ticks in all; 0: without end"),
                },
        .out = {{"n", SQ_INT}, {"time", SQ_TIME}},
        .declare = declare,
        .prepare = prepare,
        .next = next,
};
