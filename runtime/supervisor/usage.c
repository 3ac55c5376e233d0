/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/usage.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The rest of /proc/PID/stat behind the name, which may hold anything; NULL: there is none. */
static const char *
read_stat(pid_t pid, char *buffer, size_t size)
{
        char path[64], *end;
        int fd;

        snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return NULL;
        ssize_t n = read(fd, buffer, size - 1);
        close(fd);
        if (n <= 0)
                return NULL;
        buffer[n] = '\0';
        end = strrchr(buffer, ')');
        return end ? end + 1 : NULL;
}

/* The fields are those of proc(5): 14 utime, 15 stime, 24 rss in pages. */
struct sqi_usage
sqi_usage_of(pid_t pid)
{
        unsigned long long utime = 0, stime = 0;
        struct sqi_usage usage = {0};
        char buffer[1024];
        long rss = 0;
        const char *rest = pid > 0 ? read_stat(pid, buffer, sizeof(buffer)) : NULL;

        if (rest &&
            sscanf(rest, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %*d %*d %*u %*u %ld",
                   &utime, &stime, &rss) == 3) {
                usage.cpu_seconds = (double)(utime + stime) / (double)sysconf(_SC_CLK_TCK);
                usage.rss = rss > 0 ? (uint64_t)rss * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
        }
        return usage;
}
