/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory is looked at with every heartbeat, as what is resident, so that a worker that grows is replaced and its cause
 * is told. One that grows faster than that runs into RLIMIT_DATA, which is set somewhat higher: its allocations fail.
 */
#include "worker/limit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { ROOM = 1 << 20 };                /* asked for from the system, whatever the allocator has kept for itself */
enum { MB = 1 << 20, BEYOND_MB = 128 }; /* the stacks and heaps of libzmq's threads count as data, though hardly used */

static int
set_limit(int resource, rlim_t value)
{
        struct rlimit limit = {0};

        if (getrlimit((__rlimit_resource_t)resource, &limit) < 0)
                return -errno;
        limit.rlim_cur = limit.rlim_max < value ? limit.rlim_max : value;
        return setrlimit((__rlimit_resource_t)resource, &limit) < 0 ? -errno : 0;
}

int
sqi_limit_apply(const struct sqi_config *config, char *error, size_t size)
{
        const char *what = "topology.worker.memory.mb";
        int r = 0;

        if (config->worker_memory > 0)
                r = set_limit(RLIMIT_DATA, (rlim_t)(config->worker_memory * 2 + BEYOND_MB) * MB);
        if (r == 0 && config->worker_files > 0) {
                what = "topology.worker.files";
                r = set_limit(RLIMIT_NOFILE, (rlim_t)config->worker_files);
        }
        if (r == 0 && config->worker_nice > 0 && setpriority(PRIO_PROCESS, 0, (int)config->worker_nice) < 0) {
                what = "topology.worker.nice";
                r = -errno;
        }
        if (r < 0)
                snprintf(error, size, "cannot set %s: %s", what, strerror(-r));
        return r;
}

bool
sqi_limit_is_exceeded(const struct sqi_config *config, char *text, size_t size)
{
        long long total, resident = 0;
        FILE *file;

        if (config->worker_memory == 0)
                return false;
        file = fopen("/proc/self/statm", "re");
        if (!file)
                return false;
        if (fscanf(file, "%lld %lld", &total, &resident) != 2)
                resident = 0;
        fclose(file);
        resident = resident * sysconf(_SC_PAGESIZE) / MB;
        if (resident <= config->worker_memory)
                return false;
        snprintf(text, size, "the worker uses %lld MB of memory, and topology.worker.memory.mb allows %lld", resident,
                 (long long)config->worker_memory);
        return true;
}

bool
sqi_limit_leaves_room(void)
{
        void *room = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        return room != MAP_FAILED && munmap(room, ROOM) == 0;
}
