/* SPDX-License-Identifier: Apache-2.0 */
/* The bolt `null`: takes every tuple and emits nothing. */
#include <squall.h>

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        (void)task;
        (void)in;
        return SQ_ACK;
}

/* It gives nothing out. */
static int
commit(struct sq_task *task, uint64_t epoch)
{
        (void)task;
        (void)epoch;
        return 0;
}

SQ_BOLT(null) = {
        .about = "Takes every tuple and emits nothing.",
        .execute = execute,
        .commit = commit,
};
