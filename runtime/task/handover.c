/* SPDX-License-Identifier: Apache-2.0 */
#include "task/handover.h"

#include "channel/socket.h"
#include "task/recorder.h"
#include "task/task.h"

/* Their trees have ended with the plan: there is nothing left to ack. */
static void
loosen_kept(struct sq_task *task)
{
        for (struct sq_kept *kept = task->instance.kept; kept; kept = kept->next) {
                kept->input = (uint32_t)(kept->tuple.input - task->intake.inputs);
                kept->tuple.input = NULL;
                kept->nroots = 0;
        }
}

/* All else of the task is as new. */
static void
keep_instance(struct sq_task *task)
{
        struct sqi_instance instance = task->instance;
        struct sqi_metrics *metrics = task->metrics;

        memset(task, 0, sizeof(*task));
        task->instance = instance;
        task->metrics = metrics;
        if (instance.kept)
                instance.kept->link = &task->instance.kept;
}

void
sqi_handover_leave(struct sq_task *task)
{
        loosen_kept(task);
        sqi_recorder_close(task);
        sqi_channels_close(task);
        keep_instance(task);
}

void
sqi_handover_arrive(struct sq_task *task)
{
        for (struct sq_kept *kept = task->instance.kept; kept; kept = kept->next)
                kept->tuple.input = &task->intake.inputs[kept->input];
}
