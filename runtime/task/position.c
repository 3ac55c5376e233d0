/* SPDX-License-Identifier: Apache-2.0 */
/* Where a spout is. */
#include "task/task.h"

bool
sqi_spout_has_position(const struct sq_task *task)
{
        return task->instance.tracked || (!task->tracking && task->instance.next_position > 0);
}

void
sqi_spout_where(const struct sq_task *task, struct sqi_position *ret)
{
        memset(ret, 0, sizeof(*ret));
        if (!task->instance.code->spout || !sqi_spout_has_position(task))
                return;
        *ret = task->instance.note;
        ret->known = 1;
        ret->number = task->instance.next_position;
}
