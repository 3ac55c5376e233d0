/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/decide.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon/await.h"
#include "daemon/copying.h"
#include "daemon/exporting.h"
#include "daemon/ending.h"
#include "daemon/hosted.h"
#include "daemon/saving.h"
#include "daemon/stop.h"
#include "daemon/sweep.h"
#include "daemon/update.h"

/* ---- One topology ------------------------------------------------------------------------------------ */

/* What follows from its end. */
static void
take_ending(struct sqi_hosted *hosted, enum sqi_ending ending)
{
        struct sqi_daemon *daemon = hosted->daemon;
        char text[SQI_LOSS_SIZE];

        if (ending == SQI_ENDING_NONE)
                return;
        const char *cause = daemon->stopping ? sqi_hosted_loss(hosted, text) : NULL;
        if (cause)
                sqi_stop_give_up(daemon, cause);
        if (daemon->stopping)
                return; /* it is to be run again */
        if (hosted->updating)
                sqi_update_swap(hosted);
        else if (ending == SQI_ENDING_DRAINED)
                sqi_hosted_reload(hosted); /* the stop was given up, or the supervisor before us died over its own */
        else if (!hosted->record.trial || !sqi_update_failed(hosted))
                sqi_hosted_note_outcome(hosted);
}

static bool
is_to_be_tried(const struct sqi_hosted *hosted, uint64_t now)
{
        return hosted->retry_at && hosted->retry_at <= now && !hosted->daemon->stopping;
}

static void
retry(struct sqi_hosted *hosted, uint64_t now)
{
        if (!is_to_be_tried(hosted, now))
                return;
        hosted->retry_at = 0;
        if (hosted->plan || (hosted->record.trial && hosted->record.outcome == SQI_OUTCOME_FAILED))
                sqi_update_load(hosted); /* an update may be under way, or be to be rolled back */
        else
                sqi_hosted_reload(hosted);
}

static void
decide_one(struct sqi_hosted *hosted)
{
        bool before = hosted->discarded;

        sqi_hosted_write_news(hosted);
        take_ending(hosted, sqi_hosted_look(hosted));
        if (hosted->discarded && !before)
                sqi_await_note_undone(hosted);
        sqi_update_watch(hosted, sqi_clock_ns());
        retry(hosted, sqi_clock_ns());
}

/* ---- All of them ------------------------------------------------------------------------------------- */

void
sqi_decide_discard(struct sqi_daemon *daemon)
{
        struct sqi_snapshots snapshots;
        struct sqi_hosted *next;

        for (struct sqi_hosted *hosted = daemon->first; hosted; hosted = next) {
                int r;

                next = hosted->next;
                if (!hosted->discarded)
                        continue;
                if (!hosted->running && access(hosted->record.rundir, F_OK) == 0)
                        sqi_sweep_rundir(daemon, hosted->record.rundir);
                sqi_hosted_snapshots(hosted, &snapshots);
                r = sqi_state_remove(&daemon->state, &hosted->record);
                if (r < 0)
                        sqi_daemon_tell(daemon, SQ_ERROR, hosted->record.name,
                                        "cannot remove it from the state directory: %s", strerror(-r));
                else
                        sqi_daemon_remove_snapshots(daemon, &snapshots);
                sqi_hosted_free(&hosted);
        }
}

bool
sqi_decide_is_urgent(const struct sqi_daemon *daemon)
{
        bool urgent = daemon->asked || daemon->stop_due;

        for (const struct sqi_hosted *hosted = daemon->first; hosted && !urgent; hosted = hosted->next)
                urgent = sqi_hosted_has_news(hosted);
        return urgent;
}

bool
sqi_decide_is_due(struct sqi_daemon *daemon, uint64_t now_ns)
{
        bool due = sqi_decide_is_urgent(daemon) || sqi_copying_is_due(daemon, now_ns) || sqi_exports_are_due(daemon);

        for (const struct sqi_hosted *hosted = daemon->first; hosted && !due; hosted = hosted->next)
                due = hosted->discarded || sqi_hosted_has_ended(hosted) || is_to_be_tried(hosted, now_ns) ||
                      sqi_update_is_due(hosted, now_ns);
        return due;
}

void
sqi_decide(void *context)
{
        struct sqi_daemon *daemon = context;

        do
                sqi_stop_begin(daemon);
        while (sqi_asked_answer(daemon));
        for (struct sqi_hosted *hosted = daemon->first; hosted; hosted = hosted->next)
                decide_one(hosted);
        sqi_decide_discard(daemon);
        sqi_copying_serve(daemon, sqi_clock_ns());
        sqi_exports_serve(daemon);
}
