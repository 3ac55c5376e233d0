/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/snapshots.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/complain.h"
#include "base/sealed.h"
#include "control/snapshot_format.h"
#include "lifecycle/checkpoint.h"

enum { NUMBER_SIZE = 24, READ_SIZE = 65536 };
static const char spare_prefix[] = "snapshot-"; /* task/snapshot.h */
static const char epoch_prefix[] = SQI_CHECKPOINT_OPEN;

/* ---- Folders ----------------------------------------------------------------------------------------- */

static int
open_folder(int at, const char *path)
{
        int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 ? -errno : fd;
}

static int
sync_folder(int fd)
{
        return fsync(fd) < 0 ? -errno : 0;
}

static int
make_open(const char *place)
{
        char path[PATH_MAX + sizeof(SQI_SNAPSHOTS_OPEN) + 1];
        int r = sqi_folder_make(AT_FDCWD, place);

        snprintf(path, sizeof(path), "%s/" SQI_SNAPSHOTS_OPEN, place);
        return r < 0 ? r : sqi_folder_make(AT_FDCWD, path);
}

int
sqi_snapshots_begin(const struct sqi_snapshots *snapshots)
{
        return make_open(snapshots->durable);
}

/* 0: not a number as we write them. */
static uint64_t
number_of(const char *name)
{
        char again[NUMBER_SIZE];
        uint64_t number = strtoull(name, NULL, 10);

        snprintf(again, sizeof(again), "%llu", (unsigned long long)number);
        return strcmp(again, name) == 0 ? number : 0;
}

/* Calls `what` for the number of each name in a place that is a prefix and a number, until it says something else than
 * 0. A place that is not there has none. */
static int
each_prefixed(const char *place, const char *prefix, int (*what)(int place, uint64_t number, void *context),
              void *context)
{
        size_t n = strlen(prefix);
        DIR *folder = opendir(place);
        const struct dirent *entry;
        int r = 0;

        if (!folder)
                return errno == ENOENT ? 0 : -errno;
        errno = 0;
        while (r == 0 && (entry = readdir(folder))) {
                uint64_t number = strncmp(entry->d_name, prefix, n) == 0 ? number_of(entry->d_name + n) : 0;

                if (number > 0)
                        r = what(dirfd(folder), number, context);
                errno = 0;
        }
        if (r == 0 && errno)
                r = -errno;
        closedir(folder);
        return r;
}

/* Each snapshot in it. */
static int
each(const char *place, int (*what)(int place, uint64_t number, void *context), void *context)
{
        return each_prefixed(place, "", what, context);
}

/* ---- Files ------------------------------------------------------------------------------------------- */

static bool
is_stopped(const atomic_bool *stop)
{
        return stop && atomic_load_explicit(stop, memory_order_relaxed);
}

/* Of `most` bytes, or of the whole file. */
static int
sum_up(int fd, uint64_t most, const atomic_bool *stop, uint64_t *ret_size, uint64_t *ret_sum)
{
        XXH3_state_t *state = XXH3_createState();
        char *bytes = malloc(READ_SIZE);
        uint64_t size = 0;
        ssize_t n = -1;
        int r = state && bytes ? 0 : -ENOMEM;

        if (r == 0)
                XXH3_64bits_reset(state);
        while (r == 0 && ((n = read(fd, bytes, most - size < READ_SIZE ? (size_t)(most - size) : READ_SIZE)) > 0 ||
                          (n < 0 && errno == EINTR))) {
                if (n < 0)
                        continue;
                XXH3_64bits_update(state, bytes, (size_t)n);
                size += (uint64_t)n;
                if (is_stopped(stop))
                        r = -ECANCELED;
        }
        if (r == 0 && n < 0)
                r = -errno;
        if (r == 0) {
                *ret_size = size;
                *ret_sum = XXH3_64bits_digest(state);
        }
        XXH3_freeState(state);
        free(bytes);
        return r;
}

