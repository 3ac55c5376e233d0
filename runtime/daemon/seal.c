/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/seal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/invariant.h"
#include "daemon/snapshots.h"

static void
list_task(const struct sqi_hosted *hosted, uint32_t t, struct sqi_manifest *manifest)
{
        const struct sqi_life_task *task = &sqi_running_lifecycle(hosted->running)->tasks[t];
        const struct sqi_plan *plan = sqi_running_plan(hosted->running);
        const struct sqi_plan_component *component = &plan->components[plan->tasks[t].component];

        sqi_assert(manifest->nfiles < plan->ntasks && manifest->npositions < plan->ntasks);
        if (task->snapshot.size > 0) {
                struct sqi_manifest_file *file = &manifest->files[manifest->nfiles++];

                snprintf(file->name, sizeof(file->name), "%s.%u", component->id, plan->tasks[t].index);
                file->size = task->snapshot.size;
                file->sum = task->snapshot.sum;
        }
        if (component->kind == SQ_KIND_SPOUT && task->position.known) {
                struct sqi_manifest_position *position = &manifest->positions[manifest->npositions++];

                snprintf(position->component, sizeof(position->component), "%s", component->id);
                position->index = plan->tasks[t].index;
                position->position = task->position;
        }
}

/* What the tasks have reported. */
static int
list_all(const struct sqi_hosted *hosted, struct sqi_manifest *ret)
{
        const struct sqi_lifecycle *life = sqi_running_lifecycle(hosted->running);
        const struct sqi_plan *plan = sqi_running_plan(hosted->running);

        for (uint32_t t = 0; t < plan->ntasks; t++)
                if (life->tasks[t].snapshot.failed ||
                    (life->tasks[t].snapshot.epoch != 0 && life->tasks[t].snapshot.epoch != hosted->epoch))
                        return -EIO;
        *ret = (struct sqi_manifest){.epoch = hosted->epoch,
                                     .missing = life->missing,
                                     .files = calloc(plan->ntasks, sizeof(*ret->files)),
                                     .positions = calloc(plan->ntasks, sizeof(*ret->positions))};
        snprintf(ret->topology, sizeof(ret->topology), "%s", hosted->record.name);
        if (!ret->files || !ret->positions)
                return -ENOMEM;
        for (uint32_t t = 0; t < plan->ntasks; t++)
                list_task(hosted, t, ret);
        return 0;
}

int
sqi_seal(struct sqi_hosted *hosted)
{
        struct sqi_snapshots snapshots;
        struct sqi_manifest manifest = {0};
        bool durable = false;
        int r = list_all(hosted, &manifest);

        sqi_hosted_snapshots(hosted, &snapshots);
        if (r < 0)
                snprintf(hosted->trouble, sizeof(hosted->trouble), "cannot write a snapshot: %s",
                         r == -EIO ? "a task had no room for its state, on disk and in the run directory"
                                   : strerror(-r));
        else
                r = sqi_snapshots_seal(&snapshots, &manifest, hosted->record.rundir, &durable, hosted->trouble,
                                       sizeof(hosted->trouble));
        sqi_manifest_free(&manifest);
        hosted->unsealed = !durable;
        if (durable)
                sqi_snapshots_prune(&snapshots, hosted->from);
        return r;
}
