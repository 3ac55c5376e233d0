/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/checkpoints.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/invariant.h"
#include "lifecycle/tell.h"
#include "plan/routing.h"

/* ---- What is in it ----------------------------------------------------------------------------------- */

static void
list_file(const struct sqi_plan *plan, uint32_t t, const struct sqi_life_snapshot *part, struct sqi_manifest *manifest)
{
        struct sqi_manifest_file *file = &manifest->files[manifest->nfiles];

        if (part->size == 0)
                return;
        manifest->nfiles++;
        snprintf(file->name, sizeof(file->name), "%s.%u", plan->components[plan->tasks[t].component].id,
                 plan->tasks[t].index);
        file->size = part->size;
        file->sum = part->sum;
}

static void
list_position(const struct sqi_plan *plan, uint32_t t, const struct sqi_position *at, struct sqi_manifest *manifest)
{
        const struct sqi_plan_component *component = &plan->components[plan->tasks[t].component];
        struct sqi_manifest_position *position = &manifest->positions[manifest->npositions];

        if (component->kind != SQ_KIND_SPOUT || !at->known)
                return;
        manifest->npositions++;
        snprintf(position->component, sizeof(position->component), "%s", component->id);
        position->index = plan->tasks[t].index;
        position->position = *at;
}

int
sqi_checkpoints_list(const struct sqi_running *running, uint64_t epoch, struct sqi_manifest *ret)
{
        const struct sqi_lifecycle *life = sqi_running_lifecycle(running);
        const struct sqi_plan *plan = sqi_running_plan(running);
        bool exact = sqi_plan_is_exact(plan);

        for (uint32_t t = 0; t < plan->ntasks; t++)
                if (life->tasks[t].snapshot.failed ||
                    (life->tasks[t].snapshot.epoch != epoch && (exact || life->tasks[t].snapshot.epoch != 0)))
                        return -EIO;
        struct sqi_manifest manifest = {.epoch = epoch,
                                        .missing = life->missing,
                                        .wiring = exact && !life->checkpoint.last ? sqi_wiring(plan) : 0,
                                        .plan = sqi_plan_mark(plan),
                                        .files = calloc(plan->ntasks, sizeof(*manifest.files)),
                                        .positions = calloc(plan->ntasks, sizeof(*manifest.positions))};
        if (!manifest.files || !manifest.positions) {
                sqi_manifest_free(&manifest);
                return -ENOMEM;
        }
        snprintf(manifest.topology, sizeof(manifest.topology), "%s", plan->name);
        for (uint32_t t = 0; t < plan->ntasks; t++) {
                const struct sqi_life_task *task = &life->tasks[t];

                sqi_assert(manifest.nfiles < plan->ntasks && manifest.npositions < plan->ntasks);
                list_file(plan, t, &task->snapshot, &manifest);
                list_position(plan, t, exact ? &task->snapshot.position : &task->position, &manifest);
        }
        *ret = manifest;
        return 0;
}

/* ---- On disk ----------------------------------------------------------------------------------------- */

static struct sqi_snapshots
snapshots_in(const char *place)
{
        struct sqi_snapshots snapshots = {.spare = ""};

        snprintf(snapshots.durable, sizeof(snapshots.durable), "%s", place);
        return snapshots;
}

int
sqi_checkpoints_first(const char *place, uint64_t *ret)
{
        struct sqi_snapshots snapshots = snapshots_in(place);
        uint64_t highest = 0;
        int r = sqi_snapshots_highest(&snapshots, &highest);

        if (r == 0)
                *ret = highest + 1;
        return r;
}

struct epoch_errand {
        struct sqi_errand errand; /* first: it is taken for it */
        struct sqi_snapshots snapshots;
        struct sqi_manifest manifest; /* whose `epoch` it is; of one that begins there is no more yet */
        uint64_t keep;
};

static int
open_epoch(struct sqi_errand *errand)
{
        const struct epoch_errand *it = (const struct epoch_errand *)errand;

        return sqi_snapshots_open_epoch(&it->snapshots, it->manifest.epoch);
}

static int
seal(struct sqi_errand *errand)
{
        const struct epoch_errand *it = (const struct epoch_errand *)errand;
        int r = sqi_snapshots_seal_epoch(&it->snapshots, &it->manifest);

        if (r == 0)
                sqi_snapshots_keep(&it->snapshots, it->keep);
        return r;
}

static void
end(struct sqi_errand *errand, int r)
{
        struct epoch_errand *it = (struct epoch_errand *)errand;

        (void)r;
        sqi_manifest_free(&it->manifest);
        free(it);
}

int
sqi_checkpoints_open(const char *place, const struct sqi_running *running, struct sqi_errand **ret)
{
        struct epoch_errand *it = calloc(1, sizeof(*it));

        if (!it)
                return -ENOMEM;
        it->errand = (struct sqi_errand){.run = open_epoch, .end = end};
        it->snapshots = snapshots_in(place);
        it->manifest.epoch = sqi_running_lifecycle(running)->checkpoint.epoch;
        *ret = &it->errand;
        return 0;
}

int
sqi_checkpoints_seal(const char *place, const struct sqi_running *running, struct sqi_errand **ret)
{
        struct epoch_errand *it = calloc(1, sizeof(*it));
        int r = it ? sqi_checkpoints_list(running, sqi_running_lifecycle(running)->checkpoint.epoch, &it->manifest)
                   : -ENOMEM;

        if (r < 0) {
                free(it);
                return r;
        }
        it->errand = (struct sqi_errand){.run = seal, .end = end};
        it->snapshots = snapshots_in(place);
        it->keep = (uint64_t)sqi_running_plan(running)->config.checkpoint_keep;
        *ret = &it->errand;
        return 0;
}

/* ---- To be seen -------------------------------------------------------------------------------------- */

void
sqi_checkpoints_write(const struct sqi_running *running, struct sqi_writer *writer)
{
        const struct sqi_lifecycle *life = sqi_running_lifecycle(running);
        const struct sqi_checkpoint *checkpoint = &life->checkpoint;
        uint64_t now = sqi_clock_ns();
        char text[2 * SQI_CHECKPOINT_CAUSE];

        if (!sqi_plan_is_exact(life->plan))
                return;
        sqi_write_map(writer, "epochs");
        sqi_write_uint(writer, "newest", checkpoint->sealed);
        sqi_write_real(writer, "age_s", checkpoint->sealed ? (double)(now - checkpoint->sealed_at) / 1e9 : 0);
        sqi_write_real(writer, "took_ms", (double)checkpoint->took / 1e6);
        sqi_write_uint(writer, "bytes", checkpoint->size);
        sqi_write_uint(writer, "written_bytes", checkpoint->written);
        sqi_write_uint(writer, "recorded_bytes", checkpoint->recorded);
        sqi_write_uint(writer, "given_up", checkpoint->given_up);
        sqi_write_text(writer, "cause", checkpoint->given_up ? checkpoint->cause : NULL);
        sqi_write_uint(writer, "restores", checkpoint->restores);
        sqi_write_bool(writer, "restoring", checkpoint->restore != SQI_RESTORE_NONE && life->has_run);
        sqi_write_text(writer, "text", sqi_checkpoint_text(life, now, text, sizeof(text)));
        sqi_write_end(writer);
}
