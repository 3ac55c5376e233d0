/* SPDX-License-Identifier: Apache-2.0 */
#include "channel/load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

/* The size is the same for all workers of a plan, so it does not matter who is first. */
int
sqi_loads_open(const char *rundir, uint32_t ntasks, struct sqi_load **ret)
{
        char path[512];
        size_t size = ntasks * sizeof(struct sqi_load);
        void *loads = MAP_FAILED;
        int fd, r;

        snprintf(path, sizeof(path), "%s/load", rundir);
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        r = -posix_fallocate(fd, 0, (off_t)size); /* a hole on a full disk would be a SIGBUS */
        if (r == 0) {
                loads = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
                r = loads == MAP_FAILED ? -errno : 0;
        }
        close(fd);
        if (r == 0)
                *ret = loads;
        return r;
}

void
sqi_loads_close(struct sqi_load **loads, uint32_t ntasks)
{
        if (*loads)
                munmap(*loads, ntasks * sizeof(struct sqi_load));
        *loads = NULL;
}
