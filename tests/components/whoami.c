/* SPDX-License-Identifier: Apache-2.0 */
/* Says which task got a tuple: (n, index). With `direct: true` it sends each on to the task n modulo 3 of its
 * readers. With `slow: US` the first task takes so long for each. With `agreed: true` it says the index that all its
 * tasks agreed on. */
#include <squall.h>

#include <unistd.h>

struct whoami {
        bool direct, agreed;
        int64_t slow;
        unsigned index;
};

enum { N };

static int
prepare(struct sq_task *task)
{
        struct whoami *self = sq_state(task);

        self->index = sq_index(task);
        return self->agreed ? sq_agree(task, &self->index, sizeof(self->index)) : 0;
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        const struct whoami *self = sq_state(task);
        int64_t n = sq_get_int(in, N);

        if (self->slow > 0 && self->index == 0)
                (void)usleep((useconds_t)self->slow);
        if (self->direct) /* any index will do: it is taken modulo the tasks */
                sq_emit_direct(task, 0, (unsigned)(n % 3) + (n % 2 ? 3u * 1431655764 : 0), sq_int(n),
                               sq_int(self->index));
        else
                sq_emit(task, sq_int(n), sq_int(self->index));
        return SQ_ACK;
}

SQ_BOLT(whoami) = {
        .about = "Which task got the tuple.",
        .state = sizeof(struct whoami),
        .options = {SQ_OPT_BOOL(struct whoami, direct, false, "emit direct"),
                    SQ_OPT_INT(struct whoami, slow, 0, "us that the first task takes for a tuple"),
                    SQ_OPT_BOOL(struct whoami, agreed, false, "the index that all agreed on")},
        .in = {[N] = {"n", SQ_INT}},
        .out = {{"n", SQ_INT}, {"task", SQ_INT}},
        .prepare = prepare,
        .execute = execute,
};
