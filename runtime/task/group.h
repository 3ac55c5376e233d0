/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A custom grouping at work: one for each reader that names one, in the thread of the task that emits (SQ_GROUPING in
 * squall.h). sqi_group_open() with the channels, sqi_groups_prepare() before the component's own prepare, and
 * sqi_group_close() with the channels: it belongs to the plan, not to what lives on in another one.
 */
#ifndef SQI_GROUP_H
#define SQI_GROUP_H

#include "plan/plan.h"
#include "squall.h"
#include "tuple/frame.h"

struct sqi_outlet;

/* Loads it for an edge whose reader has these outlets, which outlive it. 0; or a negative errno, and the task has
 * failed. */
int sqi_group_open(struct sq_task *task, const struct sqi_plan_edge *edge, struct sqi_outlet **outlets, uint32_t n,
                   struct sq_group **ret);
/* All of the task's. 0; or -1, and the task has failed. */
int sqi_groups_prepare(struct sq_task *task);
void sqi_group_close(struct sq_group **group);

/* Who gets the tuple: how many, and which, each below the number of outlets and once. 0: what it chose is a misuse,
 * which was reported. */
uint32_t sqi_group_choose(struct sq_group *group, const struct sqi_slice *tuple, const unsigned **ret);

#endif
