/* SPDX-License-Identifier: Apache-2.0 */
#include "base/real_time.h"

#include <time.h>

#include "base/clock.h"

uint64_t
sqi_real_now(void *context)
{
        (void)context;
        return sqi_clock_ns();
}

struct sq_time
sqi_real_wall(void *context)
{
        struct timespec time;

        (void)context;
        clock_gettime(CLOCK_REALTIME, &time);
        return (struct sq_time){time.tv_sec, (uint32_t)time.tv_nsec};
}
