/* SPDX-License-Identifier: Apache-2.0 */
/* Back-off of a spout whose source is away: squall-connect.h says how it is used. */
#include <squall-kit.h>

static const uint64_t MS_FIRST = 50, MS_LAST = 5000;

void
sq_retry_away(struct sq_task *task, struct sq_retry *retry, const char *source, const char *why)
{
        if (retry->ms == 0)
                sq_log(task, SQ_WARN, "%s: %s (tried again with back-off)", source, why);
        retry->ms = retry->ms ? 2 * retry->ms : MS_FIRST;
        if (retry->ms > MS_LAST)
                retry->ms = MS_LAST;
        retry->due_ns = sq_now(task) + retry->ms * 1000000;
}

bool
sq_retry_due(struct sq_task *task, const struct sq_retry *retry)
{
        if (sq_now(task) >= retry->due_ns)
                return true;
        sq_wake_at(task, retry->due_ns);
        return false;
}

void
sq_retry_back(struct sq_task *task, struct sq_retry *retry, const char *source)
{
        if (retry->ms > 0)
                sq_log(task, SQ_INFO, "%s: is back", source);
        *retry = (struct sq_retry){0};
}
