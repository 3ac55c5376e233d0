/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that a run of a topology begins anew (squall-kit.h has the contract).
 *
 * PATH.runs has a line for each run that has begun the file. Under its lock:
 *
 *     1  is this run in it? Then the file may have lines of it, and stays
 *     2  the file is emptied                                        synced
 *     3  the run gets its line                                      synced
 *
 * Before 3 nobody of this run has written: who dies there has lost nothing, and the other tasks wait for the lock. Runs
 * stay in it, for a task of an earlier one may be restarted when a later one has begun the file.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <squall-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ID_MOST = 1024 };

static int
open_runs(const char *path)
{
        char name[PATH_MAX];
        int fd;

        if (snprintf(name, sizeof(name), "%s.runs", path) >= (int)sizeof(name))
                return -ENAMETOOLONG;
        fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (fd < 0)
                return -errno;
        while (flock(fd, LOCK_EX) < 0)
                if (errno != EINTR) {
                        int r = -errno;

                        close(fd);
                        return r;
                }
        return fd;
}

/* *ret_end: behind the last whole line; what is there was torn by a kill. */
static bool
find(const char *bytes, size_t n, const char *run, off_t *ret_end)
{
        size_t len = strlen(run), at = 0;

        for (const char *end; (end = memchr(bytes + at, '\n', n - at)); at = (size_t)(end - bytes) + 1)
                if ((size_t)(end - bytes) - at == len && memcmp(bytes + at, run, len) == 0)
                        return true;
        *ret_end = (off_t)at;
        return false;
}

/* 1: it is there; 0; or a negative errno. */
static int
has_run(int runs, const char *run, off_t *ret_end)
{
        struct stat about;
        char *bytes;
        ssize_t n;
        int r;

        if (fstat(runs, &about) < 0)
                return -errno;
        bytes = malloc((size_t)about.st_size + 1);
        n = bytes ? pread(runs, bytes, (size_t)about.st_size, 0) : -1;
        r = !bytes ? -ENOMEM : n < 0 ? -errno : n < about.st_size ? -EIO : 0;
        if (r == 0)
                r = find(bytes, (size_t)n, run, ret_end);
        free(bytes);
        return r;
}

static int
add_run(int runs, const char *path, const char *run, off_t end)
{
        char line[ID_MOST];
        int len = snprintf(line, sizeof(line), "%s\n", run);
        ssize_t n;

        if (len >= (int)sizeof(line))
                return -ENAMETOOLONG;
        if (ftruncate(runs, end) < 0 || (n = pwrite(runs, line, (size_t)len, end)) < 0)
                return -errno;
        if (n < len)
                return -ENOSPC;
        return fsync(runs) < 0 ? -errno : sq_sync_above(path);
}

static int
begin_run(const char *path, int fd, const char *run)
{
        int runs = open_runs(path), r;
        off_t end = 0;

        if (runs < 0)
                return runs;
        r = has_run(runs, run, &end);
        if (r == 0) {
                r = ftruncate(fd, 0) < 0 || fsync(fd) < 0 ? -errno : add_run(runs, path, run, end);
                r = r == 0 ? 1 : r;
        } else if (r == 1) {
                r = 0;
        }
        close(runs);
        return r;
}

bool
sq_begins(const struct sq_task *task)
{
        if (sq_index(task) > 0)
                return false;
        return sq_exactly_once(task) ? !sq_restores(task) : sq_run_id(task) || sq_incarnation(task) == 0;
}

int
sq_begin_anew(const struct sq_task *task, const char *path, int fd)
{
        const char *run = sq_run_id(task);

        if (run)
                return run[0] ? begin_run(path, fd, run) : 0;
        if (!sq_begins(task))
                return 0;
        return ftruncate(fd, 0) < 0 ? -errno : 1;
}
