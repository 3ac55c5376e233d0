/* SPDX-License-Identifier: Apache-2.0 */
/* A bolt that reads the field `n`. */
#include <squall.h>

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        (void)task;
        (void)in;
        return SQ_ACK;
}

SQ_BOLT(measure) = {
        .about = "Takes `n`.",
        .in = {{"n", SQ_FLOAT}},
        .out = {{"mean", SQ_FLOAT}},
        .execute = execute,
};