/* 0: the file at `path` is the one that was reported; -EBADMSG: it is another. */
static int
check_file(int at, const char *path, const struct sqi_manifest_file *file, const atomic_bool *stop)
{
        int fd = openat(at, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), r; /* a pipe is not waited for */
        uint64_t size = 0, sum = 0;

        if (fd < 0)
                return -errno;
        r = sum_up(fd, file->size, stop, &size, &sum);
        close(fd);
        if (r < 0)
                return r;
        return size == file->size && sum == file->sum ? 0 : -EBADMSG;
}

/* Other places where files may be, until another thread sets *stop (NULL: nobody does). */
struct elsewhere {
        const char *const *places; /* what stands before their names */
        size_t n;
        const atomic_bool *stop;
};

/* It is in the folder already, or elsewhere. */
static int
gather_file(int folder, const struct sqi_manifest_file *file, const struct elsewhere *elsewhere)
{
        char path[PATH_MAX + SQI_MANIFEST_FILE + sizeof(spare_prefix)];
        int r = check_file(folder, file->name, file, elsewhere->stop);

        for (size_t i = 0; i < elsewhere->n && (r == -ENOENT || r == -EBADMSG); i++) {
                snprintf(path, sizeof(path), "%s%s", elsewhere->places[i], file->name);
                r = check_file(AT_FDCWD, path, file, elsewhere->stop);
                if (r < 0)
                        continue;
                r = sqi_file_copy_part(path, folder, file->name, file->size, elsewhere->stop);
                if (r == 0)
                        r = check_file(folder, file->name, file, elsewhere->stop);
                if (r < 0)
                        unlinkat(folder, file->name, 0); /* gives the room back */
                if (r < 0)
                        return r;
        }
        return r;
}

/* What lies there of a hand-over that came to nothing. */
static void
remove_others(int folder, const struct sqi_manifest *manifest)
{
        int fd = open_folder(folder, ".");
        DIR *listing = fd < 0 ? NULL : fdopendir(fd);
        const struct dirent *entry;

        while (listing && (entry = readdir(listing)))
                if (entry->d_name[0] != '.' && !sqi_manifest_find(manifest, entry->d_name))
                        unlinkat(folder, entry->d_name, 0);
        if (listing)
                closedir(listing);
        else if (fd >= 0)
                close(fd);
}

/* ---- Sealing ----------------------------------------------------------------------------------------- */

static int
rename_whole(const char *place, const char *open_name, uint64_t epoch)
{
        char number[NUMBER_SIZE];
        int fd = open_folder(AT_FDCWD, place), r = 0;

        if (fd < 0)
                return fd;
        snprintf(number, sizeof(number), "%llu", (unsigned long long)epoch);
        if (renameat(fd, open_name, fd, number) < 0)
                r = -errno;
        else if ((r = sync_folder(fd)) < 0)
                (void)renameat(fd, number, fd, open_name); /* it is given up: nobody is to go on from it */
        close(fd);
        return r;
}

static int
fill(const char *place, const struct sqi_manifest *manifest, const struct elsewhere *elsewhere)
{
        char path[PATH_MAX + sizeof(SQI_SNAPSHOTS_OPEN) + 1];
        int folder, r = make_open(place);

        if (r < 0)
                return r;
        snprintf(path, sizeof(path), "%s/" SQI_SNAPSHOTS_OPEN, place);
        folder = open_folder(AT_FDCWD, path);
        if (folder < 0)
                return folder;
        remove_others(folder, manifest);
        for (uint32_t i = 0; i < manifest->nfiles && r == 0; i++)
                r = gather_file(folder, &manifest->files[i], elsewhere);
        if (r == 0)
                r = sqi_manifest_write(folder, manifest);
        if (r == 0)
                r = sync_folder(folder);
        close(folder);
        return r;
}

static int
seal_at(const char *place, const struct sqi_manifest *manifest, const char *other, const char *run)
{
        char beside[PATH_MAX + sizeof(SQI_SNAPSHOTS_OPEN) + 2], spare[PATH_MAX + sizeof(spare_prefix) + 1];
        const char *const others[] = {spare, beside};
        const struct elsewhere elsewhere = {others, 2, NULL};
        int r;

        snprintf(spare, sizeof(spare), "%s/%s", run, spare_prefix);
        snprintf(beside, sizeof(beside), "%s/" SQI_SNAPSHOTS_OPEN "/", other);
        r = fill(place, manifest, &elsewhere);
        return r < 0 ? r : rename_whole(place, SQI_SNAPSHOTS_OPEN, manifest->epoch);
}

