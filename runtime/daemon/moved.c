/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/moved.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sealed.h"
#include "plan/routing.h"

static bool
is_moved(const char *file)
{
        return strncmp(file, SQI_MOVED_PREFIX, strlen(SQI_MOVED_PREFIX)) == 0;
}

static void
remove_all(const char *path)
{
        DIR *folder = opendir(path);
        const struct dirent *entry;

        while (folder && (entry = readdir(folder)))
                if (is_moved(entry->d_name))
                        unlinkat(dirfd(folder), entry->d_name, 0);
        if (folder)
                closedir(folder);
}

static int
copy_all(const char *from, const char *to)
{
        int target = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = target < 0 ? -errno : 0;
        DIR *folder = opendir(from);
        const struct dirent *entry;
        char path[PATH_MAX];

        while (r == 0 && folder && (entry = readdir(folder))) {
                if (!is_moved(entry->d_name))
                        continue;
                if (snprintf(path, sizeof(path), "%s/%s", from, entry->d_name) >= (int)sizeof(path))
                        r = -ENAMETOOLONG;
                else
                        r = sqi_file_copy(path, target, entry->d_name);
        }
        if (r == 0 && fsync(target) < 0)
                r = -errno;
        if (folder)
                closedir(folder);
        if (target >= 0)
                close(target);
        return r;
}

int
sqi_moved_keep(const struct sqi_state *state, const char *name, const char *rundir)
{
        char path[PATH_MAX];

        sqi_state_path(state, name, "", path);
        remove_all(path);
        return copy_all(rundir, path);
}

int
sqi_moved_lay(const struct sqi_state *state, const char *name, const char *rundir)
{
        char path[PATH_MAX];

        if (mkdir(rundir, 0700) < 0 && errno != EEXIST)
                return -errno;
        return copy_all(sqi_state_path(state, name, "", path), rundir);
}

void
sqi_moved_drop(const struct sqi_state *state, const char *name, const char *rundir)
{
        char path[PATH_MAX];

        remove_all(sqi_state_path(state, name, "", path));
        remove_all(rundir);
}
