/* SPDX-License-Identifier: Apache-2.0 */
/* What a component under exactly-once is told of epochs: squall.h has the contract. */
#include "task/task.h"

typedef int by_epoch(struct sq_task *task, uint64_t epoch);

/* A callback without a tuple, which emits nothing. */
static int
call(struct sq_task *task, by_epoch *callback, uint64_t epoch)
{
        int r;

        if (!callback)
                return 0;
        task->error[0] = '\0';
        task->misused = task->bolt.later = false;
        sqi_collector_begin(&task->collector, NULL, 0);
        r = callback(task, epoch);
        if (task->collector.emitted > 0)
                sqi_task_misuse(task, "an emit where an epoch ends: it is dropped");
        sqi_collector_rollback(&task->collector);
        task->collector.anchors_open = false;
        if (r < 0 && !task->error[0])
                sq_error(task, "failed without sq_error()");
        return task->failed < 0 || r < 0 ? -1 : 0;
}

int
sqi_task_precommit(struct sq_task *task, uint64_t epoch)
{
        const struct sqi_component *code = task->instance.code;

        return call(task, code->bolt ? code->bolt->precommit : code->spout->precommit, epoch);
}

int
sqi_task_commit(struct sq_task *task, uint64_t epoch)
{
        const struct sq_bolt *bolt = task->instance.code->bolt;

        return bolt ? call(task, bolt->commit, epoch) : 0;
}

int
sqi_task_commit_restored(struct sq_task *task, uint64_t epoch)
{
        const struct sq_bolt *bolt = task->instance.code->bolt;

        if (!bolt || (call(task, bolt->commit, epoch) == 0 && call(task, bolt->abort, epoch) == 0))
                return 0;
        return sqi_task_fail(task, -EIO, "%s", task->error);
}
