/* SPDX-License-Identifier: Apache-2.0 */
/* Says which task got a tuple: (n, index). With `direct: true` it sends each on to the task n modulo 3 of its
 * readers. */
#include <squall.h>

struct whoami {
        bool direct;
};

enum { N };

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        const struct whoami *self = sq_state(task);
        int64_t n = sq_get_int(in, N);

        if (self->direct)
                sq_emit_direct(task, 0, (unsigned)(n % 3), sq_int(n), sq_int(sq_index(task)));
        else
                sq_emit(task, sq_int(n), sq_int(sq_index(task)));
        return SQ_ACK;
}

SQ_BOLT(whoami) = {
        .about = "Which task got the tuple.",
        .state = sizeof(struct whoami),
        .options = {SQ_OPT_BOOL(struct whoami, direct, false, "emit direct")},
        .in = {[N] = {"n", SQ_INT}},
        .out = {{"n", SQ_INT}, {"task", SQ_INT}},
        .execute = execute,
};
