/* SPDX-License-Identifier: Apache-2.0 */
/* What a task takes in no more: batches of incarnations that have died, and what is not a batch. */
#include "task/task.h"

void
sqi_intake_refuse(struct sq_task *task, uint32_t source, const char *cause)
{
        char name[128];

        sqi_count(&task->metrics->malformed, 1);
        sq_log(task, SQ_WARN, "refused a batch from %s: %s",
               source < task->plan->ntasks ? sqi_task_name(task->plan, source, name, sizeof(name)) : "an unknown task",
               cause);
        if (task->epoch.exact)
                sqi_task_fail(task, -EBADMSG, "refused a batch: %s", cause);
}

bool
sqi_intake_lose(struct sq_task *task, uint32_t lost, uint32_t incarnation)
{
        struct sqi_intake *intake = &task->intake;
        uint16_t believed = intake->believed;

        intake->deaths += (uint16_t)(incarnation - intake->fence[lost]);
        intake->fence[lost] = incarnation;
        intake->owed[lost] = true;
        if (sqi_is_behind(intake->believed, intake->deaths))
                intake->believed = intake->deaths;
        task->collector.source.deaths = intake->deaths;
        return !sqi_is_behind(believed, intake->deaths);
}
