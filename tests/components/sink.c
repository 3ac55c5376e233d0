/* SPDX-License-Identifier: Apache-2.0 */
/* A bolt that takes anything and emits nothing. */
#include <squall.h>

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        (void)task;
        (void)in;
        return SQ_ACK;
}

SQ_BOLT(sink) = {.about = "Takes anything.", .execute = execute};
