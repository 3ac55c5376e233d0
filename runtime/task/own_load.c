/* SPDX-License-Identifier: Apache-2.0 */
/* What a bolt tells those who send to it of its load (channel/load.h). */
#include "task/task.h"

/* How soon one follows the other, as the last while has shown. Whoever waits for room is as slow as those behind him,
 * in steps as large as a batch: that takes longer to show, but must not outlast a stall. */
static void
tell_pace(struct sq_task *task, uint64_t tuples, uint64_t busy_ns, bool blocked)
{
        static const uint64_t WHILE_NS = 20000000, SMOOTH_NS = 2000000;
        struct sqi_paced *paced = &task->bolt.paced;

        if (paced->busy_ns == 0)
                paced->since_ns = task->now_ns;
        paced->tuples += tuples;
        paced->busy_ns += busy_ns;
        paced->blocked |= blocked;
        if (paced->tuples == 0 ||
            (paced->busy_ns < (paced->blocked ? WHILE_NS : SMOOTH_NS) && task->now_ns - paced->since_ns < WHILE_NS))
                return;
        sqi_load_pace(task->load, paced->busy_ns / paced->tuples);
        *paced = (struct sqi_paced){0};
}

void
sqi_load_tell(struct sq_task *task, uint64_t tuples, uint64_t worked_ns, uint64_t blocked_ns)
{
        if (tuples)
                sqi_load_cost(task->load, worked_ns / tuples);
        tell_pace(task, tuples, worked_ns + blocked_ns, blocked_ns > 0);
}

/* The inbox is empty, or that for feedback alone. What is said to be on its way for so long was lost with whoever sent
 * it. */
void
sqi_load_look_idle(struct sq_task *task)
{
        static const uint64_t LOST_NS = 1000000000;
        bool closed = sqi_intake_is_closed(task);

        if (!closed)
                sqi_load_idle(task->load);
        if (!task->intake.empty_ns)
                task->intake.empty_ns = task->now_ns;
        else if (task->now_ns - task->intake.empty_ns > LOST_NS && closed)
                sqi_load_forget_feedback(task->load);
        else if (task->now_ns - task->intake.empty_ns > LOST_NS)
                sqi_load_forget(task->load);
}

bool
sqi_load_is_through(const struct sq_task *task)
{
        return !task->bolt.batch.open && task->load && !sqi_load_is_queued(task->load);
}
