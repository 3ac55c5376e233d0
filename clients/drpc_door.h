/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door of a `drpc` spout: a thread of its own, with the sockets. It takes requests in within their limits, hands
 * them to the task, takes the answers of `return` bolts, and answers; so a client is answered in time, whatever the
 * task waits for.
 *
 *     client          door                                   task
 *     request    -->  ROUTER: read, counted; too many: 429
 *                     waits in the line                 -->  sqi_drpc_line_take(): emitted
 *                     the result of a `return` bolt
 *     answer     <--  200                               <--  sqi_drpc_line_fail(): the tuple tree has failed: 500
 *                     time-out: 504
 *     has gone   -->  cancelled: nothing is left of it
 *
 *  1. sqi_drpc_door_open() binds, and starts the thread.
 *  2. The task and the thread meet at sqi_drpc_door_line(), whose to_task can be read when there is something.
 *  3. sqi_drpc_door_close() answers all that is left, and ends the thread.
 */
#ifndef SQI_DRPC_DOOR_H
#define SQI_DRPC_DOOR_H

#include "drpc_line.h"

struct sqi_drpc_door;

struct sqi_drpc_door_options {
        const char *function;
        const char *run_folder; /* where its two sockets are, by the number of the task */
        unsigned task;
        const char *endpoint; /* where it listens besides; NULL: nowhere */
        uint64_t most;        /* requests in flight */
        uint64_t limit;       /* bytes of arguments */
        uint64_t memory;      /* bytes of all arguments that wait */
        uint64_t timeout_ns;
};

/* 0, or -1 after sq_error(). The texts of `options` outlive it, the folder need not. */
int sqi_drpc_door_open(struct sq_task *task, const struct sqi_drpc_door_options *options, struct sqi_drpc_door **ret);
void sqi_drpc_door_close(struct sqi_drpc_door **door);

struct sqi_drpc_line *sqi_drpc_door_line(struct sqi_drpc_door *door);
void sqi_drpc_door_token(const struct sqi_drpc_door *door, uint64_t serial, char ret[DRPC_TOKEN]);
/* The topology goes on in another folder, where the task has another number perhaps. 0, or -1 after sq_error(). */
int sqi_drpc_door_move(struct sq_task *task, struct sqi_drpc_door *door, const char *run_folder, unsigned number);
bool sqi_drpc_door_is_at(const struct sqi_drpc_door *door, const char *run_folder, unsigned number);

#endif
