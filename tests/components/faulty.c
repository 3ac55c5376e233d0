/* SPDX-License-Identifier: Apache-2.0 */
/* A bolt that passes numbered tuples on, and goes wrong where, how and as often as it is told to; or at certain tuples,
 * in every incarnation. */
#include <squall.h>
#include <time.h>

#include "fault.h"

enum { KEY, SEQ, CHECK, TURN };
enum { AGAIN = 1 };
enum place { IN_PREPARE, IN_EXECUTE, IN_TICK, IN_FLUSH, IN_FINISH, IN_CLEANUP };

struct faulty {
        struct fault fault;
        int64_t poison;       /* key whose tuples... */
        int64_t poison_every; /* ...of every so many sequence numbers are poison */
        int64_t poison_how, slow_task, turns;
        int64_t finish_fails, finishes;
        double slow_us;
};

static int
prepare(struct sq_task *task)
{
        return fault_call(task, &((struct faulty *)sq_state(task))->fault, IN_PREPARE);
}

static bool
is_poison(const struct faulty *self, const struct sq_tuple *in)
{
        return sq_get_int(in, KEY) == self->poison &&
               sq_get_int(in, SEQ) % self->poison_every == self->poison_every - 1;
}

/* With `turns` it goes to the stream `again` as often, which leads back here and counts them in one field more. */
static enum sq_verdict
pass_on(struct sq_task *task, const struct faulty *self, const struct sq_tuple *in)
{
        int64_t turn = sq_tuple_size(in) > TURN ? sq_tuple_get(in, TURN).as.i : 0;

        if (turn < self->turns)
                sq_emit_on(task, AGAIN, sq_get(in, KEY), sq_get(in, SEQ), sq_get(in, CHECK), sq_int(turn + 1));
        else
                sq_emit(task, sq_get(in, KEY), sq_get(in, SEQ), sq_get(in, CHECK));
        return SQ_ACK;
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct faulty *self = sq_state(task);

        if (fault_call(task, &self->fault, IN_EXECUTE) < 0)
                return sq_fail(task, "told to fail");
        if (self->poison >= 0 && is_poison(self, in)) {
                struct fault now = {.how = self->poison_how, .times = INT64_MAX};
                if (fault_call(task, &now, 0) < 0)
                        return sq_fail(task, "poison: key %lld, seq %lld", (long long)sq_get_int(in, KEY),
                                       (long long)sq_get_int(in, SEQ));
        }
        if (self->slow_us > 0 && (self->slow_task < 0 || self->slow_task == (int64_t)sq_index(task)))
                nanosleep(&(struct timespec){.tv_nsec = (long)(self->slow_us * 1e3)}, NULL);
        return pass_on(task, self, in);
}

static int
tick(struct sq_task *task)
{
        return fault_call(task, &((struct faulty *)sq_state(task))->fault, IN_TICK);
}

static int
flush(struct sq_task *task)
{
        return fault_call(task, &((struct faulty *)sq_state(task))->fault, IN_FLUSH);
}

static int
finish(struct sq_task *task)
{
        struct faulty *self = sq_state(task);

        if (self->finishes++ < self->finish_fails)
                return sq_error(task, "told to fail in finish");
        return fault_call(task, &self->fault, IN_FINISH);
}

static void
cleanup(struct sq_task *task)
{
        (void)fault_call(task, &((struct faulty *)sq_state(task))->fault, IN_CLEANUP);
}

SQ_BOLT(faulty) = {
        .about = "Passes numbered tuples on and goes wrong on demand.",
        .state = sizeof(struct faulty),
        .options =
                {
                        FAULT_OPTIONS(struct faulty, "prepare|execute|tick|flush|finish|cleanup", "execute"),
                        SQ_OPT_INT(struct faulty, poison, -1, "key that holds poison"),
                        SQ_OPT_INT(struct faulty, poison_every, 1, "one of so many of its tuples is poison"),
                        SQ_OPT_ENUM(struct faulty, poison_how, FAULT_HOWS, "fail", "what poison does"),
                        SQ_OPT_INT(struct faulty, turns, 0, "times a tuple goes round by the stream `again`"),
                        SQ_OPT_INT(struct faulty, finish_fails, 0, "times that finish fails before it goes well"),
                        SQ_OPT_INT(struct faulty, slow_task, -1, "the only task that is slow; -1: all"),
                        SQ_OPT_FLOAT(struct faulty, slow_us, 0, "microseconds of sleep a tuple"),
                },
        .in = {{"key", SQ_INT}, {"seq", SQ_INT}, {"check", SQ_INT}},
        .out = {{"key", SQ_INT}, {"seq", SQ_INT}, {"check", SQ_INT}},
        .streams = {{"again", {{"key", SQ_INT}, {"seq", SQ_INT}, {"check", SQ_INT}, {"turn", SQ_INT}}}},
        .prepare = prepare,
        .execute = execute,
        .tick = tick,
        .flush = flush,
        .finish = finish,
        .cleanup = cleanup,
};
