/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/ending.h"

#include "daemon/hosted.h"
#include "daemon/positions.h"
#include "daemon/progress.h"
#include "daemon/saving.h"

/* What is not finished comes again. */
static bool
is_tracked(const struct sqi_hosted *hosted)
{
        return sqi_hosted_plan(hosted)->config.delivery != SQI_AT_MOST_ONCE;
}

/* It was to go on later, but its workers were ended before they had written down what they had. */
static bool
is_undrained(const struct sqi_hosted *hosted)
{
        const struct sqi_lifecycle *life = sqi_running_lifecycle(hosted->running);

        return life->handover && (life->outcome == SQI_OUTCOME_KILLED ||
                                  (life->outcome == SQI_OUTCOME_FAILED && life->failed_worker == SQI_EVERY_WORKER));
}

static bool
has_keys(const struct sqi_hosted *hosted)
{
        struct sqi_metrics metrics;

        for (uint32_t c = 0; c < sqi_hosted_plan(hosted)->ncomponents; c++) {
                sqi_totals_component(sqi_running_totals(hosted->running), c, &metrics);
                if (atomic_load_explicit(&metrics.keys, memory_order_relaxed) > 0)
                        return true;
        }
        return false;
}

/*
 * What the tasks had is lost with them. Where tuples may be processed twice it goes on from the last snapshot, and
 * counts right; where they may not, from where its spouts are.
 */
static void
go_back(struct sqi_hosted *hosted)
{
        bool lost = sqi_running_lifecycle(hosted->running)->unsealed || (is_undrained(hosted) && has_keys(hosted));

        if (lost && is_tracked(hosted))
                hosted->outdated = sqi_positions_drop(&hosted->daemon->state, hosted->record.name) < 0;
}

/* It was on its way into another plan when it was killed: what its bolts wrote down, they have to finish. */
static bool
finish_first(struct sqi_hosted *hosted)
{
        const struct sqi_lifecycle *life = sqi_running_lifecycle(hosted->running);

        if (!life->handover || life->outcome != SQI_OUTCOME_DRAINED || hosted->finishing)
                return false;
        go_back(hosted);
        hosted->finishing = true;
        sqi_hosted_reload(hosted);
        return true;
}

void
sqi_hosted_end_killed(struct sqi_hosted *hosted)
{
        hosted->discarded = !finish_first(hosted);
}

/* What was under way comes again where tuples may be processed twice; where they may not, it is gone. */
const char *
sqi_hosted_loss(const struct sqi_hosted *hosted, char text[SQI_LOSS_SIZE])
{
        const struct sqi_lifecycle *life = sqi_running_lifecycle(hosted->running);

        if (hosted->unsealed)
                return hosted->trouble;
        if (hosted->outdated) {
                snprintf(text, SQI_LOSS_SIZE, "%s: it lost state, and cannot be put back to its last snapshot",
                         hosted->record.name);
                return text;
        }
        if (!is_undrained(hosted) || life->outcome != SQI_OUTCOME_FAILED || is_tracked(hosted))
                return NULL;
        snprintf(text, SQI_LOSS_SIZE, "%s: the drain took too long (its log says which tasks had not finished)",
                 hosted->record.name);
        return text;
}

bool
sqi_hosted_has_ended(const struct sqi_hosted *hosted)
{
        return hosted->running && !hosted->over && sqi_running_is_over(hosted->running);
}

enum sqi_ending
sqi_hosted_look(struct sqi_hosted *hosted)
{
        if (!sqi_hosted_has_ended(hosted))
                return SQI_ENDING_NONE;
        hosted->over = true;
        if (hosted->record.wish == SQI_WISH_KILLED && !sqi_saving_is_under_way(hosted)) {
                sqi_hosted_end_killed(hosted);
                return SQI_ENDING_NONE;
        }
        sqi_progress_save(hosted);
        go_back(hosted);
        return sqi_running_lifecycle(hosted->running)->outcome == SQI_OUTCOME_DRAINED || is_undrained(hosted)
                       ? SQI_ENDING_DRAINED
                       : SQI_ENDING_OWN;
}
