/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/sweep.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/sealed.h"
#include "control/lease.h"
#include "daemon/savepoint.h"
#include "supervisor/running.h"

enum { TEXT_SIZE = 2048 };

void
sqi_sweep_rundir(struct sqi_daemon *daemon, const char *path)
{
        struct sqi_rundir rundir;
        char error[TEXT_SIZE];

        sqi_leases_end(path);
        if (sqi_rundir_open(path, &rundir, error, sizeof(error)) < 0)
                sqi_daemon_tell(daemon, SQ_WARN, NULL, "%s", error);
        else
                sqi_rundir_remove(&rundir);
        sqi_cgroup_remove(&daemon->supervisor->cgroup, path);
}

static bool
is_wanted(const struct sqi_daemon *daemon, const char *path)
{
        for (const struct sqi_hosted *hosted = daemon->first; hosted; hosted = hosted->next)
                if (hosted->record.outcome == SQI_OUTCOME_NONE && strcmp(hosted->record.rundir, path) == 0)
                        return true;
        return false;
}

static void
sweep_rundirs(struct sqi_daemon *daemon)
{
        char prefix[SQI_PREFIX_SIZE], path[SQI_RUNDIR_SIZE + NAME_MAX + 2];
        DIR *folder = opendir(daemon->base);
        const struct dirent *entry;

        sqi_daemon_rundir_prefix(daemon, prefix);
        while (folder && (entry = readdir(folder))) {
                if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
                        continue;
                snprintf(path, sizeof(path), "%s/%s", daemon->base, entry->d_name);
                if (!is_wanted(daemon, path))
                        sqi_sweep_rundir(daemon, path);
        }
        if (folder)
                closedir(folder);
}

static bool
is_line(const struct sqi_daemon *daemon, const char *name)
{
        char line[SQI_LINE_FOLDER];

        for (const struct sqi_hosted *hosted = daemon->first; hosted; hosted = hosted->next)
                if (strcmp(sqi_state_line(&hosted->record, line), name) == 0)
                        return true;
        return false;
}

/* Snapshots of topologies that are not there any more. */
static void
sweep_lines(const struct sqi_daemon *daemon, const char *path, const char *prefix)
{
        DIR *folder = opendir(path);
        const struct dirent *entry;

        while (folder && (entry = readdir(folder)))
                if (entry->d_name[0] != '.' && strncmp(entry->d_name, prefix, strlen(prefix)) == 0 &&
                    !is_line(daemon, entry->d_name + strlen(prefix)))
                        sqi_folder_remove(dirfd(folder), entry->d_name);
        if (folder)
                closedir(folder);
}

/* Of a `query --all` that was killed. */
static bool
is_of_dead_query(const char *name)
{
        int pid;

        return sscanf(name, SQI_QUERY_PREFIX "%d", &pid) == 1 && pid > 0 && kill(pid, 0) < 0 && errno == ESRCH;
}

/* Of a supervisor that was killed over a savepoint with a name of ours, NAME-TIME: one that the user has named is
 * swept when that name is asked for again. */
static bool
is_half_savepoint(const char *name)
{
        static const char pattern[] = "-00000000T000000Z.new";
        size_t n = strlen(name), at = sizeof(pattern) - 1;
        bool fits = n > at;

        for (size_t i = 0; fits && i < at; i++)
                fits = pattern[i] == '0' ? isdigit((unsigned char)name[n - at + i]) : name[n - at + i] == pattern[i];
        return fits;
}

/* None is being made yet. */
static void
sweep_savepoints(const struct sqi_daemon *daemon)
{
        char path[PATH_MAX + 16];
        const struct dirent *entry;

        snprintf(path, sizeof(path), "%s/savepoints", daemon->state.path);
        DIR *folder = opendir(path);
        while (folder && (entry = readdir(folder)))
                if (is_of_dead_query(entry->d_name) || is_half_savepoint(entry->d_name))
                        sqi_folder_remove(dirfd(folder), entry->d_name);
        if (folder)
                closedir(folder);
}

void
sqi_sweep(struct sqi_daemon *daemon)
{
        char path[PATH_MAX + 16], prefix[SQI_PREFIX_SIZE];

        sweep_savepoints(daemon);
        if (daemon->unread)
                return;
        sweep_rundirs(daemon);
        snprintf(path, sizeof(path), "%s/snapshots", daemon->state.path);
        sweep_lines(daemon, path, "");
        sweep_lines(daemon, daemon->base, sqi_daemon_spare_prefix(daemon, prefix));
}
