/* SPDX-License-Identifier: Apache-2.0 */
/* The bolt `identity`: passes every tuple on unchanged. What a hop costs, and nothing else. */
#include <squall-kit.h>

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        sq_emit_tuple(task, 0, in);
        return SQ_ACK;
}

SQ_BOLT(identity) = {
        .about = "Passes every tuple on unchanged.",
        .declare = sq_declare_passing,
        .execute = execute,
};
