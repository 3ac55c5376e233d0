/* SPDX-License-Identifier: Apache-2.0 */
/* A bolt that reads the field `word`. */
#include <squall.h>

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        (void)task;
        (void)in;
        return SQ_ACK;
}

SQ_BOLT(taker) = {
        .about = "Takes `word`.",
        .in = {{"word", SQ_STR}},
        .out = {{"word", SQ_STR}},
        .execute = execute,
};
