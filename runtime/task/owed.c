/* SPDX-License-Identifier: Apache-2.0 */
#include "task/owed.h"

#include "channel/load.h"
#include "component/resumption.h"
#include "task/task.h"

/* Who emits on behalf of somebody who waits has told him. */
void
sqi_owed_open(struct sq_task *task)
{
        struct sqi_owed *owed = &task->spout.owed;
        const struct sqi_component *code = task->instance.code;

        *owed = (struct sqi_owed){0};
        if (!task->load || !task->tracking || code->spout->failed)
                return;
        uint64_t reached = atomic_load_explicit(&task->load->reached, memory_order_relaxed),
                 trees = atomic_load_explicit(&task->load->under_way, memory_order_relaxed);
        if (reached == 0)
                return;
        enum sqi_resumption resumption = sqi_spout_resumption(code, task->component->settings,
                                                              task->component->nsettings);
        if (resumption == SQI_RESUMES)
                owed->until = reached;
        else
                owed->trees = trees;
        owed->gone = resumption == SQI_FORGETS_IT;
}

/* Counted first: who dies in between counts it twice, and not never. */
void
sqi_owed_start(struct sq_task *task)
{
        struct sqi_owed *owed = &task->spout.owed;
        bool ends = task->draining && !task->handover.begun;

        if (task->spout.resume.known && task->spout.resume.number >= owed->until)
                owed->until = 0;
        if (owed->trees > 0 && (owed->gone || ends)) {
                sq_lost(task, owed->trees, "lost %llu tuples that were under way when its process died: %s",
                        (unsigned long long)owed->trees,
                        owed->gone ? "its source does not have them any more (give it a journal, where it can have one)"
                                   : "the drain does not wait until its source brings them again");
                sqi_task_report_metrics(task);
        }
        owed->trees = 0;
        if (!owed->until)
                sqi_load_under_way(task->load, 0);
}

bool
sqi_owes(const struct sq_task *task)
{
        return task->instance.next_position < task->spout.owed.until;
}