int
sqi_snapshots_seal(const struct sqi_snapshots *snapshots, const struct sqi_manifest *manifest, const char *run,
                   bool *ret_durable, char *error, size_t size)
{
        int r = seal_at(snapshots->durable, manifest, snapshots->spare, run), spare;

        error[0] = '\0';
        if (r == 0) {
                *ret_durable = true;
                return 0;
        }
        sqi_complain(r, error, size, "cannot write a snapshot into %s: %s", snapshots->durable, strerror(-r));
        spare = snapshots->spare[0] ? seal_at(snapshots->spare, manifest, snapshots->durable, run) : r;
        if (spare < 0)
                return r;
        *ret_durable = false;
        return 0;
}

int
sqi_snapshots_adopt(const struct sqi_snapshots *snapshots, const struct sqi_manifest *manifest, const char *from,
                    const atomic_bool *stop, char *error, size_t size)
{
        char place[PATH_MAX + 1];
        const char *const others[] = {place};
        const struct elsewhere elsewhere = {others, 1, stop};
        struct sqi_manifest copy = *manifest;
        int r;

        copy.anew = true;
        snprintf(place, sizeof(place), "%s/", from);
        r = fill(snapshots->durable, &copy, &elsewhere);
        if (r == 0)
                r = rename_whole(snapshots->durable, SQI_SNAPSHOTS_OPEN, manifest->epoch);
        return r < 0 ? sqi_complain(r, error, size, "cannot copy %s into %s: %s", from, snapshots->durable,
                                    r == -EBADMSG     ? "it is damaged"
                                    : r == -ECANCELED ? "the supervisor was told to end"
                                                      : strerror(-r))
                     : 0;
}

/* ---- Finding ----------------------------------------------------------------------------------------- */

static int
keep_highest(int place, uint64_t number, void *context)
{
        uint64_t *highest = context;

        (void)place;
        if (number > *highest)
                *highest = number;
        return 0;
}

/* The files are there, and at least as long as they should be; their checksums are for the tasks that read them. */
static int
check_files(int folder, const struct sqi_manifest *manifest, const char **ret_which)
{
        for (uint32_t i = 0; i < manifest->nfiles; i++) {
                struct stat about;

                *ret_which = manifest->files[i].name;
                if (fstatat(folder, manifest->files[i].name, &about, AT_SYMLINK_NOFOLLOW) < 0)
                        return errno == ENOENT ? -EBADMSG : -errno;
                if ((uint64_t)about.st_size < manifest->files[i].size)
                        return -EBADMSG; /* longer: a later epoch goes on in it */
        }
        *ret_which = "manifest";
        return 0;
}

static int
read_one(const char *path, uint64_t epoch, struct sqi_manifest *ret, char *error, size_t size)
{
        struct sqi_manifest manifest = {0};
        const char *which = "manifest";
        int folder = open_folder(AT_FDCWD, path), r = folder;

        if (folder >= 0) {
                r = sqi_manifest_read(folder, &manifest);
                if (r == -ENOENT)
                        r = -EBADMSG;
                if (r == 0)
                        r = check_files(folder, &manifest, &which);
                if (r == 0 && manifest.epoch != epoch)
                        r = -EBADMSG;
                close(folder);
        }
        if (r == -EBADMSG)
                sqi_complain(
                        r, error, size,
                        "%s/%s is damaged (put it back, or remove the folder: then the snapshot before it is used, and what came "
                        "after that one is processed again)",
                        path, which);
        else if (r < 0)
                sqi_complain(r, error, size, "cannot read %s/%s: %s", path, which, sqi_sealed_reason(r));
        if (r < 0)
                sqi_manifest_free(&manifest);
        else
                *ret = manifest;
        return r;
}

