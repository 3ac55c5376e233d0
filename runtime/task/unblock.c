/* SPDX-License-Identifier: Apache-2.0 */
/* How a task that has no room for what it emits waits for it: back-pressure. */
#include "task/epoch.h"
#include "task/task.h"

/* As it goes: who is blocked for minutes is seen to be. */
static void
count_blocked(struct sq_task *task, uint64_t *since_ns)
{
        uint64_t now_ns = sqi_clock_ns();

        sqi_count(&task->metrics->blocked_ns, now_ns - *since_ns);
        *since_ns = now_ns;
}

void
sqi_task_unblock(struct sq_task *task)
{
        uint64_t begin = 0;

        while (!task->quitting && task->failed == 0) {
                if (sqi_collector_relieve(&task->collector))
                        break;
                if (!begin)
                        begin = sqi_clock_ns();
                sqi_task_push_acks(task);
                sqi_task_wait(task, false, UINT64_MAX);
                count_blocked(task, &begin);
                sqi_spout_take_acks(task);
                if (task->epoch.exact && task->instance.code->spout) /* a bolt may be in the middle of a batch */
                        sqi_epoch_act(task);
                else
                        sqi_epoch_settle(task);
                sqi_query_answer(task);
        }
        if (begin)
                count_blocked(task, &begin);
}
