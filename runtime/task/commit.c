/* SPDX-License-Identifier: Apache-2.0 */
/* What a component under exactly-once is told of epochs: squall.h has the contract. */
#include <string.h>

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
        int r = call(task, code->bolt ? code->bolt->precommit : code->spout->precommit, epoch);

        if (r == 0 && sqi_letter_box_stage(task) < 0)
                r = sq_error(task, "no memory for the dead letters of an epoch");
        return r;
}

/* 0; -1 after sq_error(): it is tried again. */
static int
publish_letters(struct sq_task *task, bool again)
{
        int r = sqi_letter_box_publish(task, again);

        return r == 0 ? 0
                      : sq_error(task, "cannot write the dead letters of an epoch to %s: %s",
                                 task->plan->config.dead_letter, strerror(-r));
}

/* What it refuses, of what it hands over once, has its letter at once. */
static int
commit(struct sq_task *task, uint64_t epoch)
{
        const struct sq_bolt *bolt = task->instance.code->bolt;
        int r;

        task->instance.letters.direct = true;
        r = bolt ? call(task, bolt->commit, epoch) : 0;
        task->instance.letters.direct = false;
        return r;
}

int
sqi_task_commit(struct sq_task *task, uint64_t epoch)
{
        return publish_letters(task, false) == 0 ? commit(task, epoch) : -1;
}

int
sqi_task_commit_restored(struct sq_task *task, uint64_t epoch)
{
        const struct sq_bolt *bolt = task->instance.code->bolt;

        if (publish_letters(task, true) == 0 && commit(task, epoch) == 0 &&
            (!bolt || call(task, bolt->abort, epoch) == 0))
                return 0;
        return sqi_task_fail(task, -EIO, "%s", task->error);
}
