/* SPDX-License-Identifier: Apache-2.0 */
/* What outlasts a loss of power. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <squall-kit.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int
sq_sync_above(const char *path)
{
        size_t n = strlen(path);
        char folder[PATH_MAX];
        int fd, r;

        while (n > 1 && path[n - 1] == '/')
                n--;
        while (n > 0 && path[n - 1] != '/')
                n--;
        if (n >= sizeof(folder))
                return -ENAMETOOLONG;
        snprintf(folder, sizeof(folder), "%.*s", n > 0 ? (int)n : 1, n > 0 ? path : ".");
        fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return errno == EACCES ? 0 : -errno;
        r = fsync(fd) < 0 ? -errno : 0;
        close(fd);
        return r;
}
