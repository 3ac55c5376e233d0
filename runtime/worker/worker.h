/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker process: its tasks, each in a thread, and this, the control thread, between them and the supervisor.
 *
 * The control thread never touches a tuple. It hands the supervisor's orders to the tasks and their reports back, beats the heart, reads the
 * metrics, and watches the supervisor's pidfd: when the supervisor is gone the worker ends, and the last one takes the run directory along.
 */
#ifndef SQI_WORKER_H
#define SQI_WORKER_H

#include <stdint.h>
#include <sys/types.h>

/* Runs worker `worker` of the plan in `rundir` until it is told to quit. Returns the exit status: 0; 1: a task could not go on (it was
 * reported), or the worker could not start (said on stderr). */
int sqi_worker_main(const char *rundir, uint32_t worker, uint32_t incarnation, pid_t supervisor);

#endif
