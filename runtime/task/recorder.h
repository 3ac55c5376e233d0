/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What reaches a bolt task, kept for a replay: with SQUALL_RECORD=DIR in its environment a worker copies every batch
 * that a task of its takes into DIR/COMPONENT.INDEX, each behind its length (4 bytes, little-endian). DIR/plan, written
 * by who started the topology, says what they are.
 */
#ifndef SQI_RECORDER_H
#define SQI_RECORDER_H

#include <zmq.h>

struct sq_task;

#define SQI_RECORDER_VARIABLE "SQUALL_RECORD"

/* Opens the task's file, appending, if it is asked for; what goes wrong is logged, and the task runs on. */
void sqi_recorder_open(struct sq_task *task);
void sqi_recorder_batch(struct sq_task *task, zmq_msg_t *message);
void sqi_recorder_close(struct sq_task *task);

#endif
