/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "control/manifest.h"
#include "plan/routing.h"
#include "task/snapshot.h"
#include "task/task.h"

/* `file`: what the manifest means by it; NULL: what is there is believed. */
static int
read_fd(struct sq_task *task, int fd, const struct sqi_manifest_file *file)
{
        struct stat about;
        size_t size;
        void *bytes;
        int r = -EBADMSG;

        if (fstat(fd, &about) < 0)
                return -errno;
        size = (size_t)about.st_size;
        if (size == 0 || (file && size < file->size))
                return -EBADMSG;
        if (file)
                size = (size_t)file->size; /* what follows belongs to a later epoch */
        bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0); /* all of it is read */
        if (bytes == MAP_FAILED)
                return -errno;
        if (!file || XXH3_64bits(bytes, size) == file->sum)
                r = sqi_snapshot_take(task, bytes, size);
        munmap(bytes, size);
        return r;
}

static int
open_file(int folder, const struct sqi_manifest_file *file)
{
        int fd = openat(folder, file->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

        return fd < 0 ? -errno : fd;
}

/* Only what the manifest means is believed. */
static int
read_file(struct sq_task *task, int folder, const struct sqi_manifest_file *file)
{
        int fd = open_file(folder, file), r;

        if (fd < 0)
                return fd;
        r = read_fd(task, fd, file);
        close(fd);
        return r;
}

/* All files are read: the component's word on it. One that only looks is not prepared, and is not asked. */
static int
restored(struct sq_task *task)
{
        const struct sq_bolt *bolt = task->instance.code->bolt;
        int (*callback)(struct sq_task * task) = bolt && task->instance.prepared ? bolt->restored : NULL;

        if (!callback || !task->instance.keyed || sqi_keyed_count(task->instance.keyed) == 0 || callback(task) == 0)
                return 0;
        task->final = true;
        return sqi_task_fail(task, -EIO, "%s", task->error[0] ? task->error : "restored failed without sq_error()");
}

static const char *
reason_of(int r)
{
        return r == -EBADMSG    ? "the file is damaged, or is another than the snapshot's"
               : r == -ENOENT   ? "the file is missing"
               : r == -EPROTO   ? "a later version of Squall wrote it (go on with that one)"
               : r == -ENOTUNIQ ? "it is of another epoch: put back what was there"
               : r == -EINVAL   ? "its state does not fit the component as it is now, or how its inputs are "
                                  "grouped; put that back, or update with --lose-state"
               : r == -EXDEV    ? "it goes on with the same parallelism only"
               : r == -EEXIST ? "several tasks had one key: it is not by the fields that its inputs are grouped by, so "
                                "it goes on with the same parallelism only, or by an update with --lose-state"
               : r == -ESTALE ? "it holds what was on its way between the tasks of another topology file; "
                                "end that as it was by a stop, an update or a savepoint first"
                              : strerror(-r);
}

int
sqi_snapshot_load(struct sq_task *task, int fd)
{
        int r = lseek(fd, 0, SEEK_END) == 0 ? 0 : read_fd(task, fd, NULL);

        if (r == 0)
                r = restored(task);
        return r < 0 ? sqi_task_fail(task, r, "cannot restore the snapshot: %s", reason_of(r)) : 0;
}

/* COMPONENT.INDEX: an id may hold dots itself. */
static bool
is_of(const char *component, const char *name)
{
        size_t id = strlen(component);

        return strncmp(name, component, id) == 0 && name[id] == '.' &&
               strspn(name + id + 1, "0123456789") == strlen(name + id + 1);
}

/* No restart could mend it where what is there is whole. */
static int
refuse(struct sq_task *task, const char *file, int r)
{
        task->final = task->final || r == -EINVAL || r == -EEXIST || r == -EXDEV;
        return sqi_task_fail(task, r, "cannot restore the snapshot %s/%s: %s", task->handover.restore, file,
                             reason_of(r));
}

/* Of another number of tasks: all had ended, or none. */
static int
settle_over(struct sq_task *task)
{
        const struct sqi_handover *handover = &task->handover;

        if (handover->over > 0 && handover->over < handover->before)
                return -EXDEV;
        task->over |= handover->over > 0;
        return 0;
}

int
sqi_snapshot_restore(struct sq_task *task)
{
        struct sqi_manifest manifest = {0};
        const char *name = "manifest";
        int folder, r = 0;

        if (!task->handover.restore[0])
                return 0;
        folder = open(task->handover.restore, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r = folder < 0 ? -errno : sqi_manifest_read(folder, &manifest);
        if (r == 0 && task->handover.restored && manifest.epoch != task->handover.restored)
                r = -ENOTUNIQ; /* its positions are another's, too */
        if (r == 0 && manifest.wiring && !sqi_wiring_is(task->plan, manifest.wiring)) {
                task->final = true;
                r = -ESTALE;
        }
        for (uint32_t i = 0; i < manifest.nfiles && r == 0; i++) {
                if (!is_of(task->component->id, manifest.files[i].name))
                        continue;
                name = manifest.files[i].name;
                r = read_file(task, folder, &manifest.files[i]);
        }
        if (r == 0)
                r = settle_over(task);
        if (r == 0)
                r = restored(task);
        if (r == 0 && task->epoch.exact)
                r = sqi_epoch_restored(task, manifest.epoch);
        if (r < 0)
                r = refuse(task, name, r);
        sqi_manifest_free(&manifest);
        if (folder >= 0)
                close(folder);
        return r;
}

/* ---- For who only looks ------------------------------------------------------------------------------ */

void
sqi_snapshot_let_go(struct sqi_snapshot_held *held)
{
        for (uint32_t i = 0; held->fds && i < held->manifest.nfiles; i++)
                if (held->fds[i] >= 0)
                        close(held->fds[i]);
        free(held->fds);
        held->fds = NULL;
        sqi_manifest_free(&held->manifest);
}

static int
hold_files(int folder, const char *component, struct sqi_snapshot_held *held)
{
        int r = 0;

        held->fds = malloc((held->manifest.nfiles + 1) * sizeof(*held->fds));
        if (!held->fds)
                return -ENOMEM;
        for (uint32_t i = 0; i < held->manifest.nfiles; i++)
                held->fds[i] = -1;
        for (uint32_t i = 0; i < held->manifest.nfiles && r == 0; i++) {
                if (!is_of(component, held->manifest.files[i].name))
                        continue;
                held->fds[i] = open_file(folder, &held->manifest.files[i]);
                r = held->fds[i] < 0 ? held->fds[i] : 0;
        }
        return r;
}

int
sqi_snapshot_hold(const char *path, const char *component, struct sqi_snapshot_held *ret)
{
        struct sqi_snapshot_held held = {0};
        int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r = folder < 0 ? -errno : sqi_manifest_read(folder, &held.manifest);

        if (r == 0)
                r = hold_files(folder, component, &held);
        if (folder >= 0)
                close(folder);
        if (r < 0)
                sqi_snapshot_let_go(&held);
        else
                *ret = held;
        return r;
}

int
sqi_snapshot_take_held(struct sq_task *task, const struct sqi_snapshot_held *held)
{
        const char *name = "";
        int r = 0;

        for (uint32_t i = 0; i < held->manifest.nfiles && r == 0; i++) {
                name = held->manifest.files[i].name;
                if (held->fds[i] >= 0)
                        r = read_fd(task, held->fds[i], &held->manifest.files[i]);
        }
        return r < 0 ? refuse(task, name, r) : 0;
}
