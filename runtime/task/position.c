/* SPDX-License-Identifier: Apache-2.0 */
/* Where a spout is. */
#include <stdlib.h>

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

void
sqi_spout_sealed(struct sq_task *task)
{
        const struct sq_spout *spout = task->instance.code->spout;
        struct sqi_epoch *epoch = &task->epoch;
        size_t keep = (size_t)task->plan->config.checkpoint_keep;

        if (!spout || !spout->release || !epoch->position.known || epoch->commit != epoch->begun ||
            epoch->commit == epoch->released)
                return;
        if (!epoch->sealed)
                epoch->sealed = calloc(keep, sizeof(*epoch->sealed));
        if (!epoch->sealed)
                return; /* nothing is let go of */
        if (epoch->nsealed == keep)
                memmove(epoch->sealed, epoch->sealed + 1, --epoch->nsealed * sizeof(*epoch->sealed));
        epoch->sealed[epoch->nsealed++] = epoch->position.number;
        epoch->released = epoch->commit;
        spout->release(task, epoch->position.number, epoch->nsealed == keep ? epoch->sealed[0] : 0);
}
