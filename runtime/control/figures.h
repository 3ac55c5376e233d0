/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers of a task or a component as every answer shows them: in `status`, in the summary of `run`, in --json. */
#ifndef SQI_FIGURES_H
#define SQI_FIGURES_H

#include <stdbool.h>

#include "control/metrics.h"
#include "tuple/writer.h"

/* Into an open map: every counter by its name, but for the lag and the runtime's own signs of life. */
void sqi_write_counters(struct sqi_writer *writer, const struct sqi_metrics *metrics);

/* How far a spout, or a task of it, is behind its source, in "bytes" or "messages". False: it is not known. */
bool sqi_lag_of(const struct sqi_counts *counts, const char **ret_unit, uint64_t *ret_amount);
/* Into an open map: "lag", {amount, unit} or null. */
void sqi_write_lag(struct sqi_writer *writer, const struct sqi_metrics *metrics);

/* Into an open map: "execute_us" and "complete_us", each {p50, p99, p999} in microseconds, and "metrics", the
 * component's own: a number, or {n, p50, p99} of a histogram. */
void sqi_write_times(struct sqi_writer *writer, const struct sqi_metrics *metrics);

#endif
