/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libzmq takes a descriptor for each socket (its mailbox), for each listener and for each ipc connection, at both its
 * ends. A task has its inbox and a connection for each task at the other end of its edges; tracked tuples add one
 * between each bolt and spout task.
 */
#include "supervisor/headroom.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>

enum { FDS_PROCESS = 24, FDS_TASK = 10, FDS_CONNECTION = 2, FDS_SUPERVISED = 5 };

static uint64_t
connections(const struct sqi_plan *plan, uint32_t component)
{
        bool tracked = plan->config.delivery == SQI_AT_LEAST_ONCE;
        uint64_t n = 0;

        for (uint32_t e = 0; e < plan->nedges; e++) {
                if (plan->edges[e].from == component)
                        n += plan->components[plan->edges[e].to].ntasks;
                if (plan->edges[e].to == component)
                        n += plan->components[plan->edges[e].from].ntasks;
        }
        for (uint32_t c = 0; c < plan->ncomponents && tracked; c++)
                if (plan->components[c].kind != plan->components[component].kind)
                        n += plan->components[c].ntasks;
        return n;
}

uint64_t
sqi_headroom_worker_fds(const struct sqi_plan *plan, uint32_t worker)
{
        uint64_t n = FDS_PROCESS;

        for (uint32_t t = 0; t < plan->ntasks; t++)
                if (plan->tasks[t].worker == worker)
                        n += FDS_TASK + FDS_CONNECTION * connections(plan, plan->tasks[t].component);
        return n;
}

uint64_t
sqi_headroom_supervisor_fds(const struct sqi_plan *plan)
{
        return FDS_PROCESS + (uint64_t)FDS_SUPERVISED * plan->nworkers;
}

void
sqi_headroom_raise(void)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == limit.rlim_max)
                return;
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
}

int
sqi_headroom_check(const struct sqi_plan *plan, char *error, size_t size)
{
        uint64_t most = sqi_headroom_supervisor_fds(plan);
        struct rlimit limit;

        for (uint32_t w = 0; w < plan->nworkers; w++)
                if (sqi_headroom_worker_fds(plan, w) > most)
                        most = sqi_headroom_worker_fds(plan, w);
        if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= most)
                return 0;
        snprintf(error, size,
                 "%u tasks in %u workers need up to %llu open files in a process, and the limit is %llu "
                 "(raise it with `ulimit -n`, or lower the parallelism)",
                 plan->ntasks, plan->nworkers, (unsigned long long)most, (unsigned long long)limit.rlim_cur);
        return -EMFILE;
}
