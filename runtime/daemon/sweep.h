/* SPDX-License-Identifier: Apache-2.0 */
/* What a daemon that died has left: run directories and snapshots that belong to no topology. */
#ifndef SQI_SWEEP_H
#define SQI_SWEEP_H

#include "daemon/registry.h"

/* Before anything runs. Does nothing when a record could not be read: what belongs to nobody may be that topology's. */
void sqi_sweep(struct sqi_daemon *daemon);

/* A run directory that no topology needs any more: kills what runs in it, waits for its end, and removes it. */
void sqi_sweep_rundir(struct sqi_daemon *daemon, const char *path);

#endif