int
sqi_snapshots_newest(const struct sqi_snapshots *snapshots, struct sqi_manifest *ret, char ret_path[PATH_MAX],
                     char *error, size_t size)
{
        uint64_t durable = 0, spare = 0, highest;
        const char *place = snapshots->durable;
        char path[PATH_MAX];
        int r = each(snapshots->durable, keep_highest, &durable);

        if (r == 0 && snapshots->spare[0])
                r = each(snapshots->spare, keep_highest, &spare);
        if (r < 0)
                return sqi_complain(r, error, size, "cannot read %s: %s", snapshots->durable, strerror(-r));
        highest = spare > durable ? spare : durable;
        if (highest == 0)
                return -ENOENT;
        if (spare > durable)
                place = snapshots->spare;
        if (snprintf(path, sizeof(path), "%s/%llu", place, (unsigned long long)highest) >= (int)sizeof(path))
                return sqi_complain(-ENAMETOOLONG, error, size, "%s is too long a path", place);
        r = read_one(path, highest, ret, error, size);
        if (r == 0)
                memcpy(ret_path, path, sizeof(path));
        return r;
}

int
sqi_snapshots_verify(const char *path, const atomic_bool *stop, struct sqi_manifest *ret, char *error, size_t size)
{
        struct sqi_manifest manifest = {0};
        const char *which = "manifest";
        struct file_head head;
        int folder = open_folder(AT_FDCWD, path), r = folder;

        if (folder >= 0) {
                r = sqi_manifest_read(folder, &manifest);
                for (uint32_t i = 0; i < manifest.nfiles && r == 0; i++) {
                        which = manifest.files[i].name;
                        r = check_file(folder, which, &manifest.files[i], stop);
                        if (r == 0)
                                r = sqi_snapshot_look(folder, which, &head);
                }
                close(folder);
        }
        if (r == 0) {
                *ret = manifest;
                return 0;
        }
        if (r == -EBADMSG || r == -ENOENT)
                sqi_complain(r, error, size, "%s/%s %s", path, which,
                             r == -EBADMSG
                                     ? "is damaged, or is another than it was (put it back, or go on from another one)"
                                     : "is not there: that is no snapshot, or not all of one");
        else
                sqi_complain(r, error, size, "cannot read %s/%s: %s", path, which, sqi_sealed_reason(r));
        sqi_manifest_free(&manifest);
        return r;
}

void
sqi_snapshots_positions(const struct sqi_manifest *manifest, const struct sqi_plan *plan, struct sqi_position *ret)
{
        for (uint32_t t = 0; t < plan->ntasks; t++) {
                const struct sqi_plan_component *component = &plan->components[plan->tasks[t].component];
                const struct sqi_position *position = sqi_manifest_position(manifest, component->id,
                                                                            plan->tasks[t].index);

                ret[t] = position && component->kind == SQ_KIND_SPOUT ? *position : (struct sqi_position){0};
        }
}

/* ---- Running epochs ---------------------------------------------------------------------------------- */

static const char *
open_name_of(uint64_t epoch, char ret[NUMBER_SIZE + sizeof(epoch_prefix)])
{
        snprintf(ret, NUMBER_SIZE + sizeof(epoch_prefix), "%s%llu", epoch_prefix, (unsigned long long)epoch);
        return ret;
}

int
sqi_snapshots_open_epoch(const struct sqi_snapshots *snapshots, uint64_t epoch)
{
        char name[NUMBER_SIZE + sizeof(epoch_prefix)];
        int r = sqi_folder_make(AT_FDCWD, snapshots->durable),
            place = r < 0 ? r : open_folder(AT_FDCWD, snapshots->durable);

        if (place < 0)
                return place;
        sqi_folder_remove(place, open_name_of(epoch, name));
        r = mkdirat(place, name, 0700) < 0 ? -errno : 0;
        close(place);
        return r;
}

/* Of `squall run`, whose epochs are begun from by themselves: the plan beside them becomes that of the next run before
 * that has an epoch of its own. */
