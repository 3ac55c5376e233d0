/* SPDX-License-Identifier: Apache-2.0 */
/* How fast it goes and what holds it up, as every answer shows it: rates, shares of time, skew, the bottleneck. */
#ifndef SQI_VITALS_H
#define SQI_VITALS_H

#include "supervisor/bottleneck.h"
#include "supervisor/supervisor.h"
#include "tuple/writer.h"

/* Each into an open map. Of a component: "rates" (emitted, executed, acked and failed a second, over s1, s10, m1 and
 * m15), the shares of its time over 10 s, "busiest" the largest of a task, "skew" what a task has executed at most, as
 * a multiple of the mean. */
/* "event_time", where watermarks come: {watermark, lag_s, idle_tasks, silent_tasks}. */
void sqi_write_event_time(struct sqi_writer *writer, const struct sqi_running *running, uint32_t component);
/* How far behind the time of day the watermark is, in s. False: there is none, or it is at the end of time. */
bool sqi_watermark_lag(const struct sqi_event_time_at *at, double *ret_secs);
void sqi_write_component_vitals(struct sqi_writer *writer, const struct sqi_running *running, uint32_t component);
/* Of a task: "emitted_s", "executed_s" and the shares, over 10 s. */
void sqi_write_task_vitals(struct sqi_writer *writer, const struct sqi_running *running, uint32_t task);
/* What limits it, on this machine. */
void sqi_bottleneck_here(const struct sqi_running *running, struct sqi_bottleneck *ret);
/* "bottleneck": {component (null: none), reason, advice, keeps_up}. */
void sqi_write_bottleneck(struct sqi_writer *writer, const struct sqi_running *running);

#endif
