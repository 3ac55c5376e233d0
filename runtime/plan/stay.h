/* SPDX-License-Identifier: Apache-2.0 */
/* Which workers can go on as they are, with all they have in memory, when a topology goes on with another plan. */
#ifndef SQI_STAY_H
#define SQI_STAY_H

#include "plan/plan.h"

#define SQI_STAYS_NOT UINT32_MAX

/*
 * For each worker of `after`, in ret[after->nworkers], the one of `before` that goes on as it, or SQI_STAYS_NOT. It has
 * one task, whose component is the same in both: code, settings, ticks, streams, number of tasks, and what it reads.
 * Where the configuration differs, or tasks share workers, nobody stays. The answer depends on the plans, and on the
 * files of the components, alone. Returns how many stay, or -ENOMEM.
 */
int sqi_stay(const struct sqi_plan *before, const struct sqi_plan *after, uint32_t *ret);

#endif
