/* SPDX-License-Identifier: Apache-2.0 */
/* When the feedback of a cycle goes before what comes from outside. */
#include "task/task.h"

/*
 * Is so much feedback on its way to the tasks of this component that none of them is to take in more from outside? It
 * may wait at its senders, which never hold it up, for a task that is slower than the others. It gets through without
 * what waits outside, so nobody waits for ever.
 */
static bool
is_glutted(const struct sq_task *task)
{
        const struct sqi_load *loads = task->load ? task->load - task->id + task->component->first_task : NULL;
        int64_t bytes = 0;

        for (uint32_t i = 0; loads && i < task->component->ntasks; i++)
                bytes += atomic_load_explicit(&loads[i].feedback, memory_order_relaxed);
        return bytes > task->plan->config.channel_bytes;
}

bool
sqi_intake_is_closed(const struct sq_task *task)
{
        return task->intake.feedback && (sqi_collector_has_feedback(&task->collector) || is_glutted(task));
}
