/* SPDX-License-Identifier: Apache-2.0 */
#include "control/lease.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 512 };

static int
open_lease(const char *rundir, uint32_t worker, int flags)
{
        char path[PATH_SIZE];
        int n = snprintf(path, sizeof(path), "%s/w%u", rundir, worker), fd;

        if (n < 0 || n >= PATH_SIZE)
                return -ENAMETOOLONG;
        fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
        return fd < 0 ? -errno : fd;
}

int
sqi_lease_take(const char *rundir, uint32_t worker, uint32_t incarnation)
{
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = incarnation, .l_len = 0};
        int fd = open_lease(rundir, worker, O_RDWR | O_CREAT), r = 0;

        if (fd < 0)
                return fd;
        while (fcntl(fd, F_SETLKW, &lock) < 0 && r == 0)
                r = errno == EINTR ? 0 : -errno;
        if (r == 0)
                return fd;
        close(fd);
        return r;
}

int
sqi_lease_renew(int lease, uint32_t incarnation)
{
        struct flock before = {.l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = incarnation};

        return fcntl(lease, F_SETLK, &before) < 0 ? -errno : 0;
}

int
sqi_lease_begin(const char *rundir, uint32_t worker, uint32_t incarnation)
{
        int fd = open_lease(rundir, worker, O_RDWR | O_CREAT), r = 0;

        if (fd < 0)
                return fd;
        if (ftruncate(fd, (off_t)incarnation + 1) < 0)
                r = -errno;
        close(fd);
        return r;
}

int
sqi_lease_holder(const char *rundir, uint32_t worker, pid_t *ret_pid, uint32_t *ret_incarnation)
{
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0};
        int fd = open_lease(rundir, worker, O_RDWR), r = 0;
        struct stat about;

        if (fd < 0)
                return fd;
        if (fcntl(fd, F_GETLK, &lock) < 0 || fstat(fd, &about) < 0) {
                r = -errno;
        } else if (lock.l_type == F_UNLCK) {
                *ret_pid = 0;
                *ret_incarnation = about.st_size > 0 ? (uint32_t)about.st_size - 1 : 0;
        } else {
                *ret_pid = lock.l_pid;
                *ret_incarnation = (uint32_t)lock.l_start;
        }
        close(fd);
        return r;
}

void
sqi_lease_end(const char *rundir, uint32_t worker)
{
        struct pollfd gone = {.fd = -1, .events = POLLIN};
        uint32_t incarnation;
        pid_t pid = 0, again = 0;

        if (sqi_lease_holder(rundir, worker, &pid, &incarnation) < 0 || pid == 0)
                return;
        gone.fd = pidfd_open(pid, 0);
        if (gone.fd < 0)
                return;
        if (sqi_lease_holder(rundir, worker, &again, &incarnation) == 0 && again == pid &&
            pidfd_send_signal(gone.fd, SIGKILL, NULL, 0) == 0)
                while (poll(&gone, 1, -1) < 0 && errno == EINTR)
                        continue;
        close(gone.fd);
}

/* The next worker whose lease is there; false: no more. */
static bool
next_lease(DIR *folder, uint32_t *ret)
{
        const struct dirent *entry;

        while (folder && (entry = readdir(folder)))
                if (sscanf(entry->d_name, "w%u", ret) == 1)
                        return true;
        return false;
}

void
sqi_leases_end(const char *rundir)
{
        DIR *folder = opendir(rundir);
        uint32_t worker;

        while (next_lease(folder, &worker))
                sqi_lease_end(rundir, worker);
        if (folder)
                closedir(folder);
}

bool
sqi_leases_held(const char *rundir, uint32_t worker)
{
        DIR *folder = opendir(rundir);
        uint32_t other, incarnation;
        pid_t pid = 0;

        while (pid == 0 && next_lease(folder, &other))
                if (other != worker && sqi_lease_holder(rundir, other, &pid, &incarnation) < 0)
                        pid = 0;
        if (folder)
                closedir(folder);
        return pid != 0;
}
