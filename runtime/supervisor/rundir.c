/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/rundir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "squall.h"
#include "control/lease.h"
#include "base/complain.h"
#include "base/sealed.h"

enum { TRIES = 100 };

/* Only a directory that is ours, and ours alone, can hold sockets that we trust. */
static int
check_ours(int fd, const char *path, char *error, size_t size)
{
        struct stat st;

        if (fstat(fd, &st) < 0)
                return sqi_complain(-errno, error, size, "%s: %s", path, strerror(errno));
        if (st.st_uid != geteuid())
                return sqi_complain(
                        -EPERM, error, size,
                        "the run directory %s belongs to user %u, not to us (set XDG_RUNTIME_DIR to a directory of your own)",
                        path, st.st_uid);
        if (st.st_mode & 077)
                return sqi_complain(-EPERM, error, size,
                                    "the run directory %s is open to others, mode %03o (chmod 700 %s)", path,
                                    (unsigned)st.st_mode & 0777u, path);
        return 0;
}

static int
open_base(const char *path, char *error, size_t size, int *ret_fd)
{
        int fd, r;

        if (mkdir(path, 0700) < 0 && errno != EEXIST)
                return sqi_complain(
                        -errno, error, size,
                        "cannot make the run directory %s: %s (set XDG_RUNTIME_DIR to a directory of your own)", path,
                        strerror(errno));
        fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return sqi_complain(
                        -errno, error, size,
                        "cannot use the run directory %s: %s (set XDG_RUNTIME_DIR to a directory of your own)", path,
                        strerror(errno));
        r = check_ours(fd, path, error, size);
        if (r < 0) {
                close(fd);
                return r;
        }
        *ret_fd = fd;
        return 0;
}

static bool
is_linked(int fd)
{
        struct stat st;

        return fstat(fd, &st) == 0 && st.st_nlink > 0;
}

/* Opens and locks the base. Another supervisor may have removed it, empty, between the two: then once more. */
static int
lock_base(const char *path, char *error, size_t size, int *ret_fd)
{
        int fd = -1, r;

        for (int i = 0; i < TRIES; i++) {
                r = open_base(path, error, size, &fd);
                if (r < 0)
                        return r;
                if (flock(fd, LOCK_EX) == 0 && is_linked(fd)) {
                        *ret_fd = fd;
                        return 0;
                }
                close(fd);
        }
        return sqi_complain(-EBUSY, error, size, "cannot lock the run directory %s", path);
}

static int
find_base(char base[SQI_RUNDIR_SIZE], char *error, size_t size, int *ret_fd)
{
        const char *xdg = getenv("XDG_RUNTIME_DIR");
        int n;

        if (xdg && *xdg) {
                n = snprintf(base, SQI_RUNDIR_SIZE, "%s/squall", xdg);
                if (n < 0 || n >= SQI_RUNDIR_SIZE)
                        return sqi_complain(-ENAMETOOLONG, error, size, "XDG_RUNTIME_DIR is too long (%zu bytes)",
                                            strlen(xdg));
                return lock_base(base, error, size, ret_fd);
        }
        if (geteuid() == 0) {
                snprintf(base, SQI_RUNDIR_SIZE, "/run/squall");
                if (lock_base(base, error, size, ret_fd) == 0)
                        return 0;
        }
        snprintf(base, SQI_RUNDIR_SIZE, "/tmp/squall-%u", geteuid());
        return lock_base(base, error, size, ret_fd);
}

