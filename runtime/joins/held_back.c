/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a join emits is behind the watermark by as long as it has waited with it:
 *
 *     windows     the lateness, for a window ends so much later
 *     interval    the lateness; a row without a partner besides as long as one could have come
 *     table       as long as a row waits for that of its key
 */
#include "joins/join.h"

/* How long a row of that side waits for a partner, by an interval. */
static int64_t
patience(const struct sqi_join *join, unsigned side)
{
        int64_t last = side == 0 ? join->plan.high : -join->plan.low;

        return last > 0 ? last : 0;
}

/* Does a row without a partner go out with nulls? */
static bool
goes_out(const struct sqi_join *join, unsigned side)
{
        return join->settings->type == SQI_FULL || (join->settings->type == SQI_LEFT && side == join->left);
}

static int64_t
longest(const struct sqi_join *join, bool out)
{
        int64_t ns = 0;

        for (unsigned side = 0; side < 2; side++)
                if (goes_out(join, side) == out && patience(join, side) > ns)
                        ns = patience(join, side);
        return ns;
}

void
sqi_join_hold_back(const struct sqi_join *join)
{
        int64_t joined = join->plan.lateness, unmatched = joined;

        if (!join->event_time)
                return;
        if (join->plan.by == SQI_BY_INTERVAL) {
                joined = sqi_plus(joined, longest(join, true));
                unmatched = sqi_plus(unmatched, longest(join, false));
        } else if (join->plan.by == SQI_BY_TABLE) {
                joined = unmatched = join->plan.wait;
        }
        sq_hold_back_watermark(join->task, SQI_JOINED, joined);
        sq_hold_back_watermark(join->task, SQI_UNMATCHED, unmatched);
}
