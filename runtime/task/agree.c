/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tasks of a component agree on: a file of the run directory, which whoever comes first links there whole, and
 * which is gone with the directory. A kill leaves no half of it: it has its name when it is written.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "task/task.h"

enum { PATH_SIZE = 256 };

static int
write_whole(const char *path, const void *bytes, size_t len)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600), r = 0;
        ssize_t n;

        if (fd < 0)
                return -errno;
        n = write(fd, bytes, len);
        if (n != (ssize_t)len)
                r = n < 0 ? -errno : -ENOSPC;
        if (close(fd) < 0 && r == 0)
                r = -errno;
        return r;
}

static int
read_whole(const char *path, void *bytes, size_t len)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), r = 0;

        if (fd < 0)
                return -errno;
        if (read(fd, bytes, len) != (ssize_t)len)
                r = -EBADMSG;
        close(fd);
        return r;
}

static int
agree(const struct sq_task *task, void *bytes, size_t len)
{
        char agreed[PATH_SIZE], mine[PATH_SIZE];
        int r;

        snprintf(agreed, sizeof(agreed), "%s/agreed-%td", task->rundir, task->component - task->plan->components);
        snprintf(mine, sizeof(mine), "%s/agreed.%u", task->rundir, task->id);
        r = read_whole(agreed, bytes, len);
        if (r != -ENOENT)
                return r;
        r = write_whole(mine, bytes, len);
        if (r == 0 && link(mine, agreed) < 0)
                r = errno == EEXIST ? read_whole(agreed, bytes, len) : -errno;
        unlink(mine);
        return r;
}

int
sq_agree(struct sq_task *task, void *bytes, size_t len)
{
        const struct sqi_driver *driver = task->driver;
        int r = 0;

        if (driver && driver->agree)
                r = driver->agree(driver->context, task, bytes, len);
        else if (task->rundir[0])
                r = agree(task, bytes, len);
        return r < 0 ? sq_error(task, "cannot agree with the other tasks, in %s: %s",
                                task->rundir[0] ? task->rundir : "memory", strerror(-r))
                     : 0;
}
