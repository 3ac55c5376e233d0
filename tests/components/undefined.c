/* SPDX-License-Identifier: Apache-2.0 */
/* A bolt that calls a function nobody has. */
#include <squall.h>

enum sq_verdict sq_nobody_has_it(struct sq_task *task);

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        (void)in;
        return sq_nobody_has_it(task);
}

SQ_BOLT(undefined) = {.about = "Calls what is not there.", .execute = execute};
