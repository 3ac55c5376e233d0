/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEXT_SIZE = 512, MIB = 1 << 20, PERIOD_US = 100000, PATH_SIZE = PATH_MAX + 300 };

/* ---- Files ------------------------------------------------------------------------------------------- */

static int
put(const char *folder, const char *file, const char *text)
{
        char path[PATH_SIZE + 32];
        int fd, r;

        snprintf(path, sizeof(path), "%s/%s", folder, file);
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                  0600); /* cgroupfs makes no files: one that is missing is an error */
        if (fd < 0)
                return -errno;
        r = write(fd, text, strlen(text)) < 0 ? -errno : 0;
        close(fd);
        return r;
}

static bool
get(const char *path, char *ret, size_t size)
{
        FILE *file = fopen(path, "re");
        size_t n = file ? fread(ret, 1, size - 1, file) : 0;

        ret[n] = '\0';
        if (file)
                fclose(file);
        return n > 0;
}

static bool
has_word(const char *text, const char *word)
{
        size_t len = strlen(word);

        for (const char *at = text; (at = strstr(at, word)); at += len)
                if ((at == text || at[-1] == ' ' || at[-1] == '\n') && strchr(" \n", at[len]))
                        return true;
        return false;
}

/* ---- BASE -------------------------------------------------------------------------------------------- */

/* The folder of our own cgroup: where the hierarchy is mounted, and the line `0::/PATH`. */
static bool
own_folder(char *ret, size_t size)
{
        char text[PATH_MAX], line[PATH_MAX], mount[PATH_MAX] = "", type[64];
        const char *own = get("/proc/self/cgroup", text, sizeof(text)) ? strstr(text, "0::/") : NULL;
        FILE *mounts = fopen("/proc/self/mounts", "re");

        while (mounts && !mount[0] && fgets(line, sizeof(line), mounts))
                if (sscanf(line, "%*s %4095s %63s", mount, type) != 2 || strcmp(type, "cgroup2") != 0)
                        mount[0] = '\0';
        if (mounts)
                fclose(mounts);
        if (!own || !mount[0])
                return false;
        return snprintf(ret, size, "%s%.*s", mount, (int)strcspn(own + 3, "\n"), own + 3) < (int)size;
}

static bool
find_base(char *ret, size_t size)
{
        static const char leaf[] = "/supervisor";
        const char *given = getenv("SQUALL_CGROUP");
        size_t len;

        if (given)
                return *given && snprintf(ret, size, "%s", given) < (int)size;
        if (!own_folder(ret, size))
                return false;
        len = strlen(ret);
        if (len <= sizeof(leaf) || strcmp(ret + len - strlen(leaf), leaf) != 0)
                return false;
        ret[len - strlen(leaf)] = '\0';
        return true;
}

/* A controller is divided if BASE has it and may hand it on. */
static bool
divide(const char *base, const char *controllers, const char *name)
{
        char order[32], path[PATH_SIZE], text[TEXT_SIZE];

        if (!has_word(controllers, name))
                return false;
        snprintf(path, sizeof(path), "%s/cgroup.subtree_control", base);
        if (get(path, text, sizeof(text)) && has_word(text, name))
                return true;
        snprintf(order, sizeof(order), "+%s", name);
        return put(base, "cgroup.subtree_control", order) == 0;
}

void
sqi_cgroup_find(struct sqi_cgroup *ret)
{
        char path[PATH_SIZE], controllers[TEXT_SIZE];

        *ret = (struct sqi_cgroup){.base = ""};
        if (!find_base(ret->base, sizeof(ret->base))) {
                ret->base[0] = '\0';
                return;
        }
        snprintf(path, sizeof(path), "%s/cgroup.controllers", ret->base);
        if (access(ret->base, W_OK) == 0 && get(path, controllers, sizeof(controllers))) {
                ret->memory = divide(ret->base, controllers, "memory");
                ret->cpu = divide(ret->base, controllers, "cpu");
        }
        if (!ret->memory && !ret->cpu)
                ret->base[0] = '\0';
}

/* ---- Topologies and workers -------------------------------------------------------------------------- */

static const char *
topology_folder(const struct sqi_cgroup *cgroup, const char *rundir, char ret[PATH_SIZE])
{
        const char *name = strrchr(rundir, '/');

        snprintf(ret, PATH_SIZE, "%s/%.200s", cgroup->base, name ? name + 1 : rundir);
        return ret;
}

