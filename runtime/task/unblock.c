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

/* Between two tuples of a batch, or two calls of a spout, all that is due; in the middle of a callback only what
 * changes nothing. */
static void
act_on_epoch(struct sq_task *task)
{
        bool in_execute = task->bolt.in_execute;

        if (!task->epoch.exact || !(task->instance.code->spout || task->bolt.batch.next)) {
                sqi_epoch_settle(task);
                return;
        }
        task->bolt.in_execute = false;
        sqi_epoch_act(task);
        sqi_intake_take_in(task);
        task->bolt.in_execute = in_execute;
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
                act_on_epoch(task);
                sqi_query_answer(task);
        }
        if (begin)
                count_blocked(task, &begin);
}