/* Empties and removes the directory `name` of `base`. What is in it are files and sockets, no directories. */
static void
remove_directory(int base, const char *name)
{
        int fd = openat(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        struct dirent *entry;

        if (dir) {
                while ((entry = readdir(dir)))
                        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                                unlinkat(fd, entry->d_name, 0);
                closedir(dir);
        } else if (fd >= 0) {
                close(fd);
        }
        unlinkat(base, name, AT_REMOVEDIR);
}

/* Workers of a run that was killed end by themselves, but one that hangs, or was stopped, may take its time, and write
 * into what the next run writes. */
static void
sweep_one(const char *path, int base, const char *name)
{
        char file[NAME_MAX + 8], whole[SQI_RUNDIR_SIZE + NAME_MAX + 2];
        int fd;

        snprintf(file, sizeof(file), "%s/lock", name);
        fd = openat(base, file, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0 ? errno == ENOENT : flock(fd, LOCK_EX | LOCK_NB) == 0) {
                snprintf(whole, sizeof(whole), "%s/%s", path, name);
                sqi_leases_end(whole);
                remove_directory(base, name);
        }
        if (fd >= 0)
                close(fd);
}

static void
sweep(const char *path, int base)
{
        int fd = openat(base, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        struct dirent *entry;

        if (!dir) {
                if (fd >= 0)
                        close(fd);
                return;
        }
        while ((entry = readdir(dir)))
                if (strncmp(entry->d_name, "run-", 4) == 0)
                        sweep_one(path, base, entry->d_name);
        closedir(dir);
}

static int
make_locked(struct sqi_rundir *rundir)
{
        char file[SQI_RUNDIR_SIZE + 8];

        if (!mkdtemp(rundir->path))
                return -errno;
        snprintf(file, sizeof(file), "%s/lock", rundir->path);
        rundir->lock = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (rundir->lock < 0 || flock(rundir->lock, LOCK_EX | LOCK_NB) < 0)
                return -errno;
        return 0;
}

int
sqi_rundir_make(struct sqi_rundir *ret, char *error, size_t size)
{
        struct sqi_rundir rundir = {.lock = -1};
        int base = -1, n, r;

        r = find_base(rundir.base, error, size, &base);
        if (r < 0)
                return r;
        sweep(rundir.base, base);
        n = snprintf(rundir.path, sizeof(rundir.path), "%s/run-XXXXXX", rundir.base);
        if (n < 0 || (size_t)n >= sizeof(rundir.path))
                r = sqi_complain(-ENAMETOOLONG, error, size, "the run directory %s is too long a path", rundir.base);
        else if ((r = make_locked(&rundir)) < 0)
                sqi_complain(r, error, size, "cannot make a run directory in %s: %s", rundir.base, strerror(-r));
        close(base);
        if (r == 0)
                *ret = rundir;
        return r;
}

int
sqi_rundir_base(char ret[SQI_RUNDIR_SIZE], char *error, size_t size)
{
        char base[SQI_RUNDIR_SIZE];
        int fd, r = find_base(base, error, size, &fd);

        if (r < 0)
                return r;
        close(fd);
        memcpy(ret, base, sizeof(base));
        return 0;
}

static int
open_locked(struct sqi_rundir *rundir, char *error, size_t size)
{
        char file[SQI_RUNDIR_SIZE + 8];
        int r;

        if (mkdir(rundir->path, 0700) < 0 && errno != EEXIST)
                return sqi_complain(-errno, error, size, "cannot make the run directory %s: %s", rundir->path,
                                    strerror(errno));
        snprintf(file, sizeof(file), "%s/lock", rundir->path);
        rundir->lock = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        r = rundir->lock < 0 ? -errno : sqi_lock_take(rundir->lock);
        if (r == 0)
                return 0;
        sqi_complain(r, error, size, "cannot lock the run directory %s: %s", rundir->path, strerror(-r));
        if (rundir->lock >= 0)
                close(rundir->lock);
        return r;
}

int
sqi_rundir_open(const char *path, struct sqi_rundir *ret, char *error, size_t size)
{
        const char *name = strrchr(path, '/');
        struct sqi_rundir rundir = {.lock = -1};
        int base, r;

        if (!name || name == path || strlen(path) >= SQI_RUNDIR_SIZE)
                return sqi_complain(-ENAMETOOLONG, error, size, "%s cannot be a run directory", path);
        memcpy(rundir.base, path, (size_t)(name - path));
        snprintf(rundir.path, sizeof(rundir.path), "%s", path);
        r = lock_base(rundir.base, error, size, &base);
        if (r < 0)
                return r;
        r = open_locked(&rundir, error, size);
        close(base);
        if (r == 0)
                *ret = rundir;
        return r;
}

void
sqi_rundir_leave(struct sqi_rundir *rundir)
{
        if (rundir->lock >= 0)
                close(rundir->lock);
        *rundir = (struct sqi_rundir){.lock = -1};
}

int
sqi_rundir_write(const struct sqi_rundir *rundir, const char *file, const void *bytes, size_t size)
{
        char path[SQI_RUNDIR_SIZE + 64], temporary[SQI_RUNDIR_SIZE + 72];
        int fd, r;

        snprintf(path, sizeof(path), "%s/%s", rundir->path, file);
        snprintf(temporary, sizeof(temporary), "%s.new", path);
        fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        r = sqi_write_all(fd, bytes, size);
        if (close(fd) < 0 && r == 0)
                r = -errno;
        if (r == 0 && rename(temporary, path) < 0)
                r = -errno;
        return r;
}

void
sqi_rundir_remove(struct sqi_rundir *rundir)
{
        int base;

        if (!rundir->path[0])
                return;
        base = open(rundir->base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (base >= 0) {
                flock(base, LOCK_EX);
                remove_directory(base, strrchr(rundir->path, '/') + 1);
                rmdir(rundir->base);
                close(base);
        }
        if (rundir->lock >= 0)
                close(rundir->lock);
        *rundir = (struct sqi_rundir){.lock = -1};
}