static const char *
worker_folder(const struct sqi_cgroup *cgroup, const char *rundir, unsigned worker, char ret[PATH_SIZE])
{
        size_t len = strlen(topology_folder(cgroup, rundir, ret));

        snprintf(ret + len, PATH_SIZE - len, "/w%u", worker);
        return ret;
}

static void
set_limits(const struct sqi_cgroup *cgroup, const char *folder, int64_t memory_mb, double cpus)
{
        char text[64];

        if (cgroup->memory && memory_mb > 0) {
                snprintf(text, sizeof(text), "%lld", (long long)memory_mb * MIB);
                (void)put(folder, "memory.max", text);
        }
        if (cgroup->cpu && cpus > 0) {
                snprintf(text, sizeof(text), "%lld %d", (long long)(cpus * PERIOD_US), PERIOD_US);
                (void)put(folder, "cpu.max", text);
        }
}

void
sqi_cgroup_make(const struct sqi_cgroup *cgroup, const char *rundir, unsigned worker, const struct sqi_config *config)
{
        char topology[PATH_SIZE], leaf[PATH_SIZE];

        if (!cgroup->base[0])
                return;
        topology_folder(cgroup, rundir, topology);
        worker_folder(cgroup, rundir, worker, leaf);
        (void)rmdir(leaf); /* what it has counted is of the worker before */
        if (mkdir(topology, 0700) == 0) {
                set_limits(cgroup, topology, config->topology_memory, config->topology_cpu);
                if (cgroup->memory)
                        (void)put(topology, "cgroup.subtree_control", "+memory");
                if (cgroup->cpu)
                        (void)put(topology, "cgroup.subtree_control", "+cpu");
        }
        if (mkdir(leaf, 0700) == 0 || errno == EEXIST)
                set_limits(cgroup, leaf, config->worker_memory, config->worker_cpu);
}

void
sqi_cgroup_enter(const struct sqi_cgroup *cgroup, const char *rundir, unsigned worker, pid_t pid)
{
        char folder[PATH_SIZE], text[32];

        if (!cgroup->base[0])
                return;
        snprintf(text, sizeof(text), "%d", (int)pid);
        (void)put(worker_folder(cgroup, rundir, worker, folder), "cgroup.procs", text);
}

bool
sqi_cgroup_has_killed(const struct sqi_cgroup *cgroup, const char *rundir, unsigned worker)
{
        char folder[PATH_SIZE], path[PATH_SIZE + 32], text[TEXT_SIZE];
        const char *count;

        if (!cgroup->memory)
                return false;
        snprintf(path, sizeof(path), "%s/memory.events", worker_folder(cgroup, rundir, worker, folder));
        count = get(path, text, sizeof(text)) ? strstr(text, "oom_kill ") : NULL;
        return count && strtoul(count + strlen("oom_kill "), NULL, 10) > 0;
}

void
sqi_cgroup_remove(const struct sqi_cgroup *cgroup, const char *rundir)
{
        char folder[PATH_SIZE], path[PATH_SIZE + 300];
        const struct dirent *entry;
        DIR *workers;

        if (!cgroup->base[0] || !rundir[0])
                return;
        workers = opendir(topology_folder(cgroup, rundir, folder));
        while (workers && (entry = readdir(workers))) {
                if (entry->d_name[0] != 'w' || entry->d_type != DT_DIR)
                        continue;
                snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
                (void)rmdir(path);
        }
        if (workers)
                closedir(workers);
        (void)rmdir(folder);
}

const char *
sqi_cgroup_lacking(const struct sqi_cgroup *cgroup, const struct sqi_config *config, char *buffer, size_t size)
{
        const struct {
                bool lacking;
                const char *name;
        } keys[] = {
                {!cgroup->memory && config->topology_memory > 0, "topology.memory.mb"},
                {!cgroup->cpu && config->topology_cpu > 0, "topology.cpu"},
                {!cgroup->cpu && config->worker_cpu > 0, "topology.worker.cpu"},
        };
        size_t at = 0;

        buffer[0] = '\0';
        for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
                if (keys[i].lacking && at < size)
                        at += (size_t)snprintf(buffer + at, size - at, "%s%s", at ? ", " : "", keys[i].name);
        return buffer;
}