static int
keep_plan(const char *place, int folder)
{
        char path[PATH_MAX + sizeof("/plan")];

        snprintf(path, sizeof(path), "%s/plan", place);
        if (linkat(AT_FDCWD, path, folder, "plan", 0) == 0 || errno == ENOENT)
                return 0;
        return sqi_file_copy(path, folder, "plan");
}

int
sqi_snapshots_seal_epoch(const struct sqi_snapshots *snapshots, const struct sqi_manifest *manifest)
{
        char path[PATH_MAX + NUMBER_SIZE + sizeof(epoch_prefix) + 1], name[NUMBER_SIZE + sizeof(epoch_prefix)];
        const char *which;
        int folder, r;

        snprintf(path, sizeof(path), "%s/%s", snapshots->durable, open_name_of(manifest->epoch, name));
        folder = open_folder(AT_FDCWD, path);
        if (folder < 0)
                return folder;
        remove_others(folder, manifest);
        r = check_files(folder, manifest, &which);
        if (r == 0)
                r = keep_plan(snapshots->durable, folder);
        if (r == 0)
                r = sqi_manifest_write(folder, manifest);
        if (r == 0)
                r = sync_folder(folder);
        close(folder);
        return r < 0 ? r : rename_whole(snapshots->durable, name, manifest->epoch);
}

int
sqi_snapshots_highest(const struct sqi_snapshots *snapshots, uint64_t *ret)
{
        uint64_t highest = 0;
        int r = each(snapshots->durable, keep_highest, &highest);

        if (r == 0)
                r = each_prefixed(snapshots->durable, epoch_prefix, keep_highest, &highest);
        if (r == 0)
                *ret = highest;
        return r;
}

/* ---- Removing ---------------------------------------------------------------------------------------- */

struct next_lower {
        uint64_t below, highest;
};

static int
keep_highest_below(int place, uint64_t number, void *context)
{
        struct next_lower *kept = context;

        (void)place;
        if (number < kept->below && number > kept->highest)
                kept->highest = number;
        return 0;
}

static int
remove_open(int place, uint64_t number, void *context)
{
        char name[NUMBER_SIZE + sizeof(epoch_prefix)];

        (void)context;
        sqi_folder_remove(place, open_name_of(number, name));
        return 0;
}

/* Whole or not there: who is killed leaves one that is open, which the next one removes. */
static int
remove_older(int place, uint64_t number, void *context)
{
        const uint64_t *epoch = context;
        char name[NUMBER_SIZE], open_name[NUMBER_SIZE + sizeof(epoch_prefix)];

        if (number >= *epoch)
                return 0;
        snprintf(name, sizeof(name), "%llu", (unsigned long long)number);
        sqi_folder_remove(place, open_name_of(number, open_name));
        if (renameat(place, name, place, open_name) == 0)
                sqi_folder_remove(place, open_name);
        return 0;
}

void
sqi_snapshots_prune(const struct sqi_snapshots *snapshots, uint64_t epoch)
{
        each(snapshots->durable, remove_older, &epoch);
        if (snapshots->spare[0])
                each(snapshots->spare, remove_older, &epoch);
}

void
sqi_snapshots_keep(const struct sqi_snapshots *snapshots, uint64_t keep)
{
        struct next_lower kept = {.below = UINT64_MAX};

        if (keep == 0) /* the newest goes last: nobody is to go on from an earlier one */
                sqi_snapshots_keep(snapshots, 1);
        for (uint64_t i = 0; i < keep && kept.below > 0; i++) {
                kept.highest = 0;
                each(snapshots->durable, keep_highest_below, &kept);
                kept.below = kept.highest;
        }
        each(snapshots->durable, remove_older, &kept.below);
        each_prefixed(snapshots->durable, epoch_prefix, remove_open, NULL);
}

void
sqi_snapshots_remove(const struct sqi_snapshots *snapshots)
{
        sqi_folder_remove(AT_FDCWD, snapshots->durable);
        if (snapshots->spare[0])
                sqi_folder_remove(AT_FDCWD, snapshots->spare);
}
