/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task that runs without a worker: driven by its owner, in the owner's thread, on any clock, with inproc channels
 * only. That is how the component tests and `squall run --inline` run the tasks that workers run.
 *
 *     task->driver = &driver;                     everything else as a worker sets it, but no control socket and no
 *                                                 thread
 *     sqi_task_open(task)                     loads the component, binds
 *     sqi_task_connect(task)                  when every task is open; connects and prepares
 *     sqi_task_start(task)
 *     while (task->phase == SQI_RUNNING)      failed: task->failed, task->error
 *             sqi_task_turn(task);            never waits
 *     sqi_task_close(task)
 */
#ifndef SQI_DRIVER_H
#define SQI_DRIVER_H

#include <zmq.h>

#include "control/message.h"
#include "squall.h"

struct sqi_driver {
        void *context;
        uint64_t (*now)(void *context); /* monotonic ns */
        struct sq_time (*wall)(void *context);
        void (*log)(void *context, struct sq_task *task, enum sq_level level, const char *text);
        /* A batch is executed in one turn, however long it takes, so that two runs are the same. */
        bool whole_batches;
        /* Tuple trees are followed under exactly-once, too: verdicts are looked at. */
        bool tracks;
        /* The task goes on from the folder in its `handover.restore`, and its channels are new, as in a worker. */
        bool restores;
        /* NULL, or calls the bolt's execute */
        enum sq_verdict (*execute)(void *context, struct sq_task *task, const struct sq_tuple *in);
        /* NULL, or whether these are bytes of a tuple of this task that is over; then of what, in `what` */
        bool (*is_stale)(void *context, const struct sq_task *task, const void *at, char *what, size_t size);
        /* NULL, or what a handler of SIGSEGV asks: true when the access may be repeated */
        bool (*fault)(void *context, struct sq_task *task, const void *at);
        void (*report)(void *context, struct sq_task *task,
                       const struct sqi_message *message); /* what the supervisor would be told */
        /* NULL: tasks agree in their run directory, or each with itself where there is none. Else sq_agree(): 0 or a
         * negative errno. */
        int (*agree)(void *context, const struct sq_task *task, void *bytes, size_t len);
        /* NULL, or sq_run_id(): incarnations do not tell a first start. */
        const char *run;
        /* Time is virtual, and stands still between two turns: sq_stepped(). */
        bool stepped;
};

/* Loads the component and fills its state with its settings, which sqi_task_open() does: for who needs no more of
 * it. 0; or the task has failed. */
int sqi_task_load(struct sq_task *task);
int sqi_task_open(struct sq_task *task);
int sqi_task_connect(struct sq_task *task);
void sqi_task_start(struct sq_task *task);
void sqi_task_turn(struct sq_task *task);
void sqi_task_obey(struct sq_task *task, const struct sqi_message *order);
void sqi_task_close(struct sq_task *task);

/* The component begins anew, in a task that goes on: cleanup, a new state block, prepare. What it had is gone. 0; or
 * the task has failed. Between two turns. */
int sqi_task_renew(struct sq_task *task);

#endif
