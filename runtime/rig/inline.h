/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole topology in this process and this thread: what gdb, valgrind and perf like best.
 *
 * The tasks are those that workers run, and so are the channels between them, but for their bounds. One task turns at a
 * time, in an order that follows from the plan alone: a spout emits what one turn of it emits, then the bolts turn, in
 * the order of the file, until nothing moves any more; then the next spout. Two runs of spouts that do not look at the
 * clock are equal to the tuple.
 */
#ifndef SQI_INLINE_H
#define SQI_INLINE_H

#include <signal.h>

#include "control/metrics.h"
#include "plan/plan.h"

struct sqi_inline;

/* The plan must outlive it. NULL when memory is short. */
struct sqi_inline *sqi_inline_new(struct sqi_plan *plan);
void sqi_inline_free(struct sqi_inline **self);

/* Runs until every task has ended. The spouts are told to drain when `*drain` is set or `end_ns` of CLOCK_MONOTONIC has
 * come (0: never). 0, or -1 with the cause in `error`: a task could not go on. */
int sqi_inline_run(struct sqi_inline *self, const volatile sig_atomic_t *drain, uint64_t end_ns, char *error,
                   size_t size);

/* By task. */
struct sqi_metrics **sqi_inline_metrics(struct sqi_inline *self);

#endif
