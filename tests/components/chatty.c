/* SPDX-License-Identifier: Apache-2.0 */
/* A bolt that logs each tuple, at every level. */
#include <squall.h>

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        (void)in;
        sq_log(task, SQ_DEBUG, "said at debug");
        sq_log(task, SQ_INFO, "said at info");
        sq_log(task, SQ_WARN, "said at warning");
        return SQ_ACK;
}

SQ_BOLT(chatty) = {
        .about = "Logs each tuple at every level.",
        .execute = execute,
};
