/* SPDX-License-Identifier: Apache-2.0 */
/* A bolt that keeps the first numbered tuples for a while, passes them on in pairs that are anchored to both, and acks
 * by hand. */
#include <squall.h>

enum { KEY, SEQ, CHECK, KEPT = 4096 };

struct keeper {
        int64_t first;
        double hold;
        bool reset;
        int64_t seen;
        unsigned n; /* even: pairs */
        struct sq_kept *kept[KEPT];
        uint64_t since[KEPT];
};

static void
emit(struct sq_task *task, const struct sq_tuple *tuple)
{
        sq_emit(task, sq_get(tuple, KEY), sq_get(tuple, SEQ), sq_get(tuple, CHECK));
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct keeper *self = sq_state(task);

        if (self->seen++ < self->first && self->n < KEPT) {
                self->since[self->n] = sq_now(task);
                self->kept[self->n++] = sq_keep(task, in);
                return SQ_KEEP;
        }
        emit(task, in);
        return SQ_ACK;
}

static void
pass_pair(struct sq_task *task, struct sq_kept **pair)
{
        sq_anchor(task, pair[0]);
        sq_anchor(task, pair[1]);
        emit(task, sq_kept_tuple(pair[0]));
        emit(task, sq_kept_tuple(pair[1]));
        sq_ack_kept(task, &pair[0]);
        sq_ack_kept(task, &pair[1]);
        sq_unanchor(task);
}

static int
tick(struct sq_task *task)
{
        struct keeper *self = sq_state(task);

        for (unsigned i = 0; i + 1 < self->n; i += 2) {
                if (!self->kept[i])
                        continue;
                if (sq_now(task) >= self->since[i + 1] + (uint64_t)(self->hold * 1e9)) {
                        pass_pair(task, &self->kept[i]);
                } else if (self->reset) {
                        sq_reset_timeout(task, self->kept[i]);
                        sq_reset_timeout(task, self->kept[i + 1]);
                }
        }
        return 0;
}

SQ_BOLT(keeper) = {
        .about = "Keeps tuples and acks them late.",
        .state = sizeof(struct keeper),
        .options =
                {
                        SQ_OPT_INT(struct keeper, first, 1000, "tuples that are kept"),
                        SQ_OPT_FLOAT(struct keeper, hold, 1, "seconds"),
                        SQ_OPT_BOOL(struct keeper, reset, false, "start their timeout anew at each tick"),
                },
        .in = {{"key", SQ_INT}, {"seq", SQ_INT}, {"check", SQ_INT}},
        .out = {{"key", SQ_INT}, {"seq", SQ_INT}, {"check", SQ_INT}},
        .execute = execute,
        .tick = tick,
};
