/* SPDX-License-Identifier: Apache-2.0 */
/* Are the machine's limits high enough for a plan? */
#ifndef SQI_HEADROOM_H
#define SQI_HEADROOM_H

#include "plan/plan.h"

/* File descriptors that worker `worker` needs at most, and that the supervisor needs. Estimates, on the safe side. */
uint64_t sqi_headroom_worker_fds(const struct sqi_plan *plan, uint32_t worker);
uint64_t sqi_headroom_supervisor_fds(const struct sqi_plan *plan);

/* Raises the soft limit of open files to the hard one, which workers inherit. */
void sqi_headroom_raise(void);
/* 0; -EMFILE: too low for the plan, numbers in `error`. */
int sqi_headroom_check(const struct sqi_plan *plan, char *error, size_t size);

#endif
