/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plan as Storm's StormTopology: each component a ShellComponent that runs squall-shell, each edge an input with its
 * grouping, and the stream of end marks beside. The same plan gives the same bytes.
 */
#ifndef SQI_ASSEMBLY_H
#define SQI_ASSEMBLY_H

#include "plan/plan.h"
#include "storm/thrift.h"

/* As the field `id` of the struct that is open. */
void sqi_assembly_put(struct sqi_thrift_call *call, int16_t id, const struct sqi_plan *plan);

/* The topology's configuration for Storm, as JSON, malloc'd; NULL when memory is short. */
char *sqi_assembly_config(const struct sqi_plan *plan);

#endif
