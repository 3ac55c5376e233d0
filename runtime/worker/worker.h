/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker process: its tasks, each in a thread, and this, the control thread, between them and the supervisor.
 *
 * The control thread never touches a tuple. It hands the supervisor's orders to the tasks and their reports back, beats
 * the heart, reads the metrics, and watches the supervisor's pidfd: when the supervisor is gone the worker ends, and
 * the last one takes the run directory along.
 *
 * An adoptable one, under a daemon, goes on: it waits for a new supervisor at the same endpoints, who sends ADOPT, for
 * supervisor.adopt.timeout.secs, then drains its tasks by itself and ends. It has a lease (control/lease.h) so that
 * there is never another beside it, and its output goes into a FIFO: when nobody reads that, the oldest lines are
 * dropped before it is full, for else a task would stand still in a write.
 */
#ifndef SQI_WORKER_H
#define SQI_WORKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Runs worker `worker` of the plan in `rundir` until it is told to quit. Returns the exit status: 0; 1: a task could
 * not go on (it was reported), or the worker could not start (said on stderr). */
int sqi_worker_main(const char *rundir, uint32_t worker, uint32_t incarnation, pid_t supervisor, bool adoptable);

#endif
