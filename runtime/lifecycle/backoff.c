/* SPDX-License-Identifier: Apache-2.0 */
#include "lifecycle/backoff.h"

/* Between three and five quarters of `delay`, and never above the longest. */
static uint64_t
jitter(uint64_t delay, uint64_t random)
{
        uint64_t jittered = delay - delay / 4 + random % (delay / 2 + 1);

        return jittered < SQI_BACKOFF_MAX ? jittered : SQI_BACKOFF_MAX;
}

uint64_t
sqi_backoff_died(struct sqi_backoff *backoff, uint64_t lived, bool worked, uint64_t random)
{
        uint64_t delay = SQI_BACKOFF_MIN;

        if (lived >= SQI_HEALTHY)
                *backoff = (struct sqi_backoff){0};
        else if (worked || lived >= SQI_SECOND)
                backoff->streak /= 2;
        backoff->streak++;
        backoff->crashes++;
        if (backoff->streak == 1)
                return 0;
        for (uint32_t i = 2; i < backoff->streak && delay < SQI_BACKOFF_MAX; i++)
                delay *= 2;
        return jitter(delay < SQI_BACKOFF_MAX ? delay : SQI_BACKOFF_MAX, random);
}
