/* SPDX-License-Identifier: Apache-2.0 */
/* TAP: the tasks of a component are told to publish what they send. TRACE: all are told to follow some tuple trees. Who
 * looks asks again each second, from here or from another supervisor's start on; nothing has to be undone. */
#ifndef SQI_TAPPING_H
#define SQI_TAPPING_H

#include "daemon/hosted.h"
#include "daemon/result.h"

/* Answers {state, running, rundir}; `rundir` is null while it does not run. */
void sqi_tapping_answer(const struct sqi_hosted *hosted, struct sq_str component, struct sqi_result *result);

/* The same of TRACE. */
void sqi_tracing_answer(const struct sqi_hosted *hosted, struct sqi_result *result);

/* Tells the tasks of that component of a topology that runs; for `bytes_s` a second in all. */
void sqi_tapping_order(const struct sqi_hosted *hosted, const struct sqi_plan_component *component, uint64_t bytes_s);

#endif
