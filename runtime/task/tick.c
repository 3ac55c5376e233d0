/* SPDX-License-Identifier: Apache-2.0 */
/* When a bolt is called without a tuple: at its interval, or when it asked for. */
#include "task/task.h"

uint64_t
sqi_tick_due(const struct sq_task *task)
{
        uint64_t due = task->bolt.tick_ns ? task->bolt.next_tick_ns : UINT64_MAX;

        return task->instance.wake_ns && task->instance.wake_ns < due ? task->instance.wake_ns : due;
}

uint64_t
sqi_bolt_due(const struct sq_task *task)
{
        uint64_t due = sqi_tick_due(task), timer = task->instance.timers.queue.n ? sqi_timers_due(task) : UINT64_MAX;
        uint64_t watermark = sqi_watermark_due(task);

        if (timer < due)
                due = timer;
        return watermark < due ? watermark : due;
}

void
sqi_tick(struct sq_task *task)
{
        const struct sq_bolt *bolt = task->instance.code->bolt;
        bool due = task->bolt.tick_ns && task->now_ns >= task->bolt.next_tick_ns;
        bool woken = task->instance.wake_ns && task->now_ns >= task->instance.wake_ns;

        if (due)
                task->bolt.next_tick_ns += task->bolt.tick_ns;
        if (due && task->bolt.next_tick_ns <= task->now_ns)
                task->bolt.next_tick_ns = task->now_ns + task->bolt.tick_ns;
        if (woken)
                task->instance.wake_ns = 0;
        if (woken && bolt->wake)
                sqi_task_call(task, bolt->wake);
        if (bolt->tick && (due || (woken && !bolt->wake)) && task->failed == 0)
                sqi_task_call(task, bolt->tick);
}
