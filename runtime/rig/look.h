/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task that only looks: it has its component, with its settings, and the keyed state of a snapshot, and does nothing.
 * Its `.prepare` is not called, for that opens files and connections. For `squall query --epoch last`.
 *
 *     sqi_look_open(plan, task, &held, &look, error, size)
 *     sqi_show_page(look->task, ...)
 *     sqi_look_close(&look)
 */
#ifndef SQI_LOOK_H
#define SQI_LOOK_H

#include "control/metrics.h"
#include "plan/plan.h"
#include "task/driver.h"
#include "task/snapshot.h"
#include "task/task.h"

struct sqi_look {
        struct sqi_driver driver;
        struct sqi_metrics metrics;
        struct sq_task task;
};

/* Of a sealed snapshot, held for the component; the plan outlives it. 0, or a negative errno with the cause in `error`;
 * -ENOTSUP: the component keeps no keyed state. */
int sqi_look_open(const struct sqi_plan *plan, uint32_t task, const struct sqi_snapshot_held *held,
                  struct sqi_look **ret, char *error, size_t size);
void sqi_look_close(struct sqi_look **look);

#endif
