/* SPDX-License-Identifier: Apache-2.0 */
#include "lifecycle/backoff.h"

/* Between three and five quarters of `delay`, and never above the longest. */
static uint64_t
jitter(uint64_t delay, uint64_t random)
{
        uint64_t jittered = delay - delay / 4 + random % (delay / 2 + 1);

        return jittered < SQI_BACKOFF_MAX ? jittered : SQI_BACKOFF_MAX;
}

static uint64_t
delay_of(uint32_t streak)
{
        uint64_t delay = SQI_BACKOFF_MIN;

        if (streak == 1)
                return 0;
        for (uint32_t i = 2; i < streak && delay < SQI_BACKOFF_MAX; i++)
                delay *= 2;
        return delay < SQI_BACKOFF_MAX ? delay : SQI_BACKOFF_MAX;
}

/* A ledger waits as long before it sends a tuple again that has killed a worker: to have lived until then is nothing.
 */
static bool
was_well(const struct sqi_backoff *backoff, uint64_t lived, bool worked)
{
        enum { FAR_LONGER = 16 };

        return worked || (lived >= SQI_SECOND && lived >= FAR_LONGER * backoff->delay);
}

uint64_t
sqi_backoff_died(struct sqi_backoff *backoff, uint64_t lived, bool worked, uint64_t random)
{
        if (lived >= SQI_HEALTHY)
                *backoff = (struct sqi_backoff){0};
        else if (was_well(backoff, lived, worked))
                backoff->streak /= 2;
        backoff->streak++;
        backoff->crashes++;
        backoff->delay = delay_of(backoff->streak);
        return jitter(backoff->delay, random);
}
