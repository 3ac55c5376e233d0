/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/progress.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/invariant.h"
#include "base/sealed.h"
#include "daemon/positions.h"

struct progress_errand {
        struct sqi_errand errand; /* first: it is taken for it */
        struct sqi_hosted *hosted;
        int folder;
        uint64_t base;
        uint32_t ntasks;
        struct sqi_position positions[];
};

/* Takes over where they are. False: that is written down already, or is not to be. */
static bool
take(struct sqi_hosted *hosted)
{
        const struct sqi_lifecycle *life;
        bool changed = !hosted->saved;

        if (!hosted->running || !hosted->positions || sqi_plan_is_exact(sqi_running_plan(hosted->running)))
                return false;
        life = sqi_running_lifecycle(hosted->running);
        if (!life->has_run)
                return false; /* what is written down is of the run before */
        sqi_assert(hosted->ntasks == life->plan->ntasks);
        for (uint32_t t = 0; t < hosted->ntasks; t++) {
                changed = changed ||
                          memcmp(&life->tasks[t].position, &hosted->positions[t], sizeof(*hosted->positions)) != 0;
                hosted->positions[t] = life->tasks[t].position;
        }
        return changed;
}

static int
run(struct sqi_errand *errand)
{
        const struct progress_errand *it = (const struct progress_errand *)errand;

        return sqi_positions_write(it->folder, it->base, it->positions, it->ntasks);
}

static void
end(struct sqi_errand *errand, int r)
{
        struct progress_errand *it = (struct progress_errand *)errand;

        it->hosted->saved = r == 0;
        it->hosted->noting = false;
        close(it->folder);
        free(it);
}

void
sqi_progress_note(struct sqi_hosted *hosted)
{
        size_t size = hosted->ntasks * sizeof(struct sqi_position);
        struct progress_errand *it;

        if (hosted->noting || !take(hosted))
                return;
        hosted->saved = false;
        it = calloc(1, sizeof(*it) + size);
        int folder = it ? sqi_folder_open(hosted->daemon->state.topologies, hosted->record.name) : -1;
        if (folder < 0) {
                free(it);
                return;
        }
        it->errand = (struct sqi_errand){.run = run, .end = end};
        it->hosted = hosted;
        it->folder = folder;
        it->base = hosted->from;
        it->ntasks = hosted->ntasks;
        memcpy(it->positions, hosted->positions, size);
        hosted->noting = true;
        sqi_running_errand(hosted->running, &it->errand);
}

void
sqi_progress_save(struct sqi_hosted *hosted)
{
        if (hosted->running)
                sqi_running_settle(hosted->running);
        if (take(hosted))
                hosted->saved = sqi_positions_put(&hosted->daemon->state, hosted->record.name, hosted->from,
                                                  hosted->positions, hosted->ntasks) == 0;
}
