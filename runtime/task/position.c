/* SPDX-License-Identifier: Apache-2.0 */
/* Where a spout is. */
#include <stdlib.h>

#include "task/task.h"

bool
sqi_spout_has_position(const struct sq_task *task)
{
        const struct sqi_instance *it = &task->instance;

        /* exactly once the start counts, too, of what is noted: a file that is rotated away before the next epoch */
        return it->tracked || (!task->tracking && (it->next_position > 0 || (task->epoch.exact && it->note.size > 0)));
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
