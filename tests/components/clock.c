/* SPDX-License-Identifier: Apache-2.0 */
/* To be preloaded: the time of day is off by as many seconds as stand in the file that SQUALL_CLOCK names. The
 * monotonic clock is not. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "squall.h"

static long
off_by(void)
{
        const char *path = getenv("SQUALL_CLOCK");
        FILE *file = path ? fopen(path, "re") : NULL;
        char text[32] = "";

        if (file) {
                if (!fgets(text, sizeof(text), file))
                        text[0] = '\0';
                fclose(file);
        }
        return strtol(text, NULL, 10);
}

SQ_EXPORT int
clock_gettime(clockid_t clock, struct timespec *ret)
{
        long r = syscall(SYS_clock_gettime, clock, ret);

        if (r == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
                ret->tv_sec += off_by();
        return (int)r;
}

SQ_EXPORT int
gettimeofday(struct timeval *restrict ret, void *restrict zone)
{
        struct timespec now;

        (void)zone;
        clock_gettime(CLOCK_REALTIME, &now);
        *ret = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
        return 0;
}

SQ_EXPORT time_t
time(time_t *ret)
{
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        if (ret)
                *ret = now.tv_sec;
        return now.tv_sec;
}
