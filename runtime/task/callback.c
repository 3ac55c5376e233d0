/* SPDX-License-Identifier: Apache-2.0 */
/* Callbacks outside execute, and the end of a task behind the last of them. */
#include "task/task.h"

int
sqi_task_try(struct sq_task *task, int (*callback)(struct sq_task *), uint64_t *ret_dropped)
{
        task->misused = task->bolt.later = false;
        task->refused = 0;
        task->bolt.dirty = true; /* it may ack what it kept */
        sqi_collector_begin(&task->collector, NULL, 0);
        if (callback(task) < 0 || task->failed < 0) {
                *ret_dropped = task->collector.emitted;
                sqi_collector_rollback(&task->collector);
                task->collector.anchors_open = false;
                return -1;
        }
        if (task->collector.anchors_open)
                sqi_anchors_commit(task, 0, 0);
        sqi_collector_commit(&task->collector);
        if (task->refused) {
                sqi_task_lose(task, task->refused, task->cause);
                task->refused = 0;
        }
        task->cause[0] = '\0'; /* of what failed in this callback */
        if (task->collector.pressed)
                sqi_task_unblock(task);
        return 0;
}

void
sqi_task_call(struct sq_task *task, int (*callback)(struct sq_task *))
{
        uint64_t dropped;

        if (sqi_task_try(task, callback, &dropped) < 0)
                sqi_task_fail(task, -EIO, "%s", task->error[0] ? task->error : "a callback failed without sq_error()");
}

void
sqi_task_end(struct sq_task *task)
{
        if (!sqi_task_flush_component(task) && task->tracking)
                sqi_task_lose(task, 1, task->error);
        sqi_task_flush(task);
        if (task->failed < 0)
                return;
        task->collector.source.handover = task->handover.begun;
        task->collector.source.drained = task->watermarks.drained;
        sqi_collector_end(&task->collector);
        while (!sqi_collector_flush(&task->collector) && !task->quitting && task->failed == 0) {
                sqi_task_wait(task, false, UINT64_MAX);
                sqi_spout_take_acks(task);
        }
        task->phase = SQI_ENDED;
        task->collector.open = false;
        sqi_task_report_metrics(task);
        sqi_task_report(task, &(struct sqi_message){.type = SQI_MSG_FINISHED, .task = task->id});
}
