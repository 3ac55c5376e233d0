/* SPDX-License-Identifier: Apache-2.0 */
#include "epochs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/sealed.h"
#include "daemon/checkpoints.h"
#include "save.h"

enum { TRIES = 10, NAME_SIZE = 48 };

/* ---- A temporary folder ------------------------------------------------------------------------------ */

static const char *
prefix(char ret[NAME_SIZE])
{
        snprintf(ret, NAME_SIZE, "squall-epochs-%u-", (unsigned)geteuid());
        return ret;
}

/* What is in memory is gone with the machine, and is memory that the topology wants itself. */
static bool
is_on_disk(const char *folder)
{
        struct statfs about;

        return statfs(folder, &about) == 0 && about.f_type != TMPFS_MAGIC && about.f_type != RAMFS_MAGIC &&
               access(folder, W_OK | X_OK) == 0;
}

/* Of runs that were killed: nobody holds their locks. */
static void
sweep(const char *above)
{
        char ours[NAME_SIZE];
        DIR *folder = opendir(above);
        const struct dirent *entry;

        prefix(ours);
        while (folder && (entry = readdir(folder))) {
                if (strncmp(entry->d_name, ours, strlen(ours)) != 0)
                        continue;
                int fd = openat(dirfd(folder), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
                        sqi_folder_remove(dirfd(folder), entry->d_name);
                if (fd >= 0)
                        close(fd);
        }
        if (folder)
                closedir(folder);
}

/* Another run may sweep it away between the two steps. An fd or a negative errno. */
static int
make_locked(const char *above, char ret[PATH_MAX])
{
        char ours[NAME_SIZE];
        struct stat about;

        for (int i = 0; i < TRIES; i++) {
                if (snprintf(ret, PATH_MAX, "%s/%sXXXXXX", above, prefix(ours)) >= PATH_MAX)
                        return -ENAMETOOLONG;
                if (!mkdtemp(ret))
                        return -errno;
                int fd = open(ret, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &about) == 0 && about.st_nlink > 0)
                        return fd;
                if (fd >= 0)
                        close(fd);
        }
        return -EBUSY;
}

static int
begin_temporary(struct cli_epochs *epochs)
{
        char here[PATH_MAX];
        const char *const places[] = {getenv("TMPDIR"), "/var/tmp", getcwd(here, sizeof(here))};

        for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
                if (!places[i] || places[i][0] != '/' || !is_on_disk(places[i]))
                        continue;
                sweep(places[i]);
                epochs->lock = make_locked(places[i], epochs->place);
                epochs->temporary = true;
                if (epochs->lock >= 0)
                        return CLI_DONE;
        }
        epochs->place[0] = '\0';
        return cli_error(CLI_FAILED,
                         "no folder on disk for the epochs of exactly-once: neither TMPDIR, /var/tmp nor the working "
                         "directory will do (set topology.checkpoint.dir)");
}

/* ---- A given folder ---------------------------------------------------------------------------------- */

static bool
is_empty(int folder)
{
        DIR *listing = fdopendir(openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        const struct dirent *entry;
        bool empty = true;

        while (listing && (entry = readdir(listing)))
                empty = empty && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0);
        if (listing)
                closedir(listing);
        return empty;
}

static bool
is_below(const char *path, const char *folder)
{
        size_t n = strlen(folder);

        return strncmp(path, folder, n) == 0 && path[n] == '/';
}

/* CLI_DONE: its epochs are ours to go on with, or there are none. */
static int
check_place(const struct cli_epochs *epochs, const struct sqi_savepoint *from)
{
        struct sqi_snapshots snapshots = {.spare = ""};
        struct sqi_manifest manifest = {0};
        char path[PATH_MAX], error[PATH_MAX + 256];

        if (faccessat(epochs->lock, "plan", F_OK, 0) < 0 && !is_empty(epochs->lock))
                return cli_error(
                        CLI_USAGE,
                        "%s is not empty, and holds no epochs (topology.checkpoint.dir wants a folder of its own)",
                        epochs->place);
        memcpy(snapshots.durable, epochs->place, sizeof(snapshots.durable));
        int r = sqi_snapshots_newest(&snapshots, &manifest, path, error, sizeof(error));
        sqi_manifest_free(&manifest);
        if (from && is_below(from->path, epochs->place))
                return r == 0 && strcmp(path, from->path) == 0
                               ? CLI_DONE
                               : cli_error(CLI_FAILED, "%s has gone on meanwhile: a run has just ended (start again)",
                                           epochs->place);
        if (r == -ENOENT)
                return CLI_DONE;
        return cli_error(CLI_USAGE,
                         "%s holds epochs of a run that has not finished (go on with --from %s, or remove it)",
                         epochs->place, epochs->place);
}

