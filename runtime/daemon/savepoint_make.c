/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a savepoint of what is held of a snapshot. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/complain.h"
#include "base/sealed.h"
#include "daemon/savepoint.h"
#include "plan/routing.h"

enum { SOURCE_MOST = 64 * 1024 * 1024 };

struct sqi_savepoint_held {
        struct sqi_manifest manifest;
        int *files; /* of the manifest, in its order */
        void *plan; /* as it is written */
        size_t plan_size;
        char *source; /* the topology's file */
        size_t source_size;
};

/* ---- Holding ----------------------------------------------------------------------------------------- */

void
sqi_savepoint_let_go(struct sqi_savepoint_held **held)
{
        struct sqi_savepoint_held *it = *held;

        if (!it)
                return;
        for (uint32_t i = 0; it->files && i < it->manifest.nfiles; i++)
                if (it->files[i] >= 0)
                        close(it->files[i]);
        free(it->files);
        free(it->plan);
        free(it->source);
        sqi_manifest_free(&it->manifest);
        free(it);
        *held = NULL;
}

static int
open_files(struct sqi_savepoint_held *held, const char *from)
{
        uint32_t n = held->manifest.nfiles;
        int folder, r = 0;

        held->files = malloc((n + 1) * sizeof(*held->files));
        if (!held->files)
                return -ENOMEM;
        for (uint32_t i = 0; i < n; i++)
                held->files[i] = -1;
        folder = sqi_folder_open(AT_FDCWD, from);
        if (folder < 0)
                return folder;
        for (uint32_t i = 0; i < n && r == 0; i++) {
                held->files[i] = openat(folder, held->manifest.files[i].name,
                                        O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
                r = held->files[i] < 0 ? -errno : 0;
        }
        close(folder);
        return r;
}

static int
fill_held(struct sqi_savepoint_held *held, const char *from, const struct sqi_plan *plan, const char *source)
{
        int r = open_files(held, from);

        held->manifest.plan = sqi_plan_mark(plan); /* an earlier version may have made the snapshot */
        if (r == 0)
                r = sqi_plan_encode(plan, &held->plan, &held->plan_size);
        return r == 0 ? sqi_file_read(AT_FDCWD, source, SOURCE_MOST, &held->source, &held->source_size) : r;
}

int
sqi_savepoint_hold(const struct sqi_snapshots *snapshots, const struct sqi_plan *plan, const char *source,
                   struct sqi_savepoint_held **ret, char *error, size_t size)
{
        struct sqi_savepoint_held *held = calloc(1, sizeof(*held));
        char from[PATH_MAX];
        int r;

        if (!held)
                return sqi_complain(-ENOMEM, error, size, "out of memory");
        r = sqi_snapshots_newest(snapshots, &held->manifest, from, error, size);
        if (r < 0) {
                free(held);
                return r == -ENOENT ? sqi_complain(r, error, size, "there is no snapshot to make a savepoint of") : r;
        }
        r = fill_held(held, from, plan, source);
        if (r == 0) {
                *ret = held;
                return 0;
        }
        sqi_savepoint_let_go(&held);
        return sqi_complain(r, error, size, "cannot make a savepoint of the snapshot %s: %s", from, strerror(-r));
}

/* ---- Making ------------------------------------------------------------------------------------------ */

/* What a snapshot has of a file is never written again (a later epoch may go on behind it), so a link will do. Another
 * file system wants a copy, and so does a file that has lost its last name since it is held. */
static int
link_or_copy(int fd, const struct sqi_manifest_file *file, int folder, const atomic_bool *stop)
{
        char path[64];

        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        if (linkat(AT_FDCWD, path, folder, file->name, AT_SYMLINK_FOLLOW) == 0)
                return 0;
        return sqi_file_copy_part(path, folder, file->name, file->size, stop);
}

static int
fill(int folder, const struct sqi_savepoint_held *held, const atomic_bool *stop)
{
        int r = sqi_sealed_write(folder, "plan", held->plan, held->plan_size);

        for (uint32_t i = 0; i < held->manifest.nfiles && r == 0; i++)
                r = link_or_copy(held->files[i], &held->manifest.files[i], folder, stop);
        if (r == 0)
                r = sqi_file_write(folder, "topology.yaml", held->source, held->source_size);
        if (r == 0)
                r = sqi_manifest_write(folder, &held->manifest);
        if (r == 0 && fsync(folder) < 0)
                r = -errno;
        return r;
}

/* The folder in which `path` is; its last name goes to *ret_name. Made if it is not there, but not those above it. */
static int
open_above(const char *path, const char **ret_name)
{
        char above[PATH_MAX];
        const char *slash = strrchr(path, '/');
        size_t n = slash ? (size_t)(slash - path) : 0;
        int fd, r;

        if (!slash || !slash[1] || n >= sizeof(above))
                return -EINVAL;
        memcpy(above, path, n);
        above[n] = '\0';
        *ret_name = slash + 1;
        r = n > 0 ? sqi_folder_make(AT_FDCWD, above) : 0;
        if (r < 0)
                return r;
        fd = open(n > 0 ? above : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

/* -EBUSY: somebody is making one there, or has removed this folder. A file system that knows no locks of folders
 * refuses none. */
static int
lock(int folder, int above, const char *open_name)
{
        struct stat ours, named;

        if (sqi_lock_take(folder) == -EWOULDBLOCK || fstat(folder, &ours) < 0 ||
            fstatat(above, open_name, &named, AT_SYMLINK_NOFOLLOW) < 0)
                return -EBUSY;
        return ours.st_ino == named.st_ino && ours.st_dev == named.st_dev ? 0 : -EBUSY;
}

/* What an attempt that was killed has left. */
static int
remove_left(int above, const char *open_name)
{
        int folder = openat(above, open_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        int r = folder < 0 ? 0 : lock(folder, above, open_name);

        if (r == 0)
                sqi_folder_remove(above, open_name);
        if (folder >= 0)
                close(folder);
        return r;
}

/* In the folder PATH.new, which is there and empty. */
static int
make_in(int above, const char *open_name, const char *name, const struct sqi_savepoint_held *held,
        const atomic_bool *stop)
{
        int folder = openat(above, open_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        int r;

        if (folder < 0)
                return errno == ENOENT ? -EBUSY : -errno; /* it was removed by another one */
        r = lock(folder, above, open_name);
        if (r < 0) {
                close(folder);
                return r;
        }
        r = fill(folder, held, stop);
        if (r == 0 && renameat2(above, open_name, above, name, RENAME_NOREPLACE) < 0)
                r = -errno;
        if (r == 0 && fsync(above) < 0)
                r = -errno;
        if (r < 0)
                sqi_folder_remove(above, open_name);
        close(folder);
        return r;
}

static int
make_at(int above, const char *name, const struct sqi_savepoint_held *held, const atomic_bool *stop)
{
        char open_name[NAME_MAX + 1];
        int r;

        if (faccessat(above, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                return -EEXIST;
        if (snprintf(open_name, sizeof(open_name), "%s.new", name) >= (int)sizeof(open_name))
                return -ENAMETOOLONG;
        r = remove_left(above, open_name);
        if (r == 0 && mkdirat(above, open_name, 0700) < 0)
                r = errno == EEXIST ? -EBUSY : -errno;
        return r == 0 ? make_in(above, open_name, name, held, stop) : r;
}

int
sqi_savepoint_make(const struct sqi_savepoint_held *held, const char *path, const atomic_bool *stop, char *error,
                   size_t size)
{
        const char *name = "";
        int above = open_above(path, &name), r;

        r = above < 0 ? above : make_at(above, name, held, stop);
        if (above >= 0)
                close(above);
        if (r == -EEXIST)
                return sqi_complain(r, error, size, "%s is there already (name another folder)", path);
        if (r == -EBUSY)
                return sqi_complain(r, error, size, "another savepoint is being made in %s.new (name another folder)",
                                    path);
        return r < 0 ? sqi_complain(r, error, size, "cannot make the savepoint %s: %s", path,
                                    r == -ECANCELED ? "the topology was killed, or the supervisor told to end"
                                    : r == -EBADMSG ? "the snapshot it is made of is damaged"
                                                    : strerror(-r))
                     : 0;
}
