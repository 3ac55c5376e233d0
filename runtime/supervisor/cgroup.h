/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits by cgroup v2, where there is one that is ours to divide:
 *
 *     BASE/                      $SQUALL_CGROUP; or the parent of our own, if ours is called `supervisor` (systemd:
 *                                Delegate=yes, DelegateSubgroup=supervisor)
 *     BASE/TOPOLOGY/             one for each run directory, by its name: memory.max, cpu.max of the topology
 *     BASE/TOPOLOGY/wN/          one for each worker: memory.max, cpu.max of the worker
 *
 * Our own process is in none of them, as the kernel wants it (no processes in inner cgroups), and as systemd does: a
 * service's own cgroup, divided, could not be started into again while its workers live. Where there is no BASE, the
 * workers set rlimits for themselves (worker/limit.h). What cannot be done here is left undone: a topology runs without
 * its limits rather than not at all, and `squall doctor` tells which hold.
 */
#ifndef SQI_CGROUP_H
#define SQI_CGROUP_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "plan/config.h"

struct sqi_cgroup {
        char base[PATH_MAX]; /* "": none */
        bool memory, cpu;    /* controllers that it can divide */
};

/* Finds BASE, and lets it divide what it has. */
void sqi_cgroup_find(struct sqi_cgroup *ret);

/* Makes the cgroup of a worker anew, with its limits and those of its topology; puts a process into it. */
void sqi_cgroup_make(const struct sqi_cgroup *cgroup, const char *rundir, unsigned worker,
                     const struct sqi_config *config);
void sqi_cgroup_enter(const struct sqi_cgroup *cgroup, const char *rundir, unsigned worker, pid_t pid);

/* Has the kernel killed the worker for want of memory? */
bool sqi_cgroup_has_killed(const struct sqi_cgroup *cgroup, const char *rundir, unsigned worker);

/* All of a topology; no process is left in it. */
void sqi_cgroup_remove(const struct sqi_cgroup *cgroup, const char *rundir);

/* Which limits of the configuration nobody enforces: "topology.cpu, topology.worker.cpu"; "": none. */
const char *sqi_cgroup_lacking(const struct sqi_cgroup *cgroup, const struct sqi_config *config, char *buffer,
                               size_t size);

#endif
