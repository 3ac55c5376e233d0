/* SPDX-License-Identifier: Apache-2.0 */
/* How a bolt ends: when its input has, by its last callback or by its snapshot. */
#include <errno.h>

#include "task/snapshot.h"
#include "task/task.h"

/*
 * Only this process has what finish is to emit or write. So one that failed is called again, here; at last the topology
 * fails, for a restarted task would finish with nothing and be taken for done. Emits that failed with it may have been
 * taken out of its state: then it is not called again. False: it is not done, or the task has failed.
 */
static bool
call_finish(struct sq_task *task)
{
        static const uint64_t AGAIN_NS = 200000000, LIMIT_NS = SQI_LOOSE_SECS * 1000000000ull;
        uint64_t dropped = 0;
        const char *cause = task->error;

        if (sqi_task_try(task, task->instance.code->bolt->finish, &dropped) == 0)
                return true;
        if (task->failed < 0)
                return false;
        if (!cause[0])
                cause = "it failed without sq_error()";
        if (!task->bolt.finish_until_ns)
                task->bolt.finish_until_ns = task->now_ns + LIMIT_NS;
        if (dropped == 0 && (!task->driver || task->driver->restores) && task->now_ns < task->bolt.finish_until_ns) {
                task->bolt.finish_due_ns = task->now_ns + AGAIN_NS;
                sqi_task_log_lasting(task, &task->unfinished, "finish is called again", cause);
                return false;
        }
        task->final = true;
        sqi_task_fail(task, -EIO, "finish: %s", cause);
        return false;
}

void
sqi_finish(struct sq_task *task)
{
        bool stays = task->handover.begun && task->handover.fate == SQI_FATE_STAYS;

        sqi_collector_keep(&task->collector);
        bool goes_on = task->handover.begun && task->epoch.exact; /* as of the epoch that all end with */

        task->finished = !stays;
        if (task->handover.begun && sqi_component_hands_on(task->instance.code) && !goes_on)
                sqi_snapshot_write(task, task->handover.epoch, task->handover.folder);
        else if (!stays && !goes_on && task->instance.code->bolt->finish && !call_finish(task))
                return;
        if (task->instance.nkept && task->tracking && !stays)
                sq_log(task, SQ_WARN, "ends with %zu kept tuples neither acked nor failed", task->instance.nkept);
        task->over = task->epoch.exact && !goes_on; /* not before: an epoch may begin while finish is called again */
        sqi_task_end(task);
}

static bool
is_at_end(struct sq_task *task)
{
        const struct sqi_intake *intake = &task->intake;

        if (!task->component->cycle)
                return intake->marks_missing == 0;
        if (intake->outside_missing == 0 && !task->settled) {
                task->settled = true;
                sqi_task_report(task, &(struct sqi_message){.type = SQI_MSG_SETTLED, .task = task->id});
        }
        return task->released && intake->marks_missing == 0;
}

/* The marks may overtake the orders; HANDOVER comes before DRAIN, if it comes at all. */
static bool
knows_its_fate(const struct sq_task *task)
{
        return !task->handover.begun || task->handover.fate != SQI_FATE_UNKNOWN || task->draining || task->driver;
}

/* A bolt that is woken from outside, for that to end what it keeps. So long at most as a tree has. */
static bool
still_keeps(struct sq_task *task)
{
        if (!task->instance.nkept || !task->instance.code->bolt->wake || sq_stepped(task))
                return false;
        if (!task->bolt.keeps_until_ns)
                task->bolt.keeps_until_ns = task->now_ns + (uint64_t)(task->plan->config.message_timeout * 1e9);
        return task->now_ns < task->bolt.keeps_until_ns;
}

bool
sqi_finish_is_due(struct sq_task *task)
{
        return is_at_end(task) && !still_keeps(task) && !task->epoch.recording && knows_its_fate(task) &&
               sqi_loose_is_empty(task) && task->now_ns >= task->bolt.finish_due_ns;
}
