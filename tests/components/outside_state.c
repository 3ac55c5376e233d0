/* SPDX-License-Identifier: Apache-2.0 */
/* A bolt whose setting lies outside its state. */
#include <squall.h>

struct outside_state {
        int64_t first, second;
};

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        (void)task;
        (void)in;
        return SQ_ACK;
}

SQ_BOLT(outside_state) = {
        .about = "Forgot half of its state.",
        .state = sizeof(int64_t),
        .options = {SQ_OPT_INT(struct outside_state, first, 1, "fits"),
                    SQ_OPT_INT(struct outside_state, second, 2, "does not")},
        .execute = execute,
};
