/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/killed.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sealed.h"
#include "plan/plan.h"

/* At most 16 MiB of each: see log_file.h. */
static const char *const kept[] = {"log", "log.1"};
enum { NKEPT = sizeof(kept) / sizeof(kept[0]) };

static DIR *
open_folder(int at, const char *name)
{
        int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        DIR *folder = fd < 0 ? NULL : fdopendir(fd);

        if (!folder && fd >= 0)
                close(fd);
        return folder;
}

static bool
is_dot(const char *name)
{
        return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static bool
is_kept(const char *file)
{
        for (size_t i = 0; i < NKEPT; i++)
                if (strcmp(file, kept[i]) == 0)
                        return true;
        return false;
}

static void
strip(int killed, const char *name)
{
        DIR *folder = open_folder(killed, name);
        const struct dirent *entry;

        while (folder && (entry = readdir(folder)))
                if (!is_dot(entry->d_name) && !is_kept(entry->d_name) && unlinkat(dirfd(folder), entry->d_name, 0) < 0)
                        sqi_folder_remove(dirfd(folder), entry->d_name);
        if (folder)
                closedir(folder);
}

/* Its folder was changed last when it was stripped. False: there are not more than SQI_KILLED_KEPT. */
static bool
find_oldest(int killed, char ret[SQI_ID_MAX + 1])
{
        DIR *folder = open_folder(killed, ".");
        struct timespec oldest = {0};
        const struct dirent *entry;
        unsigned n = 0;

        while (folder && (entry = readdir(folder))) {
                struct stat about;

                if (!sqi_is_id(entry->d_name) || fstatat(killed, entry->d_name, &about, AT_SYMLINK_NOFOLLOW) < 0)
                        continue;
                if (n++ > 0 && (about.st_mtim.tv_sec > oldest.tv_sec ||
                                (about.st_mtim.tv_sec == oldest.tv_sec && about.st_mtim.tv_nsec >= oldest.tv_nsec)))
                        continue;
                oldest = about.st_mtim;
                snprintf(ret, SQI_ID_MAX + 1, "%.*s", SQI_ID_MAX, entry->d_name);
        }
        if (folder)
                closedir(folder);
        return n > SQI_KILLED_KEPT;
}

static void
remove_oldest(int killed)
{
        char name[SQI_ID_MAX + 1];

        while (find_oldest(killed, name) && sqi_folder_remove(killed, name) == 0)
                continue;
}

int
sqi_killed_take(int killed, int topologies, const char *name)
{
        int r = sqi_folder_remove(killed, name); /* never exchanged for it: what is in topologies/ is run */

        if (r < 0)
                return r;
        if (renameat(topologies, name, killed, name) < 0)
                return -errno;
        if (fsync(topologies) < 0 || fsync(killed) < 0)
                return -errno;
        strip(killed, name);
        remove_oldest(killed);
        return 0;
}

void
sqi_killed_sweep(int killed)
{
        DIR *folder = open_folder(killed, ".");
        const struct dirent *entry;

        while (folder && (entry = readdir(folder)))
                if (!is_dot(entry->d_name))
                        strip(killed, entry->d_name);
        if (folder)
                closedir(folder);
        remove_oldest(killed);
}

bool
sqi_killed_has_log(int killed, const char *name)
{
        char path[SQI_ID_MAX + 8];

        snprintf(path, sizeof(path), "%.*s/%s", SQI_ID_MAX, name, kept[0]);
        return sqi_is_id(name) && faccessat(killed, path, F_OK, 0) == 0;
}
