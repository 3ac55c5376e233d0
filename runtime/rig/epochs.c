/* SPDX-License-Identifier: Apache-2.0 */
#include "rig/epochs.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "task/snapshot.h"

enum {
        STEP = 1000
}; /* a process that died may have begun epochs that nobody knows of: their numbers are passed over */

static const char name_format[] = "epoch-%llu";

/* The number of the newest one; 0: there is none. */
static uint64_t
newest(int folder)
{
        unsigned long long found = 0, number;
        const struct dirent *entry;
        int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);

        while (dir && (entry = readdir(dir)))
                if (sscanf(entry->d_name, name_format, &number) == 1 && number > found)
                        found = number;
        if (dir)
                closedir(dir);
        else if (fd >= 0)
                close(fd);
        return found;
}

static int
open_sealed(const struct sq_rig *rig, uint64_t epoch)
{
        char name[64];

        snprintf(name, sizeof(name), name_format, (unsigned long long)epoch);
        return openat(rig->epochs.folder, name, O_RDONLY | O_CLOEXEC);
}

int
sqi_epochs_open(struct sq_rig *rig, const char *folder)
{
        struct sqi_rig_epochs *epochs = &rig->epochs;

        epochs->folder = epochs->kept = -1;
        if (!folder)
                return 0;
        epochs->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (epochs->folder < 0)
                return -errno;
        epochs->sealed = newest(epochs->folder);
        if (epochs->sealed == 0)
                return 0;
        epochs->last = epochs->sealed + STEP;
        epochs->kept = open_sealed(rig, epochs->sealed);
        return epochs->kept < 0 ? -errno : 0;
}

void
sqi_epochs_close(struct sq_rig *rig)
{
        if (rig->epochs.folder >= 0)
                close(rig->epochs.folder);
        if (rig->epochs.kept >= 0)
                close(rig->epochs.kept);
}

/* ---- An epoch ---------------------------------------------------------------------------------------- */

static int
write_down(struct sq_rig *rig)
{
        int fd = rig->epochs.folder < 0
                         ? memfd_create("epoch", MFD_CLOEXEC)
                         : openat(rig->epochs.folder, "new", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        int r = fd < 0 ? -errno : 0;

        rig->task->handover.epoch = rig->epochs.last;
        if (r == 0)
                r = sqi_snapshot_save(rig->task, fd);
        if (r == 0)
                return fd;
        if (fd >= 0)
                close(fd);
        snprintf(rig->error, sizeof(rig->error), "cannot write the snapshot: %s", strerror(-r));
        return -1;
}

/* Takes `fd` over. */
static void
seal(struct sq_rig *rig, int fd)
{
        char name[64];

        snprintf(name, sizeof(name), name_format, (unsigned long long)rig->epochs.last);
        if (rig->epochs.folder >= 0)
                renameat(rig->epochs.folder, "new", rig->epochs.folder, name);
        if (rig->epochs.kept >= 0)
                close(rig->epochs.kept);
        rig->epochs.kept = fd;
        rig->epochs.sealed = rig->epochs.last;
}

int
sqi_epochs_checkpoint(struct sq_rig *rig, enum sq_rig_epoch until)
{
        struct sq_task *task = rig->task;
        int fd = -1, r;

        rig->epochs.last++;
        rig->error[0] = '\0';
        r = sqi_task_flush_component(task) ? sqi_task_precommit(task, rig->epochs.last) : -1;
        if (r == 0)
                fd = r = write_down(rig);
        if (r < 0 || until == SQ_RIG_ABANDONED) {
                if (fd >= 0)
                        close(fd);
        } else
                seal(rig, fd);
        if (r >= 0 && until == SQ_RIG_COMMITTED)
                r = sqi_task_commit(task, rig->epochs.last);
        if (r < 0 && !rig->error[0])
                snprintf(rig->error, sizeof(rig->error), "%s", task->error);
        return r < 0 ? -1 : 0;
}

/* ---- Going on ---------------------------------------------------------------------------------------- */

static int
take_kept(struct sq_rig *rig)
{
        int r = sqi_snapshot_load(rig->task, rig->epochs.kept);

        return r < 0 ? r : sqi_task_commit_restored(rig->task, rig->epochs.sealed);
}

int
sqi_epochs_begin(struct sq_rig *rig)
{
        if (rig->epochs.sealed)
                return take_kept(rig);
        if (sqi_epochs_checkpoint(rig, SQ_RIG_COMMITTED) == 0)
                return 0;
        return sqi_task_fail(rig->task, -EIO, "%s", rig->error);
}

void
sqi_epochs_restore(struct sq_rig *rig, uint64_t ns)
{
        struct sq_task *task = rig->task;

        rig->clock_ns += ns;
        snprintf(task->handover.restore, sizeof(task->handover.restore), "the rig");
        sqi_watermark_forget(task);
        if (sqi_task_renew(task) == 0)
                take_kept(rig);
}
