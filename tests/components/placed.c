/* SPDX-License-Identifier: Apache-2.0 */
/* Says where a number came: (n, component, task). With `direct: true` it sends each on to the task n of its readers,
 * modulo their number. */
#include <squall.h>

struct placed {
        bool direct;
};

enum { N };

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        const struct placed *self = sq_state(task);
        int64_t n = sq_get_int(in, N);

        if (self->direct)
                sq_emit_direct(task, 0, (unsigned)n, sq_int(n), sq_component(task), sq_int(sq_index(task)));
        else
                sq_emit(task, sq_int(n), sq_component(task), sq_int(sq_index(task)));
        return SQ_ACK;
}

SQ_BOLT(placed) = {
        .about = "Which task of which component got the number.",
        .state = sizeof(struct placed),
        .options = {SQ_OPT_BOOL(struct placed, direct, false, "emit direct")},
        .in = {[N] = {"n", SQ_INT}},
        .out = {{"n", SQ_INT}, {"component", SQ_STR}, {"task", SQ_INT}},
        .execute = execute,
};
