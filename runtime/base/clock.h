/* SPDX-License-Identifier: Apache-2.0 */
/* The clock that durations are measured by: it never jumps, whatever is done to the time of day. */
#ifndef SQI_CLOCK_H
#define SQI_CLOCK_H

#include <stdint.h>
#include <time.h>

#define SQI_SECOND UINT64_C(1000000000)

/* CLOCK_MONOTONIC, in ns. */
static inline uint64_t
sqi_clock_ns(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * SQI_SECOND + (uint64_t)now.tv_nsec;
}

/* Of two times. */
static inline uint64_t
sqi_earlier(uint64_t a, uint64_t b)
{
        return a < b ? a : b;
}

#endif
