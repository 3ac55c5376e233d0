/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/beside.h"

#include <errno.h>
#include <fcntl.h>
#include <squall-kit.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int
sqi_kit_write_all(int fd, const void *bytes, size_t n)
{
        const char *at = bytes;

        while (n > 0) {
                ssize_t written = write(fd, at, n);

                if (written < 0 && errno != EINTR)
                        return -errno;
                at += written > 0 ? written : 0;
                n -= written > 0 ? (size_t)written : 0;
        }
        return 0;
}

static int
take_lock(int fd)
{
        while (flock(fd, LOCK_EX) < 0)
                if (errno != EINTR)
                        return -errno;
        return 0;
}

static bool
has_name(const char *name, int fd)
{
        struct stat named, opened;

        return stat(name, &named) == 0 && fstat(fd, &opened) == 0 && named.st_dev == opened.st_dev &&
               named.st_ino == opened.st_ino;
}

int
sqi_beside_name(const char *path, const char *ending, char ret[PATH_MAX])
{
        return snprintf(ret, PATH_MAX, "%s%s", path, ending) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

int
sqi_beside_open(const char *path, const char *ending)
{
        char name[PATH_MAX];
        int r = sqi_beside_name(path, ending, name), fd;

        while (r == 0) {
                fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
                if (fd < 0)
                        return -errno;
                r = take_lock(fd);
                if (r == 0 && has_name(name, fd))
                        return fd;
                close(fd);
        }
        return r;
}

static int
fill(int fd, const void *bytes, size_t n, const char *new, const char *name)
{
        int r = take_lock(fd);

        if (r == 0)
                r = sqi_kit_write_all(fd, bytes, n);
        return r == 0 && (fsync(fd) < 0 || rename(new, name) < 0) ? -errno : r;
}

int
sqi_beside_replace(const char *path, const char *ending, int *fd, const void *bytes, size_t n)
{
        char name[PATH_MAX], new[PATH_MAX];
        int r = sqi_beside_name(path, ending, name), fresh;

        if (r == 0)
                r = sqi_beside_name(name, ".new", new);
        if (r < 0)
                return r;
        fresh = open(new, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (fresh < 0)
                return -errno;
        r = fill(fresh, bytes, n, new, name);
        close(r == 0 ? *fd : fresh);
        *fd = r == 0 ? fresh : *fd;
        return r;
}
