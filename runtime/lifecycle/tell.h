/* SPDX-License-Identifier: Apache-2.0 */
/* The words for what happens to a topology. */
#ifndef SQI_TELL_H
#define SQI_TELL_H

#include "lifecycle/lifecycle.h"

/* What a worker is called: its task ("count/1"); a packed one by its tasks, separated by blanks and cut at a sensible
 * length. */
const char *sqi_worker_name(const struct sqi_plan *plan, uint32_t worker, char *buffer, size_t size);

/* "killed by signal 9 (Killed)", "exited with status 3", "prepare: no such file", ... */
const char *sqi_cause_text(const struct sqi_plan *plan, const struct sqi_cause *cause, char *buffer, size_t size);

/* Of an exactly-once topology: "epoch 12, 0.4 s old, made in 3 ms, 1200 bytes; 2 given up, the last one: ..."; and
 * while all begin anew, what that waits for. Else empty. */
const char *sqi_checkpoint_text(const struct sqi_lifecycle *life, uint64_t now, char *buffer, size_t size);

/* How bad a report is: SQ_ERROR, SQ_WARN, SQ_INFO; SQ_DEBUG for what goes as planned. */
enum sq_level sqi_report_level(const struct sqi_action *action);
const char *sqi_report_name(const struct sqi_action *action); /* "died", "restarted", ... */
/* The task that spoke up last, else the whole worker; into the buffer, which is returned. */
const char *sqi_culprit_name(const struct sqi_lifecycle *life, uint32_t worker, char *buffer, size_t size);
const char *sqi_report_text(const struct sqi_lifecycle *life, const struct sqi_action *action, char *buffer,
                            size_t size);

#endif