static int
put_plan(const struct cli_epochs *epochs, const struct sqi_plan *plan)
{
        void *bytes = NULL;
        size_t size;
        int r = sqi_plan_encode(plan, &bytes, &size);

        if (r == 0)
                r = sqi_sealed_write(epochs->lock, "plan", bytes, size);
        free(bytes);
        return r < 0 ? cli_error(CLI_FAILED, "cannot write %s/plan: %s", epochs->place, strerror(-r)) : CLI_DONE;
}

/* The workers of a run that was killed may take a moment to end. */
static int
lock(const char *place, int *ret)
{
        int fd = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = fd < 0 ? -errno : -EWOULDBLOCK;

        for (int i = 0; i < TRIES && r == -EWOULDBLOCK; i++)
                r = sqi_lock_take(fd);
        if (r == 0) {
                *ret = fd;
                return CLI_DONE;
        }
        if (fd >= 0)
                close(fd);
        return r == -EWOULDBLOCK
                       ? cli_error(CLI_FAILED,
                                   "another run keeps its epochs in %s, or a worker of one that was killed has "
                                   "not ended",
                                   place)
                       : cli_error(CLI_FAILED, "cannot use %s: %s", place, strerror(-r));
}

static int
begin_given(const struct sqi_plan *plan, const struct sqi_savepoint *from, struct cli_epochs *epochs)
{
        int status = cli_full_path(plan->config.checkpoint_dir, epochs->place);

        if (status != CLI_DONE)
                return status;
        int r = sqi_folder_make(AT_FDCWD, epochs->place);
        if (r < 0)
                return cli_error(CLI_FAILED, "cannot make %s: %s", epochs->place, strerror(-r));
        status = lock(epochs->place, &epochs->lock);
        if (status == CLI_DONE)
                status = check_place(epochs, from);
        return status == CLI_DONE ? put_plan(epochs, plan) : status;
}

/* An epoch of another folder: whoever made it must have ended, too. */
static int
await_makers(const struct sqi_savepoint *from, const struct cli_epochs *epochs)
{
        char place[PATH_MAX];
        int fd;

        if (!from || !from->running || (epochs->place[0] && is_below(from->path, epochs->place)))
                return CLI_DONE;
        snprintf(place, sizeof(place), "%.*s", (int)(strrchr(from->path, '/') - from->path), from->path);
        int status = lock(place, &fd);
        if (status == CLI_DONE)
                close(fd);
        return status;
}

/* ------------------------------------------------------------------------------------------------------ */

int
cli_epochs_begin(const struct sqi_plan *plan, const struct sqi_savepoint *from, struct cli_epochs *ret)
{
        struct cli_epochs epochs = {.lock = -1};
        int status = CLI_DONE, r;

        if (sqi_plan_is_exact(plan))
                status = plan->config.checkpoint_dir ? begin_given(plan, from, &epochs) : begin_temporary(&epochs);
        if (status == CLI_DONE)
                status = await_makers(from, &epochs);
        if (status == CLI_DONE && epochs.place[0] && (r = sqi_checkpoints_first(epochs.place, &epochs.first)) < 0)
                status = cli_error(CLI_FAILED, "cannot read %s: %s", epochs.place, strerror(-r));
        if (from && from->manifest.epoch >= epochs.first)
                epochs.first = from->manifest.epoch + 1;
        if (status == CLI_DONE)
                *ret = epochs;
        else
                cli_epochs_end(&epochs, false);
        return status;
}

void
cli_epochs_end(struct cli_epochs *epochs, bool finished)
{
        struct sqi_snapshots snapshots = {.spare = ""};

        memcpy(snapshots.durable, epochs->place, sizeof(snapshots.durable));
        if (epochs->place[0] && epochs->temporary)
                sqi_snapshots_remove(&snapshots);
        if (epochs->place[0] && !epochs->temporary && finished) {
                sqi_snapshots_keep(&snapshots, 0);
                (void)sqi_sealed_remove(epochs->lock, "plan");
        }
        if (epochs->lock >= 0)
                close(epochs->lock);
        *epochs = (struct cli_epochs){.lock = -1};
}
